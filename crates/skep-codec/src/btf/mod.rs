//! BTF, the BPF type format: types by id, in either byte order, split from a base or not.
//!
//! A [`Btf`] keeps the bytes as they came (mapped, borrowed or owned) and a sparse table of
//! where types begin; types are decoded when looked at. Kernel documentation:
//! `Documentation/bpf/btf.rst`.

mod build;
#[cfg(any(test, feature = "dump-c"))]
mod c;
mod context;
#[cfg(test)]
mod context_tests;
#[cfg(any(test, feature = "btf-edit"))]
mod dedup;
#[cfg(any(test, feature = "btf-edit"))]
mod distill;
#[cfg(test)]
mod distill_tests;
mod ext;
#[cfg(test)]
mod ext_tests;
mod field;
mod find;
mod header;
mod layout;
#[cfg(any(test, feature = "btf-edit"))]
mod merge;
mod read;
mod records;
#[cfg(any(test, feature = "btf-edit"))]
mod relocate;
#[cfg(any(test, feature = "btf-edit"))]
mod replace;
#[cfg(any(test, feature = "dump-rust"))]
mod rust;
mod strings;
#[cfg(any(test, feature = "btf-edit"))]
pub(crate) mod subset;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(any(test, feature = "values"))]
mod text;
mod types;
mod upload;
#[cfg(test)]
mod upload_tests;
#[cfg(any(test, feature = "values"))]
mod value;
mod write;

#[cfg(any(test, feature = "dump-c"))]
pub use c::{dump_c, dump_c_header};
pub use context::{ContextArg, Replaced, with_named_contexts};
pub use ext::{BtfExt, BySection, CoreKind, CoreRelo, FuncInfo, LineInfo};
pub use field::Field;
pub use find::{Kinds, Wanted, essential_name};
#[cfg(any(test, feature = "btf-edit"))]
pub use merge::IdMap;
#[cfg(any(test, feature = "dump-rust"))]
pub use rust::dump_rust;
#[cfg(any(test, feature = "skeleton"))]
pub(crate) use rust::{PlainTypes, names as rust_names};
pub(crate) use types::RawMember;
pub use types::{Array, Enumerator, Int, Kind, Member, Param, SecVar, Type, TypeId};
pub(crate) use upload::STATIC;
pub use upload::{BtfFeatures, SectionLayout, for_upload};
#[cfg(any(test, feature = "values"))]
pub use value::Value;
pub use write::BtfBuilder;

use crate::bytes::Endian;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// Bytes that a [`Btf`] can keep: a mapping, an embedded slice, a vector.
pub type Blob = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Nesting deeper than this is taken for a cycle.
pub const MAX_DEPTH: u32 = 64;

/// A set of BTF types.
#[derive(Clone)]
pub struct Btf {
    blob: Blob,
    endian: Endian,
    types: Range<usize>,
    strings: Range<usize>,
    sizes: header::Sizes,
    /// Offset in the type section of every `STRIDE`-th type of this set.
    marks: Vec<u32>,
    /// Offset of every type; empty but after [`Btf::indexed`].
    index: Vec<u32>,
    count: u32,
    base: Option<Arc<Btf>>,
    pointer_size: u8,
}
