//! As much of a kernel's types as the relocations of some objects need.

use super::Budget;
use super::matching::{Verdict, match_spec};
use super::resolve::kinds_like;
use super::spec::{Accessor, Spec};
use crate::Result;
use crate::btf::subset::{Extent, Subset};
use crate::btf::{
    Btf, BtfBuilder, BtfExt, CoreKind, CoreRelo, Kinds, TypeId, Wanted, essential_name,
};
use crate::elf::Elf;
use crate::error::bail;
use crate::map::Map;
use alloc::vec::Vec;

/// Anonymous structs inside each other.
const MAX_NESTING: u32 = 32;

/// The target's types that local types may stand for.
struct Candidates {
    /// For each local type the place of its list.
    places: Map<u32, usize>,
    lists: Vec<Vec<TypeId>>,
}

impl Candidates {
    fn of(&self, local: TypeId) -> &[TypeId] {
        let place = self.places.get(&local.0);
        let list = place.and_then(|place| self.lists.get(*place));
        list.map_or(&[], Vec::as_slice)
    }
}

/// Collects what relocations need of a target's types.
///
/// Relocations come to the same answer with what [`Minimal::build`] gives as with the whole, but for
/// the ids of target types: those are places in the set.
#[doc(alias = "bpftool gen min_core_btf")]
pub struct Minimal<'a> {
    target: &'a Btf,
    subset: Subset<'a>,
    lacks: bool,
}

impl<'a> Minimal<'a> {
    /// Nothing of `target` yet.
    pub fn new(target: &'a Btf) -> Self {
        Self {
            target,
            subset: Subset::new(target),
            lacks: false,
        }
    }

    /// Whether a relocation was about a type that the target has not, by name.
    pub fn lacks_types(&self) -> bool {
        self.lacks
    }

    /// Adds what the relocations of one object need. A relocation that the target cannot satisfy
    /// needs nothing, and fails with the result as it does with the whole.
    ///
    /// # Errors
    /// Types of the target that refer to what is not there, and `TooLarge` for comparisons without
    /// end. A malformed relocation is left to whoever resolves it.
    pub fn add<'r>(
        &mut self,
        local: &Btf,
        relos: impl IntoIterator<Item = &'r CoreRelo>,
    ) -> Result<()> {
        let mut specs = Vec::new();
        for relo in relos
            .into_iter()
            .filter(|r| r.kind != CoreKind::TypeIdLocal)
        {
            if let Ok(spec) = Spec::local(local, relo) {
                specs.push((relo, spec));
            }
        }
        let candidates = self.candidates(local, &specs)?;
        let mut budget = Budget::for_relocations(specs.len() as u64);
        for (relo, spec) in &specs {
            for id in candidates.of(relo.type_id) {
                budget.spend(4)?;
                let found = match_spec(spec, relo.kind, self.target, *id, &mut budget)?;
                // Without the field, that the type is there is what tells how it fails.
                self.subset.want(*id, extent(relo.kind))?;
                if let Verdict::Match(found) = found {
                    self.want_steps(&found, &mut budget)?;
                }
            }
        }
        Ok(())
    }

    /// [`Minimal::add`] for an object file. One without types or relocations needs nothing.
    ///
    /// # Errors
    /// As [`Minimal::add`], and a file that is no ELF object or whose types cannot be read.
    pub fn add_object(&mut self, file: &[u8]) -> Result<()> {
        let elf = Elf::parse(file, &mut Vec::new())?;
        let (Some((_, types)), Some((_, ext))) = (elf.section(".BTF"), elf.section(".BTF.ext"))
        else {
            return Ok(());
        };
        let local = Btf::from_bytes(types.bytes()?)?;
        let ext = BtfExt::parse(ext.bytes()?, &local)?;
        self.add(&local, ext.all_core_relos())
    }

    /// The types collected, as BTF of its own.
    ///
    /// # Errors
    /// Names that cannot be read.
    pub fn build(&self) -> Result<BtfBuilder> {
        self.subset.build()
    }

    /// The target's types with the name of each local type. One pass over them.
    fn candidates(&mut self, local: &Btf, specs: &[(&CoreRelo, Spec<'_>)]) -> Result<Candidates> {
        let mut places = Map::new();
        // Local types of one name share one list.
        let mut asked: Map<(&str, Kinds), usize> = Map::new();
        for (relo, _) in specs {
            let ty = local.ty(relo.type_id)?;
            if let (false, Ok(name)) = (ty.is_anonymous(), ty.name()) {
                let (key, next) = ((essential_name(name), kinds_like(ty.kind())), asked.len());
                asked.insert_new(key, || next);
                places.insert(relo.type_id.0, asked.get(&key).copied().unwrap_or(next));
            }
        }
        let mut names = alloc::vec![("", Kinds::ALL); asked.len()];
        for (name, place) in asked.iter() {
            if let Some(slot) = names.get_mut(*place) {
                *slot = *name;
            }
        }
        let wanted = Wanted::essential(names);
        let mut lists = self.target.find_many(&wanted);
        let mut base = self.target.base();
        while let Some(btf) = base {
            for (list, known) in lists.iter_mut().zip(btf.find_many(&wanted)) {
                if !known.is_empty() {
                    *list = known;
                }
            }
            base = btf.base();
        }
        self.lacks |= lists.iter().any(Vec::is_empty);
        Ok(Candidates { places, lists })
    }

    fn want_steps(&mut self, spec: &Spec<'_>, budget: &mut Budget) -> Result<()> {
        let mut at = spec.root;
        for step in &spec.steps {
            let ty = self.target.peel(at)?;
            let Some(member) = member_of(step) else {
                // The root, or an element: its array is known with it.
                at = step.ty;
                self.subset.want(at, Extent::Shell)?;
                continue;
            };
            if ty.kind().is_enum() {
                return Ok(());
            }
            self.want_path(ty.id(), step.ty, 0, budget)?;
            self.subset.want_member(step.ty, member)?;
            let mut members = self.target.ty(step.ty)?.raw_members();
            at = match members.nth(member as usize) {
                Some(member) => member.ty,
                None => bail!(NotFound, "no member {member} in type {}", step.ty.0),
            };
        }
        Ok(())
    }

    /// Wants the anonymous members that lead from one struct to another inside of it.
    fn want_path(
        &mut self,
        from: TypeId,
        to: TypeId,
        depth: u32,
        budget: &mut Budget,
    ) -> Result<bool> {
        if from == to {
            return Ok(true);
        }
        if depth >= MAX_NESTING {
            return Ok(false);
        }
        let ty = self.target.ty(from)?;
        for (index, member) in (0..).zip(ty.raw_members()) {
            budget.spend(1)?;
            if !self.target.string_is(member.name_off, "") {
                continue;
            }
            let inner = self.target.peel(member.ty)?;
            if inner.kind().is_composite()
                && self.want_path(inner.id(), to, depth.saturating_add(1), budget)?
            {
                self.subset.want_member(from, index)?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn member_of(step: &Accessor<'_>) -> Option<u32> {
    step.name.map(|_| step.index)
}

/// How much of a candidate a relocation looks at, beside the fields.
fn extent(kind: CoreKind) -> Extent {
    match kind {
        CoreKind::TypeMatches => Extent::Whole,
        kind if kind.is_type() => Extent::Shape,
        _ => Extent::Shell,
    }
}
