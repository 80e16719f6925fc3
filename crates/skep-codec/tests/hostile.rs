//! Objects made to harm: committed ones with one thing changed. What is wrong is told of the map
//! or section that it concerns, and costs neither memory nor the others.

use skep_codec::object::{ObjectSpec, Pinning, link};

/// An object whose bytes are changed: little-endian ELF, 64 bits.
struct Damaged(Vec<u8>);

const HEADER: usize = 64;
/// Offsets in a section's header.
const SH_TYPE: usize = 4;
const SH_OFFSET: usize = 24;
const SH_SIZE: usize = 32;

impl Damaged {
    fn new(name: &str) -> Self {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");
        Self(std::fs::read(format!("{dir}/{name}.bpf.el.o")).unwrap())
    }

    fn word(&self, at: usize, len: usize) -> usize {
        let mut word = [0; 8];
        word[..len].copy_from_slice(&self.0[at..at + len]);
        u64::from_le_bytes(word) as usize
    }

    fn set(&mut self, at: usize, len: usize, value: u64) {
        self.0[at..at + len].copy_from_slice(&value.to_le_bytes()[..len]);
    }

    /// Where the header of the section with this name is.
    fn header(&self, name: &str) -> usize {
        let (table, names) = (self.word(40, 8), self.word(62, 2));
        let strings = self.word(table + names * HEADER + SH_OFFSET, 8);
        let count = self.word(60, 2);
        let found = (0..count).map(|index| table + index * HEADER).find(|&at| {
            let text = &self.0[strings + self.word(at, 4)..];
            text.starts_with(name.as_bytes()) && text[name.len()] == 0
        });
        found.expect(name)
    }

    fn contents(&self, name: &str) -> (usize, usize) {
        let at = self.header(name);
        (self.word(at + SH_OFFSET, 8), self.word(at + SH_SIZE, 8))
    }

    /// Where the symbol of this name is in the symbol table.
    fn symbol(&self, name: &str) -> usize {
        let (table, size) = self.contents(".symtab");
        let (strings, _) = self.contents(".strtab");
        let symbols = (table..table + size).step_by(24);
        let is = |at: &usize| {
            let text = &self.0[strings + self.word(*at, 4)..];
            text.starts_with(name.as_bytes()) && text[name.len()] == 0
        };
        symbols.into_iter().find(is).expect(name)
    }

    fn parse(&self) -> ObjectSpec {
        ObjectSpec::parse(&self.0, "damaged.o").unwrap()
    }
}

/// What is wrong with each map that has an error.
fn errors(spec: &ObjectSpec) -> Vec<String> {
    let errors = spec.maps.iter().filter_map(|map| map.error.as_ref());
    errors.map(ToString::to_string).collect()
}

fn links(spec: &ObjectSpec, program: &str) -> Result<(), String> {
    let index = spec.programs.iter().position(|p| p.name == program);
    let code = link(spec, index.unwrap()).map_err(|error| error.to_string())?;
    assert!(!code.insns.is_empty());
    Ok(())
}

#[test]
fn a_huge_bss_takes_no_memory() {
    for size in [1 << 31, u64::from(u32::MAX), u64::MAX, 1 << 63] {
        let mut object = Damaged::new("globals");
        let bss = object.header(".bss");
        object.set(bss + SH_SIZE, 8, size);
        let spec = object.parse();
        assert_eq!(errors(&spec), [format!(".bss: {size} bytes of data")]);
        let bss = spec.map(".bss").unwrap().data.as_ref().unwrap();
        assert!(bss.bytes.is_empty() && bss.size == 0);
        links(&spec, "sum").unwrap();
    }
    // As large as it may be, it is a number and nothing more.
    let mut object = Damaged::new("globals");
    let bss = object.header(".bss");
    object.set(bss + SH_SIZE, 8, 1 << 30);
    let spec = object.parse();
    assert!(errors(&spec).is_empty());
    let bss = spec.map(".bss").unwrap().data.as_ref().unwrap();
    assert!(bss.bytes.is_empty() && bss.size == 1 << 30);
}

#[test]
fn data_beyond_the_file_is_the_maps_error() {
    let mut object = Damaged::new("globals");
    let data = object.header(".data");
    object.set(data + SH_SIZE, 8, 1 << 20);
    let spec = object.parse();
    let [error] = errors(&spec).try_into().unwrap();
    assert!(error.starts_with(".data: "), "{error}");
    assert!(error.contains("1048576 bytes"), "{error}");
    links(&spec, "sum").unwrap();
    assert!(spec.map(".rodata").unwrap().error.is_none());
}

#[test]
fn sections_that_share_their_bytes_are_copied_a_few_times_at_most() {
    // Every section header says that its bytes are the whole file, as data.
    let mut object = Damaged::new("globals");
    let len = object.0.len() as u64;
    for name in [
        ".data",
        ".rodata",
        ".data.extra",
        ".rodata.extra",
        "license",
    ] {
        let at = object.header(name);
        object.set(at + SH_OFFSET, 8, 0);
        object.set(at + SH_SIZE, 8, len);
    }
    let spec = object.parse();
    let copied: usize = spec
        .maps
        .iter()
        .filter_map(|map| map.data.as_ref())
        .map(|data| data.bytes.len())
        .sum();
    assert!(copied <= 4 * object.0.len() + (1 << 16), "{copied}");
    // The map definitions lie where the data does: both are read, neither disturbs the other.
    let mut object = Damaged::new("maps");
    let maps = object.header(".maps");
    let (at, size) = object.contents(".maps");
    let license = object.header("license");
    object.set(license + SH_OFFSET, 8, at as u64);
    object.set(license + SH_SIZE, 8, size as u64);
    object.set(maps + SH_TYPE, 4, 8);
    let spec = object.parse();
    assert_eq!(spec.maps.len(), 10);
}

#[test]
fn maps_in_one_place_are_one_map() {
    let mut object = Damaged::new("maps");
    let (array, hash) = (object.symbol("array"), object.symbol("hash"));
    let value = object.word(array + 8, 8) as u64;
    object.set(hash + 8, 8, value);
    let spec = object.parse();
    let names: Vec<&str> = spec.maps.iter().map(|map| map.name.as_str()).collect();
    assert!(
        names.contains(&"hash") ^ names.contains(&"array"),
        "{names:?}"
    );
    let warnings: Vec<String> = spec.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("lies where another one does"),
        "{warnings:?}"
    );
    // A map that reaches into the next one: slots belong to the one that begins last before them.
    let mut object = Damaged::new("maps");
    let outer = object.symbol("outer");
    let (_, size) = object.contents(".maps");
    let start = object.word(outer + 8, 8);
    object.set(outer + 16, 8, (size - start) as u64);
    let spec = object.parse();
    assert!(errors(&spec).is_empty());
    assert_eq!(spec.map("outer").unwrap().slots.len(), 2);
    assert_eq!(spec.map("jumps").unwrap().slots.len(), 2);
}

#[test]
fn a_map_past_its_section_is_an_error() {
    for (field, value) in [(8, u64::MAX - 7), (16, u64::MAX), (8, 1 << 20)] {
        let mut object = Damaged::new("maps");
        let ring = object.symbol("ring");
        object.set(ring + field, 8, value);
        let spec = object.parse();
        let [error] = errors(&spec).try_into().unwrap();
        assert!(
            error.ends_with("(ring): lies beyond the end of its section"),
            "{error}"
        );
        links(&spec, "tail").unwrap();
    }
}

#[test]
fn variables_past_their_section_read_nothing() {
    let mut object = Damaged::new("globals");
    let symbol = object.symbol("rw_u32");
    object.set(symbol + 8, 8, u64::from(u32::MAX));
    let mut spec = object.parse();
    let variable = spec.variable("rw_u32").unwrap();
    assert!(variable.bytes().is_empty());
    let error = spec.variable("rw_u32").unwrap().set(1).unwrap_err();
    assert!(error.to_string().contains("in .data"), "{error}");
}

#[test]
fn records_shorter_than_their_struct_are_refused() {
    // Each record size of .BTF.ext, made smaller than what it must hold.
    let object = Damaged::new("core");
    let (ext, _) = object.contents(".BTF.ext");
    let header = object.word(ext + 4, 4);
    for (part, what) in [(8, "func_info"), (16, "line_info"), (24, "core_relo")] {
        for size in [0, 1, 4, 7] {
            let mut object = Damaged::new("core");
            let at = ext + header + object.word(ext + part, 4);
            object.set(at, 4, size);
            let spec = object.parse();
            let told = spec.warnings.iter().any(|w| w.to_string().contains(what));
            assert!(told, "{what} of {size}: {:?}", spec.warnings);
            let linked = links(&spec, &spec.programs[0].name.clone());
            // Without its relocations a program would read the wrong place.
            assert_eq!(
                linked.is_err(),
                what == "core_relo",
                "{what} of {size}: {linked:?}"
            );
        }
    }
}

/// What is longer than any definition that is known may only say nothing more.
#[test]
fn old_definitions_longer_than_theirs_are_refused() {
    let mut object = Damaged::new("odd");
    let maps = object.header("maps");
    let (offset, size) = object.contents("maps");
    object.set(maps + SH_SIZE, 8, size as u64 + 4);
    object.set(offset + size, 4, 0);
    let spec = object.parse();
    assert_eq!(spec.map("old_outer").unwrap().error, None);
    object.set(offset + size, 4, 1);
    let spec = object.parse();
    let error = spec.map("old_outer").unwrap().error.as_ref().unwrap();
    let what = "more is set in this map definition than is known: 40 bytes";
    assert!(error.to_string().contains(what), "{error}");
    assert!(spec.map("old_inner").unwrap().error.is_none());
}

/// iproute2's -1: an inner map that is in no slot yet.
#[test]
fn inner_maps_of_old_definitions_need_no_slot() {
    let mut object = Damaged::new("odd");
    let (offset, _) = object.contents("maps");
    let inner = object.word(object.symbol("old_inner") + 8, 8);
    object.set(offset + inner + 32, 4, u32::MAX.into());
    let spec = object.parse();
    let outer = spec.map("old_outer").unwrap();
    assert_eq!(outer.inner.as_ref().unwrap().value_size, 8);
    assert_eq!(outer.slots, []);
}

#[test]
fn old_definitions_shorter_than_theirs_are_refused() {
    let mut object = Damaged::new("odd");
    let maps = object.header("maps");
    let (_, size) = object.contents("maps");
    object.set(maps + SH_SIZE, 8, size as u64 - 20);
    let spec = object.parse();
    let error = spec.map("old_outer").unwrap().error.as_ref().unwrap();
    assert!(
        error.to_string().contains("map definition of 16 bytes"),
        "{error}"
    );
    assert!(spec.map("old_inner").unwrap().error.is_none());
    links(&spec, "good").unwrap();
    // 20, 28 and 36 bytes: more is said each time.
    for (len, pinning, inner) in [
        (20, Pinning::None, false),
        (28, Pinning::ByName, false),
        (36, Pinning::ByName, true),
    ] {
        object.set(maps + SH_SIZE, 8, size as u64 - 36 + len);
        let spec = object.parse();
        let outer = spec.map("old_outer").unwrap();
        assert_eq!((outer.error.as_ref(), outer.max_entries), (None, 3));
        assert_eq!(
            (&outer.pinning, outer.inner.is_some()),
            (&pinning, inner),
            "{len}"
        );
        assert_eq!(outer.slots.len(), usize::from(inner));
    }
}

#[test]
fn struct_ops_past_their_section_are_refused() {
    let mut object = Damaged::new("ops");
    let second = object.symbol("skep_second");
    object.set(second + 8, 8, 64);
    let spec = object.parse();
    let error = spec.map("skep_second").unwrap().error.as_ref().unwrap();
    assert!(
        error.to_string().contains("value: 48 bytes wanted"),
        "{error}"
    );
    assert!(spec.map("skep_first").unwrap().error.is_none());
    assert!(spec.map("skep_plain").unwrap().slots.len() == 3);
}

/// Since libbpf 1.0 what stands in `.text` is there to be called, be it all that there is.
#[test]
fn functions_in_text_are_no_programs_even_alone() {
    let mut object = Damaged::new("socket");
    let (text, socket) = (object.header(".text"), object.header("socket"));
    let name = object.word(text, 4);
    object.set(socket, 4, name as u64);
    let spec = object.parse();
    assert!(spec.programs.is_empty());
    let names: Vec<&str> = spec.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["length", "constant"]);
    assert_eq!(spec.maps.len(), 1);
}

/// A relocation that leads nowhere is told by the symbol that it wants, the reason, and where it
/// is: function, section, offset. The program beside it is as it was.
#[test]
fn a_lost_relocation_says_what_where_and_why() {
    const SYMBOL_SECTION: usize = 6;
    let cases: [(u64, &str); 3] = [
        (0, "(counts): defined in no section"),
        (
            1,
            "refers to 'counts' in section '.strtab', which is not loaded",
        ),
        (
            0xfff2,
            "'counts' is defined in no section (a common symbol?",
        ),
    ];
    for (section, why) in cases {
        let mut object = Damaged::new("socket");
        let at = object.symbol("counts") + SYMBOL_SECTION;
        object.set(at, 2, section);
        let spec = object.parse();
        let error = link(&spec, 0).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        // Of an extern the symbol is what is wanted, otherwise it is who wants it.
        assert!(
            matches!(error.symbol(), Some("length" | "counts")),
            "{error}"
        );
        let place = (error.section(), error.offset());
        assert_eq!(place, (Some("socket"), Some(0x28)), "{error}");
        links(&spec, "constant").unwrap();
    }
}
