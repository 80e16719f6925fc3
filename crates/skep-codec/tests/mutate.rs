//! Mutated copies of objects through every parser: none may panic, run for two seconds, or take
//! more memory than twenty times the input and 64 MiB.
//!
//! `SKEP_MUTATE_SECONDS` (2) says for how long, `SKEP_MUTATE_SEED` (1) which mutations,
//! `SKEP_MUTATE_DIR` where other objects are than the committed ones: each of them is then mutated
//! `SKEP_MUTATE_COUNT` (2000) times and goes through the whole object's entry. What fails is kept
//! in the target directory.

#[path = "../../../fuzz/src/entries.rs"]
#[expect(unreachable_pub, reason = "a library in the fuzz workspace")]
mod entries;
#[path = "../../../fuzz/src/random.rs"]
mod random;
#[path = "../../../fuzz/src/seeds.rs"]
#[expect(unreachable_pub, reason = "a library in the fuzz workspace")]
mod seeds;

use entries::TARGETS;
use peak_alloc::PeakAlloc;
use random::Random;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const LONGEST: Duration = Duration::from_secs(2);

/// The most memory that an input may take beside its own.
fn most(bytes: &[u8]) -> usize {
    20 * bytes.len() + (64 << 20)
}

/// Values that parsers stumble over.
const NASTY: [u32; 9] = [
    0,
    1,
    2,
    0x7f,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// One to eight edits near each other or anywhere.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let window = random.index(bytes.len());
    let near = random.index(2) == 0;
    for _ in 0..=random.index(8) {
        let at = match near {
            true => (window + random.index(128)).min(bytes.len().saturating_sub(1)),
            false => random.index(bytes.len()),
        };
        edit(bytes, at, random);
    }
}

fn edit(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let nasty = NASTY[random.index(NASTY.len())];
    match random.index(10) {
        0..=2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.index(8);
            }
        }
        3 | 4 => put(bytes, at & !3, &nasty.to_le_bytes()),
        5 => put(bytes, at & !3, &nasty.to_be_bytes()),
        6 => put(bytes, at & !1, &(random.next() as u16).to_ne_bytes()),
        7 => {
            // A word from elsewhere: ids, offsets and sizes that are right in another place.
            let from = random.index(bytes.len()) & !3;
            let word = bytes.get(from..from + 4).map(<[u8]>::to_vec);
            put(bytes, at & !3, &word.unwrap_or_default());
        }
        8 => bytes.truncate(at.max(1)),
        _ => drop(bytes.splice(at..at, [0; 4])),
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| text.parse().expect(variable))
}

/// CPU time of this thread where the kernel tells it: the machine may be busy with others.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

/// Runs one input; the failure in words.
fn check(entry: fn(&[u8]), bytes: &[u8]) -> Result<(), String> {
    let (begun, cpu) = (Instant::now(), cpu_time());
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let panicked = catch_unwind(AssertUnwindSafe(|| entry(bytes))).is_err();
    if panicked {
        return Err("panics".into());
    }
    let taken = MEMORY.peak_usage().saturating_sub(before);
    if taken > most(bytes) {
        return Err(format!("takes {taken} bytes, itself {}", bytes.len()));
    }
    let wall = begun.elapsed();
    if wall < LONGEST {
        return Ok(());
    }
    match cpu.zip(cpu_time()).map_or(wall, |(from, to)| to - from) {
        busy if busy < LONGEST => Ok(()),
        busy => Err(format!("takes {busy:?}")),
    }
}

/// Keeps the input for a look and fails.
fn fail(target: &str, bytes: &[u8], what: &str) -> ! {
    let kept = format!("{}/mutate-{target}.bin", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&kept, bytes).expect("keeping the input");
    panic!("{target} {what}: input kept in {kept}");
}

/// Objects below a directory, spread evenly if there are more than wanted.
fn objects_below(dir: &Path, wanted: usize) -> Vec<Vec<u8>> {
    let mut dirs = vec![dir.to_path_buf()];
    let mut found = Vec::new();
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).expect("a directory of objects") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => dirs.push(path),
                false if path.extension().is_some_and(|ext| ext == "o") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    let step = (found.len() / wanted).max(1);
    let chosen = found.iter().step_by(step).take(wanted);
    chosen
        .map(|path| std::fs::read(path).expect("an object"))
        .collect()
}

/// Every object of `SKEP_MUTATE_DIR`, whole, so many times.
fn others(dir: &Path) {
    let objects = objects_below(dir, 50);
    assert!(!objects.is_empty(), "no objects in {}", dir.display());
    let mut random = Random(number("SKEP_MUTATE_SEED", 1).max(1));
    let count = number("SKEP_MUTATE_COUNT", 2000);
    for object in &objects {
        check(entries::object, object).unwrap_or_else(|what| fail("object", object, &what));
        for _ in 0..count {
            let mut bytes = object.clone();
            mutate(&mut bytes, &mut random);
            check(entries::object, &bytes).unwrap_or_else(|what| fail("object", &bytes, &what));
        }
    }
    println!("mutate: {} objects, {count} times each", objects.len());
}

#[test]
fn no_input_panics_or_runs_long() {
    if let Some(dir) = std::env::var_os("SKEP_MUTATE_DIR") {
        return others(Path::new(&dir));
    }
    let objects = seeds::objects();
    let seeds: Vec<_> = objects
        .iter()
        .flat_map(|(_, object)| TARGETS.iter().map(|(.., seed)| seed(object)).zip(TARGETS))
        .collect();
    let mut random = Random(number("SKEP_MUTATE_SEED", 1).max(1));
    let until = Instant::now() + Duration::from_secs(number("SKEP_MUTATE_SECONDS", 2));
    let mut count = 0;
    for (bytes, (target, entry, _)) in &seeds {
        check(*entry, bytes).unwrap_or_else(|what| fail(target, bytes, &what));
        count += 1;
    }
    while Instant::now() < until {
        let (bytes, (target, entry, _)) = &seeds[random.index(seeds.len())];
        let mut bytes = bytes.clone();
        mutate(&mut bytes, &mut random);
        check(*entry, &bytes).unwrap_or_else(|what| fail(target, &bytes, &what));
        count += 1;
    }
    println!("mutate: {count} inputs through {} parsers", TARGETS.len());
}

#[test]
fn seeds_are_whole() {
    let objects = seeds::objects();
    assert!(objects.len() >= 24, "{} objects", objects.len());
    for (name, object) in objects {
        for (target, _, seed) in TARGETS {
            let bytes = seed(&object);
            assert!(
                bytes.len() > 100,
                "{name}: {target} has {} bytes",
                bytes.len()
            );
        }
    }
}

/// What is found in the archive that mutations begin with.
#[test]
fn the_archive_has_a_stripped_library() {
    use skep_codec::elf::{Image, find_in_archive, in_memory};
    let bytes = seeds::archive(&[7; 64]);
    let place = find_in_archive("lib/x.so", bytes.len() as u64, &mut in_memory(&bytes));
    let (begin, len) = place.expect("the library");
    let library = &bytes[begin as usize..(begin + len) as usize];
    let part = &mut in_memory(library);
    let image = Image::open(part).expect("an ELF file");
    assert_eq!(image.build_id(part).expect("notes"), Some(vec![7; 20]));
    let link = image.debug_link(part).expect("a link").expect("a name");
    assert_eq!((link.name.as_str(), link.crc32), ("x.debug", 0x0403_0201));
}

/// Every 8-byte field of the section table set to the largest number, alone and all together.
#[test]
fn largest_section_fields() {
    for (_, object) in seeds::objects() {
        if object.get(5) != Some(&1) {
            continue;
        }
        let table = u64::from_le_bytes(object[0x28..0x30].try_into().unwrap()) as usize;
        let mut all = object.clone();
        for header in (table..object.len().saturating_sub(63)).step_by(64) {
            for field in [8, 16, 24, 32, 48, 56] {
                let mut one = object.clone();
                put(&mut one, header + field, &[0xff; 8]);
                entries::elf(&one);
                entries::object(&one);
            }
            put(&mut all, header + 32, &[0xff; 8]);
            entries::object(&all);
        }
    }
}
