//! Programs loaded for a function of another program: `freplace`, and tracing of BPF programs.

use crate::object::AttachTarget;
use crate::{Error, ErrorKind, Result};
use skep_codec::btf::TypeId;
use skep_codec::object::ProgramSpec;

/// The function of the target that a program is loaded for, by its id in the target's types.
pub(super) fn btf_id(target: &AttachTarget, program: &ProgramSpec) -> Result<TypeId> {
    match target.function.as_deref().or(program.target.as_deref()) {
        Some(function) => target.program.function_id(function),
        None => {
            let what = format!(
                "neither the section `{}` nor the caller names a function of program `{}`",
                program.section,
                target.program.name()
            );
            Err(Error::new(ErrorKind::NeedsTarget, what))
        }
    }
}
