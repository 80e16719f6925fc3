//! Asking about BTF.

use super::ask::{Asked, as_call, btf, int};
use crate::system::System;
use skep_codec::Errno;
use skep_codec::btf::{BtfBuilder, Enumerator, Kind, Param, SecVar};
use skep_sys::CallError;

pub(super) fn int_only(system: &System) -> Asked {
    btf(system, |_| {}).map(drop)
}

pub(super) fn func(system: &System) -> Asked {
    btf(system, |b| add_func(b, 0)).map(drop)
}

pub(super) fn global_func(system: &System) -> Asked {
    btf(system, |b| add_func(b, 1)).map(drop)
}

pub(super) fn datasec(system: &System) -> Asked {
    btf(system, |b| add_datasec(b, ".data")).map(drop)
}

pub(super) fn qmark_datasec(system: &System) -> Asked {
    btf(system, |b| add_datasec(b, "?.data")).map(drop)
}

pub(super) fn empty_datasec(system: &System) -> Asked {
    let add = |b: &mut BtfBuilder| {
        b.add_datasec(".rodata", 4, &[]);
    };
    btf(system, add).map(drop)
}

pub(super) fn float(system: &System) -> Asked {
    let add = |b: &mut BtfBuilder| {
        b.add_float("float", 4);
    };
    btf(system, add).map(drop)
}

pub(super) fn decl_tag(system: &System) -> Asked {
    let add = |b: &mut BtfBuilder| {
        let int = int(b);
        let var = b.add_var("v", int, 0);
        b.add_decl_tag("tag", var, -1);
    };
    btf(system, add).map(drop)
}

pub(super) fn type_tag(system: &System) -> Asked {
    let add = |b: &mut BtfBuilder| {
        let int = int(b);
        let tag = b.add_type_tag("tag", int);
        b.add_ptr(tag);
    };
    btf(system, add).map(drop)
}

pub(super) fn enum64(system: &System) -> Asked {
    let add = |b: &mut BtfBuilder| {
        let values = [Enumerator {
            name: "A",
            value: 1,
        }];
        b.add_enum64("e", 8, false, &values);
    };
    btf(system, add).map(drop)
}

/// The kernel's own types.
pub(super) fn kernel(system: &System) -> Asked {
    match system.kernel_btf() {
        Ok(_) => Ok(()),
        // No such file: the kernel was built without.
        Err(error) if error.call().is_none() => Err(none()),
        Err(error) => Err(as_call(&error)),
    }
}

/// System calls that take their arguments in a `struct pt_regs`: then they are functions with the
/// architecture's name before theirs.
pub(super) fn syscall_wrapper(system: &System) -> Asked {
    const NAMES: [&str; 5] = [
        "__x64_sys_bpf",
        "__arm64_sys_bpf",
        "__s390x_sys_bpf",
        "__riscv_sys_bpf",
        "__powerpc_sys_bpf",
    ];
    let btf = system.kernel_btf().map_err(|error| as_call(&error))?;
    let has = |name: &&str| btf.find(name, Some(Kind::Func)).is_some();
    NAMES.iter().any(has).then_some(()).ok_or(none())
}

/// "No", where no call says so.
fn none() -> CallError {
    CallError::new("probe", Errno::EOPNOTSUPP)
}

fn add_func(builder: &mut BtfBuilder, linkage: u32) {
    let int = int(builder);
    let proto = builder.add_func_proto(int, &[Param { name: "a", ty: int }]);
    builder.add_func("f", proto, linkage);
}

fn add_datasec(builder: &mut BtfBuilder, name: &str) {
    let int = int(builder);
    let ty = builder.add_var("v", int, 0);
    let variable = SecVar {
        ty,
        offset: 0,
        size: 4,
    };
    builder.add_datasec(name, 4, &[variable]);
}
