//! Deduplication of real types: what remains says what was said before.
#![cfg(feature = "btf-edit")]

mod kernel;

use kernel::vmlinux;
use skep_codec::btf::{Btf, BtfBuilder, IdMap, Kind, Type, TypeId};
use skep_codec::bytes::Endian;
use std::sync::Arc;

#[path = "../../../fuzz/src/seeds.rs"]
#[allow(dead_code, unreachable_pub, reason = "a library in the fuzz workspace")]
mod seeds;

/// The BTF of the committed objects of this byte order.
fn objects(endian: Endian) -> Vec<Btf> {
    let sections = seeds::objects().into_iter().map(|(_, object)| {
        let types = seeds::section(&object, ".BTF").unwrap();
        Btf::from_bytes(types).unwrap()
    });
    sections.filter(|btf| btf.endian() == endian).collect()
}

fn references(ty: &Type<'_>) -> Vec<TypeId> {
    let array = ty.array().ok();
    let array = array.iter().flat_map(|array| [array.element, array.index]);
    ty.target()
        .into_iter()
        .chain(ty.members().map(|member| member.unwrap().ty))
        .chain(ty.params().map(|param| param.unwrap().ty))
        .chain(ty.variables().map(|variable| variable.unwrap().ty))
        .chain(array)
        .collect()
}

/// All that a type says but for the ids in it.
fn outline(ty: &Type<'_>) -> String {
    let members = ty.members().map(|member| member.unwrap());
    let members: Vec<_> = members
        .map(|m| (m.name, m.bit_offset, m.bit_size))
        .collect();
    let params: Vec<_> = ty.params().map(|param| param.unwrap().name).collect();
    let values: Vec<_> = ty.enumerators().map(|e| e.unwrap()).collect();
    let head = (ty.kind(), ty.kind_flag(), ty.vlen(), ty.size());
    let rest = (ty.int().ok(), ty.linkage().ok(), ty.component().ok());
    let len = ty.array().map(|array| array.len).ok();
    let name = ty.name().unwrap();
    format!("{name} {head:?} {rest:?} {len:?} {members:?} {params:?} {values:?}")
}

/// Each type stands where the map says, and what it referred to is what that refers to: with this
/// true of every type the graphs are equal. Returns how many declarations found definitions.
fn assert_faithful(before: &Btf, after: &Btf, map: &IdMap) -> usize {
    let mut defined = 0;
    for old in before.iter() {
        let new = after.ty(map.get(old.id())).unwrap();
        let declaration = old.kind() == Kind::Fwd || (old.kind().is_enum() && old.vlen() == 0);
        if declaration && (new.kind() != Kind::Fwd || new.vlen() != 0) {
            assert_eq!(old.name().unwrap(), new.name().unwrap());
            defined += 1;
            continue;
        }
        assert_eq!(outline(&old), outline(&new));
        let mapped: Vec<_> = references(&old).iter().map(|id| map.get(*id)).collect();
        assert_eq!(mapped, references(&new), "{old:?} is {new:?}");
    }
    defined
}

#[test]
fn a_kernels_types_are_all_different_and_twice_they_are_the_same() {
    let Some(btf) = vmlinux() else { return };
    let mut b = BtfBuilder::from_btf(&btf).unwrap();
    let before = b.to_btf(Endian::NATIVE).unwrap();
    let map = b.dedup().unwrap();
    let after = b.to_btf(Endian::NATIVE).unwrap();
    assert_eq!(after.id_end(), btf.id_end());
    assert_eq!(assert_faithful(&before, &after, &map), 0);
    b.append(&btf).unwrap();
    b.dedup().unwrap();
    // Variables and their sections stay, each by itself.
    let own = |ty: &Type<'_>| matches!(ty.kind(), Kind::Var | Kind::Datasec);
    let own = btf.iter().filter(own).count();
    assert_eq!(b.next_id().0, btf.id_end() + own as u32);
}

#[test]
fn objects_of_either_byte_order_say_the_same_together() {
    let counts = [Endian::Little, Endian::Big].map(|endian| {
        let mut b = BtfBuilder::new();
        for object in objects(endian) {
            b.append(&object).unwrap();
        }
        let before = b.to_btf(endian).unwrap();
        let map = b.dedup().unwrap();
        let after = b.to_btf(endian).unwrap();
        assert_faithful(&before, &after, &map);
        // libraries' and compilers' types are in every object; `char` has a sign to one compiler, and
        // to the other not.
        for (name, count) in [("int", 1), ("__u32", 1), ("char", 2)] {
            let named = after.iter().filter(|ty| ty.name().unwrap() == name);
            assert_eq!(named.count(), count, "{name}");
        }
        (before.iter().count(), after.iter().count())
    });
    assert_eq!(counts[0], counts[1]);
    let (before, after) = counts[0];
    assert!(after * 3 < before * 2, "{after} of {before} types left");
}

#[test]
fn objects_on_a_kernels_types_use_those() {
    let Some(kernel) = vmlinux() else { return };
    let kernel = Arc::new(kernel);
    let mut b = BtfBuilder::split(kernel.clone());
    for object in objects(Endian::NATIVE) {
        b.append(&object).unwrap();
    }
    let before = b.to_btf(Endian::NATIVE).unwrap();
    let map = b.dedup().unwrap();
    let after = b.to_btf(Endian::NATIVE).unwrap();
    assert_faithful(&before, &after, &map);
    let int = kernel.find("int", Some(Kind::Int)).unwrap();
    let ints = before.iter().filter(|ty| ty.name().unwrap() == "int");
    let ints: Vec<_> = ints.map(|ty| map.get(ty.id())).collect();
    assert!(
        ints.len() > 5 && ints.iter().all(|id| *id == int),
        "{ints:?}"
    );
}

#[test]
fn types_on_a_distilled_base_find_the_kernels_again() {
    let Some(kernel) = vmlinux() else { return };
    let kernel = Arc::new(kernel);
    let mut b = BtfBuilder::split(kernel.clone());
    for object in objects(Endian::NATIVE) {
        b.append(&object).unwrap();
    }
    b.dedup().unwrap();
    let split = b.to_btf(Endian::NATIVE).unwrap();
    let distilled = split.distill_base().unwrap();
    let base = distilled.base().unwrap();
    assert!(base.as_bytes().len() < 4096, "{base:?}");
    // On the kernel's own types again, and equal to what it was but for what was copied.
    let back = distilled.relocate(kernel).unwrap();
    assert!(back.iter().count() >= split.iter().count());
    let mut b = BtfBuilder::from_btf(&back).unwrap();
    b.dedup().unwrap();
    let back = b.to_btf(Endian::NATIVE).unwrap();
    let said = |btf: &Btf| btf.iter().map(|ty| outline(&ty)).collect::<Vec<_>>();
    assert_eq!(said(&back), said(&split));
}
