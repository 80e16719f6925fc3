//! Statically defined probes of this program itself, attached and hit.

#![cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "s390x"))]

mod common;

use common::{host, load, object, skip};
use skep::link::Usdt;
use skep::{AttachType, ErrorKind, Link, Object, ObjectSpec};
use std::arch::{asm, global_asm};
use std::hint::black_box;
use std::sync::atomic::{AtomicU16, Ordering};

skep::plain! {
    #[derive(Debug, PartialEq)]
    struct Hits {
        calls: u64,
        cookie: u64,
        count: u64,
        first: i64,
        second: i64,
        third: i64,
        fourth: i64,
    }
}

// What all notes are counted from, and the numbers that count who listens.
global_asm!(
    ".pushsection .stapsdt.base, \"aGR\", @progbits, .stapsdt.base, comdat",
    ".weak _.stapsdt.base",
    ".hidden _.stapsdt.base",
    "_.stapsdt.base: .space 1",
    ".popsection",
    ".pushsection .probes, \"aw\", @progbits",
    ".balign 2",
    ".globl skep_usdt_listeners",
    "skep_usdt_listeners: .2byte 0",
    ".popsection",
);

unsafe extern "C" {
    static skep_usdt_listeners: AtomicU16;
}

/// Who listens to `counted`.
fn listeners() -> u16 {
    // SAFETY: two bytes of their own, aligned, which the kernel changes and nobody else.
    unsafe { &skep_usdt_listeners }.load(Ordering::SeqCst)
}

/// A probe: its name, semaphore and arguments (a dollar is `\\044`), and what is to be there.
macro_rules! usdt {
    ($name:literal, $semaphore:literal, $args:literal, $($operand:tt)*) => {
        // SAFETY: an instruction that does nothing; the rest is in a section that is not loaded.
        unsafe {
            asm!(
                "990: nop",
                ".pushsection .note.stapsdt, \"\", @note",
                ".balign 4",
                ".4byte 992f-991f, 994f-993f, 3",
                "991: .asciz \"stapsdt\"",
                "992: .balign 4",
                "993: .8byte 990b, _.stapsdt.base",
                concat!(".8byte ", $semaphore),
                ".asciz \"skep_test\"",
                concat!(".asciz \"", $name, "\""),
                concat!(".asciz \"", $args, "\""),
                "994: .balign 4",
                ".popsection",
                $($operand)*
            );
        }
    };
}

/// Two values in registers, one in memory, a constant.
#[inline(never)]
fn hit(first: i32, second: u64, third: &i16) {
    #[cfg(target_arch = "x86_64")]
    usdt!("hit", "0", "-4@%edi 8@%rsi -2@(%rdx) -4@\\044-9", in("rdi") first, in("rsi") second, in("rdx") third);
    #[cfg(target_arch = "aarch64")]
    usdt!("hit", "0", "-4@x0 8@x1 -2@[x2] -4@-9", in("x0") first, in("x1") second, in("x2") third);
    #[cfg(target_arch = "s390x")]
    usdt!("hit", "0", "-4@%r2 8@%r3 -2@0(%r4) -4@-9", in("r2") first, in("r3") second, in("r4") third);
}

/// The same probe elsewhere, with its arguments elsewhere.
#[inline(never)]
fn hit_elsewhere(first: i8, second: u32) {
    #[cfg(target_arch = "x86_64")]
    usdt!("hit", "0", "-1@%cl 4@%r8d", in("rcx") i64::from(first), in("r8") second);
    #[cfg(target_arch = "aarch64")]
    usdt!("hit", "0", "-1@x3 4@x4", in("x3") i64::from(first), in("x4") second);
    #[cfg(target_arch = "s390x")]
    usdt!("hit", "0", "-1@%r5 4@%r4", in("r5") i64::from(first), in("r4") second);
}

/// A probe that counts who listens.
#[inline(never)]
fn counted() {
    usdt!("counted", "skep_usdt_listeners", "",);
}

/// A probe with an argument where no program can read it.
#[inline(never)]
fn unreadable() {
    usdt!("unreadable", "0", "8@%xmm0",);
}

fn spec() -> ObjectSpec {
    #[cfg(target_arch = "x86_64")]
    const IP: u32 = 128;
    #[cfg(target_arch = "aarch64")]
    const IP: u32 = 256;
    #[cfg(target_arch = "s390x")]
    const IP: u32 = 16;
    let mut spec = object!("usdt");
    common::only_us(&mut spec);
    spec.variable("ip_off").unwrap().set(IP).unwrap();
    spec
}

/// The object as the kernel attaches it best, and by an event for each place.
fn both_ways() -> Vec<Object> {
    let (system, spec) = (host(), spec());
    let best = load(&system, &spec);
    let mut each = spec.clone();
    // Any attach type but that of links to many places; kernels look at it only for those.
    each.programs[0].attach_type = Some(AttachType::PERF_EVENT);
    vec![best, load(&system, &each)]
}

fn hits(object: &Object) -> Hits {
    object.global("hits").unwrap().read().unwrap()
}

/// `skep_test:NAME` of this process.
fn usdt(name: &str) -> Usdt {
    Usdt::new("/proc/self/exe", "skep_test", name).process(0)
}

#[test]
fn arguments_arrive_from_registers_memory_and_constants() {
    for object in both_ways() {
        let program = object.program("hit").unwrap();
        let link = program.attach_to(usdt("hit").cookie(4711)).unwrap();
        assert_eq!(link.hook(), "USDT skep_test:hit in /proc/self/exe");
        hit(black_box(-5), black_box(u64::MAX - 1), black_box(&-77));
        let wanted = Hits {
            calls: 1,
            cookie: 4711,
            count: 4,
            first: -5,
            second: -2,
            third: -77,
            fourth: -9,
        };
        assert_eq!(hits(&object), wanted);
        hit_elsewhere(black_box(-3), black_box(u32::MAX));
        let seen = hits(&object);
        assert_eq!((seen.calls, seen.count, seen.cookie), (2, 2, 4711));
        assert_eq!((seen.first, seen.second), (-3, i64::from(u32::MAX)));
        drop(link);
        hit(1, 2, &3);
        assert_eq!(hits(&object).calls, 2);
        let unknown: u64 = object.global("unknown").unwrap().read().unwrap();
        assert_eq!(unknown, 0);
    }
}

#[test]
fn probes_attach_by_section() {
    let object = load(&host(), &spec());
    let program = object.program("hit").unwrap();
    let link = match program.attach() {
        Ok(link) => link,
        Err(error) if error.to_string().contains("give a process") => {
            skip!("without cookies a section does not say enough");
        }
        Err(error) => panic!("{error}"),
    };
    hit_elsewhere(black_box(9), black_box(10));
    let seen = hits(&object);
    assert_eq!((seen.calls, seen.first, seen.second), (1, 9, 10));
    // One link, or several: none that outlives this process by a pin.
    assert_eq!(
        link.pin("/sys/fs/bpf/skep").unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn semaphores_count_who_listens() {
    for object in both_ways() {
        let program = object.program("hit").unwrap();
        assert_eq!(listeners(), 0);
        let link = program.attach_to(usdt("counted")).unwrap();
        assert_eq!(listeners(), 1);
        counted();
        assert_eq!(hits(&object).calls, 1);
        drop(link);
        assert_eq!(listeners(), 0);
    }
}

#[test]
fn numbers_are_given_back() {
    for object in both_ways() {
        let program = object.program("hit").unwrap();
        // The object has 40; each of these takes two.
        let links: Vec<Link> = (0..20)
            .map(|cookie| program.attach_to(usdt("hit").cookie(cookie)).unwrap())
            .collect();
        let error = program.attach_to(usdt("hit")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        drop(links);
        let again = program.attach_to(usdt("hit").cookie(5)).unwrap();
        let before = hits(&object).calls;
        hit(black_box(1), black_box(2), black_box(&3));
        assert_eq!((hits(&object).calls - before, hits(&object).cookie), (1, 5));
        drop(again);
    }
}

#[test]
fn probes_that_cannot_be_say_why() {
    unreadable();
    let object = load(&host(), &spec());
    let program = object.program("hit").unwrap();
    let refusal = |hook: Usdt| {
        let error = program.attach_to(hook).unwrap_err();
        (error.kind(), error.to_string())
    };
    let (kind, text) = refusal(usdt("nothing"));
    assert_eq!(kind, ErrorKind::NotFound, "{text}");
    assert!(
        text.contains("skep_test:nothing in /proc/self/exe: /proc/self/exe has no"),
        "{text}"
    );
    assert!(text.contains("skep_test:hit"), "{text}");
    let (kind, text) = refusal(usdt("unreadable"));
    assert_eq!(kind, ErrorKind::Unsupported, "{text}");
    assert!(text.contains("argument `8@%xmm0` is in no place"), "{text}");
    let other = load(&host(), &object!("probes"));
    let error = other.program("user_entry").unwrap().attach_to(usdt("hit"));
    let text = error.unwrap_err().to_string();
    assert!(text.contains("no map __bpf_usdt_specs"), "{text}");
}
