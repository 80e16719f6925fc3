//! Candidates by name, one decision for each relocation, one target type for each local type.

use super::compat::kinds_agree;
use super::matching::{Verdict, match_spec};
use super::spec::Spec;
use super::value::{Computed, compute};
use super::words::type_text;
use super::{Access, Budget, Failure, Resolution, Value};
use crate::Result;
use crate::btf::{Btf, CoreKind, CoreRelo, Kind, Kinds, TypeId, Wanted, essential_name};
use crate::error::bail;
use crate::map::Map;
use crate::text::joined;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Resolves the relocations of one object against the types of one kernel.
pub struct Resolver<'a> {
    local: &'a Btf,
    targets: Vec<(String, &'a Btf)>,
    candidates: Map<u64, Candidates<'a>>,
    cache: Map<(usize, u64), Result<Resolution>>,
    budget: Budget,
}

/// The target types that one local type may stand for.
struct Candidates<'a> {
    name: &'a str,
    kinds: Kinds,
    /// Those that fitted every relocation so far.
    kept: Arc<Vec<Candidate>>,
    /// Those that an earlier relocation ruled out.
    dropped: Vec<Candidate>,
}

impl Candidates<'_> {
    /// Whether no target has the type, as far as was looked.
    fn is_open(&self) -> bool {
        self.kept.is_empty() && self.dropped.is_empty()
    }
}

#[derive(Clone, Copy)]
struct Candidate {
    target: usize,
    id: TypeId,
}

impl<'a> Resolver<'a> {
    /// A resolver for these relocations. Targets are added next; without one, only local type ids
    /// can be resolved.
    pub fn new<'r>(local: &'a Btf, relos: impl IntoIterator<Item = &'r CoreRelo>) -> Self {
        let mut candidates = Map::new();
        let mut count = 0_u64;
        for relo in relos {
            count = count.saturating_add(1);
            if relo.kind == CoreKind::TypeIdLocal {
                continue;
            }
            // A relocation of a type that is not there fails when it is resolved.
            let Ok(ty) = local.ty(relo.type_id) else {
                continue;
            };
            match ty.name() {
                Ok(name) if !name.is_empty() => {
                    candidates.insert_new(u64::from(relo.type_id.0), || Candidates {
                        name,
                        kinds: kinds_like(ty.kind()),
                        kept: Arc::default(),
                        dropped: Vec::new(),
                    });
                }
                _ => {}
            }
        }
        Self {
            local,
            targets: Vec::new(),
            candidates,
            cache: Map::new(),
            budget: Budget::for_relocations(count),
        }
    }

    /// Looks through a set of target types: the kernel's, or those given in its place. One pass
    /// over the types.
    pub fn add_target(&mut self, name: &str, btf: &'a Btf) {
        self.add(&mut core::iter::once((name, btf)));
    }

    /// Looks through several sets of target types, which count alike: the modules', where
    /// [`Resolver::lacks`] says so after the kernel's. Types that an earlier target has are not
    /// looked for again. One pass over the types of each.
    pub fn add_targets<'n>(&mut self, targets: impl IntoIterator<Item = (&'n str, &'a Btf)>) {
        self.add(&mut targets.into_iter());
    }

    fn add<'n>(&mut self, targets: &mut dyn Iterator<Item = (&'n str, &'a Btf)>) {
        let open = self.candidates.values().filter(|c| c.is_open());
        // Local types of one name share one list.
        let mut asked: Map<(&str, Kinds), usize> = Map::new();
        for c in open {
            let next = asked.len();
            asked.insert_new((essential_name(c.name), c.kinds), || next);
        }
        let mut names: Vec<(&str, Kinds)> = alloc::vec![("", Kinds::ALL); asked.len()];
        for (name, place) in asked.iter() {
            if let Some(slot) = names.get_mut(*place) {
                *slot = *name;
            }
        }
        let wanted = Wanted::essential(names);
        let mut found: Vec<Arc<Vec<Candidate>>> = Vec::new();
        found.resize_with(wanted.len(), Arc::default);
        for (name, btf) in targets {
            let target = self.targets.len();
            self.targets.push((name.into(), btf));
            if wanted.is_empty() {
                continue;
            }
            for (list, ids) in found.iter_mut().zip(btf.find_many(&wanted)) {
                let list = Arc::make_mut(list);
                for id in ids {
                    list.push(Candidate { target, id });
                }
            }
        }
        for candidates in self.candidates.values_mut().filter(|c| c.is_open()) {
            let place = asked.get(&(essential_name(candidates.name), candidates.kinds));
            if let Some(list) = place.and_then(|place| found.get(*place)) {
                candidates.kept = list.clone();
            }
        }
        self.cache = Map::new();
    }

    /// Whether the type that a relocation is about is in no target yet.
    pub fn lacks(&self, relo: &CoreRelo) -> bool {
        let candidates = self.candidates.get(&u64::from(relo.type_id.0));
        relo.kind != CoreKind::TypeIdLocal && candidates.is_some_and(Candidates::is_open)
    }

    /// Whether some type has not been found in any target yet.
    pub fn wants_more(&self) -> bool {
        self.candidates.values().any(Candidates::is_open)
    }

    /// Whether there is anything to look up in a target at all.
    pub fn needs_target(&self) -> bool {
        !self.candidates.is_empty()
    }

    /// The type and field that a relocation asks for, in words.
    pub fn describe(&self, relo: &CoreRelo) -> String {
        match Spec::local(self.local, relo) {
            Ok(spec) => format!("{} {}", relo.kind.text(), spec.text(relo.kind)),
            Err(_) => format!("{} type {}", relo.kind.text(), relo.type_id.0),
        }
    }

    /// Resolves one relocation. Equal ones are worked out once.
    ///
    /// # Errors
    /// A malformed relocation, or `Ambiguous` where several target types fit and disagree. That
    /// nothing fits is no error but [`Resolution::Failed`].
    pub fn resolve(&mut self, relo: &CoreRelo) -> Result<Resolution> {
        let what = u64::from(relo.access_off) << 8 | relo.kind as u64;
        let key = (relo.type_id.0 as usize, what);
        if let Some(known) = self.cache.get(&key) {
            return known.clone();
        }
        let outcome = self
            .resolve_new(relo)
            .map_err(|e| e.of_symbol(self.describe(relo)));
        self.cache.insert(key, outcome.clone());
        outcome
    }

    fn resolve_new(&mut self, relo: &CoreRelo) -> Result<Resolution> {
        let spec = Spec::local(self.local, relo)?;
        if relo.kind == CoreKind::TypeIdLocal {
            let id = u64::from(relo.type_id.0);
            return Ok(Resolution::Value(Value {
                local: id,
                target: id,
                check_local: false,
                target_index: None,
                access: None,
            }));
        }
        let Some(candidates) = self.candidates.get_mut(&u64::from(relo.type_id.0)) else {
            bail!(Unsupported, "the type has no name to look for");
        };
        if self.targets.is_empty() {
            bail!(NotFound, "there are no kernel types to look in");
        }
        let mut round = Round {
            targets: &self.targets,
            kind: relo.kind,
            local: &spec,
            budget: &mut self.budget,
            misses: Vec::new(),
        };
        round.run(candidates)
    }
}

/// One relocation against all candidates.
struct Round<'r, 'a> {
    targets: &'r [(String, &'a Btf)],
    kind: CoreKind,
    local: &'r Spec<'a>,
    budget: &'r mut Budget,
    misses: Vec<String>,
}

struct Chosen<'a> {
    candidate: Candidate,
    spec: Spec<'a>,
    computed: Computed,
}

impl<'a> Round<'_, 'a> {
    fn run(&mut self, candidates: &mut Candidates<'a>) -> Result<Resolution> {
        let Some(local) = compute(self.kind, Some(self.local))? else {
            bail!(Malformed, "{} cannot be worked out", self.kind.text());
        };
        let mut chosen: Option<Chosen<'a>> = None;
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for &candidate in candidates.kept.iter() {
            let Some(spec) = self.try_candidate(candidate)? else {
                dropped.push(candidate);
                continue;
            };
            kept.push(candidate);
            let Some(computed) = compute(self.kind, Some(&spec))? else {
                continue;
            };
            match &chosen {
                None => {
                    chosen = Some(Chosen {
                        candidate,
                        spec,
                        computed,
                    });
                }
                Some(first) => self.agree(first, candidate, &spec, &computed)?,
            }
        }
        match chosen {
            Some(chosen) => {
                if !dropped.is_empty() {
                    candidates.kept = Arc::new(kept);
                    candidates.dropped.append(&mut dropped);
                }
                Ok(Resolution::Value(self.value(&local, &chosen)?))
            }
            None => self.nothing(&local, candidates),
        }
    }

    fn try_candidate(&mut self, candidate: Candidate) -> Result<Option<Spec<'a>>> {
        let Some((name, btf)) = self.targets.get(candidate.target) else {
            return Ok(None);
        };
        match match_spec(self.local, self.kind, btf, candidate.id, self.budget)? {
            Verdict::Match(spec) => Ok(Some(spec)),
            Verdict::Miss(why) => {
                self.misses.push(format!("in {name}, {why}"));
                Ok(None)
            }
        }
    }

    fn target_name(&self, candidate: Candidate) -> &str {
        let target = self.targets.get(candidate.target);
        target.map_or("", |(name, _)| name)
    }

    fn agree(
        &self,
        first: &Chosen<'a>,
        candidate: Candidate,
        spec: &Spec<'a>,
        computed: &Computed,
    ) -> Result<()> {
        let values = (first.computed.value, computed.value);
        let places = (first.spec.bit_offset, spec.bit_offset);
        let (what, (mine, theirs)) = match (values.0 == values.1, places.0 == places.1) {
            (true, true) => return Ok(()),
            (true, false) => ("has it at bit", places),
            (false, _) => ("gives", values),
        };
        bail!(
            Ambiguous,
            "several types have that name, and they disagree: [{}] of {} {what} {mine}, [{}] of {} \
             {theirs}",
            first.spec.root.0,
            self.target_name(first.candidate),
            spec.root.0,
            self.target_name(candidate),
        )
    }

    fn value(&self, local: &Computed, chosen: &Chosen<'a>) -> Result<Value> {
        let access = match (local.access, chosen.computed.access) {
            (Some((local_bytes, mine)), Some((target_bytes, theirs))) => Some(Access {
                local_bytes,
                target_bytes,
                refused: self.refused((local_bytes, mine), (target_bytes, theirs), &chosen.spec)?,
            }),
            _ => None,
        };
        Ok(Value {
            local: local.value,
            target: chosen.computed.value,
            // The target's id is none of the compiler's business, nor is a bit-field's place.
            check_local: local.certain,
            target_index: Some(chosen.candidate.target),
            access,
        })
    }

    /// A load may change its width for pointers and unsigned integers only: the upper bits of
    /// anything else would be wrong.
    fn refused(
        &self,
        (local_bytes, local): (u64, TypeId),
        (target_bytes, target): (u64, TypeId),
        spec: &Spec<'a>,
    ) -> Result<Option<Failure>> {
        if local_bytes == target_bytes {
            return Ok(None);
        }
        let (a, b) = (self.local.btf.ty(local)?, spec.btf.ty(target)?);
        let widens = match (a.kind(), b.kind()) {
            (Kind::Ptr, Kind::Ptr) => true,
            (Kind::Int, Kind::Int) => !a.int()?.signed && !b.int()?.signed,
            _ => false,
        };
        if widens {
            return Ok(None);
        }
        Ok(Some(Failure::new(
            self.local.text(self.kind),
            format!(
                "{target_bytes} bytes in the kernel ({}), {local_bytes} in the program ({}): only \
                 pointers and unsigned integers can be read at another width",
                type_text(spec.btf, target),
                type_text(self.local.btf, local)
            ),
        )))
    }

    /// No candidate fits. For questions of existence that is the answer.
    fn nothing(&mut self, local: &Computed, candidates: &Candidates<'a>) -> Result<Resolution> {
        if let Some(computed) = compute(self.kind, None)? {
            return Ok(Resolution::Value(Value {
                local: local.value,
                target: computed.value,
                check_local: local.certain,
                target_index: None,
                access: None,
            }));
        }
        let mut reasons = core::mem::take(&mut self.misses);
        for &candidate in &candidates.dropped {
            if self.try_candidate(candidate)?.is_some() {
                reasons.push(format!(
                    "type [{}] has it, but other relocations took another {}: one type cannot \
                     stand for both",
                    candidate.id.0, candidates.name
                ));
            }
        }
        if reasons.is_empty() {
            let what = type_text(self.local.btf, self.local.root);
            let places = match self.targets {
                [(name, _)] => name.clone(),
                [(name, _), more @ ..] => format!("{name} and {} modules", more.len()),
                [] => String::new(),
            };
            reasons.push(format!("no {} in {places}", essential_name(&what)));
        }
        let mut last = String::new();
        reasons.retain(|reason| core::mem::replace(&mut last, reason.clone()) != *reason);
        reasons.truncate(4);
        Ok(Resolution::Failed(Failure::new(
            self.local.text(self.kind),
            joined(&reasons, "; "),
        )))
    }
}

/// The kinds that a type of this kind may be in the target.
pub(super) fn kinds_like(kind: Kind) -> Kinds {
    [Kind::Enum, Kind::Enum64]
        .into_iter()
        .filter(|other| kinds_agree(kind, *other))
        .fold(Kinds::of(kind), |all, other| all.or(Kinds::of(other)))
}
