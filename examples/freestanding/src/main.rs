//! Loads and runs a BPF program without std and without the C library, as any process or as the
//! first one of a machine. x86-64 and aarch64.
//!
//! What an environment without an operating system's library has to bring is in [`start`] (entry,
//! exit), [`heap`] (memory, from the kernel that skep uses) and [`memory`] (the functions that
//! the compiler calls by itself). The rest is ordinary use of skep.
#![no_std]
#![no_main]
#![warn(missing_docs)]
#![deny(clippy::undocumented_unsafe_blocks)]

extern crate alloc;

mod heap;
mod memory;
mod start;

use alloc::format;
use alloc::string::String;
use core::ffi::c_void;
use skep::prog::TestRun;
use skep::sys::Kernel;
use skep::sys::host::Host;
use skep::{ObjectSpec, Result, System};

/// A compiled BPF program, part of this binary.
const OBJECT: &[u8] = include_bytes!("../../../testdata/socket.bpf.el.o");

/// A packet: an Ethernet header, then nothing of meaning.
const PACKET: [u8; 64] = [0; 64];

/// Loads the object, runs one of its programs on a packet and says what came of it.
fn work() -> Result<String> {
    let system = System::host()?;
    let object = ObjectSpec::parse(OBJECT, "socket")?.load(&system)?;
    let program = object.program("length")?;
    let run = TestRun {
        data: &PACKET,
        ..TestRun::default()
    };
    let result = program.test_run(&run)?;
    Ok(format!("length returned {}", result.return_value))
}

/// Writes a line to standard output.
fn say(text: &str) {
    let line = format!("skep-freestanding: {text}\n");
    // SAFETY: the pointer and the length are those of `line`, which lives through the call.
    let _ = unsafe { Host.write(1, line.as_ptr().cast::<c_void>(), line.len()) };
}

/// What a process does here; the answer is its exit code.
fn main() -> u8 {
    match work() {
        Ok(text) => {
            say(&text);
            0
        }
        Err(error) => {
            say(&format!("failed: {error}"));
            1
        }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say(&format!("panic: {info}"));
    start::end(101)
}
