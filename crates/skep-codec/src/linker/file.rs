//! One input, read.

use super::{Input, in_file};
use crate::btf::{Btf, BtfExt, Kind, STATIC, TypeId};
use crate::elf::{EM_BPF, ET_REL, Elf};
use crate::error::bail;
use crate::map::Map;
use crate::{Error, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// An object file, and what its types say of its symbols.
pub(super) struct File<'a> {
    pub(super) name: &'a str,
    pub(super) elf: Elf<'a>,
    pub(super) size: usize,
    pub(super) btf: Option<Btf>,
    pub(super) ext: BtfExt,
    /// Functions and variables of the types that are not static, by name.
    pub(super) declared: Map<String, TypeId>,
    /// The data section that the types put a variable or function into.
    pub(super) datasec_of: Map<u32, String>,
}

impl<'a> File<'a> {
    pub(super) fn read(input: &Input<'a>) -> Result<Self> {
        Self::parse(input).map_err(in_file(input.name))
    }

    fn parse(input: &Input<'a>) -> Result<Self> {
        let mut warnings = Vec::new();
        let elf = Elf::parse(input.bytes, &mut warnings)?;
        if let Some(broken) = warnings.into_iter().next() {
            return Err(broken);
        }
        if elf.machine != EM_BPF || elf.file_type != ET_REL {
            bail!(Unsupported, "no relocatable BPF file");
        }
        let in_btf = |e: Error| e.in_section(".BTF");
        let btf = match elf.section(".BTF") {
            Some((_, section)) => Some(Btf::from_bytes(section.bytes()?).map_err(in_btf)?),
            None => None,
        };
        let ext = match (elf.section(".BTF.ext"), &btf) {
            (Some((_, section)), Some(btf)) => BtfExt::parse(section.bytes()?, btf)?,
            (Some(_), None) => bail!(NotFound, ".BTF.ext without .BTF"),
            (None, _) => BtfExt::default(),
        };
        if let Some(broken) = ext.errors.first() {
            return Err(broken.clone());
        }
        let mut file = Self {
            name: input.name,
            elf,
            size: input.bytes.len(),
            btf: None,
            ext,
            declared: Map::new(),
            datasec_of: Map::new(),
        };
        if let Some(btf) = &btf {
            file.look_at(btf).map_err(in_btf)?;
        }
        file.btf = btf;
        Ok(file)
    }

    fn look_at(&mut self, btf: &Btf) -> Result<()> {
        for ty in btf.iter() {
            match ty.kind() {
                Kind::Func | Kind::Var if ty.linkage()? != STATIC => {
                    self.declared.insert_new(ty.name()?.to_owned(), || ty.id());
                }
                Kind::Datasec => {
                    for variable in ty.variables() {
                        let name = ty.name()?;
                        let id = variable?.ty.0;
                        self.datasec_of.insert_new(id, || name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the types say of a global name.
    pub(super) fn declaration(&self, name: &str) -> Option<(&Btf, TypeId)> {
        Some((self.btf.as_ref()?, *self.declared.get(name)?))
    }
}
