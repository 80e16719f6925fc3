//! An object without what the constants that it is loaded with never let run.

use super::{Loader, kconfig};
use crate::Result;
use crate::object::{LoadOptions, Object};
use crate::system::System;
use skep_codec::map::Map as Ordered;
use skep_codec::object::{DataKind, ObjectSpec};

/// Loads the spec, pruned, with the kernel's configuration in it, which is read once. One that
/// cannot be told is not known; whoever needs it says so.
///
/// # Errors
/// Those of [`Loader::load`].
pub(in crate::object) fn load_pruned(
    spec: &ObjectSpec,
    system: &System,
    options: &LoadOptions,
) -> Result<Object> {
    let mut pruned = spec.clone();
    let mut kconfig = Ordered::new();
    let mut is_set = alloc::vec![false; spec.maps.len()];
    for (index, (map, is_set)) in pruned.maps.iter_mut().zip(&mut is_set).enumerate() {
        let replaced = options.maps.contains_key(&map.name);
        let Some(data) = map.data.as_mut().filter(|_| !replaced) else {
            continue;
        };
        *is_set = data.kind != DataKind::Kconfig || {
            let filled = kconfig::filled(system, spec, index, data, &options.kconfig);
            let known = filled.as_ref().is_ok_and(|filled| {
                data.clone_from(filled);
                true
            });
            kconfig.insert(index, filled);
            known
        };
    }
    pruned.prune(&|map| is_set.get(map) == Some(&true));
    let mut loader = Loader::new(system, &pruned, options);
    loader.kconfig = kconfig;
    loader.load()
}
