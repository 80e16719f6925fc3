//! Processes of a test's own cgroup.
#![allow(dead_code, reason = "not every test target uses every function")]

use super::common::{Cgroup, own_cgroup};
use skep::{Errno, Link, Object};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard};

/// Longer than any test takes on a busy machine.
const SECONDS: u32 = 60;

/// A cgroup of a test that goes alone: another's new process would hold its links, too.
pub(crate) struct Own {
    group: Cgroup,
    _alone: MutexGuard<'static, ()>,
}

impl std::ops::Deref for Own {
    type Target = Cgroup;

    fn deref(&self) -> &Cgroup {
        &self.group
    }
}

/// A new one; `None` if there is none.
pub(crate) fn own_group() -> Option<Own> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(|failed| failed.into_inner());
    let group = own_cgroup()?;
    Some(Own { group, _alone })
}

/// A cgroup of the test's own.
macro_rules! group {
    () => {
        match $crate::inside::own_group() {
            Some(group) => group,
            None => skip!("no cgroup2 to make one in"),
        }
    };
}
pub(crate) use group;

/// Does this in a process of its own that is in the cgroup, in this thread's network, and tells what
/// it answers. There it may use memory and make system calls, but print nothing.
pub(crate) fn inside(cgroup: &Cgroup, does: impl FnOnce() -> String) -> String {
    let (from, to) = pipe();
    // SAFETY: the new process allocates, which this C library allows, makes system calls and ends.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            drop(from);
            child(cgroup, File::from(to), does)
        }
        pid => {
            drop(to);
            let mut said = String::new();
            File::from(from).read_to_string(&mut said).unwrap();
            let mut status = 0;
            // SAFETY: a process of ours, and a place for a number.
            let ended = unsafe { libc::waitpid(pid, &raw mut status, 0) };
            assert_eq!((ended, status), (pid, 0), "{said}");
            said
        }
    }
}

/// Says what it answers, or how it panicked, and ends.
fn child(cgroup: &Cgroup, mut to: File, does: impl FnOnce() -> String) -> ! {
    // SAFETY: a number.
    unsafe { libc::alarm(SECONDS) };
    std::panic::set_hook(Box::new(|_| {}));
    let said = catch_unwind(AssertUnwindSafe(|| {
        let procs = format!("{}/cgroup.procs", cgroup.0);
        std::fs::write(procs, "0").unwrap();
        does()
    }));
    let (said, status) = match said {
        Ok(said) => (said, 0),
        Err(panic) => match panic.downcast::<String>() {
            Ok(text) => (*text, 1),
            Err(_) => ("a panic".to_owned(), 1),
        },
    };
    let written = to.write_all(said.as_bytes());
    // SAFETY: a number; nothing of the other process's is closed or written again.
    unsafe { libc::_exit(if written.is_ok() { status } else { 2 }) }
}

fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: open, and nobody else's.
    let [from, to] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    (from, to)
}

/// Attaches a program to a cgroup, by a link.
pub(crate) fn attach(object: &Object, name: &str, group: &Cgroup) -> Link {
    let program = object.program(name).unwrap();
    program
        .attach_to(skep::link::Cgroup::open(&group.0))
        .unwrap()
}

/// What a program has counted in a global.
pub(crate) fn counter(object: &Object, name: &str) -> u64 {
    object.global(name).unwrap().read().unwrap()
}

/// The kernel's name of what failed, or that nothing did.
pub(crate) fn errno<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "done".to_owned(),
        Err(error) => {
            let errno = Errno::new(error.raw_os_error().unwrap());
            errno.name().unwrap().to_owned()
        }
    }
}
