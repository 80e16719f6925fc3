//! Walking over a map.

use super::Map;
use crate::Result;
use crate::error::Context;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use skep_sys::bpf::MapFd;

/// Iterator over a map's keys: see [`Map::keys`].
pub struct Keys<'a> {
    map: &'a MapFd,
    last: Option<Vec<u8>>,
    done: bool,
}

impl<'a> Keys<'a> {
    pub(super) fn new(map: &'a MapFd) -> Self {
        Self {
            map,
            last: None,
            done: false,
        }
    }
}

impl Iterator for Keys<'_> {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let mut next = vec![0; self.map.key_len()];
        match self.map.next_key(self.last.as_deref(), &mut next) {
            Ok(true) => {
                self.last = Some(next.clone());
                Some(Ok(next))
            }
            Ok(false) => {
                self.done = true;
                None
            }
            Err(error) => {
                self.done = true;
                Some(Err(error).context(|| "next key of a map".to_string()))
            }
        }
    }
}

/// Iterator over a map's keys and values: see [`Map::entries`].
pub struct Entries<'a> {
    map: &'a Map,
    keys: Keys<'a>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(map: &'a Map) -> Self {
        Self {
            map,
            keys: map.keys(),
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = match self.keys.next()? {
                Ok(key) => key,
                Err(error) => return Some(Err(error)),
            };
            match self.map.lookup(&key) {
                Ok(Some(value)) => return Some(Ok((key, value))),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
