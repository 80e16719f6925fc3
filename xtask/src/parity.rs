//! The ledger `docs/parity.md` claims only what a test that ran and passed shows.

use crate::Result;
use crate::cmd::root;
use crate::results::{Tier, dir};
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

/// How each test ended: result file -> test name -> passed.
type Outcomes = BTreeMap<String, BTreeMap<String, bool>>;

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
        // A row that claims nothing is no passed test.
        if row.state != "missing" || outcome.is_err() {
            tier.record(format!("parity::{}", row.id), outcome);
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
            let mut words = line.split(' ');
            if let (Some(verdict), Some(test)) = (words.next(), words.next()) {
                tests.insert(test.to_string(), verdict == "passed");
            }
        }
    }
    Ok(all)
}

/// The result file of a kernel as the ledger names it.
fn file_of(kernel: &str) -> String {
    match kernel {
        "host" | "unit" | "docs" | "nolibc" | "objects" | "mutate" => kernel.to_string(),
        version => format!("vm-{version}"),
    }
}

fn check(row: &Row, outcomes: &Outcomes) -> Result {
    match row.state.as_str() {
        "missing" if row.tests.iter().all(|t| t == "-") => return Ok(()),
        "missing" => return Err("missing, and yet it names a test".into()),
        "works" | "partly" => {}
        other => return Err(format!("state {other:?} is none of works, partly, missing")),
    }
    let tests: Vec<&String> = row.tests.iter().filter(|t| *t != "-").collect();
    if tests.is_empty() {
        return Err(format!("{} without a test", row.state));
    }
    let kernels: Vec<&String> = row.kernels.iter().filter(|k| *k != "-").collect();
    for test in tests {
        if kernels.is_empty() {
            if !outcomes.values().any(|tests| passed(tests, test)) {
                return Err(format!("{test} did not pass anywhere"));
            }
            continue;
        }
        for kernel in &kernels {
            let tests = outcomes.get(&file_of(kernel));
            let tests = tests.ok_or_else(|| format!("no results of {kernel}"))?;
            if !passed(tests, test) {
                return Err(format!("{test} did not pass in {kernel}"));
            }
        }
    }
    Ok(())
}

/// Whether `name`, a whole name or its tail after `::`, passed and did not fail or skip.
fn passed(tests: &BTreeMap<String, bool>, name: &str) -> bool {
    let mut matching = tests
        .iter()
        .filter(|(test, _)| {
            let head = test.strip_suffix(name);
            head.is_some_and(|head| head.is_empty() || head.ends_with("::"))
        })
        .peekable();
    matching.peek().is_some() && matching.all(|(_, passed)| *passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes() -> Outcomes {
        let tests = [("skep::kernel_xdp::counts", true), ("skep::map::b", false)];
        let tests: BTreeMap<_, _> = tests.map(|(n, p)| (n.to_string(), p)).into();
        [("vm-5.10".to_string(), tests)].into()
    }

    fn verdict(line: &str) -> Result {
        check(&rows(line)[0], &outcomes())
    }

    #[test]
    fn a_claim_needs_a_test_that_passed() {
        assert_eq!(
            verdict("| S1 | a \\| b | works | `kernel_xdp::counts` | 5.10 |"),
            Ok(())
        );
        assert_eq!(
            verdict("| S1 | x | works | skep::kernel_xdp::counts | - |"),
            Ok(())
        );
        assert_eq!(verdict("| S1 | x | missing | - | - |"), Ok(()));
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
