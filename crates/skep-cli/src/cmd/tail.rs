//! `skep tail`: what comes from a ring buffer or perf buffer that is in the kernel now.

use super::map::fdinfo::{self, Holder};
use super::streams::{self, Streams};
use super::{count, run};
use crate::args::Tail;
use crate::decode::{Decoder, Reading};
use crate::fail::{Failure, Result};
use crate::find;
use crate::out::Out;
use crate::stop::Stop;
use skep::codec::btf::Btf;
use skep::codec::uapi::flags;
use skep::events::SourceStats;
use skep::{Map, MapType, ObjectSpec, System};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// `skep tail`.
pub(crate) fn run(args: &Tail) -> Result {
    let system = System::host()?;
    let map = find::map(&system, &args.map)?;
    if !streams::is_stream(map.map_type()) {
        return Err(Failure::Said(format!(
            "map `{}` is of type {}: nothing comes from it (`skep map dump` shows what is in it)",
            map.name(),
            map.map_type()
        )));
    }
    let holders = fdinfo::holders(map.id());
    if !holders.is_empty() && !args.steal {
        return Err(taken(&map, &holders));
    }
    let decoder = decoder(args, &system, &map)?;
    let stop = Stop::catch(args.duration)?;
    let mut streams = Streams::new(&system)?;
    streams.add(&map, decoder, "--type STRUCT")?;
    let mut out = Out::new(args.json);
    let mut show = run::as_text;
    while let Some(wait) = stop.next_wait() {
        streams.print(&mut out, &mut show, wait)?;
        out.flush()?;
    }
    // When the time is over, what is there already is read.
    if !stop.is_signalled() {
        streams.last(&mut out, &mut show)?;
        out.flush()?;
    }
    for (_, stats) in streams.stats() {
        summary(&map, &stats, stop.elapsed().as_secs_f64());
    }
    Ok(0)
}

fn summary(map: &Map, stats: &SourceStats, seconds: f64) {
    let seen = count(stats.events as usize, "record");
    let lost = match (map.map_type(), stats) {
        (MapType::PERF_EVENT_ARRAY, stats) => format!("{} lost", stats.lost),
        (_, stats) if map.shape().map_flags & flags::RB_OVERWRITE != 0 => {
            let bytes = stats.overwritten_bytes;
            format!("{bytes} bytes overwritten before they were read")
        }
        (_, stats) => {
            let discarded = stats.discarded;
            format!("{discarded} discarded by programs, losses not counted by ring buffers")
        }
    };
    anstream::eprintln!("{seen} in {seconds:.1} s; {lost}");
}

/// Somebody else reads this, probably.
fn taken(map: &Map, holders: &[Holder]) -> Failure {
    let names = holders.iter().map(|h| format!("{} ({})", h.comm, h.pid));
    let names: Vec<_> = names.collect();
    Failure::Said(format!(
        "map `{}` is open in {}: what is read here would not be read there; --steal reads it all \
         the same",
        map.name(),
        names.join(", ")
    ))
}

/// The struct, from a file or from the programs that use the map.
fn decoder(args: &Tail, system: &System, map: &Map) -> Result<Reading> {
    let asked = args.record.as_deref();
    if let Some(path) = args.btf.as_deref() {
        return of_file(system, path, map, asked);
    }
    let types = of_programs(system, map)?;
    let (mut failed, mut candidates) = (None, None);
    for btf in &types {
        match Decoder::of_types(btf, asked) {
            Ok(Reading::Bytes(found)) => candidates = candidates.or(found),
            Ok(found) => return Ok(found),
            Err(failure) => failed = Some(failure),
        }
    }
    match (failed, asked) {
        (Some(failure), _) => Err(failure),
        (None, Some(name)) => Err(Failure::Said(format!(
            "--type {name}: no program with types uses map `{}` (--btf FILE gives them)",
            map.name()
        ))),
        (None, None) => Ok(Reading::Bytes(candidates)),
    }
}

fn of_file(system: &System, path: &Path, map: &Map, asked: Option<&str>) -> Result<Reading> {
    if let Ok(spec) = ObjectSpec::open(path) {
        // The kernel keeps 15 characters of a name.
        let same = |name: &str| {
            name.as_bytes().get(..15).unwrap_or(name.as_bytes()) == map.name().as_bytes()
        };
        if let Some(ring) = spec.maps.iter().find(|ring| same(&ring.name)) {
            return Decoder::choose(&spec, ring, asked);
        }
    }
    let btf = system.btf_file(&path.to_string_lossy())?;
    Decoder::of_types(&btf, asked)
}

/// Types of the programs that use a map, each once.
fn of_programs(system: &System, map: &Map) -> Result<Vec<Arc<Btf>>> {
    let mut seen = BTreeSet::new();
    let mut types = Vec::new();
    for info in system.programs().map_err(super::listing)? {
        let uses = || {
            let program = system.program_by_id(info.id);
            program.is_ok_and(|p| p.map_ids().is_ok_and(|ids| ids.contains(&map.id())))
        };
        if info.btf_id != 0 && !seen.contains(&info.btf_id) && uses() {
            seen.insert(info.btf_id);
            types.extend(system.btf_by_id(info.btf_id));
        }
    }
    Ok(types)
}
