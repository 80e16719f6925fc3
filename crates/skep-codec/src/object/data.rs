//! Global data: `.data*`, `.rodata*`, `.bss*` and arena globals become maps.

use super::parse::{DatasecVars, Parser, Role};
use super::{MapSpec, Variable, struct_ops};
use crate::btf::{STATIC, TypeId};
use crate::elf::{SHT_NOBITS, Section, SymbolKind};
use crate::error::bail;
use crate::map::Map;
use crate::order;
use crate::uapi::bpf::MapType;
use crate::uapi::flags;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// Largest data section that is taken, in bytes.
pub const MAX_DATA: u32 = 1 << 30;

/// What a data map holds.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataKind {
    /// `.rodata*`: constants, to be frozen once they are set.
    Rodata,
    /// `.data*`.
    Data,
    /// `.bss*`.
    Bss,
    /// Values of the kernel's configuration, filled in by the loader.
    Kconfig,
    /// `.addr_space.1`: globals in an arena.
    Arena,
    /// A value of a kernel struct of functions.
    StructOps,
}

/// Contents of a data map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Name of the section.
    pub section: String,
    /// What it is.
    pub kind: DataKind,
    /// Size in bytes.
    pub size: u32,
    /// The first bytes of it; zeroes follow up to `size`.
    pub bytes: Vec<u8>,
    /// Whether programs and, once loaded, user space may only read it.
    pub read_only: bool,
    /// Its `Datasec` (or the struct, for a `struct_ops` value); 0 where there is none.
    pub datasec: TypeId,
}

impl Data {
    /// All `size` bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = self.bytes.clone();
        all.resize(self.size as usize, 0);
        all
    }

    /// `len` bytes from `offset` on; `None` beyond the end.
    pub fn read(&self, offset: u32, len: u32) -> Option<Vec<u8>> {
        let end = offset.checked_add(len).filter(|&end| end <= self.size)?;
        let known = self.bytes.len().min(end as usize);
        let head = self.bytes.get(offset as usize..known);
        let mut bytes = head.unwrap_or_default().to_vec();
        bytes.resize(len as usize, 0);
        Some(bytes)
    }

    /// Replaces bytes from `offset` on.
    ///
    /// # Errors
    /// `TooLarge`: they reach beyond the end.
    pub fn write(&mut self, offset: u32, new: &[u8]) -> Result<()> {
        let end = (offset as usize).checked_add(new.len());
        let Some(end) = end.filter(|&end| end <= self.size as usize) else {
            let (len, size) = (new.len(), self.size);
            bail!(
                TooLarge,
                "{len} bytes at {offset} of {size} in {}",
                self.section
            );
        };
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(offset as usize..end) {
            place.copy_from_slice(new);
        }
        Ok(())
    }
}

fn kind_of(name: &str) -> Option<DataKind> {
    let is = |stem: &str| {
        let rest = name.strip_prefix(stem);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if is(".rodata") {
        Some(DataKind::Rodata)
    } else if is(".data") {
        Some(DataKind::Data)
    } else if is(".bss") {
        Some(DataKind::Bss)
    } else if name == ".addr_space.1" {
        Some(DataKind::Arena)
    } else if struct_ops::is_section(name) {
        Some(DataKind::StructOps)
    } else {
        None
    }
}

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    for index in 0..p.elf.sections.len() {
        let Some(section) = p.elf.sections.get(index).cloned() else {
            continue;
        };
        if section.is_code() || section.size == 0 {
            continue;
        }
        let Some(kind) = kind_of(section.name) else {
            continue;
        };
        match kind {
            DataKind::StructOps => struct_ops::read(p, index, &section),
            DataKind::Arena => arena(p, index, &section),
            _ => globals(p, index, &section, kind),
        }
    }
}

/// The bytes of a section, where it has any, and its size.
pub(super) fn contents(p: &mut Parser<'_>, section: &Section<'_>) -> Result<(Vec<u8>, u32)> {
    let in_section = |e: Error| e.in_section(section.name);
    let size = u32::try_from(section.size).ok().filter(|&s| s <= MAX_DATA);
    let Some(size) = size else {
        let what = format!("{} bytes of data", section.size);
        return Err(in_section(Error::new(ErrorKind::TooLarge, what)));
    };
    if section.kind == SHT_NOBITS {
        return Ok((Vec::new(), size));
    }
    let bytes = section.bytes().map_err(in_section)?;
    p.spend(u64::from(size)).map_err(in_section)?;
    Ok((bytes.to_vec(), size))
}

fn globals(p: &mut Parser<'_>, index: usize, section: &Section<'_>, kind: DataKind) {
    let datasec = p.datasecs.get(section.name).copied().unwrap_or_default();
    let read_only = kind == DataKind::Rodata;
    let (contents, error) = match contents(p, section) {
        Ok(contents) => (contents, None),
        Err(error) => ((Vec::new(), 0), Some(error)),
    };
    let mut flags = if read_only { flags::RDONLY_PROG } else { 0 };
    let btf = p.spec.btf.clone();
    let vars = p.datasec_vars(&btf, section.name);
    if is_exposed(p, index, &vars) {
        flags |= flags::MMAPABLE;
    }
    let map = p.spec.maps.len();
    p.spec.maps.push(data_map(
        &p.spec.name,
        flags,
        Data {
            section: section.name.to_owned(),
            kind,
            size: contents.1,
            bytes: contents.0,
            read_only,
            datasec,
        },
        error,
    ));
    p.set_role(index, Role::Data(map));
    variables(p, index, map, &vars);
}

/// Whether the section has a variable that is seen outside its file, for user space to map: one
/// that is neither static nor hidden.
fn is_exposed(p: &Parser<'_>, index: usize, vars: &DatasecVars<'_>) -> bool {
    let Some(btf) = &p.spec.btf else {
        return false;
    };
    let mut hidden: Map<&str, ()> = Map::new();
    for symbol in p.elf.symbols_in(index) {
        if symbol.hidden {
            hidden.insert(symbol.name, ());
        }
    }
    for (name, var) in vars.iter() {
        let linkage = btf.ty(var.var).and_then(|ty| ty.linkage());
        let exposed = linkage.is_ok_and(|linkage| linkage != STATIC);
        if exposed && !hidden.contains_key(*name) {
            return true;
        }
    }
    false
}

/// The one-element array that holds a data section.
pub(super) fn data_map(object: &str, flags: u32, data: Data, error: Option<Error>) -> MapSpec {
    MapSpec {
        name: map_name(object, &data.section),
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: data.size,
        max_entries: 1,
        map_flags: flags,
        value_type: data.datasec,
        data: Some(data),
        autocreate: true,
        error,
        ..MapSpec::default()
    }
}

/// Up to eight characters of the object's name, then the section's, 15 in all; a section with a
/// name of its own (`.data.mine`) stands alone.
fn map_name(object: &str, section: &str) -> String {
    const MAX: usize = 15;
    let own = section.chars().filter(|&c| c == '.').count() > 1;
    let tail = section.chars().count().clamp(7, MAX);
    let head = if own { 0 } else { MAX.saturating_sub(tail) };
    let mut name = String::new();
    for (part, most) in [(object, head), (section, MAX)] {
        for c in part.chars().take(most) {
            let fine = c.is_ascii_alphanumeric() || c == '_' || c == '.';
            name.push(if fine { c } else { '_' });
        }
    }
    name
}

/// Lists the variables of a data section.
fn variables(p: &mut Parser<'_>, index: usize, map: usize, vars: &DatasecVars<'_>) {
    let mut found: Vec<Variable> = Vec::new();
    for symbol in p.elf.symbols_in(index) {
        if symbol.kind != SymbolKind::Object || symbol.name.is_empty() {
            continue;
        }
        let var = vars.get(symbol.name);
        let size = u32::try_from(symbol.size).ok().filter(|&size| size != 0);
        let size = size.or(var.map(|v| v.size));
        let (Ok(offset), Some(size)) = (u32::try_from(symbol.value), size) else {
            continue;
        };
        let ty = p
            .spec
            .btf
            .as_deref()
            .zip(var)
            .and_then(|(btf, v)| btf.ty(v.var).ok()?.target());
        found.push(Variable {
            name: symbol.name.to_owned(),
            map,
            offset,
            size,
            type_id: ty.unwrap_or_default(),
        });
    }
    order::by_key(&mut found, |variable| variable.offset.into());
    p.spec.variables.append(&mut found);
}

/// Globals in an arena: they are contents of the object's arena map.
fn arena(p: &mut Parser<'_>, index: usize, section: &Section<'_>) {
    let is_arena = |map: &MapSpec| map.map_type == MapType::ARENA;
    let Some(map) = p.spec.maps.iter().position(is_arena) else {
        let what = "arena globals, and no arena map in the object";
        p.warn(Error::new(ErrorKind::NotFound, what).in_section(section.name));
        return;
    };
    let datasec = p.datasecs.get(section.name).copied().unwrap_or_default();
    let contents = contents(p, section);
    if let Some(spec) = p.spec.maps.get_mut(map) {
        match contents {
            Ok((bytes, size)) => {
                spec.data = Some(Data {
                    section: section.name.to_owned(),
                    kind: DataKind::Arena,
                    size,
                    bytes,
                    read_only: false,
                    datasec,
                });
            }
            Err(error) => spec.error = Some(error),
        }
    }
    p.set_role(index, Role::Data(map));
    let btf = p.spec.btf.clone();
    let vars = p.datasec_vars(&btf, section.name);
    variables(p, index, map, &vars);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_names() {
        assert_eq!(map_name("execs", ".bss"), "execs.bss");
        assert_eq!(map_name("averylongname", ".rodata"), "averylon.rodata");
        assert_eq!(map_name("averylongname", ".bss"), "averylon.bss");
        assert_eq!(map_name("x-y", ".kconfig"), "x_y.kconfig");
        assert_eq!(map_name("execs", ".data.mine"), ".data.mine");
        assert_eq!(map_name("execs", ".rodata.a_long_name"), ".rodata.a_long_");
    }

    #[test]
    fn data_is_zero_beyond_its_bytes() {
        let mut data = Data {
            section: ".bss".to_owned(),
            kind: DataKind::Bss,
            size: 16,
            bytes: Vec::new(),
            read_only: false,
            datasec: TypeId::VOID,
        };
        assert_eq!(data.read(12, 4), Some(alloc::vec![0; 4]));
        assert_eq!(data.read(13, 4), None);
        data.write(4, &[1, 2]).unwrap();
        assert_eq!(data.bytes.len(), 6);
        assert_eq!(data.read(3, 4), Some(alloc::vec![0, 1, 2, 0]));
        assert_eq!(
            data.write(15, &[1, 2]).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
        assert_eq!(data.to_vec().len(), 16);
    }
}
