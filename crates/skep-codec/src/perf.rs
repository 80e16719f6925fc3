//! Records of a perf buffer (`enum perf_event_type` of `linux/perf_event.h`), as far as a buffer
//! that programs write holds them.

use crate::Result;
use crate::bytes::{Endian, Reader};
use crate::error::bail;

/// Bytes of `struct perf_event_header`, which begins every record.
pub const HEADER: usize = 8;

/// `PERF_RECORD_LOST`.
pub const LOST: u32 = 2;
/// `PERF_RECORD_THROTTLE`.
pub const THROTTLE: u32 = 5;
/// `PERF_RECORD_UNTHROTTLE`.
pub const UNTHROTTLE: u32 = 6;
/// `PERF_RECORD_SAMPLE`.
pub const SAMPLE: u32 = 9;
/// `PERF_RECORD_LOST_SAMPLES`.
pub const LOST_SAMPLES: u32 = 13;

/// `struct perf_event_header`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `PERF_RECORD_*`.
    pub kind: u32,
    /// `PERF_RECORD_MISC_*`.
    pub misc: u16,
    /// Bytes of the record, this header among them.
    pub size: u16,
}

impl Header {
    /// The header that these bytes are.
    #[inline]
    pub fn read(bytes: [u8; HEADER], endian: Endian) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self {
            kind: endian.u32([a, b, c, d]),
            misc: endian.u16([e, f]),
            size: endian.u16([g, h]),
        }
    }

    /// The record's length in bytes, if a record can be so long: not shorter than its header,
    /// whole words, and no more than are there.
    #[inline]
    pub fn len_within(&self, there: u64) -> Option<u64> {
        let len = u64::from(self.size);
        (len >= HEADER as u64 && len.is_multiple_of(8) && len <= there).then_some(len)
    }
}

/// A record, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// What a program sent, with the zeros that fill the record's last word.
    Sample(&'a [u8]),
    /// So many records found no room.
    Lost(u64),
    /// The event came too often and is held back.
    Throttle,
    /// It is let go again.
    Unthrottle,
    /// Some other record, by its kind.
    Other(u32),
}

/// Decodes the record at the head of `bytes`; the answer tells how long it is too. Samples are
/// those of an event whose `sample_type` is `PERF_SAMPLE_RAW`.
///
/// # Errors
/// A length that cannot be, or one that is less than the record's kind has.
#[inline]
pub fn decode(bytes: &[u8], endian: Endian) -> Result<(Record<'_>, usize)> {
    let mut reader = Reader::new(bytes, endian);
    let header = Header {
        kind: reader.u32()?,
        misc: reader.u16()?,
        size: reader.u16()?,
    };
    let Some(len) = header.len_within(bytes.len() as u64) else {
        let there = bytes.len();
        bail!(
            Malformed,
            "a perf record of {} bytes where {there} are",
            header.size
        );
    };
    let len = len as usize;
    let mut body = Reader::new(reader.take(len.saturating_sub(HEADER))?, endian);
    let record = match header.kind {
        SAMPLE => {
            let raw = body.u32()?;
            Record::Sample(body.take(raw as usize)?)
        }
        LOST => {
            let _id = body.u64()?;
            Record::Lost(body.u64()?)
        }
        LOST_SAMPLES => Record::Lost(body.u64()?),
        THROTTLE => Record::Throttle,
        UNTHROTTLE => Record::Unthrottle,
        other => Record::Other(other),
    };
    Ok((record, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[inline]
    fn record(endian: Endian, kind: u32, size: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = endian.put_u32(kind).to_vec();
        bytes.extend(endian.put_u16(0));
        bytes.extend(endian.put_u16(size));
        bytes.extend(body);
        bytes
    }

    #[test]
    fn records_of_both_byte_orders() {
        for endian in [Endian::Little, Endian::Big] {
            let words = |words: &[u64]| -> Vec<u8> {
                words
                    .iter()
                    .flat_map(|word| endian.put_u64(*word))
                    .collect()
            };
            let mut body = endian.put_u32(4).to_vec();
            body.extend(b"abcd");
            let sample = record(endian, SAMPLE, 16, &body);
            assert_eq!(decode(&sample, endian), Ok((Record::Sample(b"abcd"), 16)));
            let lost = record(endian, LOST, 24, &words(&[7, 3]));
            assert_eq!(decode(&lost, endian), Ok((Record::Lost(3), 24)));
            let lost = record(endian, LOST_SAMPLES, 16, &words(&[5]));
            assert_eq!(decode(&lost, endian), Ok((Record::Lost(5), 16)));
            let throttle = record(endian, THROTTLE, 32, &words(&[1, 2, 3]));
            assert_eq!(decode(&throttle, endian), Ok((Record::Throttle, 32)));
            let other = record(endian, 77, 8, &[]);
            assert_eq!(decode(&other, endian), Ok((Record::Other(77), 8)));
        }
    }

    #[test]
    fn lengths_that_cannot_be_are_errors() {
        let endian = Endian::Little;
        let body = [0xff; 24];
        for (kind, size) in [
            (SAMPLE, 0),
            (SAMPLE, 4),
            (SAMPLE, 12),
            (SAMPLE, 40),
            (LOST, 16),
        ] {
            let bytes = record(endian, kind, size, &body);
            assert!(decode(&bytes, endian).is_err(), "{kind} of {size}");
        }
        // The program's data is longer than its record.
        assert!(decode(&record(endian, SAMPLE, 32, &body), endian).is_err());
        assert!(decode(&[9, 0, 0], endian).is_err());
    }
}
