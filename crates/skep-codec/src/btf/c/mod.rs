//! Types as C: a header that clang compiles to the same layout.

mod body;
mod decl;
mod kfuncs;
pub(super) mod layout;
pub(super) mod names;
pub(super) mod order;
#[cfg(test)]
mod tests;

use super::{Btf, TypeId};
use crate::Result;
use crate::error::bail;
use alloc::string::String;
use alloc::vec::Vec;
use decl::Piece;
use layout::Layouts;
use names::Names;
use order::State;

/// Nesting of definitions inside definitions.
const MAX_NESTING: u32 = 200;
/// Bytes of source that may be made, beside 16 for each byte of types: anonymous types inside each
/// other could otherwise multiply without end.
const MIN_OUTPUT: usize = 16 << 20;

/// The C declarations of the types `roots` and of what they need, in an order that compiles; of
/// all types but the base's where `roots` is empty, sorted. Types of the same name get a number
/// (`___2`), as with libbpf.
///
/// # Errors
/// Types that refer to what is not there or never end.
#[doc(alias = "btf_dump__dump_type")]
pub fn dump_c(btf: &Btf, roots: &[TypeId]) -> Result<String> {
    let btf = btf.indexed()?;
    let mut dump = Dump::new(&btf);
    dump.types(roots)?;
    Ok(dump.out)
}

/// [`dump_c`] with what a BPF program includes before and after: `vmlinux.h`. Of all types, it also
/// declares the kernel functions that BPF programs may call.
///
/// # Errors
/// As [`dump_c`].
pub fn dump_c_header(btf: &Btf, roots: &[TypeId], guard: &str) -> Result<String> {
    let btf = btf.indexed()?;
    let mut dump = Dump::new(&btf);
    dump.out
        .extend(["#ifndef ", guard, "\n#define ", guard, BEFORE]);
    dump.types(roots)?;
    dump.out.push_str(AFTER);
    if roots.is_empty() {
        dump.kfuncs()?;
    }
    dump.out.extend(["#endif /* ", guard, " */\n"]);
    Ok(dump.out)
}

const BEFORE: &str = "\n\n#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
    #pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)\n\
    #endif\n\n";
const AFTER: &str = "#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n\
    #pragma clang attribute pop\n\
    #endif\n\n";

struct Dump<'a> {
    btf: &'a Btf,
    out: String,
    max_output: usize,
    /// Paddings of the struct that is being written.
    paddings: u32,
    /// Pieces of the declarations that are being written.
    pieces: Vec<Piece>,
    state: Vec<State>,
    names: Names<'a>,
    layouts: Layouts<'a>,
}

impl<'a> Dump<'a> {
    fn new(btf: &'a Btf) -> Self {
        Self {
            btf,
            out: String::with_capacity(btf.as_bytes().len() / 2),
            max_output: output_limit(btf),
            paddings: 0,
            pieces: Vec::new(),
            state: alloc::vec![State::default(); btf.id_end() as usize],
            names: Names::new(btf),
            layouts: Layouts::new(btf),
        }
    }

    fn types(&mut self, roots: &[TypeId]) -> Result<()> {
        if roots.is_empty() {
            for id in order::sorted(self.btf, self.names.text)? {
                self.root(id)?;
            }
        }
        roots.iter().try_for_each(|id| self.root(*id))
    }

    fn check_size(&self) -> Result<()> {
        if self.out.len() > self.max_output {
            bail!(TooLarge, "anonymous types multiply to too much C");
        }
        Ok(())
    }
}

/// Bytes of source that may be made of these types.
pub(super) fn output_limit(btf: &Btf) -> usize {
    let bytes = btf.as_bytes().len();
    bytes.saturating_mul(16).saturating_add(MIN_OUTPUT)
}

fn deeper(depth: u32, id: TypeId) -> Result<u32> {
    match depth.checked_add(1) {
        Some(depth) if depth < MAX_NESTING => Ok(depth),
        _ => bail!(TooDeep, "type {} never ends", id.0),
    }
}
