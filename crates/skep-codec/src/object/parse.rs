//! The order in which an object file is read.

use super::{
    ObjectSpec, SectionDef, SectionLayout, code, data, externs, jump_tables, legacy, maps, refs,
    tags,
};
use crate::btf::{Btf, BtfExt, Kind, Kinds, TypeId};
use crate::bytes::c_str;
use crate::elf::{EM_BPF, ET_REL, Elf, Section};
use crate::error::bail;
use crate::map::Map;
use crate::order;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a section is to the references that point into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing that can be referred to.
    Other,
    /// Functions.
    Code,
    /// Map definitions.
    Maps,
    /// Global data: this map's value.
    Data(usize),
    /// Targets of indirect jumps.
    JumpTables,
}

/// An object half read.
pub(super) struct Parser<'a> {
    pub(super) elf: Elf<'a>,
    pub(super) spec: ObjectSpec,
    pub(super) roles: Vec<Role>,
    /// The caller's own section names.
    pub(super) sections: &'a [SectionDef],
    pub(super) jump_tables: jump_tables::Tables,
    /// Functions by section and offset; several where symbols are aliases.
    pub(super) functions: Map<(usize, u64), Vec<usize>>,
    /// Maps by section and offset.
    pub(super) map_at: Map<(usize, u64), MapPlace>,
    /// Externs by symbol.
    pub(super) extern_of: Map<usize, usize>,
    /// Bytes that may still be copied: sections and symbols may name the same bytes of the file
    /// again and again.
    pub(super) budget: u64,
    /// Data sections of the BTF by name.
    pub(super) datasecs: Map<String, TypeId>,
}

/// A map definition in its section.
#[derive(Clone, Copy, Debug)]
pub(super) struct MapPlace {
    pub(super) map: usize,
    /// Bytes of the definition.
    pub(super) size: u64,
    /// Where its slots begin, and the bytes of a slot.
    pub(super) values: u64,
    pub(super) stride: u64,
}

impl Parser<'_> {
    pub(super) fn warn(&mut self, error: Error) {
        self.spec.warnings.push(error);
    }

    /// Takes `size` bytes off what may still be copied.
    pub(super) fn spend(&mut self, size: u64) -> Result<()> {
        match self.budget.checked_sub(size) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => bail!(TooLarge, "too many sections or functions share their bytes"),
        }
    }

    pub(super) fn set_role(&mut self, section: usize, role: Role) {
        if let Some(place) = self.roles.get_mut(section) {
            *place = role;
        }
    }

    /// The variables of a data section of the BTF (the spec's own), by name.
    pub(super) fn datasec_vars<'b>(
        &self,
        btf: &'b Option<Arc<Btf>>,
        section: &str,
    ) -> DatasecVars<'b> {
        let mut vars = DatasecVars::new();
        let (Some(btf), Some(id)) = (btf, self.datasecs.get(section)) else {
            return vars;
        };
        let Ok(datasec) = btf.ty(*id) else {
            return vars;
        };
        for var in datasec.variables().flatten() {
            if let Ok(name) = btf.ty(var.ty).and_then(|ty| ty.name()) {
                vars.insert_new(name, || DatasecVar {
                    var: var.ty,
                    size: var.size,
                });
            }
        }
        vars
    }
}

pub(super) type DatasecVars<'b> = Map<&'b str, DatasecVar>;

/// A variable of a data section of the BTF.
#[derive(Clone, Copy, Debug)]
pub(super) struct DatasecVar {
    pub(super) var: TypeId,
    pub(super) size: u32,
}

pub(super) fn parse<'a>(
    bytes: &'a [u8],
    name: &str,
    sections: &'a [SectionDef],
) -> Result<ObjectSpec> {
    let mut warnings = Vec::new();
    let elf = Elf::parse(bytes, &mut warnings)?;
    check_kind(&elf)?;
    let (btf, ext) = types(&elf, &mut warnings);
    let (datasecs, tags) = btf.as_deref().map(scan).unwrap_or_default();
    let context_args = btf.as_deref().map(|btf| tags::context_args(btf, &tags));
    let spec = ObjectSpec {
        name: object_name(name).to_owned(),
        endian: elf.endian,
        license: license(&elf, &mut warnings),
        version: version(&elf),
        btf,
        ext,
        maps: Vec::new(),
        variables: Vec::new(),
        programs: Vec::new(),
        functions: Vec::new(),
        jump_tables: Vec::new(),
        context_args: context_args.unwrap_or_default(),
        externs: Vec::new(),
        layouts: Vec::new(),
        warnings,
    };
    let mut parser = Parser {
        roles: alloc::vec![Role::Other; elf.sections.len()],
        elf,
        spec,
        sections,
        jump_tables: Map::new(),
        functions: Map::new(),
        map_at: Map::new(),
        extern_of: Map::new(),
        budget: (bytes.len() as u64)
            .saturating_mul(4)
            .saturating_add(1 << 16),
        datasecs,
    };
    code::read(&mut parser);
    tags::exceptions(&mut parser, &tags);
    maps::read(&mut parser);
    legacy::read(&mut parser);
    data::read(&mut parser);
    externs::read(&mut parser);
    jump_tables::read(&mut parser);
    refs::read(&mut parser);
    layouts(&mut parser);
    Ok(parser.spec)
}

/// An error for ELF files that are no relocatable BPF objects.
fn check_kind(elf: &Elf<'_>) -> Result<()> {
    let (machine, file_type) = (elf.machine, elf.file_type);
    if machine != EM_BPF && machine != 0 {
        bail!(Unsupported, "an ELF file for machine {machine}, not BPF");
    }
    if file_type != ET_REL {
        bail!(
            Unsupported,
            "an ELF file of type {file_type}, not relocatable"
        );
    }
    Ok(())
}

/// The file's name without directories, up to the first dot.
fn object_name(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.split('.').next().unwrap_or(base)
}

fn types(elf: &Elf<'_>, warn: &mut Vec<Error>) -> (Option<Arc<Btf>>, BtfExt) {
    let btf = elf.section(".BTF").map(|(_, section)| {
        let btf = section.bytes().and_then(Btf::from_bytes);
        btf.map_err(|e| in_words(&e, ".BTF"))
    });
    let btf = match btf {
        Some(Ok(btf)) => Some(btf),
        Some(Err(error)) => {
            warn.push(error);
            None
        }
        None => None,
    };
    let ext = elf.section(".BTF.ext").map(|(_, section)| match &btf {
        Some(btf) => BtfExt::parse(section.bytes()?, btf),
        None => bail!(NotFound, "nothing to be made of it without .BTF"),
    });
    let mut ext = ext
        .unwrap_or(Ok(BtfExt::default()))
        .unwrap_or_else(|error| BtfExt {
            errors: alloc::vec![in_words(&error, ".BTF.ext")],
            ..BtfExt::default()
        });
    warn.extend(ext.errors.iter().cloned());
    let (funcs, lines) = (ext.func_info.values_mut(), ext.line_info.values_mut());
    for records in funcs {
        order::by_key(records, |r| r.insn_off.into());
    }
    for records in lines {
        order::by_key(records, |r| r.insn_off.into());
    }
    let relos = ext.core_relos.values_mut();
    for records in relos {
        order::by_key(records, |r| r.insn_off.into());
    }
    (btf.map(Arc::new), ext)
}

/// The same error as one of the ELF section as a whole.
fn in_words(error: &Error, section: &str) -> Error {
    Error::new(error.kind(), format!("{error}")).in_section(section)
}

/// One pass over the types: data sections by name, and tags of functions.
fn scan(btf: &Btf) -> (Map<String, TypeId>, Vec<TypeId>) {
    let (mut datasecs, mut tags) = (Map::new(), Vec::new());
    let ids = btf.of_kinds(Kinds::of(Kind::Datasec).or(Kinds::of(Kind::DeclTag)));
    for ty in ids.into_iter().filter_map(|id| btf.ty(id).ok()) {
        if ty.kind() == Kind::Datasec
            && let Ok(name) = ty.name()
        {
            datasecs.insert(name.to_owned(), ty.id());
        } else if tags::is_known(&ty) {
            tags.push(ty.id());
        }
    }
    (datasecs, tags)
}

fn license(elf: &Elf<'_>, warn: &mut Vec<Error>) -> Option<String> {
    let (_, section) = elf.section("license")?;
    let text = section.bytes().and_then(c_str);
    match text {
        Ok(text) => Some(text.to_owned()),
        Err(error) => {
            warn.push(error.in_section("license"));
            None
        }
    }
}

fn version(elf: &Elf<'_>) -> Option<u32> {
    let (_, section) = elf.section("version")?;
    let bytes = section.bytes().ok()?;
    bytes.first_chunk::<4>().map(|b| elf.endian.u32(*b))
}

/// Sizes of sections and places of variables that the BTF names but does not know.
fn layouts(p: &mut Parser<'_>) {
    let datasecs = core::mem::take(&mut p.datasecs);
    for name in datasecs.keys() {
        // The variables of .kconfig are in no section: they have their layout already.
        let Some((index, section)) = p.elf.section(name).filter(|_| name != ".kconfig") else {
            continue;
        };
        match layout(&p.elf, index, section) {
            Ok(layout) => p.spec.layouts.push(layout),
            Err(error) => p.warn(error),
        }
    }
}

fn layout(elf: &Elf<'_>, index: usize, section: &Section<'_>) -> Result<SectionLayout> {
    let Ok(size) = u32::try_from(section.size) else {
        let what = format!("{} bytes of data", section.size);
        return Err(Error::new(ErrorKind::TooLarge, what).in_section(section.name));
    };
    let (mut variables, mut hidden) = (Map::new(), Map::new());
    for symbol in elf.symbols_in(index) {
        if symbol.local || symbol.name.is_empty() {
            continue;
        }
        if let Ok(offset) = u32::try_from(symbol.value) {
            variables.insert(symbol.name.to_owned(), offset);
        }
        if symbol.hidden {
            hidden.insert(symbol.name.to_owned(), ());
        }
    }
    Ok(SectionLayout {
        name: section.name.to_owned(),
        size,
        variables,
        hidden,
    })
}
