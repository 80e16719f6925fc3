//! One word to a number.

use super::read::unescape;
use crate::btf::field::{TOLD, told};
use crate::btf::value::{enumerator_value, is_char};
use crate::btf::{Kind, Type};
use crate::bytes::Endian;
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::fmt;
use core::num::IntErrorKind;

/// A whole number of up to 128 bits with its sign.
#[derive(Clone, Copy)]
pub(super) struct Number {
    negative: bool,
    magnitude: u128,
}

impl Number {
    /// What `word` says as a value of this type, if it fits so many bits.
    pub(super) fn of(ty: &Type<'_>, word: &str, bits: u32) -> Result<Self> {
        let (signed, bool) = match ty.kind() {
            Kind::Int => (ty.int()?.signed, ty.int()?.bool),
            _ => (ty.is_signed_enum(), false),
        };
        let number = match ty.kind() {
            Kind::Int | Kind::Ptr => parse(word)?,
            Kind::Enum | Kind::Enum64 => match enumerator(ty, word)? {
                Some(value) => Some(value.into()),
                None => parse(word)?,
            },
            kind => bail!(
                Unsupported,
                "a value of kind {kind:?} cannot be given as text"
            ),
        };
        let Some(number) = number else {
            return Err(no_value(ty, word, bool)?);
        };
        let bits = if bool { 1 } else { bits };
        // A character is a byte, whatever sign the machine gives it.
        let fits = number.fits(bits, signed) || is_char(ty)? && number.fits(bits, !signed);
        if !fits {
            let sign = if signed { "signed" } else { "unsigned" };
            let unit = if bits == 1 { "bit" } else { "bits" };
            bail!(TooLarge, "{number} does not fit {bits} {unit} ({sign})");
        }
        Ok(number)
    }

    fn fits(self, bits: u32, signed: bool) -> bool {
        let width = if signed { bits.saturating_sub(1) } else { bits };
        let most = u128::MAX.checked_shr(128_u32.saturating_sub(width));
        let most = most.unwrap_or(0);
        match (signed, self.negative) {
            (true, true) => self.magnitude <= most.saturating_add(1),
            (false, true) => self.magnitude == 0,
            _ => self.magnitude <= most,
        }
    }

    /// As many bits as there are, in two's complement.
    pub(super) fn bits(self) -> u128 {
        match self.negative {
            true => self.magnitude.wrapping_neg(),
            false => self.magnitude,
        }
    }

    pub(super) fn bytes(self, size: usize, endian: Endian) -> Vec<u8> {
        let mut bytes = self.bits().to_le_bytes().to_vec();
        bytes.resize(size, 0);
        if endian == Endian::Big {
            bytes.reverse();
        }
        bytes
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        Self {
            negative: value < 0,
            magnitude: value.unsigned_abs(),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}", self.magnitude)
    }
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

/// An error that tells what there could be.
fn no_value(ty: &Type<'_>, word: &str, bool: bool) -> Result<Error> {
    let mut names = Vec::new();
    for known in ty.enumerators().take(TOLD) {
        names.push(known?.name);
    }
    let what = match (bool, names.is_empty()) {
        (true, _) => format!("'{word}' is neither true nor false"),
        (_, true) => format!("'{word}' is no number"),
        _ => format!("'{word}' is no number and none of {}", told(&names, ty)),
    };
    Ok(Error::new(ErrorKind::Malformed, what))
}

/// A number, or `None` if it is none.
fn parse(text: &str) -> Result<Option<Number>> {
    match text {
        "true" => return Ok(Some(1.into())),
        "false" => return Ok(Some(0.into())),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        return match *unescape(inner)?.as_slice() {
            [byte] => Ok(Some(i128::from(byte).into())),
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
    match u128::from_str_radix(digits, radix) {
        // A second sign is no digit.
        Ok(magnitude) if !digits.starts_with('+') => Ok(Some(Number {
            negative,
            magnitude,
        })),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => {
            bail!(TooLarge, "{text} does not fit 128 bits")
        }
        _ => Ok(None),
    }
}

/// A floating-point number in its bytes.
pub(super) fn float(text: &str, size: usize, endian: Endian) -> Result<Vec<u8>> {
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
