//! Waiting for what programs have begun.

use crate::map::{ElemFlags, Map};
use crate::{MapType, Result, System};
use skep_sys::bpf::MapParams;

/// Waits until every program that was sending something is done with that. The kernel does so for
/// whoever puts a map into a map of maps, so that no program still uses the one that was there.
///
/// # Kernel
/// `BPF_MAP_UPDATE_ELEM` of `BPF_MAP_TYPE_ARRAY_OF_MAPS`, which waits since Linux 4.18.
pub(super) struct GracePeriod {
    outer: Map,
    inner: Map,
}

impl GracePeriod {
    #[inline]
    pub(super) fn new(system: &System) -> Result<Self> {
        let inner = MapParams {
            map_type: MapType::ARRAY,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            ..Default::default()
        };
        let array = Map::create(system, &inner)?;
        let outer = MapParams {
            map_type: MapType::ARRAY_OF_MAPS,
            inner_map: Some(array.fd()),
            ..inner
        };
        Ok(Self {
            outer: Map::create(system, &outer)?,
            inner: array,
        })
    }

    #[inline]
    pub(super) fn wait(&self) -> Result<()> {
        let fd = self.inner.fd().raw().to_ne_bytes();
        self.outer.update(&0_u32.to_ne_bytes(), &fd, ElemFlags::ANY)
    }
}
