//! A refused load in the words of the source: the line an instruction comes from, and the
//! relocation that poisoned it.

use crate::verifier_log::{Refusal, SourceLine};
use alloc::string::{String, ToString};
use skep_codec::btf::Btf;
use skep_codec::object::Code;

/// Completes a digest with what the object knows of the instruction it is about.
pub(super) fn explain(
    refusal: &mut Refusal,
    btf: Option<&Btf>,
    code: &Code,
    poisoned: &[(usize, String)],
) {
    let Some(insn) = refusal.digest.insn else {
        return;
    };
    refusal.digest.source = btf.and_then(|btf| source_line(btf, code, insn as usize));
    if let Some((_, why)) = poisoned.iter().find(|(at, _)| *at == insn as usize) {
        refusal.digest.complaint = why.clone();
        refusal.digest.insn_text = None;
        refusal.digest.hint = Some(GUARD.to_string());
    }
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
