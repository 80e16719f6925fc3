//! Stack traces that programs stored.

use super::{check_size, check_type, keys, remove, view};
use crate::map::Map;
use crate::plain::read;
use crate::{Error, ErrorKind, MapType, Result};
use alloc::vec::Vec;
use skep_codec::uapi::flags;

view! {
    /// A `BPF_MAP_TYPE_STACK_TRACE`: stacks by the ids that `bpf_get_stackid` gives.
    StackTraceMap [] [],
    |map| {
        check_type(map, &[MapType::STACK_TRACE])?;
        check_size(map, "key", map.key_size(), 4)
    }
}

crate::plain! {
    /// A frame of a stack in user space, told by the file that it is in: `struct bpf_stack_build_id`.
    #[derive(Debug, PartialEq, Eq)]
    pub struct BuildIdFrame {
        /// [`BuildIdFrame::VALID`] or [`BuildIdFrame::IP`].
        pub status: i32,
        /// The file's build id.
        pub build_id: [u8; 20],
        /// Offset in the file; where the file was not to be had, the address.
        pub offset: u64,
    }
}

impl BuildIdFrame {
    /// Build id and offset are known.
    pub const VALID: i32 = 1;
    /// Only the address is.
    pub const IP: i32 = 2;
}

#[inline]
fn has_build_ids(map: &Map) -> bool {
    map.shape().map_flags & flags::STACK_BUILD_ID != 0
}

impl StackTraceMap {
    /// Whether frames are build ids and offsets: the map was made with `BPF_F_STACK_BUILD_ID`.
    #[inline]
    pub fn has_build_ids(&self) -> bool {
        has_build_ids(&self.0)
    }

    #[inline]
    fn frames(&self, id: u32, build_ids: bool, frame: usize) -> Result<Option<Vec<u8>>> {
        if has_build_ids(&self.0) != build_ids {
            let has = if build_ids { "addresses" } else { "build ids" };
            let what = format!("stacks of map `{}` are {has}", self.0.name());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        let Some(mut bytes) = self.0.lookup(&id.to_ne_bytes())? else {
            return Ok(None);
        };
        let whole = bytes.chunks_exact(frame);
        let used = whole
            .take_while(|frame| frame.iter().any(|&byte| byte != 0))
            .count();
        bytes.truncate(used * frame);
        Ok(Some(bytes))
    }

    /// The addresses of a stack, the innermost first.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: they are build ids.
    #[doc(alias = "lookup")]
    #[inline]
    pub fn get(&self, id: u32) -> Result<Option<Vec<u64>>> {
        let bytes = self.frames(id, false, 8)?;
        let read_all = |bytes: Vec<u8>| bytes.chunks_exact(8).map(|b| read(b, "frame")).collect();
        bytes.map(read_all).transpose()
    }

    /// The build ids and offsets of a stack, the innermost first.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`]: they are addresses.
    #[inline]
    pub fn build_ids_at(&self, id: u32) -> Result<Option<Vec<BuildIdFrame>>> {
        let bytes = self.frames(id, true, 32)?;
        let read_all = |bytes: Vec<u8>| bytes.chunks_exact(32).map(|b| read(b, "frame")).collect();
        bytes.map(read_all).transpose()
    }

    /// Ids of the stacks that are there.
    #[doc(alias = "get_next_key")]
    #[inline]
    pub fn ids(&self) -> impl Iterator<Item = Result<u32>> + '_ {
        keys(&self.0)
    }

    /// Forgets a stack; whether it was there.
    #[doc(alias = "delete")]
    #[inline]
    pub fn remove(&self, id: u32) -> Result<bool> {
        remove(&self.0, &id)
    }
}
