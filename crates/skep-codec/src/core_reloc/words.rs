//! Types in words, for errors.

use crate::btf::{Btf, Kind, TypeId};
use crate::text::joined;
use alloc::string::String;
use alloc::vec::Vec;

/// Nesting that is written out.
const DEPTH: u32 = 6;

/// A type as C would say it: `struct task_struct`, `char[16]`, `int (struct sk_buff *, u32)`.
pub fn type_text(btf: &Btf, id: TypeId) -> String {
    text(btf, id, DEPTH)
}

fn text(btf: &Btf, id: TypeId, depth: u32) -> String {
    let Ok(ty) = btf.ty(id) else {
        return format!("type {}", id.0);
    };
    let Some(depth) = depth.checked_sub(1) else {
        return "...".into();
    };
    let name = match ty.name() {
        Ok("") | Err(_) => "(anonymous)",
        Ok(name) => name,
    };
    let target = |depth| text(btf, ty.target().unwrap_or_default(), depth);
    match ty.kind() {
        Kind::Void => "void".into(),
        Kind::Struct => format!("struct {name}"),
        Kind::Union => format!("union {name}"),
        Kind::Enum | Kind::Enum64 => format!("enum {name}"),
        Kind::Fwd if ty.kind_flag() => format!("union {name}"),
        Kind::Fwd => format!("struct {name}"),
        Kind::Ptr => {
            let target = target(depth);
            let blank = if target.ends_with('*') { "" } else { " " };
            format!("{target}{blank}*")
        }
        Kind::Const => format!("const {}", target(depth)),
        Kind::Volatile | Kind::Restrict | Kind::TypeTag => target(depth),
        Kind::Array => match ty.array() {
            Ok(array) => format!("{}[{}]", text(btf, array.element, depth), array.len),
            Err(_) => "array".into(),
        },
        Kind::FuncProto => {
            let params = ty.params().filter_map(Result::ok);
            let params: Vec<String> = params.map(|p| text(btf, p.ty, depth)).collect();
            format!("{} ({})", target(depth), joined(&params, ", "))
        }
        _ => name.into(),
    }
}
