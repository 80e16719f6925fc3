//! Names of what is in an object, each once.

use super::shown;
use crate::btf::rust_names::{Members, escaped};
use crate::map::Map;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// No kernel has a longer name.
const LONGEST: usize = 512;
/// Bytes of names that any file may have.
const MIN_ROOM: usize = 256 << 10;

/// Something with a name.
pub(super) struct Item {
    /// Its name in the object.
    pub(super) name: String,
    /// What the function is called.
    pub(super) ident: String,
    /// What is said of it.
    pub(super) what: String,
    /// Whether it may be missing.
    pub(super) optional: bool,
}

/// What is said of names, and how many bytes of them there may still be: a file's symbols may all
/// have the same long one.
pub(super) struct Notes {
    pub(super) lines: Vec<String>,
    room: Option<usize>,
}

impl Notes {
    /// Of a file of this size.
    pub(super) fn new(len: usize) -> Self {
        Self {
            lines: Vec::new(),
            room: len.checked_add(MIN_ROOM),
        }
    }

    /// Whether there were too many bytes of names.
    pub(super) fn is_over(&self) -> bool {
        self.room.is_none()
    }

    /// Whether this can be the name of something; if not, it is said.
    pub(super) fn is_name(&mut self, what: &str, name: &str) -> bool {
        self.room = self.room.and_then(|room| room.checked_sub(name.len()));
        let graphic = name.bytes().all(|byte| byte.is_ascii_graphic());
        let good = graphic && !name.is_empty() && name.len() <= LONGEST;
        if !good && !self.is_over() {
            let line = format!("the {what} {} is left out: no such name", shown(name));
            self.lines.push(line);
        }
        good && !self.is_over()
    }

    pub(super) fn second(&mut self, what: &str, name: &str) {
        let line = format!("a second {what} {} is left out", shown(name));
        self.lines.push(line);
    }
}

/// Names that have been given, and which were met again.
#[derive(Default)]
pub(super) struct Once {
    seen: Map<String, ()>,
    idents: Members,
}

impl Once {
    /// The item of this name, if it is the first.
    pub(super) fn item(&mut self, what: &str, name: &str, notes: &mut Notes) -> Option<Item> {
        if !notes.is_name(what, name) {
            return None;
        }
        if self.seen.contains_key(name) {
            notes.second(what, name);
            return None;
        }
        self.seen.insert(name.to_owned(), ());
        // Dots are what names of sections begin with.
        let bare = name.trim_start_matches('.');
        let ident = self.idents.fresh(bare);
        if ident != escaped(bare) {
            let line = format!("the {what} {} is called `{ident}`", shown(name));
            notes.lines.push(line);
        }
        Some(Item {
            name: name.to_owned(),
            ident,
            what: String::new(),
            optional: false,
        })
    }
}
