//! Cgroups: programs that decide for the processes of a cgroup and of those below it.

mod explain;
mod hold;
mod mode;
mod query;

pub use mode::CgroupMode;

use super::Order;
use crate::error::Context;
use crate::prog::Program;
use crate::system::{System, c_string};
use crate::{AttachType, Result};
use alloc::string::{String, ToString};
use core::fmt;
use skep_codec::uapi::linux::{O_DIRECTORY, O_RDONLY};
use skep_sys::{Fd, file};

/// A cgroup of version 2, for programs of every type that attaches there: packets, sockets and
/// their addresses and options, sysctl, devices, LSM.
///
/// What a program does there is what its section says (`cgroup/connect4`), or
/// [`Cgroup::attach_type`].
///
/// ```no_run
/// # fn example(object: &skep::Object) -> Result<(), skep::Error> {
/// use skep::link::{Cgroup, Order};
/// let web = Cgroup::open("/sys/fs/cgroup/web").order(Order::first());
/// let link = object.program("connect4")?.attach_to(&web)?;
/// # drop(link);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Cgroup<'a> {
    dir: Dir<'a>,
    attach_type: Option<AttachType>,
    mode: CgroupMode,
    order: Order<'a>,
    preorder: bool,
    replaced: Option<&'a Program>,
}

#[derive(Clone, Debug)]
enum Dir<'a> {
    Path(String),
    Fd(&'a Fd),
}

impl<'a> Cgroup<'a> {
    /// The cgroup whose directory this is; opened when it is needed.
    ///
    /// # Errors
    /// When attached: `ENOENT` if there is none; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid)
    /// if it is no cgroup of version 2; `EPERM` if one above has a program that lets none below
    /// ([`CgroupMode::Single`]), or this one has programs in another mode.
    ///
    /// # Kernel
    /// `BPF_LINK_CREATE`, for cgroups since Linux 5.7 (`CONFIG_CGROUP_BPF`); `CAP_NET_ADMIN`.
    #[inline]
    pub fn open(path: &str) -> Self {
        Self::new(Dir::Path(path.to_string()))
    }

    /// The cgroup whose directory is open here. A link needs it no longer.
    ///
    /// # Errors
    /// See [`Cgroup::open`].
    #[inline]
    pub fn at(dir: &'a Fd) -> Self {
        Self::new(Dir::Fd(dir))
    }

    /// Attached as this, whatever the program's section says: what `cgroup/skb` is to see, or what
    /// a program is for that was found in the kernel.
    #[must_use]
    #[inline]
    pub fn attach_type(mut self, attach_type: AttachType) -> Self {
        self.attach_type = Some(attach_type);
        self
    }

    /// Held in this way; by a BPF link unless said.
    #[must_use]
    #[inline]
    pub fn mode(mut self, mode: CgroupMode) -> Self {
        self.mode = mode;
        self
    }

    /// At this place among the programs of this cgroup. A link goes before or after a link, what is
    /// held without one before or after a program that is so, too.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) on kernels without;
    /// those of [`Order`].
    ///
    /// # Kernel
    /// Since Linux 6.17.
    #[must_use]
    #[inline]
    pub fn order(mut self, order: Order<'a>) -> Self {
        self.order = order;
        self
    }

    /// Before programs of cgroups below, which go before those of cgroups above else.
    ///
    /// # Errors
    /// When attached: [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) on kernels without.
    ///
    /// # Kernel
    /// `BPF_F_PREORDER`, since Linux 6.15.
    #[must_use]
    #[doc(alias = "BPF_F_PREORDER")]
    #[inline]
    pub fn preorder(mut self) -> Self {
        self.preorder = true;
        self
    }

    /// In the place of this program, which [`CgroupMode::Multi`] holds. (A link takes another one
    /// by [`Link::update`](super::Link::update).)
    ///
    /// # Errors
    /// When attached: `ENOENT` if it is not attached there.
    ///
    /// # Kernel
    /// `BPF_F_REPLACE` of `BPF_PROG_ATTACH`, since Linux 5.6.
    #[must_use]
    #[doc(alias = "BPF_F_REPLACE")]
    #[inline]
    pub fn replacing(mut self, old: &'a Program) -> Self {
        self.replaced = Some(old);
        self
    }

    #[inline]
    fn new(dir: Dir<'a>) -> Self {
        Self {
            dir,
            attach_type: None,
            mode: CgroupMode::default(),
            order: Order::default(),
            preorder: false,
            replaced: None,
        }
    }

    #[inline]
    fn with_dir<T>(&self, system: &System, run: impl FnOnce(&Fd) -> Result<T>) -> Result<T> {
        let opened;
        let dir = match &self.dir {
            Dir::Fd(dir) => *dir,
            Dir::Path(path) => {
                let (path, flags) = (c_string(path)?, O_RDONLY | O_DIRECTORY);
                opened = file::open(system.kernel(), &path, flags, 0)
                    .context(format_args!("open {}", self.named()))?;
                &opened
            }
        };
        run(dir)
    }

    /// How the cgroup is called.
    #[inline]
    fn named(&self) -> impl fmt::Display {
        fmt::from_fn(|f| match &self.dir {
            Dir::Path(path) => write!(f, "cgroup {path}"),
            Dir::Fd(_) => f.write_str("a cgroup"),
        })
    }
}
