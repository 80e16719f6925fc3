//! BTF of all files, merged: each global name one type, data sections described anew.

use super::ext::Ext;
use super::file::File;
use super::in_file;
use super::sections::Layout;
use super::symbols::Symbols;
use crate::Result;
use crate::btf::{Btf, BtfBuilder, IdMap, Kind, STATIC, SecVar, Type, TypeId};
use crate::error::bail;
use crate::map::Map;
use crate::order;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// `.BTF` and `.BTF.ext`; empty where no file has types.
#[derive(Default)]
pub(super) struct Types {
    pub(super) btf: Vec<u8>,
    pub(super) ext: Vec<u8>,
}

/// A file with its types, and what these have become so far.
struct Part<'a, 'f> {
    index: usize,
    file: &'f File<'a>,
    btf: &'f Btf,
    map: IdMap,
}

pub(super) fn merge(files: &[File<'_>], layout: &Layout, symbols: &Symbols) -> Result<Types> {
    let mut all = BtfBuilder::new();
    let mut parts = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let Some(btf) = &file.btf else { continue };
        let map = all.append(btf).map_err(in_file(file.name))?;
        parts.push(Part {
            index,
            file,
            btf,
            map,
        });
    }
    let Some(endian) = parts.first().map(|part| part.file.elf.endian) else {
        return Ok(Types::default());
    };
    let mut sections = Map::new();
    let mut gone = Vec::new();
    for part in &parts {
        gone_types(part, &parts, symbols, &mut gone)?;
        variables(part, &parts, layout, symbols, &mut sections).map_err(in_file(part.file.name))?;
    }
    for (name, variables) in sections.iter() {
        let mut variables = variables.clone();
        order::by_key(&mut variables, |variable| variable.offset.into());
        let size = layout
            .section(name)
            .map_or(0, |section| section.size as u32);
        all.add_datasec(name, size, &variables);
    }
    let without = all.replace(&gone)?;
    let once = all.dedup()?;
    let mut ext = Ext::default();
    for part in &parts {
        let id = |old| once.get(without.get(part.map.get(old)));
        let added = ext.add((part.index, part.file), layout, &mut all, &id);
        added.map_err(in_file(part.file.name))?;
    }
    let ext = ext.to_bytes(&mut all, endian);
    let btf = all.to_bytes(endian)?;
    Ok(Types { btf, ext })
}

/// The type that stands for a global function or variable in all files, where it is another
/// file's.
fn standing_for(
    ty: &Type<'_>,
    part: &Part<'_, '_>,
    parts: &[Part<'_, '_>],
    symbols: &Symbols,
) -> Result<Option<TypeId>> {
    if !matches!(ty.kind(), Kind::Func | Kind::Var) || ty.linkage()? == STATIC {
        return Ok(None);
    }
    let name = ty.name()?;
    let Some(symbol) = symbols.global(name) else {
        return Ok(None);
    };
    let typed = |p: &&Part<'_, '_>| p.file.declared.contains_key(name);
    let winner = parts.iter().filter(typed);
    let winner = winner.clone().find(|p| p.index == symbol.file).or_else(|| {
        // The file that counts has no types: the first that has.
        winner.clone().next()
    });
    let id = winner.and_then(|p| Some(p.map.get(*p.file.declared.get(name)?)));
    Ok(id.filter(|id| *id != part.map.get(ty.id())))
}

/// Types that are left out, and what takes their place.
fn gone_types(
    part: &Part<'_, '_>,
    parts: &[Part<'_, '_>],
    symbols: &Symbols,
    gone: &mut Vec<(TypeId, TypeId)>,
) -> Result<()> {
    for ty in part.btf.iter() {
        let id = part.map.get(ty.id());
        if ty.kind() == Kind::Datasec {
            gone.push((id, TypeId::VOID));
        } else if let Some(other) = standing_for(&ty, part, parts, symbols)? {
            gone.push((id, other));
        }
    }
    Ok(())
}

/// What a file has in its data sections, added to those of the same name.
fn variables(
    part: &Part<'_, '_>,
    parts: &[Part<'_, '_>],
    layout: &Layout,
    symbols: &Symbols,
    sections: &mut Map<String, Vec<SecVar>>,
) -> Result<()> {
    for datasec in part.btf.iter().filter(|ty| ty.kind() == Kind::Datasec) {
        let name = datasec.name()?;
        let own = part.file.elf.section(name);
        let place = own.and_then(|(index, _)| layout.place(part.index, index));
        if place.is_some_and(|place| place.repeated) {
            continue;
        }
        for variable in datasec.variables() {
            let variable = variable?;
            let ty = part.btf.ty(variable.ty)?;
            let symbol = match ty.linkage()? {
                0 => None,
                _ => symbols.global(ty.name()?),
            };
            let offset = match (symbol, place) {
                (Some(_), _) if standing_for(&ty, part, parts, symbols)?.is_some() => continue,
                (Some(symbol), _) if symbol.section.is_some() => symbol.value,
                // Static: the compiler knew its place.
                (None, Some(place)) => u64::from(variable.offset).saturating_add(place.offset),
                _ => variable.offset.into(),
            };
            let Ok(offset) = u32::try_from(offset) else {
                bail!(TooLarge, "'{}' at {offset:#x} of its section", ty.name()?);
            };
            let variable = SecVar {
                ty: part.map.get(variable.ty),
                offset,
                ..variable
            };
            sections.change(name.to_owned(), |list| list.push(variable));
        }
    }
    Ok(())
}
