//! CO-RE on the running kernel: what every kind of relocation became, against the kernel's BTF
//! read another way, and against what the running task is.

mod common;

use common::{host, load, object, skip};
use skep::codec::btf::{Kind, Type};
use skep::prog::TestRun;
use skep::sys::watch::Trace;
use skep::{Btf, LoadOptions, Object, System, TypeId};
use std::collections::BTreeMap;

/// A struct variable of the object, its members by name.
fn members(object: &Object, name: &str) -> BTreeMap<String, Vec<u8>> {
    let global = object.global(name).unwrap();
    let bytes = global.bytes().unwrap();
    let btf = object.btf().unwrap();
    let ty = btf
        .peel(
            btf.ty(global.type_id())
                .map_or(global.type_id(), variable_type),
        )
        .unwrap();
    let members = ty.members().map(|member| {
        let member = member.unwrap();
        let start = member.bit_offset as usize / 8;
        let size = btf.size_of(member.ty).unwrap() as usize;
        (member.name.to_owned(), bytes[start..start + size].to_vec())
    });
    members.collect()
}

fn variable_type(ty: Type<'_>) -> TypeId {
    match ty.kind() {
        Kind::Var => ty.target().unwrap(),
        _ => ty.id(),
    }
}

/// Bit offset, type and bit-field width of a member, anonymous ones looked through.
fn member(btf: &Btf, ty: TypeId, name: &str) -> Option<(u32, TypeId, u8)> {
    let ty = btf.peel(ty).unwrap();
    ty.members().find_map(|member_here| {
        let here = member_here.unwrap();
        if here.name == name {
            return Some((here.bit_offset, here.ty, here.bit_size));
        }
        if !here.name.is_empty() {
            return None;
        }
        let (offset, ty, bits) = member(btf, here.ty, name)?;
        Some((here.bit_offset + offset, ty, bits))
    })
}

struct Expected<'a>(&'a Btf);

impl Expected<'_> {
    fn id(&self, name: &str, kind: Kind) -> TypeId {
        // The slow way: every type, one after the other.
        let mut named = self
            .0
            .iter()
            .filter(|ty| ty.name() == Ok(name) && ty.kind() == kind);
        named.next().unwrap_or_else(|| panic!("{name}")).id()
    }

    fn field(&self, ty: &str, name: &str) -> (u32, TypeId, u8) {
        let id = self.id(ty, Kind::Struct);
        member(self.0, id, name).unwrap_or_else(|| panic!("{ty}.{name}"))
    }

    fn offset(&self, ty: &str, name: &str) -> u64 {
        u64::from(self.field(ty, name).0 / 8)
    }

    fn size(&self, ty: &str, name: &str) -> u64 {
        self.0.size_of(self.field(ty, name).1).unwrap()
    }

    fn enum_value(&self, ty: &str, name: &str) -> u64 {
        let ty = self.0.ty(self.id(ty, Kind::Enum)).unwrap();
        let mut values = ty.enumerators().map(Result::unwrap);
        values.find(|e| e.name == name).unwrap().value as u64
    }
}

#[test]
fn relocations_agree_with_the_kernels_types() {
    let system = host();
    let Ok(btf) = system.kernel_btf() else {
        skip!("this kernel has no BTF");
    };
    let object = load(&system, &object!("core"));
    let run = object.program("run").unwrap().test_run(&TestRun::default());
    let run = match run {
        Ok(run) => run,
        Err(error) => skip!("raw tracepoints cannot be test-run: {error}"),
    };
    let e = Expected(btf);
    let task = e.id("task_struct", Kind::Struct);
    let task_size = btf.size_of(task).unwrap();
    assert_eq!(u64::from(run.return_value), task_size);

    let facts = members(&object, "facts");
    let fact = |name: &str| u64::from_ne_bytes(facts[name][..].try_into().unwrap());
    let expected = [
        ("task_pid_offset", e.offset("task_struct", "pid")),
        ("task_comm3_offset", e.offset("task_struct", "comm") + 3),
        (
            "task_exec_start_offset",
            e.offset("task_struct", "se") + e.offset("sched_entity", "exec_start"),
        ),
        ("task_parent_offset", e.offset("task_struct", "real_parent")),
        ("skb_len_offset", e.offset("sk_buff", "len")),
        ("skb_dev_offset", e.offset("sk_buff", "dev")),
        ("task_pid_size", e.size("task_struct", "pid")),
        ("task_comm_size", e.size("task_struct", "comm")),
        ("task_se_size", e.size("task_struct", "se")),
        ("flavor_prio_size", e.size("task_struct", "prio")),
        ("task_pid_exists", 1),
        ("flavor_stack_exists", 1),
        ("skb_ip_summed_exists", 1),
        ("task_pid_signed", 1),
        ("skb_len_signed", 0),
        ("target_task_id", u64::from(task.0)),
        ("target_pid_t_id", u64::from(e.id("pid_t", Kind::Typedef).0)),
        ("task_exists", 1),
        ("pid_t_exists", 1),
        ("map_type_exists", 1),
        ("task_size", task_size),
        ("list_size", 16),
        ("list_matches", 1),
        ("pid_t_matches", 1),
        ("array_value_exists", 1),
        (
            "array_value",
            e.enum_value("bpf_map_type", "BPF_MAP_TYPE_ARRAY"),
        ),
        (
            "ringbuf_value",
            e.enum_value("bpf_map_type", "BPF_MAP_TYPE_RINGBUF"),
        ),
    ];
    for (name, value) in expected {
        assert_eq!(fact(name), value, "{name}");
    }
    let (bit, _, width) = e.field("task_struct", "sched_reset_on_fork");
    check_bit_field(&fact, "reset", bit, width);

    let absent = members(&object, "absent");
    for (name, bytes) in &absent {
        assert!(
            bytes.iter().all(|&byte| byte == 0),
            "absent.{name}: {bytes:?}"
        );
    }
}

/// The four relocations of a bit-field, taken together, must cut it out of its storage unit.
fn check_bit_field(fact: &dyn Fn(&str) -> u64, name: &str, bit: u32, width: u8) {
    let of = |kind: &str| fact(&format!("{name}_{kind}"));
    assert_eq!(of("rshift"), 64 - u64::from(width), "{name}");
    let start = of("offset") * 8;
    assert!(
        of("size").is_power_of_two() && start <= u64::from(bit),
        "{name}"
    );
    let in_unit = u64::from(bit) - start;
    let left = match cfg!(target_endian = "little") {
        true => 64 - in_unit - u64::from(width),
        false => 64 - of("size") * 8 + in_unit,
    };
    assert_eq!(of("lshift"), left, "{name}");
}

#[test]
fn the_running_task_is_us() {
    let system = host();
    if system.kernel_btf().is_err() {
        skip!("this kernel has no BTF");
    }
    let object = load(&system, &object!("core"));
    if let Err(error) = object.program("run").unwrap().test_run(&TestRun::default()) {
        skip!("raw tracepoints cannot be test-run: {error}");
    }
    sees_us(&object);
}

/// The kernel's types as `skep btf min` leaves them, in place of all of them.
#[cfg(feature = "btf-edit")]
#[test]
fn a_small_part_of_the_kernels_types_is_enough() {
    let system = host();
    let Ok(kernel) = system.kernel_btf() else {
        skip!("this kernel has no BTF");
    };
    let spec = object!("core");
    let mut minimal = skep::codec::core_reloc::Minimal::new(kernel);
    let relos = spec.ext.core_relos.values().flatten();
    let local = spec.btf.as_deref().expect("types");
    minimal.add(local, relos).unwrap();
    let small = minimal.build().unwrap().to_bytes(kernel.endian()).unwrap();
    assert!(
        small.len() < kernel.as_bytes().len() / 20,
        "{}",
        small.len()
    );
    let small = Btf::parse(std::sync::Arc::new(small), None).unwrap();
    let options = LoadOptions {
        kernel_btf: Some(std::sync::Arc::new(small)),
        ..LoadOptions::default()
    };
    let object = spec.load_with(&system, &options).unwrap();
    if let Err(error) = object.program("run").unwrap().test_run(&TestRun::default()) {
        skip!("raw tracepoints cannot be test-run: {error}");
    }
    sees_us(&object);
}

/// What `core` saw of the task that ran it.
fn sees_us(object: &Object) {
    let seen = members(object, "seen");
    let number = |name: &str| u32::from_ne_bytes(seen[name][..].try_into().unwrap());
    assert_eq!(number("tgid"), std::process::id());
    assert_eq!(number("parent_tgid"), std::os::unix::process::parent_id());
    assert_eq!(number("pid"), nix::unistd::gettid().as_raw() as u32);
    let comm = std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let end = seen["comm"].iter().position(|&byte| byte == 0).unwrap();
    assert_eq!(seen["comm"][..end], *comm.trim_end().as_bytes());
}

#[test]
fn the_kernels_types_are_read_once_for_many_loads() {
    if host().kernel_btf().is_err() {
        skip!("this kernel has no BTF");
    }
    let trace = Trace::new(host().kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    let spec = object!("core");
    load(&system, &spec);
    let opened = trace.count("openat");
    let types: *const Btf = &**system.kernel_btf().unwrap();
    for system in [system.clone(), system] {
        load(&system, &spec);
        assert!(std::ptr::eq(types, &**system.kernel_btf().unwrap()));
    }
    assert_eq!(trace.count("openat"), opened);
}
