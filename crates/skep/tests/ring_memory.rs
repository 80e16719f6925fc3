//! Rings in plain memory, no kernel asked: at every position, beside a simple reference, and with
//! anything at all in them.

#[path = "../../../fuzz/src/ring.rs"]
#[expect(unreachable_pub, reason = "a library in the fuzz workspace")]
mod memory;
#[path = "../../../fuzz/src/random.rs"]
mod random;

use memory::{BUSY, DISCARD, HEADER, Meanwhile, RingKernel, whole};
use random::Random;
use skep::MapType;
use skep::codec::uapi::flags::RB_OVERWRITE;
use skep::ring::{Ring, RingBuf, UserRingBuf, Woken, wait_any};
use skep::{Errno, ErrorKind, Plain};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Positions before those that wrap in 32 and in 64 bits, and the first ones.
const STARTS: [u64; 5] = [
    0,
    (1 << 32) - 4096,
    (1 << 32) - 8,
    u64::MAX - 4095,
    u64::MAX - 7,
];

/// How many steps; fewer where each takes longer.
fn steps() -> usize {
    let asked = std::env::var("SKEP_RING_STEPS");
    asked.map_or(40_000, |text| text.parse().expect("a number"))
}

/// Lengths and contents.
impl Random {
    /// Short ones mostly; some that fill the ring.
    fn len(&mut self, size: u64) -> u32 {
        let most = [16, 64, 300, size - 16][self.below(4) as usize];
        self.below(most + 1) as u32
    }

    fn bytes(&mut self, len: u32) -> Vec<u8> {
        let first = self.next() as u8;
        (0..len).map(|n| first.wrapping_add(n as u8)).collect()
    }
}

/// What was sent and not yet read: where it is, and its bytes unless given back unused.
type Sent = VecDeque<(u64, Option<Vec<u8>>)>;

fn send(kernel: &RingKernel, random: &mut Random, size: u64, sent: &mut Sent) -> bool {
    let len = random.len(size);
    let Some(position) = kernel.reserve(len) else {
        return false;
    };
    if random.below(5) == 0 {
        kernel.set_header(position, len | DISCARD);
        sent.push_back((position, None));
    } else {
        let bytes = random.bytes(len);
        kernel.submit(position, &bytes);
        sent.push_back((position, Some(bytes)));
    }
    true
}

/// The next record must be the next that was sent.
fn receive(ring: &mut RingBuf, sent: &mut Sent, discarded: &mut u64) -> bool {
    let got = ring
        .next()
        .unwrap()
        .map(|record| (record.position(), record.to_vec()));
    while sent.front().is_some_and(|(_, bytes)| bytes.is_none()) {
        sent.pop_front();
        *discarded += 1;
    }
    let wanted = sent.pop_front().map(|(at, bytes)| (at, bytes.unwrap()));
    assert_eq!(got, wanted);
    got.is_some()
}

#[test]
fn records_come_as_they_were_sent_wherever_positions_wrap() {
    for (n, start) in STARTS.into_iter().enumerate() {
        let mut random = Random(n as u64 + 1);
        let size = 4096 << (n & 1);
        let kernel = RingKernel::new(MapType::RINGBUF, 0, size as usize, start);
        let map = kernel.map();
        let mut ring = RingBuf::open(&map).unwrap();
        let (mut sent, mut full, mut discarded) = (Sent::new(), 0, 0);
        for _ in 0..steps() / STARTS.len() {
            match random.below(40) {
                0..20 => full += u64::from(!send(&kernel, &mut random, size, &mut sent)),
                20..38 => drop(receive(&mut ring, &mut sent, &mut discarded)),
                38 => while receive(&mut ring, &mut sent, &mut discarded) {},
                _ => {
                    // Another consumer goes on.
                    let told = discarded;
                    assert_eq!(ring.discarded(), told);
                    discarded = 0;
                    drop(ring);
                    ring = RingBuf::open(&map).unwrap();
                }
            }
            let kernels = kernel.consumer().load(Ordering::Relaxed);
            let behind = ring.consumer_position().wrapping_sub(kernels);
            assert!(behind < size / 8, "{behind} bytes kept back");
        }
        assert!(full > 0, "the ring was never full");
        while receive(&mut ring, &mut sent, &mut discarded) {}
        let [read, sent] =
            [kernel.consumer(), kernel.producer()].map(|p| p.load(Ordering::Relaxed));
        assert_eq!(read, sent, "all is given back");
        let moved = sent.wrapping_sub(start);
        assert!(moved > 10 * size, "round and round");
    }
}

#[test]
fn overwrite_mode_gives_the_newest_wherever_positions_wrap() {
    for (n, start) in STARTS.into_iter().enumerate() {
        let mut random = Random(n as u64 + 77);
        let size = 4096_u64;
        let kernel = RingKernel::new(MapType::RINGBUF, RB_OVERWRITE, size as usize, start);
        let map = kernel.map();
        let mut ring = RingBuf::open(&map).unwrap();
        let mut sent = Sent::new();
        let (mut went, mut discarded, mut taken) = (0, 0, 0);
        for _ in 0..steps() / STARTS.len() / 4 {
            for _ in 0..random.below(30) {
                assert!(
                    send(&kernel, &mut random, size, &mut sent),
                    "there is always room"
                );
            }
            let oldest = kernel.oldest().load(Ordering::Relaxed);
            let is_older = |at: u64| oldest.wrapping_sub(at).cast_signed() > 0;
            while sent.front().is_some_and(|(at, _)| is_older(*at)) {
                sent.pop_front();
                went += 1;
            }
            for _ in 0..random.below(30) {
                let before = sent.len();
                receive(&mut ring, &mut sent, &mut discarded);
                taken += before - sent.len();
            }
        }
        assert!(went > 0 && taken > 0);
        while receive(&mut ring, &mut sent, &mut discarded) {}
        assert_eq!(ring.discarded(), discarded);
        assert_eq!(ring.available_bytes(), 0);
        assert!(ring.overwritten_bytes() > 0);
    }
}

/// Sends records of 8 bytes, numbered.
fn number(kernel: &RingKernel, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let position = kernel.reserve(8).unwrap();
        kernel.submit(position, &number.to_ne_bytes());
    }
}

#[test]
fn what_waits_in_overwrite_mode_is_what_is_left() {
    let kernel = RingKernel::new(MapType::RINGBUF, RB_OVERWRITE, 4096, 0);
    let mut ring = RingBuf::open(&kernel.map()).unwrap();
    number(&kernel, 0..10);
    assert_eq!(ring.available_bytes(), 10 * 16);
    number(&kernel, 10..300);
    let left = 255;
    assert_eq!(ring.available_bytes(), left * 16);
    assert_eq!(ring.overwrite_position(), Some((300 - left) * 16));
    let first = ring.next().unwrap().unwrap().read::<u64>().unwrap();
    assert_eq!(first, 300 - left);
    assert_eq!(ring.overwritten_bytes(), (300 - left) * 16);
}

#[test]
fn a_record_that_goes_while_it_is_read_says_so() {
    let kernel = RingKernel::new(MapType::RINGBUF, RB_OVERWRITE, 4096, 0);
    let mut ring = RingBuf::open(&kernel.map()).unwrap();
    number(&kernel, 0..255);
    let record = ring.next().unwrap().unwrap();
    assert_eq!(record.read::<u64>().unwrap(), 0);
    assert!(!record.is_overwritten());
    number(&kernel, 255..256);
    assert!(record.is_overwritten());
    let error = record.read::<u64>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overwritten);
    let error = record.field::<u32>(4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overwritten);
    drop(record);
    assert_eq!(ring.next().unwrap().unwrap().read::<u64>().unwrap(), 1);
}

#[test]
fn nothing_behind_a_busy_record_is_read() {
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let mut ring = RingBuf::open(&kernel.map()).unwrap();
    let first = kernel.reserve(8).unwrap();
    let second = kernel.reserve(8).unwrap();
    kernel.submit(second, &2_u64.to_ne_bytes());
    assert_eq!(kernel.header(first), 8 | BUSY);
    assert!(ring.next().unwrap().is_none());
    // Not a reason to spin: the wait naps until its time is over, short and then longer.
    let time = Some(Duration::from_millis(50));
    assert_eq!(ring.wait(time).unwrap(), Woken::TimedOut);
    let naps = kernel.waits();
    assert!(naps.iter().all(|&(descriptors, _)| descriptors == 0));
    let naps: Vec<i64> = naps.into_iter().map(|(_, ns)| ns).collect();
    assert_eq!(naps[..3], [20_000, 40_000, 80_000]);
    assert!((25..40).contains(&naps.len()), "{naps:?}");
    assert_eq!(naps.iter().max(), Some(&2_000_000));
    let slept: i64 = naps.iter().sum();
    assert!((49_000_000..=50_000_000).contains(&slept), "{slept}");
    // So does one for several rings, wherever the busy one is.
    let idle = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let mut other = RingBuf::open(&idle.map()).unwrap();
    for turned in [false, true] {
        let mut rings = [&mut ring, &mut other];
        if turned {
            rings.reverse();
        }
        assert_eq!(wait_any(&mut rings, time).unwrap(), Woken::TimedOut);
        let waits = [kernel.waits(), idle.waits()].concat();
        assert!(waits.len() > 1 && waits.iter().all(|&(descriptors, _)| descriptors == 0));
    }
    kernel.submit(first, &1_u64.to_ne_bytes());
    assert_eq!(ring.wait(time).unwrap(), Woken::Ready);
    for number in [1_u64, 2] {
        assert_eq!(ring.next().unwrap().unwrap().read::<u64>().unwrap(), number);
    }
    assert!(ring.next().unwrap().is_none());
}

#[test]
fn what_is_no_value_is_told_and_passed_over() {
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let mut ring = Ring::<u32>::try_from(&kernel.map()).unwrap();
    for bytes in [&[1_u8; 8][..], &[2; 4], &[3; 3], &[4; 4]] {
        let position = kernel.reserve(bytes.len() as u32).unwrap();
        kernel.submit(position, bytes);
    }
    let mut got = || ring.next().map_err(|error| error.kind());
    let want = |byte: u8| Ok(Some(u32::from_ne_bytes([byte; 4])));
    assert_eq!((got(), got()), (Err(ErrorKind::Invalid), want(2)));
    assert_eq!((got(), got()), (Err(ErrorKind::Invalid), want(4)));
    assert_eq!(got(), Ok(None));
}

#[test]
fn what_is_given_back_unused_while_it_is_waited_for_ends_no_records() {
    let kernel = RingKernel::with(MapType::RINGBUF, 0, 4096, 0, |kernel, wait| {
        let position = kernel.reserve(8).unwrap();
        match wait {
            1 => kernel.set_header(position, 8 | DISCARD),
            _ => kernel.submit(position, &2_u64.to_ne_bytes()),
        }
        1
    });
    let mut ring = RingBuf::open(&kernel.map()).unwrap();
    let second = Duration::from_secs(1);
    let record = ring.records(Some(second)).next().unwrap().unwrap().read();
    assert_eq!((record.unwrap(), ring.discarded()), (2_u64, 1));
    let waits = kernel.waits();
    assert!(waits.len() == 2 && waits.iter().all(|&(descriptors, _)| descriptors == 1));
}

#[test]
fn what_was_given_back_unused_is_no_reason_to_wait() {
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
    let mut ring = RingBuf::open(&kernel.map()).unwrap();
    assert!(!ring.is_ready());
    let position = kernel.reserve(8).unwrap();
    assert!(!ring.is_ready());
    kernel.set_header(position, 8 | DISCARD);
    assert!(ring.is_ready());
    assert_eq!(ring.wait(None).unwrap(), Woken::Ready);
    assert!(ring.next().unwrap().is_none());
    assert_eq!((ring.discarded(), ring.is_ready()), (1, false));
    // Nor is what cannot be a record: it is for the caller to be told.
    kernel.reserve(8).unwrap();
    kernel.set_header(16, 100);
    assert_eq!(ring.wait(None).unwrap(), Woken::Ready);
    assert!(ring.next().is_err());
}

#[test]
fn a_record_may_fill_the_ring_and_wrap_anywhere() {
    for start in (0..4096).step_by(8) {
        let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, start);
        let mut ring = RingBuf::open(&kernel.map()).unwrap();
        let bytes: Vec<u8> = (0..4080_u32).map(|n| (n % 253) as u8).collect();
        let position = kernel.reserve(4080).unwrap();
        assert!(kernel.reserve(0).is_none());
        kernel.submit(position, &bytes);
        let record = ring.next().unwrap().unwrap();
        assert_eq!(record.to_vec(), bytes);
        let words: [u32; 3] = record.field(4068).unwrap();
        assert_eq!(words, <[u32; 3]>::read_from(&bytes[4068..]).unwrap());
    }
}

#[test]
fn corrupt_rings_are_errors_that_stay() {
    let apart = "positions farther apart than the ring is large";
    let long = "record longer than what is reserved";
    for (position, header, wanted) in [
        (4104, 0, apart),
        (u64::MAX - 7, 0, apart),
        (16, 9, long),
        (8, 1, long),
        (4096, (1 << 30) - 1, long),
        (4096, ((1 << 30) - 1) | DISCARD, long),
    ] {
        let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 0);
        kernel.producer().store(position, Ordering::Relaxed);
        kernel.set_header(0, header);
        let mut ring = RingBuf::open(&kernel.map()).unwrap();
        for _ in 0..3 {
            let error = ring.next().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!(
                error.to_string(),
                format!("ring buffer at position 0: {wanted}")
            );
        }
        assert!(ring.records(None).next().is_err(), "it waits for nothing");
        drop(ring);
        assert_eq!(
            kernel.consumer().load(Ordering::Relaxed),
            0,
            "it stays where it is"
        );
    }
    // Nor does it go on with what is overwritten.
    let kernel = RingKernel::new(MapType::RINGBUF, RB_OVERWRITE, 4096, 0);
    kernel.producer().store(8192, Ordering::Relaxed);
    let mut ring = RingBuf::open(&kernel.map()).unwrap();
    let error = ring.next().unwrap_err();
    assert!(error.to_string().ends_with(apart), "{error}");
    // A producer that has gone back has nothing that waits.
    kernel.producer().store(0, Ordering::Relaxed);
    kernel.consumer().store(64, Ordering::Relaxed);
    let ring = RingBuf::open(&kernel.map()).unwrap();
    assert_eq!(ring.available_bytes(), 0);
    let kernel = RingKernel::new(MapType::RINGBUF, 0, 4096, 4);
    assert_eq!(
        RingBuf::open(&kernel.map()).unwrap_err().kind(),
        ErrorKind::Corrupt
    );
}

/// The program's side of a user ring buffer, `bpf_user_ringbuf_drain`: the next record.
fn take(kernel: &RingKernel) -> Option<Vec<u8>> {
    let consumer = kernel.consumer().load(Ordering::Relaxed);
    let producer = kernel.producer().load(Ordering::Acquire);
    if consumer == producer {
        return None;
    }
    // The producer writes the copy of the data that its position is in.
    let header = kernel.header(consumer);
    assert_eq!(header & (BUSY | DISCARD), 0);
    let end = consumer.wrapping_add(whole(header));
    assert!(whole(header) <= producer.wrapping_sub(consumer));
    let bytes = kernel.read(consumer.wrapping_add(HEADER), header as usize);
    kernel.consumer().store(end, Ordering::Release);
    Some(bytes)
}

#[test]
fn user_rings_carry_what_was_sent_wherever_positions_wrap() {
    for (n, start) in STARTS.into_iter().enumerate() {
        let mut random = Random(n as u64 + 555);
        let size = 4096_u64;
        let kernel = RingKernel::new(MapType::USER_RINGBUF, 0, size as usize, start);
        let map = kernel.map();
        let mut ring = UserRingBuf::open(&map).unwrap();
        let (mut sent, mut used, mut full) = (VecDeque::new(), 0, 0);
        for _ in 0..steps() / STARTS.len() {
            match random.below(20) {
                0..10 => {
                    let len = random.len(size);
                    let bytes = random.bytes(len);
                    let fits = used + whole(len) <= size;
                    match ring.send(&bytes) {
                        Ok(()) => {
                            assert!(fits);
                            used += whole(len);
                            sent.push_back(bytes);
                        }
                        Err(error) => {
                            assert!(!fits);
                            assert_eq!(error.kind(), ErrorKind::Full);
                            full += 1;
                        }
                    }
                }
                10..18 => {
                    let taken = take(&kernel);
                    used -= taken.as_ref().map_or(0, |bytes| whole(bytes.len() as u32));
                    assert_eq!(taken, sent.pop_front());
                }
                18 => {
                    if let Ok(mut slot) = ring.reserve(40) {
                        slot.write(0, &[0xee; 40]).unwrap();
                    }
                }
                _ => ring = UserRingBuf::open(&map).unwrap(),
            }
            assert_eq!(ring.free_bytes().unwrap(), size - used);
        }
        assert!(full > 0, "the ring was never full");
    }
}

#[test]
fn user_rings_with_impossible_positions_are_corrupt() {
    let kernel = RingKernel::new(MapType::USER_RINGBUF, 0, 4096, 64);
    let mut ring = UserRingBuf::open(&kernel.map()).unwrap();
    kernel.consumer().store(72, Ordering::Relaxed);
    let error = ring.send(&[0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("positions 64 and 72"), "{error}");
    kernel.consumer().store(64, Ordering::Relaxed);
    ring.send(&[0; 8]).unwrap();
    kernel.producer().store(4, Ordering::Relaxed);
    for consumer in [64, 4] {
        kernel.consumer().store(consumer, Ordering::Relaxed);
        let error = UserRingBuf::open(&kernel.map()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{consumer}");
    }
}

#[test]
fn a_wait_for_room_sleeps_and_survives_signals() {
    let drained: Meanwhile = |kernel, wait| match wait {
        ..3 => -(Errno::EINTR.raw() as isize),
        5 => {
            kernel.consumer().store(2048, Ordering::Relaxed);
            1
        }
        // There is some room, and too little.
        _ => 1,
    };
    let kernel = RingKernel::with(MapType::USER_RINGBUF, 0, 4096, 0, drained);
    let mut ring = UserRingBuf::open(&kernel.map()).unwrap();
    ring.send(&[0; 4000]).unwrap();
    let time = Some(Duration::from_millis(50));
    assert_eq!(ring.reserve_wait(1000, time).unwrap().len(), 1000);
    let descriptors: Vec<usize> = kernel.waits().into_iter().map(|wait| wait.0).collect();
    // A nap after each wait for the descriptor, which is writable all the time.
    assert_eq!(descriptors, [1, 0, 1, 0, 1]);

    let kernel = RingKernel::new(MapType::USER_RINGBUF, 0, 4096, 0);
    let mut ring = UserRingBuf::open(&kernel.map()).unwrap();
    ring.send(&[0; 4088]).unwrap();
    let error = ring.reserve_wait(8, time).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    let (descriptors, ns) = kernel.waits()[0];
    assert!(descriptors == 1 && (49_000_000..=50_000_000).contains(&ns));
}

/// Words that are records, flags, positions, or anything.
fn hostile(random: &mut Random) -> Vec<u8> {
    let mut data = random.next().to_le_bytes().to_vec();
    for _ in 0..3 {
        let position = match random.below(4) {
            0 => random.below(8192) & !7,
            1 => u64::MAX - random.below(4096),
            2 => (1 << 32) - random.below(4096),
            _ => random.next(),
        };
        data.extend(position.to_le_bytes());
    }
    for _ in 0..random.below(64) {
        let word = match random.below(8) {
            0 => random.next(),
            1 => u64::from(BUSY) | random.below(64),
            2 => u64::from(DISCARD) | random.below(64),
            _ => random.below(64),
        };
        data.extend(word.to_le_bytes());
    }
    data
}

#[test]
fn anything_in_the_memory_is_read_to_an_end() {
    let mut random = Random(4242);
    for seed in memory::ring_seeds() {
        memory::ring(&seed);
    }
    memory::ring(&[]);
    for _ in 0..steps() / 40 {
        let data = hostile(&mut random);
        memory::ring(&data);
    }
}
