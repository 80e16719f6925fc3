//! `.BTF.ext` put together by hand, whole and broken.

use super::tests::{Random, built};
use super::*;
use crate::ErrorKind;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

/// A header of `header_len` bytes and the three parts.
fn ext(endian: Endian, header_len: u32, parts: [&[u32]; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(endian.put_u16(0xeb9f));
    out.extend([1, 0]);
    let mut head = vec![header_len];
    let mut at = 0;
    for part in parts {
        let len = part.len() as u32 * 4;
        head.extend([at, len]);
        at += len;
    }
    head.resize((header_len as usize - 4) / 4, 0);
    for word in head.iter().chain(parts.into_iter().flatten()) {
        out.extend(endian.put_u32(*word));
    }
    out
}

/// Names at 1 ("xdp"), 5 ("tc") and 8 ("0:1").
fn names(endian: Endian) -> Btf {
    let mut b = BtfBuilder::new();
    for name in ["xdp", "tc", "0:1"] {
        b.add_string(name);
    }
    built(&b, endian)
}

#[test]
fn records_are_sorted_by_section() {
    for endian in [Endian::Little, Endian::Big] {
        let btf = names(endian);
        let funcs = [8, 5, 1, 0, 7, 1, 2, 0, 8, 64, 9];
        // Records with a word more than is known.
        let lines = [20, 1, 1, 16, 8, 5, 12 << 10 | 34, 0xdead];
        let relos = [16, 1, 2, 8, 3, 8, 0, 24, 3, 8, 12];
        let ext = BtfExt::parse(&ext(endian, 40, [&funcs, &lines, &relos]), &btf).unwrap();
        assert_eq!(ext.errors, []);
        let func = |insn_off, id| FuncInfo {
            insn_off,
            type_id: TypeId(id),
        };
        assert_eq!(ext.func_info["xdp"], [func(0, 8), func(64, 9)]);
        assert_eq!(ext.func_info["tc"], [func(0, 7)]);
        let line = ext.line_info["xdp"][0];
        assert_eq!(
            (line.insn_off, line.file_name_off, line.line_off),
            (16, 8, 5)
        );
        assert_eq!((line.line(), line.column()), (12, 34));
        let kinds: Vec<_> = ext.all_core_relos().map(|r| (r.insn_off, r.kind)).collect();
        let expected = [(8, CoreKind::FieldByteOffset), (24, CoreKind::TypeMatches)];
        assert_eq!(kinds, expected);
    }
}

#[test]
fn an_old_header_has_no_relocations() {
    let btf = names(Endian::Little);
    let bytes = ext(Endian::Little, 24, [&[8, 1, 1, 0, 7], &[], &[]]);
    let ext = BtfExt::parse(&bytes[..44], &btf).unwrap();
    assert_eq!(ext.func_info["xdp"].len(), 1);
    assert!(ext.core_relos.is_empty() && ext.errors.is_empty());
}

#[test]
fn an_error_costs_only_its_own_section() {
    let btf = names(Endian::Little);
    let funcs = [8, 99, 1, 0, 7, 1, 1, 0, 8, 5, 9, 0, 0];
    let relos = [16, 5, 1, 0, 3, 8, 13, 1, 1, 8, 3, 8, 0];
    let bytes = ext(Endian::Little, 32, [&funcs, &[12, 1, 1, 0], &relos]);
    let ext = BtfExt::parse(&bytes, &btf).unwrap();
    assert_eq!(ext.func_info.keys().collect::<Vec<_>>(), ["xdp"]);
    assert_eq!(ext.core_relos.keys().collect::<Vec<_>>(), ["xdp"]);
    let errors: Vec<_> = ext.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "BTF strings+0x63: string offset beyond its section",
            "func_info+0x2c: 72 bytes wanted, 8 left",
            "line_info: records of 12 bytes, 16 wanted",
            "core_relo+0x4 (tc): CO-RE relocation kind 13",
        ]
    );
}

#[test]
fn truncated_and_damaged_records_never_panic() {
    let btf = names(Endian::Little);
    let funcs = [8, 5, 1, 0, 7, 1, 2, 0, 8, 64, 9];
    let lines = [16, 1, 1, 16, 8, 5, 99];
    let relos = [16, 1, 2, 8, 3, 8, 0, 24, 3, 8, 12];
    let good = ext(Endian::Little, 32, [&funcs, &lines, &relos]);
    for len in 0..good.len() {
        let error = BtfExt::parse(&good[..len], &btf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{len} bytes");
    }
    let mut rng = Random(0xbeef);
    let mut whole = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        rng.damage(&mut bytes);
        whole += u32::from(BtfExt::parse(&bytes, &btf).is_ok_and(|ext| ext.errors.is_empty()));
    }
    assert!((2_000..18_000).contains(&whole), "{whole} without an error");
}
