//! The kernel's structures of bpf(2) and perf_event_open(2), a `#[repr(C)]` struct each, sized
//! up to the last field that this library knows (Linux 6.18), padding spelled out.
//!
//! Each carries a table of its fields by their path in the kernel's type, so that a test can
//! compare every offset and size with the running kernel's BTF.

mod info;
mod link;
mod link_info;
mod map;
mod obj;
mod perf;
mod prog;

pub use info::*;
pub use link::*;
pub use link_info::*;
pub use map::*;
pub use obj::*;
pub use perf::*;
pub use prog::*;

/// A field: where it is in the kernel's type, and where it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Path in the kernel's type, members parted by dots, anonymous unions left out. Padding
    /// has none and is named with a leading `_`.
    pub path: &'static str,
    /// Offset in bytes.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
}

impl Field {
    /// Whether this is padding, unknown to the kernel.
    pub fn is_padding(&self) -> bool {
        self.path.starts_with('_')
    }
}

/// A structure with its table of fields.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Its name here.
    pub name: &'static str,
    /// The kernel's struct or union.
    pub kernel: &'static str,
    /// Where in it this one begins, in bytes.
    pub base: usize,
    /// Every field, in order.
    pub fields: &'static [Field],
}

/// Every structure of this module.
pub fn layouts() -> impl Iterator<Item = &'static Layout> {
    [
        info::LAYOUTS,
        link::LAYOUTS,
        link_info::LAYOUTS,
        map::LAYOUTS,
        obj::LAYOUTS,
        perf::LAYOUTS,
        prog::LAYOUTS,
    ]
    .into_iter()
    .flatten()
}

/// A kernel structure that is plain data.
///
/// # Safety
/// `#[repr(C)]`, without padding between or after its fields, every bit pattern valid.
pub unsafe trait Plain: Copy + Default + 'static {
    /// The kernel's struct or union.
    const KERNEL: &'static str;
    /// Where in it this one begins, in bytes.
    const BASE: usize = 0;
    /// Every field, in order.
    const FIELDS: &'static [Field];
    /// The least number of bytes a command is given: up to the last field that it answers in,
    /// or that its first kernel knew.
    const MIN: usize;

    /// The bytes.
    fn bytes(&self) -> &[u8] {
        let start = core::ptr::from_ref(self).cast::<u8>();
        // SAFETY: `self` is this many bytes, and none of them is padding (this trait's promise).
        unsafe { core::slice::from_raw_parts(start, size_of::<Self>()) }
    }

    /// The bytes, to be written.
    fn bytes_mut(&mut self) -> &mut [u8] {
        let start = core::ptr::from_mut(self).cast::<u8>();
        // SAFETY: as in `bytes`; every bit pattern is valid (this trait's promise).
        unsafe { core::slice::from_raw_parts_mut(start, size_of::<Self>()) }
    }

    /// One from the first of `bytes`; what is missing at the end is zero, as from a kernel that
    /// does not know the last fields.
    fn from_prefix(bytes: &[u8]) -> Self {
        let mut out = Self::default();
        for (to, from) in out.bytes_mut().iter_mut().zip(bytes) {
            *to = *from;
        }
        out
    }

    /// Bytes up to the last field that is not zero, and at least [`Plain::MIN`]: old kernels
    /// refuse what they do not know, unless it is not there.
    fn used_len(&self) -> usize {
        if Self::MIN >= size_of::<Self>() {
            return size_of::<Self>();
        }
        used_len(self.bytes(), Self::FIELDS, Self::MIN)
    }
}

fn used_len(bytes: &[u8], fields: &[Field], min: usize) -> usize {
    let mut len = min;
    for f in fields {
        let end = f.offset + f.size;
        let field = bytes.get(f.offset..end).unwrap_or_default();
        if field.iter().any(|&byte| byte != 0) {
            len = len.max(end);
        }
    }
    len
}

/// Defines a [`Plain`] struct: kernel type, prefix of the fields' paths, least size.
macro_rules! plain {
    (@path $prefix:literal _pad) => { "_pad" };
    (@path $prefix:literal _pad2) => { "_pad2" };
    (@path $prefix:literal $field:ident) => { concat!($prefix, stringify!($field)) };
    (@path $prefix:literal $field:ident $path:literal) => { concat!($prefix, $path) };
    ($(
        $(#[$doc:meta])*
        $name:ident: $kernel:literal $prefix:literal from $base:literal, min $min:literal {
            $($(#[$fdoc:meta])* $field:ident: $ty:ty $(= $path:literal)?,)+
        }
    )+) => {
    $(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the fields are the kernel's, documented in linux/bpf.h")]
        pub struct $name {
            $($(#[$fdoc])* pub $field: $ty,)+
        }
        const _: () = assert!(
            0 $(+ size_of::<$ty>())+ == size_of::<$name>(),
            "padding must be spelled out"
        );
        // SAFETY: `repr(C)`; the assertion above leaves no room for padding; the fields are
        // integers and arrays of them.
        unsafe impl $crate::attr::Plain for $name {
            const KERNEL: &'static str = $kernel;
            const BASE: usize = $base;
            const MIN: usize = $min;
            const FIELDS: &'static [$crate::attr::Field] = &[$($crate::attr::Field {
                path: $crate::attr::plain!(@path $prefix $field $($path)?),
                offset: core::mem::offset_of!($name, $field),
                size: size_of::<$ty>(),
            },)+];
        }
    )+
        /// The structures of this file.
        pub(super) const LAYOUTS: &[$crate::attr::Layout] = &[$($crate::attr::Layout {
            name: stringify!($name),
            kernel: $kernel,
            base: $base,
            fields: <$name as $crate::attr::Plain>::FIELDS,
        },)+];
    };
}
pub(crate) use plain;
