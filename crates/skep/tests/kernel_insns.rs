//! Instructions as text: the verifier is asked to write what it reads. Instructions replaced
//! before a program is loaded.
#![cfg(feature = "asm")]

mod common;

use common::{host, load, object, run};
use skep::ObjectSpec;
use skep::codec::bytes::Endian;
use skep::codec::insn::{assemble, disasm, encode};
use skep::codec::uapi::bpf::ProgType;
use skep::prog::TestRun;
use skep::sys::bpf::{self, Log, ProgParams};
use std::ops::Range;

/// What every kernel since 5.10 takes. `r6` to `r9` are numbers, the stack is written before it
/// is read.
const BASIC: &str = "
    r6 = 7
    w7 = -3
    r8 = 0x1122334455667788
    r9 = r8
    w9 = w6
    r6 += 5
    r6 -= r7
    r6 *= -4
    r6 /= 3
    r6 %= r7
    r6 |= 1
    r6 &= r8
    r6 ^= -1
    r6 <<= 3
    r6 >>= 2
    r6 s>>= 1
    r6 = -r6
    w6 += w7
    w6 -= 4
    w6 *= w7
    w6 /= w7
    w6 %= 9
    w6 |= w8
    w6 &= 15
    w6 ^= w7
    w6 <<= 3
    w6 >>= 1
    w6 s>>= 2
    w6 = -w6
    r6 = be16 r6
    r6 = be32 r6
    r6 = be64 r6
    r6 = le16 r6
    r6 = le32 r6
    r6 = le64 r6
    *(u64 *)(r10 -8) = r6
    *(u32 *)(r10 -12) = -1
    *(u16 *)(r10 -14) = 2
    *(u8 *)(r10 -15) = r6
    r7 = *(u64 *)(r10 -8)
    r7 = *(u8 *)(r10 -15)
    r7 = *(u32 *)(r1 +0)
    lock *(u64 *)(r10 -8) += r6
    goto pc+0
    if r7 == 0x5 goto pc+0
    if r7 != r6 goto pc+0
    if r7 > 0xfffffff0 goto pc+0
    if r7 >= r6 goto pc+0
    if r7 < 0x7 goto pc+0
    if r7 <= r6 goto pc+0
    if r7 & 0x8 goto pc+0
    if r7 s> 0xfffffffe goto pc+0
    if r7 s>= r6 goto pc+0
    if r7 s< 0x3 goto pc+0
    if w7 s<= w6 goto pc+0
    if w7 == 0x1 goto pc+0
    r6 = r1
    r0 = *(u32 *)skb[12]
    r0 = *(u16 *)skb[r7 + 3]
    call bpf_ktime_get_ns#5
    call pc+1
    exit
    r0 = 0
    exit";

/// What came later, each by itself: a kernel that does not know it refuses it.
const LATER: &[&str] = &[
    "r2 = 1\n *(u64 *)(r10 -8) = r2\n r2 = atomic64_fetch_add((u64 *)(r10 -8), r2)
     r2 = atomic64_xchg((u64 *)(r10 -8), r2)\n r0 = 1
     r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r2)
     lock *(u64 *)(r10 -8) |= r2\n lock *(u32 *)(r10 -8) &= r2\n lock *(u64 *)(r10 -8) ^= r2
     r2 = atomic_fetch_xor((u32 *)(r10 -8), r2)\n r0 = 0\n exit",
    "r2 = -5\n r3 = (s8)r2\n w3 = (s16)w2\n r3 = (s32)r2\n r2 s/= 2\n w2 s%= w3\n r2 = bswap32 r2
     *(u64 *)(r10 -8) = r2\n r2 = *(s8 *)(r10 -8)\n r2 = *(s32 *)(r10 -8)\n gotol pc+0\n r0 = 0\n exit",
    "r2 = 0\n may_goto pc+2\n r2 += 1\n goto pc-3\n r0 = 0\n exit",
    "r2 = 0\n *(u64 *)(r10 -8) = r2\n r2 = load_acquire((u64 *)(r10 -8))
     store_release((u32 *)(r10 -8), r2)\n r0 = 0\n exit",
];

/// Loads a program; what the verifier wrote of it, or nothing where it refuses.
fn verify(text: &str) -> Option<String> {
    let insns = assemble(text).unwrap_or_else(|e| panic!("{e}")).insns;
    let params = ProgParams {
        prog_type: ProgType::SOCKET_FILTER,
        insns: &encode(&insns, Endian::NATIVE),
        license: c"GPL",
        ..ProgParams::default()
    };
    let mut buf = vec![0; 1 << 20];
    let mut log = Log::new(2, &mut buf);
    let loaded = bpf::prog_load(host().kernel(), &params, Some(&mut log));
    let log = String::from_utf8_lossy(log.text()).into_owned();
    loaded.is_ok().then_some(log)
}

/// Compares every instruction that the verifier wrote with what it stands for; how many.
fn compare(text: &str, log: &str) -> usize {
    let insns = assemble(text).unwrap().insns;
    let mut seen = vec![false; insns.len()];
    for line in log.lines() {
        // `12: (b7) r0 = 1      ; R0_w=1`, after the states of registers on some kernels.
        let Some((before, rest)) = line.split_once(": (") else {
            continue;
        };
        let slot = before.rsplit(' ').next().unwrap();
        let (Ok(slot), Some((_, words))) = (slot.parse::<usize>(), rest.split_once(") ")) else {
            continue;
        };
        let words = words.split(" ;").next().unwrap().trim_end();
        let next = insns.get(slot + 1).copied();
        let own = disasm(insns[slot], next);
        assert_eq!(own.to_string(), words, "{line}");
        let read = assemble(&format!("{slot}: ({rest}")).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert_eq!(read.insns, insns[slot..][..own.slots()], "{line}");
        seen[slot..][..own.slots()].fill(true);
    }
    seen.iter().filter(|seen| **seen).count()
}

#[test]
fn text_is_the_verifiers_own() {
    let log = verify(BASIC).expect("the basic instructions load");
    assert_eq!(compare(BASIC, &log), assemble(BASIC).unwrap().insns.len());
}

#[test]
fn text_of_newer_instructions_is_the_verifiers_own() {
    let known: Vec<_> = LATER.iter().filter_map(|t| Some((t, verify(t)?))).collect();
    if known.is_empty() {
        common::skip!("this kernel has none of the newer instructions");
    }
    for (text, log) in known {
        assert!(compare(text, &log) > 3, "{log}");
    }
}

/// Replaces instructions of a program's function by text.
fn edit(spec: &mut ObjectSpec, program: &str, slots: Range<usize>, text: &str) {
    let assembly = assemble(text).unwrap();
    let refs = spec.bind(&assembly).unwrap();
    let function = spec.program(program).unwrap().function;
    let function = &mut spec.functions[function];
    let end = slots.end.min(function.insns.len());
    function
        .splice(slots.start..end, &assembly.insns, &refs)
        .unwrap();
}

#[test]
fn instructions_are_put_before_a_programs_own() {
    let system = host();
    let mut spec = object!("subprogs");
    let unedited = run(&load(&system, &spec), "first");
    assert_eq!(unedited, 2 * (64 - 14 + 3) + 1);
    // Packets of other lengths go on to what was there.
    let text =
        |len: u32| format!("r2 = *(u32 *)(r1 +0)\n if r2 != {len} goto pc+2\n r0 = 9\n exit");
    edit(&mut spec, "first", 0..0, &text(50));
    assert_eq!(run(&load(&system, &spec), "first"), 9);
    let mut spec = object!("subprogs");
    edit(&mut spec, "first", 0..0, &text(51));
    assert_eq!(run(&load(&system, &spec), "first"), unedited);
}

#[test]
fn a_program_is_replaced_by_text() {
    let system = host();
    let mut spec = object!("subprogs");
    let text = "
        ; plus_three(7) counts itself in the map
        r1 = 7
        call plus_three
        r6 = r0
        w7 = 0
        *(u32 *)(r10 -4) = r7
        r2 = r10
        r2 += -4
        r1 = map[calls]
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 +0)
        r1 *= 100
        r6 += r1
        r1 = map[.data][0]+0
        r1 = *(u32 *)(r1 +0)
        r6 += r1
    out:
        r0 = r6
        exit";
    edit(&mut spec, "alone", 0..usize::MAX, text);
    let object = load(&system, &spec);
    assert_eq!(run(&object, "alone"), 10 + 100 + 1000);
    assert_eq!(run(&object, "alone"), 10 + 200 + 1000);
}

#[test]
fn relocations_follow_their_instructions() {
    let system = host();
    let facts = |spec: &ObjectSpec| {
        let object = load(&system, spec);
        object
            .program("run")
            .unwrap()
            .test_run(&TestRun::default())
            .unwrap();
        object.global("facts").unwrap().bytes().unwrap()
    };
    let mut spec = object!("core");
    let before = facts(&spec);
    edit(
        &mut spec,
        "run",
        0..0,
        "r9 = 1\n r9 = 0x123456789\n r9 += 1",
    );
    assert!(before.iter().any(|byte| *byte != 0));
    assert_eq!(facts(&spec), before);
}
