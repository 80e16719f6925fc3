//! Packets between the two ends of an Ethernet pair, for tests that watch what becomes of them.
#![allow(dead_code)]

use super::xsk::packet_socket;
use nix::sys::socket::{setsockopt, sockopt::ReceiveTimeout};
use nix::sys::time::TimeVal;
use std::fs::File;
use std::io::{Error, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// The number of packets that only try whether any come through.
const TRIAL: u32 = u32::MAX;
const LONG: Duration = Duration::from_secs(20);

/// Sends by one end what the other one gets.
pub(crate) struct Wire {
    near: File,
    far: File,
}

impl Wire {
    /// A pair's: interfaces that have just been made lose packets for a moment, which is waited for.
    pub(crate) fn new(ends: (u32, u32)) -> Self {
        let mut wire = Self::between(ends);
        wire.wait_at_most(TimeVal::new(0, 50_000));
        let give_up = Instant::now() + LONG;
        let is_late = |error: &Error| error.kind() == ErrorKind::WouldBlock;
        loop {
            wire.send(TRIAL);
            match wire.next() {
                Err(error) if is_late(&error) => assert!(Instant::now() < give_up, "no packet"),
                got => {
                    assert_eq!(got.unwrap(), TRIAL);
                    break;
                }
            }
        }
        wire.wait_at_most(TimeVal::new(20, 0));
        wire
    }

    /// Between any two interfaces.
    pub(crate) fn between((near, far): (u32, u32)) -> Self {
        let wire = Self {
            near: packet_socket(near),
            far: packet_socket(far),
        };
        wire.wait_at_most(TimeVal::new(20, 0));
        wire
    }

    fn wait_at_most(&self, time: TimeVal) {
        setsockopt(&self.far, ReceiveTimeout, &time).unwrap();
    }

    /// Sends a packet of this number from the near end to the far one.
    pub(crate) fn send(&mut self, number: u32) {
        match self.near.write_all(&super::xsk::packet(number)) {
            // It is dropped on the way out: the sender is told.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
            sent => sent.unwrap(),
        }
    }

    /// The number of the packet that comes next at the far end.
    fn next(&mut self) -> std::io::Result<u32> {
        let mut bytes = [0; 4096];
        let len = self.far.read(&mut bytes)?;
        assert!(len >= 18, "{len} bytes");
        Ok(u32::from_be_bytes(bytes[14..18].try_into().unwrap()))
    }

    /// Receives until this packet comes, at the far end; the numbers of those before.
    pub(crate) fn before(&mut self, number: u32) -> Vec<u32> {
        let mut before = Vec::new();
        loop {
            match self.next().expect("a packet in time") {
                TRIAL => {}
                got if got == number => return before,
                got => before.push(got),
            }
        }
    }

    /// Sends a packet and waits for it; whatever else is on its way comes before.
    pub(crate) fn passes(&mut self, number: u32) -> Vec<u32> {
        self.send(number);
        self.before(number)
    }
}

/// Waits until something is so, twenty seconds at most.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < give_up, "not in twenty seconds: {what}");
        std::thread::yield_now();
    }
}
