//! A map's memory, shared with programs: elements of an array, pages of an arena.
//!
//! Programs and other processes may write it at any time, so that it is never lent as a slice:
//! it is read and written by atomic accesses, the widest that an offset is aligned for. A number
//! that lies at a multiple of its size is therefore never seen half written.
#![allow(unsafe_code)]

use super::Map;
use crate::error::Context;
use crate::plain::{Plain, with_room};
use crate::{Error, ErrorKind, MapType, Result};
use core::marker::PhantomData;
use core::sync::atomic::{
    AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use skep_codec::Errno;
use skep_codec::uapi::flags;
use skep_codec::uapi::linux::{MAP_SHARED, PROT_READ, PROT_WRITE};
use skep_sys::{CallError, Mapping};

/// A map's memory; see [`Map::memory`].
#[derive(Debug)]
pub struct Memory {
    mapping: Mapping,
    writable: bool,
    /// Whether touching a page that no program has allocated ends this process.
    faults: bool,
}

impl Memory {
    /// Maps all of a map that can be mapped.
    #[inline]
    pub(super) fn of(map: &Map) -> Result<Self> {
        let shape = map.shape();
        let len = len(map).ok_or_else(|| {
            let what = format!("map `{}` cannot be mapped into memory", map.name());
            Error::new(ErrorKind::Unsupported, what)
        })?;
        let arena = shape.map_type == MapType::ARENA;
        // An arena's address is part of the arena.
        let address = if arena { shape.map_extra as usize } else { 0 };
        let mapped = |prot| map_at(map, address, len, prot);
        let (mapping, writable) = match mapped(PROT_READ | PROT_WRITE) {
            // Frozen, or for programs to read only.
            Err(error) if matches!(error.errno, Errno::EPERM | Errno::EACCES) && !arena => {
                (mapped(PROT_READ), false)
            }
            mapping => (mapping, true),
        };
        Ok(Self {
            mapping: mapping.context(map.doing("map"))?,
            writable,
            faults: arena && shape.map_flags & flags::SEGV_ON_FAULT != 0,
        })
    }

    /// Bytes of it: whole pages.
    #[inline]
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Whether there are none (never so).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it can be written: not where the map is frozen or for programs to read only.
    #[inline]
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// Where it begins in this process. Pointers in an arena point here.
    #[inline]
    pub fn address(&self) -> usize {
        self.mapping.as_ptr().addr()
    }

    /// Copies `out.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: they reach beyond the end.
    #[inline]
    pub fn read(&self, offset: usize, out: &mut [u8]) -> Result<()> {
        self.check(offset, out.len())?;
        self.load(offset, out);
        Ok(())
    }

    /// Copies `bytes` to `offset`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: they reach beyond the end; [`ErrorKind::Permission`]: it cannot be
    /// written.
    #[inline]
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<()> {
        self.check(offset, bytes.len())?;
        self.check_writable()?;
        self.store(offset, bytes);
        Ok(())
    }

    #[inline]
    fn check_writable(&self) -> Result<()> {
        if self.writable {
            return Ok(());
        }
        let what = "this memory is read-only: the map is frozen";
        Err(Error::new(ErrorKind::Permission, what))
    }

    /// The value at `offset`, to be read and written again and again without system calls.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: it reaches beyond the end; or it has 2, 4 or 8 bytes and is not aligned,
    /// so that it could be seen half written.
    pub fn cell<T: Plain>(&self, offset: usize) -> Result<Cell<'_, T>> {
        self.check(offset, T::SIZE)?;
        if matches!(T::SIZE, 2 | 4 | 8) && !offset.is_multiple_of(T::SIZE) {
            let what = format!("{} bytes at {offset}: not aligned", T::SIZE);
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        Ok(Cell {
            memory: self,
            offset,
            value: PhantomData,
        })
    }

    /// Where a pointer into this memory points: programs keep such pointers in arenas. `None` for
    /// one that points elsewhere.
    #[inline]
    pub fn offset_of(&self, pointer: u64) -> Option<usize> {
        let offset = usize::try_from(pointer).ok()?.checked_sub(self.address())?;
        (offset < self.len()).then_some(offset)
    }

    #[inline]
    fn check(&self, offset: usize, len: usize) -> Result<()> {
        let end = offset.checked_add(len);
        if end.is_none_or(|end| end > self.len()) {
            let what = format!("{len} bytes at {offset} of {} mapped", self.len());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        if self.faults {
            let what = "an arena whose pages only programs allocate (BPF_F_SEGV_ON_FAULT)";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        Ok(())
    }
}

/// Bytes to map; `None` for a map that cannot be.
#[inline]
fn len(map: &Map) -> Option<usize> {
    let (shape, page) = (map.shape(), map.system().page_size());
    let entries = shape.max_entries as usize;
    match shape.map_type {
        MapType::ARENA => entries.checked_mul(page),
        MapType::ARRAY if shape.map_flags & flags::MMAPABLE != 0 => {
            let element = (shape.value_size as usize).checked_next_multiple_of(8)?;
            element.checked_mul(entries)?.checked_next_multiple_of(page)
        }
        _ => None,
    }
}

#[inline]
fn map_at(map: &Map, address: usize, len: usize, prot: i32) -> Result<Mapping, CallError> {
    let (kernel, fd) = (map.system().kernel(), map.fd());
    match address {
        0 => Mapping::new(kernel, len, prot, MAP_SHARED, Some(fd), 0),
        _ => Mapping::at(kernel, address, len, prot, MAP_SHARED, fd),
    }
}

/// The widest access that fits an offset and what is left.
#[inline]
fn width(offset: usize, left: usize) -> usize {
    let fits = |width: &usize| offset.is_multiple_of(*width) && left >= *width;
    [8, 4, 2].into_iter().find(fits).unwrap_or(1)
}

impl Memory {
    #[inline]
    fn load(&self, offset: usize, out: &mut [u8]) {
        let (mut at, mut rest) = (offset, out);
        while !rest.is_empty() {
            let (part, next) = rest.split_at_mut(width(at, rest.len()));
            match part.len() {
                8 => part.copy_from_slice(&self.u64(at).load(Relaxed).to_ne_bytes()),
                4 => part.copy_from_slice(&self.u32(at).load(Relaxed).to_ne_bytes()),
                2 => part.copy_from_slice(&self.u16(at).load(Relaxed).to_ne_bytes()),
                _ => part.fill(self.u8(at).load(Relaxed)),
            }
            (at, rest) = (at + part.len(), next);
        }
    }

    #[inline]
    fn store(&self, offset: usize, bytes: &[u8]) {
        let (mut at, mut rest) = (offset, bytes);
        while let Some(&first) = rest.first() {
            let (part, next) = rest.split_at(width(at, rest.len()));
            match *part {
                [a, b, c, d, e, f, g, h] => {
                    let word = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
                    self.u64(at).store(word, Relaxed);
                }
                [a, b, c, d] => self
                    .u32(at)
                    .store(u32::from_ne_bytes([a, b, c, d]), Relaxed),
                [a, b] => self.u16(at).store(u16::from_ne_bytes([a, b]), Relaxed),
                _ => self.u8(at).store(first, Relaxed),
            }
            (at, rest) = (at + part.len(), next);
        }
    }
}

/// An atomic word of the memory; callers have checked that it lies inside and is aligned.
macro_rules! words {
    ($($name:ident $ty:ident)+) => {$(
        #[inline]
        fn $name(&self, offset: usize) -> &$ty {
            debug_assert!(offset + size_of::<$ty>() <= self.len());
            // SAFETY: `check` and `width` have put the word inside the mapping, which is readable
            // (writable, where `write` has looked) and lives as long as `self` (contract 4); the
            // mapping begins at a page and `width` gives multiples of the size, so it is aligned.
            // Programs write it too, by accesses that are atomic for aligned words.
            unsafe { &*self.mapping.as_ptr().add(offset).cast::<$ty>() }
        }
    )+};
}

impl Memory {
    words! { u8 AtomicU8 u16 AtomicU16 u32 AtomicU32 u64 AtomicU64 }
}

/// A value in a map's memory, which programs may change at any time: [`Memory::cell`]. One of 1, 2,
/// 4 or 8 bytes is read and written in one piece; a larger one piece by piece.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a, T> {
    memory: &'a Memory,
    offset: usize,
    value: PhantomData<T>,
}

impl<T: Plain> Cell<'_, T> {
    /// The value now.
    #[inline]
    pub fn load(&self) -> T {
        with_room::<T, _>(|room| {
            match T::SIZE {
                8 => {
                    room.copy_from_slice(&self.memory.u64(self.offset).load(Relaxed).to_ne_bytes())
                }
                4 => {
                    room.copy_from_slice(&self.memory.u32(self.offset).load(Relaxed).to_ne_bytes())
                }
                _ => self.memory.load(self.offset, room),
            }
            // As many bytes as it has, always.
            T::read_from(room).unwrap_or_else(|| unreachable!("a value of its own size"))
        })
    }

    /// Sets the value.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`]: the memory cannot be written.
    #[inline]
    pub fn store(&self, value: &T) -> Result<()> {
        self.memory.check_writable()?;
        with_room::<T, _>(|room| {
            value.write_to(room);
            self.memory.store(self.offset, room);
        });
        Ok(())
    }
}

/// What atomic instructions of programs do, done here.
macro_rules! atomics {
    ($($int:ident $word:ident;)+) => {$(
        impl Cell<'_, $int> {
            /// Adds to the value, wrapping around; the value before.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`]: the memory cannot be written.
            #[inline]
            pub fn fetch_add(&self, add: $int) -> Result<$int> {
                self.memory.check_writable()?;
                Ok(self.memory.$word(self.offset).fetch_add(add as _, SeqCst) as $int)
            }

            /// Sets the value; the value before.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`]: the memory cannot be written.
            #[inline]
            pub fn swap(&self, new: $int) -> Result<$int> {
                self.memory.check_writable()?;
                Ok(self.memory.$word(self.offset).swap(new as _, SeqCst) as $int)
            }

            /// Sets the value if it is `old`; whether it was, and the value before.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`]: the memory cannot be written.
            #[inline]
            pub fn compare_exchange(&self, old: $int, new: $int) -> Result<(bool, $int)> {
                self.memory.check_writable()?;
                let word = self.memory.$word(self.offset);
                let done = word.compare_exchange(old as _, new as _, SeqCst, SeqCst);
                Ok((done.is_ok(), done.unwrap_or_else(|found| found) as $int))
            }
        }
    )+};
}
atomics! { u32 u32; u64 u64; i32 u32; i64 u64; }

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn accesses_are_as_wide_as_they_can_be() {
        let cases = [
            (0, 8, 8),
            (8, 7, 4),
            (4, 8, 4),
            (2, 8, 2),
            (1, 8, 1),
            (0, 1, 1),
            (6, 1, 1),
        ];
        for (offset, left, wide) in cases {
            assert_eq!(width(offset, left), wide, "{offset} {left}");
        }
    }
}
