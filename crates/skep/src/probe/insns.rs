//! Asking about instructions: the smallest program that has them.

use super::ask::{
    Asked, EXIT, ZERO, array, as_call, btf, call, filter, insn, map, prog, socket_filter,
};
use crate::system::System;
use alloc::vec;
use skep_codec::Errno;
use skep_codec::btf::TypeId;
use skep_codec::insn::{Insn, pseudo};
use skep_codec::uapi::bpf::{Helper, MapType};
use skep_sys::attr::FuncInfo;
use skep_sys::bpf::{self, MapParams, ProgParams};
use skep_sys::{CallError, Fd};

/// `*(u64 *)(r10 - 8) = 0`.
const STORE: Insn = insn(0x7a, 10, 0, -8, 0);

/// `if r0 < 0 goto +0`.
pub(super) fn v2(system: &System) -> Asked {
    filter(system, &[ZERO, insn(0xa5, 0, 0, 0, 0), EXIT])
}

/// `if w0 == 0 goto +0`.
pub(super) fn jmp32(system: &System) -> Asked {
    filter(system, &[ZERO, insn(0x16, 0, 0, 0, 0), EXIT])
}

/// `r0 s/= 2`.
pub(super) fn sdiv(system: &System) -> Asked {
    filter(system, &[ZERO, insn(0x37, 0, 0, 1, 2), EXIT])
}

/// `r0 = (s8)r0`.
pub(super) fn movsx(system: &System) -> Asked {
    filter(system, &[ZERO, insn(0xbf, 0, 0, 8, 0), EXIT])
}

/// `r0 = *(s8 *)(r10 - 8)`.
pub(super) fn ldsx(system: &System) -> Asked {
    filter(system, &[STORE, insn(0x91, 0, 10, -8, 0), EXIT])
}

/// `gotol +0`.
pub(super) fn gotol(system: &System) -> Asked {
    filter(system, &[ZERO, insn(0x06, 0, 0, 0, 0), EXIT])
}

/// `r0 = bswap16 r0`.
pub(super) fn bswap(system: &System) -> Asked {
    filter(system, &[ZERO, insn(0xd7, 0, 0, 0, 16), EXIT])
}

/// All that `-mcpu=v4` adds.
pub(super) fn v4(system: &System) -> Asked {
    [sdiv, movsx, ldsx, gotol, bswap]
        .iter()
        .try_for_each(|ask| ask(system))
}

/// `r0 = atomic_fetch_add((u64 *)(r10 - 8), r0)`.
pub(super) fn atomics(system: &System) -> Asked {
    filter(system, &[STORE, ZERO, insn(0xdb, 10, 0, -8, 0x01), EXIT])
}

/// `r0 = load_acquire((u64 *)(r10 - 8))`.
pub(super) fn load_acquire(system: &System) -> Asked {
    filter(system, &[STORE, insn(0xdb, 0, 10, -8, 0x100), EXIT])
}

/// A loop that only its `may_goto` ends.
const MAY_GOTO: [Insn; 4] = [ZERO, insn(0xe5, 0, 0, 1, 0), insn(0x05, 0, 0, -2, 0), EXIT];

pub(super) fn may_goto(system: &System) -> Asked {
    filter(system, &MAY_GOTO)
}

/// Where it looks at the clock the kernel makes more of it: a call among other things.
pub(super) fn timed_may_goto(system: &System) -> Asked {
    let prog = prog(system, &socket_filter(), &MAY_GOTO)?;
    let calls = bpf::prog_insns(&prog)?
        .chunks(size_of::<u64>())
        .any(|insn| insn.first() == Some(&Insn::CALL));
    let no = CallError::new("BPF_PROG_LOAD", Errno::EOPNOTSUPP);
    if calls { Ok(()) } else { Err(no) }
}

/// Ten rounds.
pub(super) fn bounded_loop(system: &System) -> Asked {
    let ten = insn(0xb7, 0, 0, 0, 10);
    let less = insn(0x07, 0, 0, 0, -1);
    filter(system, &[ten, less, insn(0x55, 0, 0, -2, 0), EXIT])
}

/// More than the 4096 instructions that there were before.
pub(super) fn large_program(system: &System) -> Asked {
    let mut insns = vec![ZERO; 4097];
    insns.push(EXIT);
    filter(system, &insns)
}

/// `call +1; exit; r0 = 0; exit`.
pub(super) fn bpf_call(system: &System) -> Asked {
    let call = insn(Insn::CALL, 0, pseudo::CALL, 0, 1);
    filter(system, &[call, EXIT, ZERO, EXIT])
}

/// The address of a function, `r0 = 0; exit` behind the program. It must be a static one by BTF:
/// `int` is type 1, the prototype 2, the functions 3 and 4.
pub(super) fn callback(system: &System) -> Asked {
    let types = btf(system, |builder| {
        let proto = builder.add_func_proto(TypeId(1), &[]);
        builder.add_func("f", proto, 0);
        builder.add_func("callback", proto, 0);
    })?;
    let func = |insn_off, type_id| FuncInfo { insn_off, type_id };
    let params = ProgParams {
        btf: Some(&types),
        func_info: &[func(0, 3), func(4, 4)],
        ..socket_filter()
    };
    let load = insn(Insn::LD_IMM64, 2, pseudo::FUNC, 0, 3);
    let insns = [load, Insn::default(), ZERO, EXIT, ZERO, EXIT];
    prog(system, &params, &insns).map(drop)
}

/// The address of a value of an array.
pub(super) fn global_data(system: &System) -> Asked {
    let map = map(system, &array())?;
    let load = insn(Insn::LD_IMM64, 1, pseudo::MAP_VALUE, 0, map.raw());
    filter(system, &[load, Insn::default(), ZERO, EXIT])
}

pub(super) fn ktime_get_coarse_ns(system: &System) -> Asked {
    filter(system, &[call(Helper::KTIME_GET_COARSE_NS), ZERO, EXIT])
}

/// `gotox r1`, the address out of a map that knows where instructions end up.
pub(super) fn gotox(system: &System) -> Asked {
    let map = insn_array(system, 4)?;
    let insns = [
        insn(Insn::LD_IMM64, 1, pseudo::MAP_VALUE, 0, map.raw()),
        Insn::default(),
        insn(0x79, 1, 1, 0, 0),
        insn(0x0d, 1, 0, 0, 0),
        ZERO,
        EXIT,
    ];
    filter(system, &insns)
}

/// A frozen map whose only value is where instruction `target` is.
fn insn_array(system: &System, target: u32) -> Result<Fd, CallError> {
    let params = MapParams {
        map_type: MapType::INSN_ARRAY,
        value_size: 16,
        ..array()
    };
    let fd = map(system, &params)?;
    let map = bpf::MapFd::new(fd, || system.cpu_count().map_err(|e| as_call(&e)))?;
    let mut value = [0; 16];
    for (to, from) in value.iter_mut().zip(target.to_ne_bytes()) {
        *to = from;
    }
    map.update(&[0; 4], &value, bpf::ElemFlags::ANY)?;
    map.freeze()?;
    Ok(map.into_fd())
}
