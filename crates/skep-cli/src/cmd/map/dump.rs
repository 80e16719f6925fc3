//! `skep map dump`: every element.

use super::view::View;
use super::watch;
use crate::args::Dump;
use crate::fail::{Failure, Result};
use crate::find;
use crate::out::{DIM, Out, printable, styled};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skep::{ErrorKind, Map, System};
use std::io::{IsTerminal, stderr, stdout};
use std::time::{Duration, Instant};

/// `skep map dump`.
pub(super) fn run(args: &Dump) -> Result {
    let system = System::host()?;
    let map = find::map(&system, &args.map)?;
    let view = View::new(&map)?;
    let mut out = Out::new(args.json);
    if let Some(interval) = args.watch {
        return watch::run(&map, &view, &mut out, interval, args.duration);
    }
    let mut progress = Progress::of(&map);
    let mut entries = 0_u64;
    let done = each(&map, |key, value| {
        entries += 1;
        progress.tick(entries);
        match out.is_json() {
            true => out.json(&view.json(key, value)),
            false => out.line(&printable(&view.text(key, value))),
        }?;
        Ok(())
    });
    progress.end();
    // What was read is shown, whatever went wrong then.
    out.flush()?;
    done?;
    if !out.is_json() && entries == 0 {
        out.line(&styled(DIM, "empty"))?;
    }
    out.flush()?;
    Ok(0)
}

/// Calls `read` with each key and value.
pub(super) fn each(map: &Map, mut read: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let mut batches = map.batches();
    loop {
        match batches.next() {
            Ok(Some(chunk)) => {
                for (key, value) in chunk {
                    read(key, value)?;
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => return Err(unreadable(map, error)),
        }
    }
}

/// Why elements cannot be read, and what can be done instead.
fn unreadable(map: &Map, error: skep::Error) -> Failure {
    use skep::MapType as Type;
    if error.kind() == ErrorKind::Restarted {
        return Failure::Skep(error);
    }
    let hint = match map.map_type() {
        Type::RINGBUF | Type::PERF_EVENT_ARRAY => ": `skep tail` prints what comes from it",
        Type::QUEUE | Type::STACK => {
            ": `skep map get` shows the next value, `skep map delete` takes it"
        }
        Type::TASK_STORAGE | Type::INODE_STORAGE | Type::CGRP_STORAGE => {
            ": `skep map get` reads the value of one process, file or cgroup"
        }
        _ => "",
    };
    Failure::Said(format!(
        "a {} map cannot be read key by key{hint} ({error})",
        map.map_type()
    ))
}

/// A bar on standard error, where that is a terminal and the elements go elsewhere, once it takes
/// long.
struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    max_entries: u64,
}

/// A dump that is over before that has no bar.
const LONG: Duration = Duration::from_millis(500);
/// Elements between two looks at the clock.
const STEP: u64 = 1024;

impl Progress {
    fn of(map: &Map) -> Self {
        let wanted = stderr().is_terminal() && !stdout().is_terminal();
        let bar = wanted.then(|| {
            ProgressBar::with_draw_target(
                Some(map.max_entries().into()),
                ProgressDrawTarget::hidden(),
            )
        });
        Self {
            bar,
            begun: Instant::now(),
            max_entries: map.max_entries().into(),
        }
    }

    fn tick(&mut self, entries: u64) {
        let Some(bar) = self.bar.as_ref().filter(|_| entries.is_multiple_of(STEP)) else {
            return;
        };
        if bar.is_hidden() && self.begun.elapsed() >= LONG {
            // A hash is seldom full: the bar ends before its end then.
            let style = "{bar:40} {human_pos} of at most {human_len} elements, {per_sec}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_position(entries.min(self.max_entries));
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
