//! What a kernel may answer by netlink, told by one that says what a test wants: interrupted
//! listings, answers that are lost, late, too long, or another request's. No root is needed.

use skep::codec::netlink::tc::Qdisc;
use skep::codec::netlink::{Messages, Request};
use skep::codec::uapi::netlink as nl;
use skep::netlink::Batch;
use skep::sys::{Kernel, host};
use skep::{Errno, ErrorKind, Netlink, System};
use std::collections::VecDeque;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

/// What becomes of a receive.
enum Datagram {
    Bytes(Vec<u8>),
    Fails(Errno),
}

use Datagram::{Bytes, Fails};

/// Answers a request of a number, of which it is the so-many-th.
type Script = fn(seq: u32, nth: usize) -> Vec<Datagram>;

/// A kernel that does nothing but answer.
struct Scripted {
    script: Script,
    sent: Mutex<usize>,
    waiting: Mutex<VecDeque<Datagram>>,
}

// SAFETY: nothing is written but the bytes of a datagram, as many as there is room for, which is
// what is answered; the one descriptor is the running kernel's.
unsafe impl Kernel for Scripted {
    unsafe fn openat(&self, dir_fd: c_int, path: &CStr, flags: c_int, mode: c_uint) -> isize {
        // SAFETY: the caller's promise.
        unsafe { host().openat(dir_fd, path, flags, mode) }
    }
    unsafe fn read(&self, fd: c_int, buf: *mut c_void, len: usize) -> isize {
        // SAFETY: the caller's promise.
        unsafe { host().read(fd, buf, len) }
    }
    unsafe fn close(&self, fd: c_int) -> isize {
        // SAFETY: the caller's promise.
        unsafe { host().close(fd) }
    }
    unsafe fn socket(&self, _: c_int, _: c_int, _: c_int) -> isize {
        // SAFETY: integers only.
        unsafe { host().eventfd(0, 0) }
    }
    unsafe fn setsockopt(
        &self,
        _: c_int,
        _: c_int,
        _: c_int,
        _: *const c_void,
        _: c_uint,
    ) -> isize {
        // None of them is known here.
        -(Errno::ENOPROTOOPT.raw() as isize)
    }
    unsafe fn connect(&self, _: c_int, _: *const c_void, _: c_uint) -> isize {
        0
    }
    unsafe fn poll(&self, _: *mut c_void, _: usize, timeout_ns: i64) -> isize {
        assert!(timeout_ns > 0, "nobody waits for ever");
        0
    }
    unsafe fn send(&self, _: c_int, buf: *const c_void, len: usize, _: c_int) -> isize {
        // SAFETY: the caller's promise.
        let bytes = unsafe { std::slice::from_raw_parts(buf.cast::<u8>(), len) };
        let first = Messages::new(bytes).next().unwrap().unwrap();
        let mut sent = self.sent.lock().unwrap();
        *sent += 1;
        self.waiting
            .lock()
            .unwrap()
            .extend((self.script)(first.header.seq, *sent));
        len as isize
    }
    unsafe fn recv(&self, _: c_int, buf: *mut c_void, len: usize, _: c_int) -> isize {
        match self.waiting.lock().unwrap().pop_front() {
            None => -(Errno::EAGAIN.raw() as isize),
            Some(Fails(errno)) => -(errno.raw() as isize),
            Some(Bytes(bytes)) => {
                let len = len.min(bytes.len());
                // SAFETY: the caller's promise; `len` is within both.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buf.cast(), len) };
                len as isize
            }
        }
    }
}

fn scripted(script: Script) -> (Arc<Scripted>, Netlink) {
    let kernel = Arc::new(Scripted {
        script,
        sent: Mutex::new(0),
        waiting: Mutex::new(VecDeque::new()),
    });
    let system = System::new(kernel.clone()).unwrap();
    (kernel, Netlink::open(&system).unwrap())
}

impl Scripted {
    fn sent(&self) -> usize {
        *self.sent.lock().unwrap()
    }

    fn is_empty(&self) -> bool {
        self.waiting.lock().unwrap().is_empty()
    }
}

/// A message with this number.
fn message(kind: u16, flags: u16, seq: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let request = Request::new("", kind, 0, payload);
    request.write(&mut bytes, seq, flags).unwrap();
    bytes
}

/// A queueing discipline of this interface.
fn qdisc(ifindex: u32, seq: u32, flags: u16) -> Vec<u8> {
    let mut head = [0; 20];
    head[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    message(nl::RTM_NEWQDISC, flags, seq, &head)
}

fn done(seq: u32, flags: u16) -> Vec<u8> {
    message(nl::NLMSG_DONE, flags, seq, &0_i32.to_ne_bytes())
}

fn ack(seq: u32, errno: i32) -> Vec<u8> {
    let mut payload = Vec::from(errno.to_ne_bytes());
    payload.extend([0; 16]);
    message(nl::NLMSG_ERROR, 0, seq, &payload)
}

fn indices(listed: &[Qdisc]) -> Vec<u32> {
    listed.iter().map(|qdisc| qdisc.ifindex).collect()
}

fn some() -> Qdisc {
    Qdisc {
        kind: "clsact".into(),
        ..Qdisc::default()
    }
}

#[test]
fn what_changed_meanwhile_is_listed_again() {
    // Told of a part, of the end only, not at all.
    let (kernel, mut netlink) = scripted(|seq, nth| match nth {
        1 => vec![
            Bytes(qdisc(9, seq, nl::NLM_F_DUMP_INTR)),
            Bytes(done(seq, 0)),
        ],
        2 => vec![
            Bytes(qdisc(8, seq, 0)),
            Bytes(done(seq, nl::NLM_F_DUMP_INTR)),
        ],
        _ => vec![
            Bytes([qdisc(1, seq, 0), qdisc(2, seq, 0)].concat()),
            Bytes(done(seq, 0)),
        ],
    });
    let listed = netlink.qdiscs().unwrap();
    assert_eq!(
        (indices(&listed), listed.is_interrupted()),
        (vec![1, 2], false)
    );
    assert_eq!(kernel.sent(), 3);

    let (kernel, mut netlink) = scripted(|seq, _| {
        vec![
            Bytes(qdisc(7, seq, nl::NLM_F_DUMP_INTR)),
            Bytes(done(seq, 0)),
        ]
    });
    let listed = netlink.qdiscs().unwrap();
    assert_eq!((indices(&listed), listed.is_interrupted()), (vec![7], true));
    assert_eq!(kernel.sent(), 30, "not for ever");
}

#[test]
fn a_listing_that_fails_at_its_end_is_an_error() {
    let (kernel, mut netlink) = scripted(|seq, _| {
        let failed = message(nl::NLMSG_DONE, 0, seq, &(-5_i32).to_ne_bytes());
        vec![Bytes(qdisc(7, seq, 0)), Bytes(failed)]
    });
    assert_eq!(netlink.qdiscs().unwrap_err().errno(), Some(Errno::EIO));
    assert!(kernel.is_empty());
}

#[test]
fn answers_to_others_are_passed_over() {
    let (_, mut netlink) = scripted(|seq, _| {
        let stale = seq.wrapping_sub(3);
        vec![
            Bytes(ack(stale, -1)),
            Bytes(
                [
                    ack(stale, 0),
                    qdisc(3, stale, 0),
                    message(nl::NLMSG_NOOP, 0, seq, &[]),
                ]
                .concat(),
            ),
            Bytes(ack(seq, -17)),
        ]
    });
    let error = netlink.create_qdisc(&some()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EEXIST), "{error}");
}

#[test]
fn what_is_lost_is_not_taken_for_refused() {
    // Lost for want of room, and what is left is no answer to what comes next.
    let (kernel, mut netlink) = scripted(|seq, nth| match nth {
        1 => vec![
            Fails(Errno::ENOBUFS),
            Bytes(ack(seq, -1)),
            Bytes(ack(seq, -2)),
        ],
        2 => vec![],
        _ => vec![Fails(Errno::EINTR), Bytes(ack(seq, 0))],
    });
    let error = netlink.create_qdisc(&some()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::ENOBUFS));
    assert!(error.to_string().contains("may be done or not"), "{error}");
    assert!(error.ack().is_none() && kernel.is_empty());
    // No answer at all: nobody waits for ever.
    let error = netlink.create_qdisc(&some()).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::EAGAIN), "{error}");
    netlink.create_qdisc(&some()).unwrap();
}

/// More than is received at first in one datagram, of which a part comes before.
fn long(seq: u32) -> Vec<Datagram> {
    let many: Vec<_> = (2..1500).flat_map(|n| qdisc(n, seq, 0)).collect();
    vec![Bytes(qdisc(1, seq, 0)), Bytes(many), Bytes(done(seq, 0))]
}

#[test]
fn what_is_longer_than_there_is_room_is_asked_for_again() {
    let (kernel, mut netlink) = scripted(|seq, _| long(seq));
    let listed = netlink.qdiscs().unwrap();
    assert_eq!(indices(&listed), (1..1500).collect::<Vec<_>>(), "each once");
    // With more room, and once more for what may have changed between the two.
    assert_eq!((kernel.sent(), listed.is_interrupted()), (3, false));

    let (_, mut netlink) = scripted(|seq, _| vec![Bytes(qdisc(1, seq, 0).repeat(120_000))]);
    let error = netlink.qdiscs().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[test]
fn a_listing_may_be_left_early() {
    let (kernel, mut netlink) = scripted(|seq, _| {
        let parts = [qdisc(1, seq, 0), qdisc(2, seq, 0)].concat();
        vec![Bytes(parts), Bytes(qdisc(3, seq, 0)), Bytes(done(seq, 0))]
    });
    let mut seen = Vec::new();
    let interrupted = netlink.each(&Qdisc::list(), &mut |message| {
        seen.extend(Qdisc::read(message)?.map(|qdisc| qdisc.ifindex));
        Ok(if seen.len() == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    });
    assert_eq!((interrupted.unwrap(), seen), (false, vec![1, 2]));
    assert!(kernel.is_empty(), "the socket is free for the next one");

    let refused = netlink.each(&Qdisc::list(), &mut |_| Err(netlink_error()));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Codec);
    assert!(kernel.is_empty());
}

fn netlink_error() -> skep::Error {
    let short = skep::codec::netlink::Attr {
        kind: 1,
        value: &[],
    };
    short.u32().unwrap_err().into()
}

#[test]
fn bytes_that_lie_are_errors_and_the_socket_goes_on() {
    let (kernel, mut netlink) = scripted(|seq, nth| match nth {
        1 => vec![Bytes(vec![3, 0, 0, 0, 1]), Bytes(done(seq, 0))],
        2 => vec![
            Bytes(message(nl::NLMSG_ERROR, 0, seq, &[1])),
            Bytes(ack(seq, 0)),
        ],
        3 => vec![
            Bytes(message(nl::RTM_NEWLINK, 0, seq, &[1])),
            Bytes(ack(seq, 0)),
        ],
        4 => vec![Bytes(message(nl::RTM_NEWLINK, 0, seq, &[0; 16]))],
        _ => vec![Bytes(ack(seq, 0))],
    });
    for _ in 0..2 {
        let error = netlink.create_qdisc(&some()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Codec, "{error}");
        assert!(kernel.is_empty());
    }
    assert_eq!(netlink.interface(1).unwrap_err().kind(), ErrorKind::Codec);
    assert_eq!(netlink.interface(1).unwrap().ifindex, 0);
    // An acknowledgement in place of an interface.
    assert_eq!(netlink.interface(1).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn what_became_of_each_of_a_batch() {
    // Of 70, the second and the last of the first 64 are refused; of the others, none.
    let (kernel, mut netlink) = scripted(|seq, nth| match nth {
        1 => vec![Bytes(ack(seq + 1, -22)), Bytes(ack(seq + 63, -16))],
        _ => vec![Bytes(ack(seq + 5, 0))],
    });
    let mut batch = Batch::new();
    for _ in 0..70 {
        batch.create_qdisc(&some());
    }
    let outcomes = netlink.run(&batch).unwrap();
    let failed = outcomes
        .iter()
        .enumerate()
        .filter_map(|(n, o)| Some((n, o.as_ref().err()?.errno()?)));
    assert_eq!(
        failed.collect::<Vec<_>>(),
        [(1, Errno::EINVAL), (63, Errno::EBUSY)]
    );
    assert_eq!(
        (outcomes.len(), kernel.sent(), kernel.is_empty()),
        (70, 2, true)
    );
    assert!(netlink.run(&Batch::new()).unwrap().is_empty());
    assert_eq!(kernel.sent(), 2);
}

#[test]
fn it_crosses_threads() {
    fn sent_and_shared<T: Send + Sync + 'static>() {}
    sent_and_shared::<(Netlink, skep::netlink::Namespace)>();
}
