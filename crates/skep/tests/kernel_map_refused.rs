//! Elements of maps where the kernel lacks commands, or refuses one in between.

mod common;
#[path = "common/refusing.rs"]
mod refusing;

use common::{host, load, make, object, only};
use refusing::{Rule, refusing};
use skep::codec::uapi::bpf::Cmd;
use skep::map::{ElemFlags, HashMap, Map, MapOfMaps, MapParams};
use skep::{Errno, ErrorKind, MapType, System, plain};

const BATCHES: [Cmd; 4] = [
    Cmd::MAP_LOOKUP_BATCH,
    Cmd::MAP_LOOKUP_AND_DELETE_BATCH,
    Cmd::MAP_UPDATE_BATCH,
    Cmd::MAP_DELETE_BATCH,
];

/// Eight keys, and a value for each.
fn eight() -> (Vec<u8>, Vec<u8>) {
    let keys = (0..8_u32).flat_map(u32::to_ne_bytes).collect();
    (keys, (10..18_u32).flat_map(u32::to_ne_bytes).collect())
}

/// A hash with these.
fn hash(system: &System) -> Map {
    let (map, (keys, values)) = (make(system, MapType::HASH, 4, 4), eight());
    for (key, value) in keys.chunks(4).zip(values.chunks(4)) {
        map.update(key, value, ElemFlags::ANY).unwrap();
    }
    map
}

/// Commands of Linux 5.5.
fn no_batches(cmd: Cmd, _: &[u8], _: u64) -> Option<Errno> {
    BATCHES.contains(&cmd).then_some(Errno::EINVAL)
}

#[test]
fn a_kernel_without_batches_is_asked_for_one_by_one() {
    let (system, _) = refusing(no_batches);
    let (keys, values) = eight();
    let map = make(&system, MapType::HASH, 4, 4);
    let done = map.update_batch(&keys, &values, ElemFlags::ANY).unwrap();
    assert_eq!((done.count, done.one_by_one), (8, true));
    let again = map.update_batch(&keys, &values, ElemFlags::NOEXIST);
    let again = again.unwrap_err();
    assert_eq!((again.done, again.error.errno()), (0, Some(Errno::EEXIST)));

    let mut batches = map.batches();
    let mut seen = Vec::new();
    while let Some(chunk) = batches.next().unwrap() {
        seen.extend(chunk.map(|(key, value)| (key.to_vec(), value.to_vec())));
    }
    seen.sort();
    assert!(batches.one_by_one());
    let all = keys.chunks(4).zip(values.chunks(4));
    assert!(seen.iter().map(|(k, v)| (&k[..], &v[..])).eq(all));

    let done = map
        .delete_batch(&[&keys[..8], &[0xff; 4]].concat())
        .unwrap();
    assert_eq!((done.count, done.one_by_one), (2, true));
    let mut drain = map.drain();
    let mut drained = 0;
    while let Some(chunk) = drain.next().unwrap() {
        drained += chunk.len();
    }
    assert_eq!((drained, map.keys().count()), (6, 0));
}

#[test]
fn what_is_drained_one_by_one_is_taken_in_one_call_where_there_is_one() {
    for (rule, takes) in [
        (no_batches as Rule, true),
        // Hashes before Linux 5.14 have no such call.
        (
            |cmd, attr, n| match cmd {
                Cmd::MAP_LOOKUP_AND_DELETE_ELEM => Some(Errno::ENOTSUPP),
                cmd => no_batches(cmd, attr, n),
            },
            false,
        ),
    ] {
        let (system, trace) = refusing(rule);
        let map = hash(&system);
        let here = map.take(&0_u32.to_ne_bytes(), ElemFlags::ANY).is_ok();
        let (mut drain, mut drained) = (map.drain(), 0);
        while let Some(chunk) = drain.next().unwrap() {
            drained += chunk.len();
        }
        assert_eq!((drained, map.keys().count()), (8 - usize::from(here), 0));
        assert!(takes || !here);
        let deleted = trace.count_cmd(Cmd::MAP_DELETE_ELEM);
        assert_eq!(deleted, if here { 0 } else { 8 });
    }
}

#[test]
fn batches_that_fail_in_between_tell_how_far_they_came() {
    let (system, _) =
        refusing(|cmd, _, n| (cmd == Cmd::MAP_DELETE_BATCH && n > 0).then_some(Errno::EFAULT));
    let map = hash(&system);
    // The second call is for what follows the key that is not there.
    let keys = [0, 1, 99, 2, 3_u32].map(u32::to_ne_bytes).concat();
    let failed = map.delete_batch(&keys).unwrap_err();
    assert_eq!(
        (failed.done, failed.error.errno()),
        (2, Some(Errno::EFAULT))
    );
    let text = "after 2 elements: delete from map ``: BPF_MAP_DELETE_BATCH: EFAULT";
    assert!(failed.to_string().starts_with(text), "{failed}");
    assert_eq!(map.keys().count(), 6);
}

#[test]
fn what_fails_to_be_read_is_said_once() {
    let (system, _) = refusing(|cmd, _, _| (cmd == Cmd::MAP_LOOKUP_BATCH).then_some(Errno::ENOMEM));
    let map = hash(&system);
    let entries: Vec<_> = map.entries().take(3).collect();
    assert_eq!(entries.len(), 1);
    let error = entries[0].as_ref().unwrap_err();
    assert_eq!(
        (error.errno(), error.kind()),
        (Some(Errno::ENOMEM), ErrorKind::Call)
    );

    let (system, _) =
        refusing(|cmd, _, n| (cmd == Cmd::MAP_GET_NEXT_KEY && n > 1).then_some(Errno::ENOMEM));
    let map = hash(&system);
    let keys: Vec<_> = map.keys().take(5).map(|key| key.is_ok()).collect();
    assert_eq!(keys, [true, false]);
}

plain! {
    #[derive(Debug)]
    struct Wrong { other: u64 }
}

#[test]
fn types_that_are_not_to_be_seen_are_not_compared() {
    let object = load(&host(), &object!("views"));
    let flows = object.map("flows").unwrap();
    let view = |system: &System| {
        let fd = flows.fd().try_clone().unwrap();
        let map = Map::from_fd(system, fd).unwrap();
        HashMap::<Wrong, [u8; 16]>::try_from(&map).map_err(|error| error.kind())
    };
    assert_eq!(view(&host()).unwrap_err(), ErrorKind::Invalid);
    // As without CAP_SYS_ADMIN: the sizes fit.
    let (system, _) = refusing(|cmd, _, _| (cmd == Cmd::BTF_GET_FD_BY_ID).then_some(Errno::EPERM));
    assert!(view(&system).is_ok());
    let (system, _) = refusing(|cmd, _, _| (cmd == Cmd::BTF_GET_FD_BY_ID).then_some(Errno::ENOMEM));
    assert_eq!(view(&system).unwrap_err(), ErrorKind::Call);
}

#[test]
fn a_map_that_is_gone_when_it_is_asked_for_is_not_there() {
    let (system, _) = refusing(|cmd, _, _| (cmd == Cmd::MAP_GET_FD_BY_ID).then_some(Errno::ENOENT));
    let inner = make(&system, MapType::ARRAY, 4, 4);
    let params = MapParams {
        map_type: MapType::HASH_OF_MAPS,
        key_size: 4,
        value_size: 4,
        max_entries: 2,
        inner_map: Some(inner.fd()),
        ..MapParams::default()
    };
    let outer = Map::create(&system, &params).unwrap();
    let outer = MapOfMaps::<u32>::try_from(&outer).unwrap();
    outer.insert(&1, &inner).unwrap();
    // It was replaced, and went, between its number and the question.
    assert!(outer.get(&1).unwrap().is_none());
}

/// Whether a command makes a map with something in these bytes of its attribute.
fn makes_with(cmd: Cmd, attr: &[u8], bytes: std::ops::Range<usize>) -> bool {
    let part = attr.get(bytes.start..bytes.end.min(attr.len()));
    cmd == Cmd::MAP_CREATE && part.is_some_and(|part| part.iter().any(|byte| *byte != 0))
}

/// Where types of keys and values are, and the name.
const TYPES: std::ops::Range<usize> = 52..60;
const NAME: std::ops::Range<usize> = 28..44;

#[test]
fn maps_whose_types_are_refused_are_made_without() {
    let (system, _) =
        refusing(|cmd, attr, _| makes_with(cmd, attr, TYPES).then_some(Errno::EINVAL));
    let mut spec = object!("views");
    spec.maps.retain(|map| map.name == "flows");
    let spec = only(spec, &[]);
    let object = load(&system, &spec);
    let flows = object.map("flows").unwrap();
    let shape = flows.shape();
    assert_eq!((shape.btf_key_type_id, shape.btf_value_type_id), (0, 0));
    // The object tells them all the same.
    assert!(flows.types().unwrap().is_some());
    HashMap::<Wrong, [u8; 16]>::try_from(flows).unwrap_err();

    // What is told is why it was refused at first.
    let (system, _) = refusing(|cmd, attr, _| match makes_with(cmd, attr, TYPES) {
        true => Some(Errno::E2BIG),
        false => makes_with(cmd, attr, NAME).then_some(Errno::ENOMEM),
    });
    let error = spec.load(&system).unwrap_err();
    assert_eq!(error.map_failures()[0].error.errno(), Some(Errno::E2BIG));
}

#[test]
fn older_kernels_get_maps_without_what_they_lack() {
    // Before Linux 4.15 maps had no names; that sections can be mapped is another matter.
    let (system, _) = refusing(|cmd, attr, _| makes_with(cmd, attr, NAME).then_some(Errno::EINVAL));
    let object = load(&system, &only(object!("globals"), &[]));
    let global = object.global("rw_u32").unwrap();
    assert_eq!(global.map().info().unwrap().name, "");
    assert!(global.map().memory().is_ok());
    // Before Linux 5.5 they could not be.
    let (system, _) = refusing(|cmd, attr, _| {
        let flags = attr
            .get(16..20)
            .map(|flags| u32::from_ne_bytes(flags.try_into().unwrap()));
        let mmapable = cmd == Cmd::MAP_CREATE && flags.is_some_and(|flags| flags & 1 << 10 != 0);
        mmapable.then_some(Errno::EINVAL)
    });
    let object = load(&system, &only(object!("globals"), &[]));
    let global = object.global("rw_u32").unwrap();
    assert_eq!(
        global.map().memory().unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    global.set(99_u32).unwrap();
    assert_eq!(global.read::<u32>().unwrap(), 99);
}
