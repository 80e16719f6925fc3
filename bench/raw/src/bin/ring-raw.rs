//! Drains a ring by a loop written by hand that publishes its position once a drain: what draining
//! costs at least. With `RING_MEMORY` set, copies or reads as many bytes of private memory.

#[path = "../../../ring.rs"]
mod ring;

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const PAGE: usize = 4096;
const SIZE: usize = 4 << 20;

unsafe extern "C" {
    fn mmap(at: *mut u8, len: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
}

fn map(len: usize, prot: i32, fd: i32, offset: usize) -> *mut u8 {
    // SAFETY: the kernel chooses the address.
    let address = unsafe { mmap(std::ptr::null_mut(), len, prot, 1, fd, offset as i64) };
    assert!(
        address.addr() as isize > 0,
        "{}",
        std::io::Error::last_os_error()
    );
    address
}

/// Reads or copies a record.
///
/// # Safety
/// `data` points to `len` bytes.
#[inline(always)]
unsafe fn look(data: *const u8, len: usize, copy: bool, buffer: &mut [u8; ring::LONGEST]) {
    assert!(len <= buffer.len());
    // SAFETY: the caller's promise.
    unsafe {
        match copy {
            true => {
                data.copy_to_nonoverlapping(buffer.as_mut_ptr(), len);
                black_box(&*buffer);
            }
            false => {
                black_box(data.cast::<u64>().read());
            }
        }
    }
}

fn by_hand(path: &str, copy: bool) -> impl FnMut() -> u64 + use<> {
    let fd = ring::pinned(path);
    let consumer = map(PAGE, 3, fd, 0).cast::<AtomicU64>();
    let producer = map(PAGE + 2 * SIZE, 1, fd, PAGE);
    let mut buffer = [0; ring::LONGEST];
    move || {
        let (mut records, data) = (0, producer.wrapping_add(PAGE));
        // SAFETY: the mappings live as long as the process, and records lie inside the data.
        unsafe {
            let mut position = (*consumer).load(Ordering::Relaxed);
            let end = (*producer.cast::<AtomicU64>()).load(Ordering::Acquire);
            while position != end {
                let header = data.add(position as usize & (SIZE - 1));
                let word = (*header.cast::<AtomicU32>()).load(Ordering::Acquire);
                if word >> 31 != 0 {
                    break;
                }
                let len = word as usize & 0x3fff_ffff;
                if word >> 30 == 0 {
                    look(header.add(8), len, copy, &mut buffer);
                    records += 1;
                }
                position += (len as u64 + 15) & !7;
            }
            (*consumer).store(position, Ordering::Release);
        }
        records
    }
}

/// As many records of private memory that was read before.
fn memory(path: &str, copy: bool) -> impl FnMut() -> u64 + use<> {
    let mut real = by_hand(path, false);
    let bytes = vec![1_u8; SIZE + 2 * ring::LONGEST];
    let mut buffer = [0; ring::LONGEST];
    let len: usize = std::env::var("RING_MEMORY").unwrap().parse().unwrap();
    // So that the time of draining is not part of it, drains come first.
    let mut first = true;
    move || {
        if std::mem::take(&mut first) {
            return real();
        }
        let records = SIZE / (len + 8) - 1;
        for n in 0..records {
            // SAFETY: below the size, and more than a record follows.
            unsafe { look(bytes.as_ptr().add(n * (len + 8)), len, copy, &mut buffer) };
        }
        records as u64
    }
}

fn main() {
    match std::env::var_os("RING_MEMORY") {
        None => ring::run(by_hand),
        Some(_) => ring::run(memory),
    }
}
