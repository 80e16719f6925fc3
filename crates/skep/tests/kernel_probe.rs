//! Probes against the running kernel: no "no" where the table says that this kernel has it, no
//! "yes" where it says that this kernel is too old.

mod common;

use common::{host, object};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use skep::codec::uapi::bpf::Helper;
use skep::probe::{Answer, Feature, Origin};
use skep::sys::watch::Trace;
use skep::system::KernelConfig;
use skep::{MapType, ProgType, System};
use std::collections::BTreeSet;

/// `5.10` of `5.10.0-46-cloud-amd64`.
fn release(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut next = || {
        numbers
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a release")
    };
    (next(), next())
}

/// Features that a stable series got later, from the release after it. That there are such is why
/// nothing is decided by version.
const BACKPORTED: &[(&str, (u32, u32))] = &[
    ("LongJump", (6, 1)),
    ("CgroupPreorder", (6, 12)),
    ("CgroupOrder", (6, 12)),
];

/// What the running kernel is.
struct Kernel {
    release: (u32, u32),
    /// Options that are set; `None` where the kernel does not tell.
    config: Option<BTreeSet<String>>,
}

impl Kernel {
    fn running(system: &System) -> Self {
        let text = skep::sys::process::kernel_release(system.kernel()).unwrap();
        let config = system.kernel_config().ok();
        let set = |config: KernelConfig| {
            let text = std::str::from_utf8(config.text()).unwrap();
            let lines = text.lines().filter(|line| line.starts_with("CONFIG_"));
            let set = lines.filter_map(|line| line["CONFIG_".len()..].split_once('='));
            set.map(|(name, _)| name.to_owned()).collect()
        };
        Self {
            release: release(&text),
            config: config.map(set),
        }
    }

    /// Whether a kernel of this release may lack it for how it is built.
    fn may_lack(&self, origin: Origin) -> bool {
        match &self.config {
            Some(config) => origin.config.iter().any(|name| !config.contains(*name)),
            None => !origin.config.is_empty(),
        }
    }

    /// What is wrong with an answer, if anything is.
    fn fault(&self, name: &str, answer: Answer, origin: Origin) -> Option<String> {
        let is_new = self.release >= release(origin.since);
        let backported = BACKPORTED.contains(&(name, self.release));
        let wrong = match answer {
            Answer::No => is_new && !self.may_lack(origin),
            Answer::Yes => !is_new && !backported,
            Answer::Unknown(_) => false,
        };
        wrong.then(|| format!("{name}: {answer}, and it came with {}", origin.since))
    }
}

/// Whether probes mean anything here.
fn privileged(system: &System) -> bool {
    let answer = system.probe(Feature::Btf);
    if answer != Answer::Yes {
        println!("skep-skip: BTF cannot be loaded ({answer})");
    }
    answer == Answer::Yes
}

fn verdict(kernel: &Kernel, faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{:?}\n{}",
        kernel.release,
        faults.join("\n")
    );
}

#[test]
fn features_are_told_honestly() {
    let system = host();
    if !privileged(&system) {
        return;
    }
    let kernel = Kernel::running(&system);
    let mut faults = Vec::new();
    for feature in Feature::all() {
        let answer = system.probe(feature);
        let origin = Origin::of_feature(feature);
        println!("{:4} {:20} {answer}", origin.since, feature.name());
        faults.extend(kernel.fault(feature.name(), answer, origin));
    }
    verdict(&kernel, &faults);
}

#[test]
fn program_types_are_told_honestly() {
    let system = host();
    if !privileged(&system) {
        return;
    }
    let kernel = Kernel::running(&system);
    let mut faults = Vec::new();
    for &(name, prog_type) in &ProgType::ALL[1..] {
        let answer = system.probe_prog_type(prog_type);
        let origin = Origin::of_prog_type(prog_type).expect(name);
        println!("{:4} {name:20} {answer}", origin.since);
        faults.extend(kernel.fault(name, answer, origin));
    }
    verdict(&kernel, &faults);
}

#[test]
fn map_types_are_told_honestly() {
    let system = host();
    if !privileged(&system) {
        return;
    }
    let kernel = Kernel::running(&system);
    let mut faults = Vec::new();
    for &(name, map_type) in &MapType::ALL[1..] {
        let answer = system.probe_map_type(map_type);
        let origin = Origin::of_map_type(map_type).expect(name);
        println!("{:4} {name:20} {answer}", origin.since);
        faults.extend(kernel.fault(name, answer, origin));
    }
    verdict(&kernel, &faults);
}

/// A helper that this kernel should have, some type of program has; one that it should not have,
/// none has. Types are asked until one has it, those first that have most.
#[test]
fn helpers_are_told_honestly() {
    const FIRST: [ProgType; 4] = [
        ProgType::SCHED_CLS,
        ProgType::KPROBE,
        ProgType::SOCK_OPS,
        ProgType::CGROUP_SOCK_ADDR,
    ];
    let system = host();
    if !privileged(&system) {
        return;
    }
    let kernel = Kernel::running(&system);
    // What extensions may call is not told.
    let others = ProgType::ALL[1..].iter().map(|(_, prog_type)| *prog_type);
    let others = others.filter(|t| *t != ProgType::EXT && !FIRST.contains(t));
    let types: Vec<ProgType> = FIRST.into_iter().chain(others).collect();
    let (mut faults, mut known) = (Vec::new(), 0);
    for &(name, helper) in Helper::ALL {
        let mut answer = Answer::No;
        for prog_type in &types {
            match system.probe_helper(*prog_type, helper) {
                Answer::No => {}
                told => answer = told,
            }
            if answer == Answer::Yes {
                break;
            }
        }
        println!("{name:30} {answer}");
        known += usize::from(answer == Answer::Yes);
        let origin = Origin::of_helper(helper).expect(name);
        faults.extend(kernel.fault(name, answer, origin));
    }
    println!("{known} helpers");
    verdict(&kernel, &faults);
    assert!(known > 100, "{known} helpers");
}

/// What is certain is asked once; another system asks for itself.
#[test]
fn answers_are_kept() {
    let trace = Trace::new(host().kernel().clone());
    let system = System::new(trace.clone()).unwrap();
    if !privileged(&system) {
        return;
    }
    let ask = |system: &System| {
        let helper = (ProgType::SOCKET_FILTER, Helper::KTIME_GET_NS);
        [
            system.probe(Feature::GlobalData),
            system.probe_prog_type(ProgType::SOCKET_FILTER),
            system.probe_map_type(MapType::ARRAY),
            system.probe_helper(helper.0, helper.1),
            system.probe_helper(helper.0, Helper::SYS_BPF),
        ]
    };
    let first = ask(&system);
    let yes = Answer::Yes;
    assert_eq!(first, [yes, yes, yes, yes, Answer::No]);
    let calls = trace.count("bpf");
    assert_eq!(ask(&system.clone()), first);
    assert_eq!(trace.count("bpf"), calls);
    assert_eq!(trace.open_fds(), 0);
    assert_eq!(ask(&System::new(trace.clone()).unwrap()), first);
    assert!(trace.count("bpf") >= 2 * calls - 1, "{calls} calls");
}

/// All that is asked without a second name: features, types of programs, types of maps.
fn everything(system: &System) -> Vec<(String, Answer)> {
    let features = Feature::all().map(|f| (f.name().to_owned(), system.probe(f)));
    let programs = ProgType::ALL[1..].iter();
    let programs = programs.map(|(name, t)| ((*name).to_owned(), system.probe_prog_type(*t)));
    let maps = MapType::ALL[1..].iter();
    let maps = maps.map(|(name, t)| ((*name).to_owned(), system.probe_map_type(*t)));
    features.chain(programs).chain(maps).collect()
}

/// Who may not ask is told so, and not that the kernel cannot.
#[test]
fn without_privilege_the_answer_is_unknown() {
    let root = host();
    if !privileged(&root) {
        return;
    }
    let may = everything(&root);
    let nobody = host();
    let nobody = std::thread::spawn(move || {
        // Of this thread only: the raw call, not the C library's.
        // SAFETY: three integers.
        let left = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(left, 0, "leaves root");
        everything(&nobody)
    });
    let may_not = nobody.join().unwrap();
    let mut unknown = 0;
    for ((name, root), (_, nobody)) in may.iter().zip(&may_not) {
        match nobody {
            Answer::Unknown(_) => unknown += 1,
            answer => assert_eq!(answer, root, "{name}"),
        }
    }
    println!("{unknown} of {} not told", may.len());
    assert!(unknown > 50, "{unknown}");
}

/// The limit of locked memory is raised where the kernel counts BPF memory against it, and the
/// caller allows it; nowhere else.
#[test]
fn locked_memory_is_raised_only_where_it_counts() {
    let system = host();
    if !privileged(&system) {
        return;
    }
    let counts = system.probe(Feature::MemcgAccounting) == Answer::No;
    let (_, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap();
    setrlimit(Resource::RLIMIT_MEMLOCK, 0, hard).unwrap();
    let spec = object!("globals");
    let kept = spec.load(&system.keeping_memlock());
    let limit = || getrlimit(Resource::RLIMIT_MEMLOCK).unwrap().0;
    assert_eq!(limit(), 0);
    if counts {
        let error = kept
            .expect_err("there is no memory to be locked")
            .to_string();
        assert!(error.contains("EPERM"), "{error}");
        spec.load(&System::new(system.kernel().clone()).unwrap())
            .unwrap();
        assert_eq!(limit(), u64::MAX);
    } else {
        kept.unwrap();
        spec.load(&system).unwrap();
        assert_eq!(limit(), 0);
    }
}

/// What is measured with a map of its own finds room for it.
#[test]
fn values_of_each_cpu_are_counted_when_no_memory_is_left() {
    let system = host();
    if !privileged(&system) {
        return;
    }
    let map = common::make(&system, MapType::PERCPU_ARRAY, 4, 8);
    let fresh = System::new(system.kernel().clone()).unwrap();
    let (_, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap();
    setrlimit(Resource::RLIMIT_MEMLOCK, 0, hard).unwrap();
    let opened = fresh.map_by_id(map.id()).unwrap();
    assert_eq!(opened.values_per_key(), map.values_per_key());
}

/// Without memory to ask with, an old kernel is not taken for one that can do nothing: device maps
/// of 5.10 say `EINVAL` then.
#[test]
fn without_locked_memory_nothing_is_denied() {
    let system = host();
    if !privileged(&system) {
        return;
    }
    let counts = system.probe(Feature::MemcgAccounting) == Answer::No;
    let fresh = || System::new(system.kernel().clone()).unwrap();
    let (_, hard) = getrlimit(Resource::RLIMIT_MEMLOCK).unwrap();
    setrlimit(Resource::RLIMIT_MEMLOCK, 0, hard).unwrap();
    let limit = || getrlimit(Resource::RLIMIT_MEMLOCK).unwrap().0;
    let kept = everything(&fresh().keeping_memlock());
    assert_eq!(limit(), 0, "was to be kept");
    let raised = everything(&fresh());
    assert_eq!(limit(), if counts { u64::MAX } else { 0 });
    let mut unknown = 0;
    for ((name, kept), (_, raised)) in kept.iter().zip(&raised) {
        match kept {
            Answer::Unknown(_) if counts => unknown += 1,
            kept => assert_eq!(kept, raised, "{name}"),
        }
    }
    println!("{unknown} of {} not told without memory", kept.len());
    assert_eq!(unknown > 30, counts, "{unknown}");
}
