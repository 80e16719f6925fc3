//! Whether two graphs of types are equal, under the assumption that they are.

use super::equal::same_but_types;
use super::{Dedup, NONE};
use crate::Result;
use crate::btf::Kind;
use crate::btf::records::{HEAD, kind_of, types};
use alloc::vec::Vec;

/// How deep a compiler's repetitions of a type are looked into.
const MAX_REPEATED: u32 = 16;

/// What a forward declaration with this info word declares.
pub(super) fn declared(info: u32) -> Kind {
    if info >> 31 != 0 {
        Kind::Union
    } else {
        Kind::Struct
    }
}

/// What was assumed of a canonical type before.
#[derive(PartialEq, Eq)]
enum Assumed {
    New,
    Already,
    Otherwise,
}

impl Dedup {
    /// Whether everything that hangs on the type `id` is equal to what hangs on `canon`. What was
    /// assumed on the way stays until [`Dedup::forget`].
    pub(super) fn equivalent(&mut self, id: u32, canon: u32) -> Result<bool> {
        // What is near differs first, if anything does: a queue, not a stack.
        let mut open = alloc::vec![(id, canon)];
        let mut done = 0_usize;
        while let Some(&(id, canon)) = open.get(done) {
            self.spend(1)?;
            done = done.saturating_add(1);
            let (mine, theirs) = (self.resolve(id), self.resolve(canon));
            if mine == theirs {
                continue;
            }
            // What a declaration was found to be of counts, not the declaration.
            let id = if self.kind(id) == Kind::Fwd { mine } else { id };
            let canon = if self.kind(canon) == Kind::Fwd {
                theirs
            } else {
                canon
            };
            match self.assume(canon, id)? {
                Assumed::New => {}
                Assumed::Already => continue,
                Assumed::Otherwise => return Ok(false),
            }
            let (kind, other) = (self.kind(id), self.kind(canon));
            let same = match (kind, other) {
                // A declaration is of one type only.
                (Kind::Fwd, _) => {
                    self.declares(id, canon) && self.assume(id, canon)? != Assumed::Otherwise
                }
                // A type of the base cannot be completed by one that is not there for others.
                (_, Kind::Fwd) => self.declares(canon, id) && canon >= self.first,
                _ => self.same_type(id, canon, &mut open),
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Assumes for this comparison that `canon` is `id`.
    fn assume(&mut self, canon: u32, id: u32) -> Result<Assumed> {
        match self.assumed.get(canon as usize).copied() {
            Some(NONE) => {}
            Some(other) if other == id || self.repeated(other, id, MAX_REPEATED)? => {
                return Ok(Assumed::Already);
            }
            _ => return Ok(Assumed::Otherwise),
        }
        if let Some(slot) = self.assumed.get_mut(canon as usize) {
            *slot = id;
            self.visited.push(canon);
        }
        Ok(Assumed::New)
    }

    /// Whether `fwd` can be a declaration of the struct or union `id`.
    fn declares(&self, fwd: u32, id: u32) -> bool {
        let ([name, info, _], [other, other_info, _]) = (self.head(fwd), self.head(id));
        name == other && declared(info) == kind_of(other_info)
    }

    /// Compares two types but for what they refer to: that is added to `open`.
    fn same_type(&self, id: u32, canon: u32, open: &mut Vec<(u32, u32)>) -> bool {
        let (mine, theirs) = (self.record(id), self.record(canon));
        let same = same_alone(mine, theirs);
        if same {
            open.extend(types(mine).zip(types(theirs)));
        }
        same
    }

    /// Compilers repeat arrays, and structs without a name, in one and the same compilation: whether
    /// two types are that, word for word.
    fn repeated(&mut self, a: u32, b: u32, depth: u32) -> Result<bool> {
        self.spend(1)?;
        if a == b {
            return Ok(true);
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(false);
        };
        let (mine, theirs) = (self.record(a), self.record(b));
        if !same_alone(mine, theirs) {
            return Ok(false);
        }
        let pairs: Vec<(u32, u32)> = types(mine).zip(types(theirs)).collect();
        for (x, y) in pairs {
            if !self.repeated(x, y, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// After a comparison that found equality: what was assumed is true. Declarations get their
    /// definitions, structs and unions on the way their canonical ones.
    pub(super) fn adopt(&mut self) {
        for place in 0..self.visited.len() {
            let Some(&canon) = self.visited.get(place) else {
                continue;
            };
            let assumed = self.assumed.get(canon as usize).copied();
            let id = self.resolve(assumed.unwrap_or(canon));
            let canon = self.resolve(canon);
            let (kind, other) = (self.kind(id), self.kind(canon));
            if kind != Kind::Fwd && other == Kind::Fwd {
                self.set(canon, id);
            } else if (kind == Kind::Fwd && other != Kind::Fwd)
                || (kind.is_composite() && other != Kind::Fwd && self.is_mapped(canon))
            {
                self.set(id, canon);
            }
        }
    }

    /// Ends a comparison.
    pub(super) fn forget(&mut self) {
        for canon in self.visited.drain(..) {
            if let Some(slot) = self.assumed.get_mut(canon as usize) {
                *slot = NONE;
            }
        }
    }
}

/// Whether two types are the same but for what they refer to.
fn same_alone(mine: &[u32], theirs: &[u32]) -> bool {
    let (Some([name, info, _]), Some([other_name, other_info, _])) =
        (mine.first_chunk(), theirs.first_chunk())
    else {
        return false;
    };
    if name != other_name || info != other_info || mine.len() != theirs.len() {
        return false;
    }
    match kind_of(*info) {
        Kind::Struct | Kind::Union => same_but_types(mine, theirs),
        Kind::Array => mine.last() == theirs.last(),
        Kind::FuncProto => same_parameter_names(mine, theirs),
        kind if kind.is_reference() => mine.get(HEAD..) == theirs.get(HEAD..),
        _ => mine == theirs,
    }
}

fn same_parameter_names(a: &[u32], b: &[u32]) -> bool {
    let params = |words| <[u32]>::as_chunks::<2>(words).0;
    let (a, b) = (a.get(HEAD..), b.get(HEAD..));
    let (a, b) = (params(a.unwrap_or_default()), params(b.unwrap_or_default()));
    a.iter().zip(b).all(|([name, _], [other, _])| name == other)
}
