//! Kernel symbols and functions that programs refer to, and relocations that fail: found, not
//! there, of another type, each the trouble of its own program.

mod common;

use common::{host, load, object, own_mounts, run, skip};
use nix::mount::{MsFlags, mount};
use skep::codec::btf::{BtfBuilder, Int, Kind, Member};
use skep::codec::bytes::Endian;
use skep::codec::uapi::bpf::Cmd;
use skep::probe::{Answer, Feature};
use skep::sys::watch::Trace;
use skep::{
    AttachType, Btf, Error, ErrorKind, LoadOptions, Object, ObjectSpec, ProgType, System, plain,
};
use std::process::Command;
use std::sync::Arc;

plain! {
    /// `found` of `ksyms.bpf.c`.
    #[derive(Debug)]
    struct Found {
        address: u64,
        weak_address: u64,
        cpu: i32,
        weak_variable: i32,
        locked: i32,
        weak_function: i32,
        wrong_function: i32,
        pad: u32,
    }
}

fn found(object: &Object) -> Found {
    object.global("found").unwrap().read().unwrap()
}

/// The error of one program that is loaded by itself.
fn refused(spec: &ObjectSpec, program: &str) -> Error {
    let system = host();
    let options = LoadOptions::default();
    let index = spec.programs.iter().position(|p| p.name == program);
    let loaded = spec.loader(&system, &options).load_program(index.unwrap());
    loaded.err().unwrap_or_else(|| panic!("`{program}` loads"))
}

#[test]
fn symbols_are_found_and_weak_ones_may_be_missing() {
    let system = host();
    let object = load(&system, &object!("ksyms"));
    assert_eq!(run(&object, "look"), 1);
    let found = found(&object);
    let kallsyms = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = kallsyms.lines().find(|line| line.ends_with(" T do_exit"));
    let address = line.unwrap().split(' ').next().unwrap();
    assert_eq!(found.address, u64::from_str_radix(address, 16).unwrap());
    assert_ne!(found.address, 0, "the test runs as root");
    assert_eq!(found.weak_address, 0);
    assert_eq!((found.weak_variable, found.weak_function), (-1, -1));
    assert_eq!(found.wrong_function, -1, "of another type: not there");
}

/// Only this program of `ksyms.bpf.c`.
fn only(program: &str) -> ObjectSpec {
    common::only(object!("ksyms"), &[program])
}

#[test]
fn variables_of_the_kernel_are_read_by_their_types() {
    let kallsyms = std::fs::read_to_string("/proc/kallsyms").unwrap();
    if !kallsyms.lines().any(|line| line.ends_with(" runqueues")) {
        skip!("this kernel's list of symbols has no variables");
    }
    let system = host();
    let kind = Some(Kind::Var);
    if system
        .kernel_btf()
        .unwrap()
        .find("runqueues", kind)
        .is_none()
    {
        skip!("this kernel's types have no variable runqueues");
    }
    let object = load(&system, &only("queue"));
    assert_eq!(run(&object, "queue"), 1, "the queue is this CPU's");
    assert!((0..4096).contains(&found(&object).cpu));
}

#[test]
fn functions_of_the_kernel_are_called() {
    let system = host();
    let btf = system.kernel_btf().unwrap();
    if btf.find("bpf_rcu_read_lock", None).is_none() {
        skip!("this kernel has no function bpf_rcu_read_lock");
    }
    let object = match only("lock").load(&system) {
        Err(error) if common::takes_a_jit(&error) => skip!("{error}"),
        object => object.unwrap(),
    };
    let links = object.attach_all().unwrap();
    common::getpgid(0);
    drop(links);
    assert_eq!(found(&object).locked, 1);
}

#[test]
fn what_is_missing_or_differs_is_told() {
    let spec = object!("ksyms");
    for (program, kind, text) in [
        (
            "missing_symbol",
            ErrorKind::NotFound,
            "no symbol `no_such_symbol_at_all` in /proc/kallsyms",
        ),
        (
            "missing_variable",
            ErrorKind::NotFound,
            "no variable `no_such_variable_at_all` in the kernel",
        ),
        (
            "missing_function",
            ErrorKind::NotFound,
            "no function `no_such_function_at_all` in the kernel",
        ),
    ] {
        let error = refused(&spec, program);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
    let error = refused(&spec, "unguarded_function");
    let refusal = error.refusal().expect("the verifier's");
    let what = "this kernel has no function `no_such_function`";
    assert_eq!(refusal.digest.complaint, what);
    let btf = host();
    if btf
        .kernel_btf()
        .unwrap()
        .find("bpf_task_acquire", None)
        .is_some()
    {
        let error = refused(&spec, "wrong_function");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        let text = "`bpf_task_acquire` is declared as struct task_struct * (int), the kernel has \
            it as struct task_struct * (struct task_struct *)";
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// An address is taken of the one symbol with a name, or of none.
#[test]
fn a_name_of_several_symbols_is_refused() {
    let kallsyms = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let mut places = std::collections::BTreeMap::<&str, std::collections::BTreeSet<&str>>::new();
    for line in kallsyms.lines().filter(|line| !line.ends_with(']')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [address, _, name] = words[..] {
            places.entry(name).or_default().insert(address);
        }
    }
    let Some((name, _)) = places.iter().find(|(_, places)| places.len() > 1) else {
        skip!("this kernel has no two symbols of one name, or does not tell where they are");
    };
    let mut spec = object!("ksyms");
    let mut externs = spec.externs.iter_mut();
    let wanted = externs.find(|e| e.name == "no_such_symbol_at_all");
    wanted.unwrap().name = (*name).to_owned();
    let error = refused(&spec, "missing_symbol");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let text = format!("the kernel has several symbols `{name}`: at 0x");
    assert!(error.to_string().contains(&text), "{error}");
}

/// Refusals by a poisoned instruction, in the words of the relocation.
#[test]
fn failed_relocations_are_told_by_type_field_and_what_the_kernel_has() {
    let spec = object!("poison");
    let count = |text: &str| text.matches("struct task_struct").count();
    for (program, asked, has) in [
        (
            "missing_field",
            "struct task_struct.no_such_field",
            "in vmlinux, struct task_struct has no member no_such_field",
        ),
        (
            "other_kind",
            "struct task_struct.comm",
            "in vmlinux, member comm of struct task_struct is char[16], not int",
        ),
        (
            "missing_struct",
            "struct no_such_struct.field",
            "no struct no_such_struct in vmlinux",
        ),
        (
            "missing_enumerator",
            "enum bpf_map_type___more::BPF_MAP_TYPE_NO_SUCH",
            "in vmlinux, enum bpf_map_type has no enumerator BPF_MAP_TYPE_NO_SUCH",
        ),
        (
            "other_width",
            "struct task_struct___signed.prio",
            "4 bytes in the kernel (int), 1 in the program (char)",
        ),
    ] {
        let error = refused(&spec, program);
        let digest = &error.refusal().expect("the verifier's").digest;
        let complaint = &digest.complaint;
        assert!(complaint.contains(asked), "{program}: {complaint}");
        assert!(complaint.contains(has), "{program}: {complaint}");
        assert!(count(complaint) <= 2, "{complaint}");
        let source = digest.source.as_ref().expect("a source line");
        assert!(source.file.ends_with("poison.bpf.c"), "{source:?}");
        assert!(digest.hint.is_some());
        assert!(!error.to_string().contains("195896080"), "{error}");
    }
}

/// Types of a kernel whose `struct task_struct` has an `int tgid` at this offset.
fn types(offset: u32) -> Arc<Btf> {
    let mut builder = BtfBuilder::new();
    let int = Int {
        signed: true,
        char: false,
        bool: false,
        offset: 0,
        bits: 32,
    };
    let int = builder.add_int("int", 4, int);
    let tgid = Member {
        name: "tgid",
        ty: int,
        bit_offset: offset * 8,
        bit_size: 0,
    };
    builder.add_struct("task_struct", offset + 4, &[tgid]);
    let bytes = builder.to_bytes(Endian::NATIVE).unwrap();
    Arc::new(Btf::from_bytes(&bytes).unwrap())
}

#[test]
fn relocations_may_be_resolved_by_types_that_are_given() {
    let system = host();
    let spec = object!("poison");
    let offset = |kernel_btf: Option<Arc<Btf>>| {
        let options = LoadOptions {
            kernel_btf,
            ..Default::default()
        };
        let object = spec.load_with(&system, &options).unwrap();
        run(&object, "offset")
    };
    let real = offset(None);
    let btf = system.kernel_btf().unwrap();
    let task = btf.find("task_struct", None).unwrap();
    let tgid = btf
        .ty(task)
        .unwrap()
        .members()
        .map(Result::unwrap)
        .find(|m| m.name == "tgid");
    assert_eq!(real, tgid.unwrap().bit_offset / 8);
    assert_eq!(offset(Some(types(132))), 132);
    let file = system.btf_file("/sys/kernel/btf/vmlinux").unwrap();
    assert_eq!(offset(Some(file)), real);
    // Types that lack it: nothing else is looked into.
    let empty = BtfBuilder::new().to_bytes(Endian::NATIVE).unwrap();
    let options = LoadOptions {
        kernel_btf: Some(Arc::new(Btf::from_bytes(&empty).unwrap())),
        ..Default::default()
    };
    let trace = Trace::new(system.kernel().clone());
    let watched = System::new(trace.clone()).unwrap();
    let error = spec.load_with(&watched, &options).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no struct task_struct in the kernel types given"),
        "{text}"
    );
    assert_eq!(trace.count_cmd(Cmd::BTF_GET_NEXT_ID), 0, "no modules");
    // What the kernel lacks is looked for in its modules, if nothing is given.
    let index = spec
        .programs
        .iter()
        .position(|p| p.name == "missing_struct");
    let options = LoadOptions::default();
    let mut loader = spec.loader(&watched, &options);
    assert!(loader.load_program(index.unwrap()).is_err());
    assert_ne!(trace.count_cmd(Cmd::BTF_GET_NEXT_ID), 0);
}

#[test]
fn types_are_read_from_raw_files_and_elf_files() {
    #[cfg(target_endian = "little")]
    let object = include_bytes!("../../../testdata/poison.bpf.el.o");
    #[cfg(target_endian = "big")]
    let object = include_bytes!("../../../testdata/poison.bpf.eb.o");
    let system = host();
    let path = std::env::temp_dir().join(format!("skep-types-{}", std::process::id()));
    let of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let types = system.btf_file(path.to_str().unwrap());
        std::fs::remove_file(&path).unwrap();
        types
    };
    let types = of(object).unwrap();
    assert!(types.find("no_such_struct", None).is_some());
    let raw = of(types.as_bytes()).unwrap();
    assert_eq!(raw.as_bytes(), types.as_bytes());
    let error = of(b"neither the one nor the other").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec, "{error}");
    assert!(error.to_string().contains("skep-types-"), "{error}");
    let error = system.btf_file("/no/such/file").unwrap_err();
    assert!(error.to_string().contains("/no/such/file"), "{error}");
    let error = system.btf_file("/proc/self/exe").unwrap_err();
    assert!(error.to_string().contains("no section .BTF"), "{error}");
}

/// A kernel that does not show its types: every place is tried, and each is named.
#[test]
fn the_kernels_types_are_looked_for_where_images_are() {
    let bytes = std::fs::read("/sys/kernel/btf/vmlinux").unwrap();
    own_mounts();
    let release = Command::new("uname").arg("-r").output().unwrap().stdout;
    let release = String::from_utf8(release).unwrap().trim().to_owned();
    let cover = |dir: &str| {
        let none = None::<&str>;
        mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::empty(), none).unwrap();
    };
    cover("/sys/kernel/btf");
    let system = host();
    let error = system.kernel_btf().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    for path in [
        "/sys/kernel/btf/vmlinux".to_owned(),
        format!("/boot/vmlinux-{release}"),
        format!("/lib/modules/{release}/vmlinux-{release}"),
        format!("/lib/modules/{release}/build/vmlinux"),
        format!("/usr/lib/modules/{release}/kernel/vmlinux"),
        format!("/usr/lib/debug/boot/vmlinux-{release}"),
        format!("/usr/lib/debug/boot/vmlinux-{release}.debug"),
        format!("/usr/lib/debug/lib/modules/{release}/vmlinux"),
    ] {
        assert!(error.to_string().contains(&path), "{path}: {error}");
    }
    // What is there and no BTF is another trouble.
    if !std::path::Path::new("/boot").exists() {
        skip!("this machine has no /boot to put an image into");
    }
    cover("/boot");
    let image = format!("/boot/vmlinux-{release}");
    std::fs::write(&image, "no BTF at all").unwrap();
    assert_eq!(system.kernel_btf().unwrap_err().kind(), ErrorKind::Codec);
    std::fs::write(&image, bytes).unwrap();
    let object = load(&system, &object!("poison"));
    assert!(run(&object, "offset") > 0);
}

#[test]
fn attach_targets_that_are_missing_bring_names_that_are_near() {
    let system = host();
    let options = LoadOptions::default();
    let mut spec = object!("ksyms");
    let index = spec
        .programs
        .iter()
        .position(|p| p.name == "nothing")
        .unwrap();
    for (target, text) in [
        ("sys_entr", "no tracepoint `sys_entr` in the kernel"),
        (
            "vmlinux:sys_enter2",
            "no tracepoint `sys_enter2` in the kernel",
        ),
        (
            "no_module:sys_enter",
            "no tracepoint `sys_enter` in module `no_module`",
        ),
    ] {
        spec.programs[index].target = Some(target.to_owned());
        let error = spec
            .loader(&system, &options)
            .load_program(index)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        if target == "sys_entr" {
            assert!(
                error.to_string().contains("near it are `sys_enter`"),
                "{error}"
            );
        }
    }
    // What all tracepoints' types begin with makes no name like another.
    spec.programs[index].target = Some("qxzjvw".to_owned());
    let error = spec.loader(&system, &options).load_program(index);
    let error = error.unwrap_err().to_string();
    assert!(!error.contains("near it"), "{error}");
    spec.programs[index].target = Some("vmlinux:sys_enter".to_owned());
    spec.loader(&system, &options).load_program(index).unwrap();
    spec.programs[index].target = None;
    let error = spec
        .loader(&system, &options)
        .load_program(index)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsTarget, "{error}");
}

/// Two systems share nothing; one system reads the kernel's types once, and gives them back.
#[test]
fn a_system_keeps_the_kernels_types() {
    let (one, two): (System, System) = (host(), host());
    let first = Arc::as_ptr(one.kernel_btf().unwrap());
    assert_eq!(first, Arc::as_ptr(one.clone().kernel_btf().unwrap()));
    assert_ne!(first, Arc::as_ptr(two.kernel_btf().unwrap()));

    let trace = Trace::new(one.kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    let spec = object!("poison");
    let before = trace.count("statx");
    for _ in 0..3 {
        assert!(run(&load(&system, &spec), "offset") > 0);
    }
    assert_eq!(
        trace.count("statx") - before,
        1,
        "the file is looked at once"
    );
    drop(system);
    assert_eq!((trace.open_fds(), trace.open_mappings()), (0, 0));
}

/// What programs of each kind are loaded for, by hand: no section says so.
#[test]
fn targets_of_each_kind_are_found() {
    let system = host();
    let options = LoadOptions::default();
    let mut refused = Vec::new();
    for (prog_type, attach_type, target, missing) in [
        (
            ProgType::TRACING,
            AttachType::TRACE_RAW_TP,
            "sys_exit",
            "tracepoint",
        ),
        (
            ProgType::TRACING,
            AttachType::TRACE_ITER,
            "task",
            "iterator",
        ),
        (
            ProgType::TRACING,
            AttachType::TRACE_FENTRY,
            "bpf_fentry_test1",
            "function",
        ),
        (
            ProgType::TRACING,
            AttachType::TRACE_FEXIT,
            "bpf_fentry_test1",
            "function",
        ),
        (ProgType::LSM, AttachType::LSM_MAC, "file_open", "LSM hook"),
    ] {
        let mut spec = object!("ksyms");
        let index = spec
            .programs
            .iter()
            .position(|p| p.name == "nothing")
            .unwrap();
        let program = &mut spec.programs[index];
        (program.prog_type, program.attach_type) = (prog_type, Some(attach_type));
        program.target = Some(target.to_owned());
        let loaded = spec.loader(&system, &options).load_program(index);
        match loaded {
            Ok(loaded) => assert_eq!(loaded.program.prog_type(), prog_type),
            // Some kernels have no trampolines, or none for programs.
            Err(error) => {
                let forbidden = error.kind() == ErrorKind::Permission;
                let lacking = system.probe(Feature::Fentry) != Answer::Yes;
                assert!(forbidden || lacking, "{target}: {error}");
                refused.push(target);
            }
        }
        spec.programs[index].target = Some("no_such_target".to_owned());
        let error = spec
            .loader(&system, &options)
            .load_program(index)
            .err()
            .unwrap();
        let text = format!("no {missing} `no_such_target` in the kernel");
        assert!(error.to_string().contains(&text), "{error}");
    }
    assert!(!refused.contains(&"sys_exit") && !refused.contains(&"task"));
    if !refused.is_empty() {
        skip!("this kernel refuses programs for {}", refused.join(", "));
    }
}
