//! Asking about programs and how they are loaded.

use super::ask::{Asked, EXIT, ZERO, array, btf, call, filter, insn, map, prog, socket_filter};
use super::prog_type::target_id;
use crate::system::System;
use skep_codec::Errno;
use skep_codec::btf::{Kind, Param, TypeId};
use skep_codec::insn::{Insn, pseudo};
use skep_codec::uapi::bpf::{AttachType, Helper, ProgType};
use skep_codec::uapi::flags;
use skep_sys::CallError;
use skep_sys::attr::FuncInfo;
use skep_sys::bpf::ProgParams;

/// A program at a function's entry, left or replaced: loaded, never attached. A kernel without a
/// compiler of programs has no trampolines either, and says that memory lacks: for another program
/// it has enough.
fn trampoline(system: &System, attach_type: AttachType, function: &str) -> Asked {
    let params = ProgParams {
        prog_type: ProgType::TRACING,
        expected_attach_type: attach_type,
        attach_btf_id: target_id(system, Kind::Func, function)?.0,
        ..ProgParams::default()
    };
    match prog(system, &params, &[ZERO, EXIT]) {
        Err(error) if error.errno == Errno::ENOMEM && filter(system, &[ZERO, EXIT]).is_ok() => {
            Err(CallError::new(error.call, Errno::EOPNOTSUPP))
        }
        answer => answer.map(drop),
    }
}

pub(super) fn fentry(system: &System) -> Asked {
    trampoline(system, AttachType::TRACE_FENTRY, "bpf_fentry_test1")
}

pub(super) fn fmod_ret(system: &System) -> Asked {
    trampoline(system, AttachType::MODIFY_RETURN, "security_file_open")
}

pub(super) fn fsession(system: &System) -> Asked {
    trampoline(system, AttachType::TRACE_FSESSION, "bpf_fentry_test1")
}

/// A program at a tracepoint that may sleep.
pub(super) fn sleepable_tracepoint(system: &System) -> Asked {
    let params = ProgParams {
        prog_type: ProgType::TRACEPOINT,
        prog_flags: flags::SLEEPABLE,
        ..ProgParams::default()
    };
    prog(system, &params, &[ZERO, EXIT]).map(drop)
}

/// A cookie for each attachment.
pub(super) fn cookie(system: &System) -> Asked {
    helper_of_tracing(system, &[call(Helper::GET_ATTACH_COOKIE), ZERO, EXIT])
}

/// `bpf_probe_read_kernel(r10 - 8, 8, NULL)`.
pub(super) fn probe_read_kernel(system: &System) -> Asked {
    let insns = [
        insn(0xbf, 1, 10, 0, 0),
        insn(0x07, 1, 0, 0, -8),
        insn(0xb7, 2, 0, 0, 8),
        insn(0xb7, 3, 0, 0, 0),
        call(Helper::PROBE_READ_KERNEL),
        ZERO,
        EXIT,
    ];
    helper_of_tracing(system, &insns)
}

fn helper_of_tracing(system: &System, insns: &[Insn]) -> Asked {
    let params = ProgParams {
        prog_type: ProgType::TRACEPOINT,
        ..ProgParams::default()
    };
    prog(system, &params, insns).map(drop)
}

/// A list of maps for the kernel to bind, whether instructions name them or not.
pub(super) fn fd_array_counted(system: &System) -> Asked {
    let map = map(system, &array())?;
    let params = ProgParams {
        fd_array: &[map.raw()],
        fd_array_counted: true,
        ..socket_filter()
    };
    prog(system, &params, &[ZERO, EXIT]).map(drop)
}

pub(super) fn prog_name(system: &System) -> Asked {
    let params = ProgParams {
        name: "skep_probe",
        ..socket_filter()
    };
    prog(system, &params, &[ZERO, EXIT]).map(drop)
}

/// What a program is to attach to is said when it is loaded.
pub(super) fn expected_attach_type(system: &System) -> Asked {
    let params = ProgParams {
        prog_type: ProgType::CGROUP_SOCK,
        expected_attach_type: AttachType::CGROUP_INET_SOCK_CREATE,
        ..ProgParams::default()
    };
    prog(system, &params, &[ZERO, EXIT]).map(drop)
}

/// A kprobe that calls a global function with its context as `void *`, tagged. `int` is type 1, the
/// pointer 2, the prototype 3, the functions 4 and 5.
pub(super) fn arg_ctx_tag(system: &System) -> Asked {
    let types = btf(system, |builder| {
        let ty = builder.add_ptr(TypeId::VOID);
        let proto = builder.add_func_proto(TypeId(1), &[Param { name: "ctx", ty }]);
        let callee = builder.add_func("callee", proto, 1);
        builder.add_func("caller", proto, 1);
        builder.add_decl_tag("arg:ctx", callee, 0);
    })?;
    let func = |insn_off, type_id| FuncInfo { insn_off, type_id };
    let params = ProgParams {
        prog_type: ProgType::KPROBE,
        btf: Some(&types),
        func_info: &[func(0, 5), func(2, 4)],
        ..ProgParams::default()
    };
    let call = insn(Insn::CALL, 0, pseudo::CALL, 0, 1);
    prog(system, &params, &[call, EXIT, ZERO, EXIT]).map(drop)
}
