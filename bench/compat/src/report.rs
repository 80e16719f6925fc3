//! Pairs in numbers, and each difference with its reason.

use crate::row::{Pair, Side};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Examples of each cause.
const EXAMPLES: usize = 3;

/// A class of pairs.
type Class<'a> = (&'static str, fn(&Pair) -> bool, fn(&Pair) -> String);

/// Those that are shown, wrong accepts first.
const CLASSES: [Class<'static>; 6] = [
    (
        "Accepted by skep only",
        |p| p.skep.ok && !p.libbpf.ok,
        |p| reason(p).map_or_else(|| format!("NO REASON: {}", cause(&p.libbpf)), str::to_owned),
    ),
    (
        "Accepted by libbpf only",
        |p| p.libbpf.ok && !p.skep.ok,
        |p| cause(&p.skep),
    ),
    (
        "Accepted by both, tags differ",
        |p| both(p) && p.skep.tag != p.libbpf.tag,
        |p| general(&p.differs.join("; ")),
    ),
    (
        "Accepted by both, tags equal, something else differs",
        |p| both(p) && p.skep.tag == p.libbpf.tag && !p.differs.is_empty(),
        |p| general(&p.differs.join("; ")),
    ),
    (
        "Refused by both, what was sent differs",
        |p| neither(p) && !p.differs.is_empty(),
        |p| general(&p.differs.join("; ")),
    ),
    (
        "Refused by both, sent by libbpf only",
        |p| neither(p) && p.libbpf.sent && !p.skep.sent,
        |p| cause(&p.skep),
    ),
];

fn both(pair: &Pair) -> bool {
    pair.skep.ok && pair.libbpf.ok
}

fn neither(pair: &Pair) -> bool {
    !pair.skep.ok && !pair.libbpf.ok
}

/// The whole report, as Markdown.
pub fn text(pairs: &[Pair], verbose: bool) -> String {
    let mut out = totals(pairs);
    for (title, belongs, why) in CLASSES {
        let members: Vec<&Pair> = pairs.iter().filter(|p| belongs(p)).collect();
        let _ = write!(out, "\n## {title}: {}\n\n", members.len());
        let mut causes: BTreeMap<String, Vec<&Pair>> = BTreeMap::new();
        for pair in members {
            causes.entry(why(pair)).or_default().push(pair);
        }
        let mut causes: Vec<_> = causes.into_iter().collect();
        causes.sort_by_key(|(_, of_it)| std::cmp::Reverse(of_it.len()));
        for (cause, of_it) in causes {
            let _ = writeln!(out, "- **{}** x {cause}", of_it.len());
            let shown = if verbose { of_it.len() } else { EXAMPLES };
            for pair in of_it.iter().take(shown) {
                let _ = writeln!(out, "  - {}", example(pair));
            }
        }
    }
    out + &judged(pairs)
}

fn example(pair: &Pair) -> String {
    let mut text = format!("`{}` `{}` ({})", pair.object, pair.program, pair.section);
    let mut say = |what: &str, side: &Side| {
        if !side.ok {
            let error: String = side.error.replace('\n', " | ").chars().take(300).collect();
            let _ = write!(text, "; {what}: {} {error}", side.errno);
        }
    };
    say("skep", &pair.skep);
    say("libbpf", &pair.libbpf);
    for what in pair.differs.iter().take(2) {
        let _ = write!(text, "; {}", what.chars().take(300).collect::<String>());
    }
    text
}

fn totals(pairs: &[Pair]) -> String {
    let count = |belongs: &dyn Fn(&Pair) -> bool| pairs.iter().filter(|p| belongs(p)).count();
    let objects: std::collections::BTreeSet<&str> =
        pairs.iter().map(|p| p.object.as_str()).collect();
    let libbpf = count(&|p| p.libbpf.ok);
    let of_it = count(&both);
    let tags = count(&|p| both(p) && p.skep.tag == p.libbpf.tag);
    let whole = count(&|p| both(p) && p.skep.tag == p.libbpf.tag && p.differs.is_empty());
    let sent = count(&|p| neither(p) && p.skep.sent && p.libbpf.sent);
    let same = count(&|p| neither(p) && p.skep.sent && p.libbpf.sent && p.differs.is_empty());
    let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    let mut out = String::from("| what | count | |\n|---|---:|---:|\n");
    let mut row = |what: &str, part: usize, share: String| {
        let _ = writeln!(out, "| {what} | {part} | {share} |");
    };
    let share = |part, whole| format!("{:.2} %", percent(part, whole));
    row("objects", objects.len(), String::new());
    row("programs", pairs.len(), String::new());
    row("libbpf loads", libbpf, share(libbpf, pairs.len()));
    row("skep loads", count(&|p| p.skep.ok), String::new());
    row(
        "of what libbpf loads, skep loads",
        of_it,
        share(of_it, libbpf),
    );
    row("of what both load, equal tag", tags, share(tags, of_it));
    row("of these, all else equal too", whole, share(whole, tags));
    row(
        "only skep loads",
        count(&|p| p.skep.ok && !p.libbpf.ok),
        String::new(),
    );
    row("refused by both after being sent", sent, String::new());
    row("of these, sent the same", same, share(same, sent));
    out
}

/// What the objects themselves expect.
fn judged(pairs: &[Pair]) -> String {
    let mut out = String::from(
        "\n## Against what the selftests expect\n\n\
         | expected | programs | skep agrees | libbpf agrees | both disagree | only skep disagrees |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    let mut wrong = Vec::new();
    for expected in ["success", "failure"] {
        let of_it: Vec<&Pair> = pairs
            .iter()
            .filter(|p| p.expects.as_deref() == Some(expected))
            .collect();
        let good = |side: &Side| side.ok == (expected == "success");
        let count = |f: &dyn Fn(&Pair) -> bool| of_it.iter().filter(|p| f(p)).count();
        let _ = writeln!(
            out,
            "| {expected} | {} | {} | {} | {} | {} |",
            of_it.len(),
            count(&|p| good(&p.skep)),
            count(&|p| good(&p.libbpf)),
            count(&|p| !good(&p.skep) && !good(&p.libbpf)),
            count(&|p| !good(&p.skep) && good(&p.libbpf)),
        );
        wrong.extend(
            of_it
                .into_iter()
                .filter(|p| !good(&p.skep) && good(&p.libbpf)),
        );
    }
    for pair in wrong {
        let _ = writeln!(out, "- {}", example(pair));
    }
    out
}

/// Words of libbpf's that say why it refuses what skep takes on purpose.
const REASONS: &[(&str, &str)] = &[
    (
        "legacy map definitions in",
        "maps as before libbpf 1.0: skep makes them, and warns",
    ),
    (
        "bad map relo against",
        "maps as before libbpf 1.0: skep makes them, and warns",
    ),
    (
        "missing BPF prog type, check ELF section name",
        "a section's name as before libbpf 1.0: skep takes it for what it meant, and warns",
    ),
    (
        "not found in kernel or module BTFs",
        "another program of the file needs a kernel function that is not there",
    ),
    (
        "(strong): not resolved",
        "another program of the file needs a kernel symbol that is not there",
    ),
    (
        "failed to find BTF for extern",
        "another program of the file needs an extern without a type",
    ),
    (
        "unrecognized extern section",
        "another program of the file needs an extern of another section",
    ),
    (
        "is static and not supported",
        "the file has a program that is a static function",
    ),
];

/// Why skep is right to load what libbpf does not send; none if the kernel refused the program.
fn reason(pair: &Pair) -> Option<&'static str> {
    if pair.libbpf.sent {
        return None;
    }
    let said = &pair.libbpf.error;
    if said.contains("failed to create")
        && let Some((_, after)) = said.rsplit_once("map '")
        && let Some((name, _)) = after.split_once('\'')
    {
        let uses = |map: &String| *map == name.chars().take(15).collect::<String>();
        let other = !pair.skep.maps.iter().any(uses);
        return other.then_some("a map that this program does not use cannot be made");
    }
    let known = REASONS.iter().find(|(words, _)| said.contains(words));
    known.map(|(_, reason)| *reason)
}

/// A side's failure with names and numbers left out, so that equal causes count together.
fn cause(side: &Side) -> String {
    let lines: Vec<&str> = side.error.lines().collect();
    let line = lines
        .iter()
        .find(|line| line.contains("failed") || line.contains("Error"))
        .or(lines.first())
        .copied()
        .unwrap_or("no reason given");
    let last = match side.sent {
        // The verifier's complaint comes before its statistics.
        true => lines
            .iter()
            .rev()
            .find(|l| !l.starts_with("processed") && !l.contains("libbpf") && !l.contains("END"))
            .unwrap_or(&line),
        false => line,
    };
    // `load program NAME (SECTION): ` says nothing of the cause.
    let after = last
        .starts_with("load program")
        .then(|| last.split_once("): "));
    general(after.flatten().map_or(last, |(_, cause)| cause))
}

/// Without what is quoted, and without words that have digits in them.
fn general(text: &str) -> String {
    let mut out = String::new();
    let mut quoted = None;
    let mut before = ' ';
    for c in text.chars().take(400) {
        match quoted {
            Some(q) if c == q => {
                quoted = None;
                out.push(c);
            }
            Some(_) => {}
            None if c == '`' || c == '\'' && !before.is_alphanumeric() => {
                quoted = Some(c);
                out.push(c);
            }
            None => out.push(c),
        }
        before = c;
    }
    let digits = |word: &str| word.contains(|c: char| c.is_ascii_digit());
    let words = out.split(' ').map(|w| if digits(w) { "#" } else { w });
    words.collect::<Vec<_>>().join(" ")
}
