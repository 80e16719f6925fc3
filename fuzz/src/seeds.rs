//! What the targets begin with: committed objects, and inputs that are made of them.

#[cfg(feature = "values")]
use skep_codec::btf::Btf;
#[cfg(feature = "asm")]
use skep_codec::insn;
use skep_codec::object::ObjectSpec;
use std::path::Path;

/// The committed objects, by file name.
pub fn objects() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.ancestors().find(|dir| dir.join("testdata").exists());
    let root = root.expect("testdata above the manifest");
    let mut found = Vec::new();
    for dir in ["testdata", "crates/skep-cli/demo"] {
        for entry in std::fs::read_dir(root.join(dir)).expect(dir) {
            let path = entry.expect(dir).path();
            if path.extension().is_some_and(|ext| ext == "o") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                found.push((name.into_owned(), std::fs::read(&path).expect("an object")));
            }
        }
    }
    found.sort();
    found
}

/// The object as it is.
pub fn whole(object: &[u8]) -> Vec<u8> {
    object.to_vec()
}

/// Its types.
pub fn btf(object: &[u8]) -> Vec<u8> {
    types(object).to_vec()
}

/// A stored library with a build id and a link to its symbols, in an archive; numbers from the object.
pub fn archive(object: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"lib/x.so";
    let library = stripped(object.get(24..44).unwrap_or_default());
    let len = (library.len() as u32).to_le_bytes();
    let mut common = vec![0; 14];
    common.extend([len, len].concat());
    common.extend([NAME.len() as u8, 0]);
    let mut out = [b"PK\x03\x04\x0a\0", &common[2..], b"\0\0"].concat();
    let extra = 4096 - out.len() - NAME.len();
    out[28..30].copy_from_slice(&(extra as u16).to_le_bytes());
    out.extend(NAME);
    out.resize(4096, 0);
    out.extend(&library);
    let begin = (out.len() as u32).to_le_bytes();
    let entry = [b"PK\x01\x02\x0a\0\x0a\0", &common[2..], &[0; 16], NAME].concat();
    let entry_len = (entry.len() as u32).to_le_bytes();
    let end = [
        b"PK\x05\x06\0\0\0\0\x01\0\x01\0",
        &entry_len[..],
        &begin,
        b"\0\0",
    ]
    .concat();
    [out, entry, end].concat()
}

/// An ELF file of two sections: a note with this id, and the name of a file of symbols.
fn stripped(id: &[u8]) -> Vec<u8> {
    let note = [
        &b"\x04\0\0\0"[..],
        &[id.len() as u8, 0, 0, 0],
        b"\x03\0\0\0GNU\0",
        id,
    ]
    .concat();
    let link = b"x.debug\0\x01\x02\x03\x04";
    let names = b"\0.note\0.gnu_debuglink\0.names\0";
    let (mut bytes, mut table) = (Vec::new(), Vec::new());
    let sections: [(u32, u32, &[u8]); 3] = [(1, 7, &note), (7, 1, link), (22, 3, names)];
    for (name, kind, content) in sections {
        table.extend([name.to_le_bytes(), kind.to_le_bytes()].concat());
        let (offset, len) = (64 + bytes.len() as u64, content.len() as u64);
        table.extend([0, 0, offset, len, 0, 0, 0].map(u64::to_le_bytes).concat());
        bytes.extend(content);
    }
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(40, 0);
    head.extend((64 + bytes.len() as u64).to_le_bytes());
    head.resize(58, 0);
    head.extend([64, 0, 3, 0, 2, 0]);
    [head, bytes, table].concat()
}

/// Its types, and what tells of its code.
pub fn btf_ext(object: &[u8]) -> Vec<u8> {
    join([types(object), code(object), &[]])
}

/// Its types, three times.
pub fn btf_merge(object: &[u8]) -> Vec<u8> {
    join([types(object); 3])
}

/// Its types, its relocations, and its types as the kernel's.
pub fn core(object: &[u8]) -> Vec<u8> {
    join([types(object), code(object), types(object)])
}

fn types(object: &[u8]) -> &[u8] {
    section(object, ".BTF").unwrap_or_default()
}

fn code(object: &[u8]) -> &[u8] {
    section(object, ".BTF.ext").unwrap_or_default()
}

/// What the kernel tells of an interface, a queueing discipline, a classifier, a device, and why it
/// refuses something; numbers from the object.
pub fn netlink(object: &[u8]) -> Vec<u8> {
    use skep_codec::netlink::Request;
    use skep_codec::uapi::netlink as nl;
    let number = |at: usize| object.get(at).copied().map_or(0, u32::from);
    let mut datagram = Vec::new();
    let mut add = |request: &Request| request.write(&mut datagram, 7, 0).expect("short values");
    let mut link = Request::new("", nl::RTM_NEWLINK, 0, &[1; 16]);
    link.put_text(nl::IFLA_IFNAME, "eth0")
        .put_u32(nl::IFLA_MTU, number(24));
    for (outer, inner) in [
        (nl::IFLA_LINKINFO, nl::IFLA_INFO_KIND),
        (nl::IFLA_PROP_LIST, nl::IFLA_ALT_IFNAME),
    ] {
        let nest = link.begin(outer);
        link.put_text(inner, "name");
        link.end(&nest);
    }
    let nest = link.begin(nl::IFLA_XDP);
    link.put(nl::IFLA_XDP_ATTACHED, &[4]);
    for kind in [
        nl::IFLA_XDP_PROG_ID,
        nl::IFLA_XDP_DRV_PROG_ID,
        nl::IFLA_XDP_SKB_PROG_ID,
    ] {
        link.put_u32(kind, number(25));
    }
    link.end(&nest);
    add(&link);
    let mut qdisc = Request::new("", nl::RTM_NEWQDISC, 0, &[2; 20]);
    add(qdisc.put_text(nl::TCA_KIND, "clsact"));
    let mut filter = Request::new("", nl::RTM_NEWTFILTER, 0, &[3; 20]);
    let nest = filter.put_text(nl::TCA_KIND, "bpf").begin(nl::TCA_OPTIONS);
    filter
        .put_u32(nl::TCA_BPF_ID, number(26))
        .put(nl::TCA_BPF_TAG, &[5; 8]);
    filter
        .put_text(nl::TCA_BPF_NAME, "count")
        .put_u32(nl::TCA_BPF_FLAGS, 1);
    add(filter.end(&nest));
    let mut device = Request::new("", 33, 0, &[1, 1, 0, 0]);
    device
        .put_u32(nl::NETDEV_A_DEV_IFINDEX, 2)
        .put(nl::NETDEV_A_DEV_XDP_FEATURES, &[3; 8]);
    add(&device);
    let mut refused = Request::new(
        "",
        nl::NLMSG_ERROR,
        nl::NLM_F_ACK_TLVS | nl::NLM_F_CAPPED,
        &[0xff; 20],
    );
    refused
        .put_text(nl::NLMSGERR_ATTR_MSG, "why")
        .put_u32(nl::NLMSGERR_ATTR_OFFS, number(27));
    add(&refused);
    add(&Request::new(
        "",
        nl::NLMSG_DONE,
        nl::NLM_F_DUMP_INTR,
        &[0; 4],
    ));
    datagram
}

/// A note of a probe with arguments of every kind on every machine, its addresses from the object.
pub fn usdt(object: &[u8]) -> Vec<u8> {
    let mut desc = object.get(24..48).unwrap_or_default().to_vec();
    desc.extend(b"provider\0name\0");
    desc.extend(b"-4@%eax 8@$-9 2@8(%rbp) 1@4(%rax,%rbx,8)\0");
    let mut note = Vec::new();
    for args in [
        &b""[..],
        b"8@x0 4@[sp, 16] 8@-5",
        b"8@%r2 4@8(%r15)",
        b"8@a0 8@-88(s0)",
    ] {
        let mut desc = desc.clone();
        if !args.is_empty() {
            desc.truncate(24 + 14);
            desc.extend(args.iter().chain([&0]));
        }
        for word in [8, desc.len() as u32, 3] {
            note.extend(word.to_le_bytes());
        }
        note.extend(b"stapsdt\0");
        note.extend(&desc);
        note.resize(note.len().next_multiple_of(4), 0);
    }
    note
}

/// Types of an object, a value of the longest one that is printed, a path.
#[cfg(feature = "values")]
pub fn value(object: &[u8]) -> Vec<u8> {
    let types = types(object);
    let btf = Btf::from_bytes(types).expect("types of a committed object");
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(512).collect();
    let values = btf.iter().filter_map(|ty| btf.decode(ty.id(), &bytes).ok());
    let longest = values
        .map(|value| value.to_string())
        .max_by_key(String::len);
    join([types, longest.unwrap_or_default().as_bytes(), b"first[1].x"])
}

/// What loads the object, or another one where that takes a process.
#[cfg(feature = "loader-program")]
pub fn loader(object: &[u8]) -> Vec<u8> {
    use skep_codec::loader_program::LoaderProgram;
    const OTHER: &[u8] = include_bytes!("../../testdata/globals.bpf.el.o");
    let made = [object, OTHER].into_iter().find_map(|object| {
        let spec = ObjectSpec::parse(object, "seed.bpf.o").expect("a committed object");
        LoaderProgram::new(&spec, &Default::default()).ok()
    });
    made.map(|made| made.to_bytes()).unwrap_or_default()
}

/// A log record with a field of every kind, its values from the object.
pub fn log(object: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    let kinds = [0x40, 0x41, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    let lens = [4, 16, 0, 8, 8, 8, 8, 8, 13, 5, 4, 16, 6, 3];
    let values = object.chunks(16).filter(|chunk| chunk.len() == 16);
    for ((kind, len), value) in kinds.into_iter().zip(lens).zip(values) {
        let value: &[u8] = match kind {
            0x42 => b"{} {:x} {:#b} {{}} {} {} {:o}",
            _ => &value[..len],
        };
        fields.extend([kind, 0, value.len() as u8, 0, 0, 0, 0, 0]);
        fields.extend(value);
        fields.resize(fields.len().next_multiple_of(8), 0);
    }
    let size = (24 + fields.len()) as u16;
    let header = [1, 3, size as u8, (size >> 8) as u8];
    [&header[..], &[7; 20], &fields].concat()
}

/// A perf record of every kind, the sample's bytes from the object.
pub fn perf(object: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    for (kind, size) in [(9, 112), (2, 24), (5, 32), (6, 32), (13, 16), (77, 8)] {
        records.extend([kind, 0, 0, 0, 0, 0, size, 0, 100, 0, 0, 0]);
        let body = usize::from(size).saturating_sub(12);
        records.extend(object.iter().take(body));
        let end = records.len() - 12 - body + usize::from(size);
        records.resize(end, 0);
    }
    records
}

/// Lines that set what an object wants of the kernel's configuration, or what gzip
/// makes of some lines where it wants little.
pub fn kconfig(object: &[u8]) -> Vec<u8> {
    let spec = ObjectSpec::parse(object, "seed.bpf.o").expect("a committed object");
    let names = spec.externs.iter().map(|wanted| wanted.name.as_str());
    let values = ["y", "m", "0x10", "-1", "\"text\""].iter().cycle();
    let lines = names
        .zip(values)
        .map(|(name, value)| format!("{name}={value}\n"));
    let text: String = lines.collect();
    if text.len() <= 100 {
        return PACKED.to_vec();
    }
    text.into_bytes()
}

/// Forty lines from "CONFIG_0=y" on, by gzip.
const PACKED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03M\x8f1\x0a\x84@\x10\x04\xf3{\xcd\xce\xb4\
    \xb7\xba\xc1F\x82b\xe2=\xe1^p\x97\xfb{\x05\x91\xae\xac(\x86)z\xfe\xec\xcb\xb6~K?\
    ^\xf3\x8d\xd1\x7f\x0f\xa6\xad\xfa\xff\xc1\xc1\xf6m[\x8d\xa3q\xf2\xb3f\x1b\xcc\
    \x058q#\xf8\x01\x1e\xcd\xa8~\x1f#\xee\x91\x0dt\xb3\x80\xb9\x13CS\xf0\x98\x9a\xe8\
    f\x85G7'p\xf3\x1f\x150\xf6\x0a{\x85\xae\xd0\x15\xba\xc2^\xa1+\xecU\xbb\xfc\x09.\
    \xc4\xb2\x9a\xd6\x01\x00\x00";

/// Sixty lines from "CONFIG_0=y" on, by xz: whatever the object.
#[cfg(feature = "xz")]
pub fn xz(_: &[u8]) -> Vec<u8> {
    const LINES: &[u8] =
        b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x16\x00\x00\x00t/\xe5\xa3\xe0\x03\x01\x00\x8b\
    ]\x00!\x93\xc5\xf7\x03\xc2.\xc5$\x80\xf4\x08,m/\xc3\xe4S\xf7\x94\xe1\xb46$\xb0\xff\x09\x84\
    [P\xff\xca\xb1\xe0\x80\xb7e\xb1\xce!\x16\xb4\xb1\x95[\x13X7\x00Q\x0fA\xded\x7f\xce\xf3D\xe6\
    ce\x9e\xd2\x89\x0f(\x15\xf5\x0b\xd0\xbb\x19\x1c\xc4]6\xf5\xc9\x81).\xca\xc7\xcf\x1b\x8520\
    A\x95\x91\x95J\xbc\x11\xdd\x0fy\xec\xfcR\x0f+\xab\x1e\xbf\xee\xd7\xba{h\x16\x0a\x05Z\xb1\xe0\
    {u(\x92\xa1\x0a\xf9\xd3[\xfc\x04\xcf\x8a\x8f>`0\xe1\xd8\x9e\xc9\x00\x00\x00Q\xc8K\xe6\xed\
    \xa8jU\x00\x01\xa7\x01\x82\x06\x00\x009\xde\xf1\xb9\xb1\xc4g\xfb\x02\x00\x00\x00\x00\x04Y\
    Z";
    LINES.to_vec()
}

/// An object, and something that can be linked to it.
pub fn linker(object: &[u8]) -> Vec<u8> {
    let end = if object.get(5) == Some(&2) {
        "eb"
    } else {
        "el"
    };
    let names = ["linked1", "linked2"].map(|half| format!("{half}.bpf.{end}.o"));
    let halves = objects()
        .into_iter()
        .filter(|(name, _)| names.contains(name));
    let mut others = halves.filter(|(_, half)| half != object);
    let other = others.next().map_or_else(Vec::new, |(_, half)| half);
    join([object, &other, &[]])
}

/// All code of an object as text, and something of everything that only people write.
#[cfg(feature = "asm")]
pub fn asm(object: &[u8]) -> Vec<u8> {
    let spec = ObjectSpec::parse(object, "seed.bpf.o").expect("a committed object");
    let texts = spec.functions.iter().map(|f| insn::listing(&f.insns));
    let all: String = texts.map(|text| text.to_string()).collect();
    (all + WRITTEN).into_bytes()
}

#[cfg(feature = "asm")]
const WRITTEN: &str = "again: r1 = map[counts] ; a comment
    r2 = map[.rodata][0]+16\n r3 = subprog[callback]\n r4 = ksym[bpf_prog_active]\n r5 = 7 ll
    call bpf_loop\n call elsewhere\n r0 = *(u8 *)skb[r6 + 0x1]\n if w0 s> -3 goto again\n exit
";

/// Three inputs in one: the lengths of the first two (little endian), then all of them.
fn join(parts: [&[u8]; 3]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in &parts[..2] {
        out.extend((part.len() as u32).to_le_bytes());
    }
    out.extend(parts.concat());
    out
}

/// A section of an ELF file, found without the code under test.
pub fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let big = *file.get(5)? == 2;
    let word = |at: usize, size: usize| {
        let bytes = file.get(at..at.checked_add(size)?)?;
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let value = match big {
            true => bytes.iter().fold(0, join),
            false => bytes.iter().rev().fold(0, join),
        };
        usize::try_from(value).ok()
    };
    let table = word(0x28, 8)?;
    let header = |index: usize| table + index * 64;
    let content = |index: usize| {
        let at = header(index);
        let start = word(at + 24, 8)?;
        file.get(start..start.checked_add(word(at + 32, 8)?)?)
    };
    let names = content(word(0x3e, 2)?)?;
    (0..word(0x3c, 2)?).find_map(|index| {
        let tail = names.get(word(header(index), 4)?..)?;
        let matches = tail.strip_prefix(name.as_bytes())?.first() == Some(&0);
        matches.then(|| content(index))?
    })
}
