//! The maps that programs use, each created once.

use super::struct_ops::KernelOps;
use super::{Loader, kconfig};
use crate::error::Context;
use crate::error::MapFailure;
use crate::map::{self, Created, ElemFlags, Map};
use crate::prog::Program;
use crate::{Error, ErrorKind, MapType, Result};
use alloc::vec::Vec;
use skep_codec::object::{Data, DataKind, MapSpec, Slot};

impl Loader<'_> {
    /// The map of this index, made if this is the first to ask.
    ///
    /// # Errors
    /// The map's own, to everyone who asks for it.
    pub(super) fn map(&mut self, index: usize) -> Result<Map> {
        if let Some(Some(known)) = self.maps.get(index) {
            return known.clone();
        }
        let Some(spec) = self.spec.maps.get(index) else {
            let what = format!("no map number {index}");
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        let made = self.make(index, spec).and_then(|map| {
            if spec.map_type == MapType::ARENA {
                self.enter_arena(index, spec, &map)?;
            }
            Ok(map)
        });
        if let Some(place) = self.maps.get_mut(index) {
            *place = Some(made.clone());
        }
        made
    }

    /// The map of this index, if there is one.
    pub(super) fn made(&self, index: usize) -> Option<&Map> {
        self.maps.get(index)?.as_ref()?.as_ref().ok()
    }

    /// Whether programs may use this map: one that is not to be created poisons what uses it.
    pub(super) fn is_wanted(&self, index: usize) -> bool {
        let spec = self.spec.maps.get(index);
        spec.is_some_and(|spec| spec.autocreate || self.options.maps.contains_key(&spec.name))
    }

    /// Whether only one program may use this map.
    pub(super) fn is_exclusive(&self, index: usize) -> bool {
        let spec = self.spec.maps.get(index);
        spec.is_some_and(|spec| spec.exclusive_to.is_some())
    }

    /// What the kernel is to know the only program by that may use a map.
    fn exclusive_to(&mut self, spec: &MapSpec) -> Result<Option<[u8; 32]>> {
        let Some(name) = &spec.exclusive_to else {
            return Ok(None);
        };
        let what = format_args!("map `{}`, exclusive to program `{name}`", spec.name);
        let programs = &self.spec.programs;
        let program = programs.iter().find(|program| program.name == *name);
        let missing = || Error::new(ErrorKind::NotFound, "there is no such program");
        let program = program.ok_or_else(missing).context(what)?;
        self.digest(program).map(Some).context(what)
    }

    fn make(&mut self, index: usize, spec: &MapSpec) -> Result<Map> {
        if let Some(live) = self.options.maps.get(&spec.name) {
            self.reused.push(index);
            return self.replacement(spec, live);
        }
        if let Some(error) = &spec.error {
            return Err(error.clone()).context(format_args!("map `{}`", spec.name));
        }
        let Some(path) = self.pin_path(spec)? else {
            return self.create(index, spec);
        };
        let (map, new) = self.pinned_map(spec, &path, |loader| loader.create(index, spec))?;
        if !new {
            self.reused.push(index);
        }
        Ok(map)
    }

    fn create(&mut self, index: usize, spec: &MapSpec) -> Result<Map> {
        match &spec.data {
            Some(data) if data.kind == DataKind::Kconfig => self.create_kconfig(index, spec, data),
            Some(data) if data.kind == DataKind::StructOps => {
                let ops = self.kernel_ops(index, spec)?;
                let mut shaped = spec.clone();
                shaped.value_size = ops.value.len() as u32;
                self.create_map(&shaped, Some(&ops))
            }
            _ => self.create_map(spec, None),
        }
    }

    /// The map of the kernel's configuration, its values filled in.
    fn create_kconfig(&mut self, index: usize, spec: &MapSpec, data: &Data) -> Result<Map> {
        let data = match self.kconfig.get(&index) {
            Some(known) => known.clone(),
            None => kconfig::filled(self.system, self.spec, index, data, &self.options.kconfig),
        };
        let mut filled = spec.clone();
        filled.data = Some(data?);
        self.create_map(&filled, None)
    }

    fn create_map(&mut self, spec: &MapSpec, ops: Option<&KernelOps>) -> Result<Map> {
        let inner = match &spec.inner {
            Some(inner) => Some(self.create_map(inner, None)?),
            None => None,
        };
        let exclusive_to = self.exclusive_to(spec)?;
        self.upload_btf()?;
        if ops.is_some() {
            self.taken_btf()?;
        }
        let btf = self.btf().zip(self.spec.btf.as_ref());
        let created = Created {
            btf,
            inner: inner.as_ref(),
            exclusive_to: exclusive_to.as_ref().map_or(&[], |digest| digest),
            kernel_type: ops.map(|ops| {
                let module = ops.module.and_then(|module| self.kernel.fd(module));
                (ops.value_type, module)
            }),
        };
        map::create(self.system, spec, &created)
    }

    /// Makes the maps that are put into maps that are there, if only those are made that are used.
    pub(super) fn load_slots(&mut self) -> Vec<MapFailure> {
        let mut failures = Vec::new();
        for (index, spec) in self.spec.maps.iter().enumerate() {
            if !self.options.only_used_maps
                || self.made(index).is_none()
                || self.reused.contains(&index)
            {
                continue;
            }
            for (_, slot) in &spec.slots {
                if let Slot::Map(inner) = *slot
                    && self.is_wanted(inner)
                    && let Err(error) = self.map(inner)
                {
                    let map = self.spec.maps.get(inner).map(|spec| spec.name.clone());
                    let map = map.unwrap_or_default();
                    failures.push(MapFailure { map, error });
                }
            }
        }
        failures
    }

    /// Puts the maps and programs that the object names into its maps of maps and program arrays.
    /// Maps of maps that were there before keep what they hold.
    pub(super) fn fill_slots(&self, programs: &[Option<Program>]) -> Result<()> {
        for (index, spec) in self.spec.maps.iter().enumerate() {
            let Some(map) = self.made(index) else {
                continue;
            };
            // A struct's functions are set when it is attached.
            if spec.map_type == MapType::STRUCT_OPS {
                continue;
            }
            for (key, slot) in &spec.slots {
                let fd = match slot {
                    Slot::Map(_) if self.reused.contains(&index) => None,
                    Slot::Map(inner) => self.made(*inner).map(Map::fd),
                    Slot::Program(index) => programs
                        .get(*index)
                        .and_then(Option::as_ref)
                        .map(Program::fd),
                };
                // A program that is not wanted leaves its slot empty, as libbpf does.
                if let Some(fd) = fd {
                    map.update(&key.to_ne_bytes(), &fd.raw().to_ne_bytes(), ElemFlags::ANY)?;
                }
            }
        }
        Ok(())
    }
}
