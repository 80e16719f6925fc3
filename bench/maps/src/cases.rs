//! What is measured.

use crate::ENGINES;
use crate::engines::{self as bare, ENTRIES};
use aya::maps::{
    Array as AyaArray, HashMap as AyaHash, Map as AyaMap, MapData, PerCpuArray as AyaPerCpu,
};
use libbpf_rs::{MapCore as _, MapFlags, MapHandle};
use skep::map::{Array, ElemFlags, HashMap, Map, PerCpuArray};
use skep::{MapType, System};
use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Operations in a turn.
const TURN: u64 = 16_384;
pub const BATCH: usize = 4096;
const MMAPABLE: u32 = 1 << 10;

type Work = Option<Box<dyn FnMut() -> u64>>;

/// An operation by each engine; `None` where one has it not.
pub struct Case {
    pub title: &'static str,
    /// Made ready before each turn.
    pub prepare: Box<dyn FnMut()>,
    /// A turn; how many elements it was.
    pub work: [Work; ENGINES.len()],
    /// How many there must be; 0 for any.
    pub elements: u64,
    /// Who gave another number.
    pub wrong: [Option<u64>; ENGINES.len()],
    /// Fewer rounds by this, for what takes long.
    pub costs: usize,
}

impl Case {
    fn new(title: &'static str, work: [Work; ENGINES.len()]) -> Self {
        Self {
            title,
            prepare: Box::new(|| ()),
            work,
            elements: 0,
            wrong: Default::default(),
            costs: 1,
        }
    }
}

fn work(f: impl FnMut() -> u64 + 'static) -> Work {
    Some(Box::new(f))
}

/// Keys of the next turn, shared by the engines: nobody finds warm what another has just touched.
#[derive(Clone, Default)]
struct Keys(Rc<Cell<u64>>);

impl Keys {
    /// The keys of a turn; numbers of the map's entries in no order, none twice.
    fn turn(&self) -> impl Iterator<Item = u64> + use<> {
        let begin = self.0.get();
        self.0.set(begin + TURN);
        (begin..begin + TURN).map(key)
    }
}

/// The key with this number: an odd multiple, so that all differ.
pub fn key(n: u64) -> u64 {
    (n % ENTRIES).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A key's numbers, as many a turn deletes.
fn some(keys: &Keys) -> Vec<u64> {
    keys.turn().collect()
}

struct Handles {
    map: Map,
    fd: i32,
    view: HashMap<u64, u64>,
    libbpf: Rc<MapHandle>,
}

fn handles(map: &Map) -> Handles {
    Handles {
        map: map.clone(),
        fd: bare::raw(map),
        view: HashMap::try_from(map).expect("a view"),
        libbpf: libbpf(map),
    }
}

fn libbpf(map: &Map) -> Rc<MapHandle> {
    Rc::new(MapHandle::from_map_id(map.id()).expect("libbpf-rs"))
}

fn aya(map: &Map) -> AyaMap {
    AyaMap::from_map_data(MapData::from_id(map.id()).expect("aya")).expect("aya")
}

fn aya_hash(map: &Map) -> AyaHash<MapData, u64, u64> {
    aya(map).try_into().expect("aya")
}

pub fn all() -> Vec<Case> {
    let system = System::host().expect("the kernel");
    let hash = bare::hash(&system, ENTRIES, 0);
    let keys: Vec<u8> = (0..ENTRIES).flat_map(|n| key(n).to_ne_bytes()).collect();
    let done = hash
        .update_batch(&keys, &keys, ElemFlags::ANY)
        .expect("filling");
    assert_eq!(done.count as u64, ENTRIES);
    vec![
        lookup(&hash),
        update(&hash),
        delete(&hash),
        update_batch(&hash),
        delete_batch(&hash),
        iterate_one_by_one(&hash),
        iterate_in_batches(&hash),
        per_cpu(&system),
        mapped(&system),
    ]
}

fn lookup(hash: &Map) -> Case {
    let h = handles(hash);
    let (view, lib, aya) = (h.view, h.libbpf, aya_hash(hash));
    let keys = Keys::default();
    let [a, b, c, d] = [(); 4].map(|()| keys.clone());
    Case::new(
        "hash: look-up",
        [
            work(move || {
                let mut value = 0_u64;
                a.turn()
                    .for_each(|key| assert!(bare::lookup(h.fd, &key, &mut value)));
                TURN
            }),
            work(move || {
                b.turn()
                    .for_each(|key| assert!(view.get(&key).unwrap().is_some()));
                TURN
            }),
            work(move || {
                c.turn().for_each(|key| assert!(aya.get(&key, 0).is_ok()));
                TURN
            }),
            work(move || {
                let get = |key: u64| lib.lookup(&key.to_ne_bytes(), MapFlags::ANY);
                d.turn()
                    .for_each(|key| assert!(get(key).unwrap().is_some()));
                TURN
            }),
        ],
    )
}

fn update(hash: &Map) -> Case {
    let h = handles(hash);
    let (view, lib, mut aya) = (h.view, h.libbpf, aya_hash(hash));
    let keys = Keys::default();
    let [a, b, c, d] = [(); 4].map(|()| keys.clone());
    Case::new(
        "hash: update",
        [
            work(move || {
                a.turn()
                    .for_each(|key| assert!(bare::update(h.fd, &key, &mut key.clone())));
                TURN
            }),
            work(move || {
                b.turn().for_each(|key| view.insert(&key, &key).unwrap());
                TURN
            }),
            work(move || {
                c.turn().for_each(|key| aya.insert(key, key, 0).unwrap());
                TURN
            }),
            work(move || {
                let set = |key: [u8; 8]| lib.update(&key, &key, MapFlags::ANY).unwrap();
                d.turn().for_each(|key| set(key.to_ne_bytes()));
                TURN
            }),
        ],
    )
}

/// Puts back what the last turn deleted.
fn refill(map: &Map, keys: &Keys) -> Box<dyn FnMut()> {
    let (map, keys) = (map.clone(), keys.clone());
    Box::new(move || {
        let begin = keys.0.get().saturating_sub(2 * TURN);
        let bytes: Vec<u8> = (begin..begin + 3 * TURN)
            .flat_map(|n| key(n).to_ne_bytes())
            .collect();
        map.update_batch(&bytes, &bytes, ElemFlags::ANY)
            .expect("refilling");
    })
}

fn delete(hash: &Map) -> Case {
    let h = handles(hash);
    let (view, lib, mut aya) = (h.view, h.libbpf, aya_hash(hash));
    let keys = Keys::default();
    let [a, b, c, d] = [(); 4].map(|()| keys.clone());
    let work = [
        work(move || {
            a.turn().for_each(|key| assert!(bare::delete(h.fd, &key)));
            TURN
        }),
        work(move || {
            b.turn().for_each(|key| assert!(view.remove(&key).unwrap()));
            TURN
        }),
        work(move || {
            c.turn().for_each(|key| aya.remove(&key).unwrap());
            TURN
        }),
        work(move || {
            d.turn()
                .for_each(|key| lib.delete(&key.to_ne_bytes()).unwrap());
            TURN
        }),
    ];
    Case {
        prepare: refill(&h.map, &keys),
        ..Case::new("hash: delete", work)
    }
}

fn update_batch(hash: &Map) -> Case {
    let h = handles(hash);
    let (map, lib) = (h.map, h.libbpf);
    let keys = Keys::default();
    let [a, b, d] = [(); 3].map(|()| keys.clone());
    let work = [
        work(move || {
            for part in some(&a).chunks_mut(BATCH) {
                let (count, failed) = bare::batch(26, h.fd, None, part, &mut part.to_vec(), true);
                assert!(count == BATCH && !failed);
            }
            TURN
        }),
        work(move || {
            let keys: Vec<u8> = b.turn().flat_map(u64::to_ne_bytes).collect();
            for part in keys.chunks(8 * BATCH) {
                assert!(
                    !map.update_batch(part, part, ElemFlags::ANY)
                        .unwrap()
                        .one_by_one
                );
            }
            TURN
        }),
        None,
        work(move || {
            let keys: Vec<u8> = d.turn().flat_map(u64::to_ne_bytes).collect();
            for part in keys.chunks(8 * BATCH) {
                lib.update_batch(part, part, BATCH as u32, MapFlags::ANY, MapFlags::ANY)
                    .unwrap();
            }
            TURN
        }),
    ];
    Case::new("hash: update, batches of 4096", work)
}

fn delete_batch(hash: &Map) -> Case {
    let h = handles(hash);
    let (map, lib) = (h.map.clone(), h.libbpf);
    let keys = Keys::default();
    let [a, b, d] = [(); 3].map(|()| keys.clone());
    let work = [
        work(move || {
            for part in some(&a).chunks_mut(BATCH) {
                let (count, failed) = bare::batch(27, h.fd, None, part, &mut [], true);
                assert!(count == BATCH && !failed);
            }
            TURN
        }),
        work(move || {
            let keys: Vec<u8> = b.turn().flat_map(u64::to_ne_bytes).collect();
            for part in keys.chunks(8 * BATCH) {
                assert_eq!(map.delete_batch(part).unwrap().count, BATCH);
            }
            TURN
        }),
        None,
        work(move || {
            let keys: Vec<u8> = d.turn().flat_map(u64::to_ne_bytes).collect();
            for part in keys.chunks(8 * BATCH) {
                lib.delete_batch(part, BATCH as u32, MapFlags::ANY, MapFlags::ANY)
                    .unwrap();
            }
            TURN
        }),
    ];
    Case {
        prepare: refill(&h.map, &keys),
        ..Case::new("hash: delete, batches of 4096", work)
    }
}

fn refill_all(map: &Map) -> Box<dyn FnMut()> {
    let map = map.clone();
    let mut full = false;
    Box::new(move || {
        if !full {
            let keys: Vec<u8> = (0..ENTRIES).flat_map(|n| key(n).to_ne_bytes()).collect();
            map.update_batch(&keys, &keys, ElemFlags::ANY)
                .expect("refilling");
            full = true;
        }
    })
}

fn iterate_one_by_one(hash: &Map) -> Case {
    let h = handles(hash);
    let (view, lib, aya) = (h.view, h.libbpf, aya_hash(hash));
    let work = [
        work(move || {
            let (mut key, mut next, mut value, mut count) = (None, 0_u64, 0_u64, 0);
            while bare::next_key(h.fd, key.as_ref(), &mut next) {
                assert!(bare::lookup(h.fd, &next, &mut value));
                key = Some(next);
                count += 1;
            }
            count
        }),
        work(move || {
            let get = |key: skep::Result<u64>| view.get(&key.unwrap()).unwrap().is_some();
            view.keys().map(get).filter(|&there| there).count() as u64
        }),
        work(move || aya.iter().filter(|entry| entry.is_ok()).count() as u64),
        work(move || {
            let get = |key: &Vec<u8>| lib.lookup(key, MapFlags::ANY).unwrap().is_some();
            lib.keys().filter(get).count() as u64
        }),
    ];
    Case {
        prepare: refill_all(&h.map),
        elements: ENTRIES,
        costs: 10,
        ..Case::new("hash: iteration, key by key", work)
    }
}

fn iterate_in_batches(hash: &Map) -> Case {
    let h = handles(hash);
    let (view, lib) = (h.view, h.libbpf);
    let work = [
        work(move || {
            let (mut keys, mut values) = (vec![0_u64; BATCH], vec![0_u64; BATCH]);
            let (mut cursor, mut all, mut first) = (0_u64, 0, true);
            loop {
                let cursor = Some(&mut cursor);
                let (count, last) = bare::batch(24, h.fd, cursor, &mut keys, &mut values, first);
                all += count as u64;
                black_box(&keys[..count]);
                if last {
                    return all;
                }
                first = false;
            }
        }),
        work(move || {
            let each = view.iter().map(|entry| black_box(entry.unwrap()));
            each.count() as u64
        }),
        None,
        work(move || {
            let all = lib
                .lookup_batch(BATCH as u32, MapFlags::ANY, MapFlags::ANY)
                .unwrap();
            all.map(black_box).count() as u64
        }),
    ];
    Case {
        prepare: refill_all(&h.map),
        elements: ENTRIES,
        costs: 5,
        ..Case::new("hash: iteration, batches of 4096", work)
    }
}

fn per_cpu(system: &System) -> Case {
    let map = bare::array(system, MapType::PERCPU_ARRAY, 0);
    let fd = bare::raw(&map);
    let view = PerCpuArray::<u64>::try_from(&map).expect("a view");
    let aya: AyaPerCpu<MapData, u64> = aya(&map).try_into().expect("aya");
    let lib = libbpf(&map);
    let cpus = map.values_per_key();
    let work = [
        work(move || {
            let _keep = &map;
            for n in 0..TURN {
                let mut values = vec![0_u64; cpus];
                assert!(bare::lookup(fd, &(n as u32 % 16), &mut values[0]));
                black_box(values);
            }
            TURN
        }),
        work(move || {
            (0..TURN).for_each(|n| drop(black_box(view.get(n as u32 % 16).unwrap().unwrap())));
            TURN
        }),
        work(move || {
            (0..TURN).for_each(|n| drop(black_box(aya.get(&(n as u32 % 16), 0).unwrap())));
            TURN
        }),
        work(move || {
            let get = |n: u64| lib.lookup_percpu(&(n as u32 % 16).to_ne_bytes(), MapFlags::ANY);
            (0..TURN).for_each(|n| drop(black_box(get(n).unwrap().unwrap())));
            TURN
        }),
    ];
    Case::new("per-CPU array: look-up", work)
}

fn mapped(system: &System) -> Case {
    const READS: u64 = 100 * TURN;
    let map = bare::array(system, MapType::ARRAY, MMAPABLE);
    let lib = libbpf(&map);
    let aya: AyaArray<MapData, u64> = aya(&map).try_into().expect("aya");
    let view = Array::<u64>::try_from(&map).expect("a view");
    let address = map.memory().expect("memory").address();
    let work = [
        work(move || {
            // SAFETY: the first element of the map, which stays mapped as long as `map` lives.
            let word = unsafe { &*(address as *const AtomicU64) };
            let _keep = &map;
            black_box((0..READS).fold(0_u64, |sum, _| sum.wrapping_add(word.load(Relaxed))));
            READS
        }),
        work(move || {
            let cell = view.cell(0).unwrap().unwrap();
            black_box((0..READS).fold(0_u64, |sum, _| sum.wrapping_add(cell.load())));
            READS
        }),
        work(move || {
            (0..TURN).for_each(|_| _ = black_box(aya.get(&0, 0).unwrap()));
            TURN
        }),
        work(move || {
            let get = || lib.lookup(&[0; 4], MapFlags::ANY).unwrap().unwrap();
            (0..TURN).for_each(|_| drop(black_box(get())));
            TURN
        }),
    ];
    Case::new("mapped array: read (others: by call)", work)
}
