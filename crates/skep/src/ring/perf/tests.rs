//! The reader over memory of a file: positions that wrap, records that no kernel writes.

#[path = "../../../../../fuzz/src/random.rs"]
mod random;

use super::cpu::CpuBuffer;
use super::region::Region;
use crate::ErrorKind;
use alloc::string::ToString;
use random::Random;
use skep_sys::Fd;
use std::os::unix::fs::FileExt;
use std::vec::Vec;

const PAGE: usize = 4096;
const SIZE: usize = 4096;

/// A buffer, and the file that is its memory.
struct Fake {
    file: std::fs::File,
    buffer: CpuBuffer,
    head: u64,
}

impl Fake {
    /// Reader and writer at this position.
    fn at(position: u64) -> Self {
        let memory = memory();
        let path = std::format!("/proc/self/fd/{}", memory.raw());
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        file.set_len((PAGE + SIZE) as u64).unwrap();
        let kernel = skep_sys::host();
        let event = Fd::duplicate(&kernel, &file).unwrap();
        let region = Region::map(&event, PAGE, SIZE, true).unwrap();
        let mut fake = Self {
            buffer: CpuBuffer::new(3, event, region, position),
            file,
            head: position,
        };
        fake.publish(position);
        fake
    }

    fn publish(&mut self, head: u64) {
        self.head = head;
        self.file.write_at(&head.to_ne_bytes(), 1024).unwrap();
    }

    fn tail(&self) -> u64 {
        let mut tail = [0; 8];
        self.file.read_exact_at(&mut tail, 1032).unwrap();
        u64::from_ne_bytes(tail)
    }

    /// Writes bytes where the kernel would.
    fn put(&mut self, bytes: &[u8]) {
        for (n, byte) in bytes.iter().enumerate() {
            let at = self.head.wrapping_add(n as u64) % SIZE as u64;
            self.file.write_at(&[*byte], PAGE as u64 + at).unwrap();
        }
    }

    /// A record, as the kernel writes it.
    fn write(&mut self, kind: u32, body: &[u8]) {
        let size = (8 + body.len()) as u16;
        let mut record = kind.to_ne_bytes().to_vec();
        record.extend(0_u16.to_ne_bytes());
        record.extend(size.to_ne_bytes());
        record.extend(body);
        self.put(&record);
        self.publish(self.head.wrapping_add(u64::from(size)));
    }

    fn sample(&mut self, bytes: &[u8]) {
        let whole = (bytes.len() + 4).next_multiple_of(8);
        let mut body = (whole as u32 - 4).to_ne_bytes().to_vec();
        body.extend(bytes);
        body.resize(whole, 0);
        self.write(9, &body);
    }

    /// The next sample's bytes.
    fn next(&mut self) -> crate::Result<Option<Vec<u8>>> {
        let Some(found) = self.buffer.peek()? else {
            return Ok(None);
        };
        let mut bytes = std::vec![0; found.len as usize];
        self.buffer.region.copy(found.start, &mut bytes);
        self.buffer.consume(found.end);
        Ok(Some(bytes))
    }
}

/// A file in memory.
fn memory() -> Fd {
    let kernel = skep_sys::host();
    // SAFETY: a string and no flags.
    #[allow(unsafe_code)]
    let raw = unsafe { kernel.memfd_create(c"perf", 0) };
    assert!(raw >= 0);
    // SAFETY: the kernel has just opened it for us.
    #[allow(unsafe_code)]
    unsafe {
        Fd::from_raw(raw as i32, kernel)
    }
}

#[test]
fn positions_wrap_at_every_width() {
    let mut random = Random(9);
    for start in [0, (1 << 32) - 64, u64::MAX - 63, u64::MAX - 4095] {
        let start = start & !7;
        let mut fake = Fake::at(start);
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for number in 0..300_u64 {
            let len = random.below(300) as usize;
            let bytes: Vec<u8> = (0..len).map(|n| (number as usize + n) as u8).collect();
            fake.sample(&bytes);
            let filled = (len + 4).next_multiple_of(8) - 4;
            written.push((bytes, filled));
            if random.below(3) == 0 || fake.head.wrapping_sub(fake.tail()) > 3000 {
                while let Some(bytes) = fake.next().unwrap() {
                    read.push(bytes);
                }
                assert_eq!(fake.tail(), fake.head, "all room is given back");
            }
        }
        assert!(fake.head.wrapping_sub(start) > 4 * SIZE as u64);
        for ((bytes, filled), read) in written.iter().zip(&read) {
            assert_eq!(read.len(), *filled);
            assert_eq!(read.get(..bytes.len()), Some(&bytes[..]));
        }
    }
}

#[test]
fn room_is_given_back_by_the_quarter() {
    let mut fake = Fake::at(0);
    for _ in 0..21 {
        fake.sample(&[7; 100]);
    }
    for n in 1..=21 {
        let position = n * 112;
        assert_eq!(fake.next().unwrap().map(|bytes| bytes.len()), Some(100));
        assert!(position - fake.tail() < SIZE as u64 / 4, "{n}");
    }
    assert!(fake.tail() < fake.head);
    assert_eq!(fake.next().unwrap(), None);
    assert_eq!(fake.tail(), fake.head);
}

#[test]
fn what_is_no_sample_is_counted() {
    let mut fake = Fake::at(0);
    let words = |words: &[u64]| -> Vec<u8> { words.iter().flat_map(|w| w.to_ne_bytes()).collect() };
    fake.write(2, &words(&[1, 40]));
    fake.write(13, &words(&[2]));
    fake.write(5, &words(&[1, 2, 3]));
    fake.write(6, &words(&[1, 2, 3]));
    fake.write(99, &[]);
    fake.sample(b"four");
    assert_eq!(fake.next().unwrap(), Some(b"four".to_vec()));
    let stats = fake.buffer.stats;
    assert_eq!((stats.cpu, stats.lost, stats.throttled), (3, 42, 1));
}

#[test]
fn what_the_kernel_never_writes_is_said_once() {
    let header = |kind: u32, size: u16| {
        let mut bytes = kind.to_ne_bytes().to_vec();
        bytes.extend(0_u16.to_ne_bytes());
        bytes.extend(size.to_ne_bytes());
        bytes
    };
    let long = |len: u32| [header(9, 16), len.to_ne_bytes().to_vec()].concat();
    for (bytes, head) in [
        (header(9, 0), 64),
        (header(9, 4), 64),
        (header(9, 12), 64),
        (header(9, 72), 64),
        (header(2, 8), 64),
        (header(2, 16), 64),
        (long(5), 64),
        (long(u32::MAX), 64),
        (header(9, 16), SIZE as u64 + 8),
        (header(9, 16), u64::MAX - 7),
        (header(9, 16), 3),
    ] {
        let mut fake = Fake::at(0);
        fake.put(&bytes);
        fake.publish(head);
        let error = fake.next().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bytes:?} {head}");
        assert!(error.to_string().contains("CPU 3 at position 0"), "{error}");
        assert_eq!(fake.next().unwrap(), None);
        assert!(!fake.buffer.is_ready());
    }
}

#[test]
fn no_memory_makes_it_panic_or_run_on() {
    let mut random = Random(1);
    for _ in 0..1000 {
        let mut fake = Fake::at(random.below(1 << 20) & !7);
        let mut bytes = Vec::new();
        for _ in 0..64 {
            let kind = [2, 5, 9, 9, 13, random.below(1 << 32) as u32];
            bytes.extend(kind[random.below(6) as usize].to_ne_bytes());
            let size = [8, 16, 24, random.below(1 << 16) as u16];
            bytes.extend(0_u16.to_ne_bytes());
            bytes.extend(size[random.below(4) as usize].to_ne_bytes());
            bytes.extend(random.below(40).to_ne_bytes());
        }
        fake.put(&bytes);
        fake.publish(fake.head.wrapping_add(random.below(1 << 11) & !7));
        let mut records = 0;
        while let Ok(Some(_)) = fake.next() {
            records += 1;
            assert!(records <= SIZE / 8, "a record is at least a word");
        }
    }
}
