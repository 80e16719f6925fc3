//! Whose frames are, with memory of a process: no socket is needed.

use super::{Frames, Owner};

/// Twelve frames, four for each of three.
fn three() -> [Frames; 3] {
    let mut first = Frames::map(&skep_sys::host(), 12 * 2048, 2048).unwrap();
    assert_eq!(first.ours(), [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    let mut second = first.split_off(4);
    let third = second.split_off(4);
    [first, second, third]
}

/// Every frame is `Other` in all but one.
fn check(frames: &[Frames; 3]) {
    for frame in 0..12 {
        let owners = frames.each_ref().map(|frames| frames.owner(frame).unwrap());
        let others = owners.iter().filter(|owner| **owner == Owner::Other);
        assert_eq!(others.count(), 2, "frame {frame}: {owners:?}");
    }
    assert!(frames.iter().all(|frames| frames.owner(12).is_none()));
}

fn read(frames: &Frames, frame: u32) -> [u8; 4] {
    let mut bytes = [0; 4];
    frames.copy(frame, 2044, &mut bytes);
    bytes
}

#[test]
fn frames_are_divided_and_exchanged() {
    let mut frames = three();
    check(&frames);
    let ours = frames.each_ref().map(Frames::ours);
    assert_eq!(ours, [[3, 2, 1, 0], [7, 6, 5, 4], [11, 10, 9, 8]]);
    let [first, second, third] = &mut frames;
    first.write(3, 2044, b"mine");
    third.write(8, 2044, b"what");
    assert!(first.exchange(3, third, 8));
    assert_eq!((read(first, 8), read(third, 3)), (*b"what", *b"mine"));
    // Not twice, nor what is the kernel's or another's.
    assert!(!first.exchange(3, third, 8));
    second.give(4, Owner::Receiving);
    second.give(5, Owner::Sending);
    for (ours, theirs) in [(0, 4), (0, 5), (0, 3), (3, 6), (0, 12), (12, 6)] {
        assert!(!first.exchange(ours, second, theirs), "{ours} for {theirs}");
    }
    // What is another's stays that.
    first.give(3, Owner::Us);
    first.give(0, Owner::Other);
    assert_eq!(first.owner(3), Some(Owner::Other));
    assert_eq!(first.owner(0), Some(Owner::Us));
    check(&frames);
    let [mut first, ..] = frames;
    let [mut elsewhere, ..] = three();
    assert!(!first.exchange(0, &mut elsewhere, 0), "other memory");
}

/// Whether a copy out of there is refused.
fn is_refused(frames: &Frames, frame: u32, at: usize, len: usize) -> bool {
    let copy = || frames.copy(frame, at, &mut std::vec![0; len]);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(copy)).is_err()
}

#[test]
fn bytes_are_those_of_frames_that_are_ours() {
    let [mut first, ..] = three();
    assert!(!is_refused(&first, 3, 0, 2048));
    for (frame, at, len) in [
        (4, 0, 1),
        (12, 0, 0),
        (3, 1, 2048),
        (3, 2048, 1),
        (3, usize::MAX, 2),
        (3, 0, 2049),
    ] {
        assert!(is_refused(&first, frame, at, len), "{frame}: {at} {len}");
    }
    for kernel in [Owner::Receiving, Owner::Sending] {
        first.give(3, kernel);
        assert!(is_refused(&first, 3, 0, 1), "{kernel:?}");
    }
}
