//! The calls by which a kernel is asked; each uses the system's token, if it has one.

use crate::error::Error;
use crate::system::System;
use alloc::string::String;
use skep_codec::Errno;
use skep_codec::btf::{BtfBuilder, Int, TypeId};
use skep_codec::bytes::Endian;
use skep_codec::insn::{Insn, encode};
use skep_codec::uapi::bpf::{Helper, MapType, ProgType};
use skep_sys::bpf::{self, Log, MapParams, ProgParams};
use skep_sys::{CallError, Fd};

/// What a call says: what a success gave does not matter.
pub(super) type Asked = Result<(), CallError>;

/// Room for the verifier's words on a program of a few instructions.
const LOG_LEN: usize = 4096;

/// An instruction.
pub(super) const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst,
        src,
        off,
        imm,
    }
}

/// `r0 = 0`.
pub(super) const ZERO: Insn = insn(0xb7, 0, 0, 0, 0);
/// `exit`.
pub(super) const EXIT: Insn = insn(Insn::EXIT, 0, 0, 0, 0);

/// A call of a helper.
pub(super) const fn call(helper: Helper) -> Insn {
    insn(Insn::CALL, 0, 0, 0, helper.0 as i32)
}

/// An array of one element.
pub(super) fn array() -> MapParams<'static> {
    MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..MapParams::default()
    }
}

fn token(system: &System) -> Result<Option<&Fd>, CallError> {
    system.token().map_err(|error| as_call(&error))
}

/// Creates a map.
pub(super) fn map(system: &System, params: &MapParams<'_>) -> Result<Fd, CallError> {
    let token = token(system)?;
    bpf::map_create(system.kernel(), &MapParams { token, ..*params })
}

/// Loads a program of these instructions, GPL.
pub(super) fn prog(
    system: &System,
    params: &ProgParams<'_>,
    insns: &[Insn],
) -> Result<Fd, CallError> {
    prog_with_log(system, params, insns, None)
}

fn prog_with_log(
    system: &System,
    params: &ProgParams<'_>,
    insns: &[Insn],
    log: Option<&mut Log<'_>>,
) -> Result<Fd, CallError> {
    let insns = encode(insns, Endian::NATIVE);
    let params = ProgParams {
        insns: &insns,
        license: c"GPL",
        token: token(system)?,
        ..*params
    };
    bpf::prog_load(system.kernel(), &params, log)
}

/// Loads a program; the answer has the verifier's words, if it came to them.
pub(super) fn verify(
    system: &System,
    params: &ProgParams<'_>,
    insns: &[Insn],
) -> (Result<Fd, CallError>, String) {
    let mut buf = [0; LOG_LEN];
    let mut log = Log::new(1, &mut buf);
    let result = prog_with_log(system, params, insns, Some(&mut log));
    (result, String::from_utf8_lossy(log.text()).into_owned())
}

/// The type that asks for the least privilege.
pub(super) fn socket_filter() -> ProgParams<'static> {
    ProgParams {
        prog_type: ProgType::SOCKET_FILTER,
        ..ProgParams::default()
    }
}

/// Loads a socket filter of these instructions.
pub(super) fn filter(system: &System, insns: &[Insn]) -> Asked {
    prog(system, &socket_filter(), insns).map(drop)
}

/// Uploads BTF: an `int`, and what `build` adds.
pub(super) fn btf(system: &System, build: fn(&mut BtfBuilder)) -> Result<Fd, CallError> {
    let mut builder = BtfBuilder::new();
    int(&mut builder);
    build(&mut builder);
    let einval = |_| CallError::new("BPF_BTF_LOAD", Errno::EINVAL);
    let bytes = builder.to_bytes(Endian::NATIVE).map_err(einval)?;
    bpf::btf_load(system.kernel(), &bytes, token(system)?, None)
}

/// Adds an `int`.
pub(super) fn int(builder: &mut BtfBuilder) -> TypeId {
    let int = Int {
        signed: true,
        char: false,
        bool: false,
        offset: 0,
        bits: 32,
    };
    builder.add_int("int", 4, int)
}

/// A library error as that of a call; what failed without a call could not be asked.
pub(super) fn as_call(error: &Error) -> CallError {
    error
        .call()
        .unwrap_or(CallError::new("probe", Errno::ENOENT))
}
