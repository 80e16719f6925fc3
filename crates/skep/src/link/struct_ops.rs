//! Kernel structs of functions whose functions are programs.

use super::{Attached, Held, Link};
use crate::error::Context;
use crate::map::{ElemFlags, Map};
use crate::prog::Program;
use crate::{AttachType, Error, ErrorKind, Result};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use skep_codec::Errno;
use skep_codec::uapi::flags;
use skep_sys::bpf::{self, LinkExtra, LinkParams, Target};

/// A `struct_ops` map of an object, with the value that attaching gives it.
#[derive(Clone, Debug)]
pub struct StructOps {
    map: Map,
    /// The kernel's struct; descriptors of programs stand where its functions are.
    value: Vec<u8>,
    /// The programs, kept open as long as the value names them.
    programs: Vec<Program>,
    pub(crate) autoattach: bool,
}

const KEY: [u8; 4] = 0_u32.to_ne_bytes();

impl StructOps {
    /// `funcs`: the bytes of `value` that are each program's.
    #[inline]
    pub(crate) fn new(
        map: Map,
        mut value: Vec<u8>,
        funcs: &[(Range<usize>, Program)],
        autoattach: bool,
    ) -> Self {
        for (range, program) in funcs {
            let fd = program.fd().raw() as usize;
            if let Some(place) = value.get_mut(range.clone())
                && let Ok(place) = <&mut [u8; size_of::<usize>()]>::try_from(place)
            {
                *place = fd.to_ne_bytes();
            }
        }
        Self {
            map,
            value,
            programs: funcs.iter().map(|(_, program)| program.clone()).collect(),
            autoattach,
        }
    }

    /// Name of the map.
    #[inline]
    pub fn name(&self) -> &str {
        self.map.name()
    }

    /// The map.
    #[inline]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The programs that are its functions.
    #[inline]
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Whether it attaches by a link (`.struct_ops.link`), not by the update of its map.
    #[inline]
    pub fn has_link(&self) -> bool {
        self.map.shape().map_flags & flags::LINK != 0
    }

    /// Registers it with the kernel, until the link is dropped.
    ///
    /// # Errors
    /// `EEXIST`: the name that the struct has is taken; `EINVAL`: the kernel's subsystem wants
    /// other functions.
    ///
    /// # Kernel
    /// `BPF_MAP_UPDATE_ELEM`, since Linux 5.6; with a link `BPF_LINK_CREATE` too, since 6.4.
    #[inline]
    pub fn attach(&self) -> Result<Link> {
        let what = &self.doing("attach");
        self.set().context(what)?;
        let held = if self.has_link() {
            let link = bpf::link_create(&LinkParams {
                prog: self.map.fd(),
                target: Target::None,
                attach_type: AttachType::STRUCT_OPS,
                flags: 0,
                extra: LinkExtra::None,
            });
            Held::Bpf(link.context(what)?)
        } else {
            Held::StructOps(self.map.clone())
        };
        let attached = Attached::StructOps(self.map.clone());
        Ok(Link::new(attached, String::from("struct_ops"), held))
    }

    #[inline]
    fn set(&self) -> Result<()> {
        match self.map.update(&KEY, &self.value, ElemFlags::ANY) {
            // Its value was set for a link before, and has not changed: it cannot.
            Err(error) if self.has_link() && error.errno() == Some(Errno::EBUSY) => Ok(()),
            set => set,
        }
    }

    #[inline]
    fn doing(&self, verb: &str) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{verb} struct_ops `{}`", self.name()))
    }
}

impl Link {
    /// Puts another struct of the same kind in the place of the one attached, at one blow.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: this is no link of a `struct_ops` map, or the other map has no
    /// link. `EINVAL`: another kind of struct, or another name.
    ///
    /// # Kernel
    /// `BPF_LINK_UPDATE`, for `struct_ops` since Linux 6.4.
    #[doc(alias = "bpf_link__update_map")]
    #[inline]
    pub fn update_struct_ops(&mut self, new: &StructOps) -> Result<()> {
        let what = &new.doing("change to");
        let (Attached::StructOps(_), true) = (&self.attached, new.has_link()) else {
            let what = "only a link of a struct_ops map takes another one";
            return Err(Error::new(ErrorKind::Unsupported, what));
        };
        let link = self.bpf_fd().context(what)?;
        new.set().context(what)?;
        bpf::link_update(link, new.map.fd(), None).context(what)?;
        self.attached = Attached::StructOps(new.map.clone());
        Ok(())
    }
}

/// Takes a struct that has no link out of the kernel.
#[inline]
pub(super) fn unregister(map: &Map) -> Result<bool> {
    map.delete(&KEY)
}
