//! A small library, put together here: one function, and what stripped files and files of symbols
//! have.

use skep::codec::bytes::Endian;
use std::fs;
use std::os::fd::AsRawFd;

/// Where its code is in the file, and in memory as the file has it.
pub(crate) const CODE_AT: u64 = 0x1000;
pub(crate) const CODE: u64 = 0x4000;
/// How far behind that the function begins.
pub(crate) const FUNCTION: u64 = 0x40;
const PAGE: usize = 0x1000;

/// Gives back three times what it takes.
#[cfg(target_arch = "x86_64")]
const TRIPLE: &[u8] = &[0x48, 0x8d, 0x04, 0x7f, 0xc3];
#[cfg(target_arch = "aarch64")]
const TRIPLE: &[u8] = &[0x00, 0x04, 0x00, 0x8b, 0xc0, 0x03, 0x5f, 0xd6];
#[cfg(target_arch = "s390x")]
const TRIPLE: &[u8] = &[
    0xeb, 0x12, 0x00, 0x01, 0x00, 0x0d, 0xb9, 0x08, 0x00, 0x21, 0x07, 0xfe,
];
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;
#[cfg(target_arch = "s390x")]
const MACHINE: u16 = 22;

/// What the library has beside its code.
#[derive(Clone, Default)]
pub(crate) struct Library {
    pub(crate) id: Option<Vec<u8>>,
    /// Another file's name and checksum.
    pub(crate) link: Option<(String, u32)>,
    /// Names of the function, in a table for debuggers.
    pub(crate) names: Vec<&'static str>,
    /// Symbols, packed: a file in the file.
    pub(crate) packed: Option<Vec<u8>>,
    /// Whether it is a file of symbols, without the code.
    pub(crate) no_code: bool,
}

/// Type, name, address, offset and bytes; length and links to other sections.
type Section = (u32, &'static str, u64, Vec<u8>, u32);

impl Library {
    fn sections(&self) -> Vec<Section> {
        let endian = Endian::NATIVE;
        let (kind, code) = match self.no_code {
            true => (8, vec![0; PAGE]),
            false => (1, Vec::new()),
        };
        let mut all: Vec<Section> = vec![(0, "", 0, Vec::new(), 0), (kind, ".text", CODE, code, 0)];
        if let Some(id) = &self.id {
            let mut note = Vec::new();
            for word in [4, id.len() as u32, 3] {
                note.extend(endian.put_u32(word));
            }
            note.extend(b"GNU\0");
            note.extend(id);
            all.push((7, ".note.gnu.build-id", 0, note, 0));
        }
        if let Some((name, crc32)) = &self.link {
            let mut bytes = name.clone().into_bytes();
            bytes.push(0);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend(endian.put_u32(*crc32));
            all.push((1, ".gnu_debuglink", 0, bytes, 0));
        }
        if let Some(packed) = &self.packed {
            all.push((1, ".gnu_debugdata", 0, packed.clone(), 0));
        }
        if !self.names.is_empty() {
            let (mut texts, mut symbols) = (vec![0], vec![0; 24]);
            for name in &self.names {
                symbols.extend(endian.put_u32(texts.len() as u32));
                // A global function in section 1.
                symbols.extend([0x12, 0]);
                symbols.extend(endian.put_u16(1));
                symbols.extend(endian.put_u64(CODE + FUNCTION));
                symbols.extend(endian.put_u64(TRIPLE.len() as u64));
                texts.extend(name.bytes().chain([0]));
            }
            all.push((2, ".symtab", 0, symbols, all.len() as u32 + 1));
            all.push((3, ".strtab", 0, texts, 0));
        }
        all.push((3, ".shstrtab", 0, Vec::new(), 0));
        all
    }

    /// The file: headers, a page of code, sections, their table.
    pub(crate) fn write(&self) -> Vec<u8> {
        let endian = Endian::NATIVE;
        let mut sections = self.sections();
        let names: Vec<u8> = sections
            .iter()
            .flat_map(|(_, name, ..)| name.bytes().chain([0]))
            .collect();
        sections.last_mut().unwrap().3 = names;
        let mut file = vec![0; PAGE];
        if !self.no_code {
            file.resize(2 * PAGE, 0);
            let at = (CODE_AT + FUNCTION) as usize;
            file[at..at + TRIPLE.len()].copy_from_slice(TRIPLE);
        }
        let (mut table, mut name_at) = (Vec::new(), 0);
        for (kind, name, address, bytes, link) in &sections {
            let (offset, len) = match *name {
                ".text" => (CODE_AT, PAGE as u64),
                _ => (file.len() as u64, bytes.len() as u64),
            };
            if *name != ".text" {
                file.extend(bytes);
                file.resize(file.len().next_multiple_of(8), 0);
            }
            table.extend([endian.put_u32(name_at), endian.put_u32(*kind)].concat());
            for word in [6, *address, offset, len] {
                table.extend(endian.put_u64(word));
            }
            table.extend([endian.put_u32(*link), endian.put_u32(0)].concat());
            table.extend([endian.put_u64(1), endian.put_u64(24)].concat());
            name_at += name.len() as u32 + 1;
        }
        let header = header(file.len() as u64, sections.len() as u16);
        file[..header.len()].copy_from_slice(&header);
        file.extend(table);
        file
    }
}

/// `Elf64_Ehdr` and one `Elf64_Phdr`.
fn header(table: u64, sections: u16) -> Vec<u8> {
    let endian = Endian::NATIVE;
    let order = if endian == Endian::Little { 1 } else { 2 };
    let mut out = vec![0x7f, b'E', b'L', b'F', 2, order, 1];
    out.resize(16, 0);
    out.extend([endian.put_u16(3), endian.put_u16(MACHINE)].concat());
    out.extend(endian.put_u32(1));
    for word in [0, 64, table] {
        out.extend(endian.put_u64(word));
    }
    out.extend(endian.put_u32(0));
    for half in [64, 56, 1, 64, sections, sections - 1] {
        out.extend(endian.put_u16(half));
    }
    // PT_LOAD, to be read and run.
    out.extend([endian.put_u32(1), endian.put_u32(5)].concat());
    let page = PAGE as u64;
    for word in [CODE_AT, CODE, CODE, page, page, page] {
        out.extend(endian.put_u64(word));
    }
    out
}

/// The page of code of a library, in this process's memory.
pub(crate) struct Loaded(*mut libc::c_void);

impl Loaded {
    /// Of the library that begins at this offset of a file.
    pub(crate) fn at(path: &str, begin: u64) -> Self {
        let file = fs::File::open(path).unwrap();
        let rights = libc::PROT_READ | libc::PROT_EXEC;
        let offset = (begin + CODE_AT) as libc::off_t;
        let (fd, private) = (file.as_raw_fd(), libc::MAP_PRIVATE);
        // SAFETY: a new mapping, wherever the kernel likes.
        let code = unsafe { libc::mmap(std::ptr::null_mut(), PAGE, rights, private, fd, offset) };
        assert_ne!(
            code,
            libc::MAP_FAILED,
            "{}",
            std::io::Error::last_os_error()
        );
        Self(code)
    }

    /// Calls the function.
    pub(crate) fn triple(&self, number: u64) {
        let function = self.0.wrapping_byte_add(FUNCTION as usize);
        // SAFETY: there is the code of such a function, which is this machine's.
        let function: extern "C" fn(u64) -> u64 = unsafe { std::mem::transmute(function) };
        assert_eq!(function(number), number * 3);
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: mapped by `at`, and nobody runs it any more.
        unsafe { libc::munmap(self.0, PAGE) };
    }
}
