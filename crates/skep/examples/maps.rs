//! Maps without a program: made, filled, read and shared (root, or CAP_BPF).
//!
//! A table of networks decides on addresses, a hash counts them, an array in memory holds totals.

use skep::map::{Array, ElemFlags, HashMap, LpmTrie, Map, MapParams};
use skep::{MapType, System, plain};

plain! {
    /// What is counted for an address; the kernel sees these 16 bytes.
    #[derive(Debug, PartialEq)]
    struct Count {
        packets: u64,
        last_port: u16,
        refused: u16,
        _pad: u32,
    }
}

const NO_PREALLOC: u32 = 1;
const MMAPABLE: u32 = 1 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let system = System::host()?;
    let params = |map_type, key_size, value_size, map_flags| MapParams {
        map_type,
        key_size,
        value_size,
        max_entries: 1024,
        map_flags,
        ..MapParams::default()
    };
    let networks = Map::create(&system, &params(MapType::LPM_TRIE, 8, 4, NO_PREALLOC))?;
    let networks = LpmTrie::<[u8; 4], u32>::try_from(&networks)?;
    networks.insert(8, &[10, 0, 0, 0], &1)?;
    networks.insert(24, &[10, 1, 2, 0], &0)?;

    let counts = Map::create(&system, &params(MapType::HASH, 4, 16, 0))?;
    let counts = HashMap::<[u8; 4], Count>::try_from(&counts)?;
    let totals = Map::create(&system, &params(MapType::ARRAY, 4, 8, MMAPABLE))?;
    let totals = Array::<u64>::try_from(&totals)?;
    let all = totals.cell(0)?.ok_or("no first element")?;

    for (address, port) in [
        ([10, 9, 9, 9], 80),
        ([10, 1, 2, 3], 22),
        ([10, 9, 9, 9], 443),
    ] {
        let refused = networks.longest_match(&address)? != Some(1);
        let before = counts.get(&address)?;
        let count = Count {
            packets: before.map_or(0, |count| count.packets) + 1,
            last_port: port,
            refused: u16::from(refused),
            _pad: 0,
        };
        counts.insert(&address, &count)?;
        all.fetch_add(1)?;
    }

    // Many elements in a call, and all of them read in batches.
    let more: Vec<([u8; 4], Count)> = (0..200)
        .map(|n| {
            let count = Count {
                packets: 1,
                last_port: 53,
                refused: 0,
                _pad: 0,
            };
            ([10, 0, 1, n], count)
        })
        .collect();
    let done = counts.insert_all(&more)?;
    println!("{} more, one by one: {}", done.count, done.one_by_one);
    let mut busiest = ([0; 4], 0);
    let mut addresses = 0;
    for entry in counts.iter() {
        let (address, count) = entry?;
        addresses += 1;
        if count.packets > busiest.1 {
            busiest = (address, count.packets);
        }
    }
    println!("{addresses} addresses, {} packets before", all.load());
    println!("the busiest: {:?} with {} packets", busiest.0, busiest.1);
    println!("refused: {:?}", counts.get(&[10, 1, 2, 3])?);

    // What the kernel refuses is said with its reason.
    let twice = counts.insert_with(&[10, 1, 2, 3], &more[0].1, ElemFlags::NOEXIST);
    println!("again: {}", twice.expect_err("it is there"));
    Ok(())
}
