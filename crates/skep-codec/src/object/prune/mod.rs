//! Branches that constants decide: what cannot run any more is made to need nothing.
//!
//! Functions stay as long as they are. The verifier takes out what does not run; before that it
//! wants each map, function and type that is named there, and this is where they are forgotten.
//! Whatever is in doubt counts as running.

mod flow;
#[cfg(test)]
mod tests;
mod value;

use super::link::{places, slot};
use super::{Data, DataKind, Function, MapSpec, ObjectSpec, Pinning, Target};
use crate::insn::Insn;
use crate::map::Map;
use crate::uapi::bpf::MapType;
use crate::uapi::flags;
use alloc::string::String;
use alloc::vec::Vec;

/// `r0 = 0`.
const ZERO: Insn = Insn {
    code: 0xb7,
    dst: 0,
    src: 0,
    off: 0,
    imm: 0,
};

impl ObjectSpec {
    /// Forgets what cannot run with the read-only data as it is now: references to maps, functions
    /// and kernel symbols, and CO-RE relocations. It is for right before loading: branches that
    /// were decided stay so, whatever is set afterwards. `is_set` says of a map of read-only data
    /// whether its contents are those that programs will read. The answer is how many references
    /// were forgotten.
    ///
    /// Constants are followed through registers, not through the stack, nor into a function that is
    /// called.
    ///
    /// # Kernel
    /// Linux 5.5 is the first whose verifier reads constants too: older ones refuse what is left of
    /// the instructions that do not run.
    pub fn prune(&mut self, is_set: &dyn Fn(usize) -> bool) -> usize {
        // Relocations that were lost may be of any instruction.
        if !self.ext.errors.is_empty() {
            return 0;
        }
        let runs: Vec<Option<Vec<bool>>> = {
            let constants = |map: usize| {
                let data = self.maps.get(map).and_then(constant);
                data.filter(|_| is_set(map))
            };
            let mut runs = Vec::with_capacity(self.functions.len());
            for function in &self.functions {
                runs.push(flow::runs(self, function, &constants));
            }
            runs
        };
        self.forget_relocations(&runs);
        let mut forgotten = 0_usize;
        for (function, runs) in self.functions.iter_mut().zip(&runs) {
            if let Some(runs) = runs {
                forgotten = forgotten.saturating_add(forget(function, runs));
            }
        }
        forgotten
    }

    /// Forgets the CO-RE relocations of instructions that do not run in any function that has them:
    /// functions may share their bytes.
    fn forget_relocations(&mut self, runs: &[Option<Vec<bool>>]) {
        let mut dead: Map<String, Vec<Option<bool>>> = Map::new();
        for (function, runs) in self.functions.iter().zip(runs) {
            let Some(all) = self.ext.core_relos.get(&function.section) else {
                continue;
            };
            dead.insert_new(function.section.clone(), || alloc::vec![None; all.len()]);
            let Some(verdicts) = dead.get_mut(&function.section) else {
                continue;
            };
            let own = places(all, function, |relo| relo.insn_off);
            let relos = all.iter().zip(verdicts.iter_mut()).skip(own.start);
            for (relo, verdict) in relos.take(own.len()) {
                let now = slot(function, relo.insn_off).and_then(|at| function.slot_now(at));
                let here = runs.as_ref().zip(now);
                let stands = here.is_some_and(|(runs, now)| runs.get(now) == Some(&false));
                *verdict = Some(stands && *verdict != Some(false));
            }
        }
        for (section, verdicts) in dead.iter() {
            if let Some(relos) = self.ext.core_relos.get_mut(section) {
                let mut verdicts = verdicts.iter();
                relos.retain(|_| verdicts.next() != Some(&Some(true)));
            }
        }
    }
}

/// The data of a map that nobody can write once it is loaded.
fn constant(map: &MapSpec) -> Option<&Data> {
    let data = map.data.as_ref()?;
    let fixed = matches!(data.kind, DataKind::Rodata | DataKind::Kconfig)
        && data.read_only
        && map.map_flags & flags::RDONLY_PROG != 0
        && (map.map_type, map.max_entries) == (MapType::ARRAY, 1)
        && (map.key_size, map.value_size) == (4, data.size)
        && map.pinning == Pinning::None;
    fixed.then_some(data)
}

/// Forgets what instructions that do not run refer to. Jump tables stay: the verifier asks for one
/// wherever it sees an indirect jump.
fn forget(function: &mut Function, runs: &[bool]) -> usize {
    let (insns, before) = (&mut function.insns, function.refs.len());
    function.refs.retain(|reference| {
        let stays = runs.get(reference.insn) != Some(&false);
        if stays || matches!(reference.to, Target::JumpTable(_)) {
            return true;
        }
        let rest = insns.get_mut(reference.insn..).unwrap_or_default();
        match rest {
            [first, second, ..] if first.is_wide() => {
                (first.src, first.imm, second.imm) = (0, 0, 0);
            }
            [call, ..] if call.code == Insn::CALL => *call = ZERO,
            // A mistake of an edit: to be told when it is linked.
            _ => return true,
        }
        false
    });
    before.saturating_sub(function.refs.len())
}
