//! `BPF_PROG_TEST_RUN`.

use super::Program;
use crate::error::Context;
use crate::{ProgType, Result};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use skep_sys::bpf;

/// What to run a program on.
#[derive(Clone, Debug, Default)]
pub struct TestRun<'a> {
    /// The packet, for programs that see packets. At least 14 bytes for XDP and socket filters.
    #[doc(alias = "data_in")]
    pub data: &'a [u8],
    /// The context, for programs that take one (raw tracepoint arguments, `struct __sk_buff`).
    #[doc(alias = "ctx_in")]
    pub context: &'a [u8],
    /// How often; 0 is once.
    pub repeat: u32,
    /// Room for the packet as the program leaves it, in bytes.
    #[doc(alias = "data_size_out")]
    pub data_out_bytes: usize,
    /// Room for the context as the program leaves it, in bytes. Programs of type `syscall` need none:
    /// theirs comes back as long as it was given.
    #[doc(alias = "ctx_size_out")]
    pub context_out_bytes: usize,
    /// [`ON_CPU`](Self::ON_CPU), [`LIVE_FRAMES`](Self::LIVE_FRAMES).
    pub flags: u32,
    /// The CPU to run on, with [`ON_CPU`](Self::ON_CPU).
    pub cpu: u32,
    /// Frames that are sent together, with [`LIVE_FRAMES`](Self::LIVE_FRAMES); 0 is 64.
    pub batch_size: u32,
}

impl TestRun<'_> {
    /// `BPF_F_TEST_RUN_ON_CPU`: a raw tracepoint's program runs on the CPU that is named. Since 5.10.
    pub const ON_CPU: u32 = 1;
    /// `BPF_F_TEST_XDP_LIVE_FRAMES`: frames are real; what the program passes, sends or redirects goes
    /// there. Since 5.18.
    pub const LIVE_FRAMES: u32 = 2;
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRunResult {
    /// What the program returned.
    pub return_value: u32,
    /// The packet as the program left it.
    pub data: Vec<u8>,
    /// The context as the program left it.
    pub context: Vec<u8>,
    /// Average time of a run, as the kernel measured it.
    pub duration: Duration,
}

#[inline]
pub(super) fn test_run(program: &Program, run: &TestRun<'_>) -> Result<TestRunResult> {
    let mut data = vec![0; run.data_out_bytes];
    // Programs of type `syscall` write to the context that they are given.
    let in_place = program.prog_type() == ProgType::SYSCALL;
    let room = if in_place { 0 } else { run.context_out_bytes };
    let mut context = vec![0; room];
    let mut request = bpf::TestRunParams {
        data_in: run.data,
        data_out: &mut data,
        ctx_in: run.context,
        ctx_out: &mut context,
        repeat: run.repeat,
        flags: run.flags,
        cpu: run.cpu,
        batch_size: run.batch_size,
    };
    let ran = bpf::prog_test_run(program.fd(), &mut request).context(program.doing("test-run"))?;
    data.truncate(ran.data_len as usize);
    context.truncate(ran.ctx_len as usize);
    if in_place {
        context = ran.ctx_in;
    }
    Ok(TestRunResult {
        return_value: ran.retval,
        duration: Duration::from_nanos(u64::from(ran.duration_ns)),
        data,
        context,
    })
}
