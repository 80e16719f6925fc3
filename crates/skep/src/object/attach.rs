//! Attaching by section name: the table's verb, made a hook.

use crate::link::{Kprobe, KprobeMulti, Link, RawTracepoint};
use crate::link::{Tracepoint, Tracing, TracingMulti, Uprobe, UprobeMulti};
use crate::prog::Program;
use crate::{AttachType, Error, ErrorKind, Result};
use skep_codec::object::{Verb, sections};

impl Program {
    /// Attaches it as its section name says.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsTarget`] if the name does not say enough:
    /// the text says what to give.
    #[inline]
    pub fn attach(&self) -> Result<Link> {
        let Some(declared) = self.declared() else {
            let how = "it was found in the kernel, without its section: give a hook";
            return Err(needs(self, how));
        };
        let found = sections::find(declared.section.trim_start_matches('?'));
        let place = Place {
            verb: declared.verb,
            target: declared.target.as_deref(),
            attach_type: declared.attach_type.unwrap_or_default(),
            on_return: found.is_some_and(|found| found.def.on_return()),
        };
        place.attach(self)
    }

    /// Attaches it as a section of this name would say, such as `kprobe/do_unlinkat` or
    /// `uprobe/libc.so.6:malloc`, whatever its own section is called.
    ///
    /// # Errors
    /// Those of [`Program::attach`]; [`ErrorKind::Invalid`] for a name that means nothing.
    #[inline]
    pub fn attach_as(&self, section: &str) -> Result<Link> {
        let Some(found) = sections::find(section).filter(|found| found.exact) else {
            let what = format!("`{section}` is no name of a section that means a hook");
            return Err(Error::new(ErrorKind::Invalid, what));
        };
        let place = Place {
            verb: found.def.verb,
            target: found.target,
            attach_type: found.def.attach_type.unwrap_or_default(),
            on_return: found.def.on_return(),
        };
        place.attach(self)
    }
}

/// What a section's name says of where its programs go.
struct Place<'a> {
    verb: Verb,
    target: Option<&'a str>,
    attach_type: AttachType,
    on_return: bool,
}

impl Place<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        match self.verb {
            Verb::RawTracepoint => match self.target(program)? {
                "" => Err(needs(program, how(self.verb))),
                name => program.attach_to(RawTracepoint::new(name)),
            },
            Verb::Tracepoint => match self.target(program)?.split_once('/') {
                Some((category, name)) => program.attach_to(Tracepoint::new(category, name)),
                None => Err(needs(
                    program,
                    "the section names no tracepoint (tp/CATEGORY/NAME)",
                )),
            },
            Verb::Kprobe => {
                let probe = Kprobe::declared(self.target(program)?)?;
                program.attach_to(self.timed(probe, Kprobe::on_return))
            }
            Verb::Ksyscall => {
                let probe = Kprobe::syscall(self.target(program)?);
                program.attach_to(self.timed(probe, Kprobe::on_return))
            }
            Verb::Uprobe => match Uprobe::declared(self.target(program)?)? {
                Some(probe) => program.attach_to(self.timed(probe, Uprobe::on_return)),
                None => Err(needs(program, how(self.verb))),
            },
            Verb::KprobeMulti => {
                let probes = KprobeMulti::matching(self.target(program)?);
                program.attach_to(self.timed(probes, KprobeMulti::on_return))
            }
            Verb::UprobeMulti => match UprobeMulti::declared(self.target(program)?) {
                Some(probes) => program.attach_to(self.timed(probes, UprobeMulti::on_return)),
                None => Err(needs(program, how(self.verb))),
            },
            #[cfg(feature = "usdt")]
            Verb::Usdt => match crate::link::Usdt::declared(self.target(program)?) {
                Some(probe) => program.attach_to(probe),
                None => Err(needs(program, how(self.verb))),
            },
            Verb::TracingMulti => program.attach_to(TracingMulti::matching(self.target(program)?)),
            Verb::Tracing | Verb::Lsm | Verb::Iter | Verb::Freplace => {
                program.attach_to(Tracing::with_link(self.attach_type))
            }
            verb => Err(needs(program, how(verb))),
        }
    }

    /// A probe of the entry, or of the return if that is where the program goes.
    #[inline]
    fn timed<P>(&self, probe: P, on_return: fn(P) -> P) -> P {
        if self.on_return {
            on_return(probe)
        } else {
            probe
        }
    }

    #[inline]
    fn target(&self, program: &Program) -> Result<&str> {
        let missing = || needs(program, how(self.verb));
        self.target.ok_or_else(missing)
    }
}

#[cold]
fn needs(program: &Program, how: &str) -> Error {
    let what = format!(
        "program `{}` ({}) does not attach by itself: {how}",
        program.name(),
        program.section()
    );
    Error::new(ErrorKind::NeedsTarget, what)
}

/// What to give for a verb that a section name alone does not satisfy.
#[inline]
fn how(verb: Verb) -> &'static str {
    match verb {
        Verb::Xdp => "give the interface (Program::attach_to, link::Xdp)",
        Verb::Socket => "give the socket (Program::attach_to, link::SocketFilter)",
        Verb::RawTracepoint => "give the tracepoint (Program::attach_to, link::RawTracepoint)",
        Verb::Tracepoint => "give the tracepoint (Program::attach_to, link::Tracepoint)",
        Verb::Kprobe => "give the kernel function (Program::attach_to, link::Kprobe)",
        Verb::Ksyscall => "give the system call (Program::attach_to, link::Kprobe::syscall)",
        Verb::Uprobe => "give file and function (Program::attach_to, link::Uprobe)",
        Verb::KprobeMulti => "give kernel functions (Program::attach_to, link::KprobeMulti)",
        Verb::UprobeMulti => "give file and functions (Program::attach_to, link::UprobeMulti)",
        Verb::TracingMulti => "give kernel functions (Program::attach_to, link::TracingMulti)",
        #[cfg(feature = "usdt")]
        Verb::Usdt => "give file and probe (Program::attach_to, link::Usdt)",
        #[cfg(not(feature = "usdt"))]
        Verb::Usdt => "this library is built without its feature `usdt`",
        Verb::Run => "it is run with test_run",
        Verb::Freplace => "give the program and its function (Program::attach_to, link::Freplace)",
        Verb::StructOps => "its struct_ops map is attached (Object::struct_ops)",
        Verb::Custom => "the section's name is the caller's own: attach_each_with",
        Verb::Tc => "give the interface (Program::attach_to, link::Tcx or link::Tc)",
        Verb::Netkit => "give the netkit pair (Program::attach_to, link::Netkit)",
        Verb::Cgroup | Verb::LsmCgroup => "give the cgroup (Program::attach_to, link::Cgroup)",
        Verb::Reuseport => "give a socket of the group (Program::attach_to, link::Reuseport)",
        Verb::PerfEvent => "give the event (Program::attach_to, link::PerfEvent)",
        Verb::Sockmap => "give the socket map (Program::attach_to, link::Sockmap)",
        Verb::Netns => "give the network namespace (Program::attach_to, link::Netns)",
        Verb::Lirc => "give the device (Program::attach_to, link::Lirc)",
        Verb::Route => "give the route (Program::attach_to, link::Lwt)",
        Verb::Netfilter => "give family and hook (Program::attach_to, link::Netfilter)",
        Verb::None => "nothing attaches this type of program by a link",
        _ => "this kind of hook is not supported yet",
    }
}
