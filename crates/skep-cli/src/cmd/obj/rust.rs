//! `skep obj rust`.

use crate::args::Rust;
use crate::fail::{Failure, Result};
use crate::out::print;
use skep::codec::skeleton::{Skeleton, module_name};
use std::fs;
use std::path::Path;

/// Runs the command.
pub(crate) fn run(args: &Rust) -> Result {
    let types: Vec<&str> = args.types.iter().map(String::as_str).collect();
    let records = args.records.iter();
    let records: Vec<(&str, &str)> = records.map(|pair| (&*pair.name, &*pair.value)).collect();
    let skeleton = Skeleton {
        name: args.name.as_deref(),
        embed: args.embed.as_deref(),
        embed_be: args.embed_be.as_deref(),
        partial: args.partial,
        types: &types,
        records: &records,
    };
    let mut text = String::new();
    match &args.objects[..] {
        [object] => text = file(&skeleton, object)?,
        several => {
            if args.name.is_some() || args.embed.is_some() {
                return Err("--name and --embed are of one object".to_owned().into());
            }
            let mut modules = Vec::new();
            for object in several {
                let name = object.file_name().unwrap_or_default().to_string_lossy();
                let name = module_name(&name);
                if modules.contains(&name) {
                    let what = format!("{}: a second module `{name}`", object.display());
                    return Err(what.into());
                }
                text.push_str(&format!("pub mod {name} {{\n"));
                for line in file(&skeleton, object)?.lines() {
                    let indent = if line.is_empty() { "" } else { "    " };
                    text.extend([indent, line, "\n"]);
                }
                text.push_str("}\n");
                modules.push(name);
            }
        }
    }
    print(&text)?;
    Ok(0)
}

fn file(skeleton: &Skeleton<'_>, object: &Path) -> Result<String> {
    let says = |what: String| Failure::Said(format!("{}: {what}", object.display()));
    let bytes = fs::read(object).map_err(|error| says(error.to_string()))?;
    let name = object.file_name().unwrap_or_default().to_string_lossy();
    let text = skeleton.to_rust(&bytes, &name);
    text.map_err(|error| says(error.to_string()))
}
