//! Types by name, in one pass over all of them: no table of names is kept.

use super::{Btf, Kind, TypeId};
use crate::bytes::{Endian, zero_bytes};
use crate::order;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kinds(u32);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(u32::MAX);

    /// The set of one kind; of none, where the kind is not known.
    pub const fn of(kind: Kind) -> Self {
        Self(match 1_u32.checked_shl(kind.raw() as u32) {
            Some(bit) => bit,
            None => 0,
        })
    }

    /// The kinds of either set.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// A bit for each kind, by its number.
    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the kind is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & Self::of(kind).0 != 0
    }
}

/// A name without its flavour: `task_struct` for `task_struct___old`.
///
/// A flavour begins at the last `___` that has a character other than `_` on either side.
#[inline(never)]
pub fn essential_name(name: &str) -> &str {
    let bytes = name.as_bytes();
    let flavour = bytes
        .windows(5)
        .rposition(|w| matches!(w, [a, b'_', b'_', b'_', z] if *a != b'_' && *z != b'_'));
    match flavour {
        Some(at) => name.get(..at.saturating_add(1)).unwrap_or(name),
        None => name,
    }
}

/// Names to look for together, each with the kinds that will do.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Sorted by name; the number is the caller's index.
    names: Vec<(String, Kinds, usize)>,
    kinds: u32,
    /// Bit set of the names' keys.
    filter: Vec<u64>,
    essential: bool,
}

/// Names with their kinds, of no type that would be compiled anew.
type Names<'i, 'n> = &'i mut dyn Iterator<Item = (&'n str, Kinds)>;

/// Bits in the filter: 1 in 50 or so of other names pass it when a hundred are wanted.
const FILTER_BITS: u32 = 13;

impl Wanted {
    /// Exact names.
    pub fn new<'n>(names: impl IntoIterator<Item = (&'n str, Kinds)>) -> Self {
        Self::build(&mut names.into_iter(), false)
    }

    /// Names whose flavour does not count, on either side.
    pub fn essential<'n>(names: impl IntoIterator<Item = (&'n str, Kinds)>) -> Self {
        Self::build(&mut names.into_iter(), true)
    }

    fn build(names: Names<'_, '_>, essential: bool) -> Self {
        let mut wanted = Self {
            names: Vec::new(),
            kinds: 0,
            filter: alloc::vec![0; 1 << (FILTER_BITS - 6)],
            essential,
        };
        let mut given = Vec::new();
        for (name, kinds) in names {
            let name = if essential {
                essential_name(name)
            } else {
                name
            };
            let bit = filter_bit(key(name.as_bytes()));
            if let Some(word) = wanted.filter.get_mut(bit >> 6) {
                *word |= 1 << (bit & 63);
            }
            wanted.kinds |= kinds.0;
            given.push((name, kinds));
        }
        let name = |at: usize| given.get(at).map(|(name, _)| *name);
        for index in order::sorted(given.len(), &|a, b| name(a).cmp(&name(b))) {
            if let Some(&(name, kinds)) = given.get(index) {
                wanted.names.push((name.to_owned(), kinds, index));
            }
        }
        wanted
    }

    /// How many names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    #[inline(always)]
    fn may_hold(&self, bytes: &[u8]) -> bool {
        let bit = filter_bit(key(bytes));
        let word = self.filter.get(bit >> 6).copied().unwrap_or(0);
        word & (1 << (bit & 63)) != 0
    }

    fn matches(&self, name: &str) -> impl Iterator<Item = &(String, Kinds, usize)> {
        let name = if self.essential {
            essential_name(name)
        } else {
            name
        };
        let from = self.names.partition_point(|(n, _, _)| n.as_str() < name);
        self.names
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(move |(n, _, _)| n == name)
    }
}

/// Hears the index of a wanted name and the type that has it; says whether to go on.
type Hit<'a> = &'a mut dyn FnMut(usize, TypeId) -> bool;

impl Btf {
    /// The first type of this set with exactly this name, of this kind or of any. The base is
    /// searched first.
    pub fn find(&self, name: &str, kind: Option<Kind>) -> Option<TypeId> {
        if let Some(id) = self.base().and_then(|base| base.find(name, kind)) {
            return Some(id);
        }
        let kinds = kind.map_or(Kinds::ALL, Kinds::of);
        let wanted = Wanted::new([(name, kinds)]);
        let mut found = None;
        self.scan(&wanted, &mut |_, id| {
            found = Some(id);
            false
        });
        found
    }

    /// For each wanted name (in the order given to [`Wanted`]) the types of this set that have
    /// it, in order of id. The base is not searched.
    pub fn find_many(&self, wanted: &Wanted) -> Vec<Vec<TypeId>> {
        let mut found = alloc::vec![Vec::new(); wanted.len()];
        self.scan(wanted, &mut |index, id| {
            if let Some(list) = found.get_mut(index) {
                list.push(id);
            }
            true
        });
        found
    }

    /// Calls `hit` with index and id for each wanted type, until it says `false`.
    fn scan(&self, wanted: &Wanted, hit: Hit<'_>) {
        let strings = OwnStrings::new(self);
        // A constant byte order lets the compiler fold it into the loop.
        match self.endian() {
            Endian::Little => self.scan_in(Endian::Little, &strings, wanted, hit),
            Endian::Big => self.scan_in(Endian::Big, &strings, wanted, hit),
        }
    }

    #[inline(always)]
    fn scan_in(&self, endian: Endian, strings: &OwnStrings<'_>, wanted: &Wanted, hit: Hit<'_>) {
        let first = self.first_id();
        self.heads(endian, wanted.kinds, |batch| {
            for head in batch {
                let bytes = strings.at(head.name_off);
                if !wanted.may_hold(bytes) {
                    continue;
                }
                let Ok(name) = crate::bytes::c_str(bytes) else {
                    continue;
                };
                let kind = Kind::from_raw(((head.info >> 24) & 0x7f) as u8);
                let id = TypeId(first.wrapping_add(head.index));
                for (_, kinds, place) in wanted.matches(name) {
                    if kinds.contains(kind) && !hit(*place, id) {
                        return false;
                    }
                }
            }
            true
        });
    }
}

/// The string section, resolved once; offsets of the base go the long way.
struct OwnStrings<'a> {
    btf: &'a Btf,
    own: &'a [u8],
    skip: u32,
}

impl<'a> OwnStrings<'a> {
    fn new(btf: &'a Btf) -> Self {
        Self {
            btf,
            own: btf.own_strings(),
            skip: btf.own_strings_start(),
        }
    }

    #[inline(always)]
    fn at(&self, offset: u32) -> &'a [u8] {
        match offset.checked_sub(self.skip) {
            Some(own) => self.own.get(own as usize..).unwrap_or_default(),
            None => self.btf.string_bytes(offset).unwrap_or_default(),
        }
    }
}

const BARS: u64 = u64::from_ne_bytes([b'_'; 8]);
/// `word` without the byte whose top bit is the lowest set in `mask`, and all after it. Without
/// such a byte only a few bits of the last one are lost: no matter, for a key.
#[inline(always)]
fn cut(word: u64, mask: u64) -> u64 {
    let below = mask.wrapping_sub(1) & !mask;
    word & (below >> 7)
}

/// The first eight bytes up to the NUL, the first `___`, or one that may begin at their end: the
/// same for a name with a flavour and without. No branch depends on the name.
#[inline(always)]
fn key(bytes: &[u8]) -> u64 {
    let word = match bytes.first_chunk::<8>() {
        Some(head) => u64::from_le_bytes(*head),
        None => {
            let mut head = [0; 8];
            for (to, from) in head.iter_mut().zip(bytes) {
                *to = *from;
            }
            u64::from_le_bytes(head)
        }
    };
    let bars = zero_bytes(word ^ BARS);
    let word = cut(word, zero_bytes(word));
    let word = cut(word, bars & (bars >> 8) & (bars >> 16));
    let last = bars >> 63;
    let last_but_one = last & (bars >> 55);
    let end = (0xff_u64 << 56).wrapping_mul(last) | (0xff_u64 << 48).wrapping_mul(last_but_one);
    word & !end
}

#[inline(always)]
fn filter_bit(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flavours_are_cut_where_the_last_one_begins() {
        for (name, essential) in [
            ("task_struct", "task_struct"),
            ("task_struct___old", "task_struct"),
            ("a___b", "a"),
            ("a___b___c", "a___b"),
            ("___b", "___b"),
            ("a____b", "a____b"),
            ("a___", "a___"),
            ("", ""),
        ] {
            assert_eq!(essential_name(name), essential, "{name}");
        }
    }

    #[test]
    fn a_flavour_does_not_change_the_key() {
        for name in [
            "a",
            "ab",
            "abc",
            "abcd",
            "abcdefg",
            "abcdefgh",
            "abcdefghijk",
            "a_b",
            "a_b_c_d_e",
            "ab__cd",
            "abcde_f",
            "_x",
            "__u32",
            "a___b",
        ] {
            for flavour in ["x", "xy", "longer_one", "x__y"] {
                let flavoured = std::format!("{name}___{flavour}\0rest");
                let plain = std::format!("{name}\0another");
                assert_eq!(
                    key(flavoured.as_bytes()),
                    key(plain.as_bytes()),
                    "{flavoured}"
                );
            }
        }
        assert_ne!(key(b"abc\0"), key(b"abd\0"));
        assert_eq!(key(b"u8"), key(b"u8\0junk"));
        assert_ne!(key(b"abcdefgh"), key(b"abcdeXgh"));
    }
}
