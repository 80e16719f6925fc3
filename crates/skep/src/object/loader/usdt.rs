//! USDT programs: the maps that tell them of their arguments.

use super::Loader;
use crate::map::Map;
use crate::prog::UsdtSpecs;
use alloc::sync::Arc;
use skep_codec::object::{ProgramSpec, Verb};

impl Loader<'_> {
    /// What the object's USDT programs share; nothing for others, and where the object has no maps for
    /// it.
    pub(super) fn usdt_specs(&self, program: &ProgramSpec) -> Option<Arc<UsdtSpecs>> {
        if program.attach != Verb::Usdt {
            return None;
        }
        let new = || {
            let specs = self.named(UsdtSpecs::SPECS).ok_or(())?;
            Ok(UsdtSpecs::new(specs, self.named(UsdtSpecs::PLACES)))
        };
        self.usdt.get_or_try_init::<()>(new).ok().cloned()
    }

    /// The map of this name, if the program that is loaded, or another, has had it made.
    fn named(&self, name: &str) -> Option<Map> {
        let index = self.spec.map_index(name)?;
        self.made(index).cloned()
    }
}
