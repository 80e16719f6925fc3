//! What constants keep from running is not asked for.

mod common;

use common::{host, load, object, run, skip};
use skep::sys::Trace;
use skep::{ErrorKind, LoadOptions, Object, ObjectSpec, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn pruned() -> LoadOptions {
    LoadOptions {
        prune: true,
        only_used_maps: true,
        kconfig: "CONFIG_SKEP_TEST=n".into(),
        ..Default::default()
    }
}

/// The object with one program to load.
fn only(program: &str) -> ObjectSpec {
    common::only(object!("branches"), &[program])
}

/// Its declared maps that were made.
fn maps(object: &Object) -> Vec<&str> {
    let names = object.maps().iter().map(|map| map.name());
    names.filter(|name| !name.contains('.')).collect()
}

fn loaded(spec: &ObjectSpec, options: &LoadOptions) -> Object {
    common::load_with(&host(), spec, options)
}

#[test]
fn what_a_flag_guards_need_not_be_there() {
    let spec = only("guarded");
    // All of it is wanted as it is: no kernel has that function.
    let error = spec.load(&host()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Several);
    assert!(
        error.to_string().contains("no_such_function_at_all"),
        "{error}"
    );
    let object = loaded(&spec, &pruned());
    assert_eq!(maps(&object), ["always"]);
    assert_eq!(run(&object, "guarded"), 1);
    assert_eq!(object.programs().len(), 1);
    // The flag set, it is wanted again.
    let mut spec = spec;
    spec.variable("enabled").unwrap().set(1_u8).unwrap();
    let error = spec.load_with(&host(), &pruned()).unwrap_err();
    assert!(
        error.to_string().contains("no_such_function_at_all"),
        "{error}"
    );
}

#[test]
fn maps_of_branches_that_are_closed_are_not_made() {
    let mut spec = only("switched");
    // No kernel makes it.
    spec.map_mut("if_third").unwrap().key_size = 0;
    assert!(spec.load(&host()).is_err());
    let object = loaded(&spec, &pruned());
    assert_eq!(maps(&object), ["always"]);
    assert_eq!(run(&object, "switched"), 1001);
    let cases: [(&str, i64, &[&str], u32); 3] = [
        ("level", 2, &["always", "if_high"], 1011),
        ("bias", -1, &["always", "if_negative"], 1101),
        ("choice", 2, &["always"], 2001),
    ];
    for (name, value, want, answer) in cases {
        let mut spec = spec.clone();
        let mut variable = spec.variable(name).unwrap();
        let bytes = value.to_ne_bytes();
        let size = variable.size();
        let start = if cfg!(target_endian = "big") {
            8 - size
        } else {
            0
        };
        variable.set_bytes(&bytes[start..start + size]).unwrap();
        let object = loaded(&spec, &pruned());
        assert_eq!(maps(&object), want, "{name}");
        assert_eq!(run(&object, "switched"), answer, "{name}");
    }
}

#[test]
fn the_kernels_configuration_decides_too() {
    let spec = only("configured");
    let object = loaded(&spec, &pruned());
    assert_eq!(maps(&object), ["always"]);
    assert_eq!(run(&object, "configured"), 1);
    let set = LoadOptions {
        kconfig: "CONFIG_SKEP_TEST=y".into(),
        ..pruned()
    };
    let object = loaded(&spec, &set);
    assert_eq!(maps(&object), ["always", "if_configured"]);
    assert_eq!(run(&object, "configured"), 11);
}

#[test]
fn the_kernels_configuration_is_read_once() {
    let Ok(config) = host().kernel_config() else {
        skip!("no configuration of this kernel is to be had");
    };
    let path = config.path().to_owned();
    let opened = Arc::new(AtomicU32::new(0));
    let counter = opened.clone();
    let trace = Trace::with(host().kernel().clone(), move |call| {
        let file = std::fs::read_link(format!("/proc/self/fd/{}", call.answer));
        if call.name == "openat" && file.is_ok_and(|file| file.to_str() == Some(&path)) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let system = System::new(trace).unwrap();
    let options = LoadOptions {
        kconfig: String::new(),
        ..pruned()
    };
    let mut spec = only("configured");
    let object = common::load_with(&system, &spec, &options);
    assert_eq!(maps(&object), ["always"]);
    assert_eq!(opened.swap(0, Ordering::SeqCst), 1);
    // Nor is it read again for what it does not tell.
    let mut externs = spec.externs.iter_mut();
    let option = externs.find(|e| e.name == "CONFIG_SKEP_TEST").unwrap();
    option.weak = false;
    let error = spec.load_with(&system, &options).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not set `CONFIG_SKEP_TEST`"),
        "{error}"
    );
    assert_eq!(opened.load(Ordering::SeqCst), 1);
}

#[test]
fn what_may_change_closes_nothing() {
    let object = loaded(&only("not_constant"), &pruned());
    assert_eq!(maps(&object), ["always", "if_high"]);
    assert_eq!(run(&object, "not_constant"), 1);
    // Constants that another object's map holds are not those of the file.
    let mut spec = only("switched");
    let other = loaded(&spec, &pruned());
    let constants = other.map("branches.rodata").unwrap().clone();
    spec.variable("choice").unwrap().set(3_u64).unwrap();
    let mut with_live = pruned();
    with_live.maps.insert("branches.rodata".into(), constants);
    let object = loaded(&spec, &with_live);
    let all = ["always", "if_high", "if_negative", "if_third"];
    assert_eq!(maps(&object), all);
    assert_eq!(run(&object, "switched"), 1001);
}

#[test]
fn without_the_option_nothing_changes() {
    let system = host();
    let mut spec = object!("branches");
    spec.program_mut("guarded").unwrap().autoload = false;
    let object = load(&system, &spec);
    assert_eq!(object.maps().len(), spec.maps.len());
    // All maps of the file stay in the program, and it is the same as before.
    let pruned = loaded(&spec, &pruned());
    let tag = |object: &Object| object.program("not_constant").unwrap().info().unwrap().tag;
    assert_eq!(tag(&object), tag(&pruned));
}
