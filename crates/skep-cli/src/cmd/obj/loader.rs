//! `skep obj loader`: an object as a program that loads it.

use crate::args::Loader;
use crate::fail::{Failure, Result};
use crate::out::Out;
use serde_json::json;
use skep::ObjectSpec;
use skep::object::LoaderOptions;
use std::fs;
use std::path::Path;

pub(super) fn run(args: &Loader) -> Result {
    let spec = ObjectSpec::open(&args.object)?;
    let kconfig = args.kconfig.as_deref().map(read).transpose()?;
    let kconfig = String::from_utf8_lossy(kconfig.as_deref().unwrap_or_default()).into_owned();
    let options = LoaderOptions {
        kconfig: &kconfig,
        signed: args.signed || args.signature.is_some() || args.insns_signature.is_some(),
        ..LoaderOptions::default()
    };
    let mut loader = spec.loader_program(&options)?;
    if let Some(path) = &args.signature {
        loader.signature = read(path)?;
    }
    if let Some(path) = &args.insns_signature {
        loader.insns_signature = read(path)?;
    }
    if let Some(path) = &args.to_sign {
        write(path, &loader.signed_bytes())?;
    }
    if let Some(path) = &args.insns_to_sign {
        write(path, &loader.insns_bytes())?;
    }
    let bytes = loader.to_bytes();
    write(&args.output, &bytes)?;
    if args.json {
        let mut out = Out::new(true);
        let maps: Vec<&str> = loader.maps.iter().map(|map| &*map.name).collect();
        let programs: Vec<&str> = loader.programs.iter().map(|p| &*p.name).collect();
        out.json(&json!({
            "output": args.output.display().to_string(), "bytes": bytes.len(),
            "instructions": loader.insns.len(), "data_bytes": loader.blob.len(),
            "signed": !(loader.signature.is_empty() && loader.insns_signature.is_empty()), "maps": maps, "programs": programs,
        }))?;
        out.flush()?;
    }
    Ok(0)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| Failure::Said(format!("read {}: {e}", path.display())))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = fs::write(path, bytes);
    written.map_err(|e| Failure::Said(format!("write {}: {e}", path.display())))
}
