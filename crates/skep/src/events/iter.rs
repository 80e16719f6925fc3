//! An iterator's output, cut into events.

use super::invalid;
use crate::Result;
use crate::link::IterReader;
use alloc::vec;
use alloc::vec::Vec;

/// Bytes that are read at once: more than the kernel's buffer of eight small pages.
const ROOM: usize = 64 << 10;
/// The longest line or record.
const LONGEST: usize = 1 << 20;

/// Where one event ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Wherever a read ends: never within what the program wrote for one object, as long as that
    /// fits into eight pages.
    Reads,
    /// After so many bytes (`bpf_seq_write` of a struct).
    Bytes(usize),
    /// After each line (`bpf_seq_printf`); the event is without its end.
    Lines,
}

/// The output of an iterator, as a source of [`Events`](super::Events).
#[derive(Debug)]
pub struct IterStream {
    reader: IterReader,
    parts: Parts,
    /// What was read, from `at` to `end`.
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

impl IterStream {
    /// Cuts what `reader` reads.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for events of 0 bytes, or over 1 MiB.
    #[inline]
    pub fn new(reader: IterReader, parts: Parts) -> Result<Self> {
        if let Parts::Bytes(len) = parts
            && !(1..=LONGEST).contains(&len)
        {
            return Err(invalid("events of 0 bytes, or over 1 MiB"));
        }
        Ok(Self {
            reader,
            parts,
            buffer: vec![0; ROOM],
            at: 0,
            end: 0,
        })
    }

    /// Puts the next event into `out`; `false` at the end. What is left there is the last event.
    #[inline]
    pub(super) fn next_into(&mut self, out: &mut Vec<u8>) -> Result<bool> {
        loop {
            let there = self.buffer.get(self.at..self.end).unwrap_or_default();
            if let Some((len, skip)) = self.parts.first(there) {
                self.hand_out(len, skip, out);
                return Ok(true);
            }
            if !self.fill()? {
                let len = self.end - self.at;
                self.hand_out(len, 0, out);
                return Ok(len > 0);
            }
        }
    }

    #[inline]
    fn hand_out(&mut self, len: usize, skip: usize, out: &mut Vec<u8>) {
        let event = self.buffer.get(self.at..self.at + len).unwrap_or_default();
        out.clear();
        out.extend_from_slice(event);
        self.at += len + skip;
    }

    /// Reads on; `false` at the end.
    #[inline]
    fn fill(&mut self) -> Result<bool> {
        self.buffer.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        if self.end > LONGEST {
            return Err(invalid("an iterator's line is longer than 1 MiB"));
        }
        self.buffer.resize(self.end + ROOM, 0);
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let len = self.reader.read(room)?;
        self.end += len;
        Ok(len > 0)
    }
}

impl Parts {
    /// Length of the first event in `bytes`, and of what follows it and is no part of it.
    #[inline]
    fn first(self, bytes: &[u8]) -> Option<(usize, usize)> {
        match self {
            Self::Reads => (!bytes.is_empty()).then_some((bytes.len(), 0)),
            Self::Bytes(len) => (bytes.len() >= len).then_some((len, 0)),
            Self::Lines => Some((bytes.iter().position(|byte| *byte == b'\n')?, 1)),
        }
    }
}
