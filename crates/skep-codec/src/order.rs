//! Sorting in one shape.
//!
//! The standard library's sorts are large, and every element type brings a copy of its own to
//! compile: they were a tenth of this crate. Here there is one, and a small one.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Sorts by an integer key; elements with equal keys keep their order.
#[inline]
pub fn by_key<T>(items: &mut [T], key: impl Fn(&T) -> u64) {
    let places = places_of(items.len(), &|at| items.get(at).map_or(0, &key));
    permute(places, &mut |a, b| items.swap(a, b));
}

/// The places of keys in their order; nothing if they are in order, as what compilers write is for
/// the most part.
#[inline(never)]
fn places_of(len: usize, key: &dyn Fn(usize) -> u64) -> Vec<usize> {
    let (mut last, mut in_order) = (0, true);
    for at in 0..len {
        let key = key(at);
        in_order &= last <= key;
        last = key;
    }
    if in_order {
        return Vec::new();
    }
    let mut keys = Vec::with_capacity(len);
    for at in 0..len {
        keys.push(key(at));
    }
    sorted(len, &|a, b| keys.get(a).cmp(&keys.get(b)))
}

/// Sorts as `compare` says; equal elements keep their order.
pub fn by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let places = sorted(items.len(), &|a, b| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    });
    permute(places, &mut |a, b| items.swap(a, b));
}

/// The places `0..len` in the order that `compare` gives what is there; equal ones as they are.
/// Runs are merged, each time twice as long.
pub(crate) fn sorted(len: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    let mut run = 1_usize;
    while run < len {
        let mut merged = Vec::with_capacity(len);
        for pair in places.chunks(run.saturating_mul(2)) {
            merge(pair.split_at(run.min(pair.len())), compare, &mut merged);
        }
        places = merged;
        run = run.saturating_mul(2);
    }
    places
}

fn merge(
    (mut first, mut second): (&[usize], &[usize]),
    compare: &dyn Fn(usize, usize) -> Ordering,
    out: &mut Vec<usize>,
) {
    while let (Some((&a, rest_a)), Some((&b, rest_b))) = (first.split_first(), second.split_first())
    {
        if compare(a, b).is_le() {
            out.push(a);
            first = rest_a;
        } else {
            out.push(b);
            second = rest_b;
        }
    }
    out.extend_from_slice(first);
    out.extend_from_slice(second);
}

/// Swaps until at each place there is what was at `from` of it.
#[inline(never)]
fn permute(mut from: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..from.len() {
        // One round of places that change among themselves; those behind us are done.
        let mut at = start;
        while let Some(slot) = from.get_mut(at) {
            let next = core::mem::replace(slot, at);
            if next == start || next == at {
                break;
            }
            swap(at, next);
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_keep_their_order() {
        let mut items = alloc::vec![(3, 'a'), (1, 'b'), (3, 'c'), (0, 'd'), (1, 'e')];
        by_key(&mut items, |item| item.0);
        assert_eq!(items, [(0, 'd'), (1, 'b'), (1, 'e'), (3, 'a'), (3, 'c')]);
        let sorted = items.clone();
        by_key(&mut items, |item| item.0);
        assert_eq!(items, sorted);
    }

    #[test]
    fn as_the_standard_library_sorts() {
        let mut state = 1_u64;
        for len in 0..200 {
            let mut items = Vec::new();
            for at in 0..len {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                items.push((state >> 60, at));
            }
            let mut want = items.clone();
            want.sort_by_key(|item| item.0);
            by_key(&mut items, |item| item.0);
            assert_eq!(items, want);
        }
    }
}
