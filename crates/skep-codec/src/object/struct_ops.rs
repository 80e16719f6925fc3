//! `struct_ops`: a variable is a map of its own, whose members are numbers and programs.

use super::data::contents;
use super::parse::{MapPlace, Parser, Role};
use super::{Data, DataKind, MapSpec, ObjectSpec, Slot, Variable};
use crate::btf::{Btf, Kind, Member, TypeId};
use crate::bytes::slice;
use crate::elf::{Section, SymbolKind};
use crate::error::bail;
use crate::uapi::bpf::MapType;
use crate::uapi::flags;
use crate::{Error, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

const LINK: &str = ".struct_ops.link";

/// Whether a section holds `struct_ops` values; a `?` before its name says that they are not
/// created unless asked for.
pub(super) fn is_section(name: &str) -> bool {
    [".struct_ops", LINK].contains(&name.strip_prefix('?').unwrap_or(name))
}

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>, index: usize, section: &Section<'_>) {
    let btf = p.spec.btf.clone();
    let vars = p.datasec_vars(&btf, section.name);
    let contents = contents(p, section).map(|(bytes, _)| bytes);
    p.set_role(index, Role::Maps);
    for symbol in p.elf.symbols_in(index) {
        if symbol.kind != SymbolKind::Object || symbol.name.is_empty() {
            continue;
        }
        let (offset, size, name) = (symbol.value, symbol.size, symbol.name);
        let map = p.spec.maps.len();
        let value = p.spend(size).and_then(|()| {
            let all = contents.as_ref().map_err(Clone::clone)?;
            let var = vars.get(name).map(|var| var.var);
            value(p.spec.btf.as_deref().zip(var), all, offset)
        });
        let (value, error) = match value {
            Ok(value) => (value, None),
            Err(e) => {
                let at = e.in_section(section.name).at(offset).of_symbol(name);
                (Value::default(), Some(at))
            }
        };
        let place = MapPlace {
            map,
            size,
            values: 0,
            stride: 1,
        };
        p.map_at.insert_new((index, offset), || place);
        for variable in value.members {
            p.spec.variables.push(Variable {
                name: format!("{name}.{}", variable.name),
                map,
                ..variable
            });
        }
        let data = Data {
            section: section.name.to_owned(),
            kind: DataKind::StructOps,
            size: value.bytes.len() as u32,
            bytes: value.bytes,
            read_only: false,
            datasec: value.ty,
        };
        p.spec.maps.push(map_of(data, name, offset, error));
    }
}

/// The map whose only value is this variable.
fn map_of(data: Data, name: &str, offset: u64, error: Option<Error>) -> MapSpec {
    let linked = data.section.ends_with(LINK);
    MapSpec {
        name: name.to_owned(),
        map_type: MapType::STRUCT_OPS,
        key_size: 4,
        value_size: data.size,
        max_entries: 1,
        map_flags: if linked { flags::LINK } else { 0 },
        value_type: data.datasec,
        autoattach: true,
        autocreate: !data.section.starts_with('?'),
        offset,
        data: Some(data),
        error,
        ..MapSpec::default()
    }
}

/// What a variable holds.
#[derive(Default)]
struct Value {
    ty: TypeId,
    bytes: Vec<u8>,
    /// Members that are data.
    members: Vec<Variable>,
}

fn value(var: Option<(&Btf, TypeId)>, section: &[u8], offset: u64) -> Result<Value> {
    let Some((btf, var)) = var else {
        bail!(NotFound, "no BTF variable describes it");
    };
    let ty = btf.peel(btf.ty(var)?.target().unwrap_or_default())?;
    if ty.kind() != Kind::Struct || ty.name()?.is_empty() {
        bail!(
            Malformed,
            "its type is no struct with a name but {:?}",
            ty.kind()
        );
    }
    let (at, len) = (usize::try_from(offset).ok(), ty.size().unwrap_or(0));
    let bytes = slice(section, at.unwrap_or(usize::MAX), len as usize, "value")?;
    let mut members = Vec::new();
    for member in ty.members() {
        let member = member?;
        let size = u32::try_from(btf.size_of(member.ty)?).unwrap_or(u32::MAX);
        let plain = member.bit_size == 0 && !is_pointer(btf, &member)?;
        if plain && !member.name.is_empty() {
            members.push(Variable {
                name: member.name.to_owned(),
                map: 0,
                offset: member.bit_offset / 8,
                size,
                type_id: member.ty,
            });
        }
    }
    Ok(Value {
        ty: ty.id(),
        bytes: bytes.to_vec(),
        members,
    })
}

#[inline]
fn is_pointer(btf: &Btf, member: &Member<'_>) -> Result<bool> {
    Ok(btf.peel(member.ty)?.kind() == Kind::Ptr)
}

impl ObjectSpec {
    /// Sets a function of a `struct_ops` map: the program of this name, or none. (Members that
    /// are data are variables by the name `MAP.MEMBER`.)
    ///
    /// # Errors
    /// `NotFound`: no such map, member that is a pointer, or program.
    #[inline]
    pub fn set_func(&mut self, map: &str, member: &str, program: Option<&str>) -> Result<()> {
        let program = program.map(|name| {
            let found = self.programs.iter().position(|p| p.name == name);
            found.ok_or_else(|| Error::new(NOT_FOUND, format!("no program named '{name}'")))
        });
        let program = program.transpose()?;
        let offset = self.func_offset(map, member)?;
        let slots = &mut self.map_mut(map)?.slots;
        slots.retain(|(at, _)| *at != offset);
        slots.extend(program.map(|program| (offset, Slot::Program(program))));
        Ok(())
    }

    fn func_offset(&self, map: &str, member: &str) -> Result<u32> {
        let found = self.map(map).zip(self.btf.as_deref());
        if let Some((spec, btf)) = found.filter(|(m, _)| m.map_type == MapType::STRUCT_OPS) {
            for candidate in btf.ty(spec.value_type)?.members() {
                let candidate = candidate?;
                if candidate.name == member && is_pointer(btf, &candidate)? {
                    return Ok(candidate.bit_offset / 8);
                }
            }
        }
        let what: String = format!("no struct_ops map '{map}' with a function '{member}'");
        Err(Error::new(NOT_FOUND, what))
    }
}

const NOT_FOUND: crate::ErrorKind = crate::ErrorKind::NotFound;
