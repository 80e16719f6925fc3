//! Text to the bytes of a value: what a person gives for a global variable.

use super::value::{enumerator_value, is_char};
use super::{Btf, Kind, Type, TypeId};
use crate::Result;
use crate::bytes::Endian;
use crate::error::bail;
use alloc::vec::Vec;

impl Btf {
    /// Writes the value that `text` gives for type `id` to the start of `bytes`: a number (`0x`,
    /// `0o` and `0b` too), a character in quotes, `true` or `false`, an enumerator's name, text for
    /// an array of `char` (in quotes or not), a list with commas for another array.
    ///
    /// # Errors
    /// Text that is no value of the type or does not fit it; nothing is written then.
    pub fn encode(&self, id: TypeId, text: &str, bytes: &mut [u8]) -> Result<()> {
        let mut ty = self.peel(id)?;
        if ty.kind() == Kind::Var {
            ty = self.peel(ty.target().unwrap_or_default())?;
        }
        let size = usize::try_from(self.size_of(ty.id())?).unwrap_or(usize::MAX);
        let have = bytes.len();
        let Some(out) = bytes.get_mut(..size) else {
            bail!(Truncated, "value of {size} bytes, {have} there");
        };
        let value = self.encoded(&ty, text.trim(), size)?;
        for (to, from) in out.iter_mut().zip(value) {
            *to = from;
        }
        Ok(())
    }

    /// Exactly `size` bytes.
    fn encoded(&self, ty: &Type<'_>, text: &str, size: usize) -> Result<Vec<u8>> {
        if ty.kind() != Kind::Array {
            return self.scalar(ty, text, size);
        }
        let element = self.peel(ty.array()?.element)?;
        let mut out = if is_char(&element)? {
            unquote(text)?
        } else {
            let each = usize::try_from(self.size_of(element.id())?).unwrap_or(usize::MAX);
            let list = text.trim_matches(['[', ']', '{', '}']).trim();
            let mut out = Vec::new();
            for item in list.split(',').filter(|_| !list.is_empty()) {
                out.extend(self.scalar(&element, item.trim(), each)?);
            }
            out
        };
        if out.len() > size {
            bail!(TooLarge, "{} bytes for an array of {size}", out.len());
        }
        out.resize(size, 0);
        Ok(out)
    }

    fn scalar(&self, ty: &Type<'_>, text: &str, size: usize) -> Result<Vec<u8>> {
        let number = match ty.kind() {
            Kind::Float => return float(text, size, self.endian()),
            Kind::Int | Kind::Ptr => number(text)?,
            Kind::Enum | Kind::Enum64 => match enumerator(ty, text)? {
                Some(value) => value,
                None => number(text)?,
            },
            kind => bail!(
                Unsupported,
                "a value of kind {kind:?} cannot be given as text"
            ),
        };
        let (signed, bool) = match ty.kind() {
            Kind::Int => (ty.int()?.signed, ty.int()?.bool),
            _ => (ty.is_signed_enum(), false),
        };
        let bits = if bool {
            1
        } else {
            size.saturating_mul(8) as u32
        };
        if !fits(number, bits, signed) {
            let sign = if signed { "signed" } else { "unsigned" };
            bail!(TooLarge, "{number} does not fit {bits} bits ({sign})");
        }
        Ok(number_bytes(number, size, self.endian()))
    }
}

fn fits(number: i128, bits: u32, signed: bool) -> bool {
    let unused = 128_u32.saturating_sub(bits);
    if signed {
        number.wrapping_shl(unused).wrapping_shr(unused) == number
    } else {
        number >= 0 && (bits >= 127 || number.checked_shr(bits).unwrap_or(0) == 0)
    }
}

fn number_bytes(number: i128, size: usize, endian: Endian) -> Vec<u8> {
    let mut bytes: Vec<u8> = number.to_le_bytes().into_iter().take(size).collect();
    if endian == Endian::Big {
        bytes.reverse();
    }
    bytes
}

fn enumerator(ty: &Type<'_>, name: &str) -> Result<Option<i128>> {
    for known in ty.enumerators() {
        let known = known?;
        if known.name == name {
            return Ok(Some(enumerator_value(ty, known.value)));
        }
    }
    Ok(None)
}

fn number(text: &str) -> Result<i128> {
    match text {
        "true" => return Ok(1),
        "false" => return Ok(0),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        return match *unescape(inner)?.as_slice() {
            [byte] => Ok(i128::from(byte)),
            _ => bail!(Malformed, "{text} is no single byte"),
        };
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let radixes = [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)];
    let (digits, radix) = radixes
        .iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)))
        .unwrap_or((digits, 10));
    match i128::from_str_radix(digits, radix) {
        // A second sign is no digit.
        Ok(value) if !digits.starts_with(['+', '-']) => Ok(if negative {
            value.wrapping_neg()
        } else {
            value
        }),
        _ => bail!(Malformed, "'{text}' is no value of this type"),
    }
}

fn float(text: &str, size: usize, endian: Endian) -> Result<Vec<u8>> {
    let parsed = match size {
        4 => text
            .parse()
            .map(|v: f32| endian.put_u32(v.to_bits()).to_vec()),
        8 => text
            .parse()
            .map(|v: f64| endian.put_u64(v.to_bits()).to_vec()),
        _ => bail!(Unsupported, "floating-point number of {size} bytes"),
    };
    match parsed {
        Ok(bytes) => Ok(bytes),
        Err(_) => bail!(Malformed, "'{text}' is no number"),
    }
}

fn unquote(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix('"') {
        Some(rest) => match rest.strip_suffix('"') {
            Some(inner) => unescape(inner),
            None => bail!(Malformed, "text without its closing quote"),
        },
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn unescape(text: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'0') => 0,
            Some(byte @ (b'\\' | b'\'' | b'"')) => byte,
            Some(b'x') => {
                let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
                match (digit(rest.next()), digit(rest.next())) {
                    (Some(high), Some(low)) => (high << 4 | low) as u8,
                    _ => bail!(Malformed, "\\x without its two digits"),
                }
            }
            _ => bail!(Malformed, "a backslash before nothing known"),
        });
    }
    Ok(out)
}
