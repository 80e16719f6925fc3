//! Text to the bytes of a value: what a person gives for a variable, a key, a member.

mod number;
mod read;
#[cfg(test)]
mod tests;

use super::field::MAX_LOOKS;
use super::value::is_char;
use super::{Btf, Kind, MAX_DEPTH, Type, TypeId};
use crate::bytes::Endian;
use crate::error::bail;
use crate::{Error, ErrorKind, Result, text};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use number::Number;
use read::Text;

impl Btf {
    /// Writes the value that `text` gives for type `id` to the start of `bytes`.
    ///
    /// - a number (`0x`, `0o` and `0b` too), a character in quotes, `true` or `false`, the name of
    ///   an enumerator;
    /// - for an array of `char` text, in quotes or not;
    /// - for an array of unsigned bytes hex digits (`[0a ff]`, `0a:ff`, `"0aff"`) or, where it has
    ///   4 or 16 bytes, an internet address;
    /// - for another array a list, `[1, 2]`; elements that are not given become zero;
    /// - for a struct, union or data section `{ a = 1, b.c[2] = 3 }`; members that are not given
    ///   keep the value that `bytes` has.
    ///
    /// What [`Value`](super::Value) prints is read back, and so is JSON.
    ///
    /// # Errors
    /// Text that is no value of the type or does not fit it, with the offset of the place in the
    /// text; nothing is written then.
    pub fn encode(&self, id: TypeId, text: &str, bytes: &mut [u8]) -> Result<()> {
        self.assign(id, "", text, bytes).map(drop)
    }

    /// [`Btf::encode`] of the part of a value of type `id` that `path` leads to: members and
    /// elements, as in `key.ports[2]`. All else stays as it is. The answer: which bytes these are.
    ///
    /// # Errors
    /// Those of [`Btf::encode`]; a path to nothing, or through a pointer.
    pub fn assign(
        &self,
        id: TypeId,
        path: &str,
        text: &str,
        bytes: &mut [u8],
    ) -> Result<Range<usize>> {
        let mut encoder = Encoder {
            btf: self,
            text: Text::new(text),
            looks_left: MAX_LOOKS,
        };
        let size = usize::try_from(self.size_of(id)?).unwrap_or(usize::MAX);
        let have = bytes.len();
        let Some(out) = bytes.get_mut(..size) else {
            bail!(Truncated, "value of {size} bytes, {have} there");
        };
        let mut whole = out.to_vec();
        let part = encoder.part(id, path, &mut whole, MAX_DEPTH)?;
        encoder.text.end()?;
        out.copy_from_slice(&whole);
        Ok(part)
    }
}

struct Encoder<'a> {
    btf: &'a Btf,
    text: Text<'a>,
    looks_left: u32,
}

impl Encoder<'_> {
    /// The value of what the path leads to inside a value of type `id`; which bytes it has.
    fn part(&mut self, id: TypeId, path: &str, out: &mut [u8], depth: u32) -> Result<Range<usize>> {
        let field = self.btf.field_in(id, path, &mut self.looks_left)?;
        let &[bit_offset] = field.bit_offsets.as_slice() else {
            bail!(Mismatch, "`{path}` leads through a pointer");
        };
        let ty = self.btf.peel(field.ty)?;
        let from = usize::try_from(bit_offset / 8).unwrap_or(usize::MAX);
        if field.bit_size != 0 {
            let bits = u32::from(field.bit_size);
            let number = self.number(&ty, bits)?;
            put_bits(out, bit_offset, bits, number.bits(), self.btf.endian())?;
            let bits = (bit_offset % 8).saturating_add(bits.into());
            return Ok(from..from.saturating_add(bits.div_ceil(8) as usize));
        }
        let end = from.saturating_add(self.size(ty.id())?);
        match out.get_mut(from..end) {
            Some(out) => self.value(&ty, out, depth)?,
            None => bail!(Malformed, "`{path}` lies outside of what it is part of"),
        }
        Ok(from..end)
    }

    fn size(&self, id: TypeId) -> Result<usize> {
        Ok(usize::try_from(self.btf.size_of(id)?).unwrap_or(usize::MAX))
    }

    /// A value of exactly the length of `out`.
    fn value(&mut self, ty: &Type<'_>, out: &mut [u8], depth: u32) -> Result<()> {
        let Some(depth) = depth.checked_sub(1) else {
            bail!(TooDeep, "type {} never ends", ty.id().0);
        };
        match ty.kind() {
            Kind::Var => {
                let target = self.btf.peel(ty.target().unwrap_or_default())?;
                self.value(&target, out, depth)
            }
            Kind::Struct | Kind::Union | Kind::Datasec => self.composite(ty, out, depth),
            Kind::Array => self.array(ty, out, depth),
            Kind::Float => {
                let (at, word) = (self.text.offset(), self.text.word()?);
                let bytes = number::float(&word, out.len(), self.btf.endian());
                out.copy_from_slice(&bytes.map_err(|error| mark(error, at))?);
                Ok(())
            }
            _ => {
                let bits = out.len().saturating_mul(8) as u32;
                let number = self.number(ty, bits)?;
                out.copy_from_slice(&number.bytes(out.len(), self.btf.endian()));
                Ok(())
            }
        }
    }

    /// A number, a character or an enumerator that fits so many bits.
    fn number(&mut self, ty: &Type<'_>, bits: u32) -> Result<Number> {
        let (at, word) = (self.text.offset(), self.text.word()?);
        Number::of(ty, &word, bits).map_err(|error| mark(error, at))
    }

    fn composite(&mut self, ty: &Type<'_>, out: &mut [u8], depth: u32) -> Result<()> {
        if !self.text.open(b'{') {
            let what = pattern(ty)?;
            return Err(self.text.expected(&what));
        }
        while !self.text.close(b'}') {
            let (at, name) = (self.text.offset(), self.text.name()?);
            if !self.text.eat(b'=') && !self.text.eat(b':') {
                return Err(self.text.expected("= after the name of a member"));
            }
            let done = self.part(ty.id(), &name, out, depth);
            done.map_err(|error| mark(error, at))?;
            self.text.separator(b'}')?;
        }
        Ok(())
    }

    fn array(&mut self, ty: &Type<'_>, out: &mut [u8], depth: u32) -> Result<()> {
        let element = self.btf.peel(ty.array()?.element)?;
        let at = self.text.offset();
        let bytes = if is_char(&element)? {
            self.text.string()?
        } else {
            match self.bytes(&element, out.len())? {
                Some(bytes) => bytes,
                None => return self.list(&element, out, depth),
            }
        };
        let Some((head, rest)) = out.split_at_mut_checked(bytes.len()) else {
            let what = format!("{} bytes for an array of {}", bytes.len(), out.len());
            return Err(mark(Error::new(ErrorKind::TooLarge, what), at));
        };
        head.copy_from_slice(&bytes);
        rest.fill(0);
        Ok(())
    }

    /// Bytes as hex digits or as an address; `None` if the text is a list.
    fn bytes(&mut self, element: &Type<'_>, len: usize) -> Result<Option<Vec<u8>>> {
        if element.kind() != Kind::Int || element.size() != Some(1) || element.int()?.bool {
            return Ok(None);
        }
        let unsigned = !element.int()?.signed;
        Ok(if unsigned {
            self.text.bytes(len)?
        } else {
            None
        })
    }

    /// A list in brackets, or without at the top.
    fn list(&mut self, element: &Type<'_>, out: &mut [u8], depth: u32) -> Result<()> {
        let composite = element.kind().is_composite();
        let end = if self.text.open(b'[') {
            Some(b']')
        } else if !composite && self.text.open(b'{') {
            Some(b'}')
        } else if composite || element.kind() == Kind::Array || self.text.is_nested() {
            return Err(self.text.expected("[VALUE, ...]"));
        } else {
            None
        };
        if end.is_none() && self.text.is_over() {
            return Err(self.text.expected("[VALUE, ...]"));
        }
        let size = self.size(element.id())?;
        let len = out.len().checked_div(size).unwrap_or(0);
        let mut left = &mut *out;
        loop {
            let over = match end {
                Some(end) => self.text.close(end),
                None => self.text.is_over(),
            };
            if over {
                break;
            }
            let at = self.text.offset();
            let Some((place, rest)) = left.split_at_mut_checked(size).filter(|_| size != 0) else {
                let what = format!("more than the {len} elements of the array");
                return Err(mark(Error::new(ErrorKind::TooLarge, what), at));
            };
            place.fill(0);
            self.value(element, place, depth)?;
            left = rest;
            match end {
                Some(end) => self.text.separator(end)?,
                None if self.text.is_over() || self.text.eat(b',') => {}
                None => return Err(self.text.expected(", between elements")),
            }
        }
        left.fill(0);
        Ok(())
    }
}

/// How a struct is given: its first members.
fn pattern(ty: &Type<'_>) -> Result<String> {
    const SHOWN: usize = 4;
    let mut members = Vec::new();
    for member in ty.members().take(SHOWN) {
        match member?.name {
            "" => {}
            name => members.push(format!("{name} = VALUE")),
        }
    }
    if members.is_empty() {
        members.push("MEMBER = VALUE".into());
    }
    if ty.vlen() as usize > members.len() {
        members.push("...".into());
    }
    Ok(format!("{{ {} }}", text::joined(&members, ", ")))
}

/// The error with its place in the text. The beginning is no place worth naming.
fn mark(error: Error, offset: usize) -> Error {
    match offset {
        0 => error,
        _ => error.at(offset as u64),
    }
}

/// Puts the low `bits` bits of `value` into a bit-field.
fn put_bits(out: &mut [u8], at: u64, bits: u32, value: u128, endian: Endian) -> Result<()> {
    let len = out.len();
    for place in 0..bits {
        // Little-endian fields begin at their low end, big-endian ones at their high end.
        let shift = match endian {
            Endian::Little => place,
            Endian::Big => bits.saturating_sub(place).saturating_sub(1),
        };
        let bit = at.saturating_add(place.into());
        let byte = usize::try_from(bit / 8).ok().and_then(|i| out.get_mut(i));
        let Some(byte) = byte else {
            bail!(Truncated, "a bit-field at bit {at} of {len} bytes");
        };
        let mask = match endian {
            Endian::Little => 1_u8 << (bit % 8),
            Endian::Big => 0x80_u8 >> (bit % 8),
        };
        match value.wrapping_shr(shift) & 1 {
            0 => *byte &= !mask,
            _ => *byte |= mask,
        }
    }
    Ok(())
}
