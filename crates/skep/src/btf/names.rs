//! Names that a load refers to, each with what is known of where it is.

use super::Place;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use skep_codec::btf::{Btf, Kinds, Wanted};

/// Where a name was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// Nowhere yet.
    Nowhere,
    /// In the kernel's own types.
    InKernel,
    /// In its modules' too.
    InModules,
}

struct Name<'a> {
    name: String,
    kinds: Kinds,
    place: Option<Place<'a>>,
    looked: Looked,
}

/// Names in order, to be looked for together.
#[derive(Default)]
pub(super) struct Names<'a>(Vec<Name<'a>>);

impl<'a> Names<'a> {
    fn search(&self, name: &str, kinds: Kinds) -> Result<usize, usize> {
        let key = |entry: &Name<'_>| (entry.name.as_str(), entry.kinds).cmp(&(name, kinds));
        self.0.binary_search_by(key)
    }

    /// Adds a name that is not there.
    pub(super) fn add(&mut self, name: &str, kinds: Kinds) {
        if let Err(at) = self.search(name, kinds) {
            let entry = Name {
                name: name.to_owned(),
                kinds,
                place: None,
                looked: Looked::Nowhere,
            };
            self.0.insert(at, entry);
        }
    }

    /// Where this one is, if it is found.
    pub(super) fn place(&self, (name, kinds): (&str, Kinds)) -> Option<Place<'a>> {
        self.0.get(self.search(name, kinds).ok()?)?.place
    }

    /// Whether this one was looked for so far and no further, and is not found.
    pub(super) fn is_open(&self, (name, kinds): (&str, Kinds), looked: Looked) -> bool {
        let entry = self.search(name, kinds).ok().and_then(|at| self.0.get(at));
        entry.is_some_and(|entry| entry.is_open(looked))
    }

    /// All that were looked for so far and no further, and are not found.
    pub(super) fn open(&self, looked: Looked) -> Open {
        let (mut names, mut at) = (Vec::new(), Vec::new());
        for (index, entry) in self.0.iter().enumerate() {
            if entry.is_open(looked) {
                names.push((entry.name.as_str(), entry.kinds));
                at.push(index);
            }
        }
        let wanted = Wanted::new(names);
        Open { wanted, at }
    }

    /// Looks for open names in these types, of a module or of the kernel itself; whether all are
    /// found now.
    pub(super) fn look(&mut self, open: &Open, btf: &'a Btf, module: Option<usize>) -> bool {
        let mut all = true;
        for (at, ids) in open.at.iter().zip(btf.find_many(&open.wanted)) {
            let Some(entry) = self.0.get_mut(*at) else {
                continue;
            };
            if let (None, Some(&id)) = (&entry.place, ids.first()) {
                entry.place = Some(Place { btf, id, module });
            }
            all &= entry.place.is_some();
        }
        all
    }

    /// Notes how far these have been looked for.
    pub(super) fn note(&mut self, open: &Open, looked: Looked) {
        for at in &open.at {
            if let Some(entry) = self.0.get_mut(*at) {
                entry.looked = looked;
            }
        }
    }
}

/// Names that are looked for, good until one is added.
pub(super) struct Open {
    wanted: Wanted,
    at: Vec<usize>,
}

impl Name<'_> {
    fn is_open(&self, looked: Looked) -> bool {
        self.looked == looked && self.place.is_none()
    }
}
