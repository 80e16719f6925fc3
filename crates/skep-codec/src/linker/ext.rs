//! `.BTF.ext` of all files, moved with their sections.

use super::file::File;
use super::sections::Layout;
use crate::btf::{BtfBuilder, BySection, CoreRelo, FuncInfo, LineInfo, TypeId};
use crate::bytes::Endian;
use crate::error::bail;
use crate::map::Map;
use crate::{Error, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const MAGIC: u16 = 0xeb9f;
const HEADER: u32 = 32;

/// Records as words, by the name of their section.
type Records<const N: usize> = Map<String, Vec<[u32; N]>>;

/// The records of all files.
#[derive(Default)]
pub(super) struct Ext {
    funcs: Records<2>,
    lines: Records<4>,
    relos: Records<4>,
}

impl Ext {
    /// Adds a file's records; `id` says what its types have become, strings go to `btf`.
    pub(super) fn add(
        &mut self,
        (index, file): (usize, &File<'_>),
        layout: &Layout,
        btf: &mut BtfBuilder,
        id: &dyn Fn(TypeId) -> TypeId,
    ) -> Result<()> {
        let Some(types) = &file.btf else {
            return Ok(());
        };
        let place = |section: &str| {
            let (number, _) = file.elf.section(section)?;
            u32::try_from(layout.place(index, number)?.offset).ok()
        };
        let mut string = |offset: u32| types.string(offset).map(|text| btf.add_string(text));
        let ext = &file.ext;
        gather(
            &mut self.funcs,
            &ext.func_info,
            &place,
            |at, r: &FuncInfo| Ok([at(r.insn_off)?, id(r.type_id).0]),
        )?;
        gather(
            &mut self.lines,
            &ext.line_info,
            &place,
            |at, r: &LineInfo| {
                let (file, line) = (string(r.file_name_off)?, string(r.line_off)?);
                Ok([at(r.insn_off)?, file, line, r.line_col])
            },
        )?;
        gather(
            &mut self.relos,
            &ext.core_relos,
            &place,
            |at, r: &CoreRelo| {
                let access = string(r.access_off)?;
                Ok([at(r.insn_off)?, id(r.type_id).0, access, r.kind as u32])
            },
        )
    }

    /// The section's bytes; none where there are no records.
    pub(super) fn to_bytes(&self, btf: &mut BtfBuilder, endian: Endian) -> Vec<u8> {
        let parts = [
            part(&self.funcs, btf),
            part(&self.lines, btf),
            part(&self.relos, btf),
        ];
        let mut out = Vec::new();
        if parts.iter().all(Vec::is_empty) {
            return out;
        }
        out.extend(endian.put_u16(MAGIC));
        out.extend([1, 0]);
        let mut word = |value: u32| out.extend(endian.put_u32(value));
        word(HEADER);
        let mut offset = 0_u32;
        for part in &parts {
            let len = (part.len() as u32).saturating_mul(4);
            word(offset);
            word(len);
            offset = offset.saturating_add(len);
        }
        parts.iter().flatten().for_each(|value| word(*value));
        out
    }
}

/// Adds the records of one kind, as words that `convert` makes.
fn gather<T, const N: usize>(
    all: &mut Records<N>,
    records: &BySection<T>,
    place: &dyn Fn(&str) -> Option<u32>,
    mut convert: impl FnMut(&dyn Fn(u32) -> Result<u32>, &T) -> Result<[u32; N]>,
) -> Result<()> {
    for (section, records) in records.iter() {
        // Of a section that has no code, or is not there: nothing to describe.
        let Some(start) = place(section) else {
            continue;
        };
        let at = |offset: u32| match offset.checked_add(start) {
            Some(moved) => Ok(moved),
            None => bail!(TooLarge, "an instruction at {offset:#x}"),
        };
        let in_section = |e: Error| e.in_section(section.as_str());
        let words = records.iter().map(|record| convert(&at, record));
        let words: Vec<[u32; N]> = words.collect::<Result<_>>().map_err(in_section)?;
        all.change(section.to_owned(), |known| known.extend(words));
    }
    Ok(())
}

/// One kind of records: their size, then each section's name, count and records.
fn part<const N: usize>(records: &Records<N>, btf: &mut BtfBuilder) -> Vec<u32> {
    let mut words = Vec::new();
    if records.is_empty() {
        return words;
    }
    words.push((N as u32).saturating_mul(4));
    for (section, records) in records.iter() {
        words.extend([btf.add_string(section), records.len() as u32]);
        words.extend(records.iter().flatten());
    }
    words
}
