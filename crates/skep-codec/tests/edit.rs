//! Functions of the committed objects as text and back, and with instructions put in.
#![cfg(feature = "asm")]

mod objects;

use skep_codec::insn::assemble;
use skep_codec::object::{Code, Lowering, ObjectSpec, Target, TextLine, link, lower};
use skep_codec::{Error, ErrorKind, Result};

fn object(file: &str) -> ObjectSpec {
    let path = format!(
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/{}"),
        file
    );
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    ObjectSpec::parse(&bytes, file).unwrap()
}

/// A program linked and lowered: what the file has in place of descriptors does not count.
fn lowered(spec: &ObjectSpec, program: usize) -> Result<Code> {
    let mut code = link(spec, program)?;
    let to = Lowering {
        map_fd: &|map| Some(map as i32 + 100),
        address: &|_| skep_codec::object::Address::Missing,
    };
    lower(&mut code, &to)?;
    Ok(code)
}

#[test]
fn text_of_a_function_is_the_function() {
    let (mut functions, mut tables) = (0, 0);
    objects::each(|name, _, spec| {
        let mut again = spec.clone();
        for (index, function) in spec.functions.iter().enumerate() {
            if function.error.is_some() {
                continue;
            }
            let text = spec.function_text(function).to_string();
            let read = assemble(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
            let refs = spec.bind(&read).unwrap();
            assert_eq!(refs, function.refs, "{name}: {text}");
            // The tables lead to the old instructions: put-in ones are not in them.
            let table = |r: &skep_codec::object::Ref| matches!(r.to, Target::JumpTable(_));
            if function.refs.iter().any(table) {
                tables += 1;
                continue;
            }
            let all = 0..function.insns.len();
            let target = &mut again.functions[index];
            target.splice(all, &read.insns, &refs).unwrap();
            functions += 1;
        }
        for program in 0..spec.programs.len() {
            // Where an instruction was in the file is not told of what was put there.
            let what = |e: Error| e.what().to_owned();
            let (one, other) = (lowered(&spec, program), lowered(&again, program));
            let insns = |code: Result<Code>| code.map(|code| code.insns).map_err(what);
            assert_eq!(insns(one), insns(other), "{name}");
        }
    });
    assert!(functions > 100, "{functions}");
    assert_eq!(tables, 4, "two of `jumps` in either byte order");
}

#[test]
fn lines_and_relocations_stay_with_their_instructions() {
    for order in ["el", "eb"] {
        let spec = object(&format!("core.bpf.{order}.o"));
        let program = spec.programs.iter().position(|p| p.name == "run").unwrap();
        let before = link(&spec, program).unwrap();
        let mut edited = spec.clone();
        let nops = assemble("r0 = 0\n r0 = 1\n r0 = 2 ll").unwrap();
        let function = spec.programs[program].function;
        edited.functions[function]
            .splice(0..0, &nops.insns, &[])
            .unwrap();
        let after = link(&edited, program).unwrap();
        assert_eq!(after.insns.len(), before.insns.len() + 4);
        assert!(before.relos.len() > 20);
        let moved = |at: &usize| at + 4;
        for (old, new) in before.relos.iter().zip(&after.relos) {
            assert_eq!((moved(&old.0), old.1), *new);
        }
        // The first instruction must have a line: the first one again.
        assert_eq!(after.lines[0], before.lines[0]);
        for (old, new) in before.lines.iter().zip(&after.lines[1..]) {
            assert_eq!((moved(&old.0), old.1), *new);
        }
        assert_eq!(after.funcs[0], before.funcs[0]);
        assert_eq!(moved(&before.funcs[1].0), after.funcs[1].0);
    }
}

#[test]
fn text_has_sources_relocations_and_names() {
    let spec = object("linked1.bpf.el.o");
    let one = spec.functions.iter().find(|f| f.name == "one").unwrap();
    let lines = spec.function_text(one).lines();
    let has = |wanted: &str| lines.iter().any(|line| line.to_string().contains(wanted));
    for wanted in [
        "; __u64 *value = bpf_map_lookup_elem(&shared, &zero); @ ./testdata/linked1.bpf.c:",
        "; CO-RE: value of an enumerator enum pid_type::PIDTYPE_PGID",
        "(85) call bpf_map_lookup_elem#1",
        "(85) call scale",
        "(85) call twin",
        "(18) r1 = map[.kconfig][0]+0",
        "(18) r1 = ksym[shared]",
        "(18) r2 = map[.rodata.str1.1][0]+0 ; one.text",
    ] {
        assert!(has(wanted), "{wanted}: {:#?}", lines);
    }
    let slots = lines.iter().filter_map(|line| match line {
        TextLine::Insn { slot, .. } => Some(*slot),
        _ => None,
    });
    assert!(slots.is_sorted());
}

#[test]
fn names_that_an_object_lacks() {
    let spec = object("subprogs.bpf.el.o");
    let bind = |text: &str| spec.bind(&assemble(text).unwrap());
    let kind = |text: &str| bind(text).unwrap_err().kind();
    assert_eq!(kind("r1 = map[nothing]"), ErrorKind::NotFound);
    assert_eq!(kind("call nothing"), ErrorKind::NotFound);
    assert_eq!(kind("r1 = subprog[nothing]"), ErrorKind::NotFound);
    assert_eq!(kind("r1 = ksym[nothing]"), ErrorKind::NotFound);
    let refs = bind("r1 = map[calls]\n call plus_three\n r2 = map[.data][0]+0").unwrap();
    assert_eq!(refs.iter().map(|r| r.insn).collect::<Vec<_>>(), [0, 2, 3]);
    assert!(matches!(refs[1].to, Target::Call(_)));
}

#[test]
fn jump_tables_lead_to_labels() {
    for order in ["el", "eb"] {
        let spec = object(&format!("jumps.bpf.{order}.o"));
        let function = spec.functions.iter().find(|f| f.name == "pick").unwrap();
        let lines = spec.function_text(function).lines();
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let load = text
            .iter()
            .find(|line| line.contains("jumptable["))
            .unwrap();
        let (head, rest) = load.split_once("jumptable[").unwrap();
        let (number, rest) = rest.split_once(']').unwrap();
        assert!(head.ends_with(": (18) r2 = "), "{load}");
        assert_eq!(rest, " ; 16 entries");
        let table = &spec.jump_tables[number.parse::<usize>().unwrap()];
        let mut seen = 0;
        for pair in lines.windows(2) {
            let TextLine::Label { name, entries } = &pair[0] else {
                continue;
            };
            let slot: u64 = name.strip_prefix(".L").unwrap().parse().unwrap();
            let entry = entries
                .strip_prefix(&format!("jumptable[{number}] "))
                .unwrap();
            assert_eq!(
                table.offsets[entry.parse::<usize>().unwrap()],
                function.offset + slot * 8
            );
            // Between them stands the source line at most.
            let next = lines.iter().filter_map(|line| match line {
                TextLine::Insn { slot, .. } => Some(*slot as u64),
                _ => None,
            });
            assert!(next.into_iter().any(|at| at == slot));
            seen += 1;
        }
        assert_eq!(seen, 16);
    }
    let spec = object("jumps.bpf.el.o");
    let bind = |text: &str| {
        spec.bind(&assemble(text).unwrap())
            .map_err(|e| e.to_string())
    };
    assert_eq!(
        bind("r1 = jumptable[1]").unwrap()[0].to,
        Target::JumpTable(1)
    );
    assert_eq!(bind("r1 = jumptable[2]").unwrap_err(), "no jump table 2");
}
