//! Ring buffers and perf event arrays, read together and printed.

use crate::args::Run;
use crate::decode::{Decoder, Reading};
use crate::fail::Result;
use crate::json;
use crate::out::{Out, printable};
use skep::codec::btf::Value;
use skep::events::{SourceId, SourceStats};
use skep::ring::PerfBuffer;
use skep::{Events, Map, MapType, Object, ObjectSpec, RingBuf, System};
use std::time::Duration;

/// Records that are printed before they are shown, and the time and signals are looked at.
const TURN: usize = 4096;

/// Records that are read after the programs are detached.
const LAST_TURN: usize = 1 << 22;

/// What the kernel appends to a record of a perf event array at most.
const PERF_PADDING: usize = 7;

/// A record.
pub(super) enum Event<'a> {
    Typed(Value),
    Raw(&'a [u8]),
}

/// How an event is printed as text.
pub(super) type Show<'a> = &'a mut dyn FnMut(&str, &Event<'_>) -> String;

/// Whether records come from maps of this type.
pub(super) fn is_stream(map_type: MapType) -> bool {
    matches!(map_type, MapType::RINGBUF | MapType::PERF_EVENT_ARRAY)
}

/// How each of these maps of the object is read: its name, its struct.
pub(super) fn decoders(args: &Run, spec: &ObjectSpec) -> Result<Vec<(String, Reading)>> {
    let maps = spec.maps.iter().filter(|m| is_stream(m.map_type));
    maps.map(|map| {
        let asked = args.types.iter().rfind(|pair| pair.name == map.name);
        let reading = Decoder::choose(spec, map, asked.map(|pair| pair.value.as_str()))?;
        Ok((map.name.clone(), reading))
    })
    .collect()
}

/// Maps that are read.
pub(super) struct Streams {
    events: Events,
    streams: Vec<Stream>,
}

struct Stream {
    id: SourceId,
    name: String,
    decoder: Option<Decoder>,
}

impl Streams {
    /// None yet.
    pub(super) fn new(system: &System) -> Result<Self> {
        Ok(Self {
            events: Events::new(system)?,
            streams: Vec::new(),
        })
    }

    /// Those of an object. A perf event array that cannot be read is said and left out: it need not
    /// be one for records.
    pub(super) fn open(
        system: &System,
        object: &Object,
        readings: Vec<(String, Reading)>,
    ) -> Result<Self> {
        let mut streams = Self::new(system)?;
        for (name, reading) in readings {
            let map = object.map(&name)?;
            let option = format!("--type {name}=STRUCT");
            match streams.add(map, reading, &option) {
                Err(error) if map.map_type() == MapType::PERF_EVENT_ARRAY => {
                    anstream::eprintln!("{}", printable(&format!("note: left out: {error}")));
                }
                done => done?,
            }
        }
        Ok(streams)
    }

    /// Opens a map, and says how it is read; `option` names the struct.
    pub(super) fn add(&mut self, map: &Map, reading: Reading, option: &str) -> Result<()> {
        let (how, decoder) = match reading {
            Reading::As(decoder) => (format!("as struct {}", decoder.name), Some(decoder)),
            Reading::Bytes(candidates) => (as_bytes(option, candidates.as_deref()), None),
        };
        let (id, decoder) = match map.map_type() {
            MapType::RINGBUF => (self.events.add(RingBuf::open(map)?)?, decoder),
            _ => {
                let decoder = decoder.map(|decoder| decoder.padded(PERF_PADDING));
                (self.events.add(PerfBuffer::open(map)?)?, decoder)
            }
        };
        let name = map.name().to_owned();
        anstream::eprintln!("{}", printable(&format!("reading {name} {how}")));
        self.streams.push(Stream { id, name, decoder });
        Ok(())
    }

    /// Waits until there is something, at most so long, and prints it.
    pub(super) fn print(&mut self, out: &mut Out, show: Show<'_>, wait: Duration) -> Result<()> {
        if self.streams.is_empty() {
            std::thread::sleep(wait);
            return Ok(());
        }
        self.events.end_in(wait)?;
        let Some(event) = self.events.next()? else {
            return Ok(());
        };
        print_one(out, show, &self.streams, event)?;
        self.rest(out, show, TURN)
    }

    /// Prints what is left when the programs are detached.
    pub(super) fn last(&mut self, out: &mut Out, show: Show<'_>) -> Result<()> {
        self.rest(out, show, LAST_TURN)
    }

    fn rest(&mut self, out: &mut Out, show: Show<'_>, turn: usize) -> Result<()> {
        for _ in 0..turn {
            match self.events.try_next()? {
                Some(event) => print_one(out, show, &self.streams, event)?,
                None => break,
            }
        }
        Ok(())
    }

    /// What came of each, by name.
    pub(super) fn stats(&self) -> Vec<(&str, SourceStats)> {
        let stats = |stream: &Stream| self.events.stats(stream.id).unwrap_or_default();
        let streams = self.streams.iter();
        streams.map(|s| (s.name.as_str(), stats(s))).collect()
    }
}

/// Candidates that are told of a map that is read as bytes.
const CANDIDATES: usize = 12;

/// Why a map is read as bytes, and what to do.
fn as_bytes(option: &str, candidates: Option<&[String]>) -> String {
    let Some(candidates) = candidates else {
        return "as bytes: its types are not known (compile the program with -g)".to_owned();
    };
    let told = candidates.get(..CANDIDATES).unwrap_or(candidates);
    match (told, candidates.len() - told.len()) {
        ([], _) => format!(
            "as bytes: no struct can be it ({option} names one; a global pointer to a struct keeps \
             it in the types: struct event *unused;)"
        ),
        (_, 0) => format!(
            "as bytes: name its struct with {option}: {}",
            told.join(", ")
        ),
        (_, more) => {
            let told = told.join(", ");
            format!("as bytes: name its struct with {option}: {told} and {more} more")
        }
    }
}

fn print_one(
    out: &mut Out,
    show: Show<'_>,
    streams: &[Stream],
    event: skep::events::Event<'_>,
) -> Result<()> {
    let Some(stream) = streams.iter().find(|s| s.id == event.source()) else {
        return Ok(());
    };
    let (name, bytes) = (stream.name.as_str(), event.bytes());
    let typed = stream.decoder.as_ref().and_then(|d| d.decode(bytes));
    let event = typed.map_or(Event::Raw(bytes), Event::Typed);
    match (&event, out.is_json()) {
        (_, false) => out.line(&show(name, &event))?,
        (Event::Typed(value), true) => out.json(&json::event(name, value))?,
        (Event::Raw(bytes), true) => out.json(&json::raw_event(name, bytes))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_as_bytes_is_told_its_candidates() {
        let told = |names: &[String]| as_bytes("--type rb=STRUCT", Some(names));
        assert!(as_bytes("", None).contains("compile the program with -g"));
        assert!(told(&[]).contains("no struct can be it"));
        let names: Vec<_> = (1..15).map(|n| format!("s{n}")).collect();
        assert!(told(&names[..2]).ends_with("with --type rb=STRUCT: s1, s2"));
        assert!(told(&names).ends_with(", s12 and 2 more"));
    }
}
