//! What perf events count, by the kernel's names.

/// What the kernel counts itself, `PERF_TYPE_SOFTWARE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "perf_sw_ids")]
#[non_exhaustive]
pub enum SoftwareEvent {
    /// Time on a CPU, in nanoseconds, by a timer of the CPU.
    #[doc(alias = "PERF_COUNT_SW_CPU_CLOCK")]
    CpuClock = 0,
    /// Time on a CPU, in nanoseconds, of the task.
    #[doc(alias = "PERF_COUNT_SW_TASK_CLOCK")]
    TaskClock = 1,
    /// Page faults.
    #[doc(alias = "PERF_COUNT_SW_PAGE_FAULTS")]
    PageFaults = 2,
    /// Switches of tasks.
    #[doc(alias = "PERF_COUNT_SW_CONTEXT_SWITCHES")]
    ContextSwitches = 3,
    /// Tasks that go to another CPU.
    #[doc(alias = "PERF_COUNT_SW_CPU_MIGRATIONS")]
    CpuMigrations = 4,
    /// Page faults without reading from a disk.
    #[doc(alias = "PERF_COUNT_SW_PAGE_FAULTS_MIN")]
    PageFaultsMin = 5,
    /// Page faults that read from a disk.
    #[doc(alias = "PERF_COUNT_SW_PAGE_FAULTS_MAJ")]
    PageFaultsMaj = 6,
    /// Accesses that the kernel had to align.
    #[doc(alias = "PERF_COUNT_SW_ALIGNMENT_FAULTS")]
    AlignmentFaults = 7,
    /// Instructions that the kernel had to do in the machine's place.
    #[doc(alias = "PERF_COUNT_SW_EMULATION_FAULTS")]
    EmulationFaults = 8,
    /// Switches of tasks of one cgroup to those of another, since Linux 5.13.
    #[doc(alias = "PERF_COUNT_SW_CGROUP_SWITCHES")]
    CgroupSwitches = 11,
}

/// What the machine counts, whatever its maker calls it, `PERF_TYPE_HARDWARE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "perf_hw_id")]
#[non_exhaustive]
pub enum HardwareEvent {
    /// Cycles, as long as they are at the moment.
    #[doc(alias = "PERF_COUNT_HW_CPU_CYCLES")]
    CpuCycles = 0,
    /// Instructions that were carried out.
    #[doc(alias = "PERF_COUNT_HW_INSTRUCTIONS")]
    Instructions = 1,
    /// Accesses to the cache.
    #[doc(alias = "PERF_COUNT_HW_CACHE_REFERENCES")]
    CacheReferences = 2,
    /// Accesses that it did not have.
    #[doc(alias = "PERF_COUNT_HW_CACHE_MISSES")]
    CacheMisses = 3,
    /// Branches.
    #[doc(alias = "PERF_COUNT_HW_BRANCH_INSTRUCTIONS")]
    BranchInstructions = 4,
    /// Branches that went elsewhere than was foreseen.
    #[doc(alias = "PERF_COUNT_HW_BRANCH_MISSES")]
    BranchMisses = 5,
    /// Cycles of the bus.
    #[doc(alias = "PERF_COUNT_HW_BUS_CYCLES")]
    BusCycles = 6,
    /// Cycles in which no instruction could be issued.
    #[doc(alias = "PERF_COUNT_HW_STALLED_CYCLES_FRONTEND")]
    StalledCyclesFrontend = 7,
    /// Cycles in which no instruction could be completed.
    #[doc(alias = "PERF_COUNT_HW_STALLED_CYCLES_BACKEND")]
    StalledCyclesBackend = 8,
    /// Cycles that are all of the same length.
    #[doc(alias = "PERF_COUNT_HW_REF_CPU_CYCLES")]
    RefCpuCycles = 9,
}

/// A cache of the machine, `PERF_TYPE_HW_CACHE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "perf_hw_cache_id")]
#[non_exhaustive]
pub enum CacheEvent {
    /// First level, data.
    #[doc(alias = "PERF_COUNT_HW_CACHE_L1D")]
    L1d = 0,
    /// First level, instructions.
    #[doc(alias = "PERF_COUNT_HW_CACHE_L1I")]
    L1i = 1,
    /// Last level.
    #[doc(alias = "PERF_COUNT_HW_CACHE_LL")]
    Ll = 2,
    /// Translations of addresses of data.
    #[doc(alias = "PERF_COUNT_HW_CACHE_DTLB")]
    Dtlb = 3,
    /// Translations of addresses of instructions.
    #[doc(alias = "PERF_COUNT_HW_CACHE_ITLB")]
    Itlb = 4,
    /// Targets of branches.
    #[doc(alias = "PERF_COUNT_HW_CACHE_BPU")]
    Bpu = 5,
    /// Memory of this node.
    #[doc(alias = "PERF_COUNT_HW_CACHE_NODE")]
    Node = 6,
}

/// What is done to a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "perf_hw_cache_op_id")]
#[non_exhaustive]
pub enum CacheOp {
    /// It is read.
    #[doc(alias = "PERF_COUNT_HW_CACHE_OP_READ")]
    Read = 0,
    /// It is written.
    #[doc(alias = "PERF_COUNT_HW_CACHE_OP_WRITE")]
    Write = 1,
    /// It is filled ahead.
    #[doc(alias = "PERF_COUNT_HW_CACHE_OP_PREFETCH")]
    Prefetch = 2,
}

/// What of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "perf_hw_cache_op_result_id")]
#[non_exhaustive]
pub enum CacheResult {
    /// Each time.
    #[doc(alias = "PERF_COUNT_HW_CACHE_RESULT_ACCESS")]
    Access = 0,
    /// Each time that it is not there.
    #[doc(alias = "PERF_COUNT_HW_CACHE_RESULT_MISS")]
    Miss = 1,
}

/// What is done to memory that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breakpoint {
    /// It is written.
    #[doc(alias = "HW_BREAKPOINT_W")]
    Write = 2,
    /// It is read or written.
    #[doc(alias = "HW_BREAKPOINT_RW")]
    ReadWrite = 3,
    /// It is executed.
    #[doc(alias = "HW_BREAKPOINT_X")]
    Execute = 4,
}
