//! User ring buffers: records of this process for programs of the running kernel.

mod common;

use common::{host, object, run, skip, takes_a_jit};
use skep::map::MapParams;
use skep::ring::UserRingBuf;
use skep::{ErrorKind, Map, MapType, Object, RingBuf, System};
use std::time::{Duration, Instant};

/// The object, if this kernel has user ring buffers.
fn drainer(system: &System) -> Option<Object> {
    match object!("userring").load(system) {
        Ok(object) => Some(object),
        Err(error) if takes_a_jit(&error) => None,
        Err(error) => {
            let failed = error.map_failures().first();
            let errno = failed.and_then(|failure| failure.error.errno());
            assert_eq!(errno, Some(skep::Errno::EINVAL), "{error}");
            None
        }
    }
}

macro_rules! drainer {
    () => {
        match drainer(&host()) {
            Some(object) => object,
            None => skip!("no user ring buffers, or no JIT to call back from them"),
        }
    };
}

fn read(object: &Object, global: &str) -> u64 {
    object.global(global).unwrap().read().unwrap()
}

/// Sends the message with this number; its value is ten times that.
fn message(ring: &mut UserRingBuf, seq: u64) -> skep::Result<()> {
    let mut slot = ring.reserve(16)?;
    slot.put(0, &seq)?;
    slot.put(8, &(seq * 10))?;
    slot.commit();
    Ok(())
}

#[test]
fn messages_are_drained_by_a_program() {
    let object = drainer!();
    let mut ring = object.user_ring("messages").unwrap();
    assert_eq!(
        (ring.size_bytes(), ring.free_bytes().unwrap()),
        (4096, 4096)
    );
    for seq in 0..5 {
        message(&mut ring, seq).unwrap();
    }
    assert_eq!(ring.free_bytes().unwrap(), 4096 - 5 * 24);
    assert_eq!(run(&object, "drain"), 5);
    assert_eq!(ring.free_bytes().unwrap(), 4096);
    let seen = ["drained", "seen", "sum", "out_of_order", "odd"].map(|n| read(&object, n));
    assert_eq!(seen, [5, 5, 100, 0, 0]);
    assert_eq!(run(&object, "drain"), 0);
}

#[test]
fn a_full_ring_says_so_and_goes_on_when_drained() {
    let object = drainer!();
    let mut ring = object.user_ring("messages").unwrap();
    let mut seq = 0;
    for round in 1..50_u64 {
        let error = loop {
            match message(&mut ring, seq) {
                Ok(()) => seq += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(error.to_string().contains("`messages` is full"), "{error}");
        // 170 records of 24 bytes, 16 bytes left: a shorter one fits.
        assert_eq!(seq, round * 170);
        assert_eq!(ring.free_bytes().unwrap(), 16);
        ring.send(&[0; 8]).unwrap();
        assert_eq!(ring.reserve(0).unwrap_err().kind(), ErrorKind::Full);
        assert_eq!(run(&object, "drain"), 171);
    }
    let seen = ["drained", "seen", "out_of_order", "odd"].map(|n| read(&object, n));
    assert_eq!(seen, [49 * 171, 49 * 170, 0, 49]);
    assert_eq!(read(&object, "sum"), (0..seq).map(|n| n * 10).sum());
}

#[test]
fn what_is_not_committed_takes_nothing() {
    let object = drainer!();
    let mut ring = object.user_ring("messages").unwrap();
    for _ in 0..1000 {
        let mut slot = ring.reserve(1000).unwrap();
        slot.write(0, &[7; 1000]).unwrap();
        slot.discard();
        ring.reserve(16).unwrap();
    }
    assert_eq!(ring.free_bytes().unwrap(), 4096);
    assert_eq!(run(&object, "drain"), 0);
    message(&mut ring, 0).unwrap();
    assert_eq!(run(&object, "drain"), 1);
    assert_eq!(read(&object, "odd"), 0);
}

#[test]
fn sizes_are_checked() {
    let object = drainer!();
    let mut ring = object.user_ring("messages").unwrap();
    for len in [4089, 1 << 24, usize::MAX] {
        let error = ring.reserve(len).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("up to 4088 bytes"), "{error}");
    }
    // The kernel hands no longer ones to programs, however large the ring is.
    let params = MapParams {
        map_type: MapType::USER_RINGBUF,
        max_entries: 32 << 20,
        ..MapParams::default()
    };
    let large = Map::create(&host(), &params).unwrap();
    let mut large = UserRingBuf::open(&large).unwrap();
    large.reserve((1 << 24) - 1).unwrap().commit();
    let error = large.reserve(1 << 24).unwrap_err();
    assert!(
        error.to_string().contains("up to 16777215 bytes"),
        "{error}"
    );
    let mut slot = ring.reserve(4088).unwrap();
    assert_eq!(slot.len(), 4088);
    assert!(slot.write(4081, &[0; 8]).is_err());
    assert!(slot.write(usize::MAX, &[0; 8]).is_err());
    slot.put(4080, &1_u64).unwrap();
    slot.put(0, &[1_u8; 1000]).unwrap();
    slot.commit();
    assert_eq!(ring.free_bytes().unwrap(), 0);
    assert_eq!(run(&object, "drain"), 1);
    let error = RingBuf::open(ring.map()).unwrap_err();
    assert!(error.to_string().contains("is no ring buffer"), "{error}");
    let array = object
        .maps()
        .iter()
        .find(|map| map.name() != "messages")
        .unwrap();
    let error = UserRingBuf::open(array).unwrap_err();
    assert!(
        error.to_string().contains("is no user ring buffer"),
        "{error}"
    );
}

#[test]
fn waiting_for_room_ends_in_time() {
    let object = drainer!();
    let mut ring = object.user_ring("messages").unwrap();
    let time = Duration::from_millis(50);
    // Full to the last byte, and with some room that is not enough.
    for len in [4088, 4000] {
        ring.send(&vec![0; len]).unwrap();
        let begun = Instant::now();
        let error = ring.reserve_wait(1000, Some(time)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(begun.elapsed() >= time);
        let error = ring.reserve_wait(1000, Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(time);
                assert_eq!(run(&object, "drain"), 1);
            });
            let begun = Instant::now();
            let mut slot = ring.reserve_wait(1000, None).unwrap();
            assert!(begun.elapsed() >= time / 2);
            slot.write(0, &[0; 16]).unwrap();
            slot.commit();
        });
        assert_eq!(run(&object, "drain"), 1);
    }
}

#[test]
fn a_reopened_ring_goes_on() {
    let object = drainer!();
    for seq in 0..1000 {
        let mut ring = object.user_ring("messages").unwrap();
        message(&mut ring, seq).unwrap();
        drop(ring);
        if seq % 100 == 99 {
            assert_eq!(run(&object, "drain"), 100);
        }
    }
    assert_eq!(read(&object, "out_of_order"), 0);
    assert_eq!(read(&object, "seen"), 1000);
}

/// A program that drains all the time, records of changing lengths: each comes once, in order.
#[test]
fn a_ring_that_is_drained_while_it_is_filled() {
    const MESSAGES: u64 = 20_000;
    let object = drainer!();
    let mut ring = object.user_ring("messages").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while read(&object, "seen") < MESSAGES {
                let drained = run(&object, "drain") as i32;
                assert!(drained >= 0, "{drained}");
            }
        });
        for seq in 0..MESSAGES {
            let len = 16 + (seq as usize * 7) % 500;
            let mut slot = ring
                .reserve_wait(len, Some(Duration::from_secs(20)))
                .unwrap();
            slot.put(0, &seq).unwrap();
            slot.put(8, &(seq * 10)).unwrap();
            slot.commit();
        }
    });
    let seen = ["drained", "seen", "out_of_order", "odd"].map(|n| read(&object, n));
    assert_eq!(seen, [MESSAGES, MESSAGES, 0, 0]);
    assert_eq!(read(&object, "sum"), (0..MESSAGES).map(|n| n * 10).sum());
}
