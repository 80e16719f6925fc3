//! `skep obj disasm`: functions as text.

use super::open;
use crate::args::Disasm;
use crate::cmd::code;
use crate::fail::Result;
use crate::out::{BAD, Out, printable, styled};
use serde_json::json;
use skep::ObjectSpec;
use skep::codec::object::Function;
use std::collections::BTreeSet;

pub(super) fn run(args: &Disasm) -> Result {
    let mut out = Out::new(args.json);
    let mut status = 0;
    let mut missing: BTreeSet<&str> = args.functions.iter().map(String::as_str).collect();
    for path in &args.objects {
        let Some(spec) = open(path) else {
            status = 1;
            continue;
        };
        let object = path.display().to_string();
        for function in &spec.functions {
            let wanted = args.functions.is_empty() || args.functions.contains(&function.name);
            if !wanted {
                continue;
            }
            missing.remove(function.name.as_str());
            match out.is_json() {
                true => rows(&mut out, &object, &spec, function)?,
                false => text(&mut out, &spec, function)?,
            }
        }
    }
    out.flush()?;
    if let Some(name) = missing.first() {
        return Err(format!("no function named `{name}`").into());
    }
    Ok(status)
}

fn text(out: &mut Out, spec: &ObjectSpec, function: &Function) -> Result<()> {
    code::head(out, &format!("{} ({})", function.name, function.section))?;
    if let Some(error) = &function.error {
        out.line(&styled(BAD, printable(&error.to_string())))?;
    }
    Ok(code::text(out, &spec.function_text(function).lines())?)
}

fn rows(out: &mut Out, object: &str, spec: &ObjectSpec, function: &Function) -> Result<()> {
    let same = [
        ("object", json!(object)),
        ("section", json!(function.section)),
        ("function", json!(function.name)),
    ];
    let same = same.map(|(key, value)| (key.to_owned(), value));
    let lines = spec.function_text(function).lines();
    Ok(code::rows(out, &same.into_iter().collect(), &lines)?)
}
