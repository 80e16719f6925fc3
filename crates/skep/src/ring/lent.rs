//! How the bytes of what a ring lends are copied out: records and samples alike.

use crate::plain::with_zeros;

/// What `read` makes of `len` bytes that `copy` fills in.
#[inline]
pub(super) fn read_with<T>(
    len: usize,
    copy: impl FnOnce(&mut [u8]),
    read: impl FnOnce(&[u8]) -> T,
) -> T {
    with_zeros::<256, T>(len, |bytes| {
        copy(bytes);
        read(bytes)
    })
}

/// The methods that copy all bytes, by way of `len` and `copy_to`.
macro_rules! copied_whole {
    () => {
        /// The bytes.
        pub fn to_vec(&self) -> alloc::vec::Vec<u8> {
            let mut bytes = alloc::vec::Vec::new();
            self.read_into(&mut bytes);
            bytes
        }

        /// Replaces the contents of `out` with the bytes: a buffer to use again and again.
        #[inline]
        pub fn read_into(&self, out: &mut alloc::vec::Vec<u8>) {
            out.resize(self.len(), 0);
            self.copy_to(out);
        }
    };
}
pub(crate) use copied_whole;
