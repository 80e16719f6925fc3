//! Attaching by section name: the table's verb, made a hook.

use crate::link::{Link, RawTracepoint, Tracepoint, Tracing};
use crate::prog::{Declared, Program};
use crate::{Error, ErrorKind, Result};
use skep_codec::object::Verb;

impl Program {
    /// Attaches it as its section name says.
    ///
    /// # Errors
    /// [`ErrorKind::NeedsTarget`] if the name does not say enough:
    /// the text says what to give.
    #[inline]
    pub fn attach(&self) -> Result<Link> {
        attach_declared(self)
    }
}

/// Attaches a program as its section says.
#[inline]
fn attach_declared(program: &Program) -> Result<Link> {
    let Some(declared) = program.declared() else {
        return Err(needs(
            program,
            "it was found in the kernel, without its section: give a hook",
        ));
    };
    match declared.verb {
        Verb::RawTracepoint => match target(program, declared)? {
            "" => Err(needs(
                program,
                "the section names no tracepoint: --attach PROG=raw_tp:NAME",
            )),
            name => program.attach_to(RawTracepoint::new(name)),
        },
        Verb::Tracepoint => match target(program, declared)?.split_once('/') {
            Some((category, name)) => program.attach_to(Tracepoint::new(category, name)),
            None => Err(needs(
                program,
                "the section names no tracepoint (tp/CATEGORY/NAME)",
            )),
        },
        Verb::Tracing | Verb::Lsm | Verb::Iter | Verb::Freplace => {
            program.attach_to(Tracing::with_link(declared.attach_type.unwrap_or_default()))
        }
        verb => Err(needs(program, how(verb))),
    }
}

#[inline]
fn target<'a>(program: &Program, declared: &'a Declared) -> Result<&'a str> {
    let target = declared.target.as_deref();
    target.ok_or_else(|| needs(program, how(declared.verb)))
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
        Verb::Xdp => "give the interface (--attach PROG=xdp:IFACE)",
        Verb::Socket => "give the socket",
        Verb::RawTracepoint => "give the tracepoint (--attach PROG=raw_tp:NAME)",
        Verb::Tracepoint => "give the tracepoint (--attach PROG=tracepoint:CATEGORY/NAME)",
        Verb::Run => "it is run with test_run",
        Verb::Freplace => "give the program and its function",
        Verb::Custom => "the section's name is the caller's own: attach_each_with",
        Verb::Tc | Verb::Netkit => "give the interface",
        Verb::Cgroup | Verb::LsmCgroup => "give the cgroup",
        Verb::PerfEvent => "give the perf event",
        Verb::Sockmap => "give the socket map",
        Verb::Netns => "give the network namespace",
        Verb::None => "nothing attaches this type of program by a link",
        _ => "this kind of hook is not supported yet",
    }
}
