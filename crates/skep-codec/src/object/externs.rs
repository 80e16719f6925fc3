//! What an object wants from the kernel: `.kconfig` values, `.ksyms` variables and functions.

use super::SectionLayout;
use super::data::{Data, DataKind, MAX_DATA, data_map};
use super::parse::Parser;
use super::values::Variable;
use crate::btf::{Btf, Kind, Type, TypeId, essential_name};
use crate::error::bail;
use crate::map::Map;
use crate::order;
use crate::uapi::flags;
use crate::{Error, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A symbol that the object leaves to the loader.
#[derive(Clone, Debug)]
pub struct Extern {
    /// Name.
    pub name: String,
    /// Whether the object does without it.
    pub weak: bool,
    /// What it is.
    pub kind: ExternKind,
    /// Why it cannot be resolved, whatever the kernel.
    pub error: Option<Error>,
}

impl Extern {
    /// A value of the kernel's configuration as the variable that it is in its map.
    pub fn variable(&self) -> Option<Variable> {
        let ExternKind::Kconfig {
            map,
            offset,
            size,
            ty,
            ..
        } = self.kind
        else {
            return None;
        };
        Some(Variable {
            name: self.name.clone(),
            map,
            offset,
            size,
            type_id: ty,
        })
    }
}

/// What an extern is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternKind {
    /// A value of the kernel's configuration, kept in the `.kconfig` map.
    Kconfig {
        /// The map.
        map: usize,
        /// Byte offset in its value.
        offset: u32,
        /// Size in bytes.
        size: u32,
        /// Type of the variable.
        ty: TypeId,
        /// How its value is written.
        value: KconfigKind,
    },
    /// A kernel function; the id is its `Func` in the object's BTF.
    Func(TypeId),
    /// A kernel variable of known type; the id is that type in the object's BTF.
    Var(TypeId),
    /// A kernel symbol without a type: its address is wanted.
    Address,
    /// Nothing that the BTF describes; its `error` says so.
    Unknown,
}

/// How the value of a `.kconfig` extern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KconfigKind {
    /// `bool`: y or n.
    Bool,
    /// `char`: y, n, m or a number.
    Char {
        /// Whether it is signed.
        signed: bool,
    },
    /// `enum libbpf_tristate`: n, y, m as 0, 1, 2.
    Tristate,
    /// An integer.
    Int {
        /// Whether it is signed.
        signed: bool,
    },
    /// `char[]`: text.
    Text,
}

impl Extern {
    /// The name without a flavour (`___x`).
    pub fn essential_name(&self) -> &str {
        essential_name(&self.name)
    }

    /// Whether the kernel's BTF is needed to find it.
    pub fn is_typed_ksym(&self) -> bool {
        matches!(self.kind, ExternKind::Func(_) | ExternKind::Var(_))
    }
}

/// A `.kconfig` variable before it has its place.
struct Value {
    size: u32,
    align: u32,
    ty: TypeId,
    kind: KconfigKind,
}

/// What an undefined symbol is.
enum Found {
    Kconfig(Value),
    Ksym(ExternKind),
    Nothing(Error),
}

impl Found {
    /// The order of kinds: values by falling alignment and growing size, kernel symbols, others.
    fn rank(&self) -> u64 {
        match self {
            Self::Kconfig(value) => {
                let align = 8_u32.saturating_sub(value.align);
                u64::from(align) << 32 | u64::from(value.size)
            }
            Self::Ksym(_) => 1 << 62,
            Self::Nothing(_) => u64::MAX,
        }
    }
}

/// Reads the externs, in libbpf's order: by kind, then by name. It shows in the numbers of calls
/// that are poisoned, in the places of values and of modules' descriptors.
// On its own: a function that all stages are inlined into takes long to compile.
#[inline(never)]
pub(super) fn read(p: &mut Parser<'_>) {
    let btf = p.spec.btf.clone();
    let kconfig = p.datasec_vars(&btf, ".kconfig");
    let ksyms = p.datasec_vars(&btf, ".ksyms");
    let mut undefined = Map::new();
    for (index, symbol) in p.elf.symbols.iter().enumerate() {
        if symbol.undefined && !symbol.local && !symbol.name.is_empty() {
            undefined.insert_new(symbol.name, || (index, symbol.weak));
        }
    }
    let what_is = |name: &str| match (&btf, kconfig.get(name), ksyms.get(name)) {
        (Some(btf), Some(var), _) => kconfig_value(btf, var.var).map(Found::Kconfig),
        (Some(btf), None, Some(var)) => ksym(btf, var.var).map(Found::Ksym),
        _ => bail!(
            NotFound,
            "defined in no section and no extern of .ksyms or .kconfig: is another object to be \
             linked to this one?"
        ),
    };
    let mut found: Vec<(&str, usize, bool, Found)> = undefined
        .iter()
        .map(|(name, (symbol, weak))| {
            let found = what_is(name).unwrap_or_else(|e| Found::Nothing(e.of_symbol(*name)));
            (*name, *symbol, *weak, found)
        })
        .collect();
    order::by_key(&mut found, |(_, _, _, found)| found.rank());
    let mut values = Values::default();
    for (name, symbol, weak, found) in found {
        let (kind, error) = match found {
            Found::Kconfig(value) => match values.place(p.spec.maps.len(), name, &value) {
                Ok(kind) => (kind, None),
                Err(error) => (ExternKind::Unknown, Some(error.of_symbol(name))),
            },
            Found::Ksym(kind) => (kind, None),
            Found::Nothing(error) => (ExternKind::Unknown, Some(error)),
        };
        p.extern_of.insert(symbol, p.spec.externs.len());
        p.spec.externs.push(Extern {
            name: name.to_owned(),
            weak,
            kind,
            error,
        });
    }
    if values.end != 0 {
        values.make_map(p);
    }
}

fn ksym(btf: &Btf, id: TypeId) -> Result<ExternKind> {
    let ty = btf.ty(id)?;
    match (ty.kind(), ty.target()) {
        (Kind::Func, _) => Ok(ExternKind::Func(id)),
        (Kind::Var, Some(target)) => match btf.peel(target)?.kind() {
            Kind::Void => Ok(ExternKind::Address),
            _ => Ok(ExternKind::Var(target)),
        },
        (kind, _) => bail!(Malformed, "{kind:?} in .ksyms"),
    }
}

fn kconfig_value(btf: &Btf, var: TypeId) -> Result<Value> {
    let ty = btf.ty(var)?.target().unwrap_or_default();
    let Ok(size) = u32::try_from(btf.size_of(ty)?) else {
        bail!(TooLarge, "a .kconfig variable");
    };
    let peeled = btf.peel(ty)?;
    let (kind, align) = match peeled.kind() {
        Kind::Int => (int_kind(&peeled)?, size),
        Kind::Enum | Kind::Enum64 if peeled.name()? == "libbpf_tristate" => {
            (KconfigKind::Tristate, size)
        }
        Kind::Array => match int_kind(&btf.peel(peeled.array()?.element)?) {
            Ok(KconfigKind::Char { .. }) => (KconfigKind::Text, 1),
            _ => bail!(Unsupported, "a .kconfig array of anything but char"),
        },
        kind => bail!(Unsupported, "a .kconfig variable of kind {kind:?}"),
    };
    if size == 0 || (kind != KconfigKind::Text && !matches!(size, 1 | 2 | 4 | 8)) {
        bail!(Unsupported, "a .kconfig variable of {size} bytes");
    }
    Ok(Value {
        size,
        align,
        ty,
        kind,
    })
}

/// By encoding and size: whatever its name, an integer of one byte is a `char`.
fn int_kind(ty: &Type<'_>) -> Result<KconfigKind> {
    let int = ty.int()?;
    match (int.bool, ty.size()) {
        (true, Some(1)) => Ok(KconfigKind::Bool),
        (true, _) => bail!(Unsupported, "a bool of more than a byte"),
        (false, Some(1)) => Ok(KconfigKind::Char { signed: int.signed }),
        (false, _) => Ok(KconfigKind::Int { signed: int.signed }),
    }
}

/// The places of `.kconfig` variables.
#[derive(Default)]
struct Values {
    end: u32,
    places: Map<String, u32>,
}

impl Values {
    /// Gives the next variable its place.
    fn place(&mut self, map: usize, name: &str, value: &Value) -> Result<ExternKind> {
        let offset = self.end.checked_next_multiple_of(value.align);
        let end = offset.and_then(|offset| offset.checked_add(value.size));
        let (Some(offset), Some(end)) = (offset, end.filter(|&end| end <= MAX_DATA)) else {
            bail!(TooLarge, "the .kconfig variables are too large");
        };
        self.end = end;
        self.places.insert(name.to_owned(), offset);
        Ok(ExternKind::Kconfig {
            map,
            offset,
            size: value.size,
            ty: value.ty,
            value: value.kind,
        })
    }

    /// The map that they are in.
    fn make_map(self, p: &mut Parser<'_>) {
        let data = Data {
            section: ".kconfig".to_owned(),
            kind: DataKind::Kconfig,
            size: self.end,
            bytes: Vec::new(),
            read_only: true,
            datasec: p.datasecs.get(".kconfig").copied().unwrap_or_default(),
        };
        let typed = data.datasec != TypeId::VOID;
        let mmapable = if typed { flags::MMAPABLE } else { 0 };
        let flags = flags::RDONLY_PROG | mmapable;
        p.spec.maps.push(data_map(&p.spec.name, flags, data, None));
        p.spec.layouts.push(SectionLayout {
            name: ".kconfig".to_owned(),
            size: self.end,
            variables: self.places,
            ..SectionLayout::default()
        });
    }
}
