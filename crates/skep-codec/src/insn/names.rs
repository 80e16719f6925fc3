//! The words of the kernel's instruction syntax, for those who write it and those who read it.

/// Operators of arithmetic, by the upper four bits of the code; empty where it is no operator.
pub(crate) const ALU: [&str; 13] = [
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "", "%=", "^=", "=", "s>>=",
];
/// Operators of comparisons, by the upper four bits of the code.
pub(crate) const COMPARE: [&str; 14] = [
    "", "==", ">", ">=", "&", "!=", "s>", "s>=", "", "", "<", "<=", "s<", "s<=",
];
/// Widths of memory accesses, by the two bits of the code.
pub(crate) const WIDTHS: [&str; 4] = ["u32", "u16", "u8", "u64"];
/// The same for loads that extend the sign.
pub(crate) const SIGNED: [&str; 3] = ["s32", "s16", "s8"];
/// Atomic operations: immediate, operator, name.
pub(crate) const ATOMICS: [(i32, &str, &str); 4] = [
    (0x00, "+=", "add"),
    (0x40, "|=", "or"),
    (0x50, "&=", "and"),
    (0xa0, "^=", "xor"),
];

/// Atomic operations: the old value comes back.
pub(crate) const FETCH: i32 = 0x01;
pub(crate) const XCHG: i32 = 0xe1;
pub(crate) const CMPXCHG: i32 = 0xf1;
pub(crate) const LOAD_ACQ: i32 = 0x100;
pub(crate) const STORE_REL: i32 = 0x110;

/// Instruction classes, the lower three bits of the code.
pub(crate) const LDX: u8 = 0x01;
pub(crate) const ST: u8 = 0x02;
pub(crate) const STX: u8 = 0x03;
pub(crate) const ALU32: u8 = 0x04;
pub(crate) const JMP: u8 = 0x05;
pub(crate) const JMP32: u8 = 0x06;
pub(crate) const ALU64: u8 = 0x07;
/// The second operand is a register.
pub(crate) const X: u8 = 0x08;
/// Modes of loads and stores.
pub(crate) const ABS: u8 = 0x20;
pub(crate) const IND: u8 = 0x40;
pub(crate) const MEM: u8 = 0x60;
pub(crate) const MEMSX: u8 = 0x80;
pub(crate) const ATOMIC: u8 = 0xc0;

/// Arithmetic that is no operator on two operands.
pub(crate) const NEG: u8 = 0x80;
pub(crate) const MOV: u8 = 0xb0;
/// Byte order: to little endian, to big endian, swapped.
pub(crate) const LE: u8 = 0xd4;
pub(crate) const BE: u8 = 0xdc;
pub(crate) const BSWAP: u8 = 0xd7;
/// Jumps that are no comparison.
pub(crate) const GOTO: u8 = 0x05;
pub(crate) const GOTOL: u8 = 0x06;
pub(crate) const GOTOX: u8 = 0x0d;
pub(crate) const CALLX: u8 = 0x8d;
pub(crate) const MAY_GOTO: u8 = 0xe5;
/// A barrier against speculation, which the verifier puts in.
pub(crate) const NOSPEC: u8 = 0xc2;

/// Offsets that give a register move another meaning.
pub(crate) const CAST: i16 = 1;
pub(crate) const PERCPU: i16 = -1;

/// An operator of a table by its place in the code; empty where there is none.
pub(crate) fn pick(table: &[&'static str], index: u8) -> &'static str {
    table.get(usize::from(index)).copied().unwrap_or("")
}

/// The place in a table, as the upper four bits of a code.
#[cfg(any(test, feature = "asm"))]
pub(crate) fn place(table: &[&'static str], word: &str) -> Option<u8> {
    let at = table.iter().position(|w| !w.is_empty() && *w == word)?;
    Some((at as u8) << 4)
}
