//! `skep map create` and `skep map pin`.

use crate::args::{Create, Pin};
use crate::fail::{Failure, Result};
use crate::find;
use skep::codec::btf::{Btf, BtfFeatures, Kind, for_upload};
use skep::map::MapParams;
use skep::sys::Fd;
use skep::sys::net::if_nametoindex;
use skep::{Errno, Map, MapType, ObjectSpec, System, TypeId};
use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;

/// `skep map create`.
pub(super) fn run(args: &Create) -> Result {
    let system = System::host()?;
    let types = Types::of(args, &system)?;
    let inner = args.inner.as_deref().map(|which| find::map(&system, which));
    let inner = inner.transpose()?;
    let ifindex = match &args.dev {
        Some(name) => interface(&system, name)?,
        None => 0,
    };
    let params = MapParams {
        map_type: args.map_type,
        key_size: types.key_size,
        value_size: types.value_size,
        max_entries: args.entries,
        map_flags: args.flags,
        inner_map: inner.as_ref().map(Map::fd),
        numa_node: args.numa,
        name: &args.name,
        ifindex,
        btf: types.btf.as_ref(),
        btf_key_type_id: types.key.0,
        btf_value_type_id: types.value.0,
        map_extra: args.extra,
        ..MapParams::default()
    };
    let map = Map::create(&system, &params).map_err(|error| refused(args.map_type, error))?;
    map.pin(&args.pin)?;
    Ok(0)
}

/// A map that the kernel did not make, with what is usually wrong.
fn refused(map_type: MapType, error: skep::Error) -> Failure {
    let usual = match error.errno() {
        Some(Errno::EINVAL) => {
            "--key, --value, --entries and --flags do not go together, or this kernel has no such \
             type (`skep features` tells)"
        }
        Some(Errno::E2BIG) => "too large",
        Some(Errno::EEXIST) => "there is such a map already",
        _ => return Failure::Skep(error),
    };
    Failure::Said(format!("{error}: {usual} ({map_type})"))
}

fn interface(system: &System, name: &str) -> Result<u32> {
    let wrong = |why: &dyn std::fmt::Display| Failure::Said(format!("interface `{name}`: {why}"));
    let c_name = CString::new(name).map_err(|error| wrong(&error))?;
    if_nametoindex(system.kernel(), &c_name).map_err(|error| wrong(&error))
}

/// `skep map pin`.
pub(super) fn pin(args: &Pin) -> Result {
    let system = System::host()?;
    let map = find::map(&system, &args.map)?;
    map.pin(&args.path)?;
    Ok(0)
}

/// Sizes and types of key and value.
struct Types {
    btf: Option<Fd>,
    key: TypeId,
    value: TypeId,
    key_size: u32,
    value_size: u32,
}

impl Types {
    fn of(args: &Create, system: &System) -> Result<Self> {
        let mut types = Self {
            btf: None,
            key: TypeId::VOID,
            value: TypeId::VOID,
            key_size: args.key.unwrap_or(0),
            value_size: args.value.unwrap_or(0),
        };
        let Some(path) = args.btf.as_deref() else {
            return Ok(types);
        };
        let (btf, spec) = read(system, path)?;
        for (name, id, size) in [
            (&args.key_type, &mut types.key, &mut types.key_size),
            (&args.value_type, &mut types.value, &mut types.value_size),
        ] {
            if let Some(name) = name {
                *id = find_type(&btf, name).ok_or_else(|| {
                    Failure::Said(format!("{}: no type `{name}`", path.display()))
                })?;
                *size = u32::try_from(btf.size_of(*id)?).unwrap_or(u32::MAX);
            }
        }
        let encode = |features: &BtfFeatures| {
            let Some(spec) = &spec else {
                return Ok(for_upload(&btf, &[], &[], features)?);
            };
            let statics: Vec<&str> = spec.static_functions().collect();
            Ok(for_upload(&btf, &spec.layouts, &statics, features)?)
        };
        let loaded = system.load_btf(&encode)?;
        let what = |error| Failure::Said(format!("load the types of {}: {error}", path.display()));
        types.btf = Some(loaded.map_err(what)?);
        Ok(types)
    }
}

/// The types of an object or BTF file, and the object.
fn read(system: &System, path: &Path) -> Result<(Arc<Btf>, Option<ObjectSpec>)> {
    if let Ok(spec) = ObjectSpec::open(path)
        && let Some(btf) = spec.btf.clone()
    {
        return Ok((btf, Some(spec)));
    }
    let text = path.to_str().unwrap_or_default();
    Ok((system.btf_file(text)?, None))
}

/// The type with a name as C has it: `struct flow`, `__u64`, `flow`.
fn find_type(btf: &Btf, name: &str) -> Option<TypeId> {
    let (kinds, name): (&[Kind], _) = match name.split_once(' ') {
        Some(("struct", rest)) => (&[Kind::Struct], rest),
        Some(("union", rest)) => (&[Kind::Union], rest),
        Some(("enum", rest)) => (&[Kind::Enum, Kind::Enum64], rest),
        _ => {
            const ANY: [Kind; 7] = [
                Kind::Typedef,
                Kind::Int,
                Kind::Struct,
                Kind::Union,
                Kind::Enum,
                Kind::Enum64,
                Kind::Float,
            ];
            (&ANY, name)
        }
    };
    kinds
        .iter()
        .find_map(|kind| btf.find(name.trim(), Some(*kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_c_names() {
        const RAWTP: &[u8] = include_bytes!("../../../../../testdata/rawtp.bpf.el.o");
        let spec = ObjectSpec::parse(RAWTP, "rawtp").unwrap();
        let btf = spec.btf.as_ref().unwrap();
        let kind = |name| find_type(btf, name).map(|id| btf.ty(id).unwrap().kind());
        assert_eq!(kind("struct event"), Some(Kind::Struct));
        assert_eq!(kind("event"), Some(Kind::Struct));
        assert_eq!(kind("__u32"), Some(Kind::Typedef));
        assert_eq!(kind("unsigned int"), Some(Kind::Int));
        assert_eq!(kind("union event"), None);
        assert_eq!(kind("nonesuch"), None);
    }
}
