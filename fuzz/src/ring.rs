//! Rings in plain memory: a kernel that knows one map, and its half of the ring's protocol.
//!
//! `crates/skep/tests/ring_memory.rs` and the fuzz target `ring` use it. There is no system call in
//! it, so that valgrind sees every access.

use skep::codec::uapi::bpf::Cmd;
use skep::ring::{RingBuf, UserRingBuf};
use skep::sys::Kernel;
use skep::{Errno, ErrorKind, Map, MapType, System};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Bytes of a page, and of each of the two position pages.
pub const PAGE: usize = 4096;
/// Bytes of a header.
pub const HEADER: u64 = 8;
/// A record that is not yet committed.
pub const BUSY: u32 = 1 << 31;
/// A record that was given back unused.
pub const DISCARD: u32 = 1 << 30;

/// What happens during the n-th wait (counted from 1), and its answer: 0 for the time is over.
pub type Meanwhile = fn(&RingKernel, usize) -> isize;

/// A kernel with one ring map.
pub struct RingKernel {
    base: *mut u8,
    size: usize,
    map_type: MapType,
    map_flags: u32,
    now_ns: AtomicI64,
    /// Each wait: for how many descriptors, at most how many nanoseconds.
    waits: Mutex<Vec<(usize, i64)>>,
    meanwhile: Meanwhile,
    /// How many bytes of its types have been read.
    types_read: AtomicUsize,
}

/// Bytes from the producer's position to the oldest record's.
const OLDEST: usize = 16;

/// The kernel's types: `struct bpf_ringbuf` with what is read of it.
fn types() -> Vec<u8> {
    let names = b"\0unsigned long\0bpf_ringbuf\0producer_pos\0overwrite_pos\0";
    let position = 8 * 2 * PAGE as u32;
    let words = [
        [1, 1 << 24, 8, 64].as_slice(),
        &[15, 4 << 24 | 2, 3 * PAGE as u32],
        &[27, 1, position],
        &[40, 1, position + 8 * OLDEST as u32],
    ]
    .concat();
    let len = 4 * words.len() as u32;
    let mut out = 0xeb9f_u16.to_ne_bytes().to_vec();
    out.extend([1, 0]);
    let head = [24, 0, len, len, names.len() as u32];
    out.extend(head.into_iter().chain(words).flat_map(u32::to_ne_bytes));
    out.extend(names);
    out
}

// SAFETY: the memory is the value's own; positions and headers are atomic words, and bytes of
// records are written only where the protocol gives them to one side.
unsafe impl Send for RingKernel {}
// SAFETY: as above.
unsafe impl Sync for RingKernel {}

impl RingKernel {
    /// A ring of `size` bytes whose positions are all `position`.
    pub fn new(map_type: MapType, map_flags: u32, size: usize, position: u64) -> Arc<Self> {
        Self::with(map_type, map_flags, size, position, |_, _| 0)
    }

    /// [`RingKernel::new`] where something happens while it is waited for.
    pub fn with(
        map_type: MapType,
        map_flags: u32,
        size: usize,
        position: u64,
        meanwhile: Meanwhile,
    ) -> Arc<Self> {
        assert!(size.is_power_of_two() && size >= PAGE);
        // SAFETY: the layout is not empty.
        let base = unsafe { alloc_zeroed(Self::layout(size)) };
        assert!(!base.is_null(), "memory");
        let kernel = Self {
            base,
            size,
            map_type,
            map_flags,
            now_ns: AtomicI64::new(1),
            waits: Mutex::default(),
            meanwhile,
            types_read: AtomicUsize::new(0),
        };
        kernel.consumer().store(position, Ordering::Relaxed);
        kernel.producer().store(position, Ordering::Relaxed);
        kernel.oldest().store(position, Ordering::Relaxed);
        Arc::new(kernel)
    }

    /// Each wait since the last question: for how many descriptors, at most how many nanoseconds.
    pub fn waits(&self) -> Vec<(usize, i64)> {
        std::mem::take(&mut self.waits.lock().unwrap())
    }

    /// Time passes while we wait, unless something comes.
    fn wait(&self, count: usize, timeout_ns: i64) -> isize {
        assert!(timeout_ns >= 0, "waits for ever");
        let mut waits = self.waits.lock().unwrap();
        waits.push((count, timeout_ns));
        let answer = (self.meanwhile)(self, waits.len());
        if answer == 0 {
            self.now_ns.fetch_add(timeout_ns, Ordering::Relaxed);
        }
        answer
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(2 * PAGE + 2 * size, PAGE).unwrap()
    }

    /// Its map, as the library opens it.
    pub fn map(self: &Arc<Self>) -> Map {
        let system = System::new(self.clone()).expect("a system");
        Map::from_pin(&system, "/ring").expect("the map")
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset + 8 <= 2 * PAGE && offset.is_multiple_of(8));
        let address = self.base.wrapping_add(offset).cast::<AtomicU64>();
        // SAFETY: inside the two pages, aligned, and only ever an atomic word.
        unsafe { &*address }
    }

    /// The consumer's position.
    pub fn consumer(&self) -> &AtomicU64 {
        self.word(0)
    }

    /// The producer's position.
    pub fn producer(&self) -> &AtomicU64 {
        self.word(PAGE)
    }

    /// Where the oldest record begins: overwrite mode.
    pub fn oldest(&self) -> &AtomicU64 {
        self.word(PAGE + OLDEST)
    }

    /// Both copies of the header at `position`.
    fn headers(&self, position: u64) -> [&AtomicU32; 2] {
        let offset = 2 * PAGE + (position as usize & (self.size - 1) & !7);
        [0, self.size].map(|copy| {
            let address = self.base.wrapping_add(offset + copy).cast::<AtomicU32>();
            // SAFETY: inside the data, aligned, and only ever an atomic word.
            unsafe { &*address }
        })
    }

    /// First word of the header at `position`.
    pub fn header(&self, position: u64) -> u32 {
        self.headers(position)[0].load(Ordering::Acquire)
    }

    /// Writes it.
    pub fn set_header(&self, position: u64, word: u32) {
        for header in self.headers(position) {
            header.store(word, Ordering::Release);
        }
    }

    /// Writes bytes into both copies of the data.
    pub fn write(&self, position: u64, bytes: &[u8]) {
        for (n, byte) in bytes.iter().enumerate() {
            let offset = position.wrapping_add(n as u64) as usize & (self.size - 1);
            for copy in [0, self.size] {
                let address = self.base.wrapping_add(2 * PAGE + offset + copy);
                // SAFETY: inside the data.
                unsafe { address.write(*byte) };
            }
        }
    }

    /// Reads bytes, as a program that drains does: from one copy into the other. Ours are two
    /// memories, so each byte is taken from the one that was written.
    pub fn read(&self, position: u64, len: usize) -> Vec<u8> {
        let start = position as usize & (self.size - 1);
        assert!(len <= self.size);
        let byte = |n: usize| {
            let address = self.base.wrapping_add(2 * PAGE + start + n);
            // SAFETY: a record is no longer than the ring, so it ends inside the second copy.
            unsafe { address.read() }
        };
        (0..len).map(byte).collect()
    }

    /// `__bpf_ringbuf_reserve`: where the record begins, or `None` without room.
    pub fn reserve(&self, len: u32) -> Option<u64> {
        let whole = whole(len);
        let position = self.producer().load(Ordering::Relaxed);
        let end = position.wrapping_add(whole);
        let room = self.size as u64 - 1;
        if self.map_flags & skep::codec::uapi::flags::RB_OVERWRITE != 0 {
            let mut oldest = self.oldest().load(Ordering::Relaxed);
            while end.wrapping_sub(oldest) > room {
                oldest = oldest.wrapping_add(self::whole(self.header(oldest) & !DISCARD));
            }
            self.oldest().store(oldest, Ordering::Release);
        } else if end.wrapping_sub(self.consumer().load(Ordering::Acquire)) > room {
            return None;
        }
        self.set_header(position, len | BUSY);
        self.producer().store(end, Ordering::Release);
        Some(position)
    }

    /// `bpf_ringbuf_submit` of a record that was reserved at `position`.
    pub fn submit(&self, position: u64, bytes: &[u8]) {
        self.write(position.wrapping_add(HEADER), bytes);
        self.set_header(position, bytes.len() as u32);
    }
}

impl Drop for RingKernel {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout; mappings hold the kernel, so none is left.
        unsafe { dealloc(self.base, Self::layout(self.size)) };
    }
}

/// Bytes of a record with its header.
pub fn whole(len: u32) -> u64 {
    (u64::from(len) + HEADER + 7) & !7
}

/// A descriptor of something that is open.
fn descriptor() -> isize {
    let file = std::fs::File::open("/dev/null").expect("/dev/null");
    file.into_raw_fd() as isize
}

fn fails(errno: Errno) -> isize {
    -(errno.raw() as isize)
}

// SAFETY: descriptors are real ones, mappings are memory that lives as long as the kernel, which
// every mapping holds; `bpf` writes no more than the length that it is given.
unsafe impl Kernel for RingKernel {
    unsafe fn bpf(&self, cmd: c_int, attr: *mut c_void, _: c_uint) -> isize {
        if cmd == Cmd::OBJ_GET.0 as c_int {
            return descriptor();
        }
        if cmd != Cmd::OBJ_GET_INFO_BY_FD.0 as c_int {
            return fails(Errno::EINVAL);
        }
        // SAFETY: the caller's structure begins with `bpf_fd`, `info_len` and `info`.
        let [fd_and_len, info] = unsafe { attr.cast::<[u64; 2]>().read() };
        let len = match cfg!(target_endian = "little") {
            true => fd_and_len >> 32,
            false => fd_and_len & 0xffff_ffff,
        };
        let known: [u32; 6] = [self.map_type.0, 1, 0, 0, self.size as u32, self.map_flags];
        let info = std::ptr::with_exposed_provenance_mut::<u32>(info as usize);
        for (n, word) in known.into_iter().enumerate().take(len as usize / 4) {
            // SAFETY: within the caller's `len` bytes.
            unsafe { info.wrapping_add(n).write_unaligned(word) };
        }
        0
    }

    /// There is one file: the kernel's types.
    unsafe fn openat(&self, _: c_int, path: &CStr, _: c_int, _: c_uint) -> isize {
        if path != c"/sys/kernel/btf/vmlinux" {
            return fails(Errno::ENOENT);
        }
        self.types_read.store(0, Ordering::Relaxed);
        descriptor()
    }

    /// A release without a name.
    unsafe fn uname(&self, buf: *mut c_void) -> isize {
        // SAFETY: the caller has room for six texts of 65 bytes.
        unsafe { buf.cast::<u8>().write_bytes(0, 6 * 65) };
        0
    }

    unsafe fn statx(&self, _: c_int, _: &CStr, _: c_int, _: c_uint, _: *mut c_void) -> isize {
        0
    }

    unsafe fn read(&self, _: c_int, buf: *mut c_void, len: usize) -> isize {
        let types = types();
        let rest = &types[self.types_read.load(Ordering::Relaxed)..];
        let len = len.min(rest.len());
        // SAFETY: the caller has room for `len` bytes.
        unsafe {
            buf.cast::<u8>()
                .copy_from_nonoverlapping(rest.as_ptr(), len)
        };
        self.types_read.fetch_add(len, Ordering::Relaxed);
        len as isize
    }

    unsafe fn close(&self, fd: c_int) -> isize {
        // SAFETY: the caller owns it.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        0
    }

    unsafe fn mmap(&self, len: usize, _: c_int, _: c_int, fd: c_int, offset: u64) -> isize {
        let start = offset as usize;
        match fd >= 0 && start + len <= 2 * PAGE + 2 * self.size {
            true => self.base.wrapping_add(start).expose_provenance() as isize,
            false => fails(Errno::EINVAL),
        }
    }

    unsafe fn munmap(&self, _: *mut c_void, _: usize) -> isize {
        0
    }

    unsafe fn poll(&self, _: *mut c_void, count: usize, timeout_ns: i64) -> isize {
        self.wait(count, timeout_ns)
    }

    unsafe fn epoll_create1(&self, _: c_int) -> isize {
        descriptor()
    }

    unsafe fn eventfd(&self, _: c_uint, _: c_int) -> isize {
        descriptor()
    }

    unsafe fn epoll_ctl(&self, _: c_int, _: c_int, _: c_int, _: *mut c_void) -> isize {
        0
    }

    /// What comes is not told of, but by memory.
    unsafe fn epoll_wait(&self, _: c_int, _: *mut c_void, _: usize, timeout_ns: i64) -> isize {
        self.wait(1, timeout_ns).min(0)
    }

    unsafe fn clock_gettime(&self, _: c_int) -> i64 {
        self.now_ns.fetch_add(1, Ordering::Relaxed)
    }
}

/// Any memory is read to an end: records that fit, then nothing or an error that stays.
pub fn ring(data: &[u8]) {
    let mut data = data;
    let mut word = || {
        let (word, rest) = data.split_at(data.len().min(8));
        data = rest;
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        u64::from_le_bytes(bytes)
    };
    let choice = word();
    let size = PAGE << (choice & 3);
    let flags = match choice & 4 {
        0 => 0,
        _ => skep::codec::uapi::flags::RB_OVERWRITE,
    };
    let (consumer, producer, oldest) = (word(), word(), word());
    // Mostly such as may be: less than a ring apart.
    let near = |position: u64| match choice & 8 {
        0 => consumer.wrapping_add(position % (size as u64 + 16)),
        _ => position,
    };
    let fill: Vec<u8> = data.iter().copied().cycle().take(size).collect();
    for map_type in [MapType::RINGBUF, MapType::USER_RINGBUF] {
        let kernel = RingKernel::new(map_type, flags, size, consumer);
        kernel.producer().store(near(producer), Ordering::Relaxed);
        kernel.oldest().store(near(oldest), Ordering::Relaxed);
        kernel.write(0, &fill);
        match map_type {
            MapType::RINGBUF => drain(&kernel.map(), size as u64),
            _ => fill_up(&kernel.map(), size as u64),
        }
    }
}

fn drain(map: &Map, size: u64) {
    let mut ring = match RingBuf::open(map) {
        Ok(ring) => ring,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Corrupt),
    };
    let (mut records, mut bytes) = (0, Vec::new());
    let _ = (ring.available_bytes(), ring.is_ready());
    let broken = loop {
        match ring.next() {
            Ok(Some(record)) => {
                assert!(record.len() as u64 + HEADER <= size);
                assert_eq!(record.copy_to(&mut [0; 3]), record.len().min(3));
                record.read_into(&mut bytes);
                assert_eq!(bytes.len(), record.len());
                let last = record.len().wrapping_sub(8);
                assert_eq!(record.field::<u64>(last).is_ok(), record.len() >= 8);
                let _ = record.read::<[u64; 3]>();
            }
            Ok(None) => break false,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                break true;
            }
        }
        records += 1;
        assert!(records <= size / 8, "records without end");
    };
    // What is wrong stays wrong, and is no reason to wait.
    assert_eq!(ring.next().is_err(), broken);
    let woken = ring.wait(Some(std::time::Duration::from_millis(1)));
    assert_eq!(woken.unwrap() == skep::ring::Woken::Ready, broken);
}

fn fill_up(map: &Map, size: u64) {
    let mut ring = match UserRingBuf::open(map) {
        Ok(ring) => ring,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Corrupt),
    };
    let mut free = ring.free_bytes().expect("a ring that was opened");
    while let Ok(mut slot) = ring.reserve(24) {
        slot.write(0, &[1; 24]).expect("room");
        slot.commit();
        free -= 32;
    }
    assert!(free < 32 && size >= free);
    let wait = Some(std::time::Duration::from_millis(1));
    let error = ring.reserve_wait(24, wait).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}

/// Inputs to begin with: a ring with records, at ordinary and at last positions.
pub fn ring_seeds() -> Vec<Vec<u8>> {
    [0, 1 << 32, u64::MAX - 255, 8, 4]
        .into_iter()
        .enumerate()
        .map(|(choice, position)| {
            let words = [choice as u64, position, 512, 64];
            let records = (0..64_u64).map(|n| n % 3 * 8).flat_map(|len| {
                let payload = vec![0xab_u8; len as usize];
                len.to_le_bytes().into_iter().chain(payload)
            });
            words
                .into_iter()
                .flat_map(u64::to_le_bytes)
                .chain(records)
                .collect()
        })
        .collect()
}
