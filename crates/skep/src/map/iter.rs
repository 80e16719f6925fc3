//! Iterators over a map's elements.

use super::{Batches, Keys, Map};
use crate::Result;
use alloc::vec::Vec;

/// Iterator over a map's keys and values: see [`Map::entries`].
#[derive(Debug)]
pub struct Entries<'a> {
    batches: Batches<'a>,
    /// Elements that were read, and how many of them were given.
    count: usize,
    given: usize,
}

impl Map {
    /// Keys, in the kernel's order, a call or two for each. A key may be deleted once it is given.
    /// Others that are added or deleted meanwhile may be missed; where the walk would begin again
    /// because they are, it ends with [`ErrorKind::Restarted`](crate::ErrorKind::Restarted).
    ///
    /// # Errors
    /// `ENOTSUPP`, `EINVAL`: the type has no keys to walk over.
    ///
    /// # Kernel
    /// `BPF_MAP_GET_NEXT_KEY`, since Linux 3.18.
    #[inline]
    pub fn keys(&self) -> Keys<'_> {
        Keys::new(self)
    }

    /// Keys and values, read in batches where the kernel has them: see [`Batches`].
    #[inline]
    pub fn entries(&self) -> Entries<'_> {
        Entries {
            batches: self.batches(),
            count: 0,
            given: 0,
        }
    }
}

impl Entries<'_> {
    /// The next element, as `read` makes it of its bytes.
    pub(super) fn next_by<T>(
        &mut self,
        read: impl FnOnce(&[u8], &[u8]) -> Result<T>,
    ) -> Option<Result<T>> {
        if self.given == self.count {
            self.count = match self.batches.next() {
                Ok(chunk) => chunk?.len(),
                Err(error) => return Some(Err(error)),
            };
            self.given = 0;
        }
        let (key, value) = self.batches.element(self.given)?;
        self.given += 1;
        Some(read(key, value))
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.next_by(|key, value| Ok((key.to_vec(), value.to_vec())))
    }
}
