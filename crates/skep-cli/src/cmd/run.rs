//! `skep run OBJ`: load, attach, print events until told to stop.

use super::count;
use crate::args::{Hook, Pair, Run};
use crate::decode::Decoder;
use crate::fail::{Failure, Result};
use crate::json;
use crate::out::{DIM, Out, printable, styled};
use crate::printk::{self, Pipe};
use crate::stop::Stop;
use crate::tracefs::Tracefs;
use skep::codec::btf::Value;
use skep::codec::object::ProgramSpec;
use skep::link::{RawTracepoint, Tracepoint, Xdp};
use skep::{ErrorKind, Link, MapType, Object, ObjectSpec, ProgType, Program, RingBuf, System};
use std::time::Duration;

/// Records that are read from one ring before the others have their turn.
const TURN: usize = 4096;

/// A record of a ring buffer.
pub(super) enum Event<'a> {
    Typed(Value),
    Raw(&'a [u8]),
}

/// How an event is printed as text.
pub(super) type Show<'a> = &'a mut dyn FnMut(&str, &Event<'_>) -> String;

/// Runs the command for an object of the user.
pub(crate) fn run(args: &Run) -> Result {
    let path = args.object.as_deref().unwrap_or_else(|| "".as_ref());
    let spec = ObjectSpec::open(path)?;
    let system = System::host()?;
    let mut out = Out::new(args.json);
    drive(args, &system, spec, &mut out, &mut as_text)
}

/// An event of any object: the ring's name, the value on one line.
fn as_text(ring: &str, event: &Event<'_>) -> String {
    let value = match event {
        Event::Typed(value) => printable(&value.to_string()),
        Event::Raw(bytes) => json::hex(bytes),
    };
    format!("{}  {value}", styled(DIM, printable(ring)))
}

/// Loads, attaches, prints until it is time to stop, detaches, and says what was seen.
pub(super) fn drive(
    args: &Run,
    system: &System,
    mut spec: ObjectSpec,
    out: &mut Out,
    show: Show<'_>,
) -> Result {
    for pair in &args.set {
        set(&mut spec, pair)?;
    }
    check_names(args, &spec)?;
    let decoders = decoders(args, &spec)?;
    let tracefs = tracefs(args, &spec);
    let mut pipe = open_pipe(&spec, tracefs.as_ref());
    let mut stop = Stop::catch(args.duration)?;
    let object = spec.load(system)?;
    let mut rings = Vec::new();
    for (name, decoder) in decoders {
        let how = match &decoder {
            Some(decoder) => format!("as struct {}", decoder.name),
            None => format!("as bytes (--type {name}=STRUCT names the struct)"),
        };
        anstream::eprintln!("{}", printable(&format!("reading {name} {how}")));
        let buffer = object.ring(&name)?;
        rings.push(Ring {
            name,
            buffer,
            decoder,
            events: 0,
        });
    }
    let links = attach(args, &object, tracefs.as_ref())?;
    stop.begin();
    while let Some(wait) = stop.next_wait() {
        let busy = wait_any(&mut rings, wait)?;
        for (ring, _) in rings.iter_mut().zip(busy).filter(|(_, busy)| *busy) {
            ring.print(out, show, TURN)?;
        }
        print_lines(out, pipe.as_mut())?;
        out.flush()?;
    }
    let elapsed = stop.elapsed();
    for link in links {
        if let Err(error) = link.detach() {
            anstream::eprintln!("detach: {error}");
        }
    }
    for ring in &mut rings {
        ring.print(out, show, usize::MAX)?;
    }
    print_lines(out, pipe.as_mut())?;
    out.flush()?;
    summary(&rings, lost(&object), elapsed);
    Ok(0)
}

fn set(spec: &mut ObjectSpec, pair: &Pair) -> Result<()> {
    let set = spec
        .variable(&pair.name)
        .and_then(|mut v| v.set_text(&pair.value));
    set.map_err(|e| Failure::Said(format!("--set {}={}: {e}", pair.name, pair.value)))
}

/// Names given on the command line are looked up before anything is loaded.
fn check_names(args: &Run, spec: &ObjectSpec) -> Result<()> {
    for attach in &args.attach {
        let programs = spec.programs.iter().map(|p| p.name.as_str());
        known("--attach", "program", &attach.program, programs)?;
    }
    for pair in &args.types {
        let rings = spec.maps.iter().filter(|m| m.map_type == MapType::RINGBUF);
        known(
            "--type",
            "ring buffer",
            &pair.name,
            rings.map(|m| m.name.as_str()),
        )?;
    }
    Ok(())
}

fn known<'a>(
    option: &str,
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<()> {
    let names: Vec<_> = names.collect();
    if names.contains(&name) {
        return Ok(());
    }
    let has = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Err(Failure::Said(format!(
        "{option} {name}: no such {what} in the object; it has {has}"
    )))
}

fn decoders(args: &Run, spec: &ObjectSpec) -> Result<Vec<(String, Option<Decoder>)>> {
    let rings = spec.maps.iter().filter(|m| m.map_type == MapType::RINGBUF);
    rings
        .map(|ring| {
            let asked = args.types.iter().rfind(|pair| pair.name == ring.name);
            let decoder = Decoder::choose(spec, ring, asked.map(|pair| pair.value.as_str()))?;
            Ok((ring.name.clone(), decoder))
        })
        .collect()
}

/// tracefs, if a program needs it: to be attached to a tracepoint, or to print.
fn tracefs(args: &Run, spec: &ObjectSpec) -> Option<Tracefs> {
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
fn open_pipe(spec: &ObjectSpec, tracefs: Option<&Tracefs>) -> Option<Pipe> {
    let tracefs = tracefs.filter(|_| prints(spec))?;
    Pipe::open(tracefs)
        .inspect_err(|error| anstream::eprintln!("what programs print is not shown: {error}"))
        .ok()
}

/// Attaches what can be attached, and says of the rest what it needs.
fn attach(args: &Run, object: &Object, tracefs: Option<&Tracefs>) -> Result<Vec<Link>> {
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
    if links.is_empty() {
        return Err(Failure::Said(
            "no program is attached: nothing to watch".to_owned(),
        ));
    }
    for link in &links {
        let told = format!("attached {} to {}", link.program().name(), link.hook());
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
        Hook::Xdp { interface } => program.attach_to(Xdp::on(interface))?,
        Hook::RawTracepoint { name } => program.attach_to(RawTracepoint::new(name))?,
        Hook::Tracepoint { category, name } => {
            let hook = Tracepoint::new(category, name);
            match tracefs {
                Some(tracefs) => program.attach_to(hook.in_tracefs(tracefs.root()))?,
                None => program.attach_to(hook)?,
            }
        }
    })
}

fn not_attached(program: &Program, error: &skep::Error) -> String {
    let name = program.name();
    let hook = match program.prog_type() {
        ProgType::XDP => "xdp:IFACE",
        ProgType::TRACEPOINT => "tracepoint:CATEGORY/NAME",
        ProgType::RAW_TRACEPOINT => "raw_tp:NAME",
        _ => "",
    };
    let why = match error.kind() {
        ErrorKind::NeedsTarget if !hook.is_empty() => format!("give --attach {name}={hook}"),
        ErrorKind::NeedsTarget => format!("{error}, which `skep run` cannot"),
        _ => error.to_string(),
    };
    printable(&format!("{name} is not attached: {why}"))
}

/// A ring buffer that is read.
struct Ring {
    name: String,
    buffer: RingBuf,
    decoder: Option<Decoder>,
    events: u64,
}

impl Ring {
    /// Prints at most `turn` records.
    fn print(&mut self, out: &mut Out, show: Show<'_>, turn: usize) -> Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..turn {
            match self.buffer.next()? {
                Some(record) => record.read_into(&mut bytes),
                None => break,
            }
            self.events += 1;
            let typed = self.decoder.as_ref().and_then(|d| d.decode(&bytes));
            let event = typed.map_or(Event::Raw(&bytes), Event::Typed);
            match (&event, out.is_json()) {
                (_, false) => out.line(&show(&self.name, &event))?,
                (Event::Typed(value), true) => out.json(&json::event(&self.name, value))?,
                (Event::Raw(bytes), true) => out.json(&json::raw_event(&self.name, bytes))?,
            }
        }
        Ok(())
    }
}

/// Waits until a ring has something, at most this long; which have.
fn wait_any(rings: &mut [Ring], wait: Duration) -> Result<Vec<bool>> {
    if rings.is_empty() {
        std::thread::sleep(wait);
        return Ok(Vec::new());
    }
    let mut buffers: Vec<_> = rings.iter_mut().map(|ring| &mut ring.buffer).collect();
    Ok(skep::ring::wait_any(&mut buffers, Some(wait))?)
}

fn print_lines(out: &mut Out, pipe: Option<&mut Pipe>) -> Result<()> {
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

/// What the object itself counts as lost: a global integer `dropped` or `lost`.
fn lost(object: &Object) -> Option<u64> {
    let count = |name| {
        let bytes = object.global(name).ok()?.bytes().ok()?;
        match bytes.len() {
            4 => Some(u32::from_ne_bytes(bytes.try_into().ok()?).into()),
            8 => Some(u64::from_ne_bytes(bytes.try_into().ok()?)),
            _ => None,
        }
    };
    ["dropped", "lost"].into_iter().find_map(count)
}

fn summary(rings: &[Ring], lost: Option<u64>, elapsed: Duration) {
    let mut events = 0;
    for ring in rings {
        events += ring.events;
        if rings.len() > 1 {
            let seen = count(ring.events as usize, "event");
            anstream::eprintln!("{}: {seen}", printable(&ring.name));
        }
    }
    let lost = match lost {
        Some(lost) => format!("{lost} lost"),
        None => "losses not counted (no global named `dropped`)".to_owned(),
    };
    let seconds = elapsed.as_secs_f64();
    let seen = count(events as usize, "event");
    anstream::eprintln!("{seen} in {seconds:.1} s, {lost}");
}
