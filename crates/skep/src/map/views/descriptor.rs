//! What the kernel is told of by its descriptor.

/// Something open: a socket, a directory, a program, a map.
pub trait Descriptor {
    /// The descriptor's number, valid while `self` is borrowed.
    fn number(&self) -> i32;
}

#[cfg(all(feature = "std", unix))]
impl<T: std::os::fd::AsFd> Descriptor for T {
    #[inline]
    fn number(&self) -> i32 {
        use std::os::fd::AsRawFd;
        self.as_fd().as_raw_fd()
    }
}

#[cfg(not(all(feature = "std", unix)))]
impl Descriptor for skep_sys::Fd {
    #[inline]
    fn number(&self) -> i32 {
        self.raw()
    }
}
