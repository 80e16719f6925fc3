//! How to load: everything a caller may choose, in one value.

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Verifier log level for every program: 0 (default) only logs refusals, 1 states, 2 more,
    /// 4 statistics.
    pub log_level: u32,
    /// Whether to raise `RLIMIT_MEMLOCK` on kernels that count BPF memory against it (before
    /// Linux 5.11). Default: yes.
    pub raise_memlock: bool,
    /// Whether to measure how long the kernel takes over a program. Default: no.
    pub timed: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            log_level: 0,
            raise_memlock: true,
            timed: false,
        }
    }
}
