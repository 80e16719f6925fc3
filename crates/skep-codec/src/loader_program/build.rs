//! A loader program put together, step by step.

use super::attr::btf_load;
use super::emit::{Emit, R1, R2, R3, R7, U64};
use super::maps::{self, Made, at};
use super::programs::Planned;
use super::step::Step;
use super::symbols::Symbol;
use super::{LoaderMap, LoaderOptions, LoaderProg, LoaderProgram, context};
use crate::Result;
use crate::btf::{Replaced, for_upload, with_named_contexts};
use crate::error::bail;
use crate::insn::pseudo;
use crate::object::{Extern, ObjectSpec, Variable};
use crate::sha256::sha256;
use crate::uapi::bpf::{Cmd, ProgType};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// The last byte of a context that an instruction can name.
const MAX_CONTEXT: usize = 32_000;
/// Words of a digest.
const WORDS: usize = 4;

/// Where descriptors are in the context: of maps, of programs, of what only the load needs.
#[derive(Default)]
pub(super) struct Layout {
    programs: usize,
    pub(super) btf: u32,
    pub(super) inner: u32,
    pub(super) target: u32,
    end: u32,
}

impl Layout {
    fn new(maps: usize, programs: usize, symbols: usize) -> Result<Self> {
        let first = context::map(maps, context::FD) as usize;
        let btf = programs.saturating_mul(4).saturating_add(first);
        let end = symbols.saturating_mul(4).saturating_add(btf);
        let end = end.saturating_add(12).next_multiple_of(8);
        if end > MAX_CONTEXT {
            bail!(
                TooLarge,
                "{maps} maps, {programs} programs and {symbols} symbols for one loader program"
            );
        }
        let btf = btf as u32;
        Ok(Self {
            programs: first,
            btf,
            inner: btf.saturating_add(4),
            target: btf.saturating_add(8),
            end: end as u32,
        })
    }

    pub(super) fn program(&self, index: usize) -> u32 {
        self.programs.saturating_add(index.saturating_mul(4)) as u32
    }

    pub(super) fn symbol(&self, index: usize) -> u32 {
        let first = self.btf.saturating_add(12);
        first.saturating_add(index.saturating_mul(4) as u32)
    }
}

pub(super) struct Build<'a> {
    pub(super) spec: &'a ObjectSpec,
    pub(super) options: &'a LoaderOptions<'a>,
    pub(super) out: Emit,
    pub(super) layout: Layout,
    /// Maps that are made, in the spec's order.
    pub(super) maps: Vec<Made>,
    pub(super) programs: Vec<Planned>,
    pub(super) symbols: Vec<Symbol>,
    /// Where eight zeroes are: a key.
    pub(super) zero: u32,
    /// Descriptors that calls name by index.
    pub(super) fd_array: Option<u32>,
    /// Functions that are said in another way.
    pub(super) replaced: Replaced,
    btf_bytes: Option<(u32, u32)>,
}

pub(super) fn build(spec: &ObjectSpec, options: &LoaderOptions<'_>) -> Result<LoaderProgram> {
    let mut build = Build {
        spec,
        options,
        out: Emit::new(spec.endian),
        layout: Layout::default(),
        maps: Vec::new(),
        programs: Vec::new(),
        symbols: Vec::new(),
        zero: 0,
        fd_array: None,
        replaced: Replaced::default(),
        btf_bytes: None,
    };
    build.plan()?;
    let digest_at = build.emit()?;
    build.finish(digest_at)
}

impl Build<'_> {
    /// What is to be made, and where it is to be found.
    fn plan(&mut self) -> Result<()> {
        let wanted = self.spec.maps.iter().enumerate();
        for (spec, map) in wanted.filter(|(_, map)| map.autocreate) {
            maps::check(map, self.options.signed).map_err(|e| e.of_symbol(&map.name))?;
            let index = self.maps.len();
            self.maps.push(Made { spec, index });
        }
        self.plan_programs()?;
        let [maps, programs, symbols] = [self.maps.len(), self.programs.len(), self.symbols.len()];
        self.layout = Layout::new(maps, programs, symbols)?;
        self.zero = self.out.blob.room(8)?;
        Ok(())
    }

    /// The context's place for a map's descriptor, if it is made.
    pub(super) fn map_slot(&self, spec: usize) -> Option<u32> {
        let made = self.maps.iter().find(|made| made.spec == spec)?;
        Some(context::map(made.index, context::FD))
    }

    /// The context's place for a program's descriptor, if it is loaded.
    pub(super) fn program_slot(&self, spec: usize) -> Option<u32> {
        let index = self.programs.iter().position(|p| p.index == spec)?;
        Some(self.layout.program(index))
    }

    /// All instructions; where those are that hold the digest of the data.
    fn emit(&mut self) -> Result<Vec<usize>> {
        let mut passing = alloc::vec![self.layout.btf, self.layout.inner, self.layout.target];
        passing.extend((0..self.symbols.len()).map(|index| self.layout.symbol(index)));
        let mut slots: Vec<u32> = Vec::new();
        slots.extend(
            self.maps
                .iter()
                .map(|made| context::map(made.index, context::FD)),
        );
        slots.extend((0..self.programs.len()).map(|index| self.layout.program(index)));
        slots.extend(&passing);
        self.out.begin(&slots)?;
        let digest_at = match self.options.signed {
            true => self.check_data()?,
            false => Vec::new(),
        };
        self.load_btf()?;
        let spec = self.spec;
        for made in self.maps.clone() {
            let Some(map) = spec.maps.get(made.spec) else {
                continue;
            };
            let name = |e: crate::Error| e.of_symbol(&map.name);
            let slot = context::map(made.index, context::FD);
            self.create_map(map, made, slot).map_err(name)?;
            if let Some(data) = &map.data {
                self.fill_map(data, made).map_err(name)?;
            }
        }
        self.fill_slots(false)?;
        self.place_programs()?;
        self.put_maps();
        self.find_symbols()?;
        self.load_programs()?;
        self.fill_slots(true)?;
        self.out.end(&passing)?;
        Ok(digest_at)
    }

    /// Goes on only if the kernel found the data's digest to be the one that these instructions,
    /// which are signed, have in them. The kernel keeps it at the beginning of its map.
    fn check_data(&mut self) -> Result<Vec<usize>> {
        let mut places = Vec::new();
        let out = &mut self.out;
        out.step(Step::CheckData);
        out.mov(R7, -22);
        for word in 0..WORDS as u32 {
            out.wide(R1, pseudo::MAP_IDX, 0, 0);
            out.load(U64, R2, R1, word.wrapping_mul(8));
            places.push(out.insns.len());
            out.wide(R3, 0, 0, 0);
            out.fail_if_differ(R2, R3)?;
        }
        Ok(places)
    }

    fn load_btf(&mut self) -> Result<()> {
        let Some(btf) = &self.spec.btf else {
            return Ok(());
        };
        let statics: Vec<&str> = self.spec.static_functions().collect();
        let args = &self.spec.context_args;
        let named = match args.is_empty() {
            true => None,
            false => {
                // In the way of kernels before 6.8, which later ones take, too.
                let types: Vec<ProgType> = self.spec.programs.iter().map(|p| p.prog_type).collect();
                let (named, replaced) = with_named_contexts(btf, args, &types)?;
                self.replaced = replaced;
                Some(named)
            }
        };
        let btf = named.as_ref().unwrap_or(btf);
        let bytes = for_upload(btf, &self.spec.layouts, &statics, &self.options.features)?;
        let place = self.out.blob.add(&bytes)?;
        self.btf_bytes = Some((place, bytes.len() as u32));
        let attr = self.out.blob.room(btf_load::SIZE)?;
        let size = at(attr, btf_load::BTF_SIZE);
        self.out.blob.put_u32(size, bytes.len() as u32);
        self.out.put_address(place, at(attr, btf_load::BTF));
        self.out.step(Step::LoadBtf);
        self.out.bpf(Cmd::BTF_LOAD, attr, btf_load::SIZE)?;
        self.out.keep(self.layout.btf);
        Ok(())
    }

    fn finish(mut self, digest_at: Vec<usize>) -> Result<LoaderProgram> {
        let spec = self.spec;
        let endian = spec.endian;
        let digest = sha256(&self.out.blob.bytes);
        let (words, _) = digest.as_chunks::<8>();
        for (place, word) in digest_at.iter().zip(words) {
            let word = endian.u64(*word);
            let insns = self.out.insns.iter_mut().skip(*place);
            for (insn, half) in insns.zip([word as i32, (word >> 32) as i32]) {
                insn.imm = half;
            }
        }
        let mut maps = Vec::new();
        for made in &self.maps {
            let Some(map) = spec.maps.get(made.spec) else {
                continue;
            };
            maps.push(LoaderMap {
                name: map.name.clone(),
                map_type: map.map_type,
                max_entries: map.max_entries,
                key_type: map.key_type,
                value_type: map.value_type,
                constants: map.data.as_ref().filter(|d| d.read_only).map(|d| d.size),
            });
        }
        let mut programs = Vec::new();
        for planned in &self.programs {
            let Some(program) = spec.programs.get(planned.index) else {
                continue;
            };
            programs.push(LoaderProg {
                name: program.name.clone(),
                section: program.section.clone(),
                prog_type: program.prog_type,
                attach_type: program.attach_type,
                target: program.target.clone(),
                autoattach: program.autoattach,
            });
        }
        let of_symbol = |symbol: &Symbol| spec.externs.get(symbol.index).map(|e| e.name.clone());
        let symbols: Vec<String> = self.symbols.iter().filter_map(of_symbol).collect();
        Ok(LoaderProgram {
            name: spec.name.to_owned(),
            endian,
            signed: self.options.signed,
            context_bytes: self.layout.end,
            btf: self.btf_bytes,
            variables: self.variables(),
            signature: Vec::new(),
            insns_signature: Vec::new(),
            insns: self.out.insns,
            blob: self.out.blob.bytes,
            maps,
            programs,
            symbols,
        })
    }

    /// Global variables, and values of the kernel's configuration, by the loader's maps.
    fn variables(&self) -> Vec<Variable> {
        let mut all = self.spec.variables.clone();
        all.extend(self.spec.externs.iter().filter_map(Extern::variable));
        all.retain_mut(|variable| {
            let made = self.maps.iter().find(|made| made.spec == variable.map);
            made.is_some_and(|made| {
                variable.map = made.index;
                true
            })
        });
        all
    }
}
