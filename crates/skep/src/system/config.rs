//! How the kernel is built.

use super::{System, c_string};
use crate::error::Context;
use crate::{Error, ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use skep_codec::inflate::{gunzip, is_gzip};
use skep_sys::{CallError, file, process};

/// Far more than any kernel's configuration takes.
const LIMIT: usize = 1 << 24;

/// The configuration that the running kernel was built with.
#[derive(Clone, Debug)]
pub struct KernelConfig {
    path: String,
    text: Vec<u8>,
}

impl KernelConfig {
    /// Where it was found.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its lines, `CONFIG_BPF=y` and the like.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// What an option (named without `CONFIG_`) is set to: `y`, `m`, a number, a string in its
    /// quotes; `None` if it is not set.
    pub fn value(&self, option: &str) -> Option<&str> {
        let value = |line: &'_ [u8]| -> Option<usize> {
            let rest = line.strip_prefix(b"CONFIG_")?;
            let value = rest.strip_prefix(option.as_bytes())?.strip_prefix(b"=")?;
            Some(line.len().saturating_sub(value.len()))
        };
        let mut lines = self.text.split(|&byte| byte == b'\n');
        let found = lines.find_map(|line| line.get(value(line)?..))?;
        core::str::from_utf8(found).ok()
    }
}

impl System {
    /// How the running kernel is built: from `/boot/config-RELEASE`, `/proc/config.gz`, or
    /// `/lib/modules/RELEASE/config`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], with what was tried.
    pub fn kernel_config(&self) -> Result<KernelConfig> {
        let release =
            process::kernel_release(self.kernel()).context("ask for the kernel's release")?;
        let mut tried = String::new();
        for path in [
            format!("/boot/config-{release}"),
            "/proc/config.gz".to_string(),
            format!("/lib/modules/{release}/config"),
        ] {
            match file::read_file(self.kernel(), &c_string(&path)?, LIMIT) {
                Ok(bytes) if is_gzip(&bytes) => {
                    let text = gunzip(&bytes, LIMIT).context(&path)?;
                    return Ok(KernelConfig { path, text });
                }
                Ok(text) => return Ok(KernelConfig { path, text }),
                Err(CallError { errno, .. }) => {
                    let separator = if tried.is_empty() { "" } else { ", " };
                    tried.push_str(&format!("{separator}{path} ({errno})"));
                }
            }
        }
        let what = format!("the kernel's configuration is not to be had: {tried}");
        Err(Error::new(ErrorKind::NotFound, what))
    }
}

#[cfg(test)]
mod tests {
    use super::KernelConfig;

    #[test]
    fn options_are_found_by_their_whole_name() {
        let config = KernelConfig {
            path: "config".into(),
            text: b"# CONFIG_A is not set\nCONFIG_BPF_JIT=y\nCONFIG_BPF=m\nCONFIG_S=\"a=b\"\n"
                .into(),
        };
        assert_eq!(config.value("A"), None);
        assert_eq!(config.value("BPF"), Some("m"));
        assert_eq!(config.value("BPF_JIT"), Some("y"));
        assert_eq!(config.value("S"), Some("\"a=b\""));
        assert_eq!(config.value("BPF_"), None);
    }
}
