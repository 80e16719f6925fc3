//! Records that programs log by `skep_log.h`, handed on to the `log` crate.
//!
//! The header is in this crate's directory `include`. Programs write levels, targets, messages and
//! typed arguments to the ring buffer `skep_logs`; here they become records of [`::log`].

use crate::codec::bytes::Endian;
use crate::codec::log::{Entry, decode};
use crate::object::Object;
use crate::ring::{RingBuf, Woken};
use crate::{Global, Result};
use alloc::vec::Vec;
use core::time::Duration;
use log::{Level, LevelFilter, Metadata, Record};

/// The ring buffer, and the two variables.
const RING: &str = "skep_logs";
const LEVEL: &str = "skep_log_level";
const DROPPED: &str = "skep_log_dropped";
/// The target of what this module itself has to say.
const TARGET: &str = "skep::log";

/// The reader of an object's log records.
///
/// ```
/// # fn forward(object: &skep::Object) -> skep::Result<()> {
/// let mut logs = skep::log::KernelLog::open(object)?;
/// logs.set_level(log::LevelFilter::Debug)?;
/// while logs.wait(None)? == skep::ring::Woken::Ready {
///     logs.forward()?;
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct KernelLog {
    ring: RingBuf,
    level: Global,
    dropped: Global,
    /// Records that found no room, as far as that has been said.
    told: u64,
    bytes: Vec<u8>,
}

impl KernelLog {
    /// The log of an object whose programs include `skep_log.h`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if they do not.
    pub fn open(object: &Object) -> Result<Self> {
        Ok(Self {
            ring: object.ring(RING)?,
            level: object.global(LEVEL)?.clone(),
            dropped: object.global(DROPPED)?.clone(),
            told: 0,
            bytes: Vec::new(),
        })
    }

    /// What programs log from now on. It costs them one look at a variable; what is filtered out
    /// here is not written.
    pub fn set_level(&self, level: LevelFilter) -> Result<()> {
        self.level.set(level as u32)
    }

    /// Hands on what is there; how many records. What found no room since the last time is told
    /// as a warning, and so is a record that cannot be read.
    pub fn forward(&mut self) -> Result<usize> {
        let mut count = 0;
        while let Some(record) = self.ring.next()? {
            record.read_into(&mut self.bytes);
            drop(record);
            emit(&self.bytes);
            count += 1;
        }
        let dropped = self.dropped()?;
        match dropped.saturating_sub(self.told) {
            0 => {}
            lost => warn(format_args!("{lost} log records of programs found no room")),
        }
        self.told = dropped;
        Ok(count)
    }

    /// Records that found no room in the ring, so far.
    pub fn dropped(&self) -> Result<u64> {
        self.dropped.read()
    }

    /// Waits until there is a record: see [`RingBuf::wait`].
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Woken> {
        self.ring.wait(timeout)
    }

    /// The ring buffer: to be read with others ([`Events`](crate::Events)), and its events given
    /// to [`emit`].
    pub fn into_ring(self) -> RingBuf {
        self.ring
    }
}

/// Hands a record on to the logger that is set, if the record's level and target are wanted.
pub fn emit(record: &[u8]) {
    match decode(record, Endian::NATIVE) {
        Ok(entry) => hand_on(&entry),
        Err(error) => warn(format_args!(
            "{} bytes that are no log record: {error}",
            record.len()
        )),
    }
}

fn hand_on(entry: &Entry<'_>) {
    let level = level(entry.level);
    if level > log::max_level() {
        return;
    }
    let metadata = Metadata::builder()
        .level(level)
        .target(&entry.target)
        .build();
    let logger = log::logger();
    if !logger.enabled(&metadata) {
        return;
    }
    logger.log(
        &Record::builder()
            .metadata(metadata)
            .args(format_args!("{entry}"))
            .file(Some(&entry.file))
            .line(Some(entry.line))
            .build(),
    );
}

/// A level that the header does not have counts as the nearest.
fn level(number: u8) -> Level {
    match number {
        0 | 1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Info,
        4 => Level::Debug,
        _ => Level::Trace,
    }
}

#[cold]
fn warn(args: core::fmt::Arguments<'_>) {
    log::warn!(target: TARGET, "{args}");
}
