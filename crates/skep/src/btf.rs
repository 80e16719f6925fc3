//! Where BTF comes from: the running kernel, its modules, objects in it.

mod modules;
mod names;

pub(crate) use modules::{KernelTypes, Place};
/// What the kernel says of a set of types.
pub use skep_sys::bpf::BtfInfo;

use crate::error::Context;
use crate::system::parts::Parts;
use crate::system::{System, c_string};
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::btf::Btf;
use skep_codec::uapi::linux::O_RDONLY;
use skep_codec::{Errno, elf};
use skep_sys::bpf::{self, ObjKind};
use skep_sys::{file, process};

const VMLINUX: &core::ffi::CStr = c"/sys/kernel/btf/vmlinux";

impl System {
    /// The kernel's own types, mapped (or, before Linux 6.16, read) the first time they are
    /// asked for. Of a kernel that does not show them, those of its image in `/boot` and the other
    /// places where distributions put it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with every path that was tried.
    pub fn kernel_btf(&self) -> Result<&Arc<Btf>> {
        self.btf_cell().get_or_try_init(|| open_kernel(self))
    }

    /// The types in a file: raw BTF, or a 64-bit ELF file (a kernel with debug information, an
    /// object) that has them in its section `.BTF`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a file without types.
    pub fn btf_file(&self, path: &str) -> Result<Arc<Btf>> {
        read_types(self, path).context(path)
    }

    /// The BTF object with this id (of a map or program), read into memory.
    pub fn btf_by_id(&self, id: u32) -> Result<Arc<Btf>> {
        by_id(self, id)
    }

    /// Every set of types in the kernel now, in order of id: its own, modules', programs'. Needs
    /// `CAP_SYS_ADMIN`.
    #[inline]
    pub fn btfs(&self) -> Result<Vec<BtfInfo>> {
        let info = |id| Ok(bpf::btf_info(&self.fd_by_id(ObjKind::Btf, id)?)?);
        self.each(ObjKind::Btf, info).context("list types")
    }
}

/// Where the image of a kernel of this release may be, by libbpf's list.
fn images(release: &str) -> [String; 7] {
    [
        format!("/boot/vmlinux-{release}"),
        format!("/lib/modules/{release}/vmlinux-{release}"),
        format!("/lib/modules/{release}/build/vmlinux"),
        format!("/usr/lib/modules/{release}/kernel/vmlinux"),
        format!("/usr/lib/debug/boot/vmlinux-{release}"),
        format!("/usr/lib/debug/boot/vmlinux-{release}.debug"),
        format!("/usr/lib/debug/lib/modules/{release}/vmlinux"),
    ]
}

/// Opens the kernel's BTF: mapped where the kernel allows it (since Linux 6.16), else read.
fn open_kernel(system: &System) -> Result<Arc<Btf>> {
    let shown = file::kernel_btf(system.kernel(), VMLINUX).map_err(Error::from);
    let mut found = shown.and_then(|blob| Ok(Arc::new(Btf::parse(blob, None)?)));
    let release = process::kernel_release(system.kernel())?;
    let mut images = images(&release).into_iter();
    let mut path = "/sys/kernel/btf/vmlinux".to_string();
    let mut tried = String::new();
    let mut kind = ErrorKind::NotFound;
    loop {
        let error = match found {
            Ok(btf) => return Ok(btf),
            Err(error) => error,
        };
        // What is there and cannot be read is another trouble than nothing.
        if kind == ErrorKind::NotFound && error.errno() != Some(Errno::ENOENT) {
            kind = error.kind();
        }
        let separator = if tried.is_empty() { "" } else { ", " };
        tried.push_str(&format!("{separator}{path} ({error})"));
        let Some(next) = images.next() else {
            let what = "no types of this kernel (CONFIG_DEBUG_INFO_BTF)";
            return Err(Error::new(kind, format!("{what}: tried {tried}")));
        };
        found = read_types(system, &next);
        path = next;
    }
}

/// The types in a file, raw or in a section.
fn read_types(system: &System, path: &str) -> Result<Arc<Btf>> {
    const LIMIT: u64 = 1 << 28;
    let fd = file::open(system.kernel(), &c_string(path)?, O_RDONLY, 0)?;
    let is_elf = file::read_at(&fd, 0, 4)? == *b"\x7fELF";
    if !is_elf {
        let bytes = file::read_to_end(&fd, LIMIT as usize)?;
        return Ok(Arc::new(Btf::parse(Arc::new(bytes), None)?));
    }
    let place = Parts::new(&fd)?.ask(|read| elf::find_section(".BTF", read))?;
    match place {
        Some((offset, len)) if len <= LIMIT => {
            let bytes = file::read_at(&fd, offset, len as usize)?;
            Ok(Arc::new(Btf::parse(Arc::new(bytes), None)?))
        }
        _ => Err(Error::new(ErrorKind::NotFound, "no section .BTF")),
    }
}

/// The BTF object with this id.
fn by_id(system: &System, id: u32) -> Result<Arc<Btf>> {
    let what = format_args!("BTF object {id}");
    let fd = system.open_id(ObjKind::Btf, "BTF object", id)?;
    let info = bpf::btf_info(&fd).context(what)?;
    // A module's BTF continues the kernel's; a program's or map's stands alone.
    let base = match info.kernel && info.name != "vmlinux" {
        true => Some(system.kernel_btf()?.clone()),
        false => None,
    };
    let data = bpf::btf_data(&fd).context(what)?;
    Ok(Arc::new(Btf::parse(Arc::new(data), base).context(what)?))
}
