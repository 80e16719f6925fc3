//! Kernel functions, at any instruction or when they return; handlers of system calls.

use super::probe::{Options, Probe, ProbeMode, function_and_offset};
use super::same_name::{Named, SameName};
use super::{Held, Hook, Link};
use crate::error::Context;
use crate::probe::{Answer, Feature};
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{Errno, Error, ErrorKind, Result};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
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
    Function(Named),
    Address(u64),
    Syscall(String),
}

impl Kprobe {
    /// The entry of this function.
    ///
    /// # Errors
    /// When attached: `ENOENT` if the kernel has no such function, `EINVAL` if it may not be probed,
    /// `EADDRNOTAVAIL` if several have this name; the text tells them. Kernels without the fixes of
    /// 2023 take any of several: [`Kprobe::in_module`] and [`Kprobe::same_name`] say which.
    ///
    /// # Kernel
    /// `perf_event_open` of the unit `kprobe` (since Linux 4.17), else a probe of tracefs.
    #[inline]
    pub fn new(function: &str) -> Self {
        Self::of(Place::Function(Named::new(function)))
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

    /// Which it is, of several functions of this name: it is looked up in `/proc/kallsyms`, and probed
    /// by its address. All of them are held by one link, which is no BPF link if they are several.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Invalid`] if there are several and it is [`SameName::Refuse`],
    /// [`ErrorKind::NotFound`] if there are not so many, [`ErrorKind::Permission`] if the kernel shows
    /// no addresses.
    #[must_use]
    #[inline]
    pub fn same_name(mut self, which: SameName) -> Self {
        if let Place::Function(named) = &mut self.place {
            named.which = which;
        }
        self
    }

    /// The function of this module (an empty name: of the kernel itself), looked up like
    /// [`Kprobe::same_name`].
    #[must_use]
    #[inline]
    pub fn in_module(mut self, module: &str) -> Self {
        if let Place::Function(named) = &mut self.place {
            named.module = Some(module.to_string());
        }
        self
    }

    /// Where the kernel has no function of this name, one that the compiler made of it will do
    /// (`NAME.isra.0`, `NAME.constprop.0`, `NAME.llvm.123`): its arguments may be others. Looked up
    /// like [`Kprobe::same_name`].
    #[must_use]
    #[inline]
    pub fn or_changed(mut self) -> Self {
        if let Place::Function(named) = &mut self.place {
            named.changed = true;
        }
        self
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

    /// Where it is: by the name that the kernel has for it, or by addresses, of which there is one at
    /// least.
    #[inline]
    fn targets(&self, system: &System) -> Result<Vec<Target>> {
        let one = match &self.place {
            Place::Function(named) if named.is_plain() => Target::Name(named.name.clone()),
            Place::Function(named) => {
                let addresses = named.addresses(system)?;
                return Ok(addresses.into_iter().map(Target::Address).collect());
            }
            Place::Address(address) => Target::Address(*address),
            Place::Syscall(name) => Target::Name(handler(system, name)?),
        };
        Ok(alloc::vec![one])
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
            Place::Function(named) => format!("{kind}kernel function {}{offset}", named.name),
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
        if self.options.max_active != 0 && !self.options.on_return {
            let what = format!("{hook}: only of returns may so many be under way");
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let targets = self.targets(program.system()).context(&hook)?;
        let mut links = Vec::new();
        for target in &targets {
            let link = self.attach_at(program, target, hook.clone());
            links.push(link.map_err(|error| {
                let why = self.why(program.system(), &error);
                error.context(format_args!("{hook}{why}"))
            })?);
        }
        match (links.pop(), links.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                let first = Box::new(last);
                let several = Held::Several {
                    first,
                    _rest: links,
                };
                Ok(Link::new(program, hook, several))
            }
            (None, _) => Err(Error::new(ErrorKind::NotFound, hook)),
        }
    }
}

/// What a probe is put on.
enum Target {
    Name(String),
    Address(u64),
}

impl Kprobe {
    #[inline]
    fn attach_at(&self, program: &Program, target: &Target, hook: String) -> Result<Link> {
        let (name, offset) = match target {
            Target::Name(name) => (Some(c_string(name)?), self.offset),
            Target::Address(address) => (None, address.wrapping_add(self.offset)),
        };
        let place = match (target, self.offset) {
            (Target::Name(name), 0) => name.clone(),
            (Target::Name(name), offset) => format!("{name}+{offset}"),
            (Target::Address(_), _) => format!("{offset:#x}"),
        };
        let probe = Probe {
            unit: "kprobe",
            target: name.as_deref(),
            offset,
            ref_ctr_offset: 0,
            place: &place,
            options: &self.options,
        };
        probe.attach(program, hook)
    }

    /// What a refusal of the kernel means here.
    #[cold]
    fn why(&self, system: &System, error: &Error) -> String {
        let what = match (error.errno(), &self.place) {
            (Some(Errno::ENOENT), Place::Function(named)) => named.missing(system),
            (Some(Errno::EADDRNOTAVAIL), Place::Function(named)) => named.ambiguous(system),
            (Some(errno), _) => return why(errno).to_string(),
            (None, _) => return String::new(),
        };
        format!(" ({what})")
    }
}

/// What a refusal of the kernel means here.
#[inline]
fn why(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => " (the kernel has no such function to probe)",
        Errno::EINVAL => " (it may not be probed: on the kernel's blacklist, or no place in it)",
        Errno::EILSEQ => " (no instruction begins at this offset)",
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
