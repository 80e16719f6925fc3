//! `.BTF.ext`: what each instruction belongs to (functions, source lines) and which ones CO-RE
//! relocates, by ELF section.

use super::Btf;
use super::header::magic_endian;
use super::types::TypeId;
use crate::bytes::{Endian, Reader, slice};
use crate::error::bail;
use crate::map::Map;
use crate::{Error, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::slice::ChunksExact;

/// Records by the name of the ELF section that their instructions are in.
pub type BySection<T> = Map<String, Vec<T>>;

/// The records of `.BTF.ext`.
#[derive(Clone, Debug, Default)]
pub struct BtfExt {
    /// Which function begins at which instruction.
    pub func_info: BySection<FuncInfo>,
    /// Which source line an instruction comes from.
    pub line_info: BySection<LineInfo>,
    /// Which instructions CO-RE relocates.
    pub core_relos: BySection<CoreRelo>,
    /// What could not be read; the rest is here all the same.
    pub errors: Vec<Error>,
}

/// `struct bpf_func_info`: a function begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FuncInfo {
    /// Byte offset of the first instruction in its ELF section.
    pub insn_off: u32,
    /// The function's `BTF_KIND_FUNC`.
    pub type_id: TypeId,
}

/// `struct bpf_line_info`: code of a source line begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// Byte offset of the instruction in its ELF section.
    pub insn_off: u32,
    /// String offset of the file's name.
    pub file_name_off: u32,
    /// String offset of the line's text.
    pub line_off: u32,
    /// Line and column, packed as the kernel has them.
    pub line_col: u32,
}

impl LineInfo {
    /// Line number, from 1.
    pub fn line(&self) -> u32 {
        self.line_col >> 10
    }

    /// Column, from 1; 0 where there is none.
    pub fn column(&self) -> u32 {
        self.line_col & 0x3ff
    }
}

macro_rules! core_kinds {
    ($($name:ident = $raw:literal $text:literal;)+) => {
        /// `enum bpf_core_relo_kind`: what a CO-RE relocation asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum CoreKind {
            $(#[doc = $text] $name = $raw,)+
        }
        impl CoreKind {
            /// From its number; `None` for one that is not known.
            pub const fn from_raw(raw: u32) -> Option<Self> {
                Some(match raw { $($raw => Self::$name,)+ _ => return None })
            }
            /// What is asked for, in words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

core_kinds! {
    FieldByteOffset = 0 "byte offset of a field";
    FieldByteSize = 1 "byte size of a field";
    FieldExists = 2 "existence of a field";
    FieldSigned = 3 "signedness of a field";
    FieldLshiftU64 = 4 "left shift that brings a bit-field to the top";
    FieldRshiftU64 = 5 "right shift that brings a bit-field down again";
    TypeIdLocal = 6 "local id of a type";
    TypeIdTarget = 7 "target id of a type";
    TypeExists = 8 "existence of a type";
    TypeSize = 9 "byte size of a type";
    EnumvalExists = 10 "existence of an enumerator";
    EnumvalValue = 11 "value of an enumerator";
    TypeMatches = 12 "match of a type";
}

impl CoreKind {
    /// About a field of a struct or union.
    pub const fn is_field(self) -> bool {
        (self as u32) <= Self::FieldRshiftU64 as u32
    }

    /// About an enumerator.
    pub const fn is_enumval(self) -> bool {
        matches!(self, Self::EnumvalExists | Self::EnumvalValue)
    }

    /// About a type as a whole.
    pub const fn is_type(self) -> bool {
        !self.is_field() && !self.is_enumval()
    }
}

/// `struct bpf_core_relo`: an instruction that depends on the kernel's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreRelo {
    /// Byte offset of the instruction in its ELF section.
    pub insn_off: u32,
    /// The local type that the access starts from.
    pub type_id: TypeId,
    /// String offset of the access string, such as `0:1:2`.
    pub access_off: u32,
    /// What is asked for.
    pub kind: CoreKind,
}

impl BtfExt {
    /// Reads `.BTF.ext`, whose names and types are in `btf`.
    ///
    /// # Errors
    /// A header that cannot be read. Broken records are in [`BtfExt::errors`] instead, and cost
    /// only their own section.
    pub fn parse(bytes: &[u8], btf: &Btf) -> Result<Self> {
        let parts = Parts::read(bytes).map_err(|e| e.in_section(".BTF.ext header"))?;
        let mut ext = Self::default();
        let errors = &mut ext.errors;
        let part = |bytes, what, min| Part {
            reader: Reader::new(bytes, parts.endian),
            btf,
            what,
            min,
        };
        ext.func_info = sections(part(parts.funcs, "func_info", 8), errors, |r| {
            Ok(FuncInfo {
                insn_off: r.u32()?,
                type_id: TypeId(r.u32()?),
            })
        });
        ext.line_info = sections(part(parts.lines, "line_info", 16), errors, |r| {
            Ok(LineInfo {
                insn_off: r.u32()?,
                file_name_off: r.u32()?,
                line_off: r.u32()?,
                line_col: r.u32()?,
            })
        });
        ext.core_relos = sections(part(parts.relos, "core_relo", 16), errors, |r| {
            Ok(CoreRelo {
                insn_off: r.u32()?,
                type_id: TypeId(r.u32()?),
                access_off: r.u32()?,
                kind: core_kind(r.u32()?)?,
            })
        });
        Ok(ext)
    }

    /// The record of the function that begins at this byte of this section.
    pub fn func_at(&self, section: &str, offset: u64) -> Option<&FuncInfo> {
        let records = self.func_info.get(section)?;
        let at = records.binary_search_by_key(&offset, |r| r.insn_off.into());
        records.get(at.ok()?)
    }

    /// All CO-RE relocations, section by section.
    pub fn all_core_relos(&self) -> impl Iterator<Item = &CoreRelo> {
        self.core_relos.values().flatten()
    }
}

fn core_kind(raw: u32) -> Result<CoreKind> {
    match CoreKind::from_raw(raw) {
        Some(kind) => Ok(kind),
        None => bail!(Unsupported, "CO-RE relocation kind {raw}"),
    }
}

struct Parts<'a> {
    endian: Endian,
    funcs: &'a [u8],
    lines: &'a [u8],
    relos: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let endian = magic_endian(bytes)?;
        let mut r = Reader::new(bytes, endian);
        r.u16()?;
        let (version, _flags) = (r.u8()?, r.u8()?);
        if version != 1 {
            bail!(Unsupported, "BTF.ext version {version}");
        }
        let header_len = r.u32()?;
        if header_len < 24 {
            bail!(Malformed, "BTF.ext header of {header_len} bytes");
        }
        slice(bytes, 0, header_len as usize, "BTF.ext header")?;
        let mut part = |what: &str| {
            let start = (header_len as usize).saturating_add(r.u32()? as usize);
            let len = r.u32()? as usize;
            slice(bytes, start, len, what)
        };
        Ok(Self {
            endian,
            funcs: part("func_info")?,
            lines: part("line_info")?,
            relos: if header_len >= 32 {
                part("core_relo")?
            } else {
                &[]
            },
        })
    }
}

/// The records of one part, by section. Errors are put aside.
fn sections<T>(
    part: Part<'_>,
    errors: &mut Vec<Error>,
    decode: fn(&mut Reader<'_>) -> Result<T>,
) -> BySection<T> {
    let mut out = BySection::new();
    part.each_section(errors, &mut |name, records, endian| {
        let mut list = Vec::with_capacity(records.len());
        for record in records {
            list.push(decode(&mut Reader::new(record, endian))?);
        }
        out.change(name.to_owned(), |known| match known.is_empty() {
            true => *known = core::mem::take(&mut list),
            false => known.append(&mut list),
        });
        Ok(())
    });
    out
}

/// The bytes of one part, and what is needed to read them.
struct Part<'a> {
    reader: Reader<'a>,
    btf: &'a Btf,
    what: &'static str,
    /// Bytes that a record has at least.
    min: usize,
}

/// Takes the records of the section of this name.
type Take<'a> = &'a mut dyn FnMut(&str, ChunksExact<'_, u8>, Endian) -> Result<()>;

impl Part<'_> {
    fn each_section(mut self, errors: &mut Vec<Error>, take: Take<'_>) {
        if self.reader.is_empty() {
            return;
        }
        if let Err(e) = self.walk(errors, take) {
            // Where the next section begins is not known.
            errors.push(e.in_section(self.what));
        }
    }

    fn walk(&mut self, errors: &mut Vec<Error>, take: Take<'_>) -> Result<()> {
        let record_len = record_len(&mut self.reader, self.min)?;
        while !self.reader.is_empty() {
            let at = self.reader.offset() as u64;
            let (name_off, bytes) = section_bytes(&mut self.reader, record_len)?;
            let records = bytes.chunks_exact(record_len);
            if let Err(e) = self.section(name_off, records, &mut *take) {
                errors.push(e.in_section(self.what).at(at));
            }
        }
        Ok(())
    }

    fn section(&self, name: u32, records: ChunksExact<'_, u8>, take: Take<'_>) -> Result<()> {
        let name = self.btf.string(name)?;
        if name.is_empty() {
            bail!(Malformed, "section without a name");
        }
        take(name, records, self.reader.endian()).map_err(|e| e.of_symbol(name))
    }
}

fn record_len(r: &mut Reader<'_>, min: usize) -> Result<usize> {
    let len = r.u32()? as usize;
    if len < min || !len.is_multiple_of(4) {
        bail!(Malformed, "records of {len} bytes, {min} wanted");
    }
    Ok(len)
}

fn section_bytes<'a>(r: &mut Reader<'a>, record_len: usize) -> Result<(u32, &'a [u8])> {
    let (name, count) = (r.u32()?, r.u32()? as usize);
    let Some(len) = count.checked_mul(record_len) else {
        bail!(TooLarge, "{count} records");
    };
    Ok((name, r.take(len)?))
}
