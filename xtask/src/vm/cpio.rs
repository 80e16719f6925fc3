//! An initial RAM file system, written without help from outside.

use crate::Result;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A growing archive in the kernel's "newc" format.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    dirs: BTreeSet<String>,
    inode: u32,
}

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CONSOLE: u32 = 0o020_600;

impl Archive {
    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), body: &[u8]) -> Result {
        let size = u32::try_from(body.len()).map_err(|e| format!("{name}: {e}"))?;
        let length = u32::try_from(name.len() + 1).map_err(|e| format!("{name}: {e}"))?;
        self.inode += 1;
        self.bytes.extend(b"070701");
        // inode mode uid gid links time size major minor device name checksum
        for field in [
            self.inode, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, length, 0,
        ] {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(body);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// A directory and those it is in.
    pub(crate) fn dir(&mut self, path: &str) -> Result {
        let mut upto = String::new();
        for part in path.split('/').filter(|p| !p.is_empty()) {
            if !upto.is_empty() {
                upto.push('/');
            }
            upto.push_str(part);
            if self.dirs.insert(upto.clone()) {
                self.entry(&upto, DIRECTORY, (0, 0), &[])?;
            }
        }
        Ok(())
    }

    /// An executable file.
    pub(crate) fn file(&mut self, path: &str, body: &[u8]) -> Result {
        let path = path.trim_start_matches('/');
        if let Some((dir, _)) = path.rsplit_once('/') {
            self.dir(dir)?;
        }
        self.entry(path, PROGRAM, (0, 0), body)
    }

    /// A copy of a file of this machine.
    pub(crate) fn copy(&mut self, path: &str, from: &Path) -> Result {
        let body = fs::read(from).map_err(|e| format!("{}: {e}", from.display()))?;
        self.file(path, &body)
    }

    /// `/dev/console`, so that the first process has a standard output.
    pub(crate) fn console(&mut self) -> Result {
        self.dir("dev")?;
        self.entry("dev/console", CONSOLE, (5, 1), &[])
    }

    /// The finished archive. Several may follow one another in one file.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.entry("TRAILER!!!", 0, (0, 0), &[])?;
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_110_bytes_then_name_then_body() {
        let mut archive = Archive::default();
        archive.file("/a/b", b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        // Directory "a": 110 + 2, padded to 112.
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[14..22], b"000041ed");
        assert_eq!(&bytes[110..112], b"a\0");
        let file = &bytes[112..];
        assert_eq!(&file[54..62], b"00000005");
        assert_eq!(&file[94..102], b"00000004");
        assert_eq!(&file[110..116], b"a/b\0\0\0");
        assert_eq!(&file[116..121], b"hello");
        assert_eq!(bytes.len() % 512, 0);
    }
}
