//! Values of `.kconfig` variables: lines of `CONFIG_X=value`, and numbers that the loader knows.

use super::{Data, ExternKind, KconfigKind, ObjectSpec};
use crate::Result;
use crate::bytes::Endian;
use crate::error::bail;
use crate::map::Map;
use alloc::vec::Vec;

/// The variables of one `.kconfig` map, each to be given its value once: the first one counts.
pub struct Kconfig<'a> {
    endian: Endian,
    data: &'a mut Data,
    wanted: Map<&'a str, Variable>,
}

#[derive(Clone, Copy)]
struct Variable {
    offset: u32,
    size: u32,
    kind: KconfigKind,
    weak: bool,
    set: bool,
}

impl<'a> Kconfig<'a> {
    /// The variables of the map of this index, none of them set; `data` is what the map will
    /// hold.
    pub fn new(spec: &'a ObjectSpec, map: usize, data: &'a mut Data) -> Self {
        let mut wanted = Map::new();
        for found in &spec.externs {
            let ExternKind::Kconfig {
                map: its,
                offset,
                size,
                value: kind,
                ..
            } = found.kind
            else {
                continue;
            };
            if its == map {
                let variable = Variable {
                    offset,
                    size,
                    kind,
                    weak: found.weak,
                    set: false,
                };
                wanted.insert(found.name.as_str(), variable);
            }
        }
        Self {
            endian: spec.endian,
            data,
            wanted,
        }
    }

    /// The variables without a value: name, and whether the object does without (it sees zero).
    pub fn unset(&self) -> impl Iterator<Item = (&'a str, bool)> {
        let unset = self.wanted.iter().filter(|(_, variable)| !variable.set);
        unset.map(|(name, variable)| (*name, variable.weak))
    }

    /// Sets a variable that is not set yet to a number.
    ///
    /// # Errors
    /// `Mismatch`: its type takes no number; `TooLarge`: the number does not fit.
    pub fn set(&mut self, name: &str, value: u64) -> Result<()> {
        match self.next(name) {
            Some(variable) => self.number(variable, value).map_err(|e| e.of_symbol(name)),
            None => Ok(()),
        }
    }

    /// Takes values from lines of text; what is no line of `CONFIG_X=value` is a comment.
    ///
    /// # Errors
    /// `Malformed`: a line that names an option without a value; `Mismatch`, `TooLarge`: a value
    /// that a variable of the object cannot take.
    pub fn read(&mut self, text: &[u8]) -> Result<()> {
        for line in text.split(|&byte| byte == b'\n') {
            if !line.starts_with(b"CONFIG_") {
                continue;
            }
            let at = line.iter().position(|&byte| byte == b'=');
            let parts = at.and_then(|at| line.split_at_checked(at));
            let Some((name, [_, value @ ..])) = parts else {
                bail!(Malformed, "`{}` has no `=`", line.escape_ascii());
            };
            if value.is_empty() {
                bail!(Malformed, "`{}` has no value", line.escape_ascii());
            }
            let Ok(name) = core::str::from_utf8(name) else {
                continue;
            };
            if let Some(variable) = self.next(name) {
                self.option(variable, value)
                    .map_err(|e| e.of_symbol(name))?;
            }
        }
        Ok(())
    }

    /// The variable of this name, if it is wanted and not set; it counts as set from now on.
    fn next(&mut self, name: &str) -> Option<Variable> {
        let variable = self.wanted.get_mut(name).filter(|v| !v.set)?;
        variable.set = true;
        Some(*variable)
    }

    fn option(&mut self, variable: Variable, value: &[u8]) -> Result<()> {
        match value {
            [letter @ (b'y' | b'n' | b'm'), ..] => self.letter(variable, *letter),
            [b'"', text @ .., b'"'] => self.text(variable, text),
            [b'"', ..] => bail!(Malformed, "text without its closing quote"),
            _ if variable.kind == KconfigKind::Bool => {
                bail!(Mismatch, "`{}` for a bool", value.escape_ascii())
            }
            _ => match number(value) {
                Some(value) => self.number(variable, value),
                None => bail!(Malformed, "`{}` is no number", value.escape_ascii()),
            },
        }
    }

    fn letter(&mut self, variable: Variable, letter: u8) -> Result<()> {
        let value = match (variable.kind, letter) {
            (KconfigKind::Char { .. }, letter) => letter,
            (KconfigKind::Bool | KconfigKind::Tristate, b'n') => 0,
            (KconfigKind::Bool | KconfigKind::Tristate, b'y') => 1,
            (KconfigKind::Tristate, _) => 2,
            (kind, letter) => bail!(Mismatch, "`{}` for {}", letter.escape_ascii(), kind.text()),
        };
        self.write(variable, value.into())
    }

    /// Text, cut to what there is room for with its NUL.
    fn text(&mut self, variable: Variable, text: &[u8]) -> Result<()> {
        if variable.kind != KconfigKind::Text {
            bail!(Mismatch, "text for {}", variable.kind.text());
        }
        let room = (variable.size as usize).saturating_sub(1);
        self.data
            .write(variable.offset, text.get(..room).unwrap_or(text))
    }

    fn number(&mut self, variable: Variable, value: u64) -> Result<()> {
        let signed = match variable.kind {
            KconfigKind::Bool if value > 1 => bail!(Mismatch, "{value} for a bool"),
            KconfigKind::Bool => false,
            KconfigKind::Char { signed } | KconfigKind::Int { signed } => signed,
            kind => bail!(Mismatch, "a number for {}", kind.text()),
        };
        let unused = 64_u32.saturating_sub(variable.size.saturating_mul(8));
        let kept = value << unused;
        let again = match signed {
            true => ((kept as i64) >> unused) as u64,
            false => kept >> unused,
        };
        if again != value {
            bail!(
                TooLarge,
                "{} does not fit {} bytes",
                value as i64,
                variable.size
            );
        }
        self.write(variable, value)
    }

    fn write(&mut self, variable: Variable, value: u64) -> Result<()> {
        let bytes = value.to_le_bytes();
        let mut bytes: Vec<u8> = bytes.into_iter().take(variable.size as usize).collect();
        if self.endian == Endian::Big {
            bytes.reverse();
        }
        self.data.write(variable.offset, &bytes)
    }
}

impl KconfigKind {
    fn text(self) -> &'static str {
        match self {
            Self::Bool => "a bool",
            Self::Char { .. } => "a char",
            Self::Tristate => "an enum libbpf_tristate",
            Self::Int { .. } => "an integer",
            Self::Text => "an array of char",
        }
    }
}

/// A number as C writes it: decimal, `0x` hexadecimal, `0` octal, perhaps with a sign.
fn number(text: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(text).ok()?.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hex = digits.strip_prefix("0x").or(digits.strip_prefix("0X"));
    let (digits, radix) = match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) => (hex, 16),
        (None, Some(octal)) if !octal.is_empty() => (octal, 8),
        _ => (digits, 10),
    };
    // Rust would take another sign.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    Some(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::object::DataKind;
    use alloc::borrow::ToOwned;

    const INT: KconfigKind = KconfigKind::Int { signed: true };
    const UNSIGNED: KconfigKind = KconfigKind::Int { signed: false };
    const CHAR: KconfigKind = KconfigKind::Char { signed: true };

    /// What `text` makes of one variable `CONFIG_X`.
    fn value(kind: KconfigKind, size: u32, endian: Endian, text: &str) -> Result<Vec<u8>> {
        let mut data = Data {
            section: ".kconfig".to_owned(),
            kind: DataKind::Kconfig,
            size,
            bytes: Vec::new(),
            read_only: true,
            datasec: crate::btf::TypeId::VOID,
        };
        let variable = Variable {
            offset: 0,
            size,
            kind,
            weak: false,
            set: false,
        };
        let mut kconfig = Kconfig {
            endian,
            data: &mut data,
            wanted: [("CONFIG_X", variable)].into_iter().collect(),
        };
        kconfig.read(text.as_bytes())?;
        if let Some((name, weak)) = kconfig.unset().next() {
            bail!(NotFound, "{name} {weak}");
        }
        Ok(data.to_vec())
    }

    fn little(kind: KconfigKind, size: u32, text: &str) -> Result<Vec<u8>, ErrorKind> {
        value(kind, size, Endian::Little, text).map_err(|e| e.kind())
    }

    #[test]
    fn letters_are_what_the_type_makes_of_them() {
        for (kind, size, text, want) in [
            (KconfigKind::Bool, 1, "CONFIG_X=y", Ok(&[1][..])),
            (KconfigKind::Bool, 1, "CONFIG_X=n", Ok(&[0])),
            (KconfigKind::Bool, 1, "CONFIG_X=m", Err(ErrorKind::Mismatch)),
            (KconfigKind::Tristate, 4, "CONFIG_X=y", Ok(&[1, 0, 0, 0])),
            (KconfigKind::Tristate, 4, "CONFIG_X=m", Ok(&[2, 0, 0, 0])),
            (KconfigKind::Tristate, 4, "CONFIG_X=n", Ok(&[0; 4])),
            (CHAR, 1, "CONFIG_X=m", Ok(b"m")),
            (INT, 4, "CONFIG_X=y", Err(ErrorKind::Mismatch)),
            (KconfigKind::Text, 4, "CONFIG_X=y", Err(ErrorKind::Mismatch)),
        ] {
            assert_eq!(
                little(kind, size, text).as_deref(),
                want.as_ref().copied(),
                "{kind:?} {text}"
            );
        }
    }

    #[test]
    fn numbers_fit_or_are_refused() {
        for (kind, size, text, want) in [
            (INT, 4, "CONFIG_X=0x10", Ok(&[16, 0, 0, 0][..])),
            (INT, 4, "CONFIG_X=010", Ok(&[8, 0, 0, 0])),
            (INT, 4, "CONFIG_X=-1", Ok(&[0xff; 4])),
            (INT, 2, "CONFIG_X=32767", Ok(&[0xff, 0x7f])),
            (INT, 2, "CONFIG_X=32768", Err(ErrorKind::TooLarge)),
            (INT, 2, "CONFIG_X=-32768", Ok(&[0, 0x80])),
            (INT, 2, "CONFIG_X=-32769", Err(ErrorKind::TooLarge)),
            (UNSIGNED, 2, "CONFIG_X=65535", Ok(&[0xff; 2])),
            (UNSIGNED, 2, "CONFIG_X=65536", Err(ErrorKind::TooLarge)),
            (UNSIGNED, 2, "CONFIG_X=-1", Err(ErrorKind::TooLarge)),
            (UNSIGNED, 8, "CONFIG_X=-1", Ok(&[0xff; 8])),
            (INT, 8, "CONFIG_X=18446744073709551615", Ok(&[0xff; 8])),
            (
                INT,
                8,
                "CONFIG_X=18446744073709551616",
                Err(ErrorKind::Malformed),
            ),
            (CHAR, 1, "CONFIG_X=127", Ok(&[127])),
            (CHAR, 1, "CONFIG_X=128", Err(ErrorKind::TooLarge)),
            (INT, 4, "CONFIG_X=1 ", Err(ErrorKind::Malformed)),
            (INT, 4, "CONFIG_X=--1", Err(ErrorKind::Malformed)),
            (INT, 4, "CONFIG_X=0x", Err(ErrorKind::Malformed)),
            (INT, 4, "CONFIG_X=one", Err(ErrorKind::Malformed)),
            (KconfigKind::Bool, 1, "CONFIG_X=1", Err(ErrorKind::Mismatch)),
            (
                KconfigKind::Tristate,
                4,
                "CONFIG_X=1",
                Err(ErrorKind::Mismatch),
            ),
            (KconfigKind::Text, 4, "CONFIG_X=1", Err(ErrorKind::Mismatch)),
        ] {
            assert_eq!(
                little(kind, size, text).as_deref(),
                want.as_ref().copied(),
                "{kind:?} {text}"
            );
        }
        let big = value(INT, 4, Endian::Big, "CONFIG_X=0x1234").unwrap();
        assert_eq!(big, [0, 0, 0x12, 0x34]);
    }

    #[test]
    fn text_is_cut_to_its_room() {
        let text = |line| little(KconfigKind::Text, 4, line);
        assert_eq!(text("CONFIG_X=\"\"").unwrap(), [0; 4]);
        assert_eq!(text("CONFIG_X=\"abc\"").unwrap(), *b"abc\0");
        assert_eq!(text("CONFIG_X=\"abcd\"").unwrap(), *b"abc\0");
        assert_eq!(text("CONFIG_X=\"a\"\"").unwrap(), *b"a\"\0\0");
        assert_eq!(text("CONFIG_X=\"").unwrap_err(), ErrorKind::Malformed);
        assert_eq!(text("CONFIG_X=\"abc").unwrap_err(), ErrorKind::Malformed);
        let number = little(INT, 4, "CONFIG_X=\"1\"");
        assert_eq!(number.unwrap_err(), ErrorKind::Mismatch);
    }

    #[test]
    fn the_first_line_counts_and_others_are_comments() {
        let lines = "# CONFIG_X is not set\nX=3\n CONFIG_X=3\nCONFIG_Y=4\nCONFIG_X=1\nCONFIG_X=2\n";
        assert_eq!(little(UNSIGNED, 1, lines).unwrap(), [1]);
        for (text, want) in [
            ("", ErrorKind::NotFound),
            ("# CONFIG_X is not set", ErrorKind::NotFound),
            ("CONFIG_Y", ErrorKind::Malformed),
            ("CONFIG_Y=", ErrorKind::Malformed),
        ] {
            assert_eq!(little(INT, 4, text).unwrap_err(), want, "{text}");
        }
    }

    #[test]
    fn virtual_values_may_be_bools() {
        let mut data = Data {
            section: ".kconfig".to_owned(),
            kind: DataKind::Kconfig,
            size: 2,
            bytes: Vec::new(),
            read_only: true,
            datasec: crate::btf::TypeId::VOID,
        };
        let bool_at = |offset| Variable {
            offset,
            size: 1,
            kind: KconfigKind::Bool,
            weak: true,
            set: false,
        };
        let mut kconfig = Kconfig {
            endian: Endian::Little,
            data: &mut data,
            wanted: [("A", bool_at(0)), ("B", bool_at(1))].into_iter().collect(),
        };
        kconfig.set("A", 1).unwrap();
        kconfig.set("NOT_WANTED", 1).unwrap();
        assert_eq!(kconfig.set("B", 2).unwrap_err().kind(), ErrorKind::Mismatch);
        assert_eq!(data.to_vec(), [1, 0]);
    }
}
