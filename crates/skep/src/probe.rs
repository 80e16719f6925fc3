//! What a kernel can do: asked by trying, never by version; answered in three ways.

use crate::system::System;
use core::sync::atomic::{AtomicU8, Ordering};
use skep_codec::Errno;
use skep_codec::btf::{BtfBuilder, Enumerator, Int, Param, SecVar, TypeId};
use skep_codec::bytes::Endian;
use skep_codec::insn::{Insn, encode};
use skep_codec::uapi::bpf::{AttachType, Helper, MapType, ProgType};
use skep_sys::CallError;
use skep_sys::attr::FuncInfo;
use skep_sys::bpf::{self, MapParams, ProgParams};

/// The answer of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The kernel did it.
    Yes,
    /// The kernel refused it in the way that means "I do not know this".
    No,
    /// It could not be asked: missing privilege, no memory. Never taken for "no".
    Unknown(Errno),
}

impl Answer {
    /// Whether to go on as if the kernel could: everything but a plain "no".
    pub fn is_usable(self) -> bool {
        self != Self::No
    }
}

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident, $since:literal, $ask:expr;)+) => {
        /// Something that not every kernel can do.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Feature { $($(#[$doc])* $name,)+ }

        /// A row a feature: the first kernel that has it, how it is asked.
        const TABLE: &[(Feature, &str, fn(&System) -> Result<(), CallError>)] =
            &[$((Feature::$name, $since, $ask),)+];
        const COUNT: usize = TABLE.len();
    };
}

features! {
    /// BTF can be uploaded at all.
    Btf, "4.18", |s| load_btf(s, |_| {});
    /// `BTF_KIND_FUNC` and `FUNC_PROTO`.
    BtfFunc, "5.0", |s| load_btf(s, |b| { func(b, 0); });
    /// Functions of global linkage in BTF.
    BtfGlobalFunc, "5.6", |s| load_btf(s, |b| { func(b, 1); });
    /// `BTF_KIND_VAR` and `DATASEC`.
    BtfDatasec, "5.2", |s| load_btf(s, |b| datasec(b, ".data"));
    /// Data sections whose names begin with `?`.
    BtfQmarkDatasec, "6.10", |s| load_btf(s, |b| datasec(b, "?.data"));
    /// `BTF_KIND_FLOAT`.
    BtfFloat, "5.13", |s| load_btf(s, |b| { b.add_float("float", 4); });
    /// `BTF_KIND_DECL_TAG`.
    BtfDeclTag, "5.16", |s| load_btf(s, |b| {
        let int = int(b);
        let var = b.add_var("v", int, 0);
        b.add_decl_tag("tag", var, -1);
    });
    /// `BTF_KIND_TYPE_TAG`.
    BtfTypeTag, "5.17", |s| load_btf(s, |b| {
        let int = int(b);
        let tag = b.add_type_tag("tag", int);
        b.add_ptr(tag);
    });
    /// `BTF_KIND_ENUM64`.
    BtfEnum64, "6.0", |s| load_btf(s, |b| { b.add_enum64("e", 8, false, &[Enumerator { name: "A", value: 1 }]); });
    /// Parameters tagged `arg:ctx` are the program's context.
    ArgCtxTag, "6.8", arg_ctx_tag;
    /// Names of maps and programs.
    ObjectName, "4.15", |s| create(s, &MapParams { name: "skep_probe", ..array() });
    /// `expected_attach_type` at load.
    ExpectedAttachType, "4.17", |s| {
        let insns = encode(&[ZERO, RETURN], Endian::NATIVE);
        let attr = ProgParams {
            prog_type: ProgType::CGROUP_SOCK,
            insns: &insns,
            license: c"GPL",
            expected_attach_type: AttachType::CGROUP_INET_SOCK_CREATE,
            ..Default::default()
        };
        bpf::prog_load(s.kernel(), &attr, None).map(drop)
    };
    /// Array maps that user space can map.
    MmapableArray, "5.5", |s| create(s, &MapParams { map_flags: 1 << 10, ..array() });
    /// Maps and programs are charged to the memory cgroup, not to `RLIMIT_MEMLOCK`.
    MemcgAccounting, "5.11", |s| {
        call_helper(s, ProgType::SOCKET_FILTER, Helper::KTIME_GET_COARSE_NS)
    };
    /// `bpf_get_attach_cookie`.
    BpfCookie, "5.15", |s| {
        call_helper(s, ProgType::TRACEPOINT, Helper::GET_ATTACH_COOKIE)
    };
    /// `bpf_probe_read_kernel` and `bpf_probe_read_user`.
    ProbeReadKernel, "5.5", |s| call_tracing_helper(s, Helper::PROBE_READ_KERNEL);
    /// Global data: maps whose values instructions refer to directly.
    GlobalData, "5.2", |s| {
        let map = bpf::map_create(s.kernel(), &array())?;
        let mut load = Insn { code: Insn::LD_IMM64, dst: 1, src: 2, off: 0, imm: map.raw() };
        load.dst = 1;
        run_load(s, ProgType::SOCKET_FILTER, &[load, Insn::default(), ZERO, RETURN])
    };
}

/// Answers so far: 0 not asked, 1 yes, 2 no.
pub(crate) struct Probes([AtomicU8; COUNT]);

impl Default for Probes {
    fn default() -> Self {
        Self([const { AtomicU8::new(0) }; COUNT])
    }
}

impl Probes {
    pub(crate) fn ask(&self, system: &System, feature: Feature) -> Answer {
        let index = feature as usize;
        let (Some(cell), Some((_, _, ask))) = (self.0.get(index), TABLE.get(index)) else {
            return Answer::Unknown(Errno::EINVAL);
        };
        match cell.load(Ordering::Relaxed) {
            1 => return Answer::Yes,
            2 => return Answer::No,
            _ => {}
        }
        let answer = match ask(system) {
            Ok(()) => Answer::Yes,
            Err(error) if is_no(error.errno) => Answer::No,
            Err(error) => Answer::Unknown(error.errno),
        };
        let known = match answer {
            Answer::Yes => 1,
            Answer::No => 2,
            Answer::Unknown(_) => 0,
        };
        cell.store(known, Ordering::Relaxed);
        answer
    }
}

impl Feature {
    /// Every feature, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|&(feature, _, _)| feature)
    }

    /// The first kernel release that has it, such as `"5.2"`.
    pub fn since(self) -> &'static str {
        TABLE.get(self as usize).map_or("", |&(_, since, _)| since)
    }
}

/// Errnos by which a kernel says that it does not know what it was asked for.
fn is_no(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EINVAL | Errno::E2BIG | Errno::EOPNOTSUPP | Errno::ENOTSUPP | Errno::ENOSYS
    )
}

const ZERO: Insn = Insn {
    code: 0xb7,
    dst: 0,
    src: 0,
    off: 0,
    imm: 0,
};
const RETURN: Insn = Insn {
    code: Insn::EXIT,
    dst: 0,
    src: 0,
    off: 0,
    imm: 0,
};

fn array() -> MapParams<'static> {
    MapParams {
        map_type: MapType::ARRAY,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        ..Default::default()
    }
}

fn create(system: &System, attr: &MapParams<'_>) -> Result<(), CallError> {
    bpf::map_create(system.kernel(), attr).map(drop)
}

fn run_load(system: &System, prog_type: ProgType, insns: &[Insn]) -> Result<(), CallError> {
    let insns = encode(insns, Endian::NATIVE);
    let attr = ProgParams {
        prog_type,
        insns: &insns,
        license: c"GPL",
        ..Default::default()
    };
    bpf::prog_load(system.kernel(), &attr, None).map(drop)
}

/// Calls a helper of one argument at most.
fn call_helper(system: &System, prog_type: ProgType, helper: Helper) -> Result<(), CallError> {
    let call = Insn {
        code: Insn::CALL,
        imm: helper.0 as i32,
        ..Insn::default()
    };
    run_load(system, prog_type, &[call, ZERO, RETURN])
}

/// Calls a helper of three arguments (stack, length, address) from a tracing program.
fn call_tracing_helper(system: &System, helper: Helper) -> Result<(), CallError> {
    let mov = |dst, src| Insn {
        code: 0xbf,
        dst,
        src,
        off: 0,
        imm: 0,
    };
    let set = |dst, imm| Insn {
        code: 0xb7,
        dst,
        src: 0,
        off: 0,
        imm,
    };
    let add = |dst, imm| Insn {
        code: 0x07,
        dst,
        src: 0,
        off: 0,
        imm,
    };
    let call = Insn {
        code: Insn::CALL,
        imm: helper.0 as i32,
        ..Insn::default()
    };
    let insns = [
        mov(1, 10),
        add(1, -8),
        set(2, 8),
        set(3, 0),
        call,
        ZERO,
        RETURN,
    ];
    run_load(system, ProgType::TRACEPOINT, &insns)
}

/// A kprobe that calls a global function with its context as `void *`, tagged.
fn arg_ctx_tag(system: &System) -> Result<(), CallError> {
    let mut builder = BtfBuilder::new();
    let int = int(&mut builder);
    let pointer = builder.add_ptr(TypeId::VOID);
    let proto = builder.add_func_proto(
        int,
        &[Param {
            name: "ctx",
            ty: pointer,
        }],
    );
    let callee = builder.add_func("callee", proto, 1);
    let caller = builder.add_func("caller", proto, 1);
    builder.add_decl_tag("arg:ctx", callee, 0);
    let einval = |_| CallError::new("BPF_BTF_LOAD", Errno::EINVAL);
    let bytes = builder.to_bytes(Endian::NATIVE).map_err(einval)?;
    let btf = bpf::btf_load(system.kernel(), &bytes, None, None)?;
    let call = Insn {
        code: Insn::CALL,
        src: 1,
        imm: 1,
        ..Insn::default()
    };
    let insns = encode(&[call, RETURN, ZERO, RETURN], Endian::NATIVE);
    let func = |insn_off, id: TypeId| FuncInfo {
        insn_off,
        type_id: id.0,
    };
    let attr = ProgParams {
        prog_type: ProgType::KPROBE,
        insns: &insns,
        license: c"GPL",
        btf: Some(&btf),
        func_info: &[func(0, caller), func(2, callee)],
        ..Default::default()
    };
    bpf::prog_load(system.kernel(), &attr, None).map(drop)
}

fn load_btf(system: &System, build: fn(&mut BtfBuilder)) -> Result<(), CallError> {
    let mut builder = BtfBuilder::new();
    int(&mut builder);
    build(&mut builder);
    let einval = |_| CallError::new("BPF_BTF_LOAD", Errno::EINVAL);
    let bytes = builder.to_bytes(Endian::NATIVE).map_err(einval)?;
    bpf::btf_load(system.kernel(), &bytes, None, None).map(drop)
}

fn int(builder: &mut BtfBuilder) -> TypeId {
    let int = Int {
        signed: true,
        char: false,
        bool: false,
        offset: 0,
        bits: 32,
    };
    builder.add_int("int", 4, int)
}

fn func(builder: &mut BtfBuilder, linkage: u32) {
    let int = int(builder);
    let proto = builder.add_func_proto(int, &[Param { name: "a", ty: int }]);
    builder.add_func("f", proto, linkage);
}

fn datasec(builder: &mut BtfBuilder, name: &str) {
    let int = int(builder);
    let var = builder.add_var("v", int, 0);
    let variable = SecVar {
        ty: var,
        offset: 0,
        size: 4,
    };
    builder.add_datasec(name, 4, &[variable]);
}
