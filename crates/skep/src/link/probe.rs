//! What kprobes and uprobes have in common: an event of a unit of its own, or one that tracefs makes.

use super::pmu::Pmu;
use super::tracefs::TraceProbe;
use super::{Link, LinkMode, perf};
use crate::Result;
use crate::error::Context;
use crate::prog::Program;
use crate::system::c_string;
use crate::{Error, ErrorKind};
use alloc::string::String;
use core::ffi::CStr;
use skep_sys::perf::PerfEvent;

/// How a program gets to a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "probe_attach_mode")]
#[non_exhaustive]
pub enum ProbeMode {
    /// The first of those below that the kernel has.
    #[default]
    Auto,
    /// A perf event and a BPF link to it, since Linux 5.15.
    Link,
    /// A perf event and `PERF_EVENT_IOC_SET_BPF`, since Linux 4.17.
    Perf,
    /// A probe that tracefs makes, for all to see.
    Tracefs,
}

/// Of a perf event.
impl From<LinkMode> for ProbeMode {
    #[inline]
    fn from(mode: LinkMode) -> Self {
        match mode {
            LinkMode::Auto => Self::Auto,
            LinkMode::Link => Self::Link,
            LinkMode::Attach => Self::Perf,
        }
    }
}

/// What may be chosen of a probe.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) on_return: bool,
    pub(super) cookie: u64,
    pub(super) mode: ProbeMode,
    pub(super) tracefs: Option<String>,
    /// How many calls may be under way, of a function whose return is probed; 0: as the kernel likes.
    pub(super) max_active: u32,
    /// Of this process (0: the calling one), or of all.
    pub(super) pid: Option<u32>,
}

/// A probe to be made.
pub(super) struct Probe<'a> {
    /// The unit's name: `kprobe`, `uprobe`.
    pub(super) unit: &'static str,
    /// The function, or the file.
    pub(super) target: Option<&'a CStr>,
    /// Offset in the target; the address, where there is none.
    pub(super) offset: u64,
    /// Offset of a reference counter in the file; 0 for none.
    pub(super) ref_ctr_offset: u64,
    /// How tracefs writes the place.
    pub(super) place: &'a str,
    pub(super) options: &'a Options,
}

impl Probe<'_> {
    /// Attaches a program to it; `hook` says where that is.
    #[inline]
    pub(super) fn attach(&self, program: &Program, hook: String) -> Result<Link> {
        let (system, options) = (program.system(), self.options);
        if options.max_active != 0 && matches!(options.mode, ProbeMode::Link | ProbeMode::Perf) {
            let what =
                "how many returns may be under way is for tracefs to say, not for perf events";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let unit = match options.mode {
            ProbeMode::Tracefs => None,
            ProbeMode::Auto if options.max_active != 0 => None,
            _ => Pmu::find(system, self.unit)?,
        };
        match (unit, options.mode) {
            (Some(unit), _) => self.by_unit(program, hook, &unit),
            (None, ProbeMode::Auto | ProbeMode::Tracefs) => self.by_tracefs(program, hook),
            (None, _) => {
                let what = format!("this kernel has no perf events of {}s", self.unit);
                Err(Error::new(ErrorKind::Unsupported, what))
            }
        }
    }

    #[inline]
    fn by_unit(&self, program: &Program, hook: String, unit: &Pmu) -> Result<Link> {
        let options = self.options;
        let mut config = if options.on_return { unit.on_return } else { 0 };
        config |= self.ref_ctr_offset << REF_CTR_SHIFT;
        let (kind, offset) = (unit.kind, self.offset);
        let event = match self.target {
            Some(path) if self.unit == UPROBE => PerfEvent::Uprobe {
                kind,
                config,
                path,
                offset,
            },
            func => PerfEvent::Kprobe {
                kind,
                config,
                func,
                offset,
            },
        };
        let event = perf::open(program.system(), &event, options.pid)?;
        perf::attach(program, event, hook, options.cookie, options.mode)
    }

    #[inline]
    fn by_tracefs(&self, program: &Program, hook: String) -> Result<Link> {
        let options = self.options;
        let kind = match (options.on_return, options.max_active) {
            (false, _) => String::from("p"),
            (true, 0) => String::from("r"),
            (true, most) => format!("r{most}"),
        };
        let (list, mount) = (format!("{}_events", self.unit), options.tracefs.as_deref());
        let made = TraceProbe::new(program.system(), mount, &list, (&kind, self.place));
        let (probe, tracepoint) = made.context(format_args!("make a {} by tracefs", self.unit))?;
        let event = tracepoint.event(program.system(), options.pid)?;
        let mut link = perf::attach(program, event, hook, options.cookie, ProbeMode::Auto)?;
        link.made = Some(probe);
        Ok(link)
    }
}

/// The unit of probes in files.
const UPROBE: &str = "uprobe";

/// Attaches a program to a place of a file: path, offset, and offset of a reference counter (0: none).
#[inline]
pub(super) fn attach_in_file(
    program: &Program,
    (path, offset, ref_ctr_offset): (&str, u64, u64),
    options: &Options,
    hook: String,
) -> Result<Link> {
    let counter = match ref_ctr_offset {
        0 => String::new(),
        counter => format!("({counter:#x})"),
    };
    let probe = Probe {
        unit: UPROBE,
        target: Some(&*c_string(path)?),
        offset,
        ref_ctr_offset,
        place: &format!("{path}:{offset:#x}{counter}"),
        options,
    };
    probe.attach(program, hook)
}

/// Where `config` of a uprobe has the offset of a reference counter, as `format/ref_ctr_offset`
/// says since Linux 4.20.
const REF_CTR_SHIFT: u32 = 32;

/// `FUNCTION`, or `FUNCTION+OFFSET`.
#[inline]
pub(super) fn function_and_offset(text: &str) -> Result<(&str, u64)> {
    let (function, offset) = match text.rsplit_once('+') {
        Some((function, offset)) => (function, number(offset)),
        None => (text, Some(0)),
    };
    match offset {
        Some(offset) if !function.is_empty() => Ok((function, offset)),
        _ => {
            let what = format!("`{text}` is no FUNCTION+OFFSET");
            Err(Error::new(ErrorKind::Invalid, what))
        }
    }
}

/// A number as C writes it: hexadecimal after `0x`, octal after `0`.
#[inline]
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let plain = digits.starts_with(|c: char| c.is_ascii_hexdigit());
    u64::from_str_radix(digits, radix).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::{function_and_offset, number};

    #[test]
    fn numbers_are_cs() {
        let good = [("0", 0), ("010", 8), ("0x1F", 31), ("0X10", 16), ("19", 19)];
        for (text, value) in good {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in [
            "",
            "0x",
            "09",
            "+1",
            "-1",
            "1a",
            "0x+1",
            "18446744073709551616",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn offsets_are_behind_the_last_plus() {
        assert_eq!(function_and_offset("f").unwrap(), ("f", 0));
        assert_eq!(function_and_offset("f+0x10").unwrap(), ("f", 16));
        assert_eq!(
            function_and_offset("operator++8").unwrap(),
            ("operator+", 8)
        );
        for text in ["", "+", "f+", "f+x", "+8"] {
            assert!(function_and_offset(text).is_err(), "{text}");
        }
    }
}
