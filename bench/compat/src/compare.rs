//! Rows of both libraries made into pairs.

use crate::child::Rows;
use crate::row::{Load, Pair, Row, Side};
use skep::codec::bytes::Endian;
use skep::codec::insn::{self, disasm};

/// Pairs of an object's programs, matched by name and section in order.
pub fn pairs(object: &str, skep: Rows, libbpf: Rows) -> Vec<Pair> {
    let mut rest = libbpf.rows;
    let missing = |closed: &Option<String>| match closed {
        Some(why) => Side::absent(&format!("not opened: {why}")),
        None => Side::absent("has no such program"),
    };
    let mut pairs = Vec::new();
    for row in &skep.rows {
        let same = |r: &Row| r.name == row.name && r.section == row.section;
        let other = rest.iter().position(same).map(|at| rest.remove(at));
        let mut pair = begin(object, row);
        pair.expects = row.expects.clone();
        pair.skep = Side::new(row);
        match &other {
            Some(other) => {
                pair.libbpf = Side::new(other);
                if let (Some(ours), Some(theirs)) = (&row.load, &other.load) {
                    pair.differs = differences(ours, theirs);
                }
            }
            None => pair.libbpf = missing(&libbpf.closed),
        }
        pairs.push(pair);
    }
    for row in &rest {
        let mut pair = begin(object, row);
        pair.libbpf = Side::new(row);
        pair.skep = missing(&skep.closed);
        pairs.push(pair);
    }
    if pairs.is_empty() && (skep.closed.is_some() || libbpf.closed.is_some()) {
        let side = |closed: &Option<String>| match closed {
            Some(why) => Side::absent(&format!("not opened: {why}")),
            None => Side::absent("no programs"),
        };
        pairs.push(Pair {
            object: object.to_owned(),
            skep: side(&skep.closed),
            libbpf: side(&libbpf.closed),
            ..Pair::default()
        });
    }
    pairs
}

fn begin(object: &str, row: &Row) -> Pair {
    Pair {
        object: object.to_owned(),
        program: row.name.clone(),
        section: row.section.clone(),
        ..Pair::default()
    }
}

/// What differs between two requests, in words: ours first.
fn differences(ours: &Load, theirs: &Load) -> Vec<String> {
    let mut found = Vec::new();
    let mut field = |name: &str, a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
        let (a, b) = (format!("{a:?}"), format!("{b:?}"));
        if a != b {
            found.push(format!("{name}: {a}, libbpf {b}"));
        }
    };
    field("type", &ours.prog_type, &theirs.prog_type);
    field("attach type", &ours.attach_type, &theirs.attach_type);
    field("attach BTF id", &ours.attach_btf_id, &theirs.attach_btf_id);
    field(
        "attach descriptor",
        &ours.attach_to_fd,
        &theirs.attach_to_fd,
    );
    field("flags", &ours.flags, &theirs.flags);
    field("license", &ours.license, &theirs.license);
    field("BTF", &ours.has_btf, &theirs.has_btf);
    field("slots", &ours.insns.len(), &theirs.insns.len());
    found.extend(maps(&ours.maps, &theirs.maps));
    found.extend(first(ours, theirs).map(|text| format!("code: {text}")));
    found.extend(records("functions", &ours.funcs, &theirs.funcs));
    found.extend(records("lines", &ours.lines, &theirs.lines));
    found
}

/// What differs between maps of a name; or the names that only one side has.
fn maps(ours: &[String], theirs: &[String]) -> Vec<String> {
    let name = |map: &String| map.split(' ').next().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for map in ours.iter().filter(|map| !theirs.contains(map)) {
        let Some(other) = theirs.iter().find(|other| name(other) == name(map)) else {
            found.push(format!("map `{}`: only skep's program uses it", name(map)));
            continue;
        };
        let words: Vec<(&str, &str)> = map.split(' ').zip(other.split(' ')).collect();
        for pair in words.windows(2).filter(|pair| pair[1].0 != pair[1].1) {
            let (field, (a, b)) = (pair[0].0, pair[1]);
            found.push(format!("map `{}`: {field} {a}, libbpf {b}", name(map)));
        }
    }
    let only = theirs
        .iter()
        .filter(|map| !ours.iter().any(|o| name(o) == name(map)));
    found.extend(only.map(|map| format!("map `{}`: only libbpf's program uses it", name(map))));
    found
}

/// The first record that differs.
fn records(what: &str, ours: &[Vec<u32>], theirs: &[Vec<u32>]) -> Option<String> {
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b);
    let at = at.or((ours.len() != theirs.len()).then(|| ours.len().min(theirs.len())))?;
    Some(format!(
        "{what}: {} and {} records, number {at} is {:?}, libbpf {:?}",
        ours.len(),
        theirs.len(),
        ours.get(at),
        theirs.get(at),
    ))
}

/// The first instruction that differs.
fn first(ours: &Load, theirs: &Load) -> Option<String> {
    let at = ours
        .insns
        .iter()
        .zip(&theirs.insns)
        .position(|(a, b)| a != b)?;
    let mut begin = at;
    // The second half of a wide load is shown with the first.
    if at > 0 && ours.insns[at] as u8 == 0 {
        begin -= 1;
    }
    let text = |load: &Load| {
        let bytes: Vec<u8> = load.insns[begin..]
            .iter()
            .take(2)
            .flat_map(|insn| insn.to_ne_bytes())
            .collect();
        let insns = insn::decode(&bytes, Endian::NATIVE).unwrap_or_default();
        let slots: Vec<String> = load.insns[begin..]
            .iter()
            .take(2)
            .map(|i| format!("{i:016x}"))
            .collect();
        match insns.first() {
            Some(first) => format!(
                "{} [{}]",
                disasm(*first, insns.get(1).copied()),
                slots.join(" ")
            ),
            None => String::new(),
        }
    };
    Some(format!(
        "slot {begin}: {}, libbpf {}",
        text(ours),
        text(theirs)
    ))
}
