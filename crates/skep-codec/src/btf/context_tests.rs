//! What a kernel that does not read `arg:ctx` is told in its place.

use super::tests::int;
use super::*;
use crate::bytes::Endian;
use crate::uapi::bpf::ProgType;
use std::vec::Vec;

/// Functions of one tagged parameter each, by the type of that parameter.
struct Funcs {
    btf: Btf,
    void: TypeId,
    buff: TypeId,
    regs: TypeId,
    user_regs: TypeId,
    words: TypeId,
    number: TypeId,
}

fn funcs(endian: Endian) -> Funcs {
    let mut b = BtfBuilder::new();
    let int_ = int(&mut b, "int", 4, true);
    let word = int(&mut b, "unsigned long long", 8, false);
    let func = |b: &mut BtfBuilder, name: &str, ty: TypeId| {
        let params = [
            Param {
                name: "more",
                ty: int_,
            },
            Param { name: "ctx", ty },
        ];
        let proto = b.add_func_proto(int_, &params);
        b.add_func(name, proto, 1)
    };
    let constant = b.add_const(TypeId::VOID);
    let void_ptr = b.add_ptr(constant);
    let void = func(&mut b, "void", void_ptr);
    let buff = b.add_struct("__sk_buff", 8, &[]);
    let buff_ptr = b.add_ptr(buff);
    let buff = func(&mut b, "buff", buff_ptr);
    let regs = b.add_struct("pt_regs", 8, &[]);
    let regs_ptr = b.add_ptr(regs);
    let user = b.add_typedef("bpf_user_pt_regs_t", regs);
    let regs = func(&mut b, "regs", regs_ptr);
    let user_ptr = b.add_ptr(user);
    let user_regs = func(&mut b, "user_regs", user_ptr);
    let word_ptr = b.add_ptr(word);
    let words = func(&mut b, "words", word_ptr);
    let number = func(&mut b, "number", int_);
    Funcs {
        btf: Btf::from_bytes(&b.to_bytes(endian).unwrap()).unwrap(),
        void,
        buff,
        regs,
        user_regs,
        words,
        number,
    }
}

#[test]
fn each_type_of_program_has_its_own_name_for_its_context() {
    for endian in [Endian::Little, Endian::Big] {
        let f = funcs(endian);
        let all = [f.void, f.buff, f.regs, f.user_regs, f.words, f.number];
        let args = all.map(|func| ContextArg { func, index: 1 });
        // Each type, what its context is called, and the functions that must be said anew. Twice
        // the same type is once.
        let wanted: [(ProgType, &str, &[TypeId]); 5] = [
            (ProgType::SOCKET_FILTER, "__sk_buff", &[f.void]),
            (ProgType::XDP, "xdp_md", &[f.void]),
            (ProgType::KPROBE, "bpf_user_pt_regs_t", &[f.void, f.regs]),
            (
                ProgType::RAW_TRACEPOINT,
                "bpf_raw_tracepoint_args",
                &[f.void, f.words],
            ),
            (ProgType::TRACING, "", &[]),
        ];
        let types: Vec<ProgType> = wanted.iter().map(|w| w.0).chain([ProgType::XDP]).collect();
        let (named, replaced) = with_named_contexts(&f.btf, &args, &types).unwrap();
        for (prog_type, name, changed) in wanted {
            for func in all {
                let new = replaced.get(&(prog_type, func));
                assert_eq!(
                    new.is_some(),
                    changed.contains(&func),
                    "{prog_type} {func:?}"
                );
                let Some(&new) = new else {
                    continue;
                };
                let (old, new) = (named.ty(func).unwrap(), named.ty(new).unwrap());
                assert_eq!(new.name().unwrap(), old.name().unwrap());
                assert_eq!(new.linkage().unwrap(), 1);
                let params = |ty: Type<'_>| -> Vec<_> {
                    let proto = named.ty(ty.target().unwrap()).unwrap();
                    proto
                        .params()
                        .map(Result::unwrap)
                        .map(|p| (p.name, p.ty))
                        .collect()
                };
                let (old, new) = (params(old), params(new));
                assert_eq!(new[0], old[0]);
                assert_eq!(new[1].0, "ctx");
                let context = named.ty(named.ty(new[1].1).unwrap().target().unwrap());
                let context = context.unwrap();
                assert_eq!(
                    (context.kind(), context.name().unwrap()),
                    (Kind::Struct, name)
                );
            }
        }
        assert_eq!(replaced.len(), 6);
        // What was there is as it was.
        assert!(f.btf.iter().all(|ty| {
            let same = named.ty(ty.id()).unwrap();
            (same.kind(), same.name(), same.tail()) == (ty.kind(), ty.name(), ty.tail())
        }));
    }
}

#[test]
fn a_tag_on_nothing_changes_nothing() {
    let f = funcs(Endian::Little);
    let tags = [
        (f.void, 2),
        (f.void, u32::MAX),
        (f.number, 0),
        (f.number, 1),
    ];
    let args = tags.map(|(func, index)| ContextArg { func, index });
    let (_, replaced) = with_named_contexts(&f.btf, &args, &[ProgType::XDP]).unwrap();
    assert!(replaced.is_empty());
    let args = [ContextArg {
        func: TypeId(9999),
        index: 0,
    }];
    assert!(with_named_contexts(&f.btf, &args, &[ProgType::XDP]).is_err());
}
