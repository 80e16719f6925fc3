//! The types of a file, whichever way it has them.

use super::Elf;
use crate::Result;
use crate::btf::Btf;
use crate::error::bail;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The types of a file: BTF itself, or the section `.BTF` of an ELF file. What that continues is
/// `base`, or else the section `.BTF.base` that modules carry since Linux 6.11.
///
/// # Errors
/// `NotFound` for an ELF file without types.
#[doc(alias = "btf__parse")]
#[inline]
pub fn read_btf(bytes: Vec<u8>, base: Option<Arc<Btf>>) -> Result<Btf> {
    if !bytes.starts_with(b"\x7fELF") {
        return Btf::parse(Arc::new(bytes), base);
    }
    let elf = Elf::parse(&bytes, &mut Vec::new())?;
    let section = |name: &str| -> Result<Option<Vec<u8>>> {
        let Some((_, section)) = elf.section(name) else {
            return Ok(None);
        };
        Ok(Some(section.bytes()?.to_vec()))
    };
    let Some(types) = section(".BTF")? else {
        bail!(NotFound, "no section .BTF");
    };
    let base = match (base, section(".BTF.base")?) {
        (None, Some(base)) => Some(Arc::new(Btf::parse(Arc::new(base), None)?)),
        (base, _) => base,
    };
    Btf::parse(Arc::new(types), base)
}
