//! What tests of kprobes and of uprobes share: the objects, and what their programs have seen.

use crate::common::{host, load, object, only, only_us};
use skep::probe::Feature;
use skep::{Object, ObjectSpec, Program, System};

/// Where `struct pt_regs` has the first argument and the returned value.
#[cfg(target_arch = "x86_64")]
const REGISTERS: (u32, u32) = (112, 80);
#[cfg(target_arch = "aarch64")]
const REGISTERS: (u32, u32) = (0, 0);
#[cfg(target_arch = "s390x")]
const REGISTERS: (u32, u32) = (40, 40);
#[cfg(target_arch = "riscv64")]
const REGISTERS: (u32, u32) = (80, 80);

/// The object, to see this process only; nothing of it is loaded that is not asked for.
pub(crate) fn probes(programs: &[&str]) -> ObjectSpec {
    let mut spec = only(object!("probes"), programs);
    only_us(&mut spec);
    spec.variable("arg_off").unwrap().set(REGISTERS.0).unwrap();
    spec.variable("ret_off").unwrap().set(REGISTERS.1).unwrap();
    spec
}

/// A cookie, where the kernel has cookies.
pub(crate) fn cookie(system: &System, cookie: u64) -> u64 {
    if system.probe(Feature::BpfCookie).is_usable() {
        cookie
    } else {
        0
    }
}

pub(crate) fn program<'o>(object: &'o Object, name: &str) -> &'o Program {
    object.program(name).unwrap()
}

/// The object of probes of many places, with these programs.
pub(crate) fn many(programs: &[&str]) -> Object {
    let mut spec = only(object!("multi"), programs);
    only_us(&mut spec);
    load(&host(), &spec)
}
