//! Every committed object, in the byte order of the machine that runs: each program by itself, on
//! each kernel the same but for what the kernel lacks.

mod common;

use common::{host, own_bpffs};
use skep::codec::btf::Kind;
use skep::codec::uapi::bpf::Helper;
use skep::probe::{Answer, Feature};
use skep::prog::TestRun;
use skep::{Errno, LoadOptions, MapType, ObjectSpec, ProgType, System};
use std::path::Path;

/// What the objects of this machine are called.
const SUFFIX: &str = if cfg!(target_endian = "little") {
    ".bpf.el.o"
} else {
    ".bpf.eb.o"
};

/// All committed objects by their names without suffixes.
fn objects() -> Vec<(String, ObjectSpec)> {
    // Without `..`: of the directories above, a test machine has only those with files that it needs.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let files = std::fs::read_dir(root.unwrap().join("testdata")).expect("testdata");
    let mut all = Vec::new();
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if let Some(name) = name.strip_suffix(SUFFIX) {
            let spec = ObjectSpec::open(&path).unwrap_or_else(|e| panic!("{e}"));
            all.push((name.to_owned(), spec));
        }
    }
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// What a program needs of a kernel beyond what Linux 5.10 has on every machine.
enum Need {
    Is(Feature),
    Map(MapType),
    Program(ProgType),
    Calls(ProgType, Helper),
    /// Types of this module.
    Types(&'static str),
    /// A kernel function that programs may call, which takes programs that are compiled.
    Function(&'static str),
    /// The same, if there is such a function: the program does without it otherwise.
    FunctionIfAny(&'static str),
    /// Programs that are compiled.
    Jit,
    /// A type of the kernel's.
    Typed(Kind, &'static str),
    /// An address in the kernel's list of symbols.
    Symbol(&'static str),
    /// What kernels look at when it is attached, or not before they are newer.
    Unasked,
    /// No kernel takes it: for what is in the error.
    Never(&'static str),
}
use Need::{
    Calls, Function, FunctionIfAny, Is, Jit, Map, Never, Program, Symbol, Typed, Types, Unasked,
};

impl Need {
    /// Whether this kernel has it, asked without loading the program.
    fn met(&self, system: &System) -> Answer {
        let answer = |has| if has { Answer::Yes } else { Answer::No };
        match *self {
            Is(feature) => system.probe(feature),
            Map(map_type) => system.probe_map_type(map_type),
            Program(prog_type) => system.probe_prog_type(prog_type),
            Calls(prog_type, helper) => system.probe_helper(prog_type, helper),
            Types(module) => answer(Path::new("/sys/kernel/btf").join(module).exists()),
            Function(name) => answer(compiles() && has_function(system, name)),
            FunctionIfAny(name) => answer(compiles() || !has_function(system, name)),
            Jit => answer(compiles()),
            Symbol(name) => answer(has_symbol(name)),
            Typed(kind, name) => {
                let btf = system.kernel_btf().expect("kernel BTF");
                answer(btf.find(name, Some(kind)).is_some())
            }
            Unasked => Answer::Unknown(Errno::EINVAL),
            Never(_) => Answer::No,
        }
    }
}

/// Whether the kernel compiles programs.
fn compiles() -> bool {
    let switch = std::fs::read_to_string("/proc/sys/net/core/bpf_jit_enable");
    switch.is_ok_and(|text| text.trim() != "0")
}

/// Whether the kernel or a module has a function of this name.
fn has_function(system: &System, name: &str) -> bool {
    let btf = system.kernel_btf().expect("kernel BTF");
    btf.find(name, Some(Kind::Func)).is_some() || has_symbol(name)
}

fn has_symbol(name: &str) -> bool {
    let symbols = std::fs::read_to_string("/proc/kallsyms").expect("kallsyms");
    let of_line = |line: &str| line.split_whitespace().nth(2) == Some(name);
    symbols.lines().any(of_line)
}

/// What a program needs; nothing, if it is not here.
fn needs(object: &str, program: &str) -> &'static [Need] {
    const LOOP: Need = Calls(ProgType::SCHED_CLS, Helper::LOOP);
    const FOR_EACH: Need = Calls(ProgType::SCHED_CLS, Helper::FOR_EACH_MAP_ELEM);
    const DRAIN: Need = Calls(ProgType::SOCKET_FILTER, Helper::USER_RINGBUF_DRAIN);
    // Came with the programs that take fragments.
    const FRAGMENTS: Need = Calls(ProgType::XDP, Helper::XDP_GET_BUFF_LEN);
    const JUMPS: &[Need] = &[Map(MapType::INSN_ARRAY), Is(Feature::IndirectJump)];
    const QUEUES: &[Need] = &[Typed(Kind::Var, "runqueues"), Symbol("runqueues")];
    const LSM_CGROUP: &[Need] = &[
        Is(Feature::Fentry),
        Typed(Kind::Func, "bpf_trampoline_link_cgroup_shim"),
    ];
    const RETVAL: &[Need] = &[Calls(ProgType::CGROUP_SOCK_ADDR, Helper::SET_RETVAL)];
    const VETH: &[Need] = &[Types("veth"), Is(Feature::Fentry)];
    match (object, program) {
        ("arena", "count") => &[Map(MapType::ARENA), Jit],
        ("arena", "allocate") => &[Map(MapType::ARENA), Function("bpf_arena_alloc_pages")],
        ("broken", "endless") => &[Never("call bpf_get_prandom_u32#7")],
        ("broken", "beyond") => &[Never("r6 = *(u64 *)(r0 +0)")],
        ("broken", "unchecked") => &[Never("map_value_or_null")],
        ("cglsm", _) => LSM_CGROUP,
        ("cgsock", "refuse_as" | "what_was") => RETVAL,
        ("cgunix", _) => &[Function("bpf_sock_addr_set_sun_path")],
        ("externs", "symbols") => &[Function("bpf_rcu_read_lock")],
        ("functions", "throws" | "throws_deep") => &[Function("bpf_throw")],
        ("functions", "no_callback") => &[Never("no function 'no_such_function'")],
        ("branches", "guarded") => &[Never("no_such_function_at_all")],
        ("functions", "static_callback") => &[Never("is static or hidden")],
        ("functions", "loops") | ("odd", "callback") => &[LOOP, Is(Feature::Callback)],
        ("functions", "walks") => &[FOR_EACH, Is(Feature::Callback)],
        ("held", "hold") => &[Program(ProgType::SYSCALL)],
        ("iters", "cgroups") => &[Typed(Kind::Func, "bpf_iter_cgroup")],
        ("iters", "symbols") => &[Typed(Kind::Func, "bpf_iter_ksym")],
        ("jumps", _) => JUMPS,
        ("kmod", _) => &[Types("skep_test"), Is(Feature::LinkStructOps)],
        ("ksyms", "queue") => QUEUES,
        ("ksyms", "lock") => &[FunctionIfAny("bpf_rcu_read_lock")],
        ("ksyms", "missing_symbol") => &[Never("no symbol `no_such_symbol_at_all`")],
        ("ksyms", "missing_variable") => &[Never("no variable `no_such_variable_at_all`")],
        ("ksyms", "missing_function") => &[Never("no function `no_such_function_at_all`")],
        ("ksyms", "wrong_function") => &[Never("`bpf_task_acquire`")],
        ("ksyms", "unguarded_function") => &[Never("no_such_function")],
        ("linked1", "tail") => &[],
        ("linked1" | "linked2", _) => &[Never("is another object to be linked to this one?")],
        // Bound to no device, and of older kernels none.
        ("metadata", "ask") => &[Never("metadata")],
        ("loader", "refused") => &[Never("map_value_or_null")],
        ("modules", "lookup") => &[Function("bpf_xdp_ct_lookup")],
        ("modules", "of_another_module") => &[Never("in module `nf_conntrack`")],
        ("modules", _) => VETH,
        ("netfilter", _) => &[Is(Feature::LinkNetfilter)],
        ("reuse", "moves") => &[Typed(Kind::Func, "reuseport_migrate_sock")],
        ("sampler", "tell") => &[Is(Feature::BpfCookie)],
        ("odd", "nonsense") => &[Never("means no program type")],
        ("odd", "uses_huge") => &[Never("1610612736 bytes of data")],
        ("odd", "uses_contradiction") => &[Never("4 bytes here, 8 bytes elsewhere")],
        ("ops", "bump") => &[Never("map `skep_odd`: ")],
        ("ops", _) => &[Typed(Kind::Struct, "bpf_struct_ops_tcp_congestion_ops")],
        ("poison", "missing_field") => &[Never("has no member no_such_field")],
        ("poison", "other_kind") => &[Never("is char[16], not int")],
        ("poison", "missing_struct") => &[Never("no struct no_such_struct in vmlinux")],
        ("poison", "missing_enumerator") => &[Never("no enumerator BPF_MAP_TYPE_NO_SUCH")],
        ("poison", "other_width") => &[Never("can be read at another width")],
        ("redirect", "whole") => &[FRAGMENTS],
        ("replace", "plus_ten") => &[Never("need their target program")],
        ("replace", "by_hand") => &[Never("names no target")],
        ("scx", _) => &[Typed(Kind::Struct, "bpf_struct_ops_sched_ext_ops")],
        ("sections", "own" | "unknown") => &[Never("means no program type")],
        ("sections", "gpl_only") => &[Never("GPL")],
        ("stream", "tell") => &[FunctionIfAny("bpf_stream_vprintk_impl")],
        ("testruns", "lookup") => &[Program(ProgType::SK_LOOKUP)],
        ("testruns", "call") => &[Program(ProgType::SYSCALL)],
        ("testruns", "verdict") => &[Is(Feature::LinkNetfilter)],
        ("tracing", "both") => &[Is(Feature::Fsession)],
        ("tracing", "many_entries" | "many_exits" | "many_both" | "many_of_module") => {
            &[Is(Feature::LinkTracingMulti)]
        }
        ("tracing", _) => &[Is(Feature::Fentry)],
        ("tracepoints", "sleeping_perf" | "sleeping_raw") => &[Is(Feature::SleepableTracepoint)],
        // Linux 6.1 loads it without a look.
        ("tracepoints", "sleeping_btf") => &[Unasked],
        ("userring", _) => &[Map(MapType::USER_RINGBUF), DRAIN, Is(Feature::Callback)],
        _ => &[],
    }
}

/// Programs that answer with a number, in a test run with 64 bytes of zeros.
const ANSWERS: &[(&str, &str, u32)] = &[
    ("arena", "count", 42),
    ("arena", "allocate", 0),
    ("context", "by_socket", 51),
    ("context", "by_xdp", 3),
    ("externs", "config", 1),
    ("functions", "loops", 6),
    ("functions", "throws", 48),
    ("functions", "throws_deep", 1007),
    ("functions", "walks", 0),
    ("gcc", "count", 1050),
    ("globals", "sum", 66),
    ("ksyms", "look", 1),
    ("loader", "look", 12),
    ("maps", "tail", 100),
    ("newer", "pick", 84),
    ("odd", "caller", 2),
    ("odd", "good", 57),
    ("pinned", "next", 1),
    ("reach", "by_assembly", 101),
    ("reach", "by_section", 43),
    ("replace", "target", 51),
    ("sections", "always", 1),
    ("sections", "always_too", 2),
    ("sections", "when_asked", 3),
    ("socket", "constant", 42),
    ("socket", "length", 50),
    ("stream", "tell", 2),
    ("subprogs", "alone", 5),
    ("subprogs", "first", 107),
    ("subprogs", "second", 1053),
    ("views", "jump", 7),
    ("views", "target", 42),
    ("xdp", "drop", 1),
    ("xdp", "pass", 2),
];

fn answer(object: &str, program: &str) -> Option<u32> {
    let mut rows = ANSWERS.iter();
    let (.., answer) = rows.find(|(o, p, _)| *o == object && *p == program)?;
    Some(*answer)
}

/// What is wrong with how one program loads and runs, if anything is.
fn fault(
    system: &System,
    options: &LoadOptions,
    name: &str,
    spec: &ObjectSpec,
    index: usize,
) -> Option<String> {
    let program = &spec.programs[index].name;
    let needs = needs(name, program);
    let met: Vec<Answer> = needs.iter().map(|need| need.met(system)).collect();
    let reason = needs.iter().find_map(|need| match need {
        Never(reason) => Some(*reason),
        _ => None,
    });
    let loaded = match spec.loader(system, options).load_program(index) {
        Ok(loaded) => loaded.program,
        Err(error) => {
            let error = error.to_string();
            println!("{name} {program}: {error}");
            return match reason {
                Some(reason) => (!error.contains(reason)).then_some(error),
                None => met
                    .iter()
                    .all(|answer| *answer == Answer::Yes)
                    .then_some(error),
            };
        }
    };
    if met.contains(&Answer::No) {
        return Some("it loads without what it needs".to_owned());
    }
    let expected = answer(name, program)?;
    let run = match spec.programs[index].prog_type {
        ProgType::SOCKET_FILTER | ProgType::SCHED_CLS | ProgType::XDP => TestRun {
            data: &[0; 64],
            ..TestRun::default()
        },
        _ => TestRun::default(),
    };
    let answer = match loaded.test_run(&run) {
        Ok(run) => run.return_value,
        Err(error) => return Some(error.to_string()),
    };
    println!("{name} {program}: {answer}");
    (answer != expected).then(|| format!("gives {answer}, not {expected}"))
}

#[test]
fn every_program_loads_and_answers_where_the_kernel_has_what_it_needs() {
    let system = host();
    let options = LoadOptions {
        pin_root: own_bpffs(),
        ..LoadOptions::default()
    };
    let (mut faults, mut programs, mut answers) = (Vec::new(), 0, 0);
    for (name, spec) in objects() {
        for index in 0..spec.programs.len() {
            let program = &spec.programs[index].name;
            let fault = fault(&system, &options, &name, &spec, index);
            faults.extend(fault.map(|fault| format!("{name} {program}: {fault}")));
            programs += 1;
            answers += usize::from(answer(&name, program).is_some());
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(programs > 100, "{programs}");
    assert_eq!(
        answers,
        ANSWERS.len(),
        "programs that are not there are expected to answer"
    );
}
