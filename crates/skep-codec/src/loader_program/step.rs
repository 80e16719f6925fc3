//! What a loader program is doing: it says so in its context, and what fails is known by it.

use super::LoaderProgram;
use alloc::string::String;

/// A step of a loader program. Indices are of its vectors.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet.
    None,
    /// Compares the digest of its data with the one that it knows.
    CheckData,
    /// `BPF_BTF_LOAD`.
    LoadBtf,
    /// Makes what the inner maps of a map are to be like.
    CreateInner(usize),
    /// `BPF_MAP_CREATE`.
    CreateMap(usize),
    /// Puts a section's data into its map.
    FillMap(usize),
    /// `BPF_MAP_FREEZE`.
    FreezeMap(usize),
    /// Puts maps and programs into a map.
    FillSlots(usize),
    /// Looks for a symbol of the kernel.
    FindSymbol(usize),
    /// Looks for what a program attaches to.
    FindTarget(usize),
    /// `BPF_PROG_LOAD`.
    LoadProgram(usize),
}

impl Step {
    /// As it is in the context: kind above, index below.
    pub(super) fn raw(self) -> u32 {
        let (kind, index) = match self {
            Self::None => (0, 0),
            Self::CheckData => (1, 0),
            Self::LoadBtf => (2, 0),
            Self::CreateInner(map) => (3, map),
            Self::CreateMap(map) => (4, map),
            Self::FillMap(map) => (5, map),
            Self::FreezeMap(map) => (6, map),
            Self::FillSlots(map) => (7, map),
            Self::FindSymbol(symbol) => (8, symbol),
            Self::FindTarget(program) => (9, program),
            Self::LoadProgram(program) => (10, program),
        };
        kind << 16 | index as u32 & 0xffff
    }

    /// From the context; [`Step::None`] for what is none.
    pub fn from_raw(raw: u32) -> Self {
        let index = (raw & 0xffff) as usize;
        match raw >> 16 {
            1 => Self::CheckData,
            2 => Self::LoadBtf,
            3 => Self::CreateInner(index),
            4 => Self::CreateMap(index),
            5 => Self::FillMap(index),
            6 => Self::FreezeMap(index),
            7 => Self::FillSlots(index),
            8 => Self::FindSymbol(index),
            9 => Self::FindTarget(index),
            10 => Self::LoadProgram(index),
            _ => Self::None,
        }
    }
}

impl LoaderProgram {
    /// A step in words, such as "create map `counts`".
    pub fn describe(&self, step: Step) -> String {
        let map = |index: usize| self.maps.get(index).map_or("?", |map| &map.name);
        let program = |index: usize| self.programs.get(index).map_or("?", |p| &p.name);
        match step {
            Step::None => "begin".into(),
            Step::CheckData => "compare the digest of the data".into(),
            Step::LoadBtf => "upload the object's BTF".into(),
            Step::CreateInner(index) => format!("create inner map of `{}`", map(index)),
            Step::CreateMap(index) => format!("create map `{}`", map(index)),
            Step::FillMap(index) => format!("fill map `{}`", map(index)),
            Step::FreezeMap(index) => format!("freeze map `{}`", map(index)),
            Step::FillSlots(index) => format!("put what it holds into map `{}`", map(index)),
            Step::FindSymbol(index) => {
                let name = self.symbols.get(index).map_or("?", String::as_str);
                format!("find `{name}` in the kernel")
            }
            Step::FindTarget(index) => format!("find what program `{}` is for", program(index)),
            Step::LoadProgram(index) => format!("load program `{}`", program(index)),
        }
    }
}
