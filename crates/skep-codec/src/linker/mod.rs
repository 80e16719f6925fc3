//! Static linking: several object files made into one, as `bpftool gen object` does.
//!
//! ```text
//! sections:  those of one name laid one behind the other
//! symbols:   each global name one symbol, its types compared wherever it is declared
//! relocs:    moved with their sections; what points into a section moves with that one
//! types:     BTF merged and deduplicated, data sections described anew, BTF.ext moved
//! write:     the ELF file
//! ```

mod ext;
mod file;
mod matching;
mod relocs;
mod sections;
mod symbols;
mod types;
mod write;

use crate::error::bail;
use crate::{Error, Result};
use alloc::vec::Vec;
use file::File;

/// An object file to be linked.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What errors call it.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Links object files into one, which loaders take like any other. The same inputs in the same
/// order give the same bytes.
///
/// Sections of the same name are joined. A name that several files define is an error unless all
/// but one say that theirs is weak; of weak ones only, the first counts. What a file leaves open
/// is looked for in the others, and stays open where none has it: the kernel may. Licences must
/// agree; a file without one goes with the others.
///
/// # Errors
/// A file that is no BPF object or is broken anywhere, files of different byte orders or licences,
/// names that are defined twice or have different types; each error names the files.
#[doc(alias = "bpf_linker__new")]
#[doc(alias = "bpf_linker__add_file")]
pub fn link(inputs: &[Input<'_>]) -> Result<Vec<u8>> {
    let files = inputs.iter().map(File::read).collect::<Result<Vec<_>>>()?;
    let Some(first) = files.first() else {
        bail!(NotFound, "no files to link");
    };
    let endian = first.elf.endian;
    if let Some(other) = files.iter().find(|file| file.elf.endian != endian) {
        let (a, b) = (first.name, other.name);
        bail!(Mismatch, "the byte orders of {a} and {b} differ");
    }
    let mut layout = sections::place(&files)?;
    let symbols = symbols::resolve(&files, &layout)?;
    relocs::apply(&files, &mut layout, &symbols)?;
    let types = types::merge(&files, &layout, &symbols)?;
    write::elf(endian, &layout.sections, &symbols, &types)
}

/// An error that says which file it is about.
fn in_file(file: &str) -> impl Fn(Error) -> Error + '_ {
    move |error| Error::new(error.kind(), format!("{file}: {error}"))
}
