//! Functions with a context argument, said in the way of kernels that do not read its tag
//! (`arg:ctx`, since Linux 6.8): they know a context by the name of its struct. A function that
//! programs of several types call is said anew for each type.

use super::{Btf, BtfBuilder, Kind, Param, Type, TypeId};
use crate::Result;
use crate::map::Map;
use crate::uapi::bpf::ProgType;
use alloc::vec::Vec;

/// A parameter of a function that is tagged as the program's context (`__arg_ctx`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextArg {
    /// The function's `Func`.
    pub func: TypeId,
    /// The parameter, from 0.
    pub index: u32,
}

/// A BPF function has at most five parameters; the rest may be on the stack one day.
const MAX_PARAMS: usize = 12;

/// The `Func` that takes the place of another in programs of a type.
pub type Replaced = Map<(ProgType, TypeId), TypeId>;

/// What this type's context is called; `None` where it has no name of its own.
fn context_name(prog_type: ProgType) -> Option<&'static str> {
    Some(match prog_type {
        ProgType::CGROUP_DEVICE => "bpf_cgroup_dev_ctx",
        ProgType::CGROUP_SOCK => "bpf_sock",
        ProgType::CGROUP_SOCK_ADDR => "bpf_sock_addr",
        ProgType::CGROUP_SOCKOPT => "bpf_sockopt",
        ProgType::CGROUP_SYSCTL => "bpf_sysctl",
        ProgType::KPROBE => "bpf_user_pt_regs_t",
        ProgType::NETFILTER => "bpf_nf_ctx",
        ProgType::PERF_EVENT => "bpf_perf_event_data",
        ProgType::RAW_TRACEPOINT | ProgType::RAW_TRACEPOINT_WRITABLE => "bpf_raw_tracepoint_args",
        ProgType::SK_LOOKUP => "bpf_sk_lookup",
        ProgType::SK_MSG => "sk_msg_md",
        ProgType::SK_REUSEPORT => "sk_reuseport_md",
        ProgType::SOCK_OPS => "bpf_sock_ops",
        ProgType::XDP => "xdp_md",
        ProgType::CGROUP_SKB
        | ProgType::FLOW_DISSECTOR
        | ProgType::LWT_IN
        | ProgType::LWT_OUT
        | ProgType::LWT_SEG6LOCAL
        | ProgType::LWT_XMIT
        | ProgType::SCHED_ACT
        | ProgType::SCHED_CLS
        | ProgType::SK_SKB
        | ProgType::SOCKET_FILTER => "__sk_buff",
        _ => return None,
    })
}

/// The types with functions added for programs of `prog_types`, ids unchanged, and what they
/// replace.
///
/// # Errors
/// Types that cannot be copied, or that refer to what is not there.
pub fn with_named_contexts(
    btf: &Btf,
    args: &[ContextArg],
    prog_types: &[ProgType],
) -> Result<(Btf, Replaced)> {
    let mut out = BtfBuilder::from_btf(btf)?;
    let mut replaced = Replaced::new();
    let mut wanted: Map<TypeId, Vec<u32>> = Map::new();
    for arg in args {
        wanted.change(arg.func, |indices| indices.push(arg.index));
    }
    for &prog_type in prog_types {
        let Some(name) = context_name(prog_type) else {
            continue;
        };
        let mut pointer = None;
        for (&func, indices) in wanted.iter() {
            if replaced.contains_key(&(prog_type, func)) {
                continue;
            }
            let (func, proto) = (
                btf.ty(func)?,
                btf.ty(btf.ty(func)?.target().unwrap_or_default())?,
            );
            if proto.kind() != Kind::FuncProto || proto.params().len() > MAX_PARAMS {
                continue;
            }
            let mut params: Vec<Param<'_>> = proto.params().collect::<Result<_>>()?;
            let mut changed = false;
            for (index, param) in (0_u32..).zip(&mut params) {
                if indices.contains(&index) && wants_name(btf, param.ty, prog_type, name)? {
                    let new = || {
                        let context = out.add_struct(name, 0, &[]);
                        out.add_ptr(context)
                    };
                    param.ty = *pointer.get_or_insert_with(new);
                    changed = true;
                }
            }
            if changed {
                let proto = out.add_func_proto(proto.target().unwrap_or_default(), &params);
                let new = out.add_func(func.name()?, proto, func.vlen());
                replaced.insert((prog_type, func.id()), new);
            }
        }
    }
    Ok((Btf::from_bytes(&out.to_bytes(btf.endian())?)?, replaced))
}

/// Whether a parameter is a pointer that an old kernel takes for no context, and that may be said
/// to be one. A pointer to anything else is left to the verifier.
fn wants_name(btf: &Btf, param: TypeId, prog_type: ProgType, name: &str) -> Result<bool> {
    let pointer = btf.peel(param)?;
    if pointer.kind() != Kind::Ptr {
        return Ok(false);
    }
    let target = pointer.target().unwrap_or_default();
    if is_user_regs(btf, target, prog_type)? {
        return Ok(false);
    }
    let target = btf.peel(target)?;
    Ok(match target.kind() {
        Kind::Void => true,
        Kind::Struct => target.name()? != name && stands_for(&target, prog_type)?,
        Kind::Int => {
            let words = ProgType::RAW_TRACEPOINT == prog_type
                || ProgType::RAW_TRACEPOINT_WRITABLE == prog_type;
            words && target.size() == Some(8)
        }
        _ => false,
    })
}

/// `bpf_user_pt_regs_t`, which such programs may use as it is.
fn is_user_regs(btf: &Btf, mut id: TypeId, prog_type: ProgType) -> Result<bool> {
    if prog_type != ProgType::KPROBE && prog_type != ProgType::PERF_EVENT {
        return Ok(false);
    }
    for _ in 0..super::MAX_DEPTH {
        let ty = btf.ty(id)?;
        match ty.kind() {
            Kind::Typedef => return Ok(ty.name()? == "bpf_user_pt_regs_t"),
            kind if kind.is_modifier() => id = ty.target().unwrap_or_default(),
            _ => break,
        }
    }
    Ok(false)
}

/// Structs that are the context under another name.
fn stands_for(target: &Type<'_>, prog_type: ProgType) -> Result<bool> {
    const REGS: [&str; 3] = ["pt_regs", "user_pt_regs", "user_regs_struct"];
    let name = target.name()?;
    Ok(match prog_type {
        ProgType::KPROBE => name == "pt_regs",
        ProgType::PERF_EVENT => REGS.contains(&name),
        _ => false,
    })
}
