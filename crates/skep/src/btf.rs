//! Where BTF comes from: the running kernel, its modules, objects in it.

use crate::error::Context;
use crate::system::System;
use crate::{Error, ErrorKind, Result};
use alloc::string::ToString;
use alloc::sync::Arc;
use skep_codec::Errno;
use skep_codec::btf::{Blob, Btf, Kind, TypeId};
use skep_sys::bpf::{self, ObjKind};
use skep_sys::file;

const VMLINUX: &core::ffi::CStr = c"/sys/kernel/btf/vmlinux";

impl System {
    /// The kernel's own types, mapped (or, before Linux 6.16, read) the first time they are
    /// asked for.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a kernel without `CONFIG_DEBUG_INFO_BTF`.
    pub fn kernel_btf(&self) -> Result<&Arc<Btf>> {
        self.btf_cell().get_or_try_init(|| open_kernel(self))
    }

    /// The BTF object with this id (of a map or program), read into memory.
    pub fn btf_by_id(&self, id: u32) -> Result<Arc<Btf>> {
        by_id(self, id)
    }
}

/// Opens the kernel's BTF: mapped where the kernel allows it (since Linux 6.16), else read.
fn open_kernel(system: &System) -> Result<Arc<Btf>> {
    let what = || "open the kernel's BTF, /sys/kernel/btf/vmlinux".to_string();
    let blob: Blob = match file::kernel_btf(system.kernel(), VMLINUX) {
        Err(error) if error.errno == Errno::ENOENT => {
            let what = "this kernel has no BTF (/sys/kernel/btf/vmlinux; CONFIG_DEBUG_INFO_BTF)";
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        blob => blob.context(what)?,
    };
    Ok(Arc::new(Btf::parse(blob, None).context(what)?))
}

/// The BTF object with this id.
fn by_id(system: &System, id: u32) -> Result<Arc<Btf>> {
    let what = || alloc::format!("BTF object {id}");
    let fd = system.fd_by_id(ObjKind::Btf, id).context(what)?;
    let info = bpf::btf_info(&fd).context(what)?;
    // A module's BTF continues the kernel's; a program's or map's stands alone.
    let base = match info.kernel && info.name != "vmlinux" {
        true => Some(system.kernel_btf()?.clone()),
        false => None,
    };
    let data = bpf::btf_data(&fd).context(what)?;
    Ok(Arc::new(Btf::parse(Arc::new(data), base).context(what)?))
}

/// The id of a kernel type that a program attaches to or that a name refers to.
pub(crate) fn kernel_type(system: &System, name: &str, kind: Kind) -> Result<TypeId> {
    system.kernel_btf()?.find(name, Some(kind)).ok_or_else(|| {
        let what = alloc::format!("the kernel's BTF has no {kind:?} `{name}`");
        Error::new(ErrorKind::NotFound, what)
    })
}
