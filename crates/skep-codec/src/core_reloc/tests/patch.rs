//! Values into instructions.

use super::*;
use crate::insn::Insn;

fn value(local: u64, target: u64) -> Resolution {
    Resolution::Value(Value {
        local,
        target,
        check_local: true,
        target_index: Some(0),
        access: None,
    })
}

pub(super) fn insn(code: u8, off: i16, imm: i32) -> Insn {
    Insn {
        code,
        dst: 1,
        src: 0,
        off,
        imm,
    }
}

pub(super) fn patched(
    insns: &[Insn],
    resolution: &Resolution,
) -> core::result::Result<Vec<Insn>, String> {
    let mut insns = insns.to_vec();
    let before = insns.clone();
    match patch(&mut insns, 0, resolution) {
        Ok(_) => Ok(insns),
        Err(e) => {
            assert_eq!(insns, before, "changed in spite of the error");
            Err(e.what().to_string())
        }
    }
}

const ADD_IMM: u8 = 0x07;
const ADD_REG: u8 = 0x0f;
pub(super) const LDX_W: u8 = 0x61;
const LDX_DW: u8 = 0x79;
const STX_B: u8 = 0x73;

#[test]
fn values_go_where_the_instruction_has_room() {
    let ok = |before: &[Insn], resolution: Resolution, after: &[Insn]| {
        assert_eq!(patched(before, &resolution).as_deref(), Ok(after));
    };
    ok(
        &[insn(ADD_IMM, 0, 8)],
        value(8, 24),
        &[insn(ADD_IMM, 0, 24)],
    );
    let minus = -1_i64 as u64;
    ok(
        &[insn(ADD_IMM, 0, -1)],
        value(minus, minus),
        &[insn(ADD_IMM, 0, -1)],
    );
    ok(
        &[insn(ADD_IMM, 0, 1)],
        value(1, 0xffff_ffff),
        &[insn(ADD_IMM, 0, -1)],
    );
    ok(
        &[insn(LDX_W, 8, 0)],
        value(8, 32767),
        &[insn(LDX_W, 32767, 0)],
    );
    ok(&[insn(STX_B, 8, 0)], value(8, 0), &[insn(STX_B, 0, 0)]);
    let second = Insn::default();
    let wide = [insn(Insn::LD_IMM64, 0, -1), Insn { imm: 1, ..second }];
    let after = [insn(Insn::LD_IMM64, 0, 3), Insn { imm: -2, ..second }];
    ok(&wide, value(0x1_ffff_ffff, 0xffff_fffe_0000_0003), &after);

    let bad = |insns: &[Insn], resolution: Resolution, why: &str| {
        assert_eq!(patched(insns, &resolution), Err(why.into()));
    };
    bad(
        &[insn(ADD_IMM, 0, 9)],
        value(8, 24),
        "the instruction holds 0x9, 0x8 was expected",
    );
    bad(
        &[insn(ADD_IMM, 0, 8)],
        value(8, 1 << 32),
        "0x100000000 does not fit a 32-bit immediate",
    );
    bad(
        &[insn(ADD_REG, 0, 8)],
        value(8, 24),
        "instruction 0x0f has no immediate",
    );
    bad(
        &[insn(LDX_W, 8, 0)],
        value(8, 32768),
        "offset 32768 does not fit 16 bits",
    );
    bad(
        &[insn(Insn::EXIT, 0, 0)],
        value(0, 0),
        "instruction 0x95 takes no relocation",
    );
    bad(&wide[..1], value(1, 1), "wide load without its second half");
    bad(&[], value(1, 1), "no instruction 0");
}

#[test]
fn loads_change_width_only_where_no_bits_are_lost() {
    let ask = |mine: TypeId, theirs: TypeId, code: u8| {
        let mut c = Case::new();
        let local = c.local.add_struct("s", 8, &[member("f", mine, 0)]);
        let offset = relo(&mut c.local, local, "0:0", FieldByteOffset);
        c.target.add_struct("s", 16, &[member("f", theirs, 64)]);
        let (local, target) = c.built();
        let resolution = resolve_all(&local, &[&target], &[offset])
            .remove(0)
            .unwrap();
        let mut insns = [insn(code, 0, 0)];
        patch(&mut insns, 0, &resolution).map(|applied| (applied, insns[0]))
    };
    assert_eq!(
        ask(ULONG, UINT, LDX_DW).unwrap(),
        (Applied::Patched, insn(LDX_W, 8, 0))
    );
    assert_eq!(
        ask(UINT, ULONG, LDX_W).unwrap(),
        (Applied::Patched, insn(LDX_DW, 8, 0))
    );
    let error = ask(UINT, ULONG, LDX_DW).unwrap_err();
    assert_eq!(
        error.what(),
        "the instruction does not access the 4 bytes of its field"
    );
    let (applied, poisoned) = ask(ULONG, INT, LDX_DW).unwrap();
    let Applied::Poisoned(why) = applied else {
        panic!("a signed field was read at another width");
    };
    assert_eq!(
        why.to_string(),
        "struct s.f: 4 bytes in the kernel (int), 8 in the program (unsigned long): \
         only pointers and unsigned integers can be read at another width"
    );
    let call = Insn {
        code: Insn::CALL,
        imm: 0x0bad_2310,
        ..Insn::default()
    };
    assert_eq!(poisoned, call);
    // As an immediate the offset is as good as any.
    assert_eq!(
        ask(ULONG, INT, ADD_IMM).unwrap(),
        (Applied::Patched, insn(ADD_IMM, 0, 8))
    );
}

#[test]
fn a_failed_wide_load_is_poisoned_in_both_halves() {
    let failed = Resolution::Failed(Failure::new("enum e::A".into(), "gone".into()));
    let wide = [
        insn(Insn::LD_IMM64, 0, 5),
        Insn::default(),
        insn(ADD_IMM, 0, 1),
    ];
    let after = patched(&wide, &failed).unwrap();
    let imms: Vec<i32> = after.iter().map(|insn| insn.imm).collect();
    assert_eq!(imms, [POISON_IMM, POISON_IMM, 1]);
}
