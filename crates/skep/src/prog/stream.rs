//! What programs print to streams of their own.

use super::Program;
use crate::Result;
use crate::error::Context;
use skep_sys::bpf;

/// A stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `BPF_STDOUT`.
    Stdout = 1,
    /// `BPF_STDERR`: what the kernel has to say of its runs (faults in an arena, locks that were
    /// never had, loops that took too long) is here, too.
    Stderr = 2,
}

impl Program {
    /// Reads what it printed (`bpf_stream_printk`); 0 when there is no more. What finds no room in the
    /// kernel (100,000 bytes) is lost.
    ///
    /// # Kernel
    /// `BPF_PROG_STREAM_READ_BY_FD`, since Linux 6.17.
    #[doc(alias = "bpf_prog_stream_read")]
    #[inline]
    pub fn read_stream(&self, stream: Stream, buf: &mut [u8]) -> Result<usize> {
        let read = bpf::prog_stream_read(self.fd(), stream as u32, buf);
        read.context(self.doing("read a stream of"))
    }
}
