//! How many values a per-CPU map has, which is learnt by making one.

use super::raise_memlock;
use crate::error::Context;
use crate::system::System;
use crate::{Errno, Error, Result};
use skep_sys::bpf::{self, CpuCount};

impl System {
    /// How many values a per-CPU map has for each key, as the kernel does.
    #[inline]
    pub(crate) fn cpu_count(&self) -> Result<&CpuCount> {
        let ask = || Ok::<_, Error>(bpf::count_cpus(self.kernel(), self.token()?)?);
        let measure = || match ask() {
            Err(error) if error.errno() == Some(Errno::EPERM) && raise_memlock(self)? => ask(),
            answer => answer,
        };
        let count = self.cpu_count_cell().get_or_try_init(measure);
        count.context("measure the values of per-CPU maps")
    }
}
