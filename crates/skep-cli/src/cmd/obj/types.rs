//! Types in a few words.

use skep::codec::btf::{Btf, Kind, TypeId};

/// Types that refer to each other further than this are cut short.
const MAX_DEPTH: u32 = 8;

/// The name of a type as C has it, without its members; `None` for `void` and what is not known.
pub(super) fn name(btf: Option<&Btf>, id: TypeId) -> Option<String> {
    let btf = btf.filter(|_| id != TypeId::VOID)?;
    Some(words(btf, id, MAX_DEPTH))
}

fn words(btf: &Btf, id: TypeId, depth: u32) -> String {
    let (Some(depth), Ok(ty)) = (depth.checked_sub(1), btf.ty(id)) else {
        return "...".to_owned();
    };
    let own = ty.name().unwrap_or("?");
    let target = || words(btf, ty.target().unwrap_or_default(), depth);
    match ty.kind() {
        Kind::Void => "void".to_owned(),
        Kind::Ptr => format!("{} *", target()).replace("* *", "**"),
        Kind::Const => format!("const {}", target()),
        Kind::Volatile => format!("volatile {}", target()),
        Kind::Restrict | Kind::TypeTag => target(),
        Kind::Struct => tagged("struct", own),
        Kind::Union => tagged("union", own),
        Kind::Enum | Kind::Enum64 => tagged("enum", own),
        Kind::Fwd if ty.kind_flag() => tagged("union", own),
        Kind::Fwd => tagged("struct", own),
        Kind::Array => match ty.array() {
            Ok(array) => {
                let element = words(btf, array.element, depth);
                // Of several dimensions the outer one stands first.
                let (base, rest) = element.split_once('[').unwrap_or((&element, ""));
                let rest = if rest.is_empty() {
                    String::new()
                } else {
                    format!("[{rest}")
                };
                format!("{base}[{}]{rest}", array.len)
            }
            Err(_) => "?".to_owned(),
        },
        Kind::FuncProto => {
            let params = ty.params().map(|param| match param {
                Ok(param) => words(btf, param.ty, depth),
                Err(_) => "?".to_owned(),
            });
            format!("{}({})", target(), params.collect::<Vec<_>>().join(", "))
        }
        Kind::Func | Kind::Var => target(),
        _ => own.to_owned(),
    }
}

fn tagged(tag: &str, name: &str) -> String {
    match name {
        "" => format!("{tag} {{...}}"),
        name => format!("{tag} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep::codec::btf::{Array, BtfBuilder, Int, Param};
    use skep::codec::bytes::Endian;

    #[test]
    fn types_in_a_few_words() {
        let mut b = BtfBuilder::new();
        let int = Int {
            signed: true,
            char: false,
            bool: false,
            offset: 0,
            bits: 32,
        };
        let int = b.add_int("int", 4, int);
        let row = b.add_array(Array {
            element: int,
            index: int,
            len: 3,
        });
        let table = b.add_array(Array {
            element: row,
            index: int,
            len: 2,
        });
        let constant = b.add_const(int);
        let pointer = b.add_ptr(constant);
        let twice = b.add_ptr(pointer);
        let task = b.add_fwd("task_struct", false);
        let nameless = b.add_struct("", 0, &[]);
        let params = [Param {
            name: "",
            ty: twice,
        }];
        let function = b.add_func_proto(TypeId::VOID, &params);
        let circle = b.add_ptr(b.next_id());
        let btf = Btf::from_bytes(&b.to_bytes(Endian::Little).unwrap()).unwrap();
        let cases = [
            (table, "int[2][3]"),
            (pointer, "const int *"),
            (twice, "const int **"),
            (task, "struct task_struct"),
            (nameless, "struct {...}"),
            (function, "void(const int **)"),
        ];
        for (id, want) in cases {
            assert_eq!(name(Some(&btf), id).as_deref(), Some(want));
        }
        assert!(name(Some(&btf), circle).unwrap().contains("..."));
        assert_eq!(name(Some(&btf), TypeId::VOID), None);
        assert_eq!(name(None, table), None);
    }
}
