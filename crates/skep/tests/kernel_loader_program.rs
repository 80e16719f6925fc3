//! Loader programs: what they load is what a loader in this process loads.

mod common;
#[path = "common/signer.rs"]
mod signer;

use common::{getpgid, host, load, object, only, run, skip, takes_a_jit};
use signer::{CERTIFICATE, sign};
use skep::codec::object::Slot;
use skep::map::MapParams;
use skep::object::{LoaderOptions, LoaderProgram, LoaderRun};
use skep::probe::Answer;
use skep::prog::TestRun;
use skep::{Errno, ErrorKind, Map, MapType, Object, ObjectSpec, ProgType, System};
use std::path::Path;

/// Skips where programs cannot make system calls.
macro_rules! need_loaders {
    () => {
        if host().probe_prog_type(ProgType::SYSCALL) != Answer::Yes {
            skip!("no programs of type syscall");
        }
    };
}

/// The loader program of a spec, as it is.
fn made(spec: &ObjectSpec) -> LoaderProgram {
    let made = spec.loader_program(&LoaderOptions::default());
    made.unwrap_or_else(|error| panic!("{error}"))
}

/// The object that a spec's loader program loads.
fn loaded(system: &System, spec: &ObjectSpec) -> Object {
    let object = made(spec).run(system);
    object.unwrap_or_else(|error| panic!("{error}\n{}", common::logs(&error)))
}

/// Descriptors of this process, in order.
fn descriptors() -> Vec<String> {
    let open = std::fs::read_dir("/proc/self/fd").expect("proc");
    let mut open: Vec<String> = open
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    open.sort();
    open
}

/// All committed objects of this machine's byte order.
fn objects() -> Vec<ObjectSpec> {
    const SUFFIX: &str = if cfg!(target_endian = "little") {
        ".bpf.el.o"
    } else {
        ".bpf.eb.o"
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let files = std::fs::read_dir(root.unwrap().join("testdata")).expect("testdata");
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(SUFFIX));
    paths.sort();
    let open = |path| ObjectSpec::open(path).unwrap_or_else(|e| panic!("{e}"));
    paths.iter().map(open).collect()
}

/// Only one program, and the maps that it uses.
fn only_program(spec: &ObjectSpec, index: usize) -> Option<ObjectSpec> {
    let mut spec = spec.clone();
    for (other, program) in spec.programs.iter_mut().enumerate() {
        program.autoload = other == index;
    }
    let code = skep::codec::object::link(&spec, index).ok()?;
    for (other, map) in spec.maps.iter_mut().enumerate() {
        map.autocreate &= code.maps.contains(&other);
    }
    Some(spec)
}

/// Programs that are known to load in another way: types that no kernel takes are left out only by
/// who can ask; a weak function of another type is there, by its name.
const DIFFERENT: [&str; 3] = ["gcc count", "ksyms look", "stream tell"];

/// Programs that have another tag: each function of a module is called by a descriptor of its own.
const OTHER_TAG: [&str; 2] = ["kmod look", "modules lookup"];

#[test]
fn every_program_loads_as_it_does_without() {
    need_loaders!();
    let system = host();
    let (mut same, mut faults) = (0, Vec::new());
    for spec in objects() {
        for index in 0..spec.programs.len() {
            let name = format!("{} {}", spec.name, spec.programs[index].name);
            let spec = match only_program(&spec, index) {
                Some(spec) if !DIFFERENT.contains(&name.as_str()) => spec,
                _ => continue,
            };
            let loader = match spec.loader_program(&LoaderOptions::default()) {
                Ok(loader) => loader,
                Err(error) => {
                    println!("{name}: {error}");
                    continue;
                }
            };
            match (loader.run(&system), spec.load(&system)) {
                (Ok(with), Ok(without)) if tag(&with) == tag(&without) => same += 1,
                (Ok(_), Ok(_)) if OTHER_TAG.contains(&name.as_str()) => {}
                (Ok(_), Ok(_)) => faults.push(format!("{name}: another tag")),
                (Err(with), Err(without)) => println!("{name}: {with} / {without}"),
                (Err(with), Ok(_)) => faults.push(format!("{name}: only without: {with}")),
                (Ok(_), Err(without)) => faults.push(format!("{name}: only with: {without}")),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(same > 100, "{same}");
}

fn tag(object: &Object) -> [u8; 8] {
    object.programs()[0].info().unwrap().tag
}

#[test]
fn programs_maps_and_variables_are_there_by_their_names() {
    need_loaders!();
    let system = host();
    let object = loaded(&system, &object!("globals"));
    assert_eq!((run(&object, "sum"), run(&object, "bump")), (66, 1));
    let global = |name| object.global(name).unwrap();
    assert_eq!(global("rw_u8").read::<u8>().unwrap(), 11);
    assert_eq!(
        global("zero_u64").read::<u64>().unwrap(),
        0x0102_0304_0506_0708
    );
    let frozen = global("ro_u8").set(5_u8).unwrap_err();
    assert_eq!(frozen.kind(), ErrorKind::Permission);
    let object = loaded(&system, &object!("maps"));
    assert_eq!(run(&object, "touch"), 107, "by way of `tail`");
    let inner: skep::map::Array<u32> = object.map("inner_b").unwrap().try_into().unwrap();
    assert_eq!(inner.get(0).unwrap(), Some(7));
    let types = object.map("array").unwrap().info().unwrap();
    assert!(types.btf_value_type_id != 0, "{types:?}");
    let object = loaded(&system, &object!("subprogs"));
    assert_eq!((run(&object, "first"), run(&object, "second")), (107, 1053));
}

#[test]
fn symbols_are_found_or_missing() {
    need_loaders!();
    let system = host();
    let spec = object!("loader");
    let (with, without) = (loaded(&system, &spec), load(&system, &spec));
    assert_eq!((run(&with, "look"), run(&without, "look")), (12, 12));
    let found = |object: &Object| object.global("found").unwrap().bytes().unwrap();
    assert_eq!(found(&with), found(&without));
    assert_ne!(found(&with)[..8], [0; 8], "an address");
    let cpus = with.map("events").unwrap().max_entries();
    assert_eq!(cpus, without.map("events").unwrap().max_entries());
}

#[test]
fn functions_of_the_kernel_are_called() {
    need_loaders!();
    let system = host();
    let btf = system.kernel_btf().unwrap();
    if btf.find("bpf_rcu_read_lock", None).is_none() {
        skip!("this kernel has no function bpf_rcu_read_lock");
    }
    let object = match made(&only(object!("ksyms"), &["lock"])).run(&system) {
        Err(error) if takes_a_jit(&error) => skip!("{error}"),
        object => object.unwrap(),
    };
    let links = object.attach_all().unwrap();
    assert_eq!(links.len(), 1);
    getpgid(0);
    drop(links);
    let locked = object.global("found").unwrap().bytes().unwrap();
    let locked = i32::from_ne_bytes(locked[24..28].try_into().unwrap());
    assert_eq!(locked, 1);
}

#[test]
fn relocations_are_the_kernels_own() {
    need_loaders!();
    let system = host();
    let spec = object!("core");
    let (with, without) = (loaded(&system, &spec), load(&system, &spec));
    for object in [&with, &without] {
        let run = object.program("run").unwrap();
        if let Err(error) = run.test_run(&TestRun::default()) {
            skip!("{error}");
        }
    }
    let mut compared = 0;
    for variable in &spec.variables {
        let bytes = |object: &Object| object.global(&variable.name).unwrap().bytes().unwrap();
        assert_eq!(bytes(&with), bytes(&without), "{}", variable.name);
        compared += bytes(&with).iter().filter(|byte| **byte != 0).count();
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn what_fails_in_the_middle_leaves_nothing() {
    need_loaders!();
    let system = host();
    // All that is opened once and kept is open now.
    drop(loaded(&system, &object!("loader")));
    let before = descriptors();
    let mut spec = object!("loader");
    spec.program_mut("refused").unwrap().autoload = true;
    let error = made(&spec).run(&system).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::Verifier, "{text}");
    assert_eq!(error.errno(), Some(Errno::EACCES), "{text}");
    assert!(text.contains("load program `refused`"), "{text}");
    assert!(text.contains("map_value_or_null"), "{text}");
    assert!(common::logs(&error).contains("r0 = *(u64 *)(r0 +0)"));
    assert_eq!(descriptors(), before);
    let mut spec = object!("loader");
    spec.map_mut("counts").unwrap().max_entries = 0;
    let error = made(&spec).run(&system).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL));
    assert!(error.to_string().contains("create map `counts`"), "{error}");
    assert_eq!(descriptors(), before);
    let missing = only(object!("ksyms"), &["missing_symbol"]);
    let error = made(&missing).run(&system).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOENT));
    let text = error.to_string();
    assert!(text.contains("find `no_such_symbol_at_all`"), "{text}");
    assert_eq!(descriptors(), before);
}

#[test]
fn capacities_and_constants_are_of_who_runs_it() {
    need_loaders!();
    let system = host();
    let loader = made(&object!("loader"));
    let mut how = LoaderRun::default();
    how.max_entries.insert("counts".into(), 2);
    how.constants
        .insert("loader.rodata".into(), 5_u32.to_ne_bytes().to_vec());
    let object = loader.run_with(&system, &how).unwrap();
    assert_eq!(run(&object, "look"), 20);
    assert_eq!(object.map("counts").unwrap().max_entries(), 2);
    assert_eq!(object.global("factor").unwrap().read::<u32>().unwrap(), 5);
    let refused = |how: &LoaderRun, why: &str| {
        let error = loader.run_with(&system, how).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    };
    let mut how = LoaderRun::default();
    how.constants.insert("loader.rodata".into(), vec![5]);
    refused(&how, "1 bytes for 4");
    let mut how = LoaderRun::default();
    how.constants.insert("loader.data".into(), vec![5; 4]);
    refused(&how, "it has no constants");
    let mut how = LoaderRun::default();
    how.max_entries.insert("nothing".into(), 1);
    refused(&how, "no map `nothing`");
}

#[test]
fn what_was_kept_loads_too() {
    need_loaders!();
    let system = host();
    for (spec, program, answer) in [
        (object!("maps"), "touch", 107),
        (object!("loader"), "look", 12),
    ] {
        let kept = made(&spec).to_bytes();
        let read = LoaderProgram::parse(&kept).unwrap();
        assert_eq!(read, made(&spec));
        assert_eq!(run(&read.run(&system).unwrap(), program), answer);
    }
}

/// Jumps reach 32,768 instructions; this is about 100,000.
#[test]
fn a_long_loader_program_undoes_all() {
    need_loaders!();
    let system = host();
    let mut spec = object!("maps");
    let tail = spec.programs.iter().position(|p| p.name == "tail");
    let jumps = spec.map_mut("jumps").unwrap();
    jumps.max_entries = 5000;
    jumps.slots = (0..5000)
        .map(|at| (at, Slot::Program(tail.unwrap())))
        .collect();
    let loader = made(&spec);
    assert!(loader.insns.len() > 90_000, "{}", loader.insns.len());
    let object = loader.run(&system).unwrap();
    assert_eq!(run(&object, "touch"), 107);
    drop(object);
    let before = descriptors();
    spec.map_mut("jumps").unwrap().max_entries = 4999;
    let error = made(&spec).run(&system).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::E2BIG), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("put what it holds into map `jumps`"),
        "{text}"
    );
    assert_eq!(descriptors(), before);
}

/// `key_serial_t add_key(...)`: the certificate of tests, in a keyring of this process's session that
/// it does not share.
fn own_keyring() -> i32 {
    const JOIN: i32 = 1;
    // SAFETY: no name is given.
    let ring = unsafe { libc::syscall(libc::SYS_keyctl, JOIN, std::ptr::null::<u8>()) };
    assert!(ring > 0, "{}", std::io::Error::last_os_error());
    let (kind, name) = (c"asymmetric", c"skep tests");
    // SAFETY: two strings, and bytes with their length beside them.
    let key = unsafe {
        libc::syscall(
            libc::SYS_add_key,
            kind.as_ptr(),
            name.as_ptr(),
            CERTIFICATE.as_ptr(),
            CERTIFICATE.len(),
            ring,
        )
    };
    assert!(key > 0, "{}", std::io::Error::last_os_error());
    ring as i32
}

/// A loader program that checks its data.
fn checked(spec: &ObjectSpec) -> LoaderProgram {
    let signed = true;
    let options = LoaderOptions {
        signed,
        ..LoaderOptions::default()
    };
    spec.loader_program(&options).unwrap()
}

/// Skips where no map can be exclusive to a program, and none has a digest.
macro_rules! need_digests {
    () => {
        let params = MapParams {
            map_type: MapType::ARRAY,
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            excl_prog_hash: &[1; 32],
            ..MapParams::default()
        };
        if let Err(error) = Map::create(&host(), &params) {
            skip!("no exclusive maps: {error}");
        }
    };
}

#[test]
fn data_that_was_changed_is_not_used() {
    need_digests!();
    let system = host();
    let mut loader = checked(&object!("globals"));
    assert_eq!(run(&loader.run(&system).unwrap(), "sum"), 66);
    let before = descriptors();
    let at = loader.blob.len() / 2;
    loader.blob[at] ^= 1;
    let error = loader.run(&system).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EINVAL), "{error}");
    let text = error.to_string();
    assert!(text.contains("compare the digest of the data"), "{text}");
    assert_eq!(descriptors(), before);
    let mut how = LoaderRun::default();
    how.max_entries.insert("globals.bss".into(), 1);
    let error = loader.run_with(&system, &how).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[test]
fn only_what_a_key_of_the_keyring_signed_runs() {
    need_digests!();
    let system = host();
    let how = LoaderRun {
        keyring_id: Some(own_keyring()),
        ..LoaderRun::default()
    };
    let mut loader = checked(&object!("globals"));
    loader.signature = sign(&loader.signed_digest());
    loader.insns_signature = sign(&loader.digest());
    let object = match loader.run_with(&system, &how) {
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => skip!("{error}"),
        object => object.unwrap(),
    };
    assert_eq!(run(&object, "sum"), 66);
    let kept = LoaderProgram::parse(&loader.to_bytes()).unwrap();
    assert_eq!(run(&kept.run_with(&system, &how).unwrap(), "sum"), 66);
    // By no key that the kernel was built with.
    let error = loader.run(&system).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOKEY), "{error}");
    assert!(
        error.to_string().contains("the keyring has no key"),
        "{error}"
    );
    // Each kernel takes one of the two signatures.
    let one = |whole: &[u8], insns: &[u8]| {
        let mut loader = loader.clone();
        (loader.signature, loader.insns_signature) = (whole.to_vec(), insns.to_vec());
        loader.run_with(&system, &how)
    };
    let rejected = |answer: skep::Result<Object>| {
        let error = answer.unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EKEYREJECTED), "{error}");
    };
    let (whole, insns) = (&loader.signature, &loader.insns_signature);
    match one(whole, &[]) {
        Ok(_) => assert!(one(&[], insns).is_err()),
        other => {
            rejected(other);
            one(&[], insns).unwrap();
        }
    }
    let another = checked(&object!("subprogs"));
    rejected(one(
        &sign(&another.signed_digest()),
        &sign(&another.digest()),
    ));
    let mut changed = loader.clone();
    changed.blob[0] ^= 1;
    assert!(changed.run_with(&system, &how).is_err());
    assert!(one(&[0; 100], &[]).is_err());
    let error = one(&[], &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    let mut unchecked = made(&object!("globals"));
    unchecked.signature = sign(&unchecked.signed_digest());
    let error = unchecked.run_with(&system, &how).unwrap_err();
    assert!(
        error.to_string().contains("does not check its data"),
        "{error}"
    );
}

#[test]
fn signatures_of_tests_are_such_as_openssl_takes() {
    let dir = std::env::temp_dir().join(format!("skep-signed-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let loader = made(&object!("globals"));
    for (name, bytes) in [
        ("signature", sign(&loader.signed_digest())),
        ("content", loader.signed_bytes()),
        ("certificate", CERTIFICATE.to_vec()),
    ] {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
    let words = "cms -verify -binary -noverify -nointern -inform DER -in signature -content content \
                 -certfile certificate -out checked";
    let openssl = std::process::Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(&dir)
        .output();
    let checked = std::fs::read(dir.join("checked"));
    std::fs::remove_dir_all(&dir).unwrap();
    match openssl {
        Err(error) => skip!("openssl: {error}"),
        Ok(openssl) => assert!(openssl.status.success(), "{openssl:?}"),
    }
    assert_eq!(checked.unwrap(), loader.signed_bytes());
}
