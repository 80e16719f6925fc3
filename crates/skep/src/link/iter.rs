//! Iterators: programs that run once for each object of a kind, and what they write.

use super::{Held, Hook, Link};
use crate::error::Context;
use crate::map::Map;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Errno, Result};
use alloc::string::ToString;
use alloc::vec::Vec;
use skep_codec::uapi::linux::O_RDONLY;
use skep_sys::bpf::{self, IterTarget, LinkExtra, LinkParams, Target};
use skep_sys::{Fd, file};

/// What an iterator program goes over: the kind of object that it was loaded for, all of them or
/// some.
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "bpf_iter_attach_opts")]
pub struct Iter<'a> {
    target: Option<IterTarget<'a>>,
}

impl<'a> Iter<'a> {
    /// All objects of its kind.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE` with `BPF_TRACE_ITER`, since Linux 5.8.
    #[inline]
    pub fn all() -> Self {
        Self::default()
    }

    /// The elements of this map (`iter/bpf_map_elem`, `iter/sockmap`, ...).
    ///
    /// # Errors
    /// When attached: `EINVAL` if the program's buffers do not fit the map's keys and values.
    #[inline]
    pub fn over_map(map: &'a Map) -> Self {
        Self::over(IterTarget::Map(map.fd()))
    }

    /// One process, or one thread of it (`iter/task`, `iter/task_file`, `iter/task_vma`).
    ///
    /// # Kernel
    /// Since Linux 6.1; before, all tasks are gone over.
    #[inline]
    pub fn of_process(pid: u32) -> Self {
        Self::over(IterTarget::Task {
            tid: 0,
            pid,
            pid_fd: None,
        })
    }

    /// One thread, whatever process it is of.
    ///
    /// # Kernel
    /// Since Linux 6.1; before, all tasks are gone over.
    #[inline]
    pub fn of_thread(tid: u32) -> Self {
        Self::over(IterTarget::Task {
            tid,
            pid: 0,
            pid_fd: None,
        })
    }

    /// A cgroup, by its id (the inode number of its directory; 0 is the root of all), and those
    /// that `order` takes in (`iter/cgroup`).
    ///
    /// # Errors
    /// When attached: `ENOENT` if there is no such cgroup.
    ///
    /// # Kernel
    /// Since Linux 6.1.
    #[inline]
    pub fn of_cgroup(id: u64, order: CgroupOrder) -> Self {
        Self::over(IterTarget::Cgroup {
            order: order as u32,
            fd: None,
            id,
        })
    }

    /// Any target.
    #[inline]
    pub fn over(target: IterTarget<'a>) -> Self {
        Self {
            target: Some(target),
        }
    }
}

/// Which cgroups are gone over beside one, and in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "bpf_cgroup_iter_order")]
pub enum CgroupOrder {
    /// None.
    SelfOnly = 1,
    /// All below it, each before those below itself.
    DescendantsPre = 2,
    /// All below it, each after those below itself, and it last.
    DescendantsPost = 3,
    /// All above it, up to the root.
    AncestorsUp = 4,
}

impl Hook for Iter<'_> {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let fd = bpf::link_create(&LinkParams {
            prog: program.fd(),
            target: Target::None,
            attach_type: AttachType::TRACE_ITER,
            flags: 0,
            extra: self.target.map_or(LinkExtra::None, LinkExtra::Iter),
        })?;
        let hook = match program.declared().and_then(|d| d.target.as_deref()) {
            Some(target) => format!("iterator {target}"),
            None => "iterator".to_string(),
        };
        Ok(Link::new(program, hook, Held::Bpf(fd)))
    }
}

impl Link {
    /// Starts to go over the objects of an iterator's link, from the first on: what the program
    /// writes is read.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if it is no BPF link; `EINVAL`:
    /// no iterator's.
    ///
    /// # Kernel
    /// `BPF_ITER_CREATE`, since Linux 5.8.
    #[doc(alias = "bpf_iter_create")]
    #[inline]
    pub fn iter(&self) -> Result<IterReader> {
        let fd = bpf::iter_create(self.bpf_fd()?, 0);
        fd.map(IterReader)
            .context(format_args!("iterate by {self}"))
    }
}

/// What an iterator program writes, read like a file: once, to its end. Reading runs the program.
#[derive(Debug)]
pub struct IterReader(Fd);

impl IterReader {
    /// Starts to go over the objects of an iterator whose link is pinned at this path. (Any process
    /// can, by reading the path like a file.)
    ///
    /// # Errors
    /// `EIO`: what is pinned there is no iterator's link.
    ///
    /// # Kernel
    /// open(2) of a pinned link, since Linux 5.8.
    #[inline]
    pub fn from_pin(system: &System, path: &str) -> Result<Self> {
        let fd = file::open(system.kernel(), &c_string(path)?, O_RDONLY, 0);
        fd.map(Self)
            .context(format_args!("open pinned iterator {path}"))
    }

    /// Reads into `buf`; 0 is the end. What the program writes for one object is cut only if it
    /// does not fit.
    #[inline]
    pub fn read(&self, buf: &mut [u8]) -> Result<usize> {
        loop {
            match file::read(&self.0, buf) {
                // A hundred thousand objects without a word: there are more.
                Err(error) if error.errno == Errno::EAGAIN => {}
                answer => return answer.context("read an iterator"),
            }
        }
    }

    /// Reads everything, at most `limit` bytes.
    ///
    /// # Errors
    /// `EFBIG`: there is more.
    #[inline]
    pub fn read_to_end(&self, limit: usize) -> Result<Vec<u8>> {
        let (mut all, mut part) = (Vec::new(), alloc::vec![0; PART]);
        loop {
            let len = self.read(&mut part)?;
            if len == 0 {
                return Ok(all);
            }
            all.extend_from_slice(part.get(..len).unwrap_or_default());
            if all.len() > limit {
                let error = skep_sys::CallError::new("read", Errno::EFBIG);
                return Err(error).context("read an iterator");
            }
        }
    }

    /// Its descriptor; nothing to wait on: what it reads is there at once.
    #[inline]
    pub fn fd(&self) -> &Fd {
        &self.0
    }
}

/// More than the kernel's own buffer, of eight pages, where pages are small.
const PART: usize = 64 << 10;
