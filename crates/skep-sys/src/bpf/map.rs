//! Making maps.

use super::{bpf, bpf_fd, input, len32, obj_name, raw};
use crate::attr::{MapCreate, ProgAssocStructOps, ProgBindMap};
use crate::{Fd, KernelRef, Result};
use skep_codec::uapi::bpf::MapType;
use skep_codec::uapi::flags;

/// What a new map is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct MapParams<'a> {
    /// Type.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Elements, or bytes of a ring.
    pub max_entries: u32,
    /// `BPF_F_*`; those that say that another field is set are added.
    pub map_flags: u32,
    /// What the inner maps are to be like, for maps of maps.
    pub inner_map: Option<&'a Fd>,
    /// Memory node (sets `BPF_F_NUMA_NODE`).
    pub numa_node: Option<u32>,
    /// Name; see [`obj_name`](super::obj_name).
    pub name: &'a str,
    /// Network device that the map is offloaded to.
    pub ifindex: u32,
    /// BTF that the type ids are of.
    pub btf: Option<&'a Fd>,
    /// BTF type of the key.
    pub btf_key_type_id: u32,
    /// BTF type of the value.
    pub btf_value_type_id: u32,
    /// Kernel BTF type of a struct_ops value.
    pub btf_vmlinux_value_type_id: u32,
    /// Meaning depends on the type: hash functions of a bloom filter, address of an arena.
    pub map_extra: u64,
    /// Module BTF of `btf_vmlinux_value_type_id` (sets `BPF_F_VTYPE_BTF_OBJ_FD`).
    pub value_type_btf: Option<&'a Fd>,
    /// BPF token (sets `BPF_F_TOKEN_FD`).
    pub token: Option<&'a Fd>,
    /// SHA-256 of the only program that may use the map.
    pub excl_prog_hash: &'a [u8],
}

/// Makes a map.
///
/// # Errors
/// `EINVAL`: type, sizes or flags do not go together, or the kernel lacks the type; `EPERM`:
/// no `CAP_BPF`; `E2BIG`, `ENOMEM`: too large.
///
/// # Kernel
/// `BPF_MAP_CREATE`, since 3.18.
pub fn map_create(kernel: &KernelRef, params: &MapParams<'_>) -> Result<Fd> {
    let mut map_flags = params.map_flags;
    for (set, flag) in [
        (params.numa_node.is_some(), flags::NUMA_NODE),
        (params.value_type_btf.is_some(), flags::VTYPE_BTF_OBJ_FD),
        (params.token.is_some(), flags::TOKEN_FD),
    ] {
        if set {
            map_flags |= flag;
        }
    }
    let mut attr = MapCreate {
        map_type: params.map_type.0,
        key_size: params.key_size,
        value_size: params.value_size,
        max_entries: params.max_entries,
        map_flags,
        inner_map_fd: raw(params.inner_map),
        numa_node: params.numa_node.unwrap_or(0),
        map_name: obj_name(params.name),
        map_ifindex: params.ifindex,
        btf_fd: raw(params.btf),
        btf_key_type_id: params.btf_key_type_id,
        btf_value_type_id: params.btf_value_type_id,
        btf_vmlinux_value_type_id: params.btf_vmlinux_value_type_id,
        map_extra: params.map_extra,
        value_type_btf_obj_fd: raw(params.value_type_btf) as i32,
        map_token_fd: raw(params.token) as i32,
        excl_prog_hash: input(params.excl_prog_hash),
        excl_prog_hash_size: len32(params.excl_prog_hash),
        ..MapCreate::default()
    };
    // SAFETY: the only pointer is a slice that outlives the call; the answer is a descriptor.
    unsafe { bpf_fd!(kernel, MAP_CREATE, &mut attr) }
}

/// Makes a map live as long as a program, without the program using it.
///
/// # Kernel
/// `BPF_PROG_BIND_MAP`, since 5.10.
pub fn prog_bind_map(prog: &Fd, map: &Fd, flags: u32) -> Result<()> {
    let mut attr = ProgBindMap {
        prog_fd: prog.raw() as u32,
        map_fd: map.raw() as u32,
        flags,
    };
    // SAFETY: there are no pointers.
    unsafe { bpf!(prog.kernel(), PROG_BIND_MAP, &mut attr) }.map(drop)
}

/// Tells functions of the kernel that a program calls which `struct_ops` map it belongs to.
///
/// # Errors
/// `EBUSY`: it belongs to another one; `EINVAL`: the map is none of `struct_ops`, or the program is
/// in one itself, or there is no such command.
///
/// # Kernel
/// `BPF_PROG_ASSOC_STRUCT_OPS`, since 7.0.
#[inline]
pub fn prog_assoc_struct_ops(prog: &Fd, map: &Fd) -> Result<()> {
    let mut attr = ProgAssocStructOps {
        map_fd: map.raw() as u32,
        prog_fd: prog.raw() as u32,
        flags: 0,
    };
    // SAFETY: there are no pointers.
    unsafe { bpf!(prog.kernel(), PROG_ASSOC_STRUCT_OPS, &mut attr) }.map(drop)
}
