//! `skep obj link`: several object files into one.

use crate::args::Link;
use crate::fail::Result;
use crate::out::Out;
use serde_json::json;
use skep::codec::linker::{self, Input};
use std::fs;

pub(super) fn run(args: &Link) -> Result {
    let mut files = Vec::new();
    for path in &args.objects {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|e| format!("read {name}: {e}"))?;
        files.push((name, bytes));
    }
    let inputs: Vec<_> = files
        .iter()
        .map(|(name, bytes)| Input { name, bytes })
        .collect();
    let whole = linker::link(&inputs).map_err(|e| e.to_string())?;
    let output = &args.output;
    fs::write(output, &whole).map_err(|e| format!("write {}: {e}", output.display()))?;
    if args.json {
        let names: Vec<_> = files.iter().map(|(name, _)| name).collect();
        let mut out = Out::new(true);
        out.json(&json!({
            "output": output.display().to_string(), "bytes": whole.len(), "objects": names,
        }))?;
        out.flush()?;
    }
    Ok(0)
}
