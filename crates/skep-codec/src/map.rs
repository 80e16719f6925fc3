//! A map in order of key.
//!
//! The standard library's tree is compiled once for every pair of key and value type, and it was
//! a third of what this crate has to compile. Here entries are in a vector, in the order in which
//! they came, and their places are kept in order of key by code that knows no types.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;

/// A map that is walked in order of key.
#[derive(Clone)]
pub struct Map<K, V> {
    order: Order,
    entries: Vec<(K, V)>,
}

/// Places in order of what is there: blocks of at most [`BLOCK`], so that an insertion moves
/// little.
#[derive(Clone)]
struct Order(Vec<Vec<usize>>);

/// Places in a block.
const BLOCK: usize = 512;

/// Places that a first block has room for: most maps are small.
const FIRST: usize = 16;

/// A block, and a position in it.
type Position = (usize, usize);

/// How what is at a place compares with what is looked for.
type Compare<'a> = &'a dyn Fn(usize) -> Ordering;

// Each on its own: every map of every pair of types would have a copy.
impl Order {
    /// The place that compares as equal, or where it would be put.
    #[inline(never)]
    fn search(&self, compare: Compare<'_>) -> Result<usize, Position> {
        let begins_before = |block: &Vec<usize>| match block.first() {
            Some(&place) => compare(place).is_le(),
            None => false,
        };
        let block = self.0.partition_point(begins_before).saturating_sub(1);
        let places = self.0.get(block).map_or(&[][..], Vec::as_slice);
        match places.binary_search_by(|&place| compare(place)) {
            Ok(at) => places.get(at).copied().ok_or((block, at)),
            Err(at) => Err((block, at)),
        }
    }

    #[inline(never)]
    fn insert(&mut self, (block, at): Position, place: usize) {
        let Some(places) = self.0.get_mut(block) else {
            let mut places = Vec::with_capacity(FIRST);
            places.push(place);
            return self.0.push(places);
        };
        places.insert(at.min(places.len()), place);
        if places.len() > BLOCK {
            // Keys that come in order fill their blocks.
            let half = match at < BLOCK {
                true => BLOCK / 2,
                false => BLOCK,
            };
            let rest = places.split_off(half);
            self.0.insert(block.saturating_add(1), rest);
        }
    }

    /// The place before a position in its block. A block's first is never asked for: what comes
    /// before it is in the block before.
    fn before(&self, (block, at): Position) -> Option<usize> {
        self.0.get(block)?.get(at.checked_sub(1)?).copied()
    }

    /// The place at a position, and the position after it.
    fn step(&self, (mut block, mut at): Position) -> Option<(usize, Position)> {
        loop {
            let places = self.0.get(block)?;
            if let Some(&place) = places.get(at) {
                return Some((place, (block, at.saturating_add(1))));
            }
            (block, at) = (block.saturating_add(1), 0);
        }
    }
}

/// Iterator over keys and values in order of key: see [`Map::iter`].
pub struct Iter<'a, K, V> {
    map: &'a Map<K, V>,
    position: Position,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let (place, next) = self.map.order.step(self.position)?;
        self.position = next;
        let (key, value) = self.map.entries.get(place)?;
        Some((key, value))
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Without entries.
    pub const fn new() -> Self {
        Self {
            order: Order(Vec::new()),
            entries: Vec::new(),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The place of a key, or where to put it.
    fn search<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, Position>
    where
        K: Borrow<Q>,
    {
        let compare = |place: usize| match self.entries.get(place) {
            Some((other, _)) => other.borrow().cmp(key),
            None => Ordering::Less,
        };
        self.order.search(&compare)
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (_, value) = self.entries.get(self.search(key).ok()?)?;
        Some(value)
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.search(key).is_ok()
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        match self.search(&key) {
            Ok(place) => {
                if let Some((_, old)) = self.entries.get_mut(place) {
                    *old = value;
                }
            }
            Err(position) => self.put(position, key, value),
        }
    }

    /// Sets the value of a key that is not there.
    pub fn insert_new(&mut self, key: K, make: impl FnOnce() -> V) {
        if let Err(position) = self.search(&key) {
            self.put(position, key, make());
        }
    }

    fn put(&mut self, position: Position, key: K, value: V) {
        self.order.insert(position, self.entries.len());
        self.entries.push((key, value));
    }

    /// Keys and values, in order of key.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter {
            map: self,
            position: (0, 0),
        }
    }

    /// Keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Values, in order of key.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.search(key).ok()?;
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// Values to be changed, in no order that means anything.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Ord, V: Default> Map<K, V> {
    /// Changes the value of a key, the default one if it was not there.
    pub fn change(&mut self, key: K, change: impl FnOnce(&mut V)) {
        let place = match self.search(&key) {
            Ok(place) => place,
            Err(position) => {
                self.put(position, key, V::default());
                self.entries.len().saturating_sub(1)
            }
        };
        if let Some((_, value)) = self.entries.get_mut(place) {
            change(value);
        }
    }
}

impl<V> Map<(usize, u64), V> {
    /// The last entry of this first half of the key at or below the second.
    pub fn at_or_below(&self, first: usize, second: u64) -> Option<(u64, &V)> {
        let place = match self.search(&(first, second)) {
            Ok(place) => place,
            Err(position) => self.order.before(position)?,
        };
        let (key, value) = self.entries.get(place)?;
        (key.0 == first).then_some((key.1, value))
    }
}

impl<K: Ord, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        entries
            .into_iter()
            .for_each(|(key, value)| map.insert(key, value));
        map
    }
}

impl<K: Ord, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<K: Ord, V: Eq> Eq for Map<K, V> {}

impl<K: Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> core::ops::Index<&Q> for Map<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    #[test]
    fn walked_in_order_of_key() {
        let pairs = [("b", 1), ("a", 2), ("c", 3), ("a", 4)];
        let mut map: Map<String, i32> =
            pairs.map(|(k, v)| (k.to_string(), v)).into_iter().collect();
        assert!(
            map.iter()
                .map(|(k, v)| (k.as_str(), *v))
                .eq([("a", 4), ("b", 1), ("c", 3)])
        );
        map.insert_new("a".to_string(), || unreachable!());
        map.insert_new("aa".to_string(), || 5);
        map.change("b".to_string(), |v| *v += 10);
        map.change("d".to_string(), |v| *v += 10);
        assert!(map.values().copied().eq([4, 5, 11, 3, 10]));
        assert_eq!(
            (map.get("d"), map.get("e"), map.len()),
            (Some(&10), None, 5)
        );
    }

    #[test]
    fn blocks_are_split_and_stay_in_order() {
        let count = 20 * BLOCK as u64;
        for (factor, flip) in [(1, 0), (1, 16383), (7919, 0)] {
            let key = |n: u64| (n * factor % 16384) ^ flip;
            let map: Map<u64, u64> = (0..count).map(|n| (key(n), n)).collect();
            assert_eq!(map.len() as u64, count);
            assert!(map.keys().is_sorted());
            assert!((0..count).all(|n| map.get(&key(n)) == Some(&n)));
            assert_eq!(map.get(&u64::MAX), None);
            assert!(map.order.0.iter().all(|block| block.len() <= BLOCK));
        }
    }

    #[test]
    fn equal_whatever_the_order_of_insertion() {
        let one: Map<u64, char> = [(1, 'a'), (2, 'b')].into_iter().collect();
        let other: Map<u64, char> = [(2, 'b'), (1, 'a')].into_iter().collect();
        assert_eq!(one, other);
        let third: Map<u64, char> = [(2, 'b'), (1, 'c')].into_iter().collect();
        assert_ne!(one, third);
    }

    #[test]
    fn at_or_below_stays_in_its_first_half() {
        let map: Map<(usize, u64), char> = [((1, 8), 'a'), ((1, 16), 'b'), ((2, 0), 'c')]
            .into_iter()
            .collect();
        assert_eq!(map.at_or_below(1, 7), None);
        assert_eq!(map.at_or_below(1, 15), Some((8, &'a')));
        assert_eq!(map.at_or_below(1, 99), Some((16, &'b')));
        assert_eq!(map.at_or_below(2, 99), Some((0, &'c')));
        assert_eq!(map.at_or_below(0, 99), None);
    }
}
