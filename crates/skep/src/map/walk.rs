//! Walking from key to key, one system call a step.
//!
//! The kernel gives the key after one that is told to it. Where that one has gone meanwhile, it
//! gives the first: the walk would begin again, unseen. So the key after the next is asked for
//! while the next is still there (whoever deletes what he is given does no harm), and that it was
//! there is made sure of afterwards, by the look-up of its value.

use super::{ElemFlags, Map, MapKey};
use crate::error::Context;
use crate::{Error, ErrorKind, Result};
use alloc::vec;
use alloc::vec::Vec;

/// A place in a map.
#[derive(Debug)]
pub(super) struct Walk {
    /// The key to be visited next; `None` at the end.
    ahead: Option<Vec<u8>>,
    begun: bool,
    /// The very first key.
    first: Vec<u8>,
}

impl Walk {
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            ahead: None,
            begun: false,
            first: Vec::new(),
        }
    }

    /// The next key that is there, its value read by `read`, which says whether it still was.
    ///
    /// # Errors
    /// [`ErrorKind::Restarted`]. After any error the walk is at its end.
    #[inline]
    pub(super) fn step(
        &mut self,
        map: &Map,
        mut read: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<Option<Vec<u8>>> {
        if !self.begun {
            self.begun = true;
            self.ahead = next_key(map, None)?;
            self.first = self.ahead.clone().unwrap_or_default();
        }
        while let Some(key) = self.ahead.take() {
            let after = next_key(map, Some(&key))?;
            let again = after.as_ref() == Some(&self.first);
            let there = !again && read(&key)?;
            if again || !there && restarted(map, after.as_deref())? {
                return Err(Error::new(
                    ErrorKind::Restarted,
                    "the map changed meanwhile",
                ))
                .context(map.doing("walk over"));
            }
            self.ahead = after;
            if there {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }
}

/// Whether the key that came after one that is gone is the first of all.
#[inline]
fn restarted(map: &Map, after: Option<&[u8]>) -> Result<bool> {
    let (Some(after), true) = (after, keys_go(map)) else {
        return Ok(false);
    };
    Ok(next_key(map, None)?.is_some_and(|first| first == after))
}

/// Whether keys can be deleted and leave no place.
#[inline]
fn keys_go(map: &Map) -> bool {
    let kind = map.map_type().kind();
    kind.is_none_or(|kind| kind.key != MapKey::Index)
}

#[inline]
fn next_key(map: &Map, key: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    let mut next = vec![0; map.0.fd.key_len()];
    let found = map.0.fd.next_key(key, &mut next);
    let found = found.context(map.trying("next key of", super::MapOps::NEXT_KEY))?;
    Ok(found.then_some(next))
}

/// Iterator over a map's keys: see [`Map::keys`].
#[derive(Debug)]
pub struct Keys<'a> {
    map: &'a Map,
    walk: Walk,
    /// Looked up to see whether a key is still there; not where keys cannot go, or not be read.
    value: Option<Vec<u8>>,
}

impl<'a> Keys<'a> {
    #[inline]
    pub(super) fn new(map: &'a Map) -> Self {
        Self {
            map,
            walk: Walk::new(),
            value: keys_go(map).then(|| vec![0; map.0.fd.value_len()]),
        }
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<Vec<u8>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (map, value) = (self.map, &mut self.value);
        let read = |key: &[u8]| {
            let Some(buf) = value else { return Ok(true) };
            match map.0.fd.lookup(key, buf, ElemFlags::ANY) {
                Ok(there) => Ok(there),
                // What cannot be read is taken for there.
                Err(_) => {
                    *value = None;
                    Ok(true)
                }
            }
        };
        self.walk.step(map, read).transpose()
    }
}
