//! The ring buffers of an object, read and printed.

use crate::args::Run;
use crate::decode::Decoder;
use crate::fail::Result;
use crate::json;
use crate::out::{Out, printable};
use skep::codec::btf::Value;
use skep::{MapType, Object, ObjectSpec, RingBuf};
use std::time::Duration;

/// Records that are read from one ring before the others have their turn.
pub(super) const TURN: usize = 4096;

/// Records that are read from a ring after its programs are detached.
pub(super) const LAST_TURN: usize = 1 << 22;

/// A record of a ring buffer.
pub(super) enum Event<'a> {
    Typed(Value),
    Raw(&'a [u8]),
}

/// How an event is printed as text.
pub(super) type Show<'a> = &'a mut dyn FnMut(&str, &Event<'_>) -> String;

/// How each ring buffer of the object is read: its name, its struct.
pub(super) fn decoders(args: &Run, spec: &ObjectSpec) -> Result<Vec<(String, Option<Decoder>)>> {
    let rings = spec.maps.iter().filter(|m| m.map_type == MapType::RINGBUF);
    rings
        .map(|ring| {
            let asked = args.types.iter().rfind(|pair| pair.name == ring.name);
            let decoder = Decoder::choose(spec, ring, asked.map(|pair| pair.value.as_str()))?;
            Ok((ring.name.clone(), decoder))
        })
        .collect()
}

/// Opens the rings.
pub(super) fn open(object: &Object, decoders: Vec<(String, Option<Decoder>)>) -> Result<Vec<Ring>> {
    let open = |(name, decoder): (String, Option<Decoder>)| {
        let how = match &decoder {
            Some(decoder) => format!("as struct {}", decoder.name),
            None => format!("as bytes (--type {name}=STRUCT names the struct)"),
        };
        anstream::eprintln!("{}", printable(&format!("reading {name} {how}")));
        Ok(Ring {
            buffer: object.ring(&name)?,
            name,
            decoder,
            events: 0,
        })
    };
    decoders.into_iter().map(open).collect()
}

/// A ring buffer that is read.
pub(super) struct Ring {
    pub(super) name: String,
    buffer: RingBuf,
    decoder: Option<Decoder>,
    pub(super) events: u64,
}

impl Ring {
    /// Prints at most `turn` records.
    pub(super) fn print(&mut self, out: &mut Out, show: Show<'_>, turn: usize) -> Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..turn {
            match self.buffer.next()? {
                Some(record) => record.read_into(&mut bytes),
                None => break,
            }
            self.events += 1;
            print_one(out, show, &self.name, self.decoder.as_ref(), &bytes)?;
        }
        Ok(())
    }
}

/// One record of the map with this name.
pub(super) fn print_one(
    out: &mut Out,
    show: Show<'_>,
    name: &str,
    decoder: Option<&Decoder>,
    bytes: &[u8],
) -> Result<()> {
    let typed = decoder.and_then(|decoder| decoder.decode(bytes));
    let event = typed.map_or(Event::Raw(bytes), Event::Typed);
    match (&event, out.is_json()) {
        (_, false) => out.line(&show(name, &event))?,
        (Event::Typed(value), true) => out.json(&json::event(name, value))?,
        (Event::Raw(bytes), true) => out.json(&json::raw_event(name, bytes))?,
    }
    Ok(())
}

/// Waits until a ring has something, a signal comes, or at most this long.
pub(super) fn wait_any(rings: &mut [Ring], wait: Duration) -> Result<()> {
    if rings.is_empty() {
        std::thread::sleep(wait);
        return Ok(());
    }
    let mut buffers: Vec<_> = rings.iter_mut().map(|ring| &mut ring.buffer).collect();
    skep::ring::wait_any(&mut buffers, Some(wait))?;
    Ok(())
}
