//! Map definitions of the older kind: structs of numbers in `maps`, `maps/NAME` or, beside programs
//! whose sections are named alike, `TYPE/maps` (ir-keytable's `lirc_mode2/maps`).
//!
//! Three layouts are in use, told apart by their size: `bpf_map_def` (type, key size, value size,
//! entries, flags: 20 bytes), the same with id and pinning (28), and iproute2's `bpf_elf_map`
//! with inner id and inner index behind those (36).

use super::parse::{MapPlace, Parser, Role};
use super::{MapSpec, Pinning, Slot};
use crate::btf::{Btf, Kind, TypeId};
use crate::bytes::{Reader, slice};
use crate::elf::Section;
use crate::error::bail;
use crate::map::Map;
use crate::uapi::bpf::MapType;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// What the longer layouts say beside the map itself.
#[derive(Clone, Copy, Debug, Default)]
struct Extra {
    map: usize,
    id: u32,
    /// The id of the map that inner maps look like.
    inner_id: u32,
    /// The slot of the outer map that this one goes into.
    inner_index: Option<u32>,
}

// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    let mut sections = Vec::new();
    for (index, section) in p.elf.sections.iter().enumerate() {
        let mut parts = section.name.split('/');
        let of_maps = parts.next() == Some("maps") || parts.next_back() == Some("maps");
        if of_maps && !section.is_code() {
            sections.push(index);
        }
    }
    if sections.is_empty() {
        return;
    }
    let mut extras = Vec::new();
    let types = annotations(p.spec.btf.as_deref());
    for index in sections {
        p.set_role(index, Role::Maps);
        read_section(p, index, &types, &mut extras);
    }
    inner_maps(p, &extras);
}

fn read_section(p: &mut Parser<'_>, index: usize, types: &Annotations, extras: &mut Vec<Extra>) {
    let Some(section) = p.elf.sections.get(index).cloned() else {
        return;
    };
    let mut symbols = Map::new();
    for symbol in p.elf.symbols_in(index) {
        if !symbol.name.is_empty() {
            symbols.insert(symbol.value, symbol.name);
        }
    }
    let what = "map definitions of the old kind: .maps says more";
    p.warn(Error::new(ErrorKind::Mismatch, what).in_section(section.name));
    let mut ends = symbols.keys().skip(1).copied();
    for (&offset, &name) in symbols.iter() {
        let end = ends.next().unwrap_or(section.size);
        let size = end.saturating_sub(offset);
        let map = p.spec.maps.len();
        let read = definition(p, &section, offset, size);
        let spec = match read {
            Ok((mut spec, extra)) => {
                if let Some(&(key, value)) = types.get(name) {
                    (spec.key_type, spec.value_type) = (key, value);
                }
                extras.push(Extra { map, ..extra });
                spec
            }
            Err(error) => MapSpec {
                error: Some(error.in_section(section.name).at(offset).of_symbol(name)),
                ..MapSpec::default()
            },
        };
        let place = MapPlace {
            map,
            size,
            values: size,
            stride: 8,
        };
        p.map_at.insert((index, offset), place);
        p.spec.maps.push(MapSpec {
            name: name.to_owned(),
            autocreate: true,
            offset,
            ..spec
        });
    }
}

fn definition(
    p: &Parser<'_>,
    section: &Section<'_>,
    offset: u64,
    size: u64,
) -> Result<(MapSpec, Extra)> {
    let (Ok(at), Ok(len)) = (usize::try_from(offset), usize::try_from(size)) else {
        bail!(TooLarge, "a definition of {size} bytes");
    };
    let bytes = slice(section.bytes()?, at, len, "map definition")?;
    if len < 20 {
        bail!(
            Truncated,
            "a map definition of {len} bytes, at least 20 wanted"
        );
    }
    let mut r = Reader::new(bytes, p.elf.endian);
    let mut map = MapSpec {
        map_type: MapType(r.u32()?),
        key_size: r.u32()?,
        value_size: r.u32()?,
        max_entries: r.u32()?,
        map_flags: r.u32()?,
        ..MapSpec::default()
    };
    let mut extra = Extra::default();
    if len >= 28 {
        (extra.id, map.pinning) = (r.u32()?, pinning(r.u32()?)?);
    }
    if len >= 36 {
        extra.inner_id = r.u32()?;
        let slot = r.u32()?;
        extra.inner_index = (slot != u32::MAX).then_some(slot);
    }
    if r.rest().iter().any(|&byte| byte != 0) {
        bail!(
            Unsupported,
            "more is set in this map definition than is known: {len} bytes"
        );
    }
    Ok((map, extra))
}

/// 1 and 2 are iproute2's two scopes of pinned names.
fn pinning(raw: u32) -> Result<Pinning> {
    match raw {
        0 => Ok(Pinning::None),
        1 | 2 => Ok(Pinning::ByName),
        other => bail!(Unsupported, "pinning {other}"),
    }
}

/// Types of key and value by the map's name.
type Annotations = Map<String, (TypeId, TypeId)>;

/// The structs that `BPF_ANNOTATE_KV_PAIR` leaves in the BTF.
fn annotations(btf: Option<&Btf>) -> Annotations {
    let mut found = Annotations::new();
    let Some(btf) = btf else {
        return found;
    };
    for ty in btf.iter().filter(|ty| ty.kind() == Kind::Struct) {
        let name = ty.name().unwrap_or_default();
        let name = name.strip_prefix("____btf_map_");
        let mut members = ty.members().flatten();
        if let (Some(name), Some(key), Some(value)) = (name, members.next(), members.next()) {
            found.insert(name.to_owned(), (key.ty, value.ty));
        }
    }
    found
}

/// iproute2: an outer map names the id of its inner maps, and those the slot that they go into.
fn inner_maps(p: &mut Parser<'_>, extras: &[Extra]) {
    let mut by_id: Map<u64, Vec<&Extra>> = Map::new();
    for extra in extras.iter().filter(|e| e.id != 0) {
        by_id.change(extra.id.into(), |all| all.push(extra));
    }
    for outer in extras.iter().filter(|e| e.inner_id != 0) {
        let is_outer =
            |map: &MapSpec| matches!(map.map_type, MapType::ARRAY_OF_MAPS | MapType::HASH_OF_MAPS);
        if !p.spec.maps.get(outer.map).is_some_and(is_outer) {
            continue;
        }
        let inner = by_id
            .get(&u64::from(outer.inner_id))
            .map_or(&[][..], Vec::as_slice);
        let contents = contents(p, outer, inner);
        let Some(map) = p.spec.maps.get_mut(outer.map) else {
            continue;
        };
        match contents {
            Ok((template, slots)) => {
                map.inner = Some(Box::new(MapSpec {
                    name: format!("{}.inner", map.name),
                    ..template
                }));
                map.slots.extend(slots);
            }
            Err(error) => map.error = Some(error.of_symbol(&map.name)),
        }
    }
}

/// What the inner maps of `outer` look like, and which go into it.
fn contents(
    p: &mut Parser<'_>,
    outer: &Extra,
    inner: &[&Extra],
) -> Result<(MapSpec, Vec<(u32, Slot)>)> {
    p.spend((inner.len() as u64).saturating_mul(8))?;
    let mut template = None;
    let mut slots = Vec::new();
    for other in inner.iter().filter(|other| other.map != outer.map) {
        template = template.or(p.spec.maps.get(other.map));
        slots.extend(other.inner_index.map(|slot| (slot, Slot::Map(other.map))));
    }
    let Some(template) = template else {
        bail!(
            NotFound,
            "no map with the id {} of its inner maps",
            outer.inner_id
        );
    };
    let template = MapSpec {
        inner: None,
        slots: Vec::new(),
        ..template.clone()
    };
    Ok((template, slots))
}
