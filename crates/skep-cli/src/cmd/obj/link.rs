//! `skep obj link`: several object files into one.

use crate::args::Link;
use crate::fail::Result;
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
    fs::write(output, whole).map_err(|e| format!("write {}: {e}", output.display()))?;
    Ok(0)
}
