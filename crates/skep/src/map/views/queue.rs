//! Values without keys.

use super::{check_size, check_type, view};
use crate::map::{ElemFlags, Map};
use crate::plain::{Plain, read, with_bytes, with_room};
use crate::{MapType, Result};

#[inline]
fn check<V: Plain>(map: &Map, map_type: MapType) -> Result<()> {
    check_type(map, &[map_type])?;
    check_size(map, "value", map.value_size(), V::SIZE)
}

view! {
    /// A `BPF_MAP_TYPE_QUEUE`: first in, first out.
    Queue [V] [Plain], |map| check::<V>(map, MapType::QUEUE)
}

view! {
    /// A `BPF_MAP_TYPE_STACK`: last in, first out.
    Stack [V] [Plain], |map| check::<V>(map, MapType::STACK)
}

macro_rules! pushed {
    ($name:ident) => {
        impl<V: Plain> $name<V> {
            /// Puts a value in.
            ///
            /// # Errors
            /// `E2BIG`: it is full.
            #[doc(alias = "update")]
            #[inline]
            pub fn push(&self, value: &V) -> Result<()> {
                with_bytes(value, |value| self.0.push(value, ElemFlags::ANY))
            }

            /// Puts a value in; if it is full, the oldest goes.
            #[inline]
            pub fn push_over(&self, value: &V) -> Result<()> {
                with_bytes(value, |value| self.0.push(value, ElemFlags::EXIST))
            }

            /// Takes the next value out; `None` if there is none.
            #[doc(alias = "lookup_and_delete")]
            #[inline]
            pub fn pop(&self) -> Result<Option<V>> {
                with_room::<V, _>(|value| {
                    let found = self.0.take_into(&[], value, ElemFlags::ANY)?;
                    found.then(|| read(value, "map value")).transpose()
                })
            }

            /// The next value, which stays; `None` if there is none.
            #[doc(alias = "lookup")]
            #[inline]
            pub fn peek(&self) -> Result<Option<V>> {
                with_room::<V, _>(|value| {
                    let found = self.0.lookup_into(&[], value, ElemFlags::ANY)?;
                    found.then(|| read(value, "map value")).transpose()
                })
            }

            /// The most values that it holds.
            #[inline]
            pub fn capacity(&self) -> u32 {
                self.0.max_entries()
            }
        }
    };
}
pushed!(Queue);
pushed!(Stack);

view! {
    /// A `BPF_MAP_TYPE_BLOOM_FILTER` (since Linux 5.16).
    BloomFilter [V] [Plain], |map| check::<V>(map, MapType::BLOOM_FILTER)
}

impl<V: Plain> BloomFilter<V> {
    /// Adds a value.
    #[doc(alias = "set")]
    #[doc(alias = "update")]
    #[inline]
    pub fn insert(&self, value: &V) -> Result<()> {
        with_bytes(value, |value| self.0.push(value, ElemFlags::ANY))
    }

    /// Whether a value may have been added: `false` is certain.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn contains(&self, value: &V) -> Result<bool> {
        with_room::<V, _>(|bytes| {
            value.write_to(bytes);
            self.0.lookup_into(&[], bytes, ElemFlags::ANY)
        })
    }
}
