//! Map definitions in `.maps`: a struct type whose members' types are the settings.

use super::parse::{MapPlace, Parser, Role};
use super::{MapSpec, Pinning};
use crate::btf::{Btf, Kind, Member, Type, TypeId};
use crate::error::bail;
use crate::order;
use crate::uapi::bpf::MapType;
use crate::uapi::flags;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

const SECTION: &str = ".maps";
/// Bytes of a pointer on BPF: what a slot of a static initialiser takes.
const POINTER: u64 = 8;

const NO_BTF: &str =
    "the object has no BTF, which is where the map's settings are: compile with -g";

fn refused(kind: ErrorKind, what: &'static str) -> Result<Definition> {
    Err(Error::new(kind, what))
}

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    let Some((index, section)) = p.elf.section(SECTION) else {
        return;
    };
    let end = section.size;
    p.set_role(index, Role::Maps);
    let btf = p.spec.btf.clone();
    let vars = p.datasec_vars(&btf, SECTION);
    let mut symbols = p.elf.symbols_in(index);
    symbols.retain(|symbol| !symbol.name.is_empty());
    order::by_key(&mut symbols, |symbol| symbol.value);
    for symbol in symbols {
        let (offset, size, name) = (symbol.value, symbol.size, symbol.name);
        if p.map_at.contains_key(&(index, offset)) {
            let what = format!("map '{name}' lies where another one does");
            p.warn(
                Error::new(ErrorKind::Malformed, what)
                    .in_section(SECTION)
                    .at(offset),
            );
            continue;
        }
        let mut warnings = Vec::new();
        let inside = offset.checked_add(size).is_some_and(|last| last <= end);
        let definition = match (btf.as_deref(), vars.get(name)) {
            _ if !inside => refused(ErrorKind::Truncated, "lies beyond the end of its section"),
            (Some(btf), Some(var)) => Definition::of_var(btf, var.var, name, &mut warnings),
            (Some(_), None) => refused(ErrorKind::NotFound, "no BTF variable describes it"),
            (None, _) => refused(ErrorKind::NotFound, NO_BTF),
        };
        let at = |e: Error| e.in_section(SECTION).at(offset).of_symbol(name);
        for warning in warnings {
            p.spec.warnings.push(at(warning));
        }
        let definition = definition.unwrap_or_else(|error| Definition {
            map: MapSpec {
                name: name.to_owned(),
                error: Some(at(error)),
                ..MapSpec::default()
            },
            values: size,
        });
        let place = MapPlace {
            map: p.spec.maps.len(),
            size,
            values: definition.values,
            stride: POINTER,
        };
        p.map_at.insert((index, offset), place);
        p.spec.maps.push(MapSpec {
            autocreate: true,
            offset,
            ..definition.map
        });
    }
}

/// The map that a BTF variable defines.
#[cfg(any(test, feature = "linker"))]
pub(crate) fn definition(btf: &Btf, var: TypeId, name: &str) -> Result<MapSpec> {
    Definition::of_var(btf, var, name, &mut Vec::new()).map(|definition| definition.map)
}

/// A map, and the byte in its definition where static contents begin.
struct Definition {
    map: MapSpec,
    values: u64,
}

impl Definition {
    fn of_var(btf: &Btf, var: TypeId, name: &str, warn: &mut Vec<Error>) -> Result<Self> {
        let ty = btf.peel(btf.ty(var)?.target().unwrap_or_default())?;
        Self::of_struct(&ty, name.to_owned(), false, warn)
    }

    fn of_struct(ty: &Type<'_>, name: String, inner: bool, warn: &mut Vec<Error>) -> Result<Self> {
        if ty.kind() != Kind::Struct {
            bail!(Malformed, "its type is no struct but {:?}", ty.kind());
        }
        let btf = ty.btf();
        let mut map = MapSpec {
            name,
            ..MapSpec::default()
        };
        let mut values = None;
        for member in ty.members() {
            let member = member?;
            let in_member =
                |e: Error| Error::new(e.kind(), format!("setting '{}': {}", member.name, e.what()));
            if member.name == "values" {
                values = Some(u64::from(member.bit_offset / 8));
                contents(btf, &member, &mut map, inner, warn).map_err(in_member)?;
            } else if !set(btf, &member, &mut map).map_err(in_member)? {
                bail!(
                    Unsupported,
                    "the map setting '{}' is not known",
                    member.name
                );
            }
        }
        if inner && map.pinning != Pinning::None {
            bail!(Unsupported, "an inner map cannot be pinned");
        }
        complete(&mut map, values.is_some(), warn)?;
        let values = values.unwrap_or_else(|| u64::from(ty.size().unwrap_or(0)));
        Ok(Self { map, values })
    }
}

/// Takes one setting; `false` for one that is not known.
fn set(btf: &Btf, member: &Member<'_>, map: &mut MapSpec) -> Result<bool> {
    let word = || {
        number(btf, member.ty).and_then(|n| {
            u32::try_from(n).map_err(|_| Error::new(ErrorKind::TooLarge, format!("{n}")))
        })
    };
    match member.name {
        "type" => map.map_type = MapType(word()?),
        "max_entries" => map.max_entries = word()?,
        "map_flags" => map.map_flags = word()?,
        "map_extra" => map.map_extra = number(btf, member.ty)?,
        "numa_node" => map.numa_node = Some(word()?),
        "pinning" => {
            map.pinning = match word()? {
                0 => Pinning::None,
                1 => Pinning::ByName,
                other => bail!(Unsupported, "{other} is neither none (0) nor by name (1)"),
            }
        }
        "key_size" => size(&mut map.key_size, word()?)?,
        "value_size" => match word()? {
            // Of records that have a type, as aya's macros say it.
            0 if map.map_type == MapType::RINGBUF => {}
            bytes => size(&mut map.value_size, bytes)?,
        },
        "key" => map.key_type = pointee(btf, member.ty, &mut map.key_size)?,
        "value" => map.value_type = pointee(btf, member.ty, &mut map.value_size)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// A number that is written as the length of an array, or as an enumerator.
fn number(btf: &Btf, ty: TypeId) -> Result<u64> {
    let ty = btf.peel(ty)?;
    match (ty.kind(), ty.target()) {
        (Kind::Ptr, Some(target)) => Ok(u64::from(btf.peel(target)?.array()?.len)),
        (Kind::Enum | Kind::Enum64, _) => match (ty.enumerators().next(), ty.vlen()) {
            (Some(enumerator), 1) => Ok(enumerator?.value as u64),
            (_, several) => bail!(Malformed, "an enum with {several} enumerators, not one"),
        },
        (kind, _) => bail!(
            Malformed,
            "neither a pointer to an array nor an enum but {kind:?}"
        ),
    }
}

/// The type that a pointer points at; its size must agree with what is known.
fn pointee(btf: &Btf, ty: TypeId, known: &mut u32) -> Result<TypeId> {
    let ty = btf.peel(ty)?;
    let (Kind::Ptr, Some(target)) = (ty.kind(), ty.target()) else {
        bail!(Malformed, "no pointer but {:?}", ty.kind());
    };
    let Ok(bytes) = u32::try_from(btf.size_of(target)?) else {
        bail!(TooLarge, "type {}", target.0);
    };
    size(known, bytes)?;
    Ok(target)
}

fn size(known: &mut u32, new: u32) -> Result<()> {
    if *known != 0 && *known != new {
        bail!(Mismatch, "{new} bytes here, {known} bytes elsewhere");
    }
    *known = new;
    Ok(())
}

/// `values`: what the slots of a map of maps or a program array hold.
fn contents(
    btf: &Btf,
    member: &Member<'_>,
    map: &mut MapSpec,
    inner: bool,
    warn: &mut Vec<Error>,
) -> Result<()> {
    if inner {
        bail!(TooDeep, "an inner map cannot hold maps or programs");
    }
    let array = btf.peel(member.ty)?.array()?;
    let element = btf.peel(array.element)?;
    let (Kind::Ptr, Some(target)) = (element.kind(), element.target()) else {
        bail!(Malformed, "no array of pointers");
    };
    let target = btf.peel(target)?;
    match target.kind() {
        Kind::Struct => {
            let name = format!("{}.inner", map.name);
            let definition = Definition::of_struct(&target, name, true, warn)?;
            map.inner = Some(Box::new(definition.map));
        }
        Kind::FuncProto => {}
        kind => bail!(
            Malformed,
            "pointers to {kind:?}, neither maps nor functions"
        ),
    }
    size(&mut map.value_size, 4)
}

/// Sizes that the kernel leaves no choice about, and what does not go together.
fn complete(map: &mut MapSpec, has_values: bool, warn: &mut Vec<Error>) -> Result<()> {
    let of_maps = matches!(map.map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS);
    if map.map_type == MapType::UNSPEC {
        bail!(Malformed, "the map has no type");
    }
    if has_values && !of_maps && map.map_type != MapType::PROG_ARRAY {
        bail!(
            Unsupported,
            "'values' of a map that holds neither maps nor programs"
        );
    }
    let indexed = matches!(
        map.map_type,
        MapType::PERF_EVENT_ARRAY
            | MapType::PROG_ARRAY
            | MapType::CGROUP_ARRAY
            | MapType::ARRAY_OF_MAPS
    );
    for size in [&mut map.key_size, &mut map.value_size] {
        if indexed && *size == 0 {
            *size = 4;
        }
    }
    if map.map_type == MapType::HASH_OF_MAPS && map.value_size == 0 {
        map.value_size = 4;
    }
    if map.numa_node.is_some() && map.map_flags & flags::NUMA_NODE == 0 {
        map.numa_node = None;
        let what = "'numa_node' without BPF_F_NUMA_NODE in 'map_flags' says nothing";
        warn.push(Error::new(ErrorKind::Mismatch, what));
    }
    Ok(())
}
