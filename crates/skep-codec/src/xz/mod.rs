//! xz, unpacked: programs have symbols in them that are packed so (`.gnu_debugdata`).

#[cfg(test)]
mod tests;

use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use xz4rust::{XzDecoder, XzError, XzNextBlockResult};

/// The largest dictionary, in bytes: what `xz -9` asks for.
const DICTIONARY: usize = 64 << 20;
/// Bytes that are made room for at a time.
const STEP: usize = 64 << 10;

/// Unpacks an xz file of one stream, packed by LZMA2 alone.
///
/// # Errors
/// `TooLarge` where more than `limit` bytes come out; bytes that are no xz, are packed in another
/// way, are cut off, or have not the checksum that they tell.
pub fn unxz(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    unpack(bytes, limit).map_err(|e| e.in_section("xz"))
}

fn unpack(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut decoder = XzDecoder::in_heap_with_alloc_dict_size(xz4rust::DICT_SIZE_MIN, DICTIONARY);
    let (mut rest, mut out, mut len) = (bytes, Vec::new(), 0_usize);
    loop {
        // One byte more than is allowed, so that too much is seen.
        let room = len.saturating_add(STEP).min(limit.saturating_add(1));
        out.resize(room, 0);
        let step = decoder.decode(rest, out.get_mut(len..).unwrap_or_default());
        let step = match step {
            Ok(step) => step,
            Err(error) => return Err(refusal(&error)),
        };
        rest = rest.get(step.input_consumed()..).unwrap_or_default();
        len = len.saturating_add(step.output_produced());
        if len > limit {
            bail!(TooLarge, "more than {limit} bytes come out");
        }
        if let XzNextBlockResult::EndOfStream(..) = step {
            break;
        }
        if !step.made_progress() {
            bail!(Truncated, "the end of the stream");
        }
    }
    if rest.iter().any(|byte| *byte != 0) {
        bail!(Unsupported, "something behind the first stream");
    }
    out.truncate(len);
    Ok(out)
}

/// The unpacker's error as ours. Which of its variants there are depends on its features.
fn refusal(error: &XzError) -> Error {
    let text = format!("{error:?}");
    let kind = match error {
        XzError::NeedsLargerInputBuffer => ErrorKind::Truncated,
        XzError::DictionaryTooLarge(_) => ErrorKind::TooLarge,
        XzError::StreamHeaderMagicNumberMismatch => ErrorKind::Unsupported,
        _ if text.contains("upported") => ErrorKind::Unsupported,
        _ => ErrorKind::Malformed,
    };
    if text.contains("Crc32Mismatch") || text.contains("Crc64Mismatch") {
        return Error::new(kind, format!("the checksum is another: {text}"));
    }
    Error::new(kind, text)
}
