//! A kernel and what is known of it.

pub(crate) mod binary;
mod config;
pub(crate) mod kallsyms;
mod kept;
pub(crate) mod mappings;
pub(crate) mod parts;
mod version;

pub use config::KernelConfig;

use crate::answer::Probes;
use crate::error::Context;
use crate::token::Token;
use crate::{Error, ErrorKind, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kept::Kept;
use skep_codec::Errno;
use skep_codec::btf::Btf;
use skep_sys::bpf::{self, CpuCount, ObjKind};
use skep_sys::file::PossibleCpus;
use skep_sys::once::Once;
use skep_sys::{Fd, KernelRef, file, process};

/// A kernel plus what has been learnt about it: its BTF, its CPUs, what it can do. Cheap to
/// clone; clones share what they learn. There are no statics: two systems know nothing of each
/// other.
#[derive(Clone)]
pub struct System(Arc<Inner>, Memlock);

/// Whether `RLIMIT_MEMLOCK` may be raised where it counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Memlock {
    Raise,
    Keep,
}

struct Inner {
    kernel: KernelRef,
    page_size: usize,
    cpus: Once<PossibleCpus>,
    cpu_count: Once<CpuCount>,
    kernel_btf: Once<Arc<Btf>>,
    modules: Kept<Arc<Btf>>,
    version: Once<u32>,
    probes: Probes,
    token_source: Token,
    token: Once<Option<Arc<Fd>>>,
}

impl System {
    /// The kernel that this process runs on.
    ///
    /// # Errors
    /// Only if `/proc/self/auxv` is there and cannot be read; privilege is not looked at here.
    /// [`ErrorKind::Unsupported`] where it is no Linux: objects are opened and looked at there too,
    /// and loaded into a kernel of the caller's ([`System::new`]).
    pub fn host() -> Result<Self> {
        if cfg!(not(any(target_os = "linux", target_os = "android"))) {
            let what = "BPF is of Linux, and this system has another kernel";
            return Err(Error::new(ErrorKind::Unsupported, what));
        }
        Self::new(skep_sys::host())
    }

    /// Any kernel: a decorated one, a table of functions, a simulated one.
    ///
    /// # Errors
    /// See [`System::host`].
    pub fn new(kernel: KernelRef) -> Result<Self> {
        let page_size = file::page_size(&kernel).context("ask for the page size")?;
        Ok(Self::knowing_nothing(kernel, page_size, Token::Auto))
    }

    fn knowing_nothing(kernel: KernelRef, page_size: usize, token_source: Token) -> Self {
        let inner = Inner {
            kernel,
            page_size,
            cpus: Once::new(),
            cpu_count: Once::new(),
            kernel_btf: Once::new(),
            modules: Kept::default(),
            version: Once::new(),
            probes: Probes::default(),
            token_source,
            token: Once::new(),
        };
        Self(Arc::new(inner), Memlock::Raise)
    }

    /// The same kernel, asked with a BPF token from this source. It learns anew what it can do:
    /// that depends on the token.
    #[doc(alias = "bpf_token_path")]
    pub fn with_token(&self, source: Token) -> Self {
        let (kernel, page_size) = (self.0.kernel.clone(), self.0.page_size);
        let other = Self::knowing_nothing(kernel, page_size, source);
        Self(other.0, self.1)
    }

    /// The same kernel and all that is known of it, but the limit of locked memory stays as it is.
    ///
    /// Kernels before Linux 5.11 count maps and programs against `RLIMIT_MEMLOCK`: there a system
    /// raises it, if this process may, when something is refused for want of it. With this one that
    /// is refused for good, and a probe to which it matters answers
    /// [`Answer::Unknown`](crate::probe::Answer::Unknown).
    #[doc(alias = "libbpf_set_memlock_rlim")]
    pub fn keeping_memlock(&self) -> Self {
        Self(self.0.clone(), Memlock::Keep)
    }

    /// Whether `RLIMIT_MEMLOCK` may be raised where it counts.
    pub(crate) fn may_raise_memlock(&self) -> bool {
        self.1 == Memlock::Raise
    }

    /// The BPF token that maps, programs and BTF are loaded with; got when it is first needed.
    ///
    /// # Errors
    /// If a certain one is wanted ([`Token::Path`], or by the environment) that is not to be had.
    pub fn token(&self) -> Result<Option<&Fd>> {
        let get = || self.0.token_source.open(&self.0.kernel);
        Ok(self.0.token.get_or_try_init(get)?.as_deref())
    }

    /// The kernel.
    pub fn kernel(&self) -> &KernelRef {
        &self.0.kernel
    }

    /// Bytes in a page.
    pub fn page_size(&self) -> usize {
        self.0.page_size
    }

    /// CPUs that can ever be there, by what the kernel's files say. (How many values a per-CPU map has
    /// is measured: [`Map::values_per_key`](crate::Map::values_per_key).)
    ///
    /// # Errors
    /// If `/sys/devices/system/cpu/possible` cannot be read.
    pub fn possible_cpus(&self) -> Result<u32> {
        let read = || file::possible_cpus(&self.0.kernel);
        let cpus = self.0.cpus.get_or_try_init(read);
        Ok(cpus.context("count the possible CPUs")?.count())
    }

    /// Where it is kept how many values a per-CPU map has, once it is measured.
    pub(crate) fn cpu_count_cell(&self) -> &Once<CpuCount> {
        &self.0.cpu_count
    }

    /// Nanoseconds of `CLOCK_MONOTONIC`, which `bpf_ktime_get_ns` counts too.
    pub fn now_ns(&self) -> Result<u64> {
        Ok(process::now_ns(&self.0.kernel)?)
    }

    /// What has been learnt by trying.
    pub(crate) fn probes(&self) -> &Probes {
        &self.0.probes
    }

    /// Where the kernel's BTF is kept once it is open.
    pub(crate) fn btf_cell(&self) -> &Once<Arc<Btf>> {
        &self.0.kernel_btf
    }

    /// Where modules' BTF is kept by its id.
    pub(crate) fn modules(&self) -> &Kept<Arc<Btf>> {
        &self.0.modules
    }

    /// Where the kernel's version is kept once it has been asked for.
    fn version(&self) -> &Once<u32> {
        &self.0.version
    }

    pub(crate) fn fd_by_id(&self, kind: ObjKind, id: u32) -> skep_sys::Result<Fd> {
        bpf::fd_by_id(&self.0.kernel, kind, id, 0, None)
    }

    /// [`System::fd_by_id`] for a caller who may have any id: what is not there is told.
    pub(crate) fn open_id(&self, kind: ObjKind, what: &str, id: u32) -> Result<Fd> {
        self.fd_by_id(kind, id).map_err(|error| match error.errno {
            Errno::ENOENT => {
                let missing = format!("no {what} has the id {id}");
                Error::from(error).explained(ErrorKind::NotFound, missing)
            }
            _ => Error::from(error).context(format_args!("{what} {id}")),
        })
    }

    /// The ids of one kind, ascending; an error is the last.
    pub(crate) fn ids(&self, kind: ObjKind) -> impl Iterator<Item = skep_sys::Result<u32>> {
        let mut at = Some(0);
        core::iter::from_fn(move || {
            let before = at.take()?;
            let found = bpf::next_id(&self.0.kernel, kind, before).transpose()?;
            // A list that does not ascend would have no end.
            at = found.ok().filter(|id| *id > before);
            Some(found)
        })
    }

    /// What is known of each thing of one kind; what vanishes between its id and its information
    /// is left out.
    pub(crate) fn each<T>(&self, kind: ObjKind, info: impl Fn(u32) -> Result<T>) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for id in self.ids(kind) {
            match info(id?) {
                Ok(info) => all.push(info),
                Err(error) if gone(error.errno()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

impl core::fmt::Debug for System {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("System")
    }
}

/// `ENOENT`: it is gone already; `EAGAIN`: it is on its way (a link without an id yet).
pub(crate) fn gone(errno: Option<Errno>) -> bool {
    matches!(errno, Some(Errno::ENOENT | Errno::EAGAIN))
}

/// Refuses a name that cannot be passed to the kernel.
pub(crate) fn c_string(text: &str) -> Result<alloc::ffi::CString> {
    alloc::ffi::CString::new(text).map_err(|_| {
        let what = format!("`{}` has a NUL byte", text.escape_debug());
        Error::new(ErrorKind::Invalid, what)
    })
}
