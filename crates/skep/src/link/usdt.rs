//! Statically defined probes of user space.

use super::binary::{self, Binary};
use super::probe::{self, Options};
use super::{Held, Hook, Link, UprobeMulti};
use crate::error::Context;
use crate::probe::Feature;
use crate::prog::{Program, SpecId, SpecPlace, UsdtSpecs};
use crate::system::System;
use crate::system::mappings::{Mapping, mappings, process_dir};
use crate::{AttachType, Error, ErrorKind, Result};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use skep_codec::bytes::Endian;
use skep_codec::map::Map as Ordered;
use skep_codec::order;
use skep_codec::text::joined;
use skep_codec::usdt::{self, Note};

/// A statically defined probe (USDT) of a program or library: all the places that it has there.
#[derive(Clone, Debug)]
#[doc(alias = "bpf_program__attach_usdt")]
pub struct Usdt {
    file: String,
    provider: String,
    name: String,
    cookie: u64,
    pid: Option<u32>,
    root: Option<u32>,
}

impl Usdt {
    /// The probe of this provider and name. The file is found as that of a [`Uprobe`](super::Uprobe).
    ///
    /// # Errors
    /// When attached: [`ErrorKind::NotFound`] if the file has no such probe; [`ErrorKind::Unsupported`]
    /// if an argument is where no program can read it, or the object has not the maps of
    /// `usdt.bpf.h`; [`ErrorKind::Full`] if these are.
    ///
    /// # Kernel
    /// One link to many uprobes since Linux 6.6, before a perf event for each place. Before 5.15
    /// probes of libraries and position-independent programs need a process.
    #[inline]
    pub fn new(file: &str, provider: &str, name: &str) -> Self {
        Self {
            file: file.to_string(),
            provider: provider.to_string(),
            name: name.to_string(),
            cookie: 0,
            pid: None,
            root: None,
        }
    }

    /// As a section says after its slash, `FILE:PROVIDER:NAME`; `None` if it says less.
    #[inline]
    pub(crate) fn declared(text: &str) -> Option<Self> {
        let (file, probe) = text.split_once(':')?;
        let (provider, name) = probe.split_once(':')?;
        Some(Self::new(file, provider, name))
    }

    /// Only in this process (0: the calling one), not in all.
    #[must_use]
    #[inline]
    pub fn process(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// The file is the one that this process has by that path: in a container, say.
    #[must_use]
    #[inline]
    pub fn in_root_of(mut self, pid: u32) -> Self {
        self.root = Some(pid);
        self
    }

    /// What `bpf_usdt_cookie` answers in the program.
    #[must_use]
    #[inline]
    pub fn cookie(mut self, cookie: u64) -> Self {
        self.cookie = cookie;
        self
    }

    #[inline]
    fn notes(&self, binary: &Binary) -> Result<Vec<Note>> {
        let mut notes = binary.read(usdt::notes)?;
        let asked = |note: &Note| note.provider == self.provider && note.name == self.name;
        if !notes.iter().any(asked) {
            let what = format!("{} has {}", binary.path(), others(&notes));
            return Err(Error::new(ErrorKind::NotFound, what));
        }
        notes.retain(asked);
        Ok(notes)
    }

    /// What is to be attached, with a number for each way in which the arguments lie.
    #[inline]
    fn places(&self, binary: &Binary, specs: &Arc<UsdtSpecs>) -> Result<Places> {
        let mut by_args: Ordered<String, u32> = Ordered::new();
        let mut places = Places::default();
        for note in self.notes(binary)? {
            let number = match by_args.get(note.args.as_str()) {
                Some(number) => *number,
                None => {
                    let args = usdt::args(&note.args, binary.image.machine)?;
                    let id = specs.add(&usdt::spec(&args, self.cookie, Endian::NATIVE))?;
                    let number = id.number;
                    places.ids.push(id);
                    by_args.insert(note.args.clone(), number);
                    number
                }
            };
            places.offsets.push(binary.offset_of(note.address)?);
            places.counters.push(match note.semaphore {
                0 => 0,
                address => binary.offset_of(address)?,
            });
            places.numbers.push(number.into());
            places.addresses.push(note.address);
        }
        Ok(places)
    }

    /// One link to all places.
    #[inline]
    fn by_one(&self, program: &Program, path: &str, places: &Places) -> Result<Link> {
        let mut probes = UprobeMulti::offsets(path, &places.offsets).cookies(&places.numbers);
        if places.counters.iter().any(|counter| *counter != 0) {
            probes = probes.ref_counters(&places.counters);
        }
        if let Some(pid) = self.pid {
            probes = probes.process(pid);
        }
        probes.attach(program)
    }

    /// An event for each place.
    #[inline]
    fn by_each(&self, program: &Program, path: &str, places: &Places) -> Result<Vec<Link>> {
        let cookies = has_cookies(program);
        let mut links = Vec::new();
        let each = places
            .offsets
            .iter()
            .zip(&places.counters)
            .zip(&places.numbers);
        for ((&offset, &ref_ctr_offset), &number) in each {
            let options = Options {
                cookie: if cookies { number } else { 0 },
                pid: self.pid,
                ..Options::default()
            };
            let hook = format!("offset {offset:#x} in {path}");
            let place = (path, offset, ref_ctr_offset);
            links.push(probe::attach_in_file(program, place, &options, hook)?);
        }
        Ok(links)
    }

    /// Says at which addresses the places are, to a program that has no cookie to know them by.
    #[inline]
    fn tell_addresses(&self, system: &System, binary: &Binary, places: &mut Places) -> Result<()> {
        const ET_EXEC: u16 = 2;
        let moved = match (binary.image.file_type, self.pid) {
            (ET_EXEC, _) => None,
            (_, Some(pid)) => Some((pid, code(system, pid, binary)?)),
            (_, None) => {
                let what = "this kernel has no cookies (since Linux 5.15): give a process";
                return Err(Error::new(ErrorKind::Unsupported, what));
            }
        };
        let mut number_of: Ordered<u64, usize> = Ordered::new();
        for (index, id) in places.ids.iter().enumerate() {
            number_of.insert(id.number.into(), index);
        }
        let all = places
            .addresses
            .iter()
            .zip(&places.offsets)
            .zip(&places.numbers);
        for ((&address, &offset), number) in all {
            let address = match &moved {
                None => address,
                Some((pid, code)) => address_of(code, offset).ok_or_else(|| {
                    let process = process_dir(*pid);
                    let what = format!("{process} has not loaded {}", binary.path());
                    Error::new(ErrorKind::NotFound, what)
                })?,
            };
            let id = number_of
                .get(number)
                .and_then(|index| places.ids.get(*index));
            if let Some(id) = id {
                places.told.push(id.at(address)?);
            }
        }
        Ok(())
    }
}

/// The places of a probe, each list in their order, and what was said of them.
#[derive(Default)]
struct Places {
    offsets: Vec<u64>,
    counters: Vec<u64>,
    numbers: Vec<u64>,
    addresses: Vec<u64>,
    ids: Vec<SpecId>,
    told: Vec<SpecPlace>,
}

/// What a file has in place of the probe that is asked for.
#[cold]
fn others(notes: &[Note]) -> String {
    /// Most probes that are told.
    const MOST: usize = 16;
    let name = |note: &Note| format!("{}:{}", note.provider, note.name);
    let mut names: Vec<String> = notes.iter().map(name).collect();
    order::by(&mut names, |a, b| a.cmp(b));
    names.dedup();
    let more = if names.len() > MOST { ", ..." } else { "" };
    names.truncate(MOST);
    match names.is_empty() {
        true => "no probes".to_string(),
        false => format!("no such probe; it has {}{more}", joined(&names, ", ")),
    }
}

/// What a program was told; goes after its links.
pub(super) struct Told {
    _places: Vec<SpecPlace>,
    _ids: Vec<SpecId>,
}

impl Hook for Usdt {
    #[inline]
    fn attach(&self, program: &Program) -> Result<Link> {
        let hook = format!("USDT {}:{} in {}", self.provider, self.name, self.file);
        let attach = || {
            let system = program.system();
            let declared = program.declared();
            let Some(specs) = declared.and_then(|declared| declared.usdt.as_ref()) else {
                let what = format!("the object has no map {}", UsdtSpecs::SPECS);
                return Err(Error::new(ErrorKind::Unsupported, what));
            };
            let path = binary::find(system, &self.file, self.pid, self.root)?;
            let binary = Binary::open(system, &path)?;
            let mut places = self.places(&binary, specs)?;
            if !has_cookies(program) {
                self.tell_addresses(system, &binary, &mut places)?;
            }
            let multi = Some(AttachType::TRACE_UPROBE_MULTI);
            let links = match declared.is_some_and(|declared| declared.attach_type == multi) {
                true => alloc::vec![self.by_one(program, binary.path(), &places)?],
                false => self.by_each(program, binary.path(), &places)?,
            };
            Ok((links, places))
        };
        let (mut links, places) = attach().context(&hook)?;
        let first = links.pop();
        let held = Held::Several {
            first: Box::new(first.ok_or_else(|| Error::new(ErrorKind::NotFound, "no place"))?),
            _rest: links,
        };
        let mut link = Link::new(program, hook, held);
        link.told = Some(Box::new(Told {
            _places: places.told,
            _ids: places.ids,
        }));
        Ok(link)
    }
}

#[inline]
fn has_cookies(program: &Program) -> bool {
    program.system().probe(Feature::BpfCookie).is_usable()
}

/// The executable parts of a file that a process has in memory.
#[inline]
fn code(system: &System, pid: u32, binary: &Binary) -> Result<Vec<Mapping>> {
    let inode = binary.inode()?;
    let mut code = mappings(system, pid)?;
    code.retain(|mapping| mapping.inode == inode && mapping.executable);
    Ok(code)
}

/// Where in memory is what is at this offset in the file.
#[inline]
fn address_of(code: &[Mapping], offset: u64) -> Option<u64> {
    code.iter().find_map(|mapping| {
        let address = offset
            .checked_sub(mapping.offset)?
            .checked_add(mapping.begin)?;
        (address < mapping.end).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_a_file_is_where_its_part_is_mapped() {
        let mapped = [Mapping {
            begin: 0x1000,
            end: 0x3000,
            offset: 0x5000,
            inode: 1,
            executable: true,
            path: String::new(),
        }];
        assert_eq!(address_of(&mapped, 0x5010), Some(0x1010));
        assert_eq!(address_of(&mapped, 0x7000), None);
        assert_eq!(address_of(&mapped, 0x4fff), None);
    }
}
