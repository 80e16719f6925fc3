//! A map in order of key.
//!
//! The standard library's tree is compiled once for every pair of key and value type, and it is a
//! third of what this crate has to compile. Here the tree holds places in a vector, so that it is
//! compiled once a key type.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;

/// A map that is walked in order of key.
#[derive(Clone)]
pub struct Map<K, V> {
    places: BTreeMap<K, usize>,
    values: Vec<V>,
}

impl<K: Ord, V> Map<K, V> {
    /// Without entries.
    pub const fn new() -> Self {
        Self {
            places: BTreeMap::new(),
            values: Vec::new(),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(*self.places.get(key)?)
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.places.contains_key(key)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        let place = place(&mut self.places, key, self.values.len());
        match self.values.get_mut(place) {
            Some(old) => *old = value,
            None => self.values.push(value),
        }
    }

    /// Sets the value of a key that is not there.
    pub fn insert_new(&mut self, key: K, make: impl FnOnce() -> V) {
        let place = place(&mut self.places, key, self.values.len());
        if place == self.values.len() {
            self.values.push(make());
        }
    }

    /// Keys and values, in order of key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let entries = self.places.iter();
        entries.filter_map(|(key, place)| Some((key, self.values.get(*place)?)))
    }

    /// Keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.places.keys()
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
        self.values.get_mut(*self.places.get(key)?)
    }

    /// Values to be changed, in no order that means anything.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.values.iter_mut()
    }
}

/// The place of a key; `next` for one that was not there.
fn place<K: Ord>(places: &mut BTreeMap<K, usize>, key: K, next: usize) -> usize {
    *places.entry(key).or_insert(next)
}

impl<K: Ord, V: Default> Map<K, V> {
    /// Changes the value of a key, the default one if it was not there.
    pub fn change(&mut self, key: K, change: impl FnOnce(&mut V)) {
        let place = place(&mut self.places, key, self.values.len());
        if place == self.values.len() {
            self.values.push(V::default());
        }
        if let Some(value) = self.values.get_mut(place) {
            change(value);
        }
    }
}

impl<V> Map<(usize, u64), V> {
    /// The last entry of this first half of the key at or below the second.
    pub fn at_or_below(&self, first: usize, second: u64) -> Option<(u64, &V)> {
        let (key, place) = self
            .places
            .range((first, 0)..=(first, second))
            .next_back()?;
        Some((key.1, self.values.get(*place)?))
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
