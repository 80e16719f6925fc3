//! Streams of events on run times: tokio with one thread and with several, and smol.
#![cfg(all(feature = "tokio", feature = "async-io"))]

mod common;

use common::{host, load, object};
use nix::sys::resource::{UsageWho, getrusage};
use skep::aio::{AsyncEvents, AsyncIo, AsyncIoEvents, Readiness, Tokio, TokioEvents};
use skep::prog::TestRun;
use skep::sys::watch::Trace;
use skep::{ErrorKind, Events, Object, RingBuf, System};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

const RECORDS: u64 = 300;

/// Records that count from 0, one a run.
struct Sender {
    object: Object,
}

impl Sender {
    fn new(system: &System) -> Self {
        let object = load(system, &object!("log"));
        Self { object }
    }

    fn send(&self, count: u32) {
        let run = TestRun {
            data: &[0; 64],
            repeat: count,
            ..Default::default()
        };
        self.object
            .program("flood")
            .unwrap()
            .test_run(&run)
            .unwrap();
    }

    /// Sends all records, a few at a time and with pauses. (A test run itself takes long on some
    /// machines.)
    fn send_all(&self) {
        for n in 0..RECORDS / 10 {
            self.send(10);
            std::thread::sleep(Duration::from_millis(n % 4));
        }
    }

    fn events(&self, system: &System) -> Events {
        let map = self.object.map("skep_logs").unwrap().fd();
        let map = skep::Map::from_fd(system, map.try_clone().unwrap()).unwrap();
        let mut events = Events::new(system).unwrap();
        events.add(RingBuf::open(&map).unwrap()).unwrap();
        events
    }
}

/// The record's number.
fn number(bytes: &[u8]) -> u64 {
    let entry = skep::codec::log::decode(bytes, skep::codec::bytes::Endian::NATIVE).unwrap();
    match entry.args[..] {
        [skep::codec::log::Arg::Unsigned(number)] => number,
        _ => panic!("{entry:?}"),
    }
}

/// Everything that is sent meanwhile arrives, in order.
async fn receives<R: Readiness>(mut events: AsyncEvents<R>) {
    for expected in 0..RECORDS {
        let event = events.next().await.unwrap().expect("an event");
        assert_eq!(number(event.bytes()), expected);
    }
}

fn tokio(threads: bool) -> tokio::runtime::Runtime {
    let mut builder = match threads {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build().unwrap()
}

#[test]
fn records_arrive_on_tokio() {
    for threads in [false, true] {
        let sender = Sender::new(&host());
        let runtime = tokio(threads);
        let events = sender.events(&host());
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send_all());
            let events = async { TokioEvents::new(events).unwrap() };
            let events = runtime.block_on(events);
            let task = runtime.spawn(receives(events));
            let done = async { tokio::time::timeout(Duration::from_secs(60), task).await };
            runtime.block_on(done).expect("in time").unwrap();
        });
    }
}

#[test]
fn records_arrive_on_smol() {
    let sender = Sender::new(&host());
    let events = AsyncIoEvents::new(sender.events(&host())).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send_all());
        smol::block_on(async { smol::spawn(receives(events)).await });
    });
}

/// A future polled once, then dropped; what it answered.
async fn one_poll<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Futures that are dropped unfinished, before a record comes and after, take nothing with them.
async fn survives_cancelling<R: Readiness>(sender: &Sender, mut events: AsyncEvents<R>) {
    for expected in 0..50 {
        assert!(one_poll(events.next()).await.is_none());
        sender.send(1);
        drop(events.next());
        let event = match one_poll(events.next()).await {
            Some(event) => event,
            None => events.next().await,
        };
        assert_eq!(number(event.unwrap().unwrap().bytes()), expected);
    }
}

#[test]
fn a_dropped_future_loses_nothing() {
    let system = host();
    let sender = Sender::new(&system);
    tokio(false).block_on(async {
        let events = TokioEvents::new(sender.events(&system)).unwrap();
        survives_cancelling(&sender, events).await;
    });
    let sender = Sender::new(&system);
    let events = AsyncIoEvents::new(sender.events(&system)).unwrap();
    smol::block_on(survives_cancelling(&sender, events));
}

fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let time = |t: nix::sys::time::TimeVal| {
        Duration::from_micros(t.tv_sec() as u64 * 1_000_000 + t.tv_usec() as u64)
    };
    time(usage.user_time()) + time(usage.system_time())
}

#[test]
fn waiting_is_no_work() {
    const SECOND: Duration = Duration::from_secs(1);
    let sender = Sender::new(&host());
    let trace = Trace::new(host().kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    // Records before, so that there was something to be woken by.
    for threads in [false, true] {
        let runtime = tokio(threads);
        let sleeping = async {
            let mut events = TokioEvents::new(sender.events(&system)).unwrap();
            sender.send(20);
            for _ in 0..20 {
                events.next().await.unwrap();
            }
            let sleep = async {
                let next = tokio::time::timeout(SECOND, events.next()).await;
                assert!(next.is_err());
            };
            is_quiet(&trace, sleep).await;
        };
        runtime.block_on(sleeping);
    }
    let mut events = AsyncIoEvents::new(sender.events(&system)).unwrap();
    sender.send(20);
    smol::block_on(async {
        for _ in 0..20 {
            events.next().await.unwrap();
        }
        let timer = async {
            smol::Timer::after(SECOND).await;
            None
        };
        let next = async { Some(events.next().await.map(drop)) };
        is_quiet(&trace, async {
            assert!(smol::future::or(next, timer).await.is_none());
        })
        .await;
    });
}

/// A sleep over events that do not come: hardly a call, no work.
async fn is_quiet(trace: &Trace, sleep: impl Future<Output = ()>) {
    let (calls, cpu) = (trace.total(), cpu_time());
    sleep.await;
    let (calls, cpu) = (trace.total() - calls, cpu_time() - cpu);
    assert!(calls <= 6, "{calls} calls: {trace:?}");
    assert!(cpu < Duration::from_millis(200), "{cpu:?} of work");
}

#[test]
fn other_tasks_have_their_turn() {
    let system = host();
    let sender = Sender::new(&system);
    let turns = AtomicU64::new(0);
    let busy = async {
        let mut events = TokioEvents::new(sender.events(&system)).unwrap();
        let mut count = 0;
        // Every record is there already: nothing ever has to be waited for.
        while count < 4000 {
            sender.send(200);
            for _ in 0..200 {
                events.next().await.unwrap().expect("an event");
                count += 1;
            }
        }
        turns.load(Ordering::SeqCst)
    };
    let other = async {
        loop {
            turns.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio(false).block_on(async {
        tokio::select! {
            seen = busy => seen,
            () = other => unreachable!(),
        }
    });
    assert!(seen >= 4000 / 1024, "{seen} turns of another task");
}

/// More than a turn's events at once, no other task there: the run time comes back by itself.
#[test]
fn a_task_alone_goes_on_after_its_turn() {
    let system = host();
    async fn all<R: Readiness>(sender: &Sender, mut events: AsyncEvents<R>) {
        let begun = Instant::now();
        for _ in 0..20 {
            sender.send(200);
            for _ in 0..200 {
                events.next().await.unwrap().expect("an event");
            }
        }
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let late = Duration::from_secs(8);
    let sender = Sender::new(&system);
    tokio(false).block_on(async {
        let events = TokioEvents::new(sender.events(&system)).unwrap();
        let done = tokio::time::timeout(late, all(&sender, events)).await;
        done.expect("in time");
    });
    let sender = Sender::new(&system);
    let events = AsyncIoEvents::new(sender.events(&system)).unwrap();
    smol::block_on(smol::future::or(all(&sender, events), async {
        smol::Timer::after(late).await;
        panic!("the task was not woken");
    }));
}

#[test]
fn it_ends_when_told_to() {
    let system = host();
    let sender = Sender::new(&system);
    let told = |stop: skep::events::Stop| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            stop.stop().unwrap();
        })
    };
    let begun = Instant::now();
    let events = sender.events(&system);
    let teller = told(events.stopper());
    tokio(true).block_on(async {
        let mut events = AsyncEvents::<Tokio>::new(events).unwrap();
        assert!(events.next().await.unwrap().is_none());
        assert!(events.next().await.unwrap().is_none());
        assert!(events.into_inner().try_next().unwrap().is_none());
    });
    teller.join().unwrap();
    let mut events = AsyncEvents::<AsyncIo>::new(sender.events(&system)).unwrap();
    let teller = told(events.events().stopper());
    smol::block_on(async { assert!(events.next().await.unwrap().is_none()) });
    teller.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn outside_of_a_run_time_is_an_error() {
    let events = Events::new(&host()).unwrap();
    let error = TokioEvents::new(events).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("no reactor running"), "{error}");
}
