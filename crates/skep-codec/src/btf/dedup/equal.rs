//! Hashes and equality of single types.

use crate::btf::records::{HEAD, kind_of};
use crate::btf::strings::mix;

/// A hash of all words of a type.
pub(super) fn hash_words(words: &[u32]) -> u32 {
    let hash = words
        .iter()
        .fold(0, |hash, word| mix(hash, u64::from(*word)));
    (hash >> 32) as u32
}

/// A hash of an enum: of its name alone, so that a declaration finds its definition.
pub(super) fn hash_enum(words: &[u32]) -> u32 {
    match words.first() {
        Some(name) if *name != 0 => hash_words(&[u32::MAX, *name]),
        _ => hash_words(words),
    }
}

/// A hash of a struct or union, without the types of its members.
pub(super) fn hash_members(words: &[u32]) -> u32 {
    let (head, tail) = words.split_at_checked(HEAD).unwrap_or_default();
    let mut hash = u64::from(hash_words(head));
    for [name, _, offset] in tail.as_chunks::<3>().0 {
        hash = mix(hash, u64::from(*name) << 32 | u64::from(*offset));
    }
    (hash >> 32) as u32
}

/// Whether two structs or unions are the same but for the types of their members.
pub(super) fn same_but_types(a: &[u32], b: &[u32]) -> bool {
    let (Some((head_a, tail_a)), Some((head_b, tail_b))) =
        (a.split_first_chunk::<HEAD>(), b.split_first_chunk::<HEAD>())
    else {
        return false;
    };
    let pairs = tail_a
        .as_chunks::<3>()
        .0
        .iter()
        .zip(tail_b.as_chunks::<3>().0);
    head_a == head_b
        && tail_a.len() == tail_b.len()
        && pairs
            .into_iter()
            .all(|([name_a, _, at_a], [name_b, _, at_b])| name_a == name_b && at_a == at_b)
}

/// Whether this is an enum without enumerators: a declaration.
pub(super) fn is_enum_fwd(words: &[u32]) -> bool {
    words
        .get(1)
        .is_some_and(|info| kind_of(*info).is_enum() && info & 0x00ff_ffff == 0)
}

/// Whether two enums are equal, or one is a declaration of the other.
pub(super) fn can_stand_for(a: &[u32], b: &[u32]) -> bool {
    let (Some([name_a, info_a, _]), Some([name_b, info_b, _])) = (a.first_chunk(), b.first_chunk())
    else {
        return false;
    };
    let enums = kind_of(*info_a).is_enum() && kind_of(*info_b).is_enum();
    let declared = is_enum_fwd(a) || is_enum_fwd(b);
    a == b || (enums && declared && name_a == name_b && *name_a != 0)
}
