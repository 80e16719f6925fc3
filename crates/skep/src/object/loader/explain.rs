//! A refused load in the words of the source: the line an instruction comes from, and the
//! relocation that poisoned it.

use crate::verifier_log::{Refusal, SourceLine};
use alloc::string::{String, ToString};
use skep_codec::btf::Btf;
use skep_codec::insn::Insn;
use skep_codec::object::{Code, ObjectSpec, POISON_KFUNC, POISON_MAP};

/// Completes a digest with what the object knows of the instruction it is about.
pub(super) fn explain(
    refusal: &mut Refusal,
    spec: &ObjectSpec,
    code: &Code,
    poisoned: &[(usize, String)],
) {
    let digest = &mut refusal.digest;
    let Some(at) = digest.insn.map(|insn| insn as usize) else {
        return;
    };
    digest.source = spec
        .btf
        .as_deref()
        .and_then(|btf| source_line(btf, code, at));
    if let Some(&insn) = code.insns.get(at) {
        #[cfg(feature = "asm")]
        digest.insn_text.get_or_insert_with(|| {
            let next = code.insns.get(at.saturating_add(1)).copied();
            skep_codec::insn::disasm(insn, next).to_string()
        });
        if let Some(what) = absent(spec, insn) {
            (digest.complaint, digest.insn_text, digest.reason) = (what, None, None);
        }
    }
    if let Some((_, why)) = poisoned.iter().find(|(insn, _)| *insn == at) {
        (digest.complaint, digest.insn_text, digest.reason) = (why.clone(), None, None);
        digest.hint = Some(GUARD.to_string());
    }
}

/// What an instruction stands for that was poisoned because its map or function is not there.
fn absent(spec: &ObjectSpec, insn: Insn) -> Option<String> {
    if insn.code != Insn::CALL || insn.src != 0 {
        return None;
    }
    let index = |base: i32| usize::try_from(insn.imm.checked_sub(base)?).ok();
    if let Some(wanted) = index(POISON_KFUNC).and_then(|index| spec.externs.get(index)) {
        return Some(format!("this kernel has no function `{}`", wanted.name));
    }
    let map = index(POISON_MAP).and_then(|index| spec.maps.get(index))?;
    Some(format!("map `{}` was not created", map.name))
}

const GUARD: &str = "ask with bpf_core_field_exists, bpf_core_type_exists or \
    bpf_core_enum_value_exists before the access, or read another field on this kernel";

/// The source line of an instruction: the last line record at or before it.
fn source_line(btf: &Btf, code: &Code, insn: usize) -> Option<SourceLine> {
    let (_, line) = code.lines.iter().rfind(|(at, _)| *at <= insn)?;
    Some(SourceLine {
        file: btf.string(line.file_name_off).ok()?.to_string(),
        text: btf
            .string(line.line_off)
            .unwrap_or_default()
            .trim()
            .to_string(),
        line: line.line(),
        column: line.column(),
    })
}
