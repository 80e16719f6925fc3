//! Decorators: a kernel that is watched, and one that fails when told to.

mod fault;
mod trace;

pub use fault::{Fault, Kind, Plan};
pub use trace::{Call, Trace};

#[cfg(test)]
mod tests;
