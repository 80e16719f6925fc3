//! `skep obj disasm`: functions as text.

use super::open;
use crate::args::Disasm;
use crate::fail::Result;
use crate::out::{BAD, DIM, HEAD, Out, printable, styled};
use serde_json::{Value, json};
use skep::ObjectSpec;
use skep::codec::object::{Function, TextLine};
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
    let head = format!("{} ({})", function.name, function.section);
    out.line(&styled(HEAD, format!("{}:", printable(&head))))?;
    if let Some(error) = &function.error {
        out.line(&styled(BAD, printable(&error.to_string())))?;
    }
    for line in spec.function_text(function).lines() {
        let text = printable(&line.to_string());
        match line {
            TextLine::Insn { slot, .. } => {
                let indent = 4_usize.saturating_sub(slot.to_string().len());
                out.line(&format!("{:indent$}{text}", ""))?;
            }
            TextLine::Label { .. } => out.line(&text)?,
            _ => out.line(&format!("    {}", styled(DIM, text)))?,
        }
    }
    Ok(out.line("")?)
}

fn rows(out: &mut Out, object: &str, spec: &ObjectSpec, function: &Function) -> Result<()> {
    let (mut source, mut place, mut relocation) = (Value::Null, Value::Null, Value::Null);
    let (mut label, mut entries) = (Value::Null, Value::Null);
    for line in spec.function_text(function).lines() {
        match line {
            TextLine::Source { text, place: at } => (source, place) = (text.into(), at.into()),
            TextLine::Relocation(what) => relocation = what.into(),
            TextLine::Label {
                name,
                entries: from,
            } => (label, entries) = (name.into(), from.into()),
            TextLine::Insn { slot, code, text } => out.json(&json!({
                "object": object, "section": function.section, "function": function.name,
                "slot": slot, "code": code, "text": text, "source": source.take(),
                "place": place.take(), "relocation": relocation.take(), "label": label.take(),
                "entries": entries.take(),
            }))?,
        }
    }
    Ok(())
}
