//! `skep tail`: what comes from a ring buffer or perf buffer that is in the kernel now.

use super::map::fdinfo::{self, Holder};
use super::{count, rings, run};
use crate::args::Tail;
use crate::decode::Decoder;
use crate::fail::{Failure, Result};
use crate::find;
use crate::out::{Out, printable};
use crate::stop::Stop;
use skep::codec::btf::Btf;
use skep::ring::PerfBuffer;
use skep::{Map, MapType, ObjectSpec, RingBuf, System};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the kernel appends to a record of a perf buffer at most.
const PERF_PADDING: usize = 7;

/// Where records come from.
enum Source {
    Ring(RingBuf),
    Perf(PerfBuffer),
}

/// `skep tail`.
pub(crate) fn run(args: &Tail) -> Result {
    let system = System::host()?;
    let map = find::map(&system, &args.map)?;
    if !matches!(map.map_type(), MapType::RINGBUF | MapType::PERF_EVENT_ARRAY) {
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
    let how = match &decoder {
        Some(decoder) => format!("as struct {}", decoder.name),
        None => "as bytes (--type STRUCT names the struct)".to_owned(),
    };
    let stop = Stop::catch(args.duration)?;
    let (source, decoder) = match map.map_type() {
        MapType::RINGBUF => (Source::Ring(RingBuf::open(&map)?), decoder),
        _ => {
            let decoder = decoder.map(|decoder| decoder.padded(PERF_PADDING));
            (Source::Perf(PerfBuffer::open(&map)?), decoder)
        }
    };
    anstream::eprintln!("{}", printable(&format!("reading {} {how}", map.name())));
    read(source, args, &map, decoder.as_ref(), &stop)
}

/// Prints records until it is time to stop, then how many there were.
fn read(
    mut source: Source,
    args: &Tail,
    map: &Map,
    decoder: Option<&Decoder>,
    stop: &Stop,
) -> Result {
    let mut out = Out::new(args.json);
    let (mut records, mut bytes) = (0_u64, Vec::new());
    while let Some(wait) = stop.next_wait() {
        source.wait(wait)?;
        for _ in 0..rings::TURN {
            if !source.next(&mut bytes)? {
                break;
            }
            records += 1;
            rings::print_one(&mut out, &mut run::as_text, map.name(), decoder, &bytes)?;
        }
        out.flush()?;
    }
    let seen = count(records as usize, "record");
    let seconds = stop.elapsed().as_secs_f64();
    anstream::eprintln!("{seen} in {seconds:.1} s; {}", source.lost());
    Ok(0)
}

impl Source {
    fn wait(&mut self, wait: Duration) -> Result<()> {
        match self {
            Self::Ring(ring) => ring.wait(Some(wait))?,
            Self::Perf(perf) => perf.wait(Some(wait))?,
        };
        Ok(())
    }

    /// Puts the next record into `bytes`; whether there was one.
    fn next(&mut self, bytes: &mut Vec<u8>) -> Result<bool> {
        let read = match self {
            Self::Ring(ring) => ring.next()?.map(|record| record.read_into(bytes)),
            Self::Perf(perf) => perf.next()?.map(|sample| sample.read_into(bytes)),
        };
        Ok(read.is_some())
    }

    /// What did not come.
    fn lost(&self) -> String {
        match self {
            Self::Perf(perf) => format!("{} lost", perf.lost()),
            Self::Ring(ring) if ring.overwrite_position().is_some() => {
                let bytes = ring.overwritten_bytes();
                format!("{bytes} bytes overwritten before they were read")
            }
            Self::Ring(ring) => {
                let discarded = ring.discarded();
                format!("{discarded} discarded by programs, losses not counted by ring buffers")
            }
        }
    }
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
fn decoder(args: &Tail, system: &System, map: &Map) -> Result<Option<Decoder>> {
    let asked = args.record.as_deref();
    if let Some(path) = args.btf.as_deref() {
        return of_file(system, path, map, asked);
    }
    let types = of_programs(system, map)?;
    let mut failed = None;
    for btf in &types {
        match Decoder::of_types(btf, asked) {
            Ok(None) => {}
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
        (None, None) => Ok(None),
    }
}

fn of_file(
    system: &System,
    path: &Path,
    map: &Map,
    asked: Option<&str>,
) -> Result<Option<Decoder>> {
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
