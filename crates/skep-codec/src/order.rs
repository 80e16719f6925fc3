//! Sorting in one shape.
//!
//! The standard library's sorts are large, and every element type brings a copy of its own to
//! compile. Here there is one.

use alloc::vec::Vec;

/// Sorts by an integer key; elements with equal keys keep their order.
pub(crate) fn by_key<T>(items: &mut Vec<T>, key: impl Fn(&T) -> u64) {
    if items.is_sorted_by_key(&key) {
        return;
    }
    let keys = items.iter().enumerate().map(|(i, item)| (key(item), i));
    let mut order: Vec<(u64, usize)> = keys.collect();
    order.sort_unstable();
    let mut slots: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.iter().filter_map(|&(_, i)| slots.get_mut(i)?.take()));
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
}
