//! tracefs, where it is mounted or on a mount that only this process sees.

use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Where tracefs is usually mounted.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// A way into tracefs.
pub(crate) struct Tracefs {
    root: String,
    /// The mount has no place in any directory and goes away with this descriptor.
    _mount: Option<OwnedFd>,
}

impl Tracefs {
    /// Finds the usual mount, or makes one of this process's own (Linux 5.2, `CAP_SYS_ADMIN`).
    pub(crate) fn find() -> io::Result<Self> {
        let mounted = |place: &&&str| Path::new(place).join("events").exists();
        if let Some(place) = PLACES.iter().find(mounted) {
            return Ok(Self {
                root: (*place).to_owned(),
                _mount: None,
            });
        }
        let context = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        let mount = fsmount(&context, flags, MountAttrFlags::empty())?;
        Ok(Self {
            root: format!("/proc/self/fd/{}", mount.as_raw_fd()),
            _mount: Some(mount),
        })
    }

    /// Its root directory, as this process sees it.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }
}
