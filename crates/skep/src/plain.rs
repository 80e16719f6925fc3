//! Values that are nothing but their bytes: keys and values of maps, events, globals.

use crate::{Error, ErrorKind, Result};
use alloc::vec;

/// A value with a fixed number of bytes in the kernel's byte order, no padding, and no bit
/// pattern that is not valid. Implemented for numbers and arrays; [`plain!`](crate::plain), or
/// `#[derive(Plain)]` by feature `derive`, makes a struct of them one.
///
/// Padding is refused:
///
/// ```compile_fail
/// skep::plain! {
///     struct Padded { pid: u32, time_ns: u64 }
/// }
/// ```
///
/// So are types with bit patterns that are not valid (`bool`, `char`, references, enums):
///
/// ```compile_fail
/// skep::plain! {
///     struct Answer { yes: bool }
/// }
/// ```
#[cfg_attr(feature = "derive", doc = include_str!("plain/derive.md"))]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not nothing but its bytes",
    note = "numbers, arrays and structs of them are; `bool`, `char`, references and enums have bit \
            patterns that are not valid, and a kernel may give any: take an integer of the same size"
)]
pub trait Plain: Copy {
    /// Size in bytes.
    const SIZE: usize;
    /// The fields of a struct, by which it is compared with a map's types.
    const FIELDS: &'static [PlainField] = &[];

    /// Writes the value's bytes; `out` has [`Self::SIZE`] bytes.
    fn write_to(&self, out: &mut [u8]);

    /// The value of these bytes, or `None` if there are not exactly [`Self::SIZE`].
    fn read_from(bytes: &[u8]) -> Option<Self>;

    /// The value whose bytes are all 0.
    fn zeroed() -> Self {
        // As many bytes as it has, always.
        let read = |room: &mut [u8]| Self::read_from(room);
        with_room::<Self, _>(read).unwrap_or_else(|| unreachable!("a value of its own size"))
    }
}

/// A field of a [`Plain`] struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainField {
    /// Its name.
    pub name: &'static str,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// Its size in bytes.
    pub size: usize,
    /// Its own fields, if it is a struct.
    pub fields: &'static [Self],
}

impl PlainField {
    /// A field's name as C has it: that of `r#type` is `type`.
    #[doc(hidden)]
    pub const fn c_name(name: &'static str) -> &'static str {
        let [b'r', b'#', rest @ ..] = name.as_bytes() else {
            return name;
        };
        match core::str::from_utf8(rest) {
            Ok(rest) => rest,
            Err(_) => name,
        }
    }
}

macro_rules! numbers {
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

numbers!(f32 f64 u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl<T: Plain, const N: usize> Plain for [T; N] {
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
        if N == 0 {
            return Some(core::array::from_fn(|_| unreachable!("of no elements")));
        }
        let part = |index: usize| bytes.get(index * T::SIZE..(index + 1) * T::SIZE);
        // There is one for each, by the length; the first tells what an array is filled with.
        let mut all = [T::read_from(part(0).unwrap_or_default())?; N];
        for (index, item) in all.iter_mut().enumerate() {
            *item = T::read_from(part(index)?)?;
        }
        Some(all)
    }
}

/// Reads a value that must fill `bytes`.
#[inline]
pub(crate) fn read<T: Plain>(bytes: &[u8], what: &str) -> Result<T> {
    T::read_from(bytes).ok_or_else(|| {
        let (have, want) = (bytes.len(), T::SIZE);
        Error::new(
            ErrorKind::Invalid,
            format!("{what}: {have} bytes, a type of {want} bytes"),
        )
    })
}

/// Lends `len` zeros, on the stack if they are at most `SMALL`.
#[inline]
pub(crate) fn with_zeros<const SMALL: usize, R>(len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut small = [0; SMALL];
    match small.get_mut(..len) {
        Some(room) => f(room),
        None => f(&mut vec![0; len]),
    }
}

/// Lends zeros as long as a `T`.
#[inline]
pub(crate) fn with_room<T: Plain, R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    with_zeros::<64, R>(T::SIZE, f)
}

/// Lends the bytes of a value.
#[inline]
pub(crate) fn with_bytes<T: Plain, R>(value: &T, f: impl FnOnce(&[u8]) -> R) -> R {
    with_room::<T, R>(|room| {
        value.write_to(room);
        f(room)
    })
}

/// Declares a `#[repr(C)]` struct of [`Plain`] fields and makes it [`Plain`]. A struct with
/// padding does not compile: add the padding as a field whose name begins with `_`, which a map's
/// type need not have (`_pad: u32`). A struct of one field without a name is
/// `#[repr(transparent)]`.
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
/// assert_eq!(Event::FIELDS[2].offset, 12);
///
/// skep::plain! {
///     /// An enum of the program: any value may come.
///     #[derive(Debug, PartialEq)]
///     pub struct Mode(pub u32);
/// }
/// assert_eq!(Mode::zeroed(), Mode(0));
/// ```
#[macro_export]
macro_rules! plain {
    ($(#[$meta:meta])* $vis:vis struct $name:ident($field_vis:vis $ty:ty);) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        $vis struct $name($field_vis $ty);

        impl $crate::Plain for $name {
            const SIZE: usize = <$ty as $crate::Plain>::SIZE;

            fn write_to(&self, out: &mut [u8]) {
                $crate::Plain::write_to(&self.0, out);
            }

            fn read_from(bytes: &[u8]) -> ::core::option::Option<Self> {
                ::core::option::Option::Some(Self($crate::Plain::read_from(bytes)?))
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy)]
        #[repr(C)]
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $ty,)* }

        impl $crate::Plain for $name {
            const SIZE: usize = {
                let fields = 0 $(+ <$ty as $crate::Plain>::SIZE)*;
                assert!(fields == ::core::mem::size_of::<$name>(), "the struct has padding: make it a field, such as `_pad: [u8; 4]`");
                fields
            };
            const FIELDS: &'static [$crate::PlainField] = &[$($crate::PlainField {
                name: $crate::PlainField::c_name(stringify!($field)),
                offset: ::core::mem::offset_of!($name, $field),
                size: <$ty as $crate::Plain>::SIZE,
                fields: <$ty as $crate::Plain>::FIELDS,
            },)*];

            fn write_to(&self, out: &mut [u8]) {
                let rest = out;
                $(
                    let (part, rest) = rest.split_at_mut(<$ty as $crate::Plain>::SIZE);
                    // A copy: a packed struct's fields lie anywhere.
                    $crate::Plain::write_to(&{ self.$field }, part);
                )*
                let _ = rest;
            }

            fn read_from(bytes: &[u8]) -> ::core::option::Option<Self> {
                #[allow(unused_mut)] // of no fields
                let mut rest = bytes;
                // Fields are read in their order; none is a variable: a type may have its name.
                let value = Self {
                    $($field: {
                        let (part, next) = rest.split_at_checked(<$ty as $crate::Plain>::SIZE)?;
                        rest = next;
                        <$ty as $crate::Plain>::read_from(part)?
                    },)*
                };
                rest.is_empty().then_some(value)
            }
        }

        // Looked at even if nobody uses it.
        const _: usize = <$name as $crate::Plain>::SIZE;
    };
}

#[cfg(test)]
mod tests {
    use super::{Plain, PlainField};
    use core::fmt::Debug;

    crate::plain! {
        #[derive(Debug, PartialEq)]
        struct Inner { r#type: u16, rest: [i8; 6] }
    }

    crate::plain! {
        #[derive(Debug, PartialEq)]
        struct Outer { wide: u128, inner: [Inner; 2], signed: i64, _pad: u64 }
    }

    /// Every byte is written, whatever was there, and read back.
    fn round<T: Plain + PartialEq + Debug>(value: T) {
        let (mut low, mut high) = (std::vec![0; T::SIZE], std::vec![0xff; T::SIZE]);
        value.write_to(&mut low);
        value.write_to(&mut high);
        assert_eq!(low, high);
        assert_eq!(T::read_from(&low), Some(value));
        low.push(0);
        assert_eq!(T::read_from(&low), None);
        assert_eq!(T::SIZE, size_of::<T>());
    }

    #[test]
    fn every_byte_of_a_value_is_written_and_read() {
        let inner = Inner {
            r#type: 0x0102,
            rest: [-1, 2, -3, 4, -5, 6],
        };
        let wide = u128::MAX / 3;
        let inner = [inner, Inner { r#type: 7, ..inner }];
        round(Outer {
            wide,
            inner,
            signed: -9,
            _pad: 0,
        });
        round([[1_u16, 2], [3, 4]]);
        round([0_u64; 0]);
        round((i128::MIN, 5_u8).0);
        round([u128::MAX, 1]);
    }

    crate::plain! {
        #[derive(Debug, PartialEq)]
        struct Mode(i16);
    }

    crate::plain! {
        #[derive(Debug, PartialEq)]
        #[repr(packed)]
        struct Tight { flag: u8, mode: Mode, wide: u64, none: [u32; 0], ratio: f64 }
    }

    crate::plain! {
        #[derive(Debug, PartialEq)]
        struct Empty {}
    }

    #[test]
    fn packed_empty_and_nameless_ones_are_values_too() {
        let tight = Tight {
            flag: 1,
            mode: Mode(-2),
            wide: 3,
            none: [],
            ratio: 0.5,
        };
        round(tight);
        assert_eq!(Tight::SIZE, 19);
        assert_eq!(Tight::FIELDS[2].offset, 3);
        let mut bytes = [0xff; 19];
        tight.write_to(&mut bytes);
        assert_eq!(bytes[1..3], (-2_i16).to_ne_bytes());
        assert_eq!(bytes[11..], 0.5_f64.to_ne_bytes());
        round(Empty {});
        round(Mode(7));
        assert_eq!({ Tight::zeroed().wide }, 0);
        assert_eq!(<[u64; 100]>::zeroed(), [0; 100]);
    }

    #[test]
    fn fields_are_told_as_c_has_them() {
        let [wide, inner, signed, _] = Outer::FIELDS else {
            panic!("{:?}", Outer::FIELDS);
        };
        assert_eq!((wide.name, wide.offset, wide.size), ("wide", 0, 16));
        // Of an array, only the size is told.
        assert_eq!((inner.offset, inner.size, inner.fields), (16, 16, &[][..]));
        assert_eq!((signed.name, signed.offset), ("signed", 32));
        let first = Inner::FIELDS[0];
        let want = PlainField {
            name: "type",
            offset: 0,
            size: 2,
            fields: &[],
        };
        assert_eq!(first, want);
    }
}
