//! The running kernel's BTF, where there is one.

mod kernel;

use kernel::{PATH, vmlinux};
use skep_codec::btf::{
    Btf, BtfBuilder, CoreKind, CoreRelo, Int, Kind, Kinds, Member, Type, Wanted,
};
use skep_codec::bytes::Endian;
use skep_codec::core_reloc::{Resolution, Resolver};
use std::sync::Arc;

#[test]
fn names_found_by_the_scan_are_those_that_iteration_finds() {
    let Some(btf) = vmlinux() else { return };
    let names = [
        "task_struct",
        "u8",
        "int",
        "bpf_map",
        "list_head",
        "pid_t",
        "no_such_type",
    ];
    let wanted = Wanted::new(names.iter().map(|name| (*name, Kinds::ALL)));
    let found = btf.find_many(&wanted);
    for (name, ids) in names.iter().zip(&found) {
        let slow: Vec<_> = btf
            .iter()
            .filter(|ty| ty.name().unwrap() == *name)
            .map(|ty| ty.id())
            .collect();
        assert_eq!(*ids, slow, "{name}");
        assert_eq!(btf.find(name, None), slow.first().copied(), "{name}");
    }
    assert!(found[0].len() == 1 && found[6].is_empty());
}

#[test]
fn members_lie_inside_their_structs() {
    let Some(btf) = vmlinux() else { return };
    let mut seen = 0;
    for ty in btf.iter().filter(|ty| ty.kind() == Kind::Struct) {
        let bits = u64::from(ty.size().unwrap()) * 8;
        for member in ty.members() {
            let member = member.unwrap();
            let width = match member.bit_size {
                0 => btf.size_of(member.ty).unwrap() * 8,
                width => u64::from(width),
            };
            assert!(
                u64::from(member.bit_offset) + width <= bits,
                "{ty:?}.{}",
                member.name
            );
            seen += 1;
        }
    }
    assert!(seen > 1000, "{seen} members");
}

/// Bit offset of a member, looked for in the plainest way.
fn plain_offset(btf: &Btf, ty: &Type<'_>, name: &str) -> Option<u64> {
    for member in ty.members() {
        let member = member.unwrap();
        let offset = u64::from(member.bit_offset);
        if member.name == name {
            return Some(offset);
        }
        if member.name.is_empty() {
            let inner = btf.peel(member.ty).unwrap();
            if let Some(inner) = plain_offset(btf, &inner, name) {
                return Some(offset + inner);
            }
        }
    }
    None
}

#[test]
fn fields_of_the_kernel_are_where_a_plain_walk_finds_them() {
    let Some(btf) = vmlinux() else { return };
    let mut local = BtfBuilder::new();
    let int = Int {
        signed: false,
        char: false,
        bool: false,
        offset: 0,
        bits: 32,
    };
    let int = local.add_int("unsigned int", 4, int);
    let mut asked = Vec::new();
    let structs = btf.iter().filter(|ty| ty.kind() == Kind::Struct);
    for ty in structs.step_by(7) {
        let name = ty.name().unwrap();
        let same = Wanted::essential([(name, Kinds::of(Kind::Struct))]);
        if name.is_empty() || btf.find_many(&same)[0].len() != 1 {
            continue;
        }
        // The program's struct has the kernel's integers only, and in another order.
        let mut names: Vec<&str> = ty
            .members()
            .map(|member| member.unwrap())
            .filter(|m| m.bit_size == 0 && btf.peel(m.ty).unwrap().kind() == Kind::Int)
            .map(|member| member.name)
            .collect();
        names.reverse();
        let members: Vec<Member<'_>> = (0_u32..)
            .zip(&names)
            .map(|(place, name)| Member {
                name,
                ty: int,
                bit_offset: place * 32,
                bit_size: 0,
            })
            .collect();
        let flavoured = format!("{name}___mine");
        let id = local.add_struct(&flavoured, names.len() as u32 * 4, &members);
        for (place, name) in names.iter().enumerate() {
            let expected = plain_offset(&btf, &ty, name).unwrap() / 8;
            let access_off = local.add_string(&format!("0:{place}"));
            let kind = CoreKind::FieldByteOffset;
            let relo = CoreRelo {
                insn_off: 0,
                type_id: id,
                access_off,
                kind,
            };
            asked.push((relo, place as u64 * 4, expected));
        }
    }
    let local = Btf::from_bytes(&local.to_bytes(Endian::NATIVE).unwrap()).unwrap();
    let mut resolver = Resolver::new(&local, asked.iter().map(|(relo, ..)| relo));
    resolver.add_target("vmlinux", &btf);
    assert!(!resolver.wants_more());
    for (relo, local, target) in &asked {
        let Ok(Resolution::Value(value)) = resolver.resolve(relo) else {
            panic!("{} not found", resolver.describe(relo));
        };
        let what = resolver.describe(relo);
        assert_eq!((value.local, value.target), (*local, *target), "{what}");
    }
    assert!(asked.len() > 200, "{} relocations", asked.len());
}

#[test]
fn a_field_is_found_by_the_names_that_lead_to_it() {
    let Some(btf) = vmlinux() else { return };
    let offset = |name, member| {
        let id = btf.find(name, Some(Kind::Struct)).unwrap();
        plain_offset(&btf, &btf.ty(id).unwrap(), member).unwrap()
    };
    let field = btf.field("task_struct.mm.pgd").unwrap();
    let expected = [offset("task_struct", "mm"), offset("mm_struct", "pgd")];
    assert_eq!(field.bit_offsets, expected);
    let comm = btf.field("task_struct.comm[3]").unwrap();
    assert_eq!(comm.bit_offsets, [offset("task_struct", "comm") + 24]);
}

#[test]
fn a_task_is_decoded_from_its_bytes() {
    let Some(btf) = vmlinux() else { return };
    let task = btf.find("task_struct", Some(Kind::Struct)).unwrap();
    let ty = btf.ty(task).unwrap();
    let mut bytes = vec![0; ty.size().unwrap() as usize];
    let at = |name| plain_offset(&btf, &ty, name).unwrap() as usize / 8;
    bytes[at("pid")..][..4].copy_from_slice(&4321_i32.to_ne_bytes());
    bytes[at("comm")..][..3].copy_from_slice(b"sh\0");
    let text = btf.decode(task, &bytes).unwrap().to_string();
    assert!(
        text.contains(" pid = 4321,") && text.contains(" comm = \"sh\","),
        "{text}"
    );
    assert!(btf.decode(task, &bytes[1..]).is_err());
}

#[cfg(feature = "dump-c")]
#[test]
fn the_kernels_header_is_the_same_every_time() {
    let Some(btf) = vmlinux() else { return };
    let text = skep_codec::btf::dump_c_header(&btf, &[], "__VMLINUX_H__").unwrap();
    let again = skep_codec::btf::dump_c_header(&btf, &[], "__VMLINUX_H__").unwrap();
    assert!(text == again);
    assert!(text.starts_with("#ifndef __VMLINUX_H__\n"));
    assert_eq!(text.matches("\nstruct task_struct {\n").count(), 1);
    assert_eq!(text.matches("\ntypedef int pid_t;\n").count(), 0);
    assert_eq!(text.matches("\ntypedef __kernel_pid_t pid_t;\n").count(), 1);
}

/// `cargo test --release -p skep-codec --test vmlinux -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn time_to_open_and_find() {
    let bytes: Arc<Vec<u8>> = Arc::new(std::fs::read(PATH).unwrap());
    let names: Vec<String> = {
        let btf = Btf::parse(bytes.clone(), None).unwrap();
        let structs = btf.iter().filter(|ty| ty.kind() == Kind::Struct);
        let named = structs.filter_map(|ty| ty.name().ok().filter(|n| !n.is_empty()));
        named.step_by(97).take(72).map(String::from).collect()
    };
    let best = |what: &str, run: &mut dyn FnMut()| {
        let times = (0..50).map(|_| {
            let start = std::time::Instant::now();
            run();
            start.elapsed()
        });
        println!("{what}: {:?}", times.min().unwrap());
    };
    best("parse", &mut || {
        drop(Btf::parse(bytes.clone(), None).unwrap())
    });
    let btf = Btf::parse(bytes.clone(), None).unwrap();
    best("find a struct", &mut || {
        assert!(btf.find("task_struct", Some(Kind::Struct)).is_some())
    });
    best("find a function that is not there", &mut || {
        assert!(btf.find("no_such", Some(Kind::Func)).is_none())
    });
    best("find anything that is not there", &mut || {
        assert!(btf.find("no_such", None).is_none())
    });
    let kinds = [Kind::Union, Kind::Enum, Kind::Typedef, Kind::Int];
    let kinds = kinds.iter().fold(Kinds::of(Kind::Struct), |all, kind| {
        all.or(Kinds::of(*kind))
    });
    best("find 72 names", &mut || {
        let wanted = Wanted::essential(names.iter().map(|name| (name.as_str(), kinds)));
        assert!(btf.find_many(&wanted).iter().all(|ids| !ids.is_empty()));
    });
}
