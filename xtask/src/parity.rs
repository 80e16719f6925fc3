//! The ledger `docs/parity.md` claims only what a test that ran and passed shows.

use crate::Result;
use crate::cmd::root;
use crate::results::{Tier, UNABLE, Verdict, dir};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// `parity`.
pub(crate) fn task(_: &[String]) -> Result {
    let tier = tier()?;
    tier.save()?;
    tier.verdict()
}

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    id: String,
    state: String,
    tests: Vec<String>,
    kernels: Vec<String>,
}

/// How a test ended, as far as a claim goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Passed,
    /// It failed, or found that it had nothing to test.
    NotPassed,
    /// This machine cannot run it.
    Unable,
}

/// Result file -> test name -> how it ended.
type Outcomes = BTreeMap<String, BTreeMap<String, Seen>>;

/// Checks every row.
pub(crate) fn tier() -> Result<Tier> {
    let mut tier = Tier::new("parity");
    let path = root().join("docs/parity.md");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let rows = rows(&text);
    if rows.is_empty() {
        return Err("docs/parity.md has no row".into());
    }
    let outcomes = outcomes()?;
    let mut seen = BTreeSet::new();
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *states.entry(&row.state).or_default() += 1;
        let fresh = seen.insert(row.id.clone());
        let outcome = if fresh {
            check(row, &outcomes)
        } else {
            Err("the id is there twice".into())
        };
        let name = format!("parity::{}", row.id);
        match outcome {
            Ok(Seen::Unable) => tier.unable(name, "nor could its tests"),
            // A row that claims nothing is no passed test.
            Ok(_) if row.state == "missing" => {}
            Ok(_) => tier.add(name, Verdict::Passed),
            Err(why) => tier.add(name, Verdict::Failed(why)),
        }
    }
    for (state, count) in states {
        println!("   {count} rows {state}");
    }
    tier.record("parity::ids", gaps(&seen));
    Ok(tier)
}

/// The ids of the surveys: series, and its first and last number of each unbroken run.
const SURVEYS: &[(&str, &[(u32, u32)])] = &[
    ("S", &[(1, 38), (40, 53), (60, 76), (80, 82), (90, 95)]),
    ("M", &[(1, 22), (30, 57), (60, 81), (90, 96)]),
    ("G", &[(1, 45)]),
    ("P", &[(1, 25)]),
    ("X", &[(1, 5), (10, 21)]),
    ("A", &[(1, 17)]),
    ("L1a.", &[(1, 25)]),
    ("L1b.", &[(1, 14)]),
    ("L1c.", &[(1, 33)]),
    ("L1d.", &[(1, 23)]),
    ("L1e.", &[(1, 21)]),
    ("L1f.", &[(1, 25)]),
    ("L1g.", &[(1, 18)]),
    ("L1h.", &[(1, 6)]),
];

/// Every id of the surveys has its row.
fn gaps(ids: &BTreeSet<String>) -> Result {
    for (series, runs) in SURVEYS {
        for number in runs.iter().flat_map(|(first, last)| *first..=*last) {
            let id = format!("{series}{number}");
            if !ids.contains(&id) {
                return Err(format!("{id} is missing"));
            }
        }
    }
    Ok(())
}

fn rows(text: &str) -> Vec<Row> {
    let words = |cell: &str| -> Vec<String> {
        let cleaned = cell.replace(['`', ','], " ");
        cleaned.split_whitespace().map(str::to_string).collect()
    };
    let mut rows = Vec::new();
    for line in text.lines() {
        let masked = line.trim().replace("\\|", "\u{1}");
        let Some(inner) = masked.strip_prefix('|').and_then(|l| l.strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        let [id, _, state, tests, kernels] = cells[..] else {
            continue;
        };
        if id == "id" || id.starts_with('-') || id.starts_with(':') {
            continue;
        }
        rows.push(Row {
            id: id.to_string(),
            state: state.to_string(),
            tests: words(tests),
            kernels: words(kernels),
        });
    }
    rows
}

fn outcomes() -> Result<Outcomes> {
    let mut all = Outcomes::new();
    for path in crate::cmd::files(&dir(), ".txt") {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let tests = all.entry(name.into_owned()).or_default();
        for line in text.lines() {
            let mut words = line.splitn(3, ' ');
            let (Some(verdict), Some(test)) = (words.next(), words.next()) else {
                continue;
            };
            let seen = match (verdict, words.next().unwrap_or_default()) {
                ("passed", _) => Seen::Passed,
                ("skipped", why) if why.starts_with(UNABLE) => Seen::Unable,
                _ => Seen::NotPassed,
            };
            tests.insert(test.to_string(), seen);
        }
    }
    Ok(all)
}

/// The result file of a kernel as the ledger names it.
fn file_of(kernel: &str) -> String {
    match kernel {
        "host" | "unit" | "docs" | "nolibc" | "objects" | "mutate" | "floors" | "systems" => {
            kernel.to_string()
        }
        version => format!("vm-{version}"),
    }
}

/// Whether a row's tests passed; `Unable` where this machine cannot tell.
fn check(row: &Row, outcomes: &Outcomes) -> Result<Seen> {
    match row.state.as_str() {
        "missing" if row.tests.iter().all(|t| t == "-") => return Ok(Seen::Passed),
        "missing" => return Err("missing, and yet it names a test".into()),
        "works" | "partly" => {}
        other => return Err(format!("state {other:?} is none of works, partly, missing")),
    }
    let tests: Vec<&String> = row.tests.iter().filter(|t| *t != "-").collect();
    if tests.is_empty() {
        return Err(format!("{} without a test", row.state));
    }
    let kernels: Vec<&String> = row.kernels.iter().filter(|k| *k != "-").collect();
    let mut all = Seen::Passed;
    for test in tests {
        let mut places: Vec<(&str, Seen)> = Vec::new();
        for kernel in &kernels {
            let tests = outcomes.get(&file_of(kernel));
            let tests = tests.ok_or_else(|| format!("no results of {kernel}"))?;
            places.push((kernel, seen(tests, test)));
        }
        if kernels.is_empty() {
            let anywhere: Vec<Seen> = outcomes.values().map(|tests| seen(tests, test)).collect();
            let best = [Seen::Passed, Seen::Unable]
                .into_iter()
                .find(|s| anywhere.contains(s));
            places.push(("any tier", best.unwrap_or(Seen::NotPassed)));
        }
        for (place, seen) in places {
            match seen {
                Seen::Passed => {}
                Seen::NotPassed => return Err(format!("{test} did not pass in {place}")),
                Seen::Unable => all = Seen::Unable,
            }
        }
    }
    Ok(all)
}

/// How `name`, a whole name or its tail after `::`, ended in a tier.
fn seen(tests: &BTreeMap<String, Seen>, name: &str) -> Seen {
    if !tests.is_empty() && tests.values().all(|seen| *seen == Seen::Unable) {
        return Seen::Unable;
    }
    let matching: Vec<Seen> = tests
        .iter()
        .filter(|(test, _)| {
            let head = test.strip_suffix(name);
            head.is_some_and(|head| head.is_empty() || head.ends_with("::"))
        })
        .map(|(_, seen)| *seen)
        .collect();
    if matching.is_empty() || matching.contains(&Seen::NotPassed) {
        Seen::NotPassed
    } else if matching.contains(&Seen::Unable) {
        Seen::Unable
    } else {
        Seen::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Outcomes {
        let tests = |list: &[(&str, Seen)]| -> BTreeMap<String, Seen> {
            list.iter().map(|(n, s)| (n.to_string(), *s)).collect()
        };
        let ran = tests(&[
            ("skep::kernel_xdp::counts", Seen::Passed),
            ("skep::map::b", Seen::NotPassed),
            ("skep::kernel_xdp::c", Seen::Unable),
        ]);
        let absent = tests(&[("vm::6.12", Seen::Unable)]);
        [("vm-5.10".into(), ran), ("vm-6.12".into(), absent)].into()
    }

    fn verdict(line: &str) -> Result<Seen> {
        check(&rows(line)[0], &outcomes())
    }

    #[test]
    fn a_claim_needs_a_test_that_passed() {
        assert_eq!(
            verdict("| S1 | a \\| b | works | `kernel_xdp::counts` | 5.10 |"),
            Ok(Seen::Passed)
        );
        assert_eq!(
            verdict("| S1 | x | works | skep::kernel_xdp::counts | - |"),
            Ok(Seen::Passed)
        );
        assert_eq!(verdict("| S1 | x | missing | - | - |"), Ok(Seen::Passed));
        for cannot_tell in [
            "| S1 | x | works | counts | 5.10, 6.12 |",
            "| S1 | x | works | kernel_xdp::c | 5.10 |",
        ] {
            assert_eq!(verdict(cannot_tell), Ok(Seen::Unable), "{cannot_tell}");
        }
        for bad in [
            "| S1 | x | works | - | 5.10 |",
            "| S1 | x | works | b | 5.10 |",
            "| S1 | x | works | ounts | 5.10 |",
            "| S1 | x | partly | counts | 6.1 |",
            "| S1 | x | perhaps | counts | 5.10 |",
            "| S1 | x | missing | counts | 5.10 |",
        ] {
            assert!(verdict(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn holes_in_a_series_are_seen() {
        let text = include_str!("../../docs/parity.md");
        let mut ids: BTreeSet<String> = rows(text).into_iter().map(|row| row.id).collect();
        assert_eq!(gaps(&ids), Ok(()));
        ids.remove("L1a.25");
        assert_eq!(gaps(&ids), Err("L1a.25 is missing".into()));
    }
}
