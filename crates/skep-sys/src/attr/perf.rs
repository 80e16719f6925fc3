//! `struct perf_event_attr`.

use super::plain;

plain! {
    /// `struct perf_event_attr` of perf_event_open(2).
    PerfEventAttr: "perf_event_attr" "" from 0, min 64 {
        kind: u32 = "type",
        size: u32,
        config: u64,
        /// Also `sample_freq`.
        sample_period: u64,
        sample_type: u64,
        read_format: u64,
        /// The one-bit flags, `disabled` first.
        flags: u64 = "disabled",
        /// Also `wakeup_watermark`.
        wakeup_events: u32,
        bp_type: u32,
        /// Also `bp_addr`, `kprobe_func`, `uprobe_path`.
        config1: u64,
        /// Also `bp_len`, `kprobe_addr`, `probe_offset`.
        config2: u64,
        branch_sample_type: u64,
        sample_regs_user: u64,
        sample_stack_user: u32,
        clockid: i32,
        sample_regs_intr: u64,
        aux_watermark: u32,
        sample_max_stack: u16,
        _pad: u16,
        aux_sample_size: u32,
        _pad2: u32,
        sig_data: u64,
        config3: u64,
    }
}

impl PerfEventAttr {
    /// The one-bit flag number `n` in the order of the declaration (`disabled` is 0), where
    /// this machine's compilers put it.
    pub const fn flag(n: u32) -> u64 {
        if cfg!(target_endian = "big") {
            1 << (63 - n)
        } else {
            1 << n
        }
    }

    /// Number of the flag `disabled`.
    pub const DISABLED: u32 = 0;
    /// Number of the flag `inherit`.
    pub const INHERIT: u32 = 1;
    /// Number of the flag `freq`.
    pub const FREQ: u32 = 10;
    /// Number of the flag `watermark`.
    pub const WATERMARK: u32 = 14;
    /// Number of the flag `write_backward`.
    pub const WRITE_BACKWARD: u32 = 27;
}
