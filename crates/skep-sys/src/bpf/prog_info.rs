//! What the kernel tells of programs.

use super::info::{ask, list, query};
use super::{output, text};
use crate::attr::{FuncInfo, LineInfo, RawProgInfo};
use crate::{Fd, Result};
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::uapi::bpf::ProgType;

/// A program, as the kernel tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgInfo {
    /// Type.
    pub prog_type: ProgType,
    /// Id.
    pub id: u32,
    /// Hash of the instructions.
    pub tag: [u8; 8],
    /// Name, cut to 15 bytes.
    pub name: String,
    /// Bytes of machine code.
    pub jited_prog_len: u32,
    /// Bytes of instructions after the verifier rewrote them.
    pub xlated_prog_len: u32,
    /// When it was loaded, in time since boot.
    pub load_time_ns: u64,
    /// Who loaded it.
    pub created_by_uid: u32,
    /// Maps that it uses.
    pub nr_map_ids: u32,
    /// Device that it is bound to.
    pub ifindex: u32,
    /// Whether its license is compatible with the GPL.
    pub gpl_compatible: bool,
    /// BTF that it was loaded with.
    pub btf_id: u32,
    /// Functions.
    pub nr_func_info: u32,
    /// Source lines.
    pub nr_line_info: u32,
    /// Time spent running, while statistics are on.
    pub run_time_ns: u64,
    /// Runs, while statistics are on.
    pub run_cnt: u64,
    /// Runs that were skipped because the program ran already on that CPU.
    pub recursion_misses: u64,
    /// Instructions that the verifier looked at (since 5.16).
    pub verified_insns: u32,
    /// BTF of what it attaches to.
    pub attach_btf_obj_id: u32,
    /// Type id of what it attaches to.
    pub attach_btf_id: u32,
}

/// Asks about a program.
///
/// # Errors
/// `EBADF`: the descriptor is of nothing that has information.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.13.
#[inline]
pub fn prog_info(prog: &Fd) -> Result<ProgInfo> {
    let raw: RawProgInfo = ask(prog)?;
    let first_bit = if cfg!(target_endian = "big") { 31 } else { 0 };
    Ok(ProgInfo {
        prog_type: ProgType(raw.kind),
        id: raw.id,
        tag: raw.tag,
        name: text(&raw.name),
        jited_prog_len: raw.jited_prog_len,
        xlated_prog_len: raw.xlated_prog_len,
        load_time_ns: raw.load_time,
        created_by_uid: raw.created_by_uid,
        nr_map_ids: raw.nr_map_ids,
        ifindex: raw.ifindex,
        gpl_compatible: raw.gpl_compatible >> first_bit & 1 != 0,
        btf_id: raw.btf_id,
        nr_func_info: raw.nr_func_info,
        nr_line_info: raw.nr_line_info,
        run_time_ns: raw.run_time_ns,
        run_cnt: raw.run_cnt,
        recursion_misses: raw.recursion_misses,
        verified_insns: raw.verified_insns,
        attach_btf_obj_id: raw.attach_btf_obj_id,
        attach_btf_id: raw.attach_btf_id,
    })
}

/// Where a list of a program is told: how many entries, and the address they go to.
type Place = fn(&mut RawProgInfo) -> (&mut u32, &mut u64);

/// Fetches one list of a program: its length is asked for first, then the list. Empty where the
/// kernel does not show it, and takes the address back.
#[inline]
fn prog_list<T: Clone + Default>(prog: &Fd, mut info: RawProgInfo, place: Place) -> Result<Vec<T>> {
    let count = *place(&mut ask(prog)?).0;
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut out = list(count)?;
    *place(&mut info).0 = count;
    *place(&mut info).1 = output(&mut out);
    // SAFETY: `out` has room for `count`. For a program that is what the kernel takes it for.
    // In the structures of maps, BTF and links, these fields are lengths, flags and reserved
    // space, or pointers with a length of zero, which the kernel refuses; the later ones are
    // beyond their end, where the kernel takes nothing but zeros.
    unsafe { query(prog, &mut info) }?;
    let (len, to) = place(&mut info);
    out.truncate(if *to == 0 { 0 } else { *len as usize });
    Ok(out)
}

/// Ids of the maps that a program uses.
#[inline]
pub fn prog_map_ids(prog: &Fd) -> Result<Vec<u32>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| (&mut i.nr_map_ids, &mut i.map_ids))
}

/// A program's instructions as the verifier rewrote them, in this machine's byte order. Empty
/// where the kernel does not show them (`kptr_restrict`, no `CAP_SYS_ADMIN`).
#[inline]
pub fn prog_insns(prog: &Fd) -> Result<Vec<u8>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.xlated_prog_len, &mut i.xlated_prog_insns)
    })
}

/// A program's machine code. Empty where the kernel does not show it.
#[inline]
pub fn prog_jited(prog: &Fd) -> Result<Vec<u8>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.jited_prog_len, &mut i.jited_prog_insns)
    })
}

/// Addresses of the machine code of a program's functions. Empty where the kernel does not show
/// them.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.18.
#[inline]
pub fn prog_jited_ksyms(prog: &Fd) -> Result<Vec<u64>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.nr_jited_ksyms, &mut i.jited_ksyms)
    })
}

/// Bytes of machine code of each of a program's functions. Empty where the kernel does not show
/// them.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 4.18.
#[inline]
pub fn prog_jited_func_lens(prog: &Fd) -> Result<Vec<u32>> {
    let nothing = RawProgInfo::default();
    prog_list(prog, nothing, |i| {
        (&mut i.nr_jited_func_lens, &mut i.jited_func_lens)
    })
}

/// A program's functions.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.0.
#[inline]
pub fn prog_func_info(prog: &Fd) -> Result<Vec<FuncInfo>> {
    let records = RawProgInfo {
        func_info_rec_size: size_of::<FuncInfo>() as u32,
        ..RawProgInfo::default()
    };
    prog_list(prog, records, |i| (&mut i.nr_func_info, &mut i.func_info))
}

/// A program's source lines.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.0.
#[inline]
pub fn prog_line_info(prog: &Fd) -> Result<Vec<LineInfo>> {
    let records = RawProgInfo {
        line_info_rec_size: size_of::<LineInfo>() as u32,
        ..RawProgInfo::default()
    };
    prog_list(prog, records, |i| (&mut i.nr_line_info, &mut i.line_info))
}

/// Addresses of the machine code of a program's source lines. Empty where the kernel does not
/// show them.
///
/// # Kernel
/// `BPF_OBJ_GET_INFO_BY_FD`, since 5.0.
#[inline]
pub fn prog_jited_line_info(prog: &Fd) -> Result<Vec<u64>> {
    let records = RawProgInfo {
        jited_line_info_rec_size: size_of::<u64>() as u32,
        ..RawProgInfo::default()
    };
    prog_list(prog, records, |i| {
        (&mut i.nr_jited_line_info, &mut i.jited_line_info)
    })
}
