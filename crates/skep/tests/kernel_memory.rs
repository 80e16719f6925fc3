//! Maps in memory: globals read and written while programs run, arrays, arenas.

mod common;

use common::{host, load, object, run, skip, takes_a_jit};
use skep::codec::uapi::flags;
use skep::map::MapParams;
use skep::prog::TestRun;
use skep::{Errno, ErrorKind, Map, MapType, Object, System};

fn call(object: &Object, program: &str) -> u32 {
    let program = object.program(program).unwrap();
    program.test_run(&TestRun::default()).unwrap().return_value
}

#[test]
fn globals_are_written_while_programs_run() {
    let system = host();
    let object = load(&system, &object!("globals"));
    let global = |name: &str| object.global(name).unwrap();
    global("rw_u8").set(200_u8).unwrap();
    global("rw_s16").set(-300_i16).unwrap();
    global("rw_u32").set(0xdead_beef_u32).unwrap();
    global("rw_s64").set(i64::MIN + 1).unwrap();
    global("rw_text").set_bytes(b"written\0").unwrap();
    global("extra_rw").set(7_u32).unwrap();
    run(&object, "bump");
    assert_eq!(global("rw_u8").read::<u8>().unwrap(), 201);
    assert_eq!(global("rw_s16").read::<i16>().unwrap(), -301);
    assert_eq!(global("rw_u32").read::<u32>().unwrap(), 0xdead_bef0);
    assert_eq!(global("rw_s64").read::<i64>().unwrap(), i64::MIN);
    assert_eq!(global("rw_point").read::<[i32; 2]>().unwrap(), [114, -115]);
    assert_eq!(global("rw_text").bytes().unwrap(), *b"Britten\0");
    assert_eq!(
        global("zero_u64").read::<u64>().unwrap(),
        0x0102_0304_0506_0708
    );
    assert_eq!(global("extra_rw").read::<u32>().unwrap(), 8);
    // What lies beside them is as it was.
    assert_eq!(
        global("zero_array").read::<[u32; 4]>().unwrap(),
        [0, 0, 0, 3]
    );

    let constant = global("ro_u32");
    assert_eq!(constant.read::<u32>().unwrap(), 5);
    let error = constant.set(6_u32).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission);
    let memory = constant.map().memory().unwrap();
    assert!(!memory.is_writable());
    let cell = memory.cell::<u32>(0).unwrap();
    for written in [
        memory.write(0, &[6]),
        cell.store(&6),
        cell.fetch_add(1).map(drop),
        cell.swap(6).map(drop),
        cell.compare_exchange(5, 6).map(drop),
    ] {
        assert_eq!(written.unwrap_err().kind(), ErrorKind::Permission);
    }
    let error = global("rw_u8").set(1_u16).unwrap_err();
    assert_eq!(error.to_string(), "2 bytes for variable `rw_u8` of 1");
}

#[test]
fn globals_without_memory_are_written_all_the_same() {
    let system = host();
    let mut spec = object!("globals");
    let names: Vec<String> = spec.maps.iter().map(|map| map.name.clone()).collect();
    for name in names {
        spec.map_mut(&name).unwrap().map_flags &= !(1 << 10);
    }
    let object = load(&system, &spec);
    let global = |name: &str| object.global(name).unwrap();
    let error = global("rw_u32").map().memory().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    global("rw_u32").set(99_u32).unwrap();
    run(&object, "bump");
    assert_eq!(global("rw_u32").read::<u32>().unwrap(), 100);
    assert_eq!(global("rw_u8").read::<u8>().unwrap(), 11, "its neighbour");
    assert_eq!(global("ro_u64").read::<u64>().unwrap(), 7);
    assert_eq!(
        global("ro_u64").set(8_u64).unwrap_err().kind(),
        ErrorKind::Permission
    );
}

#[test]
fn an_array_is_read_and_written_in_memory() {
    let system = host();
    let object = load(&system, &object!("maps"));
    let array = object.map("array").unwrap();
    let memory = array.memory().unwrap();
    assert_eq!(
        (memory.len(), memory.is_writable()),
        (system.page_size(), true)
    );
    run(&object, "touch");
    let mut element = [0; 8];
    memory.read(2 * 8, &mut element).unwrap();
    assert_eq!(u64::from_ne_bytes(element), 7);
    // Unaligned, over several elements.
    let text: Vec<u8> = (1..=21).collect();
    memory.write(3, &text).unwrap();
    let mut back = [0; 21];
    memory.read(3, &mut back).unwrap();
    assert_eq!(text, back);
    let value = array.lookup(&1_u32.to_ne_bytes()).unwrap().unwrap();
    assert_eq!(value, [6, 7, 8, 9, 10, 11, 12, 13]);
    for (offset, len) in [
        (memory.len(), 1),
        (memory.len() - 1, 2),
        (usize::MAX, 1),
        (0, memory.len() + 1),
    ] {
        let error = memory.read(offset, &mut vec![0; len]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(memory.write(offset, &vec![0; len]).is_err());
    }
    assert!(object.map("hash").unwrap().memory().is_err());
}

/// The arena object, if the kernel has arenas.
fn arena(system: &System, map_extra: u64) -> Result<Object, String> {
    let mut spec = object!("arena");
    assert_eq!(spec.map("arena").unwrap().map_extra, 1 << 44);
    spec.map_mut("arena").unwrap().map_extra = map_extra;
    match spec.load(system) {
        Ok(object) => Ok(object),
        Err(error) if takes_a_jit(&error) => Err(error.to_string()),
        Err(error) => {
            let map = &error.map_failures()[0].error;
            let unknown = [Errno::EINVAL, Errno::EOPNOTSUPP];
            assert!(
                map.errno().is_some_and(|errno| unknown.contains(&errno)),
                "{error}"
            );
            Err(map.to_string())
        }
    }
}

#[test]
fn an_arena_holds_globals_and_pages() {
    let system = host();
    for map_extra in [1 << 44, 0] {
        let object = match arena(&system, map_extra) {
            Ok(object) => object,
            Err(why) => skip!("no arenas: {why}"),
        };
        let map = object.map("arena").unwrap();
        let memory = map.memory().unwrap();
        assert_eq!(memory.len(), 16 * system.page_size());
        if map_extra != 0 {
            assert_eq!(memory.address() as u64, map_extra);
        }
        let global = |name: &str| object.global(name).unwrap();
        assert_eq!(global("counter").read::<u64>().unwrap(), 40);
        assert_eq!(call(&object, "count"), 42);
        assert_eq!(global("counter").read::<u64>().unwrap(), 42);
        assert_eq!(global("message").bytes().unwrap(), *b"hi\0\0\0\0\0\0");
        global("step").set(100_u32).unwrap();
        assert_eq!(call(&object, "count"), 142);
        assert_eq!(call(&object, "allocate"), 0);
        let found = global("found").read::<u64>().unwrap() as usize;
        let offset = found - memory.address();
        let mut word = [0; 8];
        memory.read(offset + 8, &mut word).unwrap();
        assert_eq!(u64::from_ne_bytes(word), 0x1122_3344_5566_7788);
        // The same arena for another load, under the same address.
        let mut options = skep::LoadOptions::default();
        options.maps.insert("arena".into(), map.clone());
        let second = object!("arena").load_with(&system, &options).unwrap();
        assert_eq!(second.map("arena").unwrap().id(), map.id());
        assert_eq!(call(&second, "count"), 242, "its globals, too");
    }
}

#[test]
fn pages_that_only_programs_allocate_are_not_touched() {
    let params = MapParams {
        map_type: MapType::ARENA,
        max_entries: 4,
        map_flags: flags::MMAPABLE | flags::SEGV_ON_FAULT,
        ..MapParams::default()
    };
    let system = host();
    let map = match Map::create(&system, &params) {
        Ok(map) => map,
        Err(error) => skip!("no arenas: {error}"),
    };
    let memory = map.memory().unwrap();
    for touched in [memory.read(0, &mut [0]), memory.write(0, &[1])] {
        assert_eq!(touched.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    assert!(memory.cell::<u8>(0).is_err());
    assert_eq!(memory.len(), 4 * system.page_size());
}

#[test]
fn an_arena_too_small_for_its_globals_says_so() {
    let system = host();
    if let Err(why) = arena(&system, 0) {
        skip!("no arenas: {why}");
    }
    let mut spec = object!("arena");
    let data = spec.map_mut("arena").unwrap().data.as_mut().unwrap();
    data.size = 17 * system.page_size() as u32;
    let error = spec.load(&system).unwrap_err();
    let text = error.map_failures()[0].error.to_string();
    let (size, len) = (17 * system.page_size(), 16 * system.page_size());
    assert_eq!(
        text,
        format!("globals in arena `arena`: {size} bytes, and the arena has {len}")
    );
}

/// A process that leaves root without starting another program may not read its own auxiliary
/// vector.
#[test]
fn the_page_size_is_known_without_the_auxiliary_vector() {
    let page = skep::System::host().unwrap().page_size();
    let left = std::thread::spawn(move || {
        // Of this thread only: the raw call, not the C library's.
        // SAFETY: three integers.
        if unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) } != 0 {
            return None;
        }
        let auxv = std::fs::read("/proc/self/auxv").map(drop);
        Some((auxv, skep::System::host().map(|system| system.page_size())))
    });
    let Some((auxv, known)) = left.join().unwrap() else {
        skip!("this process may not become another user");
    };
    let error = auxv.expect_err("the vector of a process that left root");
    assert_eq!(error.raw_os_error(), Some(libc::EACCES));
    assert_eq!(known.unwrap(), page);
}

#[test]
fn constants_live_as_long_as_every_program() {
    let object = load(&host(), &object!("globals"));
    let id = |section: &str| {
        let map = object
            .maps()
            .iter()
            .find(|map| map.name().ends_with(section));
        map.unwrap().info().unwrap().id
    };
    let mut constants = [id(".rodata"), id(".rodata.extra")];
    constants.sort_unstable();
    // `sum` uses them all; `bump` none of them, and data besides.
    for program in ["sum", "bump"] {
        let used = object.program(program).unwrap().map_ids().unwrap();
        let mut found: Vec<u32> = used
            .iter()
            .copied()
            .filter(|id| constants.contains(id))
            .collect();
        found.sort_unstable();
        assert_eq!(found, constants, "{program}");
        assert!(used.len() > 2, "{program}");
    }
}
