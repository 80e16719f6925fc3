//! Values that hang on kernel objects.

use super::{Descriptor, at, check, remove, set, view};
use crate::map::ElemFlags;
use crate::plain::Plain;
use crate::{MapType, Result};

view! {
    /// A value of `V` for each socket, process, file or cgroup: `BPF_MAP_TYPE_SK_STORAGE`,
    /// `TASK_STORAGE`, `INODE_STORAGE`, `CGRP_STORAGE`. The object is told by a descriptor: a socket, a
    /// pidfd, an open file, a cgroup's directory. Its value goes when it goes.
    LocalStorage [V] [Plain],
    |map| {
        const TYPES: [MapType; 4] = [
            MapType::SK_STORAGE,
            MapType::TASK_STORAGE,
            MapType::INODE_STORAGE,
            MapType::CGRP_STORAGE,
        ];
        check::<i32, V>(map, &TYPES)
    }
}

impl<V: Plain> LocalStorage<V> {
    /// The value of an object.
    ///
    /// # Errors
    /// `EBADF`: the descriptor is not of what this map is for.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, object: &impl Descriptor) -> Result<Option<V>> {
        at(&self.0, &object.number(), ElemFlags::ANY)
    }

    /// Sets the value of an object.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, object: &impl Descriptor, value: &V) -> Result<()> {
        set(&self.0, &object.number(), value, ElemFlags::ANY)
    }

    /// Sets the value of an object as the flags say.
    #[inline]
    pub fn insert_with(&self, object: &impl Descriptor, value: &V, flags: ElemFlags) -> Result<()> {
        set(&self.0, &object.number(), value, flags)
    }

    /// Deletes the value of an object; whether there was one.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, object: &impl Descriptor) -> Result<bool> {
        remove(&self.0, &object.number())
    }
}
