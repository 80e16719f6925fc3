//! The verifier's log, and what a person needs from it: the complaint, the instruction, the
//! source line, what to do.
//!
//! The log is free text that changes with kernels. It is read by the shape of its lines, and kept
//! whole beside the digest: when the shape is new, the digest says less and nothing is lost.

mod report;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use skep_codec::text::{self, joined};

/// A refused program: the log as the kernel wrote it, and its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The whole log; empty if the kernel wrote none.
    pub log: String,
    /// What it comes down to.
    pub digest: Digest,
}

/// What a verifier log comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// The verifier's complaint, in its own words, on one line. Empty if there is no log.
    pub complaint: String,
    /// Index of the instruction it is about, in the program as loaded.
    pub insn: Option<u32>,
    /// That instruction in the kernel's syntax.
    pub insn_text: Option<String>,
    /// The source line of that instruction, from the object's line info.
    pub source: Option<SourceLine>,
    /// Why that is refused, as the verifier explains it (since Linux 7.3).
    pub reason: Option<String>,
    /// What to do: the verifier's own suggestion (since Linux 7.3), or what usually mends a
    /// complaint of this kind.
    pub hint: Option<String>,
}

/// A line of source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// File as the compiler was given it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
    /// The text of the line; empty if the object does not carry it.
    pub text: String,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text.trim())?;
        }
        Ok(())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest.fmt(f)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.complaint.is_empty() {
            f.write_str("refused without a log")?;
        } else {
            f.write_str(&self.complaint)?;
        }
        if let Some(insn) = self.insn {
            write!(f, " (instruction {insn}")?;
            if let Some(text) = &self.insn_text {
                write!(f, ": {text}")?;
            }
            f.write_str(")")?;
        }
        if let Some(source) = &self.source {
            write!(f, " at {source}")?;
        }
        for more in [&self.reason, &self.hint].into_iter().flatten() {
            write!(f, "; {more}")?;
        }
        Ok(())
    }
}

/// What a line of the log is.
enum Line<'a> {
    /// `7: (61) r1 = *(u32 *)(r0 +0)`, with the number and the text after the opcode.
    Insn(u32, &'a str),
    /// Register states, source lines, statistics.
    Noise,
    /// Anything else: something that the verifier has to say.
    Says(&'a str),
}

/// Reads the log of a refused load.
pub(crate) fn digest(log: &str) -> Digest {
    let (trace, report) = report::split(log);
    let report = report.unwrap_or_default();
    let mut last_insn = None;
    let mut says: Vec<&str> = Vec::new();
    for line in trace.lines() {
        match classify(line) {
            Line::Insn(number, text) => {
                last_insn = Some((number, text));
                says.clear();
            }
            Line::Says(text) => says.push(text),
            Line::Noise => {}
        }
    }
    let complaint = match says.is_empty() {
        true => report.title,
        false => joined(&says, "; "),
    };
    let named = says.iter().find_map(|line| insn_named(line));
    let insn = named.or(last_insn.map(|(number, _)| number));
    let insn_text = match (insn, last_insn) {
        (Some(insn), Some((number, text))) if insn == number => Some(text.trim().to_string()),
        _ => None,
    };
    Digest {
        hint: report.suggestion.or_else(|| hint(&complaint)),
        reason: report.reason,
        complaint,
        insn,
        insn_text,
        source: None,
    }
}

fn classify(line: &str) -> Line<'_> {
    let text = line.trim();
    if text.is_empty() || text.starts_with(';') || is_statistics(text) || is_state(text) {
        return Line::Noise;
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at(digits);
    let (Ok(number), Some(rest)) = (number.parse(), rest.strip_prefix(':')) else {
        return Line::Says(text);
    };
    // `7: (61) r1 = ...` is an instruction, `7: R0=...` its state.
    match rest
        .trim_start()
        .strip_prefix('(')
        .and_then(|r| r.split_once(')'))
    {
        Some((_, insn)) => Line::Insn(
            number,
            text::split_once(insn, "    ;").map_or(insn, |(i, _)| i),
        ),
        None => Line::Noise,
    }
}

fn is_statistics(text: &str) -> bool {
    const STARTS: [&str; 10] = [
        "processed ",
        "verification time",
        "stack depth",
        "max_states",
        "from ",
        "func#",
        "Validating ",
        "mark_precise:",
        "cur state:",
        "old state:",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
        || text.ends_with("is safe for any args that match its prototype")
}

/// `R1_w=ctx() R10=fp0`, `frame1: R0=...`, `caller:`, `callee:`.
fn is_state(text: &str) -> bool {
    let text = match text::split_once(text, ": ") {
        Some((frame, rest)) if frame.starts_with("frame") => rest,
        _ => text,
    };
    if matches!(text, "caller:" | "callee:") || text.starts_with("returning from callee") {
        return true;
    }
    let Some(rest) = text.strip_prefix('R').or_else(|| text.strip_prefix("fp")) else {
        return false;
    };
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    rest.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && end.is_some_and(|end| rest[end..].starts_with('='))
}

/// The instruction that a complaint names: `... insn 7 ...`.
fn insn_named(line: &str) -> Option<u32> {
    let words = line.split([' ', ',', ':', '.']);
    let mut after_insn = words.skip_while(|word| *word != "insn").skip(1);
    after_insn.next()?.parse().ok()
}

/// Complaint (a part of it) and what usually mends it.
const HINTS: &[(&str, &str)] = &[
    (
        "map_value_or_null",
        "compare the pointer that the map look-up returned with NULL before using it",
    ),
    (
        "mem_or_null",
        "compare the pointer with NULL before using it",
    ),
    (
        "ringbuf_mem_or_null",
        "compare what bpf_ringbuf_reserve returned with NULL before using it",
    ),
    (
        "Unreleased reference",
        "release it on every path: submit or discard the ring buffer record, bpf_sk_release, ...",
    ),
    (
        "outside of the allowed memory range",
        "check the index or offset against the size of the value right before the access",
    ),
    (
        "invalid access to map value",
        "check the index or offset against the size of the value right before the access",
    ),
    (
        "unbounded memory access",
        "bound the index (compare it, or mask it with & (SIZE - 1)) right before the access",
    ),
    (
        "variable-offset",
        "bound the index (compare it, or mask it with & (SIZE - 1)) right before the access to the stack",
    ),
    (
        "invalid access to packet",
        "compare data + offset with data_end before reading the packet there",
    ),
    (
        "infinite loop detected",
        "give the loop a bound that the verifier can see, or use bpf_loop or bpf_for",
    ),
    (
        "back-edge",
        "give the loop a bound that the verifier can see, unroll it, or use bpf_loop (bounded loops: Linux 5.3)",
    ),
    (
        "program is too large",
        "the verifier gave up after a million instructions: bound or shorten loops, split into functions, or use bpf_loop",
    ),
    (
        "too complex",
        "the verifier gave up: bound or shorten loops, split into functions, or use bpf_loop",
    ),
    (
        "invalid indirect read from stack",
        "initialise the whole stack variable (padding too), with = {} or __builtin_memset",
    ),
    (
        "invalid read from stack",
        "initialise the stack variable before it is read",
    ),
    (
        "!read_ok",
        "initialise the variable on every path; a register is read that was never written, or that a call has clobbered",
    ),
    (
        "combined stack size",
        "the stack of the whole call chain is 512 bytes: move large variables into a per-CPU array",
    ),
    (
        "invalid mem access 'scalar'",
        "a number is used as a pointer: read kernel memory with bpf_probe_read_kernel (or BPF_CORE_READ)",
    ),
    (
        "invalid mem access 'inv'",
        "a number is used as a pointer: read kernel memory with bpf_probe_read_kernel (or BPF_CORE_READ)",
    ),
    (
        "cannot call GPL-restricted function",
        "declare a GPL-compatible licence: char LICENSE[] SEC(\"license\") = \"GPL\";",
    ),
    (
        "cannot call GPL only",
        "declare a GPL-compatible licence: char LICENSE[] SEC(\"license\") = \"GPL\";",
    ),
    (
        "unknown func",
        "this kernel, or this type of program, does not have that helper",
    ),
    (
        "program of this type cannot use helper",
        "this type of program may not call that helper",
    ),
    (
        "invalid func unknown",
        "this kernel does not have that helper",
    ),
    (
        "metadata kfuncs require device-bound program",
        "only a program that is bound to a device may ask its driver: ProgramSpec::bound_to_device before the load",
    ),
    ("jump out of range", "a jump leaves the program"),
    (
        "unreachable insn",
        "code that nothing jumps to: a compiler other than clang, or hand-made code",
    ),
    ("R0 !read_ok", "return a value on every path"),
    (
        "At program exit the register R0",
        "return a value that this type of program allows",
    ),
    (
        "invalid bpf_context access",
        "this field of the context may not be read (or written) by this type of program, or not with this width",
    ),
    (
        "attach_btf_id",
        "the target has no BTF id in this kernel: check its name",
    ),
    (
        "math between",
        "this arithmetic on a pointer is not allowed: bound the number first",
    ),
];

fn hint(complaint: &str) -> Option<String> {
    let found = HINTS
        .iter()
        .find(|(part, _)| text::contains(complaint, part));
    found.map(|(_, hint)| (*hint).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_without_a_bound() {
        let log = "\
8: (71) r0 = *(u8 *)(r1 +0)
invalid unbounded variable-offset read from stack R1
processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";
        let digest = digest(log);
        assert_eq!(digest.insn, Some(8));
        assert!(digest.hint.unwrap().contains("bound the index"));
    }

    #[test]
    fn null_dereference() {
        let log = "\
func#0 @0
0: R1=ctx() R10=fp0
; int BPF_PROG(x) @ broken.bpf.c:21
0: (b7) r1 = 0                        ; R1_w=0
1: (63) *(u32 *)(r10 -4) = r1         ; R1_w=0 R10=fp0 fp-8=0000????
6: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=counts,ks=4,vs=8)
7: (79) r0 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";
        let digest = digest(log);
        assert_eq!(
            digest.complaint,
            "R0 invalid mem access 'map_value_or_null'"
        );
        assert_eq!(digest.insn, Some(7));
        assert_eq!(digest.insn_text.as_deref(), Some("r0 = *(u64 *)(r0 +0)"));
        assert!(digest.hint.unwrap().contains("NULL"));
    }

    #[test]
    fn complaint_of_two_lines_and_an_old_kernel() {
        let log = "\
0: R1=ctx(id=0,off=0,imm=0) R10=fp0
9: (71) r0 = *(u8 *)(r1 +4096)
 R0_w=map_value(id=0,off=0,ks=4,vs=4,imm=0) R1_w=map_value(id=0,off=0,ks=4,vs=4,imm=0) R10=fp0
invalid access to map value, value_size=4 off=4096 size=1
R1 max value is outside of the allowed memory range
processed 10 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";
        let digest = digest(log);
        assert_eq!(digest.insn, Some(9));
        assert_eq!(
            digest.complaint,
            "invalid access to map value, value_size=4 off=4096 size=1; \
             R1 max value is outside of the allowed memory range"
        );
    }

    #[test]
    fn instruction_named_in_words() {
        let digest = digest("infinite loop detected at insn 12\nprocessed 0 insns\n");
        assert_eq!(digest.insn, Some(12));
        assert_eq!(digest.insn_text, None);
        let back = super::digest("back-edge from insn 5 to 2\nprocessed 0 insns");
        assert_eq!(back.insn, Some(5));
    }

    #[test]
    fn nothing_and_noise() {
        assert_eq!(digest(""), Digest::default());
        assert_eq!(digest("\u{fffd}\n:::\n").complaint, "\u{fffd}; :::");
    }
}
