//! Types as text and as JSON.

use crate::out::printable;
use serde_json::{Value, json};
use skep::codec::Result;
use skep::codec::btf::{Btf, Kind, Type};
use std::fmt::Write;

/// A type as lines of text: the first for itself, one more for each element.
pub(crate) fn text(btf: &Btf, ty: &Type<'_>, out: &mut String) -> Result<()> {
    let (kind, name) = (kind_name(ty.kind()), named(ty.name()?));
    let _ = write!(out, "[{}] {kind} '{name}'", ty.id().0);
    head(ty, out)?;
    out.push('\n');
    elements(btf, ty, out)
}

/// Writing to a string does not fail: what `write!` answers is dropped.
fn head(ty: &Type<'_>, out: &mut String) -> Result<()> {
    let size = ty.size().unwrap_or_default();
    let target = ty.target().unwrap_or_default().0;
    let vlen = ty.vlen();
    let _ = match ty.kind() {
        Kind::Int => {
            let int = ty.int()?;
            write!(
                out,
                " size={size} bits_offset={} nr_bits={} encoding={}",
                int.offset,
                int.bits,
                encoding(ty)?
            )
        }
        Kind::Array => {
            let array = ty.array()?;
            let (element, index) = (array.element.0, array.index.0);
            write!(
                out,
                " type_id={element} index_type_id={index} nr_elems={}",
                array.len
            )
        }
        Kind::Struct | Kind::Union | Kind::Datasec => write!(out, " size={size} vlen={vlen}"),
        Kind::Enum | Kind::Enum64 => {
            write!(out, " encoding={} size={size} vlen={vlen}", encoding(ty)?)
        }
        Kind::Fwd => write!(out, " fwd_kind={}", fwd_kind(ty)),
        Kind::Func => write!(out, " type_id={target} linkage={}", linkage(ty)?),
        Kind::Var => write!(out, " type_id={target}, linkage={}", linkage(ty)?),
        Kind::FuncProto => write!(out, " ret_type_id={target} vlen={vlen}"),
        Kind::Float => write!(out, " size={size}"),
        Kind::DeclTag => write!(out, " type_id={target} component_idx={}", ty.component()?),
        _ if ty.target().is_some() => write!(out, " type_id={target}"),
        _ => write!(out, " vlen={vlen} bytes={}", ty.tail().len()),
    };
    Ok(())
}

fn elements(btf: &Btf, ty: &Type<'_>, out: &mut String) -> Result<()> {
    for member in ty.members() {
        let member = member?;
        let (name, id, offset) = (named(member.name), member.ty.0, member.bit_offset);
        let _ = write!(out, "\t'{name}' type_id={id} bits_offset={offset}");
        if member.bit_size != 0 {
            let _ = write!(out, " bitfield_size={}", member.bit_size);
        }
        out.push('\n');
    }
    let suffix = match (ty.kind(), ty.is_signed_enum()) {
        (Kind::Enum64, true) => "LL",
        (Kind::Enum64, false) => "ULL",
        _ => "",
    };
    for enumerator in ty.enumerators() {
        let enumerator = enumerator?;
        let (name, value) = (named(enumerator.name), enumerator.value);
        let _ = match ty.is_signed_enum() {
            true => writeln!(out, "\t'{name}' val={value}{suffix}"),
            false => writeln!(out, "\t'{name}' val={}{suffix}", value as u64),
        };
    }
    for param in ty.params() {
        let param = param?;
        let _ = writeln!(out, "\t'{}' type_id={}", named(param.name), param.ty.0);
    }
    for variable in ty.variables() {
        let variable = variable?;
        let (id, offset, size) = (variable.ty.0, variable.offset, variable.size);
        let target = btf.ty(variable.ty)?;
        let (kind, name) = (kind_name(target.kind()), named(target.name()?));
        let _ = writeln!(
            out,
            "\ttype_id={id} offset={offset} size={size} ({kind} '{name}')"
        );
    }
    Ok(())
}

/// A type as one JSON object.
pub(crate) fn json(ty: &Type<'_>) -> Result<Value> {
    let mut object = json!({
        "id": ty.id().0,
        "kind": kind_name(ty.kind()),
        "name": (!ty.is_anonymous()).then_some(ty.name()?),
    });
    let mut set = |key: &str, value: Value| object[key] = value;
    if let Some(size) = ty.size() {
        set("size", json!(size));
    }
    if let Some(target) = ty.target() {
        let key = match ty.kind() {
            Kind::FuncProto => "ret_type_id",
            _ => "type_id",
        };
        set(key, json!(target.0));
    }
    match ty.kind() {
        Kind::Int => {
            let int = ty.int()?;
            set("bits_offset", json!(int.offset));
            set("nr_bits", json!(int.bits));
            set("encoding", json!(encoding(ty)?));
        }
        Kind::Array => {
            let array = ty.array()?;
            set("type_id", json!(array.element.0));
            set("index_type_id", json!(array.index.0));
            set("nr_elems", json!(array.len));
        }
        Kind::Enum | Kind::Enum64 => {
            set("encoding", json!(encoding(ty)?));
            set("values", enumerators(ty)?);
        }
        Kind::Struct | Kind::Union => set("members", members(ty)?),
        Kind::FuncProto => set("params", params(ty)?),
        Kind::Datasec => set("vars", variables(ty)?),
        Kind::Fwd => set("fwd_kind", json!(fwd_kind(ty))),
        Kind::Func | Kind::Var => set("linkage", json!(linkage(ty)?)),
        Kind::DeclTag => set("component_idx", json!(ty.component()?)),
        _ => {}
    }
    Ok(object)
}

fn members(ty: &Type<'_>) -> Result<Value> {
    let rows = ty.members().map(|member| {
        let member = member?;
        let mut row = json!({
            "name": (!member.name.is_empty()).then_some(member.name),
            "type_id": member.ty.0,
            "bits_offset": member.bit_offset,
        });
        if member.bit_size != 0 {
            row["bitfield_size"] = json!(member.bit_size);
        }
        Ok(row)
    });
    rows.collect::<Result<_>>().map(Value::Array)
}

fn enumerators(ty: &Type<'_>) -> Result<Value> {
    let rows = ty.enumerators().map(|enumerator| {
        let enumerator = enumerator?;
        Ok(match ty.is_signed_enum() {
            true => json!({"name": enumerator.name, "val": enumerator.value}),
            false => json!({"name": enumerator.name, "val": enumerator.value as u64}),
        })
    });
    rows.collect::<Result<_>>().map(Value::Array)
}

fn params(ty: &Type<'_>) -> Result<Value> {
    let rows = ty.params().map(|param| {
        let param = param?;
        let name = (!param.name.is_empty()).then_some(param.name);
        Ok(json!({"name": name, "type_id": param.ty.0}))
    });
    rows.collect::<Result<_>>().map(Value::Array)
}

fn variables(ty: &Type<'_>) -> Result<Value> {
    let rows = ty.variables().map(|variable| {
        let variable = variable?;
        let (offset, size) = (variable.offset, variable.size);
        Ok(json!({"type_id": variable.ty.0, "offset": offset, "size": size}))
    });
    rows.collect::<Result<_>>().map(Value::Array)
}

fn named(name: &str) -> String {
    match name {
        "" => "(anon)".to_owned(),
        name => printable(name),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Void => "VOID",
        Kind::Int => "INT",
        Kind::Ptr => "PTR",
        Kind::Array => "ARRAY",
        Kind::Struct => "STRUCT",
        Kind::Union => "UNION",
        Kind::Enum => "ENUM",
        Kind::Fwd => "FWD",
        Kind::Typedef => "TYPEDEF",
        Kind::Volatile => "VOLATILE",
        Kind::Const => "CONST",
        Kind::Restrict => "RESTRICT",
        Kind::Func => "FUNC",
        Kind::FuncProto => "FUNC_PROTO",
        Kind::Var => "VAR",
        Kind::Datasec => "DATASEC",
        Kind::Float => "FLOAT",
        Kind::DeclTag => "DECL_TAG",
        Kind::TypeTag => "TYPE_TAG",
        Kind::Enum64 => "ENUM64",
        _ => "UNKNOWN",
    }
}

/// How an integer or enum is to be read.
fn encoding(ty: &Type<'_>) -> Result<&'static str> {
    if ty.kind().is_enum() {
        return Ok(if ty.is_signed_enum() {
            "SIGNED"
        } else {
            "UNSIGNED"
        });
    }
    let int = ty.int()?;
    Ok(match (int.signed, int.char, int.bool) {
        (false, false, false) => "(none)",
        (true, false, false) => "SIGNED",
        (false, true, false) => "CHAR",
        (false, false, true) => "BOOL",
        _ => "UNKN",
    })
}

fn fwd_kind(ty: &Type<'_>) -> &'static str {
    if ty.kind_flag() { "union" } else { "struct" }
}

fn linkage(ty: &Type<'_>) -> Result<&'static str> {
    Ok(match ty.linkage()? {
        0 => "static",
        1 => "global",
        2 => "extern",
        _ => "(unknown)",
    })
}
