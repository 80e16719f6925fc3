//! `skep run OBJ`: load, attach, print events until told to stop.

use super::streams::{self, Event, Show, Streams};
use super::{attach, count, trace};
use crate::args::{Pair, Run};
use crate::fail::{Failure, Result};
use crate::json;
use crate::out::{DIM, HEAD, Out, printable, styled};
use crate::stop::Stop;
use skep::codec::object::{MapSpec, Pinning};
use skep::{LoadOptions, Object, ObjectSpec, System};
use std::time::Duration;

/// Runs the command for an object of the user.
pub(crate) fn run(args: &Run) -> Result {
    let path = args.object.as_deref().unwrap_or_else(|| "".as_ref());
    let spec = ObjectSpec::open(path)?;
    let system = System::host()?;
    let mut out = Out::new(args.json);
    drive(args, &system, spec, &mut out, None, &mut as_text)
}

/// An event of any object: the ring's name, the value on one line.
pub(super) fn as_text(ring: &str, event: &Event<'_>) -> String {
    let value = match event {
        Event::Typed(value) => printable(&value.to_string()),
        Event::Raw(bytes) => json::hex(bytes),
    };
    format!("{}  {value}", styled(DIM, printable(ring)))
}

/// Loads, attaches, prints (`head` first) until it is time to stop, detaches, and says what was
/// seen.
pub(super) fn drive(
    args: &Run,
    system: &System,
    mut spec: ObjectSpec,
    out: &mut Out,
    head: Option<&str>,
    show: Show<'_>,
) -> Result {
    prepare(args, &mut spec)?;
    let decoders = streams::decoders(args, &spec)?;
    let tracefs = trace::tracefs(args, &spec);
    let mut pipe = trace::open_pipe(&spec, tracefs.as_ref());
    let mut stop = Stop::catch(args.duration)?;
    let object = spec.load(system)?;
    super::notes("", object.warnings());
    let _pins = Pins(pins(&spec, &object));
    let mut streams = Streams::open(system, &object, decoders)?;
    let links = attach::attach(args, &object, tracefs.as_ref())?;
    if let Some(head) = head.filter(|_| !args.json) {
        out.line(&styled(HEAD, head))?;
        out.flush()?;
    }
    stop.begin();
    while let Some(wait) = stop.next_wait() {
        streams.print(out, show, wait)?;
        trace::print_lines(out, pipe.as_mut())?;
        out.flush()?;
    }
    let elapsed = stop.elapsed();
    for link in links {
        if let Err(error) = link.detach() {
            anstream::eprintln!("detach: {error}");
        }
    }
    streams.last(out, show)?;
    trace::print_lines(out, pipe.as_mut())?;
    out.flush()?;
    summary(&streams, lost(&object), elapsed);
    Ok(0)
}

/// What the command line says of the object: names are looked up before anything is loaded.
fn prepare(args: &Run, spec: &mut ObjectSpec) -> Result<()> {
    super::notes("", &spec.warnings);
    for Pair { name, value } in &args.set {
        let set = spec.variable(name).and_then(|mut v| v.set_text(value));
        if let Err(error) = set {
            let whole = whole(spec, name, value);
            return Err(Failure::Said(format!(
                "--set {name}={value}: {error}{whole}"
            )));
        }
    }
    for Pair { name, .. } in &args.types {
        let rings = spec.maps.iter().filter(|m| streams::is_stream(m.map_type));
        known(
            "--type",
            "ring buffer or perf event array",
            name,
            rings.map(|m| m.name.as_str()),
        )?;
    }
    for attach in &args.attach {
        let name = attach.program.as_str();
        let programs = spec.programs.iter().map(|p| p.name.as_str());
        known("--attach", "program", name, programs)?;
        // A program that is to be attached is to be loaded, whatever its section says.
        for program in spec.programs.iter_mut().filter(|p| p.name == name) {
            program.autoload = true;
        }
    }
    Ok(())
}

/// What to say of `NAME.MEMBER=VALUE`, where there is a variable NAME.
fn whole(spec: &mut ObjectSpec, name: &str, value: &str) -> String {
    match name.split_once('.') {
        Some((variable, member)) if spec.variable(variable).is_ok() => {
            format!(" (a struct is set as a whole: --set '{variable}={{{member}={value}}}')")
        }
        _ => String::new(),
    }
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

/// Maps that are pinned by their names, and where.
fn pins(spec: &ObjectSpec, object: &Object) -> Vec<String> {
    let root = LoadOptions::default().pin_root;
    let maps = spec.maps.iter().filter(|m| object.map(&m.name).is_ok());
    let path = |map: &MapSpec| match &map.pinning {
        Pinning::ByName => Some(format!("{root}/{}", map.name)),
        Pinning::Path(path) => Some(path.clone()),
        _ => None,
    };
    maps.filter_map(path).collect()
}

/// Pins that stay: told at the end, however it comes.
struct Pins(Vec<String>);

impl Drop for Pins {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            let what = if self.0.len() == 1 {
                "a map stays"
            } else {
                "maps stay"
            };
            let paths = printable(&self.0.join(" "));
            anstream::eprintln!("{what} pinned, as the object asks: {paths}");
        }
    }
}

fn summary(streams: &Streams, lost: Option<u64>, elapsed: Duration) {
    let stats = streams.stats();
    let seconds = elapsed.as_secs_f64();
    if stats.is_empty() {
        anstream::eprintln!("ended after {seconds:.1} s");
        return;
    }
    let (mut events, mut unread) = (0, 0);
    for (name, stats_of) in &stats {
        events += stats_of.events;
        unread += stats_of.lost;
        if stats.len() > 1 {
            let seen = count(stats_of.events as usize, "event");
            anstream::eprintln!("{}: {seen}", printable(name));
        }
    }
    // Perf event arrays count what found no room; of ring buffers only the object knows.
    let lost = match lost {
        Some(lost) => format!("{} lost", lost + unread),
        None if unread > 0 => format!("{unread} lost"),
        None => "losses not counted (no global named `dropped`)".to_owned(),
    };
    let seen = count(events as usize, "event");
    anstream::eprintln!("{seen} in {seconds:.1} s, {lost}");
}
