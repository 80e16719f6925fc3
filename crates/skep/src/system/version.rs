//! Which Linux this is.

use super::System;
use crate::error::Context;
use crate::{Error, ErrorKind, Result};
use skep_codec::{Errno, text};
use skep_sys::{file, process};

impl System {
    /// The running kernel's version as programs compare it, `KERNEL_VERSION(6, 1, 119)`: the one of
    /// Linux, where a distribution's own numbering hides it (Ubuntu, Debian).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a release that does not begin with three numbers.
    #[doc(alias = "LINUX_VERSION_CODE")]
    pub fn kernel_version(&self) -> Result<u32> {
        self.version()
            .get_or_try_init(|| self.ask_version())
            .copied()
    }

    fn ask_version(&self) -> Result<u32> {
        let what = "ask for the kernel's version";
        let ubuntu = match file::read_file(self.kernel(), c"/proc/version_signature", 4096) {
            Err(error) if error.errno == Errno::ENOENT => None,
            text => ubuntu(&text.context(what)?),
        };
        let build = process::kernel_build(self.kernel()).context(what)?;
        let release = process::kernel_release(self.kernel()).context(what)?;
        let found = ubuntu.or_else(|| debian(&build)).or_else(|| code(&release));
        found.ok_or_else(|| {
            let what = format!("`{release}` does not begin with the three numbers of Linux");
            Error::new(ErrorKind::Unsupported, what)
        })
    }
}

/// The third word: `Ubuntu 5.4.0-12.15-generic 5.4.8`.
fn ubuntu(signature: &[u8]) -> Option<u32> {
    let text = core::str::from_utf8(signature).ok()?;
    code(text.split_ascii_whitespace().nth(2)?)
}

/// After the distribution's name: `#1 SMP Debian 4.19.249-2 (2022-06-30)`.
fn debian(build: &str) -> Option<u32> {
    let (_, after) = text::split_once(build, "Debian ")?;
    code(after)
}

/// `KERNEL_VERSION` of three numbers that text begins with; a third one above 255 counts as 255, as
/// the kernel's own macro has it.
fn code(text: &str) -> Option<u32> {
    let (major, rest) = text.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit());
    let patch = rest.get(..digits.unwrap_or(rest.len()))?;
    let number = |text: &str| text.parse::<u32>().ok();
    let (major, minor, patch) = (number(major)?, number(minor)?, number(patch)?);
    Some(((major & 0xff) << 16) | ((minor & 0xff) << 8) | patch.min(255))
}

#[cfg(test)]
mod tests {
    use super::{code, debian, ubuntu};

    #[test]
    fn versions_as_distributions_write_them() {
        assert_eq!(code("6.18.44-fc-v669"), Some(0x06_12_2c));
        assert_eq!(code("4.19.300"), Some(0x04_13_ff));
        assert_eq!(code("6.18-rc1"), None);
        assert_eq!(code(""), None);
        let signature = b"Ubuntu 5.15.0-92.102-generic 5.15.131\n";
        assert_eq!(ubuntu(signature), Some(0x05_0f_83));
        assert_eq!(ubuntu(b"Ubuntu 5.15.0"), None);
        assert_eq!(
            debian("#1 SMP Debian 4.19.249-2 (2022-06-30)"),
            Some(0x04_13_f9)
        );
        assert_eq!(debian("#1 SMP PREEMPT_DYNAMIC @0"), None);
    }
}
