//! Loaded programs read back: instructions, functions, source lines.

mod common;

use common::{host, load, object};
use skep::codec::insn::{Insn, assemble, pseudo};
use skep::codec::object::TextLine;
use skep::prog::{TestRun, Xlated};
use skep::{Object, Program};

const SOURCE: &str = include_str!("../../../testdata/subprogs.bpf.c");

fn subprogs() -> Object {
    load(&host(), &object!("subprogs"))
}

/// The slot that a call or a callback's address leads to.
fn target(slot: usize, insn: Insn) -> usize {
    slot.checked_add_signed(insn.imm as isize + 1).unwrap()
}

fn names(xlated: &Xlated) -> Vec<&str> {
    xlated.functions.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn every_source_line_is_the_files() {
    let object = subprogs();
    for name in ["first", "second", "alone"] {
        let program = object.program(name).unwrap();
        let xlated = program.xlated().unwrap();
        let info = program.info().unwrap();
        assert_eq!(xlated.insns.len() * 8, info.xlated_prog_len as usize);
        assert_eq!(xlated.lines.len(), info.nr_line_info as usize);
        assert_eq!(xlated.functions.len(), info.nr_func_info as usize);
        for line in &xlated.lines {
            let source = &line.source;
            let written = SOURCE.lines().nth(source.line as usize - 1).unwrap();
            assert_eq!(source.text, written.trim());
            assert!(source.file.ends_with("subprogs.bpf.c"), "{source}");
            assert!(line.slot < xlated.insns.len());
        }
        // Every instruction is of a line of its own function.
        for (number, function) in xlated.functions.iter().enumerate() {
            let first = xlated.line_at(function.slot).unwrap();
            assert_eq!(first.slot, function.slot, "{}", function.name);
            let end = xlated.functions.get(number + 1);
            let end = end.map_or(xlated.insns.len(), |next| next.slot);
            let last = xlated.line_at(end - 1).unwrap();
            assert!(last.slot >= function.slot && last.slot < end);
            assert_eq!(xlated.insns[end - 1].code, Insn::EXIT);
        }
    }
}

#[test]
fn functions_are_named_and_calls_lead_to_them() {
    let object = subprogs();
    let xlated = object.program("first").unwrap().xlated().unwrap();
    assert_eq!(
        names(&xlated),
        ["first", "twice", "plus_three", "note_call"]
    );
    let calls = xlated.insns.iter().enumerate();
    let calls = calls.filter(|(_, insn)| insn.is_pseudo_call());
    let called: Vec<&str> = calls
        .map(|(slot, &insn)| {
            let to = target(slot, insn);
            let function = xlated.functions.iter().find(|f| f.slot == to);
            function.expect("a function begins there").name.as_str()
        })
        .collect();
    assert_eq!(called, ["twice", "plus_three", "note_call"]);
    let line = |slot| &xlated.line_at(slot).unwrap().source.text;
    assert_eq!(line(0), "return twice(skb->len) + 1;");
    let alone = object.program("alone").unwrap().xlated().unwrap();
    assert_eq!(names(&alone), ["alone"]);
    assert_eq!(alone.line_at(0).unwrap().source.text, "return 5;");
}

#[test]
fn machine_code_leads_to_its_source_line() {
    let object = subprogs();
    let xlated = object.program("second").unwrap().xlated().unwrap();
    if xlated.functions[0].address.is_none() {
        common::skip!("this kernel compiles no programs, or does not show where");
    }
    for function in &xlated.functions {
        let start = function.address.unwrap();
        assert!(function.jited_bytes > 0);
        assert_eq!(xlated.function_of(start), Some(function));
        let last = start + u64::from(function.jited_bytes) - 1;
        assert_eq!(xlated.function_of(last), Some(function));
    }
    for line in &xlated.lines {
        let address = line.address.expect("machine code");
        let function = xlated.function_of(address).expect("in a function");
        assert!(function.slot <= line.slot);
        assert_eq!(xlated.line_of(address).unwrap().address, Some(address));
    }
    assert_eq!(
        (xlated.line_of(0), xlated.function_of(u64::MAX)),
        (None, None)
    );
}

fn text(program: &Program, function: &str) -> Vec<String> {
    let listed = program.listing().unwrap();
    let function = listed.iter().find(|f| f.name == function).expect("listed");
    function.lines.iter().map(TextLine::to_string).collect()
}

#[test]
fn text_names_what_is_referred_to() {
    let object = subprogs();
    let program = object.program("first").unwrap();
    let id = object.map("calls").unwrap().id();
    let has = |lines: &[String], what: &str| lines.iter().any(|line| line.contains(what));
    let first = text(program, "first");
    assert!(
        has(&first, "; return twice(skb->len) + 1; @ "),
        "{first:#?}"
    );
    assert!(has(&first, ") call twice"), "{first:#?}");
    let twice = text(program, "twice");
    assert!(has(&twice, ") call plus_three"), "{twice:#?}");
    let note = text(program, "note_call");
    assert!(has(&note, &format!(" = map[calls] ; id {id}")), "{note:#?}");
    // What is printed is all there is: read again, it is the same instructions.
    let xlated = object.program("alone").unwrap().xlated().unwrap();
    let lines = text(object.program("alone").unwrap(), "alone").join("\n");
    assert_eq!(assemble(&lines).unwrap().insns, xlated.insns);
}

#[test]
fn kernel_functions_are_named() {
    let kallsyms = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let base = kallsyms.lines().find(|l| l.ends_with(" T __bpf_call_base"));
    if base.is_none_or(|line| line.starts_with("0000000000000000")) {
        common::skip!("addresses of kernel symbols are not shown");
    }
    let object = load(&host(), &object!("rawtp"));
    let program = &object.programs()[0];
    let lines = text(program, "count");
    let calls = lines.iter().filter_map(|line| line.split(") call ").nth(1));
    let calls: Vec<&str> = calls.collect();
    // Some kernels write instructions in place of the first and the third.
    for name in ["bpf_ringbuf_reserve", "bpf_ringbuf_submit"] {
        assert!(calls.contains(&name), "{calls:?}");
    }
}

#[test]
fn runs_are_counted_while_statistics_are_on() {
    let object = subprogs();
    let program = object.program("alone").unwrap();
    let run = TestRun {
        data: &[0; 64],
        repeat: 50,
        ..TestRun::default()
    };
    program.test_run(&run).unwrap();
    // Others may have statistics on, too.
    let before = program.info().unwrap().run_cnt;
    let on = host().enable_stats().unwrap();
    program.test_run(&run).unwrap();
    drop(on);
    let counted = program.info().unwrap();
    if counted.run_cnt == before {
        common::skip!("this kernel does not count test runs");
    }
    assert_eq!(counted.run_cnt - before, 50);
    assert!(counted.run_time_ns > 0);
}

#[test]
fn addresses_of_callbacks_lead_to_functions() {
    let mut spec = object!("functions");
    spec.programs.retain(|program| program.name == "loops");
    spec.programs[0].autoload = true;
    let object = match spec.load(&host()) {
        Ok(object) => object,
        Err(error) => common::skip!("no callbacks: {error}"),
    };
    let program = object.program("loops").unwrap();
    let xlated = program.xlated().unwrap();
    let (slot, address) = xlated
        .insns
        .iter()
        .enumerate()
        .find(|(_, insn)| insn.is_wide() && insn.src == pseudo::FUNC)
        .expect("a callback's address");
    let to = target(slot, *address);
    let function = xlated.functions.iter().find(|f| f.slot == to);
    assert_eq!(function.expect("it begins there").name, "add");
    let lines = text(program, "loops");
    let named = lines.iter().any(|line| line.ends_with(" = subprog[add]"));
    assert!(named, "{lines:#?}");
}
