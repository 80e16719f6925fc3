//! What a tracing program is loaded for: a type or function of the running kernel.

use crate::btf::kernel_type;
use crate::system::System;
use crate::{AttachType, Error, ErrorKind, Result};
use skep_codec::btf::{Kind, TypeId};
use skep_codec::object::{ProgramSpec, Verb};

/// The BTF id of what a tracing program is loaded for.
pub(super) fn attach_target(system: &System, program: &ProgramSpec) -> Result<TypeId> {
    let Some(target) = program.target.as_deref() else {
        let what = alloc::format!("section `{}` names no target", program.section);
        return Err(Error::new(ErrorKind::NeedsTarget, what));
    };
    let (prefix, kind) = match (program.attach, program.attach_type) {
        (_, Some(AttachType::TRACE_RAW_TP)) => ("btf_trace_", Kind::Typedef),
        (_, Some(AttachType::TRACE_ITER)) => ("bpf_iter_", Kind::Func),
        (Verb::Lsm | Verb::LsmCgroup, _) => ("bpf_lsm_", Kind::Func),
        (Verb::Freplace, _) => {
            let what = "freplace programs need their target program before they are loaded";
            return Err(Error::new(ErrorKind::NeedsTarget, what));
        }
        _ => ("", Kind::Func),
    };
    kernel_type(system, &alloc::format!("{prefix}{target}"), kind)
}
