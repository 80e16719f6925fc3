//! Values that are nothing but their bytes: keys and values of maps, events, globals.

use crate::{Error, ErrorKind, Result};

/// A value with a fixed number of bytes in the kernel's byte order, no padding, and no bit
/// pattern that is not valid. Implemented for integers and arrays; [`plain!`](crate::plain) makes
/// a struct of them one.
pub trait Plain: Copy {
    /// Size in bytes.
    const SIZE: usize;

    /// Writes the value's bytes; `out` has [`Self::SIZE`] bytes.
    fn write_to(&self, out: &mut [u8]);

    /// The value of these bytes, or `None` if there are not exactly [`Self::SIZE`].
    fn read_from(bytes: &[u8]) -> Option<Self>;
}

macro_rules! ints {
    ($($ty:ident)+) => {$(
        impl Plain for $ty {
            const SIZE: usize = size_of::<$ty>();

            #[inline]
            fn write_to(&self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_ne_bytes());
            }

            #[inline]
            fn read_from(bytes: &[u8]) -> Option<Self> {
                Some($ty::from_ne_bytes(bytes.try_into().ok()?))
            }
        }
    )+};
}

ints!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl<T: Plain + Default, const N: usize> Plain for [T; N] {
    const SIZE: usize = T::SIZE * N;

    #[inline]
    fn write_to(&self, out: &mut [u8]) {
        for (item, part) in self.iter().zip(out.chunks_exact_mut(T::SIZE.max(1))) {
            item.write_to(part);
        }
    }

    #[inline]
    fn read_from(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::SIZE {
            return None;
        }
        let mut all = [T::default(); N];
        for (item, part) in all.iter_mut().zip(bytes.chunks_exact(T::SIZE.max(1))) {
            *item = T::read_from(part)?;
        }
        Some(all)
    }
}

/// Reads a value that must fill `bytes`.
pub(crate) fn read<T: Plain>(bytes: &[u8], what: &str) -> Result<T> {
    T::read_from(bytes).ok_or_else(|| {
        let (have, want) = (bytes.len(), T::SIZE);
        Error::new(
            ErrorKind::Invalid,
            alloc::format!("{what}: {have} bytes, a type of {want} bytes"),
        )
    })
}

/// Declares a `#[repr(C)]` struct of [`Plain`] fields and makes it [`Plain`]. A struct with
/// padding does not compile: add the padding as a field.
///
/// ```
/// skep::plain! {
///     /// What the program sends.
///     #[derive(Debug)]
///     pub struct Event {
///         pub time_ns: u64,
///         pub pid: u32,
///         pub comm: [u8; 12],
///     }
/// }
/// use skep::Plain;
/// let bytes = [1; Event::SIZE];
/// assert_eq!(Event::read_from(&bytes).unwrap().pid, 0x0101_0101);
/// assert!(Event::read_from(&bytes[1..]).is_none());
/// ```
#[macro_export]
macro_rules! plain {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(C)]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $ty,)+ }

        impl $crate::Plain for $name {
            const SIZE: usize = {
                let fields = 0 $(+ <$ty as $crate::Plain>::SIZE)+;
                assert!(fields == core::mem::size_of::<$name>(), "the struct has padding");
                fields
            };

            fn write_to(&self, out: &mut [u8]) {
                let mut rest = out;
                $(
                    let (part, next) = rest.split_at_mut(<$ty as $crate::Plain>::SIZE);
                    $crate::Plain::write_to(&self.$field, part);
                    rest = next;
                )+
                let _ = rest;
            }

            fn read_from(bytes: &[u8]) -> Option<Self> {
                let rest = bytes;
                $(
                    let (part, rest) = rest.split_at_checked(<$ty as $crate::Plain>::SIZE)?;
                    let $field = <$ty as $crate::Plain>::read_from(part)?;
                )+
                rest.is_empty().then_some(Self { $($field,)+ })
            }
        }
    };
}
