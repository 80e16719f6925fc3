//! What the kernel tests share: the committed objects, a place of their own to test in.
#![allow(dead_code, unreachable_pub, unused_imports, unused_macros)]

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use skep::map::MapParams;
use skep::prog::TestRun;
use skep::ring::Woken;
use skep::{LoadOptions, Map, MapType, Object, ObjectSpec, RingBuf, System};
use std::fs::File;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A file in `testdata`.
macro_rules! testdata {
    ($name:literal, $end:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/",
            $name,
            $end
        ))
    };
}
pub(crate) use testdata;

/// The bytes of the committed object of this name, in this machine's byte order.
macro_rules! bytes {
    ($name:literal) => {{
        #[cfg(target_endian = "little")]
        let bytes: &[u8] = $crate::common::testdata!($name, ".bpf.el.o");
        #[cfg(target_endian = "big")]
        let bytes: &[u8] = $crate::common::testdata!($name, ".bpf.eb.o");
        bytes
    }};
}
pub(crate) use bytes;

/// The committed object of this name.
macro_rules! object {
    ($name:literal) => {
        skep::ObjectSpec::parse($crate::common::bytes!($name), concat!($name, ".bpf.o"))
            .expect("committed object")
    };
}
pub(crate) use object;

/// The committed object of this name, to be linked.
macro_rules! half {
    ($name:literal) => {
        skep::codec::linker::Input {
            name: concat!($name, ".bpf.o"),
            bytes: $crate::common::bytes!($name),
        }
    };
}
pub(crate) use half;

/// Says why a test does not apply to this kernel, and returns from it: counted as skipped.
macro_rules! skip {
    ($($why:tt)+) => {{
        println!("skep-skip: {}", format_args!($($why)+));
        return;
    }};
}
pub(crate) use skip;

/// Skips where the kernel has not this feature.
macro_rules! need {
    ($feature:ident) => {
        let feature = skep::probe::Feature::$feature;
        if !$crate::common::host().probe(feature).is_usable() {
            $crate::common::skip!("{} is not to be had", feature.name());
        }
    };
}
pub(crate) use need;

/// The kernel that runs.
pub fn host() -> System {
    System::host().expect("host system")
}

/// What this program returns for a packet of zeros.
pub fn run(object: &Object, program: &str) -> u32 {
    let run = TestRun {
        data: &[0; 64],
        ..Default::default()
    };
    let program = object.program(program).unwrap();
    program.test_run(&run).unwrap().return_value
}

/// Restricts a tracer to this process.
pub fn only_us(spec: &mut ObjectSpec) {
    let mut pid = spec.variable("target_pid").expect("target_pid");
    pid.set(std::process::id()).expect("set target_pid");
}

/// Leaves these programs to be loaded, and no others.
pub fn only(mut spec: ObjectSpec, programs: &[&str]) -> ObjectSpec {
    for program in &mut spec.programs {
        program.autoload = programs.contains(&program.name.as_str());
    }
    spec
}

/// A map of eight elements.
pub fn make(system: &System, map_type: MapType, key_size: u32, value_size: u32) -> Map {
    let params = MapParams {
        map_type,
        key_size,
        value_size,
        max_entries: 8,
        map_flags: u32::from(map_type == MapType::LPM_TRIE || map_type == MapType::RHASH),
        ..MapParams::default()
    };
    Map::create(system, &params).unwrap()
}

/// Loads, and shows every refusal if it fails.
pub fn load(system: &System, spec: &ObjectSpec) -> Object {
    load_with(system, spec, &LoadOptions::default())
}

/// [`load`] with options.
pub fn load_with(system: &System, spec: &ObjectSpec, options: &LoadOptions) -> Object {
    match spec.load_with(system, options) {
        Ok(object) => object,
        Err(error) => panic!("{error}\n{}", logs(&error)),
    }
}

/// Whole logs of all refusals in an error.
pub fn logs(error: &skep::Error) -> String {
    let of = |error: &skep::Error| error.refusal().map_or("", |r| &r.log).to_owned();
    let each = error.failures().iter().map(|failure| of(&failure.error));
    each.chain([of(error)]).collect()
}

/// Whether this is refused because the kernel compiles no programs to machine code.
pub fn takes_a_jit(error: &skep::Error) -> bool {
    const WORDS: [&str; 2] = [
        "JIT does not support calling kernel function",
        "not allowed in non-JITed programs",
    ];
    let refused = |error: &skep::Error| error.errno() == Some(skep::Errno::ENOTSUPP);
    let of_programs = error
        .failures()
        .iter()
        .any(|failure| refused(&failure.error));
    let logs = logs(error);
    refused(error) || of_programs || WORDS.iter().any(|words| logs.contains(words))
}

/// A system call that nothing else of this process makes often: getpgid(2) of `arg`.
pub fn getpgid(arg: i32) {
    let _ = nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(arg)));
}

/// Makes system calls until the ring has given a record of them, at most five seconds.
pub fn first_record(ring: &mut RingBuf) -> Vec<u8> {
    let give_up = Instant::now() + Duration::from_secs(5);
    while Instant::now() < give_up {
        getpgid(0);
        if ring.wait(Some(Duration::from_millis(100))).unwrap() == Woken::Ready
            && let Some(record) = ring.next().unwrap()
        {
            return record.to_vec();
        }
    }
    panic!("no event in five seconds");
}

skep::plain! {
    /// `struct seen` of `probes.bpf.c` and `tracing.bpf.c`.
    #[derive(Debug, PartialEq)]
    pub struct Seen {
        pub calls: u64,
        pub cookie: u64,
        pub value: u64,
    }
}

/// What is in a global that is one.
pub fn seen(object: &Object, name: &str) -> Seen {
    object.global(name).unwrap().read().unwrap()
}

/// Moves this thread into a network namespace of its own, its loopback up.
pub fn own_network() {
    unshare(CloneFlags::CLONE_NEWNET).expect("own network namespace");
    assert!(ip("link set lo up"));
}

/// Runs `ip` with these words; whether it did what they say.
pub fn ip(args: &str) -> bool {
    let mut ip = std::process::Command::new("ip");
    let done = ip.args(args.split(' ')).output();
    done.expect("ip").status.success()
}

/// A socket of this thread's network sends itself `hello`: the bytes that arrive.
pub fn hello() -> std::io::Result<usize> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let wait = Some(Duration::from_millis(300));
    socket.set_read_timeout(wait).unwrap();
    let to = socket.local_addr().unwrap();
    socket.send_to(b"hello", to).unwrap();
    socket.recv(&mut [0; 9])
}

/// Makes the Ethernet pair `skep0` and `veth0` in this thread's network, both up; the index of each.
/// `None` if none can be made.
pub fn pair() -> Option<(u32, u32)> {
    // The kernel names the other end.
    up("link add skep0 type veth", 0)
}

/// The same of `skep1` and `veth1`, when there is the first.
pub fn second_pair() -> Option<(u32, u32)> {
    up("link add skep1 type veth", 1)
}

/// [`pair`] with two queues at each end.
pub fn pair_of_two_queues() -> Option<(u32, u32)> {
    const QUEUES: &str = "numrxqueues 2 numtxqueues 2";
    up(
        &format!("link add skep0 {QUEUES} type veth peer name veth0 {QUEUES}"),
        0,
    )
}

fn up(add: &str, number: u32) -> Option<(u32, u32)> {
    let index = |name| {
        let name = format!("{name}{number}");
        let index = nix::net::if_::if_nametoindex(&*name).ok()?;
        assert!(ip(&format!("link set {name} up")));
        Some(index)
    };
    // A small `ip` makes something else of words that it does not know.
    ip(add).then_some(())?;
    Some((index("skep")?, index("veth")?))
}

/// Mounts a file system of this kind where only this thread sees it; `None` if the kernel has none.
pub fn own_mount(kind: &str) -> Option<String> {
    own_mounts();
    let (dir, none) = ("/tmp", None::<&str>);
    mount(Some(kind), dir, Some(kind), MsFlags::empty(), none).ok()?;
    Some(dir.to_owned())
}

/// Mounts a tracefs where only this thread sees it; `None` if the kernel has none.
pub fn own_tracefs() -> Option<String> {
    own_mount("tracefs")
}

/// Mounts a bpffs where only this thread sees it.
pub fn own_bpffs() -> String {
    own_mount("bpf").expect("bpffs")
}

/// A cgroup of a test, removed with it.
pub struct Cgroup(pub String);

impl Cgroup {
    pub fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }

    /// A new one below it.
    pub fn child(&self, name: &str) -> Self {
        let path = format!("{}/{name}", self.0);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A new cgroup, in a hierarchy that is mounted where only this thread sees it; `None` if there is
/// none.
pub fn own_cgroup() -> Option<Cgroup> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (mount, pid) = (own_mount("cgroup2")?, std::process::id());
    let path = format!("{mount}/skep-test-{pid}-{}", NUMBER.fetch_add(1, Relaxed));
    std::fs::create_dir(&path).ok()?;
    Some(Cgroup(path))
}

/// Mounts of its own for this thread: what it mounts, nobody else sees.
pub fn own_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("own mount namespace");
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).expect("private mounts");
}
