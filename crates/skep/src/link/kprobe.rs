//! Kernel functions, at any instruction or when they return; handlers of system calls.

use super::probe::{Options, Probe, ProbeMode, function_and_offset};
use super::{Hook, Link};
use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{Errno, Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use skep_sys::process;

/// A kernel function: its entry, an instruction in it, or its return.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_kprobe_opts")]
pub struct Kprobe {
    place: Place,
    offset: u64,
    options: Options,
}

#[derive(Clone, Debug)]
enum Place {
    Function(String),
    Address(u64),
    Syscall(String),
}

impl Kprobe {
    /// The entry of this function.
    ///
    /// # Errors
    /// When attached: `ENOENT` if the kernel has no such function, `EINVAL` if it may not be probed,
    /// `EADDRNOTAVAIL` if several have this name.
    ///
    /// # Kernel
    /// `perf_event_open` of the unit `kprobe` (since Linux 4.17), else a probe of tracefs.
    #[inline]
    pub fn new(function: &str) -> Self {
        Self::of(Place::Function(function.to_string()))
    }

    /// The instruction at this address, such as `/proc/kallsyms` tells: one of several functions of
    /// the same name.
    #[inline]
    pub fn at(address: u64) -> Self {
        Self::of(Place::Address(address))
    }

    /// The kernel's handler of the system call of this name, such as `unlinkat`, whatever this
    /// machine's kernel calls it.
    #[doc(alias = "bpf_program__attach_ksyscall")]
    #[inline]
    pub fn syscall(name: &str) -> Self {
        Self::of(Place::Syscall(name.to_string()))
    }

    /// As a section says after its slash, `NAME` or `NAME+OFFSET`.
    #[inline]
    pub(crate) fn declared(text: &str) -> Result<Self> {
        let (function, offset) = function_and_offset(text)?;
        Ok(Self::new(function).offset(offset))
    }

    #[inline]
    fn of(place: Place) -> Self {
        Self {
            place,
            offset: 0,
            options: Options::default(),
        }
    }

    /// When it returns, not when it is entered.
    #[doc(alias = "kretprobe")]
    #[doc(alias = "kretsyscall")]
    #[must_use]
    #[inline]
    pub fn on_return(mut self) -> Self {
        self.options.on_return = true;
        self
    }

    /// The instruction at this offset from the start, in bytes.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Invalid`] for a return; `EILSEQ` if no instruction begins there.
    #[must_use]
    #[inline]
    pub fn offset(mut self, bytes: u64) -> Self {
        self.offset = bytes;
        self
    }

    /// What `bpf_get_attach_cookie` answers in the program.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`] before Linux 5.15.
    #[must_use]
    #[inline]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.options.cookie = cookie;
        self
    }

    /// How many calls may be under way whose return is to be seen; others are missed. Takes tracefs.
    #[doc(alias = "maxactive")]
    #[must_use]
    #[inline]
    pub fn max_active(mut self, calls: u32) -> Self {
        self.options.max_active = calls;
        self
    }

    /// Attaches in this way, and in no other.
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: ProbeMode) -> Self {
        self.options.mode = mode;
        self
    }

    /// Makes the probe, if tracefs is to make it, in one that is mounted here.
    #[must_use]
    #[inline]
    pub fn in_tracefs(mut self, mount: &str) -> Self {
        self.options.tracefs = Some(mount.to_string());
        self
    }

    /// What the kernel calls it.
    #[inline]
    fn name(&self, system: &System) -> Result<Option<String>> {
        match &self.place {
            Place::Function(name) => Ok(Some(name.clone())),
            Place::Address(_) => Ok(None),
            Place::Syscall(name) => handler(system, name).map(Some),
        }
    }

    /// What it is, in words.
    #[inline]
    fn hook(&self) -> String {
        let kind = match self.options.on_return {
            true => "return of ",
            false => "",
        };
        let offset = match self.offset {
            0 => String::new(),
            offset => format!("+{offset:#x}"),
        };
        match &self.place {
            Place::Function(name) => format!("{kind}kernel function {name}{offset}"),
            Place::Address(address) => format!("{kind}kernel function at {address:#x}{offset}"),
            Place::Syscall(name) => format!("{kind}system call {name}{offset}"),
        }
    }
}

impl Hook for Kprobe {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let hook = self.hook();
        if self.options.on_return && self.offset != 0 {
            let what = format!("{hook}: a return has no offset");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let name = self.name(program.system())?;
        let offset = match self.place {
            Place::Address(address) => address.wrapping_add(self.offset),
            _ => self.offset,
        };
        let place = match (&name, self.offset) {
            (Some(name), 0) => name.clone(),
            (Some(name), offset) => format!("{name}+{offset}"),
            (None, _) => format!("{offset:#x}"),
        };
        let target = name.as_deref().map(c_string).transpose()?;
        let probe = Probe {
            unit: "kprobe",
            target: target.as_deref(),
            offset,
            ref_ctr_offset: 0,
            place: &place,
            options: &self.options,
        };
        probe.attach(program, hook.clone()).map_err(|error| {
            let why = error.errno().map_or("", why);
            error.context(format_args!("{hook}{why}"))
        })
    }
}

/// What a refusal of the kernel means here.
#[inline]
fn why(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => " (the kernel has no such function to probe: it may be inlined)",
        Errno::EINVAL => " (it may not be probed: on the kernel's blacklist, or no place in it)",
        Errno::EILSEQ => " (no instruction begins at this offset)",
        Errno::EADDRNOTAVAIL => " (several functions have this name: give an address)",
        _ => "",
    }
}

/// The name of the handler of a system call.
#[inline]
fn handler(system: &System, name: &str) -> Result<String> {
    const MACHINES: [(&str, &str); 5] = [
        ("x86_64", "x64"),
        ("aarch64", "arm64"),
        ("s390x", "s390x"),
        ("riscv64", "riscv"),
        ("ppc64le", "powerpc"),
    ];
    // Answered as the object's `LINUX_HAS_SYSCALL_WRAPPER` is: it reads its arguments by that.
    match system.probe(Feature::SyscallWrapper) {
        Answer::Yes => {}
        Answer::No => return Ok(format!("__se_sys_{name}")),
        Answer::Unknown(errno) => {
            let what = format!("cannot tell what handlers of system calls are called: {errno}");
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
    }
    let machine = process::machine(system.kernel()).context("ask for the machine")?;
    let prefix = MACHINES.iter().find(|(name, _)| *name == machine);
    match prefix {
        Some((_, prefix)) => Ok(format!("__{prefix}_sys_{name}")),
        None => Err(Error::new(
            ErrorKind::Unsupported,
            format!("what handlers of system calls are called on {machine} is not known"),
        )),
    }
}
