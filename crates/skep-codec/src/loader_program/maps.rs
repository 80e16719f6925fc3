//! Maps: made, filled, frozen, put into each other.

use super::attr::{map_create as create, map_elem as elem};
use super::build::Build;
use super::context;
use super::emit::{EQ, R0, R1, R2, R3, R6, R7, U32, U64};
use super::step::Step;
use crate::Result;
use crate::btf::TypeId;
use crate::error::bail;
use crate::object::{Data, DataKind, Kconfig, MapSpec, Pinning, Slot};
use crate::uapi::bpf::{Cmd, Helper, MapType, obj_name};
use crate::uapi::flags;
use crate::uapi::map_kind::MapOps;

/// A map as the loader makes it: an index of the spec, one of the loader's.
#[derive(Clone, Copy)]
pub(super) struct Made {
    pub(super) spec: usize,
    pub(super) index: usize,
}

/// # Errors
/// The map's own; `Unsupported`: what only a process can do.
pub(super) fn check(map: &MapSpec, signed: bool) -> Result<()> {
    if let Some(error) = &map.error {
        return Err(error.clone());
    }
    let why = match map.map_type {
        MapType::STRUCT_OPS => "its struct has to be matched with the kernel's",
        MapType::ARENA => "an arena has to be mapped",
        _ if map.pinning != Pinning::None => "it is to be shared by a pin",
        MapType::PERF_EVENT_ARRAY if signed && map.max_entries == 0 => {
            "how many CPUs there are is not signed: it has no capacity"
        }
        _ if map.exclusive_to.is_some() => "it is exclusive to a program",
        _ => return Ok(()),
    };
    bail!(
        Unsupported,
        "a loader program cannot make map `{}`: {why}",
        map.name
    );
}

impl Build<'_> {
    /// Makes a map; `slot` is where its descriptor is to be.
    pub(super) fn create_map(&mut self, map: &MapSpec, made: Made, slot: u32) -> Result<()> {
        let attr = self.map_attr(map)?;
        if let Some(inner) = &map.inner {
            check(inner, self.options.signed)?;
            let slot = self.layout.inner;
            let attr_of_inner = self.map_attr(inner)?;
            self.out.step(Step::CreateInner(made.index));
            self.map_types(inner, attr_of_inner);
            self.out.bpf(Cmd::MAP_CREATE, attr_of_inner, create::SIZE)?;
            self.out.keep(slot);
            self.out.put_fd(slot, &[at(attr, create::INNER_MAP_FD)]);
        }
        self.map_types(map, attr);
        if !self.options.signed {
            // As many entries as the context says, if it does.
            let out = &mut self.out;
            out.load(U32, R1, R6, context::map(made.index, context::MAX_ENTRIES));
            let as_it_is = out.jump_if(EQ, R1, 0);
            out.address(R2, at(attr, create::MAX_ENTRIES));
            out.store(U32, R2, 0, R1);
            out.close(as_it_is)?;
        }
        self.out.step(Step::CreateMap(made.index));
        self.out.bpf(Cmd::MAP_CREATE, attr, create::SIZE)?;
        self.out.keep(slot);
        match map.inner {
            Some(_) => self.out.close_fd(self.layout.inner),
            None => Ok(()),
        }
    }

    fn map_types(&mut self, map: &MapSpec, attr: u32) {
        if self.has_types(map) {
            let slot = self.layout.btf;
            self.out.put_fd(slot, &[at(attr, create::BTF_FD)]);
        }
    }

    fn has_types(&self, map: &MapSpec) -> bool {
        self.spec.btf.is_some()
            && map.map_type.allows(MapOps::TYPES)
            && map.value_type != TypeId::VOID
    }

    /// What is known of a map's attributes now.
    fn map_attr(&mut self, map: &MapSpec) -> Result<u32> {
        // A ring's records have a type for its readers; the kernel wants none.
        let is_ring = matches!(map.map_type, MapType::RINGBUF | MapType::USER_RINGBUF);
        let sized = |size: u32| if is_ring { 0 } else { size };
        let numa = map.numa_node.map_or(0, |_| flags::NUMA_NODE);
        let attr = self.out.blob.room(create::SIZE)?;
        for (field, value) in [
            (create::MAP_TYPE, map.map_type.0),
            (create::KEY_SIZE, sized(map.key_size)),
            (create::VALUE_SIZE, sized(map.value_size)),
            (create::MAX_ENTRIES, map.max_entries),
            (create::MAP_FLAGS, map.map_flags | numa),
            (create::NUMA_NODE, map.numa_node.unwrap_or(0)),
            (create::MAP_IFINDEX, map.ifindex),
        ] {
            self.out.blob.put_u32(at(attr, field), value);
        }
        let name = obj_name(&map.name);
        self.out.blob.put(at(attr, create::MAP_NAME), &name);
        self.out
            .blob
            .put_u64(at(attr, create::MAP_EXTRA), map.map_extra);
        if self.has_types(map) {
            let ids = [
                (create::BTF_KEY_TYPE_ID, map.key_type.0),
                (create::BTF_VALUE_TYPE_ID, map.value_type.0),
            ];
            for (field, id) in ids {
                self.out.blob.put_u32(at(attr, field), id);
            }
        }
        Ok(attr)
    }

    /// Puts a section's data into its map, and freezes it if it is constant.
    pub(super) fn fill_map(&mut self, data: &Data, made: Made) -> Result<()> {
        let filled = match data.kind {
            DataKind::Kconfig => Some(self.kconfig(made.spec, data)?),
            _ => None,
        };
        let known = filled.as_ref().unwrap_or(data);
        let slot = context::map(made.index, context::FD);
        let given = data.read_only && !self.options.signed;
        if given || known.bytes.iter().any(|&byte| byte != 0) {
            let value = self.out.blob.room(data.size)?;
            self.out.blob.put(value, &known.bytes);
            self.out.step(Step::FillMap(made.index));
            if given {
                self.take_data(made, value, data.size)?;
            }
            self.update(slot, self.zero, value)?;
        }
        if data.read_only {
            let attr = self.out.blob.room(elem::SIZE)?;
            self.out.step(Step::FreezeMap(made.index));
            self.out.put_fd(slot, &[at(attr, elem::MAP_FD)]);
            self.out.bpf(Cmd::MAP_FREEZE, attr, elem::FREEZE_SIZE)?;
        }
        Ok(())
    }

    /// What the context has for data is read from the process that runs the loader.
    fn take_data(&mut self, made: Made, value: u32, size: u32) -> Result<()> {
        let out = &mut self.out;
        out.load(U64, R3, R6, context::map(made.index, context::DATA));
        let as_it_is = out.jump_if(EQ, R3, 0);
        out.address(R1, value);
        out.mov(R2, size as i32);
        out.call(Helper::COPY_FROM_USER);
        out.copy(R7, R0);
        out.fail_if_negative()?;
        out.close(as_it_is)
    }

    /// `BPF_MAP_UPDATE_ELEM` of the map in a slot; key and value are parts of the data.
    fn update(&mut self, slot: u32, key: u32, value: u32) -> Result<()> {
        let attr = self.out.blob.room(elem::SIZE)?;
        self.out.put_fd(slot, &[at(attr, elem::MAP_FD)]);
        self.out.put_address(key, at(attr, elem::KEY));
        self.out.put_address(value, at(attr, elem::VALUE));
        self.out.bpf(Cmd::MAP_UPDATE_ELEM, attr, elem::SIZE)
    }

    /// Puts maps, or programs, into the maps that hold them.
    pub(super) fn fill_slots(&mut self, programs: bool) -> Result<()> {
        let spec = self.spec;
        for made in self.maps.clone() {
            let Some(map) = spec.maps.get(made.spec) else {
                continue;
            };
            let slot = context::map(made.index, context::FD);
            for (key, held) in &map.slots {
                let from = match *held {
                    Slot::Map(inner) if !programs => self.map_slot(inner),
                    Slot::Program(program) if programs => self.program_slot(program),
                    _ => None,
                };
                // A program that is not wanted leaves its slot empty, as libbpf does.
                let Some(from) = from else { continue };
                let key = self.out.blob.words(&[*key])?;
                let value = self.out.blob.room(8)?;
                self.out.step(Step::FillSlots(made.index));
                self.out.put_fd(from, &[value]);
                self.update(slot, key, value)?;
            }
        }
        Ok(())
    }

    /// The values of the kernel's configuration, all of them given.
    fn kconfig(&self, map: usize, data: &Data) -> Result<Data> {
        let mut filled = data.clone();
        let mut values = Kconfig::new(self.spec, map, &mut filled);
        for line in self.options.kconfig.lines() {
            if let Some((name, value)) = line.split_once('=')
                && name.starts_with("LINUX_")
            {
                let Ok(value) = value.trim().parse() else {
                    bail!(Malformed, "`{line}` sets no number");
                };
                values.set(name, value)?;
            }
        }
        values.read(self.options.kconfig.as_bytes())?;
        if let Some((name, _)) = values.unset().next() {
            bail!(
                Unsupported,
                "a loader program cannot ask for the value of `{name}`: give it as `{name}=...`"
            );
        }
        Ok(filled)
    }
}

/// A field of attributes.
pub(super) fn at(attr: u32, field: u32) -> u32 {
    attr.saturating_add(field)
}
