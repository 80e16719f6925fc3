//! Names of addresses.

mod common;

use common::{host, skip};
use skep::ErrorKind;
use skep::symbols::{FileSymbols, KernelSymbols, ProcessSymbols};
use std::process::Command;

#[unsafe(no_mangle)]
extern "C" fn skep_test_of_symbols(number: u64) -> u64 {
    std::hint::black_box(number + 1)
}

/// Where that is in this process, and in its file.
fn place() -> (u64, u64) {
    let address = skep_test_of_symbols as extern "C" fn(u64) -> u64 as usize as u64;
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let offset = maps.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (begin, end) = words.next()?.split_once('-')?;
        let hex = |text| u64::from_str_radix(text, 16).ok();
        let offset = hex(words.nth(1)?)?;
        (hex(begin)?..hex(end)?)
            .contains(&address)
            .then(|| address - hex(begin).unwrap() + offset)
    });
    (address, offset.expect("mapped code"))
}

#[test]
fn the_kernels_functions_are_told_by_their_addresses() {
    let symbols = match KernelSymbols::read(&host()) {
        Err(error) if error.kind() == ErrorKind::Permission => skip!("{error}"),
        symbols => symbols.unwrap(),
    };
    let text = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let mut checked = 0;
    for line in text.lines().filter(|line| line.contains(" T ")).step_by(97) {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next().unwrap(), 16).unwrap();
        let name = words.nth(1).unwrap();
        let module = words.next().unwrap_or("").trim_matches(['[', ']']);
        let Some(symbol) = symbols.at(address) else {
            continue; // an absolute one at 0
        };
        assert_eq!(symbol.offset, 0, "{line}");
        // Programs and modules come and go.
        if symbol.name == name {
            assert_eq!(symbol.place, module);
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} symbols");
    let all: Vec<u64> = symbols.iter().map(|(address, _)| address).collect();
    assert!(all.is_sorted() && all.len() > 10_000);
    assert_eq!(symbols.at(0), None);
}

#[test]
fn a_processs_functions_are_told_by_their_addresses() {
    let (address, offset) = place();
    let system = host();
    let mut own = ProcessSymbols::read(&system, std::process::id()).unwrap();
    let symbol = own.at(address + 1).unwrap().expect("a symbol");
    assert_eq!((symbol.name, symbol.offset), ("skep_test_of_symbols", 1));
    let exe = std::env::current_exe().unwrap();
    assert_eq!(symbol.place, exe.to_str().unwrap());
    assert_eq!(own.at(0).unwrap(), None);
    assert_eq!(own.at(u64::MAX).unwrap(), None);
    let heap = Box::new(0_u8);
    assert_eq!(own.at(std::ptr::from_ref(&*heap) as u64).unwrap(), None);

    let file = FileSymbols::read(&system, exe.to_str().unwrap()).unwrap();
    let name = file.at(offset).map(|symbol| symbol.name);
    assert_eq!(name, Some("skep_test_of_symbols"));
    assert_eq!(file.at(u64::MAX), None);
    let error = FileSymbols::read(&system, "/proc/self/maps").unwrap_err();
    assert!(error.to_string().contains("/proc/self/maps"), "{error}");
}

#[test]
fn files_that_were_deleted_have_symbols_still() {
    let dir = std::env::temp_dir().join(format!("skep-symbols-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let copy = dir.join("copy");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let mut child = Command::new(&copy)
        .args(["--exact", "waits_for_its_parent", "--nocapture"])
        .env("SKEP_WAITS", "1")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let address = address_told(child.stdout.take().unwrap());
    std::fs::remove_dir_all(&dir).unwrap();
    let mut symbols = ProcessSymbols::read(&host(), child.id()).unwrap();
    let symbol = symbols.at(address);
    let name = symbol.map(|symbol| symbol.map(|symbol| symbol.name.to_owned()));
    drop(child.stdin.take());
    child.wait().unwrap();
    match name {
        // Without the right to look at others' mappings there is no way to it.
        Err(error) => skip!("{error}"),
        Ok(name) => assert_eq!(name.as_deref(), Some("skep_test_of_symbols")),
    }
    let gone = ProcessSymbols::read(&host(), child.id()).unwrap_err();
    assert!(gone.to_string().contains("/maps"), "{gone}");
}

fn address_told(out: impl std::io::Read) -> u64 {
    use std::io::BufRead;
    let lines = std::io::BufReader::new(out).lines().map(Result::unwrap);
    let told =
        lines.filter_map(|line| line.split_once("address ").map(|(_, n)| n.parse().unwrap()));
    told.take(1).next().expect("an address")
}

/// Run in a process of its own by the test above.
#[test]
fn waits_for_its_parent() {
    if std::env::var_os("SKEP_WAITS").is_none() {
        return;
    }
    println!("address {}", place().0);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}
