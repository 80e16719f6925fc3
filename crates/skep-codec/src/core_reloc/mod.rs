//! CO-RE: compile once, run everywhere. What a program was compiled to believe about the kernel's
//! types, put right for the kernel that it meets.
//!
//! Kernel documentation: `Documentation/bpf/llvm_reloc.rst`. The rules of matching are libbpf's.

mod compat;
mod matching;
#[cfg(any(test, feature = "btf-edit"))]
mod minimal;
mod patch;
mod resolve;
mod spec;
#[cfg(test)]
mod tests;
mod value;
mod words;

#[cfg(any(test, feature = "btf-edit"))]
pub use minimal::Minimal;
pub use patch::{Applied, POISON_IMM, patch};
pub use resolve::Resolver;
pub use words::type_text;

use crate::btf::{Btf, TypeId};
use crate::{Error, ErrorKind, Result};
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

/// What a relocation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// A value for the instruction.
    Value(Value),
    /// Nothing in the target fits: the instruction must never run.
    Failed(Failure),
}

/// A value, and what it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// What the compiler put into the instruction.
    pub local: u64,
    /// What belongs there on the target.
    pub target: u64,
    /// Whether the instruction must hold `local` now.
    pub check_local: bool,
    /// Which target (by order of [`Resolver::add_target`]) the type was found in.
    pub target_index: Option<usize>,
    /// For byte offsets: the field's size here and there, which a load or store follows.
    pub access: Option<Access>,
}

/// Sizes of a field that is loaded or stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Size in bytes where the program was compiled.
    pub local_bytes: u64,
    /// Size in bytes on the target.
    pub target_bytes: u64,
    /// Why a load or store cannot change its width that way, if it cannot.
    pub refused: Option<Failure>,
}

/// Why a relocation failed, in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(Arc<Reason>);

#[derive(PartialEq, Eq)]
struct Reason {
    asked: String,
    reason: String,
}

impl Failure {
    pub(crate) fn new(asked: String, reason: String) -> Self {
        Self(Arc::new(Reason { asked, reason }))
    }

    /// The type and field that were asked for, such as `struct task_struct.mm.pgd`.
    pub fn asked(&self) -> &str {
        &self.0.asked
    }

    /// What the target has instead.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.asked, self.0.reason)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether a type is the other by the rule of `bpf_core_type_exists`: the same shape, whatever is
/// inside structs. Kernel functions and variables that an object declares are checked by it.
///
/// # Errors
/// A malformed type, or one whose comparison takes too long.
pub fn is_compatible(local: (&Btf, TypeId), target: (&Btf, TypeId)) -> Result<bool> {
    let mut pair = compat::Pair {
        local: local.0,
        target: target.0,
        budget: &mut Budget(2_000_000),
    };
    pair.compatible(local.1, target.1)
}

/// Steps that matching may still take: hostile types could keep it busy for ever.
struct Budget(u64);

impl Budget {
    /// Enough for so many relocations, whatever sensible types they are about.
    fn for_relocations(count: u64) -> Self {
        Self(count.saturating_mul(4096).saturating_add(2_000_000))
    }

    #[inline]
    fn spend(&mut self, steps: u64) -> Result<()> {
        match self.0.checked_sub(steps) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(out_of_budget()),
        }
    }
}

#[cold]
fn out_of_budget() -> Error {
    Error::new(ErrorKind::TooLarge, "comparing these types takes too long")
}
