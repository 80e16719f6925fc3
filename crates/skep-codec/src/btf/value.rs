//! Bytes to values, by type: a tree that whoever prints or compares it can walk.

use super::{Btf, Kind, MAX_DEPTH, Type, TypeId};
use crate::bytes::{Endian, slice};
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A value, taken out of its bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A signed integer.
    Int(i128),
    /// An unsigned integer.
    Uint(u128),
    /// A `_Bool`.
    Bool(bool),
    /// A lone `char`.
    Char(u8),
    /// A floating-point number.
    Float(f64),
    /// An enum: the enumerator's name, where one has this value.
    Enum {
        /// Name of the enumerator.
        name: Option<String>,
        /// Its value.
        value: i128,
    },
    /// An array of `char`, up to its NUL.
    Str(String),
    /// A struct or union, or a data section: names and values in order, members of anonymous
    /// members among them.
    Struct(Vec<(String, Value)>),
    /// An array.
    Array(Vec<Value>),
    /// A pointer.
    Ptr(u64),
    /// An array of unsigned bytes.
    Bytes(Vec<u8>),
}

/// Values in one tree: unions inside unions could otherwise multiply without end.
const MAX_VALUES: u32 = 1 << 19;

impl Btf {
    /// The value of type `id` at the start of `bytes`.
    ///
    /// # Errors
    /// `Truncated` where there are fewer bytes than the type has, `Mismatch` for types that have no
    /// values, `TooLarge` for more than half a million values.
    pub fn decode(&self, id: TypeId, bytes: &[u8]) -> Result<Value> {
        let mut decoder = Decoder {
            btf: self,
            left: MAX_VALUES,
        };
        decoder.value(id, bytes, MAX_DEPTH)
    }
}

/// Whether this is the type of a character of text, and not of a number of one byte.
pub(super) fn is_char(ty: &Type<'_>) -> Result<bool> {
    if ty.kind() != Kind::Int || ty.size() != Some(1) {
        return Ok(false);
    }
    // Compilers do not set the flag for characters.
    Ok(ty.int()?.char || ty.name()? == "char")
}

struct Decoder<'a> {
    btf: &'a Btf,
    left: u32,
}

impl Decoder<'_> {
    fn value(&mut self, id: TypeId, bytes: &[u8], depth: u32) -> Result<Value> {
        let Some(depth) = depth.checked_sub(1) else {
            bail!(TooDeep, "type {} never ends", id.0);
        };
        self.count(0)?;
        let ty = self.btf.peel(id)?;
        match ty.kind() {
            Kind::Var => self.value(ty.target().unwrap_or_default(), bytes, depth),
            Kind::Struct | Kind::Union => self.composite(&ty, bytes, depth),
            Kind::Datasec => self.section(&ty, bytes, depth),
            Kind::Array => self.array(&ty, bytes, depth),
            _ => self.scalar(&ty, bytes),
        }
    }

    /// Counts a value of so many bytes of its own.
    fn count(&mut self, bytes: usize) -> Result<()> {
        let cost = (bytes / 32).saturating_add(1) as u32;
        match self.left.checked_sub(cost) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => bail!(TooLarge, "more than {MAX_VALUES} values"),
        }
    }

    fn scalar(&mut self, ty: &Type<'_>, bytes: &[u8]) -> Result<Value> {
        let size = self.btf.size_of(ty.id())?;
        let bytes = part(bytes, 0, size)?;
        match ty.kind() {
            Kind::Float => float(bytes, self.btf.endian()),
            _ => {
                let raw = unsigned(bytes, self.btf.endian())?;
                let bits = bytes.len().saturating_mul(8) as u32;
                interpret(ty, raw, bits)
            }
        }
    }

    fn composite(&mut self, ty: &Type<'_>, bytes: &[u8], depth: u32) -> Result<Value> {
        let bytes = part(bytes, 0, u64::from(ty.size().unwrap_or(0)))?;
        let mut fields = Vec::new();
        for member in ty.members() {
            let member = member?;
            let offset = u64::from(member.bit_offset) / 8;
            let value = match member.bit_size {
                0 => self.value(member.ty, part_from(bytes, offset)?, depth)?,
                bits => {
                    self.count(0)?;
                    let raw = bit_field(bytes, member.bit_offset, bits.into(), self.btf.endian())?;
                    interpret(&self.btf.peel(member.ty)?, raw, bits.into())?
                }
            };
            match value {
                Value::Struct(inner) if member.name.is_empty() => fields.extend(inner),
                // Nameless bit-fields are padding.
                _ if member.name.is_empty() => {}
                value => fields.push((member.name.to_owned(), value)),
            }
        }
        Ok(Value::Struct(fields))
    }

    fn section(&mut self, ty: &Type<'_>, bytes: &[u8], depth: u32) -> Result<Value> {
        let mut fields = Vec::new();
        for var in ty.variables() {
            let var = var?;
            let name = self.btf.ty(var.ty)?.name()?;
            let bytes = part(bytes, u64::from(var.offset), u64::from(var.size))?;
            fields.push((name.to_owned(), self.value(var.ty, bytes, depth)?));
        }
        Ok(Value::Struct(fields))
    }

    fn array(&mut self, ty: &Type<'_>, bytes: &[u8], depth: u32) -> Result<Value> {
        let all = part(bytes, 0, self.btf.size_of(ty.id())?)?;
        let element = self.btf.peel(ty.array()?.element)?;
        if is_char(&element)? {
            self.count(all.len())?;
            let text = all.split(|&byte| byte == 0).next().unwrap_or_default();
            return Ok(Value::Str(String::from_utf8_lossy(text).into_owned()));
        }
        if element.kind() == Kind::Int && element.size() == Some(1) {
            let int = element.int()?;
            if !int.signed && !int.bool {
                self.count(all.len())?;
                return Ok(Value::Bytes(all.to_vec()));
            }
        }
        let size = self.btf.size_of(element.id())? as usize;
        if size == 0 {
            return Ok(Value::Array(Vec::new()));
        }
        let elements = all
            .chunks_exact(size)
            .map(|bytes| self.value(element.id(), bytes, depth));
        Ok(Value::Array(elements.collect::<Result<_>>()?))
    }
}

fn part(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8]> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    slice(bytes, offset, len, "value")
}

fn part_from(bytes: &[u8], offset: u64) -> Result<&[u8]> {
    let rest = (bytes.len() as u64).saturating_sub(offset);
    part(bytes, offset, rest)
}

/// What `bits` bits mean as a value of this type.
fn interpret(ty: &Type<'_>, raw: u128, bits: u32) -> Result<Value> {
    let signed = |raw: u128| {
        let unused = 128_u32.saturating_sub(bits);
        (raw.wrapping_shl(unused) as i128).wrapping_shr(unused)
    };
    Ok(match ty.kind() {
        Kind::Ptr => Value::Ptr(raw as u64),
        Kind::Int => {
            let int = ty.int()?;
            if int.bool {
                Value::Bool(raw != 0)
            } else if is_char(ty)? && bits == 8 {
                Value::Char(raw as u8)
            } else if int.signed {
                Value::Int(signed(raw))
            } else {
                Value::Uint(raw)
            }
        }
        Kind::Enum | Kind::Enum64 => {
            let value = if ty.is_signed_enum() {
                signed(raw)
            } else {
                raw as i128
            };
            Value::Enum {
                name: enumerator(ty, value)?,
                value,
            }
        }
        kind => bail!(Mismatch, "type {} ({kind:?}) has no value", ty.id().0),
    })
}

fn enumerator(ty: &Type<'_>, value: i128) -> Result<Option<String>> {
    for known in ty.enumerators() {
        let known = known?;
        if enumerator_value(ty, known.value) == value {
            return Ok(Some(known.name.to_owned()));
        }
    }
    Ok(None)
}

pub(super) fn enumerator_value(ty: &Type<'_>, raw: i64) -> i128 {
    if ty.is_signed_enum() {
        i128::from(raw)
    } else {
        i128::from(raw as u64)
    }
}

fn unsigned(bytes: &[u8], endian: Endian) -> Result<u128> {
    if bytes.len() > 16 {
        bail!(Unsupported, "number of {} bytes", bytes.len());
    }
    let push = |all: u128, byte: &u8| all.wrapping_shl(8) | u128::from(*byte);
    Ok(match endian {
        Endian::Little => bytes.iter().rev().fold(0, push),
        Endian::Big => bytes.iter().fold(0, push),
    })
}

fn bit_field(bytes: &[u8], bit_offset: u32, bits: u32, endian: Endian) -> Result<u128> {
    let first = bit_offset / 8;
    let skip = bit_offset % 8;
    let len = skip.saturating_add(bits).div_ceil(8);
    let raw = unsigned(part(bytes, first.into(), len.into())?, endian)?;
    let down = match endian {
        Endian::Little => skip,
        Endian::Big => len
            .saturating_mul(8)
            .saturating_sub(skip.saturating_add(bits)),
    };
    let mask = u128::MAX
        .checked_shr(128_u32.saturating_sub(bits))
        .unwrap_or(0);
    Ok(raw.wrapping_shr(down) & mask)
}

fn float(bytes: &[u8], endian: Endian) -> Result<Value> {
    if let Some(bytes) = exactly(bytes) {
        return Ok(Value::Float(f64::from(f32::from_bits(endian.u32(bytes)))));
    }
    match exactly(bytes) {
        Some(bytes) => Ok(Value::Float(f64::from_bits(endian.u64(bytes)))),
        None => Err(Error::new(
            ErrorKind::Unsupported,
            format!("floating-point number of {} bytes", bytes.len()),
        )),
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) | Self::Enum { name: None, value } => write!(f, "{value}"),
            Self::Uint(value) => write!(f, "{value}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Char(c @ 0x20..=0x7e) => write!(f, "'{}'", char::from(*c).escape_default()),
            Self::Char(c) => write!(f, "{c}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Enum {
                name: Some(name), ..
            } => f.write_str(name),
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Ptr(address) => write!(f, "{address:#x}"),
            Self::Struct(fields) => {
                f.write_str("{")?;
                for (place, (name, value)) in fields.iter().enumerate() {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma} {name} = {value}")?;
                }
                f.write_str(" }")
            }
            Self::Array(values) => {
                f.write_str("[")?;
                for (place, value) in values.iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str("]")
            }
            // Alone it would be taken for a number.
            Self::Bytes(bytes) if bytes.len() == 1 => {
                write!(f, "[{:#04x}]", bytes.first().copied().unwrap_or(0))
            }
            Self::Bytes(bytes) => {
                f.write_str("[")?;
                for (place, byte) in bytes.iter().enumerate() {
                    let space = if place == 0 { "" } else { " " };
                    write!(f, "{space}{byte:02x}")?;
                }
                f.write_str("]")
            }
        }
    }
}
