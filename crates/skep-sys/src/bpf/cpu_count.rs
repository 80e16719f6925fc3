//! How many values a per-CPU element has, by what the kernel does.

use super::{MapParams, bpf, input, map_create, output};
use crate::attr::MapElem;
use crate::{CallError, Fd, KernelRef, Result};
use alloc::sync::Arc;
use skep_codec::Errno;
use skep_codec::uapi::bpf::MapType;

/// More CPUs than any kernel can be built for (8192).
const LIMIT: usize = 1 << 15;
/// What no CPU's value is before it is set.
const MARK: u64 = u64::MAX;

/// How many values each key of a per-CPU map has: one for each CPU that the kernel may ever have.
/// Only [`count_cpus`] makes one, so that buffers are as long as the kernel thinks.
#[derive(Clone)]
pub struct CpuCount {
    count: u32,
    kernel: KernelRef,
}

impl CpuCount {
    /// How many.
    pub fn get(&self) -> u32 {
        self.count
    }

    /// Whether it is this kernel's: another may have more.
    pub(super) fn is_of(&self, kernel: &KernelRef) -> bool {
        let address = |kernel: &KernelRef| Arc::as_ptr(kernel).cast::<()>();
        core::ptr::eq(address(&self.kernel), address(kernel))
    }
}

impl core::fmt::Debug for CpuCount {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CpuCount({})", self.count)
    }
}

/// Measures how much the kernel writes for an element of a per-CPU map. The lists in sysfs are not
/// asked: a container may show others there than the kernel has, and the kernel would write
/// beyond a buffer made by them.
///
/// # Errors
/// `EPERM`: no `CAP_BPF`; `EOVERFLOW`: more CPUs than any kernel has.
pub fn count_cpus(kernel: &KernelRef, token: Option<&Fd>) -> Result<CpuCount> {
    let params = MapParams {
        map_type: MapType::PERCPU_ARRAY,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        token,
        ..MapParams::default()
    };
    let map = map_create(kernel, &params)?;
    let key = [0_u8; 4];
    let mut words = alloc::vec![MARK; LIMIT];
    let elem = |value| MapElem {
        map_fd: map.raw() as u32,
        key: input(&key),
        value,
        ..MapElem::default()
    };
    // SAFETY: the key has four bytes, and the values are of more CPUs than there can be.
    unsafe { bpf!(kernel, MAP_UPDATE_ELEM, &mut elem(input(&words))) }?;
    words.fill(0);
    // SAFETY: as above.
    unsafe { bpf!(kernel, MAP_LOOKUP_ELEM, &mut elem(output(&mut words))) }?;
    let count = words.iter().take_while(|&&word| word == MARK).count();
    if count == 0 || count == LIMIT {
        return Err(CallError::new("BPF_MAP_LOOKUP_ELEM", Errno::EOVERFLOW));
    }
    let (count, kernel) = (count as u32, kernel.clone());
    Ok(CpuCount { count, kernel })
}
