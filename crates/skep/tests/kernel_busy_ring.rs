//! Streams over a ring whose next record a program is long at work on: its descriptor is readable
//! all the time, and nothing is to be had.
#![cfg(all(feature = "tokio", feature = "async-io"))]

mod common;

use common::{host, load, object};
use skep::aio::{AsyncEvents, AsyncIoEvents, Readiness, TokioEvents};
use skep::codec::uapi::bpf::Helper;
use skep::probe::Answer;
use skep::prog::TestRun;
use skep::sys::Mapping;
use skep::sys::poll::wait_readable;
use skep::sys::watch::Trace;
use skep::{ErrorKind, Events, Object, ProgType, RingBuf, System};
use std::future::Future;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a record is held under a stream's eyes.
const WHILE: Duration = Duration::from_millis(300);
/// Memory to read and write.
const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;
/// Records behind the one that is held.
const BEHIND: u64 = 3;
/// What is given to the program for its record: it is the first one then, or given back unused.
const COMMIT: u64 = 0;
const DISCARD: u64 = u64::MAX;

/// A page of memory: whoever reads it waits until its contents are given.
struct Page {
    faults: OwnedFd,
    memory: Mapping,
}

impl Page {
    /// `None` where the kernel has no userfaultfd(2).
    fn new() -> Option<Self> {
        let (system, flags) = (host(), libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let memory = Mapping::new(system.kernel(), system.page_size(), RW, flags, None, 0);
        // SAFETY: integers only.
        let faults = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) };
        let faults = u32::try_from(faults).ok()?.cast_signed();
        let page = Self {
            // SAFETY: new, and nobody else's.
            faults: unsafe { OwnedFd::from_raw_fd(faults) },
            memory: memory.unwrap(),
        };
        // UFFDIO_API and UFFDIO_REGISTER for what is missing.
        page.control(0xc018_aa3f, &mut [0xaa, 0, 0]);
        let len = page.memory.len() as u64;
        page.control(0xc020_aa00, &mut [page.address(), len, 1, 0]);
        Some(page)
    }

    fn address(&self) -> u64 {
        self.memory.as_ptr().expose_provenance() as u64
    }

    fn control(&self, request: libc::c_ulong, words: &mut [u64]) {
        // SAFETY: the size that is part of each request is that of its words.
        let done = unsafe { libc::ioctl(self.faults.as_raw_fd(), request, words.as_mut_ptr()) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// Waits until somebody waits for the page.
    fn wait(&self) {
        let mut message = [0; 32];
        assert_eq!(nix::unistd::read(&self.faults, &mut message), Ok(32));
    }

    /// Gives the page its contents: this word first (UFFDIO_COPY).
    fn give(&self, word: u64) {
        let mut bytes = vec![0; self.memory.len()];
        bytes[..8].copy_from_slice(&word.to_ne_bytes());
        let (from, len) = (bytes.as_ptr() as u64, bytes.len() as u64);
        self.control(0xc028_aa03, &mut [self.address(), from, len, 0, 0]);
    }
}

/// A program that holds a record, and the calls of those who wait for it.
struct Held {
    object: Arc<Object>,
    program: JoinHandle<()>,
    page: Page,
    trace: Arc<Trace>,
    system: System,
}

impl Held {
    /// `None`, said, where no program can wait.
    fn new() -> Option<Self> {
        let helper = host().probe_helper(ProgType::SYSCALL, Helper::COPY_FROM_USER);
        let (true, Some(page)) = (helper != Answer::No, Page::new()) else {
            println!("skep-skip: no programs that wait for memory");
            return None;
        };
        let object = Arc::new(load(&host(), &object!("held")));
        let address = object.global("address").unwrap();
        address.set(page.address()).unwrap();
        object.global("behind").unwrap().set(BEHIND as u32).unwrap();
        let program = std::thread::spawn({
            let object = object.clone();
            move || {
                let ran = object
                    .program("hold")
                    .unwrap()
                    .test_run(&TestRun::default());
                assert_eq!(ran.unwrap().return_value, 0, "reserved");
            }
        });
        page.wait();
        let trace = Trace::new(host().kernel().clone());
        Some(Self {
            program,
            page,
            system: System::new(trace.clone()).unwrap(),
            trace,
            object,
        })
    }

    fn events(&self) -> Events {
        let map = self.object.map("events").unwrap().fd();
        let map = skep::Map::from_fd(&self.system, map.try_clone().unwrap()).unwrap();
        let mut events = Events::new(&self.system).unwrap();
        events.add(RingBuf::open(&map).unwrap()).unwrap();
        events
    }

    /// Lets the program finish.
    fn let_go(self, how: u64) {
        self.page.give(how);
        self.program.join().unwrap();
    }
}

/// What the program sent behind the record, all of it, comes next.
fn rest_comes(events: &mut Events, first: u64) {
    events.end_in(Duration::from_secs(10)).unwrap();
    for number in first..=BEHIND {
        let event = events.next().unwrap().expect("a record");
        assert_eq!(event.read::<u64>().unwrap(), number);
    }
    assert!(events.try_next().unwrap().is_none());
}

#[test]
fn a_stream_sleeps_while_a_record_is_at_work() {
    for (how, first) in [(COMMIT, 0), (DISCARD, 1)] {
        let Some(held) = Held::new() else { return };
        let trace = held.trace.clone();
        let mut events = held.events();
        let before = trace.total();
        events.end_in(WHILE).unwrap();
        assert!(events.next().unwrap().is_none());
        let calls = trace.total() - before;
        assert!(calls <= 12, "{calls} calls: {trace:?}");
        held.let_go(how);
        rest_comes(&mut events, first);
    }
}

/// How often a stream that has nothing is looked at by who waits for its descriptor.
fn turns_of(events: &mut Events) -> u32 {
    let begun = Instant::now();
    let mut turns = 0;
    while let Some(left) = WHILE.checked_sub(begun.elapsed()) {
        assert!(events.try_next().unwrap().is_none());
        wait_readable(&[events.fd()], Some(left.as_nanos() as u64)).unwrap();
        turns += 1;
    }
    turns
}

/// Whoever waits for the stream's descriptor by poll(2), and takes what there is each time.
#[test]
fn polling_a_stream_sleeps_while_a_record_is_at_work() {
    let Some(held) = Held::new() else { return };
    let mut events = held.events();
    let turns = turns_of(&mut events);
    assert!(turns <= 3, "woken {turns} times for nothing");
    let fd = events.fd().try_clone().unwrap();
    let woken = std::thread::spawn(move || wait_readable(&[&fd], Some(10_000_000_000)).unwrap());
    held.let_go(COMMIT);
    assert_eq!(woken.join().unwrap(), [true], "the commit is told");
    rest_comes(&mut events, 0);
}

/// A ring that another process has made senseless says so once, and wakes nobody from then on.
#[test]
fn polling_a_stream_sleeps_over_a_ring_that_failed() {
    let object = load(&host(), &object!("rings"));
    let ring = object.map("events").unwrap();
    let page = host().page_size();
    let fd = Some(ring.fd());
    let position = Mapping::new(host().kernel(), page, RW, libc::MAP_SHARED, fd, 0).unwrap();
    // SAFETY: a page of ours, which begins with the reader's position, one word.
    unsafe { position.as_ptr().cast::<u64>().write_volatile(1 << 40) };
    let mut events = Events::new(&host()).unwrap();
    events.add(RingBuf::open(ring).unwrap()).unwrap();
    let error = events.try_next().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let turns = turns_of(&mut events);
    assert!(turns <= 3, "woken {turns} times for nothing");
}

/// A stream that waits longer than the record is held; how many calls that took.
async fn waits<R: Readiness>(held: &Held, sleep: impl Future<Output = ()>) -> AsyncEvents<R> {
    let mut events = AsyncEvents::<R>::new(held.events()).unwrap();
    let before = held.trace.total();
    let mut nothing = pin!(async {
        events.next().await.unwrap();
        unreachable!("the record is held");
    });
    let mut polls = 0;
    let nothing = std::future::poll_fn(|cx| {
        polls += 1;
        nothing.as_mut().poll(cx)
    });
    smol::future::or(nothing, sleep).await;
    let calls = held.trace.total() - before;
    assert!(calls <= 8, "{calls} calls: {:?}", held.trace);
    assert!(polls <= 6, "the task was woken {polls} times");
    events
}

#[test]
fn tasks_sleep_while_a_record_is_at_work() {
    let Some(held) = Held::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let events: TokioEvents =
        runtime.block_on(async { waits(&held, tokio::time::sleep(WHILE)).await });
    held.let_go(COMMIT);
    rest_comes(&mut events.into_inner(), 0);
    let Some(held) = Held::new() else { return };
    let sleep = async {
        smol::Timer::after(WHILE).await;
    };
    let events: AsyncIoEvents = smol::block_on(waits(&held, sleep));
    held.let_go(DISCARD);
    rest_comes(&mut events.into_inner(), 1);
}
