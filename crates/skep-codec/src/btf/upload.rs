//! An object's BTF made fit for `BPF_BTF_LOAD`: what only the ELF file knows is filled in, what
//! this kernel does not understand is said in an older way. Ids stay the same.

use super::{Btf, BtfBuilder, Int, Kind, Param, Type, TypeId};
use crate::Result;
use crate::map::Map;
use crate::order;
use alloc::string::String;
use alloc::vec::Vec;

/// Linkage of functions and variables: seen inside their object, outside, defined in another one.
pub(crate) const STATIC: u32 = 0;
const GLOBAL: u32 = 1;
const EXTERN: u32 = 2;

/// Name of the variable that stands in for kernel functions.
const DUMMY: &str = "dummy_ksym";

/// Where the variables of an ELF section are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionLayout {
    /// Name of the section.
    pub name: String,
    /// Its size in bytes.
    pub size: u32,
    /// Offset in bytes of each global variable (and, for `.kconfig`, of each extern one).
    pub variables: Map<String, u32>,
    /// Global variables with hidden or internal visibility: static, for the kernel.
    pub hidden: Map<String, ()>,
}

/// What a kernel understands of BTF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BtfFeatures {
    /// `BTF_KIND_FUNC` and `BTF_KIND_FUNC_PROTO` (5.0).
    pub func: bool,
    /// Linkage of functions (5.6).
    pub func_global: bool,
    /// `BTF_KIND_VAR` and `BTF_KIND_DATASEC` (5.2).
    pub datasec: bool,
    /// Data sections without variables (5.12).
    pub empty_datasec: bool,
    /// `BTF_KIND_FLOAT` (5.13).
    pub float: bool,
    /// `BTF_KIND_DECL_TAG` (5.16).
    pub decl_tag: bool,
    /// `BTF_KIND_TYPE_TAG` (5.17).
    pub type_tag: bool,
    /// `BTF_KIND_ENUM64` and signed enums (6.0).
    pub enum64: bool,
    /// Names of data sections that begin with `?` (6.10), or have a `/`.
    pub qmark_datasec: bool,
}

impl BtfFeatures {
    /// All of them: a current kernel.
    pub const ALL: Self = Self {
        func: true,
        func_global: true,
        datasec: true,
        empty_datasec: true,
        float: true,
        decl_tag: true,
        type_tag: true,
        enum64: true,
        qmark_datasec: true,
    };
}

/// The bytes to give to `BPF_BTF_LOAD` for an object's BTF. `static_funcs` are the functions that
/// only this object sees (hidden ones): the kernel then verifies them with their callers.
///
/// # Errors
/// Types that refer to what is not there.
pub fn for_upload(
    btf: &Btf,
    layouts: &[SectionLayout],
    static_funcs: &[&str],
    features: &BtfFeatures,
) -> Result<Vec<u8>> {
    let mut upload = Upload {
        btf,
        out: BtfBuilder::from_btf(btf)?,
        int: None,
        dummy: None,
        placeholder: None,
    };
    for ty in btf.iter() {
        match ty.kind() {
            Kind::Func => upload.func(&ty, static_funcs)?,
            Kind::Var if ty.linkage()? == EXTERN => upload.set_tail(ty.id(), GLOBAL),
            _ => {}
        }
    }
    for ty in btf.iter().filter(|ty| ty.kind() == Kind::Datasec) {
        let name = ty.name()?;
        match layouts.iter().find(|layout| layout.name == name) {
            _ if name == ".ksyms" => upload.ksyms(&ty)?,
            Some(layout) => upload.section(&ty, layout)?,
            None => upload.section_without_layout(&ty)?,
        }
    }
    for ty in btf.iter() {
        upload.sanitise(&ty, features)?;
    }
    if let (Some(dummy), false) = (upload.dummy, features.datasec) {
        let name = upload.out.add_string(DUMMY);
        upload.one_byte(dummy, name);
    }
    upload.out.to_bytes(btf.endian())
}

struct Upload<'a> {
    btf: &'a Btf,
    out: BtfBuilder,
    int: Option<TypeId>,
    dummy: Option<TypeId>,
    placeholder: Option<TypeId>,
}

const fn info(kind: Kind, vlen: u32) -> u32 {
    (kind.raw() as u32) << 24 | vlen
}

impl Upload<'_> {
    fn set_tail(&mut self, id: TypeId, word: u32) {
        if let Some(first) = self.out.tail_mut(id).first_mut() {
            *first = word;
        }
    }

    fn func(&mut self, ty: &Type<'_>, static_funcs: &[&str]) -> Result<()> {
        let linkage = if static_funcs.contains(&ty.name()?) {
            0
        } else {
            // The kernel knows no extern functions in a program's BTF.
            ty.vlen().min(GLOBAL)
        };
        let head = [ty.name_off, info(Kind::Func, linkage), ty.size_or_type];
        self.out.set_head(ty.id(), head);
        self.name_params(ty.size_or_type)
    }

    fn section(&mut self, ty: &Type<'_>, layout: &SectionLayout) -> Result<()> {
        let mut vars = Vec::new();
        let mut size = layout.size;
        for var in ty.variables() {
            let mut var = var?;
            let decl = self.btf.ty(var.ty)?;
            let linkage = match decl.kind() {
                Kind::Var => decl.linkage()?,
                _ => GLOBAL,
            };
            let name = decl.name()?;
            match layout.variables.get(name) {
                Some(offset) if linkage != STATIC => var.offset = *offset,
                // Another object's: not in this section, but none may lie where it lies.
                None if linkage == EXTERN => {
                    var.offset = size.checked_next_multiple_of(8).unwrap_or(size);
                    size = var.offset.saturating_add(var.size);
                }
                _ => {}
            }
            if layout.hidden.contains_key(name) {
                self.set_tail(var.ty, 0);
            }
            vars.push([var.ty.0, var.offset, var.size]);
        }
        self.write_section(ty, size, vars);
        Ok(())
    }

    /// Nothing in the file says how the section lies: as the compiler left it, one after another
    /// where it left all at the start.
    fn section_without_layout(&mut self, ty: &Type<'_>) -> Result<()> {
        let mut vars = Vec::new();
        let mut end = 0_u32;
        for var in ty.variables() {
            let var = var?;
            let offset = if ty.size() == Some(0) {
                let align = var.size.clamp(1, 8).next_power_of_two();
                end.checked_next_multiple_of(align).unwrap_or(end)
            } else {
                var.offset
            };
            end = end.max(offset.saturating_add(var.size));
            vars.push([var.ty.0, offset, var.size]);
        }
        let size = ty.size().unwrap_or(0).max(end);
        self.write_section(ty, size, vars);
        Ok(())
    }

    fn write_section(&mut self, ty: &Type<'_>, size: u32, mut vars: Vec<[u32; 3]>) {
        order::by_key(&mut vars, |[_, offset, _]| (*offset).into());
        self.out.set_head(ty.id(), [ty.name_off, ty.info, size]);
        let words = vars.into_iter().flatten();
        for (to, from) in self.out.tail_mut(ty.id()).iter_mut().zip(words) {
            *to = from;
        }
    }

    /// Kernel symbols are no data of the object: integers stand in for them, so that the section
    /// is one that the kernel accepts.
    fn ksyms(&mut self, ty: &Type<'_>) -> Result<()> {
        let int = self.int()?;
        let mut vars = Vec::new();
        let mut offset = 0_u32;
        for var in ty.variables() {
            let decl = self.btf.ty(var?.ty)?;
            let stand_in = if decl.kind() == Kind::Func {
                self.dummy(int)
            } else {
                let head = [decl.name_off, decl.info, int.0];
                self.out.set_head(decl.id(), head);
                decl.id()
            };
            vars.push([stand_in.0, offset, 4]);
            offset = offset.saturating_add(4);
        }
        self.write_section(ty, offset, vars);
        Ok(())
    }

    /// No kernel takes a function with a parameter that has no name; C does, and so does the BTF
    /// that compilers write.
    fn name_params(&mut self, proto: u32) -> Result<()> {
        let proto = self.btf.ty(TypeId(proto))?;
        if proto.kind() != Kind::FuncProto {
            return Ok(());
        }
        let nameless = |param: &Param<'_>| param.name.is_empty() && param.ty != TypeId::VOID;
        if !proto.params().flatten().any(|param| nameless(&param)) {
            return Ok(());
        }
        let name = self.out.add_string(DUMMY);
        let (params, _) = self.out.tail_mut(proto.id()).as_chunks_mut::<2>();
        for [name_off, ty] in params {
            if *name_off == 0 && *ty != 0 {
                *name_off = name;
            }
        }
        Ok(())
    }

    fn int(&mut self) -> Result<TypeId> {
        if let Some(id) = self.int {
            return Ok(id);
        }
        let found = self.btf.find("int", Some(Kind::Int));
        let id = match found {
            Some(id) if self.btf.ty(id)?.size() == Some(4) => id,
            _ => self.out.add_int("int", 4, plain_int(true, 32)),
        };
        self.int = Some(id);
        Ok(id)
    }

    fn dummy(&mut self, int: TypeId) -> TypeId {
        if let Some(id) = self.dummy {
            return id;
        }
        let id = self.out.add_var(DUMMY, int, GLOBAL);
        self.dummy = Some(id);
        id
    }

    fn sanitise(&mut self, ty: &Type<'_>, has: &BtfFeatures) -> Result<()> {
        let id = ty.id();
        // The fix-ups before may have changed name, info and size.
        let Some([name, old_info, size]) = self
            .out
            .record_mut(id)
            .and_then(|record| record.first_chunk().copied())
        else {
            return Ok(());
        };
        let vlen = old_info & 0x00ff_ffff;
        match ty.kind() {
            Kind::Var if !has.datasec => self.one_byte(id, name),
            Kind::DeclTag if !has.decl_tag => self.one_byte(id, name),
            Kind::Datasec if !has.datasec => self.section_as_struct(ty, size)?,
            Kind::Datasec if !has.empty_datasec && vlen == 0 => {
                self.section_as_struct(ty, size)?;
            }
            Kind::Datasec if !has.qmark_datasec && ty.name()?.contains(is_odd) => {
                let name = self.out.add_string(&plain(ty.name()?, is_odd));
                self.out.set_head(id, [name, old_info, size]);
            }
            Kind::FuncProto if !has.func => self.proto_as_enum(id, vlen),
            Kind::Func if !has.func => {
                self.out.set_head(id, [name, info(Kind::Typedef, 0), size]);
            }
            Kind::Func if !has.func_global => {
                self.out.set_head(id, [name, info(Kind::Func, 0), size]);
            }
            Kind::Float if !has.float => {
                self.out.set_head(id, [0, info(Kind::Struct, 0), size]);
            }
            Kind::TypeTag if !has.type_tag => {
                self.out.set_head(id, [0, info(Kind::Const, 0), size]);
            }
            Kind::Enum if !has.enum64 => {
                self.out.set_head(id, [name, info(Kind::Enum, vlen), size]);
            }
            Kind::Enum64 if !has.enum64 => self.enum64_as_union(id, [name, vlen, size]),
            _ => {}
        }
        Ok(())
    }

    /// An integer of one byte: as long as a variable or tag, and never too big for its section.
    fn one_byte(&mut self, id: TypeId, name: u32) {
        self.out.set_head(id, [name, info(Kind::Int, 0), 1]);
        self.set_tail(id, 8);
    }

    fn section_as_struct(&mut self, ty: &Type<'_>, size: u32) -> Result<()> {
        let name = plain(ty.name()?, |c| c == '.' || is_odd(c));
        let name = self.out.add_string(&name);
        let head = [name, info(Kind::Struct, ty.vlen()), size];
        self.out.set_head(ty.id(), head);
        let (records, _) = self.out.tail_mut(ty.id()).as_chunks_mut::<3>();
        for record in records {
            let [var, offset, _] = *record;
            let name = self.btf.ty(TypeId(var)).map_or(0, |var| var.name_off);
            *record = [name, var, offset.wrapping_mul(8)];
        }
        Ok(())
    }

    fn proto_as_enum(&mut self, id: TypeId, vlen: u32) {
        // An enumerator needs a name, a parameter does not.
        let anonymous = self.out.add_string("anonymous");
        self.out.set_head(id, [0, info(Kind::Enum, vlen), 4]);
        let (records, _) = self.out.tail_mut(id).as_chunks_mut::<2>();
        for [name, _] in records.iter_mut().filter(|[name, _]| *name == 0) {
            *name = anonymous;
        }
    }

    fn enum64_as_union(&mut self, id: TypeId, [name, vlen, size]: [u32; 3]) {
        let placeholder = match self.placeholder {
            Some(placeholder) => placeholder,
            None => self
                .out
                .add_int("enum64_placeholder", 1, plain_int(false, 8)),
        };
        self.placeholder = Some(placeholder);
        self.out.set_head(id, [name, info(Kind::Union, vlen), size]);
        let (records, _) = self.out.tail_mut(id).as_chunks_mut::<3>();
        for record in records {
            let [name, ..] = *record;
            *record = [name, placeholder.0, 0];
        }
    }
}

/// Whether a character may not be in the name of a data section of older kernels.
fn is_odd(c: char) -> bool {
    !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.')
}

/// A name without such characters.
fn plain(name: &str, is_odd: fn(char) -> bool) -> String {
    let mut plain = String::new();
    for c in name.chars() {
        plain.push(if is_odd(c) { '_' } else { c });
    }
    plain
}

const fn plain_int(signed: bool, bits: u8) -> Int {
    Int {
        signed,
        char: false,
        bool: false,
        offset: 0,
        bits,
    }
}
