//! `skep verify`: each program of each object by itself.

use crate::args::Verify;
use crate::caps;
use crate::fail::{self, Result};
use crate::json;
use crate::out::{BAD, DIM, GOOD, HEAD, Out, printable, styled};
use serde_json::{Value, json};
use skep::codec::object::Pinning;
use skep::object::{Loaded, Loader};
use skep::{Error, ErrorKind, LoadOptions, ObjectSpec, Refusal, System};
use std::fmt::Write;

/// Lines of a verifier's log shown without `--log`.
const LAST_LINES: usize = 8;

/// What the kernel said of one program.
struct Verdict<'a> {
    object: &'a str,
    program: &'a str,
    section: &'a str,
    /// Instructions, subprograms included, where they could be put together.
    insns: Option<usize>,
    outcome: Result<Loaded, Error>,
}

/// Runs the command.
pub(crate) fn run(args: &Verify) -> Result {
    let mut out = Out::new(args.json);
    let system = System::host()?;
    let options = LoadOptions {
        log_level: u32::from(args.log),
        timed: true,
        ..LoadOptions::default()
    };
    let (mut status, mut denied) = (0, false);
    for path in &args.objects {
        let name = path.display().to_string();
        match ObjectSpec::open(path) {
            Err(error) => {
                status = 1;
                not_opened(&mut out, &name, &error.to_string())?;
            }
            Ok(mut spec) => {
                let head = format!("{name}: ");
                super::notes(&head, &spec.warnings);
                // To judge leaves nothing behind, and needs nothing that others have pinned.
                for map in &mut spec.maps {
                    map.pinning = Pinning::None;
                }
                if spec.programs.is_empty() {
                    no_programs(&mut out, &name)?;
                }
                let mut loader = spec.loader(&system, &options);
                for index in 0..spec.programs.len() {
                    let verdict = judge(&mut loader, &spec, index, &name);
                    if let Err(error) = &verdict.outcome {
                        status = 1;
                        denied |= error.kind() == ErrorKind::Permission;
                    }
                    report(&mut out, &verdict, args.log)?;
                }
                super::notes(&head, &loader.warnings());
            }
        }
    }
    out.flush()?;
    if denied {
        anstream::eprintln!("EPERM: {}", caps::advice_for_load());
    }
    Ok(status)
}

fn judge<'a>(
    loader: &mut Loader<'_>,
    spec: &'a ObjectSpec,
    index: usize,
    object: &'a str,
) -> Verdict<'a> {
    let (program, section) = match spec.programs.get(index) {
        Some(program) => (program.name.as_str(), program.section.as_str()),
        None => ("", ""),
    };
    let outcome = loader.load_program(index);
    let insns = match &outcome {
        Ok(loaded) => Some(loaded.insns),
        Err(_) => skep::codec::object::link(spec, index)
            .ok()
            .map(|code| code.insns.len()),
    };
    Verdict {
        object,
        program,
        section,
        insns,
        outcome,
    }
}

/// A line for an object without a line of a program.
fn object_row(object: &str, opened: bool, error: Option<&str>) -> Value {
    json!({
        "object": object, "program": null, "section": null, "opened": opened, "loaded": opened,
        "errno": null, "error": error, "insns": null, "verified_insns": null, "load_ns": null,
        "tag": null,
    })
}

fn not_opened(out: &mut Out, object: &str, error: &str) -> Result<()> {
    if out.is_json() {
        return Ok(out.json(&object_row(object, false, Some(error)))?);
    }
    let what = format!("{object}: not opened: {error}");
    Ok(out.line(&format!("{}  {}", styled(BAD, "FAIL"), printable(&what)))?)
}

/// Nothing was asked of the kernel, and nothing was refused.
fn no_programs(out: &mut Out, object: &str) -> Result<()> {
    if out.is_json() {
        return Ok(out.json(&object_row(object, true, None))?);
    }
    let what = format!("{object}: no programs");
    Ok(out.line(&format!("{}    {}", styled(GOOD, "ok"), printable(&what)))?)
}

fn report(out: &mut Out, verdict: &Verdict<'_>, whole_log: bool) -> Result<()> {
    if out.is_json() {
        return Ok(out.json(&row(verdict))?);
    }
    out.line(&summary(verdict))?;
    let log = match &verdict.outcome {
        Ok(loaded) => loaded.program.log(),
        Err(error) => match error.refusal() {
            Some(refusal) => {
                out.line(digest(refusal).trim_start_matches('\n'))?;
                refusal.log.as_str()
            }
            None => "",
        },
    };
    let lines: Vec<&str> = log.lines().collect();
    let first = match (&verdict.outcome, whole_log) {
        (_, true) => 0,
        (Err(_), false) => lines.len().saturating_sub(LAST_LINES),
        (Ok(_), false) => lines.len(),
    };
    if first > 0 && first < lines.len() {
        let left_out = format!(
            "      log, the last {LAST_LINES} of {} lines (--log: all):",
            lines.len()
        );
        out.line(&styled(DIM, left_out))?;
    }
    for line in lines.iter().skip(first) {
        out.line(&styled(DIM, format!("      | {}", printable(line))))?;
    }
    Ok(())
}

/// The JSON object of a program.
fn row(verdict: &Verdict<'_>) -> Value {
    let loaded = verdict.outcome.as_ref().ok();
    let info = loaded.and_then(|l| l.program.info().ok());
    let error = verdict.outcome.as_ref().err();
    json!({
        "object": verdict.object,
        "program": verdict.program,
        "section": verdict.section,
        "opened": true,
        "loaded": loaded.is_some(),
        "errno": error.and_then(Error::errno).map(|e| e.raw()),
        "error": error.map(ToString::to_string),
        "insns": verdict.insns,
        "verified_insns": info.as_ref().map(|i| i.verified_insns),
        "load_ns": loaded.and_then(|l| l.load_ns),
        "tag": info.map(|i| json::hex(&i.tag)),
    })
}

/// The line of a program.
fn summary(verdict: &Verdict<'_>) -> String {
    let name = format!(
        "{}  {}  ({})",
        verdict.object, verdict.program, verdict.section
    );
    let name = styled(HEAD, printable(&name));
    let insns = verdict
        .insns
        .map_or_else(|| "?".to_owned(), |n| n.to_string());
    match &verdict.outcome {
        Ok(loaded) => {
            let verified = match loaded.program.info() {
                Ok(info) if info.verified_insns > 0 => {
                    format!(", {} verified", info.verified_insns)
                }
                _ => String::new(),
            };
            let took = loaded.load_ns.unwrap_or(0) as f64 / 1e6;
            format!(
                "{}    {name}  {insns} insns{verified}, {took:.2} ms",
                styled(GOOD, "ok")
            )
        }
        Err(error) => {
            let why = match (error.refusal(), error.errno()) {
                (Some(_), Some(errno)) => format!("refused by the verifier: {errno}"),
                _ => fail::of_program(error, verdict.program, verdict.section),
            };
            format!(
                "{}  {name}  {insns} insns: {}",
                styled(BAD, "FAIL"),
                printable(&why)
            )
        }
    }
}

/// What a refusal comes down to, a fact a line, indented, with a line break before each.
pub(crate) fn digest(refusal: &Refusal) -> String {
    let digest = &refusal.digest;
    let mut text = String::new();
    let mut fact = |name: &str, what: &str| {
        let _ = write!(text, "\n      {name:<9} {}", printable(what));
    };
    let complaint = match digest.complaint.as_str() {
        "" => "the kernel wrote no log",
        complaint => complaint,
    };
    fact("verifier:", complaint);
    if let Some(insn) = digest.insn {
        let code = digest.insn_text.as_deref().unwrap_or_default();
        fact("at insn:", format!("{insn}: {code}").trim_end_matches(": "));
    }
    if let Some(source) = &digest.source {
        fact("source:", &source.to_string());
    }
    if let Some(reason) = &digest.reason {
        fact("because:", reason);
    }
    if let Some(hint) = &digest.hint {
        fact("hint:", hint);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use skep::{Digest, SourceLine};

    #[test]
    fn a_digest_is_a_fact_a_line() {
        let refusal = Refusal {
            log: String::new(),
            digest: Digest {
                complaint: "R0 invalid mem access 'map_value_or_null'".to_owned(),
                insn: Some(7),
                insn_text: Some("(61) r1 = *(u32 *)(r0 +0)".to_owned()),
                source: Some(SourceLine {
                    file: "a.c".to_owned(),
                    line: 12,
                    column: 3,
                    text: "  return *value;".to_owned(),
                }),
                reason: Some("R0 may be NULL here.".to_owned()),
                hint: Some("compare it with NULL first".to_owned()),
            },
        };
        assert_eq!(
            digest(&refusal),
            "\n      verifier: R0 invalid mem access 'map_value_or_null'\
             \n      at insn:  7: (61) r1 = *(u32 *)(r0 +0)\
             \n      source:   a.c:12: return *value;\
             \n      because:  R0 may be NULL here.\
             \n      hint:     compare it with NULL first"
        );
        let silent = digest(&Refusal::default());
        assert_eq!(silent, "\n      verifier: the kernel wrote no log");
    }
}
