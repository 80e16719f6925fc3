//! Arguments of a probe: `-4@%eax 8@-24(%rbp) 8@$1`, each machine in its assembler's words.

use super::registers::offset;
use crate::bytes::Endian;
use crate::error::bail;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use elf::abi;

/// The most arguments that a probe has.
#[doc(alias = "BPF_USDT_MAX_ARG_CNT")]
pub const MAX_ARGS: usize = 12;
/// Bytes of `struct __bpf_usdt_spec`.
pub const SPEC_LEN: usize = 208;
/// Where it has what is behind the arguments.
const BEHIND_ARGS: usize = 192;

/// An argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Where it is.
    pub location: Location,
    /// Its bytes: 1, 2, 4 or 8.
    pub size: u8,
    /// Whether it is signed.
    pub signed: bool,
}

/// Where an argument is. Registers are told by their offset in `struct pt_regs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Nowhere: this is its value.
    Constant(i64),
    /// In a register.
    Register(u16),
    /// In memory.
    Memory {
        /// The register that holds an address.
        register: u16,
        /// What is to be added to that.
        offset: i64,
        /// A register that is added too, and by how many bits it is shifted up first.
        index: Option<(u16, u8)>,
    },
}

/// The arguments of a probe, by the text of its note and the machine that its file is for.
///
/// # Errors
/// `Unsupported`: an argument that is somewhere else, such as in a register for floats; another
/// machine; `TooLarge`: more than [`MAX_ARGS`].
#[inline]
pub fn args(text: &str, machine: u16) -> Result<Vec<Arg>> {
    let mut args = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        if args.len() == MAX_ARGS {
            bail!(TooLarge, "more than {MAX_ARGS} arguments: {text}");
        }
        let end = end_of(rest);
        let (one, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let Some(arg) = arg(one, machine) else {
            let what = format!("argument `{one}` is in no place that can be read");
            return Err(Error::new(ErrorKind::Unsupported, what));
        };
        args.push(arg);
        rest = after.trim_ascii_start();
    }
    Ok(args)
}

/// Where an argument ends: before a blank, unless that is in brackets.
#[inline]
fn end_of(text: &str) -> usize {
    let mut inside = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' | b'(' => inside = true,
            b']' | b')' => inside = false,
            b' ' | b'\t' if !inside => return at,
            _ => {}
        }
    }
    text.len()
}

#[inline]
fn arg(text: &str, machine: u16) -> Option<Arg> {
    let (size, place) = text.split_once('@')?;
    let size: i8 = size.trim_ascii().parse().ok()?;
    let bytes = size.unsigned_abs();
    if !matches!(bytes, 1 | 2 | 4 | 8) {
        return None;
    }
    let place = place.trim_ascii();
    let location = match machine {
        abi::EM_X86_64 => x86_64(place),
        abi::EM_AARCH64 => aarch64(place),
        abi::EM_S390 => s390x(place),
        abi::EM_RISCV => riscv(place),
        _ => None,
    };
    Some(Arg {
        location: location?,
        size: bytes,
        signed: size < 0,
    })
}

/// `$N`, `%reg`, `N(%reg)`, `N(%base,%index,scale)`.
#[inline]
fn x86_64(text: &str) -> Option<Location> {
    let register = |text: &str| offset(abi::EM_X86_64, text.trim_ascii().strip_prefix('%')?);
    if let Some(number) = text.strip_prefix('$') {
        return Some(Location::Constant(signed(number)?));
    }
    let Some((number, inside)) = bracketed(text) else {
        return Some(Location::Register(register(text)?));
    };
    let mut parts = inside.split(',');
    let base = register(parts.next()?)?;
    let index = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => None,
        (Some(index), None, _) => Some((register(index)?, 0)),
        (Some(index), Some(scale), None) => {
            let shift = match scale.trim_ascii() {
                "1" => 0,
                "2" => 1,
                "4" => 2,
                "8" => 3,
                _ => return None,
            };
            Some((register(index)?, shift))
        }
        _ => return None,
    };
    Some(Location::Memory {
        register: base,
        offset: number,
        index,
    })
}

/// `N`, `reg`, `[reg]`, `[reg, N]`.
#[inline]
fn aarch64(text: &str) -> Option<Location> {
    let register = |text: &str| offset(abi::EM_AARCH64, text.trim_ascii());
    if let Some(inside) = text.strip_prefix('[') {
        let inside = inside.strip_suffix(']')?;
        let (name, number) = match inside.split_once(',') {
            Some((name, number)) => (name, signed(number)?),
            None => (inside, 0),
        };
        return Some(Location::Memory {
            register: register(name)?,
            offset: number,
            index: None,
        });
    }
    constant_or(text, register)
}

/// `N`, `%reg`, `N(%reg)`.
#[inline]
fn s390x(text: &str) -> Option<Location> {
    let register = |text: &str| offset(abi::EM_S390, text.trim_ascii().strip_prefix('%')?);
    memory_or(text, register)
}

/// `N`, `reg`, `N(reg)`.
#[inline]
fn riscv(text: &str) -> Option<Location> {
    memory_or(text, |text| offset(abi::EM_RISCV, text.trim_ascii()))
}

#[inline]
fn memory_or(text: &str, register: impl Fn(&str) -> Option<u16>) -> Option<Location> {
    match bracketed(text) {
        Some((number, inside)) => Some(Location::Memory {
            register: register(inside)?,
            offset: number,
            index: None,
        }),
        None => constant_or(text, register),
    }
}

#[inline]
fn constant_or(text: &str, register: impl Fn(&str) -> Option<u16>) -> Option<Location> {
    match signed(text) {
        Some(number) => Some(Location::Constant(number)),
        None => Some(Location::Register(register(text)?)),
    }
}

/// `N(inside)`; nothing is 0.
#[inline]
fn bracketed(text: &str) -> Option<(i64, &str)> {
    let (number, inside) = text.strip_suffix(')')?.split_once('(')?;
    match number.trim_ascii() {
        "" => Some((0, inside)),
        number => Some((signed(number)?, inside)),
    }
}

/// A number in decimal, of which the upper half of 64 bits is negative.
#[inline]
fn signed(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    text.parse().ok().or_else(|| {
        let value: u64 = text.parse().ok()?;
        Some(value.cast_signed())
    })
}

/// `struct __bpf_usdt_spec` of `usdt.bpf.h`, which tells a program where its arguments are.
#[inline]
pub fn spec(args: &[Arg], cookie: u64, endian: Endian) -> [u8; SPEC_LEN] {
    let mut out = [0; SPEC_LEN];
    let (head, tail) = out.split_at_mut(BEHIND_ARGS);
    for (bytes, arg) in head.as_chunks_mut::<16>().0.iter_mut().zip(args) {
        *bytes = spec_of(arg, endian);
    }
    let count = args.len().min(MAX_ARGS) as u16;
    let behind = endian
        .put_u64(cookie)
        .into_iter()
        .chain(endian.put_u16(count));
    for (byte, value) in tail.iter_mut().zip(behind) {
        *byte = value;
    }
    out
}

/// `struct __bpf_usdt_arg_spec`.
#[inline]
fn spec_of(arg: &Arg, endian: Endian) -> [u8; 16] {
    let (value, kind, register) = match arg.location {
        Location::Constant(value) => (value, 0, 0),
        Location::Register(register) => (0, 1, register),
        Location::Memory {
            register,
            offset,
            index: None,
        } => (offset, 2, register),
        // Bits of one word, which only x86-64 has a use for: there the first is the lowest.
        Location::Memory {
            register,
            offset,
            index: Some((index, shift)),
        } => (
            offset,
            3 | u32::from(index) << 8 | u32::from(shift) << 20,
            register,
        ),
    };
    let shift = 64_u8.wrapping_sub(arg.size.wrapping_mul(8));
    let mut out = [0; 16];
    let bytes = endian.put_i64(value).into_iter();
    let bytes = bytes
        .chain(endian.put_u32(kind))
        .chain(endian.put_u16(register));
    for (to, byte) in out.iter_mut().zip(bytes.chain([arg.signed.into(), shift])) {
        *to = byte;
    }
    out
}
