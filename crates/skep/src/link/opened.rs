//! Links that are there already; another program in a link's place.

use super::{Attached, Held, Link, LinkInfo, LinkKind};
use crate::error::Context;
use crate::pin;
use crate::prog::Program;
use crate::system::System;
use crate::{Errno, Result};
use skep_sys::Fd;
use skep_sys::bpf::{self, ObjKind};

impl Link {
    /// Takes over a link's descriptor; what it holds is asked of the kernel. Where this process may
    /// not open programs by id (`CAP_SYS_ADMIN`), [`Link::program`] is `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) or `EINVAL` if it is no link's.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET_INFO_BY_FD`, for links since Linux 5.8.
    #[inline]
    pub fn from_fd(system: &System, fd: Fd) -> Result<Self> {
        Self::told(system, pin::of_kind(fd, ObjKind::Link, "link")?)
    }

    /// As the kernel tells of it.
    #[inline]
    fn told(system: &System, fd: Fd) -> Result<Self> {
        let info = bpf::link_info(&fd).context("ask the kernel about a link")?;
        let attached = attached(system, &info)?;
        let hook = format!("{} {}", info.link_type, info.id);
        Ok(Self::new(attached, hook, Held::Bpf(fd)))
    }

    /// The link pinned at this path. The pin holds it as well: dropping this detaches nothing while
    /// the pin is there.
    ///
    /// # Errors
    /// `ENOENT`: nothing is pinned there; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid):
    /// something else is.
    ///
    /// # Kernel
    /// `BPF_OBJ_GET`, for links since Linux 5.8.
    #[doc(alias = "bpf_link__open")]
    #[inline]
    pub fn from_pin(system: &System, path: &str) -> Result<Self> {
        let fd = pin::open_as(system, path, ObjKind::Link, "link")?;
        Self::told(system, fd)
    }

    /// Puts another program in the place of the one attached, at one blow: no packet and no event
    /// is missed between them.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): it is no BPF link. `EINVAL`: the
    /// kernel changes no program in links of this type, or not to one of that type.
    ///
    /// # Kernel
    /// `BPF_LINK_UPDATE`, since Linux 5.7.
    #[doc(alias = "bpf_link__update_program")]
    #[inline]
    pub fn update(&mut self, new: &Program) -> Result<()> {
        self.put(new, None)
    }

    /// As [`Link::update`], only if the link holds `old` now.
    ///
    /// # Errors
    /// Those of [`Link::update`]; `EPERM`: it holds another one.
    ///
    /// # Kernel
    /// `BPF_LINK_UPDATE` with `BPF_F_REPLACE`, since Linux 5.7.
    #[inline]
    pub fn update_from(&mut self, old: &Program, new: &Program) -> Result<()> {
        self.put(new, Some(old))
    }

    #[inline]
    fn put(&mut self, new: &Program, old: Option<&Program>) -> Result<()> {
        let done = match (&mut self.held, &self.attached) {
            (Held::Netlink(held), Attached::Program(now)) => held.update(old.unwrap_or(now), new),
            _ => {
                bpf::link_update(self.bpf_fd()?, new.fd(), old.map(Program::fd)).map_err(Into::into)
            }
        };
        done.context(format_args!("change {self} to `{}`", new.name()))?;
        self.attached = new.into();
        Ok(())
    }

    /// Detaches it whoever else holds it: descriptors and pins stay, and hold nothing any more.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported): it is no BPF link. `EOPNOTSUPP`:
    /// not for links of this type.
    ///
    /// # Kernel
    /// `BPF_LINK_DETACH`, since Linux 5.9.
    #[doc(alias = "bpf_link__detach")]
    #[inline]
    pub fn force_detach(&self) -> Result<()> {
        bpf::link_detach(self.bpf_fd()?).context(format_args!("detach {self}"))
    }
}

/// What a link holds, as far as it may be opened.
#[inline]
fn attached(system: &System, info: &LinkInfo) -> Result<Attached> {
    let opened = match info.kind {
        LinkKind::StructOps { map_id } => system.map_by_id(map_id).map(Attached::StructOps),
        _ => system.program_by_id(info.prog_id).map(Attached::Program),
    };
    match opened {
        // Not by this process, or it was changed meanwhile.
        Err(error) if matches!(error.errno(), Some(Errno::EPERM | Errno::ENOENT)) => {
            Ok(Attached::Unseen)
        }
        opened => opened,
    }
}

impl System {
    /// The link with this id. Needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound): there is none.
    ///
    /// # Kernel
    /// `BPF_LINK_GET_FD_BY_ID`, since Linux 5.8.
    #[inline]
    pub fn link_by_id(&self, id: u32) -> Result<Link> {
        Link::told(self, self.open_id(ObjKind::Link, "link", id)?)
    }
}
