//! The table of helpers: which kernel brought them, and whether a type of program may call one.

use super::ask::{EXIT, as_call, call, verify};
use super::prog_type::{self, Way};
use super::{Answer, Origin};
use crate::system::System;
use skep_codec::uapi::bpf::{AttachType, Helper, ProgType};
use skep_codec::{Errno, text};
use skep_sys::CallError;
use skep_sys::bpf::ProgParams;

/// The first helper of each kernel release: numbers only ever grew.
const FIRST: &[(Helper, &str)] = &[
    (Helper::MAP_LOOKUP_ELEM, "3.19"),
    (Helper::PROBE_READ, "4.1"),
    (Helper::TAIL_CALL, "4.2"),
    (Helper::GET_CGROUP_CLASSID, "4.3"),
    (Helper::REDIRECT, "4.4"),
    (Helper::SKB_LOAD_BYTES, "4.5"),
    (Helper::GET_STACKID, "4.6"),
    (Helper::SKB_CHANGE_PROTO, "4.8"),
    (Helper::CURRENT_TASK_UNDER_CGROUP, "4.9"),
    (Helper::GET_NUMA_NODE_ID, "4.10"),
    (Helper::PROBE_READ_STR, "4.11"),
    (Helper::GET_SOCKET_COOKIE, "4.12"),
    (Helper::SET_HASH, "4.13"),
    (Helper::REDIRECT_MAP, "4.14"),
    (Helper::XDP_ADJUST_META, "4.15"),
    (Helper::OVERRIDE_RETURN, "4.16"),
    (Helper::MSG_REDIRECT_MAP, "4.17"),
    (Helper::XDP_ADJUST_TAIL, "4.18"),
    (Helper::GET_LOCAL_STORAGE, "4.19"),
    (Helper::SK_LOOKUP_TCP, "4.20"),
    (Helper::MSG_POP_DATA, "5.0"),
    (Helper::SPIN_LOCK, "5.1"),
    (Helper::SKC_LOOKUP_TCP, "5.2"),
    (Helper::SEND_SIGNAL, "5.3"),
    (Helper::TCP_GEN_SYNCOOKIE, "5.4"),
    (Helper::SKB_OUTPUT, "5.5"),
    (Helper::TCP_SEND_ACK, "5.6"),
    (Helper::READ_BRANCH_RECORDS, "5.7"),
    (Helper::KTIME_GET_BOOT_NS, "5.8"),
    (Helper::SKC_TO_TCP6_SOCK, "5.9"),
    (Helper::LOAD_HDR_OPT, "5.10"),
    (Helper::TASK_STORAGE_GET, "5.11"),
    (Helper::CHECK_MTU, "5.12"),
    (Helper::FOR_EACH_MAP_ELEM, "5.13"),
    (Helper::SYS_BPF, "5.14"),
    (Helper::TIMER_INIT, "5.15"),
    (Helper::GET_BRANCH_SNAPSHOT, "5.16"),
    (Helper::FIND_VMA, "5.17"),
    (Helper::GET_RETVAL, "5.18"),
    (Helper::KPTR_XCHG, "5.19"),
    (Helper::TCP_RAW_GEN_SYNCOOKIE_IPV4, "6.0"),
    (Helper::KTIME_GET_TAI_NS, "6.1"),
    (Helper::CGRP_STORAGE_GET, "6.2"),
];

/// Helpers that depend on how the kernel is built, beyond the types of program that call them.
const CONFIG: &[(Helper, &[&str])] = &[
    (Helper::OVERRIDE_RETURN, &["BPF_KPROBE_OVERRIDE"]),
    (Helper::SKB_GET_XFRM_STATE, &["XFRM"]),
    (Helper::LWT_PUSH_ENCAP, &["LWTUNNEL_BPF"]),
    (Helper::LWT_SEG6_STORE_BYTES, &["IPV6_SEG6_BPF"]),
    (Helper::LWT_SEG6_ADJUST_SRH, &["IPV6_SEG6_BPF"]),
    (Helper::LWT_SEG6_ACTION, &["IPV6_SEG6_BPF"]),
    (Helper::RC_REPEAT, &["BPF_LIRC_MODE2"]),
    (Helper::RC_KEYDOWN, &["BPF_LIRC_MODE2"]),
    (Helper::RC_POINTER_REL, &["BPF_LIRC_MODE2"]),
    (Helper::SK_CGROUP_ID, &["SOCK_CGROUP_DATA"]),
    (Helper::INODE_STORAGE_GET, &["BPF_LSM"]),
    (Helper::INODE_STORAGE_DELETE, &["BPF_LSM"]),
    (Helper::BPRM_OPTS_SET, &["BPF_LSM"]),
    (Helper::IMA_INODE_HASH, &["BPF_LSM", "IMA"]),
    (Helper::IMA_FILE_HASH, &["BPF_LSM", "IMA"]),
    (Helper::TCP_RAW_GEN_SYNCOOKIE_IPV4, &["SYN_COOKIES"]),
    (Helper::TCP_RAW_GEN_SYNCOOKIE_IPV6, &["SYN_COOKIES"]),
    (Helper::TCP_RAW_CHECK_SYNCOOKIE_IPV4, &["SYN_COOKIES"]),
    (Helper::TCP_RAW_CHECK_SYNCOOKIE_IPV6, &["SYN_COOKIES"]),
    (Helper::TCP_SEND_ACK, &["BPF_JIT"]),
];

/// Where a helper comes from.
pub(super) fn origin(helper: Helper) -> Option<Origin> {
    helper.name()?;
    let (_, since) = FIRST.iter().rev().find(|(first, _)| *first <= helper)?;
    let config = CONFIG.iter().find(|(name, _)| *name == helper);
    Some(Origin {
        since,
        config: config.map_or(&[], |(_, config)| config),
    })
}

/// Whether programs of this type may call the helper in one of the ways that they are loaded.
pub(super) fn ask(system: &System, prog_type: ProgType, helper: Helper) -> Answer {
    let unknown = Answer::Unknown(Errno::EOPNOTSUPP);
    let row = prog_type::row(prog_type).filter(|_| prog_type != ProgType::EXT);
    let mut answer = if row.is_some() { Answer::No } else { unknown };
    for way in row.map_or(&[][..], |row| row.ways) {
        match ask_way(system, prog_type, way, helper) {
            Answer::Yes => return Answer::Yes,
            Answer::No => {}
            unknown => answer = unknown,
        }
    }
    answer
}

fn ask_way(system: &System, prog_type: ProgType, way: &Way, helper: Helper) -> Answer {
    let mut params = way.params(system, prog_type);
    if let Err(error) = aim(system, way, &mut params) {
        return Answer::Unknown(error.errno);
    }
    let (result, log) = verify(system, &params, &[call(helper), EXIT]);
    let Err(error) = result else {
        return Answer::Yes;
    };
    if !text::contains(&log, "(85) call") {
        // It did not come to the call: of this way nothing can be told.
        return super::answer(Err(error));
    }
    const REFUSALS: [&str; 3] = [
        "invalid func ",
        "unknown func ",
        "program of this type cannot use helper ",
    ];
    // Every other complaint is about the arguments.
    match REFUSALS.iter().any(|words| text::contains(&log, words)) {
        true => Answer::No,
        false => Answer::Yes,
    }
}

/// Fills in what a way to load is for.
fn aim(system: &System, way: &Way, params: &mut ProgParams<'_>) -> Result<(), CallError> {
    let Some((kind, name)) = way.target else {
        return Ok(());
    };
    let missing = CallError::new("probe", Errno::ENOENT);
    let id = prog_type::target_id(system, kind, name)?;
    params.attach_btf_id = id.0;
    if params.prog_type == ProgType::STRUCT_OPS {
        let btf = system.kernel_btf().map_err(|error| as_call(&error))?;
        let ty = btf.ty(id).map_err(|_| missing)?;
        let mut names = ty.members().map(|member| member.map(|member| member.name));
        let place = names.position(|name| matches!(name, Ok("ssthresh")));
        params.expected_attach_type = AttachType(place.ok_or(missing)? as u32);
    }
    Ok(())
}
