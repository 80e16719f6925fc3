//! Loading programs and running them once.

use super::{bpf, input, len32, obj_name, output, raw, string};
use crate::attr::{CoreRelo, FuncInfo, LineInfo, ProgLoad, ProgStreamRead, TestRun};
use crate::error::check;
use crate::{CallError, Fd, KernelRef, Result};
use alloc::alloc::{Layout, alloc_zeroed};
use alloc::vec::Vec;
use core::ffi::{CStr, c_int};
use skep_codec::Errno;
use skep_codec::uapi::bpf::{AttachType, ProgType};
use skep_codec::uapi::flags;

/// Bytes of one instruction slot.
const INSN_SIZE: usize = 8;
/// The verifier gives up with `EAGAIN` when a signal is pending; so often it is asked again.
const ATTEMPTS: u32 = 5;
const TRUE_SIZE_END: usize = core::mem::offset_of!(ProgLoad, log_true_size) + 4;

/// Where the kernel writes why it refuses, and how much it had to say.
#[derive(Debug, Default)]
pub struct Log<'a> {
    /// `BPF_LOG_LEVEL1`, `BPF_LOG_LEVEL2`, `BPF_LOG_STATS`, `BPF_LOG_FIXED`; 0 for nothing.
    pub level: u32,
    /// The text goes here, NUL-terminated.
    pub buf: &'a mut [u8],
    /// Set by the call: bytes that the whole text takes, with its NUL; 0 from kernels before 6.4.
    pub true_size: u32,
}

impl<'a> Log<'a> {
    /// Zeroed room for a log, which takes no memory before it is written; `None` where there is
    /// none of this size.
    pub fn buffer(len: usize) -> Option<Vec<u8>> {
        let layout = Layout::array::<u8>(len).ok().filter(|_| len > 0)?;
        // SAFETY: the layout has a size.
        let start = unsafe { alloc_zeroed(layout) };
        if start.is_null() {
            return None;
        }
        // SAFETY: `len` bytes of zeroes from the global allocator, with the layout of a vector of
        // this capacity; nobody else has them.
        Some(unsafe { Vec::from_raw_parts(start, len, len) })
    }

    /// A log of this level in `buf`.
    pub fn new(level: u32, buf: &'a mut [u8]) -> Self {
        Self {
            level,
            buf,
            true_size: 0,
        }
    }

    /// The text that came, without its NUL.
    pub fn text(&self) -> &[u8] {
        let end = self.buf.iter().position(|&b| b == 0);
        self.buf
            .get(..end.unwrap_or(self.buf.len()))
            .unwrap_or_default()
    }
}

/// A program to load.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProgParams<'a> {
    /// Type.
    pub prog_type: ProgType,
    /// Instructions, in this machine's byte order.
    pub insns: &'a [u8],
    /// License, which decides on helpers.
    pub license: &'a CStr,
    /// Kernel version, which kprobes needed before 5.0.
    pub kern_version: u32,
    /// `BPF_F_*` of loading; those that say that another field is set are added.
    pub prog_flags: u32,
    /// Name; see [`obj_name`](super::obj_name).
    pub name: &'a str,
    /// Network device that the program is bound to.
    pub ifindex: u32,
    /// What the program will be attached to.
    pub expected_attach_type: AttachType,
    /// BTF that function and line information refer to.
    pub btf: Option<&'a Fd>,
    /// Functions.
    pub func_info: &'a [FuncInfo],
    /// Source lines.
    pub line_info: &'a [LineInfo],
    /// Kernel function, type or hook that the program attaches to.
    pub attach_btf_id: u32,
    /// What `attach_btf_id` is of: a program, or a module's BTF; the kernel's without.
    pub attach_target: Option<&'a Fd>,
    /// Descriptors that instructions name by index.
    pub fd_array: &'a [c_int],
    /// Whether `fd_array` lists all maps, for the kernel to bind (since 6.14).
    pub fd_array_counted: bool,
    /// Relocations that the kernel is to do.
    pub core_relos: &'a [CoreRelo],
    /// BPF token (sets `BPF_F_TOKEN_FD`).
    pub token: Option<&'a Fd>,
    /// PKCS#7 signature of the instructions (since 6.18).
    pub signature: &'a [u8],
    /// Keyring that the signature is checked against.
    pub keyring_id: i32,
}

impl ProgParams<'_> {
    fn attr(&self) -> ProgLoad {
        let token = self.token.map_or(0, |_| flags::TOKEN_FD);
        let rec_size = |none: bool, size: usize| if none { 0 } else { size as u32 };
        ProgLoad {
            prog_type: self.prog_type.0,
            insn_cnt: len32(self.insns) / INSN_SIZE as u32,
            insns: input(self.insns),
            license: string(self.license),
            kern_version: self.kern_version,
            prog_flags: self.prog_flags | token,
            prog_name: obj_name(self.name),
            prog_ifindex: self.ifindex,
            expected_attach_type: self.expected_attach_type.0,
            prog_btf_fd: raw(self.btf),
            func_info_rec_size: rec_size(self.func_info.is_empty(), size_of::<FuncInfo>()),
            func_info: input(self.func_info),
            func_info_cnt: len32(self.func_info),
            line_info_rec_size: rec_size(self.line_info.is_empty(), size_of::<LineInfo>()),
            line_info: input(self.line_info),
            line_info_cnt: len32(self.line_info),
            attach_btf_id: self.attach_btf_id,
            attach_prog_fd: raw(self.attach_target),
            core_relo_cnt: len32(self.core_relos),
            fd_array: input(self.fd_array),
            core_relos: input(self.core_relos),
            core_relo_rec_size: rec_size(self.core_relos.is_empty(), size_of::<CoreRelo>()),
            prog_token_fd: raw(self.token) as i32,
            fd_array_cnt: if self.fd_array_counted {
                len32(self.fd_array)
            } else {
                0
            },
            signature: input(self.signature),
            signature_size: len32(self.signature),
            keyring_id: self.keyring_id,
            ..ProgLoad::default()
        }
    }
}

/// Loads a program: the kernel verifies it.
///
/// # Errors
/// `EINVAL`, `EACCES` and others: refused, see `log`; `ENOSPC`: `log` is too small (not with
/// `BPF_LOG_FIXED`, or since 6.4); `EPERM`: no `CAP_BPF` and what the type needs beside it.
///
/// # Kernel
/// `BPF_PROG_LOAD`, since 3.18.
pub fn prog_load(
    kernel: &KernelRef,
    params: &ProgParams<'_>,
    mut log: Option<&mut Log<'_>>,
) -> Result<Fd> {
    const NAME: &str = "BPF_PROG_LOAD";
    if !params.insns.len().is_multiple_of(INSN_SIZE) {
        return Err(CallError::new(NAME, Errno::EINVAL));
    }
    let mut attr = params.attr();
    if let Some(log) = log.as_deref_mut()
        && log.level != 0
    {
        attr.log_level = log.level;
        attr.log_size = len32(log.buf);
        attr.log_buf = output(log.buf);
        first_nul(log.buf);
    }
    let at_least = if attr.log_level == 0 {
        0
    } else {
        TRUE_SIZE_END
    };
    let mut result = Err(CallError::new(NAME, Errno::EAGAIN));
    for _ in 0..ATTEMPTS {
        // SAFETY: the pointers are slices and a string that outlive the call, their lengths
        // beside them.
        result = unsafe { bpf!(kernel, PROG_LOAD, &mut attr, at_least at_least) };
        if !matches!(result, Err(e) if e.errno == Errno::EAGAIN) {
            break;
        }
    }
    if let Some(log) = log {
        log.true_size = attr.log_true_size;
    }
    // SAFETY: this command answers a new descriptor.
    unsafe { Fd::from_answer(NAME, result? as isize, kernel) }
}

/// An empty text, should the kernel write none.
pub(super) fn first_nul(buf: &mut [u8]) {
    if let Some(first) = buf.first_mut() {
        *first = 0;
    }
}

/// One run of a program, with what it is to see.
#[derive(Debug, Default)]
pub struct TestRunParams<'a> {
    /// Packet.
    pub data_in: &'a [u8],
    /// Room for the packet as the program leaves it.
    pub data_out: &'a mut [u8],
    /// Context (`struct __sk_buff`, `struct xdp_md`, arguments of a raw tracepoint).
    pub ctx_in: &'a [u8],
    /// Room for the context as the program leaves it.
    pub ctx_out: &'a mut [u8],
    /// How often it runs; 0 is once.
    pub repeat: u32,
    /// `BPF_F_TEST_RUN_ON_CPU`, `BPF_F_TEST_XDP_LIVE_FRAMES`.
    pub flags: u32,
    /// CPU to run on.
    pub cpu: u32,
    /// Frames a batch, with live frames.
    pub batch_size: u32,
}

/// What a run gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRunResult {
    /// What the program returned.
    pub retval: u32,
    /// Mean time of a run.
    pub duration_ns: u32,
    /// Bytes of the packet.
    pub data_len: u32,
    /// Bytes of the context.
    pub ctx_len: u32,
    /// The context that was given, as the program left it: those of type `syscall` write there.
    pub ctx_in: Vec<u8>,
}

/// Runs a program once, or `repeat` times.
///
/// # Errors
/// `ENOTSUPP`: not for this type of program; `EINVAL`: packet or context is not what the type
/// takes; `ENOSPC`: the packet does not fit `data_out`.
///
/// # Kernel
/// `BPF_PROG_TEST_RUN`, since 4.12.
pub fn prog_test_run(prog: &Fd, params: &mut TestRunParams<'_>) -> Result<TestRunResult> {
    // A program of type `syscall` writes to its context where it is.
    let mut context = params.ctx_in.to_vec();
    let mut attr = TestRun {
        prog_fd: prog.raw() as u32,
        data_size_in: len32(params.data_in),
        data_size_out: len32(params.data_out),
        data_in: input(params.data_in),
        data_out: output(params.data_out),
        repeat: params.repeat,
        ctx_size_in: len32(&context),
        ctx_size_out: len32(params.ctx_out),
        ctx_in: output(&mut context),
        ctx_out: output(params.ctx_out),
        flags: params.flags,
        cpu: params.cpu,
        batch_size: params.batch_size,
        ..TestRun::default()
    };
    // SAFETY: the pointers are slices that outlive the call, their lengths beside them, and
    // null where they are empty (the kernel does not limit what it writes to a length of 0).
    unsafe { bpf!(prog.kernel(), PROG_TEST_RUN, &mut attr) }?;
    Ok(TestRunResult {
        retval: attr.retval,
        duration_ns: attr.duration,
        data_len: attr.data_size_out,
        ctx_len: attr.ctx_size_out,
        ctx_in: context,
    })
}

/// One run of a program of type `syscall`, whose context is read and written by it.
#[derive(Debug)]
pub struct SyscallRun<'a> {
    /// The context.
    pub context: &'a mut [u8],
    /// Where the program leaves descriptors in it, a word each.
    pub fds: &'a [u32],
    /// What the program may read, and where the address is to be in the context.
    pub inputs: &'a [(u32, &'a [u8])],
    /// What the program may have written to, and where the address is to be.
    pub output: Option<(u32, &'a mut [u8])>,
}

/// Runs a program of type `syscall` that leaves descriptors: they are the caller's now. A program
/// that runs so can open and close descriptors of this process; it is trusted to tell which it opened.
///
/// # Errors
/// By the name `bpf_sys_bpf`, what the program returned; `EBADF` where it left no descriptor.
/// `EINVAL`: the context is shorter than what the program uses of it, or it is no such program.
///
/// # Kernel
/// `BPF_PROG_TEST_RUN`, for these since 5.14.
#[inline]
pub fn prog_run_syscall(prog: &Fd, run: &mut SyscallRun<'_>) -> Result<Vec<Fd>> {
    const NAME: &str = "bpf_sys_bpf";
    for at in run.fds {
        // What is there afterwards is the program's.
        put(run.context, *at, &(-1_i32).to_ne_bytes());
    }
    for (at, bytes) in run.inputs {
        put(run.context, *at, &input(bytes).to_ne_bytes());
    }
    if let Some((at, buffer)) = &mut run.output {
        put(run.context, *at, &output(buffer).to_ne_bytes());
    }
    let mut attr = TestRun {
        prog_fd: prog.raw() as u32,
        ctx_size_in: len32(run.context),
        ctx_in: output(run.context),
        ..TestRun::default()
    };
    // SAFETY: the pointer is a slice that outlives the call, its length beside it; the kernel
    // writes back as many bytes as it read. What the context points to outlives the call, too.
    unsafe { bpf!(prog.kernel(), PROG_TEST_RUN, &mut attr) }?;
    check(NAME, attr.retval as i32 as isize)?;
    let mut fds: Vec<Fd> = Vec::new();
    for at in run.fds {
        let bytes = run.context.get(*at as usize..);
        let word = bytes.and_then(<[u8]>::first_chunk);
        let raw = word.map_or(-1, |word| c_int::from_ne_bytes(*word));
        if raw < 0 || fds.iter().any(|fd| fd.raw() == raw) {
            return Err(CallError::new(NAME, Errno::EBADF));
        }
        // SAFETY: the program that ran opened it for this process, and gave it to nobody else.
        fds.push(unsafe { Fd::from_raw(raw, prog.kernel().clone()) });
    }
    Ok(fds)
}

fn put(context: &mut [u8], at: u32, bytes: &[u8]) {
    let places = context.iter_mut().skip(at as usize);
    for (to, from) in places.zip(bytes) {
        *to = *from;
    }
}

/// Reads what a program printed to a stream of its own: 1 stdout, 2 stderr.
///
/// # Kernel
/// `BPF_PROG_STREAM_READ_BY_FD`, since 6.17.
pub fn prog_stream_read(prog: &Fd, stream_id: u32, buf: &mut [u8]) -> Result<usize> {
    let mut attr = ProgStreamRead {
        stream_buf: output(buf),
        stream_buf_len: len32(buf),
        stream_id,
        prog_fd: prog.raw() as u32,
        ..ProgStreamRead::default()
    };
    // SAFETY: the pointer is a slice that outlives the call, its length beside it.
    let len = unsafe { bpf!(prog.kernel(), PROG_STREAM_READ_BY_FD, &mut attr) }?;
    Ok(len.min(buf.len()))
}
