//! Messages with arguments in their places.

use super::Arg;
use core::fmt::{self, Write};
use core::net::{Ipv4Addr, Ipv6Addr};

/// How an argument is written.
#[derive(Clone, Copy)]
enum Base {
    Default,
    LowerHex,
    UpperHex,
    Binary,
    Octal,
}

/// Writes `message`: `{}` is the next argument, `{:x}` `{:X}` `{:b}` `{:o}` (with `#` too) the next
/// one in another base, `{{` and `}}` are braces. Arguments without a place follow in brackets;
/// a place without an argument stays as it is.
pub(super) fn write(f: &mut fmt::Formatter<'_>, message: &str, args: &[Arg<'_>]) -> fmt::Result {
    let mut args = args.iter();
    let mut rest = message;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, tail) = rest.split_at(at);
        f.write_str(text)?;
        if let Some(after) = tail.strip_prefix("{{").or(tail.strip_prefix("}}")) {
            f.write_str(tail.get(..1).unwrap_or_default())?;
            rest = after;
            continue;
        }
        let Some((place, after)) = place(tail) else {
            f.write_str(tail.get(..1).unwrap_or_default())?;
            rest = tail.get(1..).unwrap_or_default();
            continue;
        };
        match (base(place), args.as_slice()) {
            (Some((base, prefix)), [_, ..]) => {
                if let Some(arg) = args.next() {
                    one(f, arg, base, prefix)?;
                }
            }
            _ => write!(f, "{{{place}}}")?,
        }
        rest = after;
    }
    f.write_str(rest)?;
    let mut separator = " [";
    for arg in args.clone() {
        f.write_str(separator)?;
        one(f, arg, Base::Default, false)?;
        separator = ", ";
    }
    match separator {
        ", " => f.write_char(']'),
        _ => Ok(()),
    }
}

/// What is between the brace that `text` begins with and the next closing one, and what follows.
fn place(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('{')?.split_once('}')
}

/// The base that a place asks for, and whether with a prefix; `None` if it asks for something else.
fn base(place: &str) -> Option<(Base, bool)> {
    let spec = match place {
        "" => "",
        _ => place.strip_prefix(':')?,
    };
    let (prefix, letter) = match spec.strip_prefix('#') {
        Some(letter) => (true, letter),
        None => (false, spec),
    };
    let base = match letter {
        "" => Base::Default,
        "x" => Base::LowerHex,
        "X" => Base::UpperHex,
        "b" => Base::Binary,
        "o" => Base::Octal,
        _ => return None,
    };
    Some((base, prefix))
}

fn one(f: &mut fmt::Formatter<'_>, arg: &Arg<'_>, base: Base, prefix: bool) -> fmt::Result {
    match *arg {
        Arg::Unsigned(number) => integer(f, number, base, prefix),
        Arg::Signed { value, .. } if matches!(base, Base::Default) => write!(f, "{value}"),
        Arg::Signed { value, width_bytes } => {
            integer(f, of_width(value, width_bytes), base, prefix)
        }
        Arg::Bool(yes) => write!(f, "{yes}"),
        Arg::Char(byte) if byte.is_ascii() && matches!(base, Base::Default) => {
            f.write_char(char::from(byte))
        }
        Arg::Char(byte) => write!(f, "\\x{byte:02x}"),
        Arg::Pointer(address) => write!(f, "{address:#x}"),
        Arg::Text(ref text) => f.write_str(text),
        Arg::Bytes(bytes) => hex(f, bytes, ""),
        Arg::Ipv4(address) => write!(f, "{}", Ipv4Addr::from(address)),
        Arg::Ipv6(address) => write!(f, "{}", Ipv6Addr::from(address)),
        Arg::Mac(address) => hex(f, &address, ":"),
        Arg::Unknown(kind, bytes) => {
            write!(f, "<kind {kind}: ")?;
            hex(f, bytes, "")?;
            f.write_char('>')
        }
    }
}

/// Two's complement in so many bytes, where a negative number fits them.
fn of_width(value: i64, bytes: u8) -> u64 {
    let bits = u32::from(bytes).saturating_mul(8);
    match (1..64).contains(&bits) && value >> bits.saturating_sub(1) == -1 {
        true => value.cast_unsigned() & !(u64::MAX << bits),
        false => value.cast_unsigned(),
    }
}

fn integer(f: &mut fmt::Formatter<'_>, number: u64, base: Base, prefix: bool) -> fmt::Result {
    match (base, prefix) {
        (Base::Default, _) => write!(f, "{number}"),
        (Base::LowerHex, false) => write!(f, "{number:x}"),
        (Base::LowerHex, true) => write!(f, "{number:#x}"),
        (Base::UpperHex, false) => write!(f, "{number:X}"),
        (Base::UpperHex, true) => write!(f, "{number:#X}"),
        (Base::Binary, false) => write!(f, "{number:b}"),
        (Base::Binary, true) => write!(f, "{number:#b}"),
        (Base::Octal, false) => write!(f, "{number:o}"),
        (Base::Octal, true) => write!(f, "{number:#o}"),
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8], between: &str) -> fmt::Result {
    for (n, byte) in bytes.iter().enumerate() {
        let separator = if n == 0 { "" } else { between };
        write!(f, "{separator}{byte:02x}")?;
    }
    Ok(())
}
