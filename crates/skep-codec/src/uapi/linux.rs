//! The few other constants of the kernel's user interface that a loader needs.

/// `AT_FDCWD`: relative to the working directory.
pub const AT_FDCWD: i32 = -100;
/// `AT_EMPTY_PATH`.
pub const AT_EMPTY_PATH: i32 = 0x1000;
/// `AT_REMOVEDIR` of unlinkat(2).
pub const AT_REMOVEDIR: i32 = 0x200;

/// `O_RDONLY`.
pub const O_RDONLY: i32 = 0;
/// `O_WRONLY`.
pub const O_WRONLY: i32 = 1;
/// `O_RDWR`.
pub const O_RDWR: i32 = 2;
/// `O_CREAT`.
pub const O_CREAT: i32 = 0o100;
/// `O_TRUNC`.
pub const O_TRUNC: i32 = 0o1000;
/// `O_APPEND`.
pub const O_APPEND: i32 = 0o2000;
/// `O_NONBLOCK`.
pub const O_NONBLOCK: i32 = 0o4000;
/// `O_DIRECTORY`.
pub const O_DIRECTORY: i32 = if cfg!(target_arch = "aarch64") {
    0o40000
} else {
    0o200_000
};
/// `O_CLOEXEC`.
pub const O_CLOEXEC: i32 = 0o2_000_000;
/// `O_PATH`.
pub const O_PATH: i32 = 0o10_000_000;

/// `EFD_CLOEXEC` of eventfd(2).
pub const EFD_CLOEXEC: i32 = O_CLOEXEC;
/// `EFD_NONBLOCK` of eventfd(2).
pub const EFD_NONBLOCK: i32 = O_NONBLOCK;

/// `F_DUPFD_CLOEXEC` of fcntl(2).
pub const F_DUPFD_CLOEXEC: i32 = 1030;

/// `PROT_READ`.
pub const PROT_READ: i32 = 1;
/// `PROT_WRITE`.
pub const PROT_WRITE: i32 = 2;
/// `MAP_SHARED`.
pub const MAP_SHARED: i32 = 1;
/// `MAP_PRIVATE`.
pub const MAP_PRIVATE: i32 = 2;
/// `MAP_FIXED`.
pub const MAP_FIXED: i32 = 0x10;
/// `MAP_FIXED_NOREPLACE`.
pub const MAP_FIXED_NOREPLACE: i32 = 0x10_0000;
/// `MAP_ANONYMOUS`.
pub const MAP_ANONYMOUS: i32 = 0x20;
/// `MAP_POPULATE`.
pub const MAP_POPULATE: i32 = 0x8000;

/// `CLOCK_MONOTONIC`.
pub const CLOCK_MONOTONIC: i32 = 1;
/// `CLOCK_BOOTTIME`.
pub const CLOCK_BOOTTIME: i32 = 7;

/// `POLLIN`.
pub const POLLIN: i16 = 1;
/// `POLLOUT`.
pub const POLLOUT: i16 = 4;
/// `POLLERR`.
pub const POLLERR: i16 = 8;
/// `POLLHUP`.
pub const POLLHUP: i16 = 0x10;
/// `POLLNVAL`.
pub const POLLNVAL: i16 = 0x20;
/// `EPOLLIN`.
pub const EPOLLIN: u32 = 1;
/// `EPOLLET`: told once for each time that something happens.
pub const EPOLLET: u32 = 1 << 31;
/// `EPOLL_CTL_ADD`.
pub const EPOLL_CTL_ADD: i32 = 1;
/// `EPOLL_CTL_DEL`.
pub const EPOLL_CTL_DEL: i32 = 2;

/// `AF_UNIX`.
pub const AF_UNIX: i32 = 1;
/// `AF_INET`.
pub const AF_INET: i32 = 2;
/// `AF_INET6`.
pub const AF_INET6: i32 = 10;
/// `AF_NETLINK`.
pub const AF_NETLINK: i32 = 16;
/// `AF_PACKET`.
pub const AF_PACKET: i32 = 17;
/// `AF_XDP`.
pub const AF_XDP: i32 = 44;
/// `SOCK_STREAM`.
pub const SOCK_STREAM: i32 = 1;
/// `SOCK_DGRAM`.
pub const SOCK_DGRAM: i32 = 2;
/// `SOCK_RAW`.
pub const SOCK_RAW: i32 = 3;
/// `SOCK_CLOEXEC`.
pub const SOCK_CLOEXEC: i32 = O_CLOEXEC;
/// `SOCK_NONBLOCK`.
pub const SOCK_NONBLOCK: i32 = O_NONBLOCK;
/// `SOL_SOCKET`.
pub const SOL_SOCKET: i32 = 1;
/// `SOL_XDP`.
pub const SOL_XDP: i32 = 283;
/// `MSG_DONTWAIT`.
pub const MSG_DONTWAIT: i32 = 0x40;
/// `SO_DETACH_FILTER`, also `SO_DETACH_BPF`.
pub const SO_DETACH_FILTER: i32 = 27;
/// `SO_LOCK_FILTER`.
pub const SO_LOCK_FILTER: i32 = 44;
/// `SO_ATTACH_BPF`.
pub const SO_ATTACH_BPF: i32 = 50;
/// `SO_ATTACH_REUSEPORT_EBPF`.
pub const SO_ATTACH_REUSEPORT_EBPF: i32 = 52;
/// `SO_DETACH_REUSEPORT_BPF`.
pub const SO_DETACH_REUSEPORT_BPF: i32 = 68;
/// `SIOCGIFNAME`.
pub const SIOCGIFNAME: u64 = 0x8910;
/// `SIOCGIFINDEX`.
pub const SIOCGIFINDEX: u64 = 0x8933;

/// `XDP_SHARED_UMEM` of a `sockaddr_xdp`.
pub const XDP_SHARED_UMEM: u16 = 1;
/// `XDP_COPY` of a `sockaddr_xdp`.
pub const XDP_COPY: u16 = 1 << 1;
/// `XDP_ZEROCOPY` of a `sockaddr_xdp`.
pub const XDP_ZEROCOPY: u16 = 1 << 2;
/// `XDP_USE_NEED_WAKEUP` of a `sockaddr_xdp`.
pub const XDP_USE_NEED_WAKEUP: u16 = 1 << 3;
/// `XDP_RING_NEED_WAKEUP` of a ring's flags.
pub const XDP_RING_NEED_WAKEUP: u32 = 1;
/// `XDP_OPTIONS_ZEROCOPY` of the option `XDP_OPTIONS`.
pub const XDP_OPTIONS_ZEROCOPY: u32 = 1;
/// `XDP_MMAP_OFFSETS`.
pub const XDP_MMAP_OFFSETS: i32 = 1;
/// `XDP_RX_RING`.
pub const XDP_RX_RING: i32 = 2;
/// `XDP_TX_RING`.
pub const XDP_TX_RING: i32 = 3;
/// `XDP_UMEM_REG`.
pub const XDP_UMEM_REG: i32 = 4;
/// `XDP_UMEM_FILL_RING`.
pub const XDP_UMEM_FILL_RING: i32 = 5;
/// `XDP_UMEM_COMPLETION_RING`.
pub const XDP_UMEM_COMPLETION_RING: i32 = 6;
/// `XDP_STATISTICS`.
pub const XDP_STATISTICS: i32 = 7;
/// `XDP_OPTIONS`.
pub const XDP_OPTIONS: i32 = 8;
/// `XDP_PGOFF_RX_RING`.
pub const XDP_PGOFF_RX_RING: u64 = 0;
/// `XDP_PGOFF_TX_RING`.
pub const XDP_PGOFF_TX_RING: u64 = 0x8000_0000;
/// `XDP_UMEM_PGOFF_FILL_RING`.
pub const XDP_UMEM_PGOFF_FILL_RING: u64 = 0x1_0000_0000;
/// `XDP_UMEM_PGOFF_COMPLETION_RING`.
pub const XDP_UMEM_PGOFF_COMPLETION_RING: u64 = 0x1_8000_0000;

/// `PERF_TYPE_HARDWARE`.
pub const PERF_TYPE_HARDWARE: u32 = 0;
/// `PERF_TYPE_SOFTWARE`.
pub const PERF_TYPE_SOFTWARE: u32 = 1;
/// `PERF_TYPE_TRACEPOINT`.
pub const PERF_TYPE_TRACEPOINT: u32 = 2;
/// `PERF_TYPE_HW_CACHE`.
pub const PERF_TYPE_HW_CACHE: u32 = 3;
/// `PERF_TYPE_RAW`.
pub const PERF_TYPE_RAW: u32 = 4;
/// `PERF_TYPE_BREAKPOINT`.
pub const PERF_TYPE_BREAKPOINT: u32 = 5;
/// `PERF_FORMAT_TOTAL_TIME_ENABLED`.
pub const PERF_FORMAT_TOTAL_TIME_ENABLED: u64 = 1;
/// `PERF_FORMAT_TOTAL_TIME_RUNNING`.
pub const PERF_FORMAT_TOTAL_TIME_RUNNING: u64 = 1 << 1;
/// `PERF_COUNT_SW_CPU_CLOCK`.
pub const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
/// `PERF_COUNT_SW_BPF_OUTPUT`.
pub const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
/// `PERF_SAMPLE_RAW`.
pub const PERF_SAMPLE_RAW: u64 = 1 << 10;
/// `PERF_FLAG_FD_CLOEXEC`.
pub const PERF_FLAG_FD_CLOEXEC: u64 = 8;
/// `PERF_FLAG_PID_CGROUP`.
pub const PERF_FLAG_PID_CGROUP: u64 = 4;
/// `PERF_EVENT_IOC_ENABLE`.
pub const PERF_EVENT_IOC_ENABLE: u64 = 0x2400;
/// `PERF_EVENT_IOC_DISABLE`.
pub const PERF_EVENT_IOC_DISABLE: u64 = 0x2401;
/// `PERF_EVENT_IOC_ID`.
pub const PERF_EVENT_IOC_ID: u64 = 0x8008_2407;
/// `PERF_EVENT_IOC_SET_BPF`.
pub const PERF_EVENT_IOC_SET_BPF: u64 = 0x4004_2408;

/// `PERF_EVENT_IOC_PAUSE_OUTPUT`.
pub const PERF_EVENT_IOC_PAUSE_OUTPUT: u64 = 0x4004_2409;

/// `BPF_FS_MAGIC`.
pub const BPF_FS_MAGIC: u64 = 0xcafe_4a11;
/// `SYSFS_MAGIC`.
pub const SYSFS_MAGIC: u64 = 0x6265_6572;
/// `TRACEFS_MAGIC`.
pub const TRACEFS_MAGIC: u64 = 0x7472_6163;
/// `DEBUGFS_MAGIC`.
pub const DEBUGFS_MAGIC: u64 = 0x6462_6720;
/// `CGROUP2_SUPER_MAGIC`.
pub const CGROUP2_SUPER_MAGIC: u64 = 0x6367_7270;
/// `AT_PAGESZ` of the auxiliary vector.
pub const AT_PAGESZ: u64 = 6;
/// `RLIMIT_MEMLOCK`.
pub const RLIMIT_MEMLOCK: i32 = 8;
