//! The parent's side of a child: its rows, and what became of it if it did not come to its end.

use crate::Subject;
use crate::engine::TYPES;
use crate::row::{Line, Row};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// All rows of an object, or why it could not be opened.
pub struct Rows {
    pub rows: Vec<Row>,
    pub closed: Option<String>,
}

/// Runs children of `engine` until every program has its row: one that crashes or takes longer
/// than `limit` is followed by one that begins after it.
pub fn rows(engine: &str, subject: &Subject, limit: Duration) -> Rows {
    let mut all = Rows {
        rows: Vec::new(),
        closed: None,
    };
    let mut first = 0;
    loop {
        let mut current = None;
        let end = watch(engine, subject, first, limit, |line| match line {
            Line::Begin(index, name, section) => current = Some((index, name, section)),
            Line::Done(row) => {
                current = None;
                all.rows.push(*row);
            }
            Line::Closed(why) => all.closed = Some(why),
        });
        let Err(why) = end else {
            return all;
        };
        let Some((index, name, section)) = current else {
            if all.rows.is_empty() {
                all.closed = Some(why);
            }
            return all;
        };
        all.rows.push(Row {
            index,
            name,
            section,
            error: why,
            ..Row::default()
        });
        first = index + 1;
    }
}

/// One child to its end; an error is how it ended instead.
fn watch(
    engine: &str,
    subject: &Subject,
    first: usize,
    limit: Duration,
    mut hear: impl FnMut(Line),
) -> Result<(), String> {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--child", engine]).arg(&subject.path);
    if let Some(types) = &subject.types {
        command.env(TYPES, types);
    }
    command.arg(first.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let lines = lines(&mut child);
    let errors = child.stderr.take().expect("a pipe");
    let errors = std::thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default());
    loop {
        match lines.recv_timeout(limit) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(line) => hear(line),
                Err(error) => return Err(format!("said {line:?}: {error}")),
            },
            Err(RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("took longer than {} s", limit.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    if status.success() {
        return Ok(());
    }
    let said = errors.join().unwrap_or_default();
    Err(format!("{status}: {}", said.trim()))
}

fn lines(child: &mut Child) -> Receiver<String> {
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}
