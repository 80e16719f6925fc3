//! Flags of operations on elements.

use core::ops::BitOr;
use skep_codec::uapi::flags;

/// How an element is read or written: which of the ways to update, with its lock or without, of
/// which CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ElemFlags(u64);

impl ElemFlags {
    /// Whether the key is there or not.
    #[doc(alias = "BPF_ANY")]
    pub const ANY: Self = Self(flags::ANY as u64);
    /// Only a key that is not there.
    #[doc(alias = "BPF_NOEXIST")]
    pub const NOEXIST: Self = Self(flags::NOEXIST as u64);
    /// Only a key that is there; into a full queue or stack: the oldest goes.
    #[doc(alias = "BPF_EXIST")]
    pub const EXIST: Self = Self(flags::EXIST as u64);
    /// Under the value's `struct bpf_spin_lock` (since Linux 5.1).
    #[doc(alias = "BPF_F_LOCK")]
    pub const LOCK: Self = Self(flags::LOCK as u64);
    /// One value for all CPUs of a per-CPU map: it is given once (since Linux 6.19).
    #[doc(alias = "BPF_F_ALL_CPUS")]
    pub const ALL_CPUS: Self = Self(flags::ALL_CPUS as u64);

    /// This CPU's value alone, of a per-CPU map (since Linux 6.19).
    #[doc(alias = "BPF_F_CPU")]
    pub const fn cpu(cpu: u32) -> Self {
        Self((cpu as u64) << 32 | flags::CPU as u64)
    }

    /// The kernel's number.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Flags by the kernel's number, for one that has no name here.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether the value is one CPU's, not all of them one after the other.
    pub(super) const fn of_one_cpu(self) -> bool {
        self.0 & (flags::CPU | flags::ALL_CPUS) as u64 != 0
    }
}

impl BitOr for ElemFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
