//! What an object wants from the kernel: `.kconfig` values, `.ksyms` variables and functions.

use super::SectionLayout;
use super::data::{Data, DataKind, data_map};
use super::parse::Parser;
use crate::btf::{Btf, Kind, TypeId, essential_name};
use crate::error::bail;
use crate::map::Map;
use crate::order;
use crate::uapi::flags;
use crate::{Error, ErrorKind, Result};
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
    Char,
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
    index: usize,
    size: u32,
    align: u32,
    ty: TypeId,
    kind: KconfigKind,
}

pub(super) fn read(p: &mut Parser<'_>) {
    let kconfig = p.datasec_vars(".kconfig");
    let ksyms = p.datasec_vars(".ksyms");
    let undefined: Vec<(usize, String, bool)> = p
        .elf
        .symbols
        .iter()
        .enumerate()
        .filter(|(_, s)| s.undefined && !s.local && !s.name.is_empty())
        .map(|(index, s)| (index, s.name.to_owned(), s.weak))
        .collect();
    let mut values = Vec::new();
    for (symbol, name, weak) in undefined {
        let index = p.spec.externs.len();
        let btf = p.spec.btf.as_deref();
        let kind = match (btf, kconfig.get(&name), ksyms.get(&name)) {
            (Some(btf), Some(var), _) => kconfig_value(btf, index, var.var).map(|value| {
                values.push(value);
                ExternKind::Unknown
            }),
            (Some(btf), None, Some(var)) => ksym(btf, var.var),
            _ => Err(Error::new(
                ErrorKind::NotFound,
                "defined in no section and no extern of .ksyms or .kconfig: is another object to be linked to this one?",
            )),
        };
        let (kind, error) = match kind {
            Ok(kind) => (kind, None),
            Err(error) => (ExternKind::Unknown, Some(error.of_symbol(&name))),
        };
        p.extern_of.insert(symbol, index);
        p.spec.externs.push(Extern {
            name,
            weak,
            kind,
            error,
        });
    }
    if !values.is_empty() {
        place(p, values);
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

fn kconfig_value(btf: &Btf, index: usize, var: TypeId) -> Result<Value> {
    let ty = btf.ty(var)?.target().unwrap_or_default();
    let Ok(size) = u32::try_from(btf.size_of(ty)?) else {
        bail!(TooLarge, "a .kconfig variable");
    };
    let peeled = btf.peel(ty)?;
    let (kind, align) = match peeled.kind() {
        Kind::Int => (int_kind(btf, peeled.id())?, size),
        Kind::Enum if peeled.name()? == "libbpf_tristate" => (KconfigKind::Tristate, size),
        Kind::Array => match int_kind(btf, btf.peel(peeled.array()?.element)?.id()) {
            Ok(KconfigKind::Char) => (KconfigKind::Text, 1),
            _ => bail!(Unsupported, "a .kconfig array of anything but char"),
        },
        kind => bail!(Unsupported, "a .kconfig variable of kind {kind:?}"),
    };
    if size == 0 || (kind != KconfigKind::Text && size > 8) {
        bail!(Unsupported, "a .kconfig variable of {size} bytes");
    }
    Ok(Value {
        index,
        size,
        align: align.next_power_of_two().min(8),
        ty,
        kind,
    })
}

fn int_kind(btf: &Btf, id: TypeId) -> Result<KconfigKind> {
    let ty = btf.ty(id)?;
    let int = ty.int()?;
    Ok(if int.bool {
        KconfigKind::Bool
    } else if ty.size() == Some(1) && (int.char || ty.name()?.ends_with("char")) {
        KconfigKind::Char
    } else {
        KconfigKind::Int { signed: int.signed }
    })
}

/// Gives the `.kconfig` variables their places, the most aligned first, and makes their map.
fn place(p: &mut Parser<'_>, mut values: Vec<Value>) {
    order::by_key(&mut values, |v| {
        !(u64::from(v.align) << 32 | u64::from(v.size))
    });
    let map = p.spec.maps.len();
    let mut end = 0_u32;
    let mut places = Map::new();
    for value in values {
        let offset = end.checked_next_multiple_of(value.align);
        let next = offset.and_then(|o| o.checked_add(value.size));
        let Some(found) = p.spec.externs.get_mut(value.index) else {
            continue;
        };
        let (Some(offset), Some(next)) = (offset, next.filter(|&n| n <= super::data::MAX_DATA))
        else {
            let what = "the .kconfig variables are too large";
            found.error = Some(Error::new(ErrorKind::TooLarge, what).of_symbol(&found.name));
            continue;
        };
        end = next;
        places.insert(found.name.clone(), offset);
        found.kind = ExternKind::Kconfig {
            map,
            offset,
            size: value.size,
            ty: value.ty,
            value: value.kind,
        };
    }
    let data = Data {
        section: ".kconfig".to_owned(),
        kind: DataKind::Kconfig,
        size: end,
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
        size: end,
        variables: places,
        ..SectionLayout::default()
    });
}
