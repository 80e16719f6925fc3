//! `skep features`: what the kernel can do, and what this process may.

mod machine;

use crate::args::Features;
use crate::caps;
use crate::fail::Result;
use crate::out::{Column, DIM, HEAD, Out, styled};
use serde_json::{Value, json};
use skep::codec::uapi::bpf::Helper;
use skep::probe::{Answer, Feature, Group, Origin};
use skep::{MapType, ProgType, System};

const ANSWERS: &[Column] = &[
    ("NAME", "name"),
    ("HERE", "answer"),
    ("SINCE", "since"),
    ("BUILT WITH", "config"),
];
const VALUES: &[Column] = &[("NAME", "name"), ("VALUE", "value")];

/// Groups of features: name in JSON, heading.
const GROUPS: [(Group, &str, &str); 5] = [
    (Group::Btf, "btf", "BTF"),
    (Group::Map, "map", "Maps"),
    (Group::Program, "program", "Programs"),
    (Group::Instruction, "instruction", "Instructions"),
    (Group::Link, "link", "Links and attachments"),
];

/// `skep features`.
pub(crate) fn run(args: &Features) -> Result {
    let system = System::host()?;
    let mut out = Out::new(args.json);
    section(&mut out, "Kernel", VALUES, machine::kernel(&system))?;
    section(&mut out, "This process", VALUES, machine::process(&system))?;
    section(&mut out, "Settings", VALUES, machine::settings())?;
    let config = machine::config(&system);
    section(&mut out, "Configuration", VALUES, config)?;
    section(&mut out, "Program types", ANSWERS, prog_types(&system))?;
    section(&mut out, "Map types", ANSWERS, map_types(&system))?;
    for (group, name, heading) in GROUPS {
        let features = Feature::all().filter(|feature| feature.group() == group);
        let row = |feature: Feature| {
            let name = (name, &*snake(feature.name()));
            let origin = Origin::of_feature(feature);
            answer(name, system.probe(feature), Some(origin))
        };
        section(&mut out, heading, ANSWERS, features.map(row).collect())?;
    }
    if args.full {
        helpers(&mut out, &system)?;
    }
    out.flush()?;
    if let Answer::Unknown(_) = system.probe(Feature::Btf) {
        anstream::eprintln!("{}", caps::advice_for_load());
    }
    Ok(0)
}

/// A heading and a table; in JSON the rows alone.
fn section(out: &mut Out, heading: &str, columns: &[Column], mut rows: Vec<Value>) -> Result<()> {
    if out.is_json() {
        return Ok(out.rows(columns, &rows)?);
    }
    for row in &mut rows {
        if let Some(errno) = row.get("errno").and_then(Value::as_str) {
            row["answer"] = json!(format!("unknown ({errno})"));
        }
    }
    out.line(&styled(HEAD, heading))?;
    out.rows(columns, &rows)?;
    Ok(out.line("")?)
}

fn prog_types(system: &System) -> Vec<Value> {
    let known = ProgType::ALL.iter().filter(|(_, t)| *t != ProgType::UNSPEC);
    let row = |&(name, prog_type): &(&str, ProgType)| {
        let name = ("program_type", &*name.to_ascii_lowercase());
        let origin = Origin::of_prog_type(prog_type);
        answer(name, system.probe_prog_type(prog_type), origin)
    };
    known.map(row).collect()
}

fn map_types(system: &System) -> Vec<Value> {
    let known = MapType::ALL.iter().filter(|(_, t)| *t != MapType::UNSPEC);
    let row = |&(name, map_type): &(&str, MapType)| {
        let name = ("map_type", &*name.to_ascii_lowercase());
        let origin = Origin::of_map_type(map_type);
        answer(name, system.probe_map_type(map_type), origin)
    };
    known.map(row).collect()
}

/// Helpers by type of program: a paragraph each, in JSON a line each.
fn helpers(out: &mut Out, system: &System) -> Result<()> {
    for &(prog_name, prog_type) in ProgType::ALL {
        if prog_type == ProgType::UNSPEC {
            continue;
        }
        let prog_name = prog_name.to_ascii_lowercase();
        let mut told = [Vec::new(), Vec::new()];
        for &(name, helper) in Helper::ALL {
            let name = name.to_ascii_lowercase();
            let found = system.probe_helper(prog_type, helper);
            if out.is_json() {
                let mut row = answer(("helper", &name), found, Origin::of_helper(helper));
                row["program_type"] = json!(prog_name);
                out.json(&row)?;
            }
            match found {
                Answer::Yes => told[0].push(name),
                Answer::Unknown(_) => told[1].push(name),
                Answer::No => {}
            }
        }
        if !out.is_json() {
            let [yes, unknown] = told;
            let counts = format!(": {} known, {} unknown", yes.len(), unknown.len());
            let heading = format!("Helpers of {prog_name}");
            out.line(&format!("{}{}", styled(HEAD, heading), styled(DIM, counts)))?;
            out.line(&yes.join(" "))?;
        }
    }
    Ok(())
}

/// A row of an answer.
fn answer((group, name): (&str, &str), answer: Answer, origin: Option<Origin>) -> Value {
    let (word, errno) = match answer {
        Answer::Yes => ("yes", None),
        Answer::No => ("no", None),
        Answer::Unknown(errno) => ("unknown", Some(errno)),
    };
    let errno = errno.map(|errno| errno.name().map_or(errno.to_string(), str::to_owned));
    json!({
        "group": group,
        "name": name,
        "answer": word,
        "errno": errno,
        "since": origin.map(|origin| origin.since),
        "config": origin.map_or(&[][..], |origin| origin.config),
    })
}

/// A row of a value.
fn value(group: &str, name: &str, value: impl Into<Value>) -> Value {
    json!({"group": group, "name": name, "value": value.into()})
}

/// `BtfFunc` as `btf_func`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{answer, snake};
    use serde_json::json;
    use skep::Errno;
    use skep::probe::{Answer, Feature, Origin};

    #[test]
    fn names_are_spelled_as_everywhere() {
        assert_eq!(snake(Feature::BtfQmarkDatasec.name()), "btf_qmark_datasec");
        assert_eq!(snake(Feature::InsnV4.name()), "insn_v4");
    }

    #[test]
    fn what_could_not_be_asked_says_why() {
        let origin = Origin::of_feature(Feature::LinkNetkit);
        let row = answer(
            ("link", "netkit"),
            Answer::Unknown(Errno::EPERM),
            Some(origin),
        );
        assert_eq!(
            row,
            json!({
                "group": "link", "name": "netkit", "answer": "unknown", "errno": "EPERM",
                "since": "6.7", "config": ["NETKIT"],
            })
        );
        assert_eq!(answer(("x", "y"), Answer::No, None)["errno"], json!(null));
    }
}
