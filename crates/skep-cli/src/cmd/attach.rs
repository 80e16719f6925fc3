//! Attaching for `skep run`: by section name, or where the command line says.

use crate::args::{Hook, Place, Run};
use crate::fail::{Failure, Result};
use crate::out::printable;
use crate::tracefs::Tracefs;
use skep::codec::object::{Verb, sections};
use skep::link::{Cgroup, Lwt, Netkit, RawTracepoint, Tc, Tcx, Tracepoint, Xdp};
use skep::{AttachType, ErrorKind, Link, Object, ProgType, Program};

/// Attaches what can be attached, and says of the rest what it needs.
pub(super) fn attach(args: &Run, object: &Object, tracefs: Option<&Tracefs>) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for program in object.programs() {
        let mut by_hand = args
            .attach
            .iter()
            .filter(|a| a.program == program.name())
            .peekable();
        if by_hand.peek().is_none() {
            match attach_by_section(program, tracefs) {
                Ok(link) => links.push(link),
                Err(error) => anstream::eprintln!("{}", not_attached(program, &error)),
            }
        }
        for attach in by_hand {
            links.push(attach_to(program, &attach.hook, tracefs)?);
        }
    }
    for ops in object.struct_ops() {
        links.push(ops.attach()?);
    }
    if links.is_empty() {
        return Err(Failure::Said(
            "no program is attached: nothing to watch".to_owned(),
        ));
    }
    for link in &links {
        let told = format!("attached {} to {}", link.name(), link.hook());
        anstream::eprintln!("{}", printable(&told));
    }
    Ok(links)
}

/// A tracepoint goes by the tracefs that was found; all others as the library does it.
fn attach_by_section(program: &Program, tracefs: Option<&Tracefs>) -> skep::Result<Link> {
    let mut parts = program.section().trim_start_matches('?').split('/');
    match (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        tracefs,
    ) {
        (Some("tp" | "tracepoint"), Some(category), Some(name), None, Some(tracefs)) => {
            program.attach_to(Tracepoint::new(category, name).in_tracefs(tracefs.root()))
        }
        _ => program.attach(),
    }
}

fn attach_to(program: &Program, hook: &Hook, tracefs: Option<&Tracefs>) -> Result<Link> {
    Ok(match hook {
        Hook::Device { place, interface } => attach_to_device(program, *place, interface)?,
        Hook::Route {
            to,
            prefix_len,
            interface,
        } => program.attach_to(Lwt::to(*to, *prefix_len).dev(interface))?,
        Hook::Cgroup { path } => program.attach_to(Cgroup::open(path))?,
        Hook::RawTracepoint { name } => program.attach_to(RawTracepoint::new(name))?,
        Hook::Probe { section } => program.attach_as(section)?,
        Hook::Tracepoint { category, name } => {
            let hook = Tracepoint::new(category, name);
            match tracefs {
                Some(tracefs) => program.attach_to(hook.in_tracefs(tracefs.root()))?,
                None => program.attach_to(hook)?,
            }
        }
    })
}

fn attach_to_device(program: &Program, place: Place, interface: &str) -> skep::Result<Link> {
    let is_action = program.prog_type() == ProgType::SCHED_ACT;
    match place {
        Place::Ingress if is_action => program.attach_to(Tc::ingress(interface)),
        Place::Egress if is_action => program.attach_to(Tc::egress(interface)),
        Place::Xdp => program.attach_to(Xdp::on(interface)),
        Place::Ingress => program.attach_to(Tcx::ingress(interface)),
        Place::Egress => program.attach_to(Tcx::egress(interface)),
        Place::NetkitPrimary => program.attach_to(Netkit::primary(interface)),
        Place::NetkitPeer => program.attach_to(Netkit::peer(interface)),
    }
}

/// What to give for a probe, or a cgroup's or interface's program, whose section does not say where.
fn by_section(section: &str) -> &'static str {
    let found = sections::find(section.trim_start_matches('?'));
    match found.map(|found| (found.def.verb, found.def.on_return())) {
        Some((Verb::Kprobe, false)) => "kprobe:FUNCTION",
        Some((Verb::Kprobe, true)) => "kretprobe:FUNCTION",
        Some((Verb::Ksyscall, false)) => "ksyscall:NAME",
        Some((Verb::Ksyscall, true)) => "kretsyscall:NAME",
        Some((Verb::Uprobe, false)) => "uprobe:FILE:FUNCTION",
        Some((Verb::Uprobe, true)) => "uretprobe:FILE:FUNCTION",
        Some((Verb::KprobeMulti, _)) => "kprobe.multi:PATTERN",
        Some((Verb::UprobeMulti, _)) => "uprobe.multi:FILE:PATTERN",
        Some((Verb::Usdt, _)) => "usdt:FILE:PROVIDER:NAME",
        Some((Verb::Cgroup | Verb::LsmCgroup, _)) => "cgroup:PATH",
        Some((Verb::Route, _)) => "route:PREFIX@IFACE",
        Some((Verb::Tc | Verb::Netkit | Verb::TracingMulti, _)) => by_attach_type(found),
        _ => "",
    }
}

/// What to give where the attach type says which of several.
fn by_attach_type(found: Option<sections::Found<'_>>) -> &'static str {
    match found.and_then(|found| found.def.attach_type) {
        Some(AttachType::TCX_EGRESS) => "egress:IFACE",
        Some(AttachType::NETKIT_PRIMARY) => "netkit.primary:IFACE",
        Some(AttachType::NETKIT_PEER) => "netkit.peer:IFACE",
        Some(AttachType::TRACE_FENTRY_MULTI) => "fentry.multi:PATTERN",
        Some(AttachType::TRACE_FEXIT_MULTI) => "fexit.multi:PATTERN",
        Some(AttachType::TRACE_FSESSION_MULTI) => "fsession.multi:PATTERN",
        _ => "ingress:IFACE",
    }
}

fn not_attached(program: &Program, error: &skep::Error) -> String {
    let name = program.name();
    let hook = match program.prog_type() {
        ProgType::XDP => "xdp:IFACE",
        ProgType::TRACEPOINT => "tracepoint:CATEGORY/NAME",
        ProgType::RAW_TRACEPOINT => "raw_tp:NAME",
        _ => by_section(program.section()),
    };
    let why = match error.kind() {
        ErrorKind::NeedsTarget if !hook.is_empty() => format!("give --attach {name}={hook}"),
        ErrorKind::NeedsTarget => format!("{error}, which `skep run` cannot"),
        _ => error.to_string(),
    };
    printable(&format!("{name} is not attached: {why}"))
}
