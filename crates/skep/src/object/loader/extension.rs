//! Programs loaded for a function of another program: `freplace`, and tracing of BPF programs.

use crate::object::AttachTarget;
use crate::{Error, ErrorKind, Result};
use skep_codec::btf::{Kind, TypeId};
use skep_codec::object::ProgramSpec;

/// The function of the target that a program is loaded for, by its id in the target's types.
pub(super) fn btf_id(target: &AttachTarget, program: &ProgramSpec) -> Result<TypeId> {
    let function = target.function.as_deref().or(program.target.as_deref());
    let Some(function) = function else {
        let what = alloc::format!(
            "neither the section `{}` nor the caller names a function of program `{}`",
            program.section,
            target.program.name()
        );
        return Err(Error::new(ErrorKind::NeedsTarget, what));
    };
    let info = target.program.info()?;
    if info.btf_id == 0 {
        let what = alloc::format!("program `{}` has no types (BTF)", target.program.name());
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    let types = target.program.system().btf_by_id(info.btf_id)?;
    types.find(function, Some(Kind::Func)).ok_or_else(|| {
        let what = alloc::format!(
            "program `{}` has no function `{function}`",
            target.program.name()
        );
        Error::new(ErrorKind::NotFound, what)
    })
}
