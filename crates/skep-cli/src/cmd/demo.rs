//! `skep run`: the built-in tracer of process starts.

use super::run::drive;
use super::streams::Event;
use crate::args::Run;
use crate::fail::Result;
use crate::json::hex;
use crate::out::{Out, printable};
use skep::codec::btf::Value;
use skep::{ObjectSpec, System};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(target_endian = "little")]
const EXECS: &[u8] = include_bytes!("../../demo/execs.bpf.el.o");
#[cfg(target_endian = "big")]
const EXECS: &[u8] = include_bytes!("../../demo/execs.bpf.eb.o");

/// Runs the demo: a line for each program that is executed.
pub(crate) fn run(args: &Run) -> Result {
    let spec = ObjectSpec::parse(EXECS, "execs")?;
    let system = System::host()?;
    let mut out = Out::new(args.json);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let boot = now.saturating_sub(Duration::from_nanos(system.now_ns()?));
    let head = row("TIME(UTC)", "PID", "PPID", "UID", "COMM", "FILENAME");
    let show = &mut |_: &str, event: &Event<'_>| line(event, boot);
    drive(args, &system, spec, &mut out, Some(&head), show)
}

fn line(event: &Event<'_>, boot: Duration) -> String {
    let members = match event {
        Event::Typed(Value::Struct(members)) => members,
        Event::Typed(other) => return printable(&other.to_string()),
        Event::Raw(bytes) => return hex(bytes),
    };
    let field = |name: &str| members.iter().find(|(n, _)| n == name).map(|(_, v)| v);
    let text = |name: &str| match field(name) {
        Some(Value::Str(text)) => printable(text),
        Some(value) => printable(&value.to_string()),
        None => String::new(),
    };
    let since_boot = match field("time_ns") {
        Some(Value::Uint(ns)) => u64::try_from(*ns).unwrap_or_default(),
        _ => 0,
    };
    let time = clock(boot.saturating_add(Duration::from_nanos(since_boot)));
    let [pid, ppid, uid] = ["pid", "ppid", "uid"].map(text);
    row(&time, &pid, &ppid, &uid, &text("comm"), &text("filename"))
}

fn row(time: &str, pid: &str, ppid: &str, uid: &str, comm: &str, file: &str) -> String {
    format!("{time:<12}  {pid:>7}  {ppid:>7}  {uid:>6}  {comm:<15}  {file}")
}

/// The time of day, UTC.
fn clock(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    let millis = since_epoch.subsec_millis();
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_row() {
        let value = Value::Struct(vec![
            ("time_ns".to_owned(), Value::Uint(1_500_000_000)),
            ("pid".to_owned(), Value::Uint(42)),
            ("ppid".to_owned(), Value::Uint(1)),
            ("uid".to_owned(), Value::Uint(1000)),
            ("comm".to_owned(), Value::Str("ls".to_owned())),
            ("filename".to_owned(), Value::Str("/bin/ls\n".to_owned())),
        ]);
        let boot = Duration::from_secs(86400 * 3 + 3600 * 13 + 59);
        assert_eq!(
            line(&Event::Typed(value), boot),
            "13:01:00.500       42        1    1000  ls               /bin/ls\\n"
        );
    }
}
