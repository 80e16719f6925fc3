//! The report that Linux since 7.3 writes below the verifier's complaint: a title, and paragraphs
//! under headings.

use alloc::string::{String, ToString};

/// What the title begins with.
const TITLE: &str = "Verification failed: ";

/// What a report tells; of its other paragraphs the log knows more (places, the way there).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) title: String,
    pub(super) reason: Option<String>,
    pub(super) suggestion: Option<String>,
}

/// A log in two: what stands before the report, and the report, if there is one.
pub(super) fn split(log: &str) -> (&str, Option<Report>) {
    let mut start = 0;
    for line in log.split_inclusive('\n') {
        if let (Some(title), Some((before, report))) =
            (line.strip_prefix(TITLE), log.split_at_checked(start))
        {
            return (before, Some(read(title, report)));
        }
        start = start.saturating_add(line.len());
    }
    (log, None)
}

fn read(title: &str, text: &str) -> Report {
    let mut report = Report {
        title: title.trim().to_string(),
        ..Report::default()
    };
    let mut heading = "";
    for line in text.lines() {
        let words = line.trim();
        if words.is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            heading = words;
            continue;
        }
        let paragraph = match heading {
            "Reason:" => &mut report.reason,
            "Suggestion:" => &mut report.suggestion,
            _ => continue,
        };
        let paragraph = paragraph.get_or_insert_default();
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(words);
    }
    report
}

#[cfg(test)]
mod tests {
    use super::super::digest;
    use super::{Report, split};
    use alloc::string::ToString;

    /// `unchecked` of `broken.bpf.c`, Linux 7.3.4.
    const NULL: &str = "\
0: R1=ctx() R10=fp0
; int unchecked(struct __sk_buff *skb) @ broken.bpf.c:43
0: (b4) w1 = 0                        ; R1=0
; __u32 zero = 0; @ broken.bpf.c:45
1: (63) *(u32 *)(r10 -4) = r1         ; R1=0 R10=fp0 fp-8=0000????
2: (bf) r2 = r10                      ; R2=fp0 R10=fp0
3: (07) r2 += -4                      ; R2=fp-4
; __u64 *value = bpf_map_lookup_elem(&flows, &zero); @ broken.bpf.c:46
4: (18) r1 = 0xff3e2e0a82ba4800       ; R1=map_ptr(map=flows,ks=4,vs=8)
6: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=flows,ks=4,vs=8)
; return *value; @ broken.bpf.c:48
7: (79) r0 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'

Verification failed: Register Type Safety: Invalid dereference

Reason:
  R0 may be NULL here (a nullable map value pointer). The program could dereference NULL on this
  path, so the verifier cannot prove this access is safe.

At:
  unchecked @ broken.bpf.c:48:9
  Source context:
      46 |         __u64 *value = bpf_map_lookup_elem(&flows, &zero);
      47 | ...
  >>> 48 |         return *value;
         |         ^-- error: invalid dereference of R0 (a nullable map value pointer)
      49 | ...
      50 | ...
  Instruction context:
      6 | (85) call bpf_map_lookup_elem#1
  >>> 7 | (79) r0 = *(u64 *)(r0 +0)
      8 | (95) exit

Causal path:
  unchecked @ broken.bpf.c:46:17
  Source context:
      44 | ...
      45 |         __u32 zero = 0;
  >>> 46 |         __u64 *value = bpf_map_lookup_elem(&flows, &zero);
         |         ^-- update: R0 changed from uninitialized value to nullable map value from flows
         |             at offset 0
      47 | ...
      48 |         return *value;
  Instruction context:
      4 | (18) r1 = 0xff3e2e0a82ba4800
  >>> 6 | (85) call bpf_map_lookup_elem#1
      7 | (79) r0 = *(u64 *)(r0 +0)
      8 | (95) exit

Suggestion:
  Add a NULL check before the access and dereference the pointer only on the non-NULL path.

processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

    #[test]
    fn complaint_reason_and_suggestion_are_told_apart() {
        let digest = digest(NULL);
        assert_eq!(
            digest.complaint,
            "R0 invalid mem access 'map_value_or_null'"
        );
        assert_eq!(digest.insn, Some(7));
        assert_eq!(digest.insn_text.as_deref(), Some("r0 = *(u64 *)(r0 +0)"));
        assert_eq!(
            digest.reason.as_deref(),
            Some(
                "R0 may be NULL here (a nullable map value pointer). The program could \
                 dereference NULL on this path, so the verifier cannot prove this access is safe."
            )
        );
        assert_eq!(
            digest.hint.as_deref(),
            Some(
                "Add a NULL check before the access and dereference the pointer only on the \
                 non-NULL path."
            )
        );
    }

    #[test]
    fn a_report_alone_still_says_what_failed() {
        let (before, report) = split("Verification failed: Memory Safety: Access outside bounds");
        let title = "Memory Safety: Access outside bounds".to_string();
        let alone = Report {
            title,
            ..Report::default()
        };
        assert_eq!((before, report), ("", Some(alone)));
        let digest = digest("Verification failed: X\n\nReason:\n  a\n  b\nprocessed 1 insns\n");
        assert_eq!(digest.complaint, "X");
        assert_eq!(digest.reason.as_deref(), Some("a b"));
        assert_eq!((digest.insn, digest.hint), (None, None));
    }

    #[test]
    fn source_that_looks_like_a_report_is_none() {
        let log = "; Verification failed: no @ a.c:1\n 0: x Verification failed: y\n";
        assert_eq!(split(log), (log, None));
    }
}
