//! The maps that programs use, each created once.

use super::{Loader, kconfig};
use crate::error::Context;
use crate::map::{self, Created, Map};
use crate::prog::Program;
use crate::{Error, ErrorKind, Result};
use skep_codec::object::{Data, DataKind, MapSpec, Slot};

impl Loader<'_> {
    /// The map of this index, created if this is the first to ask.
    pub(super) fn map(&mut self, index: usize) -> Result<Map> {
        if let Some(Some(map)) = self.maps.get(index) {
            return Ok(map.clone());
        }
        let Some(spec) = self.spec.maps.get(index) else {
            let what = alloc::format!("no map number {index}");
            return Err(Error::new(ErrorKind::NotFound, what));
        };
        let map = match spec
            .data
            .clone()
            .filter(|data| data.kind == DataKind::Kconfig)
        {
            Some(data) => self.create_kconfig(index, spec, data)?,
            None => self.create_map(spec)?,
        };
        if let Some(slot) = self.maps.get_mut(index) {
            *slot = Some(map.clone());
        }
        Ok(map)
    }

    /// The map of the kernel's configuration, its values filled in.
    fn create_kconfig(&mut self, index: usize, spec: &MapSpec, mut data: Data) -> Result<Map> {
        kconfig::fill_kconfig(self.system, self.spec, index, &mut data)?;
        let mut filled = spec.clone();
        filled.data = Some(data);
        self.create_map(&filled)
    }

    fn create_map(&mut self, spec: &MapSpec) -> Result<Map> {
        if let Some(error) = &spec.error {
            return Err(error.clone()).context(|| alloc::format!("map `{}`", spec.name));
        }
        let inner = match &spec.inner {
            Some(inner) => Some(self.create_map(inner)?),
            None => None,
        };
        self.btf()?;
        let btf = self
            .btf
            .as_ref()
            .and_then(Option::as_ref)
            .zip(self.spec.btf.as_ref());
        let created = Created {
            btf,
            inner: inner.as_ref(),
            raise_memlock: self.options.raise_memlock,
        };
        map::create(self.system, spec, &created)
    }

    /// Puts the maps and programs that the object names into its maps of maps and program arrays.
    pub(super) fn fill_slots(&self, programs: &[Option<Program>]) -> Result<()> {
        for (spec, map) in self.spec.maps.iter().zip(&self.maps) {
            let Some(map) = map else {
                continue;
            };
            for (key, slot) in &spec.slots {
                let fd = match slot {
                    Slot::Map(index) => self.maps.get(*index).and_then(Option::as_ref).map(Map::fd),
                    Slot::Program(index) => programs
                        .get(*index)
                        .and_then(Option::as_ref)
                        .map(Program::fd),
                };
                // A program that is not wanted leaves its slot empty, as libbpf does.
                if let Some(fd) = fd {
                    map.update(&key.to_ne_bytes(), &fd.raw().to_ne_bytes(), 0)?;
                }
            }
        }
        Ok(())
    }
}
