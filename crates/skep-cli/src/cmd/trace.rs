//! What `skep run` needs of the kernel's tracing: tracepoints, and lines that programs print.

use crate::args::{Hook, Run};
use crate::fail::Result;
use crate::out::{DIM, Out, printable, styled};
use crate::printk::{self, Pipe};
use crate::tracefs::Tracefs;
use skep::codec::object::ProgramSpec;
use skep::{ObjectSpec, ProgType};

/// tracefs, if a program needs it: to be attached to a tracepoint, or to print.
pub(super) fn tracefs(args: &Run, spec: &ObjectSpec) -> Option<Tracefs> {
    let by_hand = args
        .attach
        .iter()
        .any(|a| matches!(a.hook, Hook::Tracepoint { .. }));
    let tracepoint = |p: &ProgramSpec| p.prog_type == ProgType::TRACEPOINT;
    if !by_hand && !spec.programs.iter().any(tracepoint) && !prints(spec) {
        return None;
    }
    Tracefs::find()
        .inspect_err(|error| {
            anstream::eprintln!(
                "tracefs is not mounted and cannot be ({error}): tracepoints cannot be attached, \
                 and what programs print is not shown (mount -t tracefs tracefs \
                 /sys/kernel/tracing)"
            );
        })
        .ok()
}

/// Whether a program prints to the kernel's trace.
fn prints(spec: &ObjectSpec) -> bool {
    spec.functions
        .iter()
        .flat_map(|f| &f.insns)
        .any(printk::is_print)
}

/// The pipe of what programs print, if one prints.
pub(super) fn open_pipe(spec: &ObjectSpec, tracefs: Option<&Tracefs>) -> Option<Pipe> {
    let tracefs = tracefs.filter(|_| prints(spec))?;
    Pipe::open(tracefs)
        .inspect_err(|error| anstream::eprintln!("what programs print is not shown: {error}"))
        .ok()
}

/// Prints what programs printed since the last time.
pub(super) fn print_lines(out: &mut Out, pipe: Option<&mut Pipe>) -> Result<()> {
    let Some(pipe) = pipe else { return Ok(()) };
    for line in pipe.lines()? {
        if out.is_json() {
            out.json(&serde_json::json!({"printk": line.text, "task": line.task}))?;
        } else {
            let text = printable(&format!("{}: {}", line.task, line.text));
            out.line(&format!("{}  {text}", styled(DIM, "printk")))?;
        }
    }
    Ok(())
}
