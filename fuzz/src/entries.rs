//! One function for each parser: takes any bytes, must neither panic nor run long.
//!
//! The coverage-guided targets and `crates/skep-codec/tests/mutate.rs` both call these, so that
//! what the one finds the other keeps.

use super::seeds;
use skep_codec::btf::{Btf, BtfExt, Kind, Kinds, Type, TypeId, Wanted};
#[cfg(feature = "btf-edit")]
use skep_codec::btf::{BtfBuilder, CoreRelo};
use skep_codec::btf::{BtfFeatures, SectionLayout, for_upload, with_named_contexts};
use skep_codec::bytes::Endian;
#[cfg(feature = "btf-edit")]
use skep_codec::core_reloc::Minimal;
use skep_codec::core_reloc::{Resolution, Resolver, patch};
use skep_codec::elf::{Elf, Image, find_in_archive, find_section, in_memory};
use skep_codec::inflate::{gunzip, is_gzip};
use skep_codec::insn::{self, Insn};
use skep_codec::object::{Address, Code, Kconfig, Lowering, ObjectSpec};
use skep_codec::object::{downgrade_probe_read, link, lower, lower_jump_tables};
use skep_codec::uapi::bpf::ProgType;
#[cfg(feature = "btf-edit")]
use std::sync::Arc;

/// A parser under test: any bytes will do.
pub type Entry = fn(&[u8]);

/// What a target begins with, made of a committed object.
pub type Seed = fn(&[u8]) -> Vec<u8>;

/// The targets by name.
pub const TARGETS: &[(&str, Entry, Seed)] = &[
    ("archive", archive, seeds::archive),
    #[cfg(feature = "asm")]
    ("asm", asm, seeds::asm),
    ("btf", btf, seeds::btf),
    ("btf_ext", btf_ext, seeds::btf_ext),
    #[cfg(feature = "btf-edit")]
    ("btf_merge", btf_merge, seeds::btf_merge),
    ("core", core, seeds::core),
    ("elf", elf, seeds::whole),
    ("kconfig", kconfig, seeds::kconfig),
    #[cfg(feature = "linker")]
    ("linker", linker, seeds::linker),
    #[cfg(feature = "loader-program")]
    ("loader", loader, seeds::loader),
    #[cfg(feature = "log")]
    ("log", log, seeds::log),
    ("netlink", netlink, seeds::netlink),
    ("object", object, seeds::whole),
    ("perf", perf, seeds::perf),
    #[cfg(feature = "skeleton")]
    ("skeleton", skeleton, seeds::whole),
    #[cfg(feature = "usdt")]
    ("usdt", usdt, seeds::usdt),
    #[cfg(feature = "values")]
    ("value", value, seeds::value),
    #[cfg(feature = "xz")]
    ("xz", xz, seeds::xz),
];

/// Lines of a kernel's configuration, packed or not, for the variables of a committed object.
pub fn kconfig(data: &[u8]) {
    const OBJECT: &[u8] = include_bytes!("../../testdata/kconfig.bpf.el.o");
    let text = match is_gzip(data) {
        true => gunzip(data, 1 << 20).unwrap_or_default(),
        false => data.to_vec(),
    };
    let spec = ObjectSpec::parse(OBJECT, "kconfig.bpf.o").expect("a committed object");
    let map = spec.map_index(".kconfig").expect("its map");
    let mut values = spec.maps[map].data.clone().expect("its values");
    let mut kconfig = Kconfig::new(&spec, map, &mut values);
    let _ = kconfig.read(&text);
    let _ = kconfig.unset().count();
    assert_eq!(values.to_vec().len(), values.size as usize);
}

/// A zip archive, and a library in it that tells where its symbols are.
pub fn archive(data: &[u8]) {
    let found = find_in_archive("lib/x.so", data.len() as u64, &mut in_memory(data));
    let Ok((begin, len)) = found else {
        return;
    };
    assert!(begin % 4096 == 0 && len <= u64::from(u32::MAX));
    let end = begin.saturating_add(len).min(data.len() as u64);
    let member = data.get(begin as usize..end as usize).unwrap_or_default();
    let part = &mut in_memory(member);
    if let Ok(image) = Image::open(part) {
        let id = image.build_id(part).ok().flatten();
        assert!(id.is_none_or(|id| id.len() < member.len()));
        if let Ok(Some(link)) = image.debug_link(part) {
            assert!(!link.name.is_empty() && !link.name.contains('/'));
        }
    }
}

/// An xz file.
#[cfg(feature = "xz")]
pub fn xz(data: &[u8]) {
    const MOST: usize = 1 << 20;
    if let Ok(bytes) = skep_codec::xz::unxz(data, MOST) {
        assert!(bytes.len() <= MOST);
    }
}

/// A loader program that was kept: what is read is what is written, and its steps have words.
#[cfg(feature = "loader-program")]
pub fn loader(data: &[u8]) {
    use skep_codec::loader_program::{LoaderProgram, Step};
    let Ok(loader) = LoaderProgram::from_bytes(data) else {
        return;
    };
    assert_eq!(
        LoaderProgram::from_bytes(&loader.to_bytes()),
        Ok(loader.clone())
    );
    assert!(loader.btf_bytes().len() <= data.len());
    for kind in 0..12_u32 {
        let _ = loader.describe(Step::from_raw(kind << 16 | 1));
    }
}

/// A log record of a program, in either byte order.
#[cfg(feature = "log")]
pub fn log(data: &[u8]) {
    for endian in [Endian::Little, Endian::Big] {
        if let Ok(entry) = skep_codec::log::decode(data, endian) {
            assert!(entry.args.len() <= data.len() / 8);
            assert!(entry.to_string().len() <= 20 * data.len());
        }
    }
}

/// Notes of statically defined probes, in every form; each one's arguments on every machine.
#[cfg(feature = "usdt")]
pub fn usdt(data: &[u8]) {
    use skep_codec::usdt::{MAX_ARGS, args, parse, spec};
    for endian in [Endian::Little, Endian::Big] {
        for is_64 in [true, false] {
            let notes = parse(data, endian, is_64, Some(0x1000)).unwrap_or_default();
            assert!(notes.len() <= data.len() / 12);
            for note in notes.iter().take(TYPES) {
                for machine in [62, 183, 22, 243, 0] {
                    let args = args(&note.args, machine).unwrap_or_default();
                    assert!(args.len() <= MAX_ARGS);
                    let _ = spec(&args, 0, endian);
                }
            }
        }
    }
}

/// A datagram of netlink: each message as all that it may be.
pub fn netlink(data: &[u8]) {
    use skep_codec::netlink::{Answer, Attrs, Messages, action, genl, link, route, tc};
    let mut read = 0;
    for message in Messages::new(data).map_while(Result::ok) {
        read += 16 + message.payload.len();
        if let Ok(Answer::End(ack)) = message.answer() {
            assert!(ack.to_string().len() <= 4 * data.len() + 100);
        }
        let _ = link::Interface::read(&message);
        let _ = tc::Qdisc::read(&message);
        let _ = tc::Filter::read(&message);
        let _ = action::Action::read(&message);
        let _ = route::Route::read(&message);
        let _ = genl::family_id(&message);
        let _ = genl::DeviceFeatures::read(&message);
        let attrs = Attrs::new(message.payload).map_while(Result::ok);
        assert!(attrs.count() <= message.payload.len() / 4);
    }
    assert!(read <= data.len());
}

/// Records of a perf buffer, one after the other, in either byte order.
pub fn perf(data: &[u8]) {
    for endian in [Endian::Little, Endian::Big] {
        let mut rest = data;
        while let Ok((record, len)) = skep_codec::perf::decode(rest, endian) {
            assert!(len >= 8 && format!("{record:?}").len() > 3);
            rest = &rest[len..];
        }
    }
}

/// How many types one input may have looked at one by one.
const TYPES: usize = 2048;

/// A type section by itself: every accessor of every type.
pub fn btf(data: &[u8]) {
    let Ok(btf) = Btf::from_bytes(data) else {
        return;
    };
    for ty in btf.iter().take(TYPES) {
        one_type(&btf, &ty);
    }
    let names = ["task_struct", "event", ""];
    for name in names {
        let _ = btf.find(name, None);
        let _ = btf.find(name, Some(Kind::Struct));
    }
    for path in ["event.pid", "task_struct.comm[1]", "x[", "."] {
        let _ = btf.field(path);
    }
    let everything = names.map(|name| (name, Kinds::ALL));
    let _ = btf.find_many(&Wanted::new(everything));
    let _ = btf.find_many(&Wanted::essential(everything));
    upload(&btf);
    #[cfg(feature = "dump-c")]
    let _ = skep_codec::btf::dump_c_header(&btf, &[], "H");
    #[cfg(feature = "dump-rust")]
    let _ = skep_codec::btf::dump_rust(&btf, &[]);
}

/// What goes to the kernel is BTF again, with no type less.
fn upload(btf: &Btf) {
    let layouts = [".bss", ".data", ".kconfig", ".ksyms"].map(|name| SectionLayout {
        name: name.into(),
        size: 64,
        variables: [("hits".into(), 8)].into_iter().collect(),
        ..SectionLayout::default()
    });
    for features in [BtfFeatures::ALL, BtfFeatures::default()] {
        if let Ok(bytes) = for_upload(btf, &layouts, &["twice"], &features) {
            let again = Btf::from_bytes(&bytes).expect("what was written is read");
            assert!(again.id_end() >= btf.id_end());
        }
    }
}

fn one_type(btf: &Btf, ty: &Type<'_>) {
    let _ = (ty.name(), ty.size(), ty.target(), ty.is_signed_enum());
    let _ = (ty.array(), ty.int(), ty.linkage(), ty.component());
    let _ = (ty.tail().len(), format!("{ty:?}").len());
    let _ = ty.members().take(TYPES).filter(|m| m.is_ok()).count();
    let _ = ty.enumerators().take(TYPES).filter(|e| e.is_ok()).count();
    let _ = ty.params().take(TYPES).filter(|p| p.is_ok()).count();
    let _ = ty.variables().take(TYPES).filter(|v| v.is_ok()).count();
    let _ = (btf.size_of(ty.id()), btf.peel(ty.id()).is_ok());
    #[cfg(feature = "values")]
    values(btf, ty.id());
}

/// A type section, the text of a value and a path in it, as `seeds::join` puts them together: through every type.
#[cfg(feature = "values")]
pub fn value(data: &[u8]) {
    let [types, text, path] = split(data);
    let Ok(btf) = Btf::from_bytes(types) else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let path = String::from_utf8_lossy(path);
    let mut bytes = [0x5a_u8; 512];
    for ty in btf.iter().take(TYPES) {
        let _ = btf.assign(ty.id(), &path, &text, &mut bytes);
        if btf.encode(ty.id(), &text, &mut bytes).is_err() {
            continue;
        }
        // What is taken can be printed and read again; names may be such that it is refused.
        if let Ok(value) = btf.decode(ty.id(), &bytes) {
            let _ = btf.encode(ty.id(), &value.to_string(), &mut bytes);
        }
    }
}

/// Texts that values are set by.
#[cfg(feature = "values")]
const TEXTS: [&str; 8] = [
    "1",
    "-129",
    "0xffffffffffffffff",
    "true",
    "'a'",
    "\"ab\\n",
    "MODE_ON",
    "{",
];

/// Bytes to values of this type, and text to bytes.
#[cfg(feature = "values")]
fn values(btf: &Btf, id: TypeId) {
    let mut bytes = [0x81_u8; 96];
    for len in [0, 1, 4, 96] {
        if let Ok(value) = btf.decode(id, &bytes[..len]) {
            let _ = (format!("{value}").len(), format!("{value:?}").len());
        }
    }
    for text in TEXTS {
        let _ = btf.encode(id, text, &mut bytes);
        let _ = btf.encode(id, text, &mut bytes[..4]);
    }
}

/// A type section and a `.BTF.ext`, as `seeds::join` puts them together.
pub fn btf_ext(data: &[u8]) {
    let [types, ext, _] = split(data);
    let Ok(btf) = Btf::from_bytes(types) else {
        return;
    };
    let Ok(ext) = BtfExt::parse(ext, &btf) else {
        return;
    };
    for line in ext.line_info.values().flatten() {
        let _ = (line.line(), line.column());
        let _ = (btf.string(line.file_name_off), btf.string(line.line_off));
    }
    for relo in ext.all_core_relos() {
        let _ = (btf.ty(relo.type_id).is_ok(), btf.string(relo.access_off));
    }
    let _ = btf.ty(TypeId(u32::MAX)).is_ok();
}

/// Three sets of types, the second on the first: put together, told apart, put into another order.
#[cfg(feature = "btf-edit")]
pub fn btf_merge(data: &[u8]) {
    let [base, split, other] = split(data);
    let (Ok(base), Ok(other)) = (Btf::from_bytes(base), Btf::from_bytes(other)) else {
        return;
    };
    let mut merged = BtfBuilder::from_btf(&base).expect("types as words");
    if merged.append(&other).is_ok() {
        rewritten(&mut merged);
    }
    let base = Arc::new(base);
    if let Ok(btf) = Btf::parse(Arc::new(split.to_vec()), Some(base.clone())) {
        if let Ok(distilled) = btf.distill_base() {
            assert_eq!(
                distilled.iter().last().map(|ty| ty.kind()),
                btf.iter().last().map(|ty| ty.kind())
            );
            let _ = distilled.relocate(base.clone());
        }
        let _ = btf.relocate(base);
        let mut copy = BtfBuilder::from_btf(&btf).expect("types as words");
        let _ = copy.append(&other);
        rewritten(&mut copy);
    }
}

/// What is written is read, and every type is where the map says.
#[cfg(feature = "btf-edit")]
fn rewritten(builder: &mut BtfBuilder) {
    let Ok(before) = builder.to_btf(Endian::Big) else {
        return;
    };
    let first = before.id_end().saturating_sub(before.iter().count() as u32);
    let ids: Vec<TypeId> = (first..before.id_end()).rev().map(TypeId).collect();
    if let Ok(map) = builder.permute(&ids) {
        let after = builder
            .to_btf(Endian::Little)
            .expect("what was written is read");
        for ty in before.iter() {
            let moved = after.ty(map.get(ty.id())).expect("a type that was moved");
            assert_eq!(
                (ty.kind(), ty.name().ok()),
                (moved.kind(), moved.name().ok())
            );
        }
    }
    let before = builder
        .to_btf(Endian::Big)
        .expect("what was written is read");
    if let Ok(map) = builder.dedup() {
        let after = builder
            .to_btf(Endian::Little)
            .expect("what was written is read");
        for ty in before.iter() {
            let kept = after.ty(map.get(ty.id())).expect("a type that was kept");
            assert_eq!(ty.name().ok(), kept.name().ok());
        }
    }
}

/// Instructions that relocations are for: ALU, load, two kinds of store, wide immediate, jump.
const PATCHED: [(u8, i32); 6] = [
    (0xb7, 0),
    (0x61, 0),
    (0x7b, 0),
    (0x72, 0),
    (Insn::LD_IMM64, 0),
    (0x15, 0),
];

/// How many relocations of one input are resolved.
const RELOS: usize = 512;

/// Types and `.BTF.ext` of an object, and a kernel's types: every relocation resolved and applied.
pub fn core(data: &[u8]) {
    let [local, ext, target] = split(data);
    let (Ok(local), Ok(target)) = (Btf::from_bytes(local), Btf::from_bytes(target)) else {
        return;
    };
    let Ok(ext) = BtfExt::parse(ext, &local) else {
        return;
    };
    let relos: Vec<_> = ext.all_core_relos().take(RELOS).collect();
    let mut resolver = Resolver::new(&local, relos.iter().copied());
    let _ = resolver.needs_target();
    resolver.add_target("vmlinux", &target);
    if resolver.wants_more() {
        resolver.add_targets([("one module", &target), ("another", &target)]);
    }
    #[cfg(feature = "btf-edit")]
    minimal(&local, &target, &relos);
    for relo in relos {
        let _ = resolver.describe(relo);
        if let Ok(resolution) = resolver.resolve(relo) {
            apply(&resolution);
        }
    }
}

/// The types that relocations look at are no more than there are.
#[cfg(feature = "btf-edit")]
fn minimal(local: &Btf, target: &Btf, relos: &[&CoreRelo]) {
    let mut minimal = Minimal::new(target);
    let added = minimal.add(local, relos.iter().copied());
    if let Ok(part) = added.and_then(|()| minimal.build()) {
        let part = part.to_btf(Endian::Big).expect("what was written is read");
        assert!(part.id_end() <= target.id_end());
    }
}

fn apply(resolution: &Resolution) {
    let _ = format!("{resolution:?}");
    for (code, imm) in PATCHED {
        let insn = Insn {
            code,
            dst: 1,
            src: 2,
            off: 8,
            imm,
        };
        let mut insns = [insn; 2];
        for index in 0..3 {
            let _ = patch(&mut insns, index, resolution);
        }
    }
}

/// The file format alone: sections, symbols, relocations, their contents.
pub fn elf(data: &[u8]) {
    let part = &mut in_memory(data);
    let _ = find_section(".BTF", part);
    if let Ok(image) = Image::open(part) {
        for name in ["main", "f@V"] {
            let found = image.function(name, part);
            let _ = found.map(|address| image.file_offset(address));
        }
    }
    let mut warnings = Vec::new();
    let Ok(elf) = Elf::parse(data, &mut warnings) else {
        return;
    };
    let _ = format!("{warnings:?}").len();
    for (index, section) in elf.sections.iter().enumerate().take(TYPES) {
        let _ = (section.is_code(), section.bytes().map(<[u8]>::len));
        let _ = elf.symbols_in(index).len();
        if section.is_code() {
            let code = section.bytes().unwrap_or_default();
            if let Ok(insns) = insn::decode(code, elf.endian) {
                assert_eq!(insn::encode(&insns, elf.endian), code);
            }
        }
    }
    let _ = elf.section(".BTF").is_some();
}

/// Two objects linked into one, which is read like any other and links to itself.
#[cfg(feature = "linker")]
pub fn linker(data: &[u8]) {
    let [first, second, _] = split(data);
    let input = |name, bytes| skep_codec::linker::Input { name, bytes };
    let both = [input("first.o", first), input("second.o", second)];
    let files = if second.is_empty() {
        &both[..1]
    } else {
        &both[..]
    };
    match skep_codec::linker::link(files) {
        Ok(whole) => {
            ObjectSpec::parse(&whole, "whole.bpf.o").expect("what was linked is read");
            skep_codec::linker::link(&[input("whole.o", &whole)]).expect("and linked");
        }
        Err(error) => assert!(!error.what().is_empty()),
    }
}

/// An object as Rust, whole and as a part of another.
#[cfg(feature = "skeleton")]
pub fn skeleton(data: &[u8]) {
    for partial in [false, true] {
        let wanted = skep_codec::skeleton::Skeleton {
            partial,
            ..Default::default()
        };
        match wanted.to_rust(data, "fuzz.bpf.o") {
            Ok(text) => assert!(text.is_ascii() && text.ends_with('\n')),
            Err(error) => assert!(!error.what().is_empty()),
        }
    }
}

/// How much of an input is taken for text or instructions.
#[cfg(feature = "asm")]
const TEXT: usize = 1 << 16;

/// Text to instructions; and the same bytes as instructions, to text and back.
#[cfg(feature = "asm")]
pub fn asm(data: &[u8]) {
    let data = &data[..data.len().min(TEXT)];
    let text = String::from_utf8_lossy(data);
    match insn::assemble(&text) {
        Ok(program) => there_and_back(&program.insns),
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.what.is_empty()),
    }
    let whole = &data[..data.len() - data.len() % insn::INSN_SIZE];
    for endian in [Endian::Little, Endian::Big] {
        let insns = insn::decode(whole, endian).expect("whole instructions");
        there_and_back(&insns);
    }
}

#[cfg(feature = "asm")]
fn there_and_back(insns: &[Insn]) {
    let text = insn::listing(insns).to_string();
    let again = insn::assemble(&text).expect("what was written is read");
    assert_eq!(again.insns, insns);
}

/// How many programs and variables of one object are looked at.
const ITEMS: usize = 64;

/// A variable further into its section than this is not written: the section would be stored.
const NEAR: u32 = 1 << 20;

/// A whole object: read, edited, every program linked, relocated and lowered.
pub fn object(data: &[u8]) {
    let Ok(mut spec) = ObjectSpec::parse(data, "fuzz.bpf.o") else {
        return;
    };
    let _ = (spec.wants_kernel_btf(), spec.static_functions().count());
    let variables = spec
        .variables
        .iter()
        .filter(|v| v.offset < NEAR && v.size < NEAR);
    let names: Vec<String> = variables.map(|v| v.name.clone()).take(ITEMS).collect();
    for name in names {
        if let Ok(mut variable) = spec.variable(&name) {
            let _ = (variable.bytes(), variable.set(1), variable.set_bytes(&[]));
        }
    }
    if let Some(btf) = &spec.btf {
        let statics: Vec<&str> = spec.static_functions().collect();
        let _ = for_upload(btf, &spec.layouts, &statics, &BtfFeatures::ALL);
        let types = [
            ProgType::SOCKET_FILTER,
            ProgType::KPROBE,
            ProgType::PERF_EVENT,
        ];
        if let Ok((named, replaced)) = with_named_contexts(btf, &spec.context_args, &types) {
            assert!(replaced.values().all(|func| named.ty(*func).is_ok()));
        }
    }
    for program in 0..spec.programs.len().min(ITEMS) {
        if let Ok(code) = link(&spec, program) {
            one_program(&spec, program, code);
        }
    }
    #[cfg(feature = "loader-program")]
    if let Ok(made) = skep_codec::loader_program::LoaderProgram::new(&spec, &Default::default()) {
        loader(&made.to_bytes());
    }
    #[cfg(feature = "prune")]
    pruned(&spec);
}

/// What does not run is forgotten once, and less is linked then.
#[cfg(feature = "prune")]
fn pruned(spec: &ObjectSpec) {
    let mut pruned = spec.clone();
    let refs = |spec: &ObjectSpec| spec.functions.iter().map(|f| f.refs.len()).sum::<usize>();
    let forgotten = pruned.prune(&|map| map % 5 != 4);
    assert_eq!(refs(&pruned) + forgotten, refs(spec));
    assert_eq!(pruned.prune(&|map| map % 5 != 4), 0);
    for program in 0..spec.programs.len().min(ITEMS) {
        if let (Ok(before), Ok(after)) = (link(spec, program), link(&pruned, program)) {
            assert!(after.insns.len() <= before.insns.len());
            assert!(after.maps.iter().all(|map| before.maps.contains(map)));
        }
    }
}

fn one_program(spec: &ObjectSpec, program: usize, mut code: Code) {
    assert_eq!(
        link(spec, program).as_ref(),
        Ok(&code),
        "linking is a function"
    );
    let slots = code.insns.len();
    assert!(code.refs.iter().all(|r| r.insn < slots));
    assert!(code.funcs.iter().all(|f| f.0 < slots));
    assert!(code.lines.iter().all(|l| l.0 < slots));
    assert!(code.maps.iter().all(|map| *map < spec.maps.len()));
    if let Some(btf) = &spec.btf {
        let mut resolver = Resolver::new(btf, code.relos.iter().map(|(_, relo)| relo));
        resolver.add_target("vmlinux", btf);
        for (insn, relo) in code.relos.iter().take(RELOS) {
            if let Ok(resolution) = resolver.resolve(relo) {
                let _ = patch(&mut code.insns, *insn, &resolution);
            }
        }
    }
    let to = Lowering {
        map_fd: &|map| (map % 3 != 2).then_some(map as i32),
        address: &|index| match index % 3 {
            0 => Address::Missing,
            1 => Address::Value(u64::MAX),
            _ => Address::Kfunc {
                id: 1,
                fd_index: 1,
                btf_fd: 3,
            },
        },
    };
    let _ = lower(&mut code, &to);
    let _ = lower_jump_tables(&mut code, &|table| i32::try_from(table).ok());
    downgrade_probe_read(&mut code.insns);
    assert_eq!(code.insns.len(), slots);
    assert_eq!(
        insn::encode(&code.insns, spec.endian).len(),
        slots * insn::INSN_SIZE
    );
}

/// The three inputs that `seeds::join` has put together.
fn split(data: &[u8]) -> [&[u8]; 3] {
    let Some((head, rest)) = data.split_at_checked(8) else {
        return [data, &[], &[]];
    };
    let length = |at: usize| {
        let word = head[at..at + 4].try_into().unwrap_or_default();
        (u32::from_le_bytes(word) as usize).min(rest.len())
    };
    let (first, rest) = rest.split_at(length(0));
    let (second, third) = rest.split_at(length(4).min(rest.len()));
    [first, second, third]
}
