//! Sizes and alignments of types.

use super::{Btf, Kind, MAX_DEPTH, TypeId};
use crate::Result;
use crate::error::bail;

impl Btf {
    /// Size of a value of this type, in bytes.
    pub fn size_of(&self, id: TypeId) -> Result<u64> {
        let mut count = 1_u64;
        let mut at = id;
        for _ in 0..MAX_DEPTH {
            let ty = self.peel(at)?;
            let size = match ty.kind() {
                Kind::Ptr => u64::from(self.pointer_size()),
                Kind::Array => {
                    let array = ty.array()?;
                    let Some(all) = count.checked_mul(u64::from(array.len)) else {
                        bail!(TooLarge, "array type {}", id.0);
                    };
                    (count, at) = (all, array.element);
                    continue;
                }
                Kind::Var => {
                    at = ty.target().unwrap_or_default();
                    continue;
                }
                kind => match ty.size() {
                    Some(size) => u64::from(size),
                    None => bail!(Mismatch, "type {} ({kind:?}) has no size", id.0),
                },
            };
            return match size.checked_mul(count) {
                Some(all) => Ok(all),
                None => bail!(TooLarge, "type {}", id.0),
            };
        }
        bail!(TooDeep, "arrays from type {} never end", id.0)
    }
}
