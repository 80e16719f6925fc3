//! What the kernel tells of its objects; of maps, BTF and tokens here, of programs in `prog_info.rs`, of
//! links in `link_info.rs`.

use super::{bpf, output, text};
use crate::attr::{ObjInfo, Plain, RawBtfInfo, RawMapInfo, TokenInfo};
use crate::{CallError, Fd, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::Errno;
use skep_codec::uapi::bpf::MapType;

const NAME: &str = "BPF_OBJ_GET_INFO_BY_FD";
/// Lists beyond this are not asked for.
const LIST_LIMIT: usize = 1 << 28;

/// Asks about `fd`; `info` goes in with buffers and their lengths, and comes back.
///
/// # Safety
/// Pointers in `info` are of buffers as long as it says, or null. Should `fd` be of another
/// kind of object than `T`, the kernel reads these bytes as that kind's structure: there, too,
/// every pointer that is not null must have its length beside it.
pub(super) unsafe fn query<T: Plain>(fd: &Fd, info: &mut T) -> Result<()> {
    // SAFETY: the caller vouches for what it points to.
    unsafe { obj_info(fd, info.bytes_mut()) }.map(drop)
}

/// Asks about an object of any kind, into a structure of the caller's; how many bytes of it the kernel
/// knows.
///
/// # Safety
/// What the structure of that kind has for pointers and lengths is zero, or of buffers that may be
/// written.
///
/// # Errors
/// `E2BIG`: bytes behind what the kernel knows are not zero; `EBADF`: nothing that has information.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.13.
#[doc(alias = "bpf_obj_get_info_by_fd")]
#[inline]
pub unsafe fn obj_info(object: &Fd, info: &mut [u8]) -> Result<usize> {
    let mut attr = ObjInfo {
        bpf_fd: object.raw() as u32,
        info_len: super::len32(info),
        info: output(info),
    };
    // SAFETY: `info` is `info_len` bytes; the caller vouches for what it points to.
    unsafe { bpf!(object.kernel(), OBJ_GET_INFO_BY_FD, &mut attr) }?;
    Ok(info.len().min(attr.info_len as usize))
}

/// [`query`] without buffers.
pub(super) fn ask<T: Plain>(fd: &Fd) -> Result<T> {
    let mut info = T::default();
    // SAFETY: all pointers are null.
    unsafe { query(fd, &mut info) }?;
    Ok(info)
}

/// A buffer for `len` values that the kernel is to fill.
pub(super) fn list<T: Clone + Default>(len: u32) -> Result<Vec<T>> {
    let len = len as usize;
    if len > LIST_LIMIT / size_of::<T>().max(1) {
        return Err(CallError::new(NAME, Errno::EFBIG));
    }
    Ok(alloc::vec![T::default(); len])
}

/// A map, as the kernel tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapInfo {
    /// Type.
    pub map_type: MapType,
    /// Id.
    pub id: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value (of one CPU).
    pub value_size: u32,
    /// Elements, or bytes of a ring.
    pub max_entries: u32,
    /// `BPF_F_*`.
    pub map_flags: u32,
    /// Name, cut to 15 bytes.
    pub name: String,
    /// Device that it is offloaded to.
    pub ifindex: u32,
    /// Kernel BTF type of a struct_ops value.
    pub btf_vmlinux_value_type_id: u32,
    /// Which BTF that is of: the kernel's or a module's (since 6.9).
    pub btf_vmlinux_id: u32,
    /// BTF that the type ids are of.
    pub btf_id: u32,
    /// BTF type of the key.
    pub btf_key_type_id: u32,
    /// BTF type of the value.
    pub btf_value_type_id: u32,
    /// Meaning depends on the type.
    pub map_extra: u64,
}

/// Asks about a map.
///
/// # Errors
/// `EINVAL`: the descriptor is not of a map.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.13.
pub fn map_info(map: &Fd) -> Result<MapInfo> {
    let raw: RawMapInfo = ask(map)?;
    Ok(MapInfo {
        map_type: MapType(raw.kind),
        id: raw.id,
        key_size: raw.key_size,
        value_size: raw.value_size,
        max_entries: raw.max_entries,
        map_flags: raw.map_flags,
        name: text(&raw.name),
        ifindex: raw.ifindex,
        btf_vmlinux_value_type_id: raw.btf_vmlinux_value_type_id,
        btf_vmlinux_id: raw.btf_vmlinux_id,
        btf_id: raw.btf_id,
        btf_key_type_id: raw.btf_key_type_id,
        btf_value_type_id: raw.btf_value_type_id,
        map_extra: raw.map_extra,
    })
}

/// SHA-256 of what is in a map, which the kernel keeps from then on: programs that are signed
/// compare it with the one that they know.
///
/// # Errors
/// `EPERM`: the map is not frozen; `EINVAL`: its type has none; `E2BIG` or `EOPNOTSUPP`: an older
/// kernel.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, for arrays since 6.18.
#[inline]
pub fn map_hash(map: &Fd) -> Result<[u8; 32]> {
    let mut hash = [0; 32];
    let mut raw = RawMapInfo {
        hash: output(&mut hash),
        hash_size: hash.len() as u32,
        ..RawMapInfo::default()
    };
    // SAFETY: the pointer is a buffer of the length beside it. Of other objects it would be read
    // as reserved, or as a buffer of the length that follows it.
    unsafe { query(map, &mut raw) }?;
    Ok(hash)
}

/// BTF, as the kernel tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BtfInfo {
    /// Id.
    pub id: u32,
    /// Bytes.
    pub size: u32,
    /// `vmlinux` or the module's name; empty for a program's.
    pub name: String,
    /// Whether it is the kernel's or a module's.
    pub kernel: bool,
}

/// Asks about BTF.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.18; the name since 5.11.
pub fn btf_info(btf: &Fd) -> Result<BtfInfo> {
    let mut name = [0; 64];
    let mut raw = RawBtfInfo {
        name: output(&mut name),
        name_len: name.len() as u32,
        ..RawBtfInfo::default()
    };
    // SAFETY: `name` is `name_len` bytes. Of a program these are lengths of code without
    // buffers; of a map, sizes; of a link, a name or list with its length beside it.
    match unsafe { query(btf, &mut raw) } {
        // The kernel has no such fields, and has to be asked without.
        Err(error) if error.errno == Errno::E2BIG => raw = ask(btf)?,
        answer => answer?,
    }
    Ok(BtfInfo {
        id: raw.id,
        size: raw.btf_size,
        name: text(&name),
        kernel: raw.kernel_btf != 0,
    })
}

/// The bytes of BTF.
pub fn btf_data(btf: &Fd) -> Result<Vec<u8>> {
    let size = ask::<RawBtfInfo>(btf)?.btf_size;
    let mut out: Vec<u8> = list(size)?;
    let mut raw = RawBtfInfo {
        btf: output(&mut out),
        btf_size: size,
        ..RawBtfInfo::default()
    };
    // SAFETY: `out` is `btf_size` bytes. Of other objects these first fields are only written.
    unsafe { query(btf, &mut raw) }?;
    Ok(out)
}

/// What a token allows.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 6.17.
pub fn token_info(token: &Fd) -> Result<TokenInfo> {
    ask(token)
}
