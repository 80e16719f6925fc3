//! An object without what the constants that it is loaded with never let run.

use super::kconfig;
use crate::object::LoadOptions;
use crate::system::System;
use skep_codec::object::{DataKind, ObjectSpec};

/// The spec, with the kernel's configuration in it, pruned. A configuration that cannot be told is
/// not known; whoever needs it says so.
pub(in crate::object) fn pruned(
    spec: &ObjectSpec,
    system: &System,
    options: &LoadOptions,
) -> ObjectSpec {
    let mut pruned = spec.clone();
    let mut is_set = alloc::vec![false; spec.maps.len()];
    for (index, (map, is_set)) in pruned.maps.iter_mut().zip(&mut is_set).enumerate() {
        let replaced = options.maps.contains_key(&map.name);
        let Some(data) = map.data.as_mut().filter(|_| !replaced) else {
            continue;
        };
        *is_set = data.kind != DataKind::Kconfig
            || kconfig::fill(system, spec, index, data, &options.kconfig).is_ok();
    }
    pruned.prune(&|map| is_set.get(map) == Some(&true));
    pruned
}
