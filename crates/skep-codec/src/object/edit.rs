//! Instructions replaced before a program is loaded.

use super::{Function, Ref};
use crate::error::bail;
use crate::insn::Insn;
use crate::order;
use crate::{Error, ErrorKind, Result};
use alloc::vec::Vec;
use core::ops::Range;

/// What has become of the instruction slots of a function that was edited. Records of lines,
/// relocations and jump tables know the old ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moved(Option<Vec<u32>>);

/// A slot that is gone.
const GONE: u32 = u32::MAX;

impl Function {
    /// Replaces the instructions in `slots` by `insns`, which refer to what `refs` says (slots from
    /// the first of them on). An empty range inserts. Jumps of the other instructions go where they
    /// went: to what was inserted before their target they do not go, to the first of what
    /// replaces it they do. Source lines and CO-RE relocations stay with their instructions.
    ///
    /// # Errors
    /// A range that is not in the function or cuts a wide load, a jump into the middle of what is
    /// replaced, a jump that gets too far. The function is then as it was.
    #[doc(alias = "bpf_program__set_insns")]
    #[inline]
    pub fn splice(&mut self, slots: Range<usize>, insns: &[Insn], refs: &[Ref]) -> Result<()> {
        let named = |e: Error| e.in_section(&self.section).of_symbol(&self.name);
        let shift = Shift::new(&self.insns, &slots, insns.len()).map_err(named)?;
        if let Some(beyond) = refs.iter().find(|r| r.insn >= insns.len()) {
            let what = format!("a reference of instruction {}", beyond.insn);
            return Err(named(Error::new(ErrorKind::NotFound, what)));
        }
        let mut new = Vec::with_capacity(self.insns.len().saturating_add(insns.len()));
        new.extend(shift.jumps(&self.insns, 0..slots.start).map_err(named)?);
        new.extend_from_slice(insns);
        let rest = slots.end..self.insns.len();
        new.extend(shift.jumps(&self.insns, rest).map_err(named)?);
        let old = self.insns.len();
        self.insns = new;
        self.refs.retain_mut(|r| match shift.place(r.insn) {
            Some(place) => {
                r.insn = place;
                true
            }
            None => false,
        });
        self.refs.extend(refs.iter().map(|r| Ref {
            insn: slots.start.saturating_add(r.insn),
            to: r.to,
        }));
        order::by_key(&mut self.refs, |r| r.insn as u64);
        self.moved.splice(old, &shift);
        Ok(())
    }

    /// Instruction slots that it has in the file.
    #[inline]
    pub(super) fn slots_in_file(&self) -> usize {
        self.moved.0.as_ref().map_or(self.insns.len(), Vec::len)
    }

    /// The slot that an instruction of the file is in now; `None` where it is gone.
    #[inline]
    pub(super) fn slot_now(&self, in_file: usize) -> Option<usize> {
        match &self.moved.0 {
            None => Some(in_file),
            Some(slots) => {
                let now = slots.get(in_file).copied();
                now.filter(|&now| now != GONE).map(|now| now as usize)
            }
        }
    }

    /// Whether it is as in the file, or all that was done to it is known.
    #[inline]
    pub(super) fn is_edited(&self) -> bool {
        self.moved.0.is_some()
    }
}

impl Moved {
    #[inline]
    fn splice(&mut self, len: usize, shift: &Shift) {
        let slots = self.0.get_or_insert_with(|| (0..len as u32).collect());
        for slot in slots.iter_mut().filter(|slot| **slot != GONE) {
            *slot = match shift.place(*slot as usize) {
                Some(place) => place as u32,
                None => GONE,
            };
        }
    }
}

/// How far slots move.
struct Shift {
    start: usize,
    end: usize,
    /// Slots that come in place of `start..end`.
    new: usize,
}

impl Shift {
    #[inline]
    fn new(insns: &[Insn], slots: &Range<usize>, new: usize) -> Result<Self> {
        let (start, end) = (slots.start, slots.end);
        let whole = |slot: usize| {
            let before = slot.checked_sub(1).and_then(|before| insns.get(before));
            slot <= insns.len() && !before.is_some_and(|insn| insn.is_wide())
        };
        if start > end || !whole(start) || !whole(end) {
            bail!(
                Malformed,
                "slots {start} to {end} are no whole instructions of {}",
                insns.len()
            );
        }
        Ok(Self { start, end, new })
    }

    /// Where an instruction is now.
    #[inline]
    fn place(&self, slot: usize) -> Option<usize> {
        match slot {
            before if before < self.start => Some(before),
            gone if gone < self.end => None,
            after => Some(after.saturating_sub(self.end).saturating_add(self.start))
                .map(|place| place.saturating_add(self.new)),
        }
    }

    /// Where a jump to this slot goes now.
    #[inline]
    fn target(&self, slot: usize) -> Option<usize> {
        if slot == self.start && self.start != self.end {
            return Some(slot);
        }
        self.place(slot)
    }

    /// These instructions, their jumps adjusted.
    #[inline]
    fn jumps(&self, insns: &[Insn], range: Range<usize>) -> Result<Vec<Insn>> {
        let mut out = insns.get(range.clone()).unwrap_or_default().to_vec();
        let mut second_half = false;
        for (slot, insn) in range.zip(&mut out) {
            if second_half {
                second_half = false;
                continue;
            }
            second_half = insn.is_wide();
            self.jump(slot, insn)?;
        }
        Ok(out)
    }

    #[inline]
    fn jump(&self, slot: usize, insn: &mut Insn) -> Result<()> {
        let Some(distance) = insn.jump() else {
            return Ok(());
        };
        let after = slot.saturating_add(1);
        let Some(target) = after.checked_add_signed(distance as isize) else {
            bail!(Malformed, "instruction {slot} jumps out of its function");
        };
        let (Some(from), Some(to)) = (self.place(slot), self.target(target)) else {
            bail!(
                Malformed,
                "instruction {slot} jumps into the middle of what is replaced"
            );
        };
        match insn.aim(from, to) {
            Ok(()) => Ok(()),
            Err(away) => bail!(
                TooLarge,
                "instruction {slot} would jump {away} instructions"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insn::assemble;
    use crate::object::Target;
    use alloc::string::ToString;

    #[inline]
    fn function(text: &str) -> Function {
        let assembly = assemble(text).unwrap();
        let call = |&(insn, _): &(usize, _)| Ref {
            insn,
            to: Target::Call(7),
        };
        Function {
            name: "f".into(),
            section: ".text".into(),
            section_index: 1,
            offset: 64,
            insns: assembly.insns,
            refs: assembly.symbols.iter().map(call).collect(),
            global: true,
            weak: false,
            hidden: false,
            moved: Moved::default(),
            error: None,
        }
    }

    #[inline]
    fn text(function: &Function) -> alloc::string::String {
        crate::insn::listing(&function.insns).to_string()
    }

    const LOOP: &str = "
        r1 = 5 ll
        again: r1 += -1
        call elsewhere
        if r1 != 0 goto again
        if r0 == 0 goto out
        r0 = 1
        out: exit";

    #[test]
    fn inserted_instructions_move_the_others() {
        let mut f = function(LOOP);
        let added = assemble("r9 = 1\n r9 += 2").unwrap().insns;
        f.splice(2..2, &added, &[]).unwrap();
        let want = assemble(
            "r1 = 5 ll
            r9 = 1
            r9 += 2
            again: r1 += -1
            call elsewhere
            if r1 != 0 goto again
            if r0 == 0 goto out
            r0 = 1
            out: exit",
        );
        assert_eq!(f.insns, want.unwrap().insns, "{}", text(&f));
        assert_eq!(f.refs[0].insn, 5);
        let now: Vec<_> = (0..9).map(|slot| f.slot_now(slot)).collect();
        let places = [0, 1, 4, 5, 6, 7, 8, 9].map(Some);
        assert_eq!(now, [&places[..], &[None]].concat());
        assert_eq!(f.slots_in_file(), 8);
    }

    #[test]
    fn replaced_instructions_are_gone() {
        let mut f = function(LOOP);
        let one = assemble("r0 = 3").unwrap().insns;
        // The call, with its reference; then the jump's target.
        f.splice(3..4, &one, &[]).unwrap();
        assert_eq!((f.refs.len(), f.slot_now(3)), (0, None));
        let to = Ref {
            insn: 1,
            to: Target::Call(9),
        };
        let two = assemble("r2 = 0\n call elsewhere").unwrap().insns;
        f.splice(2..3, &two, &[to]).unwrap();
        assert_eq!(f.refs, [Ref { insn: 3, ..to }]);
        let want = assemble(
            "r1 = 5 ll
            again: r2 = 0
            call elsewhere
            r0 = 3
            if r1 != 0 goto again
            if r0 == 0 goto out
            r0 = 1
            out: exit",
        );
        assert_eq!(f.insns, want.unwrap().insns, "{}", text(&f));
        assert_eq!((f.slot_now(2), f.slot_now(4)), (None, Some(5)));
    }

    #[test]
    fn what_cannot_be_spliced_changes_nothing() {
        let mut f = function(LOOP);
        let before = f.clone();
        let nothing: [Insn; 0] = [];
        let mut fails = |slots: Range<usize>, insns: &[Insn], refs: &[Ref]| {
            let kind = f.splice(slots, insns, refs).unwrap_err().kind();
            assert_eq!((&f.insns, &f.refs), (&before.insns, &before.refs));
            assert_eq!(f.moved, Moved::default());
            kind
        };
        assert_eq!(
            fails(1..1, &nothing, &[]),
            ErrorKind::Malformed,
            "half a load"
        );
        assert_eq!(fails(0..1, &nothing, &[]), ErrorKind::Malformed);
        assert_eq!(fails(7..9, &nothing, &[]), ErrorKind::Malformed, "beyond");
        assert_eq!(fails(6..8, &nothing, &[]), ErrorKind::Malformed, "a target");
        let far = alloc::vec![Insn::default(); 40_000];
        assert_eq!(fails(6..6, &far, &[]), ErrorKind::TooLarge);
        let to = Ref {
            insn: 0,
            to: Target::Call(9),
        };
        assert_eq!(fails(0..0, &nothing, &[to]), ErrorKind::NotFound);
    }
}
