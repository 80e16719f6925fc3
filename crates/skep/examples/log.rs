//! What programs log, by this process's logger: `log [error|warn|info|debug|trace]` (root, or
//! CAP_BPF and CAP_NET_ADMIN).
//!
//! The program is `testdata/log.bpf.c`, which includes `skep_log.h`; it logs at each test run.

use log::{LevelFilter, Metadata, Record};
use skep::log::KernelLog;
use skep::ring::Woken;
use skep::{ObjectSpec, System, prog::TestRun};
use std::time::Duration;

#[cfg(target_endian = "little")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/log.bpf.el.o");
#[cfg(target_endian = "big")]
const OBJECT: &[u8] = include_bytes!("../../../testdata/log.bpf.eb.o");

/// A logger, as small as can be.
struct Print;

impl log::Log for Print {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let (file, line) = (record.file().unwrap_or("?"), record.line().unwrap_or(0));
        let (level, target) = (record.level(), record.target());
        println!("{level:5} {target} {file}:{line}: {}", record.args());
    }

    fn flush(&self) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let level = std::env::args().nth(1);
    let level: LevelFilter = level.map_or(Ok(LevelFilter::Info), |text| text.parse())?;
    log::set_logger(&Print)?;
    log::set_max_level(LevelFilter::Trace);

    let object = ObjectSpec::parse(OBJECT, "log")?.load(&System::host()?)?;
    let mut logs = KernelLog::open(&object)?;
    logs.set_level(level)?;
    for program in ["kinds", "levels"] {
        let run = TestRun {
            data: &[7; 64],
            ..TestRun::default()
        };
        object.program(program)?.test_run(&run)?;
    }
    while logs.wait(Some(Duration::from_millis(100)))? == Woken::Ready {
        logs.forward()?;
    }
    println!("{} dropped", logs.dropped()?);
    Ok(())
}
