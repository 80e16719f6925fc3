//! How programs are attached.

/// How a program is attached. [`Verb::is_automatic`] says for which the section's name is enough.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Not at all, or only by something that is not a link (a route, a queue discipline).
    None,
    /// Test-run or run by a system call.
    Run,
    /// A socket.
    Socket,
    /// A group of sockets that share a port.
    Reuseport,
    /// A kernel function, perf event.
    Kprobe,
    /// Several kernel functions, one link.
    KprobeMulti,
    /// A system call's handler.
    Ksyscall,
    /// A user function, perf event.
    Uprobe,
    /// Several user functions, one link.
    UprobeMulti,
    /// A statically defined user probe.
    Usdt,
    /// A tracepoint, perf event.
    Tracepoint,
    /// A raw tracepoint by name.
    RawTracepoint,
    /// What the program was loaded for, by BTF id: `tp_btf`, `fentry`, `fexit`, `fmod_ret`.
    Tracing,
    /// Several kernel functions by BTF id.
    TracingMulti,
    /// A function of another program.
    Freplace,
    /// A security hook.
    Lsm,
    /// A security hook, for a cgroup.
    LsmCgroup,
    /// An iterator.
    Iter,
    /// An interface's XDP hook.
    Xdp,
    /// A slot of a device map or CPU map.
    XdpMap,
    /// An interface's traffic control hook (tcx, or clsact where the kernel is older).
    Tc,
    /// A netkit device.
    Netkit,
    /// A perf event that the caller opens.
    PerfEvent,
    /// A cgroup.
    Cgroup,
    /// A socket map.
    Sockmap,
    /// A network namespace.
    Netns,
    /// An infrared device.
    Lirc,
    /// Run by a route, which the caller gives.
    Route,
    /// A netfilter hook.
    Netfilter,
    /// With the `struct_ops` map that holds it.
    StructOps,
    /// As the caller does it, whose own section name it is.
    Custom,
}

impl Verb {
    /// Whether the section's name can say all that attaching needs.
    pub const fn is_automatic(self) -> bool {
        use Verb::{
            Freplace, Iter, Kprobe, KprobeMulti, Ksyscall, Lsm, RawTracepoint, Tracepoint, Tracing,
            TracingMulti, Uprobe, UprobeMulti, Usdt,
        };
        matches!(
            self,
            Kprobe
                | KprobeMulti
                | Ksyscall
                | Uprobe
                | UprobeMulti
                | Usdt
                | Tracepoint
                | RawTracepoint
                | Tracing
                | TracingMulti
                | Freplace
                | Lsm
                | Iter
        )
    }
}
