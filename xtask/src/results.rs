//! What passed, failed and was skipped, for people, for the exit code and for `parity`.

use crate::Result;
use crate::cmd::{is_ci, target_dir, write};
use std::path::PathBuf;

/// How one test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It ran and held.
    Passed,
    /// It did not hold, and did when it was run once more: a defect, in it or in what it tests.
    Flaky(String),
    /// It did not hold.
    Failed(String),
    /// It could not run.
    Skipped(String),
}

/// What begins the reason of a test that this machine cannot run.
pub(crate) const UNABLE: &str = "cannot run: ";

/// One tier's tests, in the order they ran.
pub(crate) struct Tier {
    name: String,
    entries: Vec<(String, Verdict)>,
}

impl Tier {
    /// An empty tier.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            entries: Vec::new(),
        }
    }

    /// Adds one test and shows it if it did not hold.
    pub(crate) fn add(&mut self, name: impl Into<String>, verdict: Verdict) {
        let name = name.into();
        match &verdict {
            Verdict::Passed | Verdict::Skipped(_) => {}
            Verdict::Failed(why) => println!("FAILED {}: {name}: {why}", self.name),
            Verdict::Flaky(why) => println!("FLAKY {}: {name}: {why}", self.name),
        }
        self.entries.push((name, verdict));
    }

    /// Adds a check that holds or does not.
    pub(crate) fn record(&mut self, name: impl Into<String>, outcome: Result) {
        self.add(
            name,
            outcome.map_or_else(Verdict::Failed, |()| Verdict::Passed),
        );
    }

    /// Adds something that cannot run on this machine: skipped, and in CI a failure.
    pub(crate) fn unable(&mut self, name: impl Into<String>, why: impl Into<String>) {
        let why = format!("{UNABLE}{}", why.into());
        let verdict = if is_ci() {
            Verdict::Failed(why)
        } else {
            Verdict::Skipped(why)
        };
        self.add(name, verdict);
    }

    /// The tier's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The tests.
    pub(crate) fn entries(&self) -> &[(String, Verdict)] {
        &self.entries
    }

    /// Passed, failed, skipped.
    pub(crate) fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for (_, verdict) in &self.entries {
            match verdict {
                Verdict::Passed | Verdict::Flaky(_) => counts[0] += 1,
                Verdict::Failed(_) => counts[1] += 1,
                Verdict::Skipped(_) => counts[2] += 1,
            }
        }
        counts
    }

    /// An error if anything failed.
    pub(crate) fn verdict(&self) -> Result {
        match self.counts() {
            [passed, 0, skipped] => {
                println!("{}: {passed} passed, {skipped} skipped", self.name);
                Ok(())
            }
            [_, failed, _] => Err(format!("{}: {failed} failed", self.name)),
        }
    }

    /// Writes `TIER.txt`, a line a test.
    pub(crate) fn save(&self) -> Result {
        let mut text = String::new();
        for (name, verdict) in &self.entries {
            let (word, why) = match verdict {
                Verdict::Passed => ("passed", ""),
                Verdict::Flaky(_) => ("passed", "when it was run once more"),
                Verdict::Failed(why) => ("failed", why.as_str()),
                Verdict::Skipped(why) => ("skipped", why.as_str()),
            };
            let why = why.lines().next().unwrap_or_default();
            text.push_str(format!("{word} {name} {why}").trim_end());
            text.push('\n');
        }
        write(&dir().join(format!("{}.txt", self.name)), text)
    }
}

/// Where the results are.
pub(crate) fn dir() -> PathBuf {
    target_dir().join("skep-results")
}
