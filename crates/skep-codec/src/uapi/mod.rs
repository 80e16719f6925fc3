//! Constants of the kernel's user interface, a file a kernel header.

pub mod bpf;
pub mod flags;
pub mod linux;
pub mod map_kind;
pub mod netlink;
