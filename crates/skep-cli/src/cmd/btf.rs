//! `skep btf`: types of the kernel, of objects, of files.

use crate::args::{BtfC, BtfDump, BtfMin, BtfRust, BtfSource};
use crate::btf_text;
use crate::fail::{Failure, Result};
use crate::out::{Out, print, printable};
use skep::System;
use skep::codec::btf::{Btf, BtfBuilder, Kind, TypeId, dump_c_header, dump_rust};
use skep::codec::core_reloc::Minimal;
use skep::codec::elf::read_btf;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the running kernel shows its types and its modules'.
const MODULES: &str = "/sys/kernel/btf";

/// `skep btf dump`.
pub(crate) fn dump(args: &BtfDump) -> Result {
    let btf = open(&args.source)?;
    let mut out = Out::new(args.json);
    if args.raw {
        out.bytes(btf.as_bytes())?;
        out.flush()?;
        return Ok(0);
    }
    let btf = btf.indexed()?;
    let mut text = String::new();
    for ty in btf.iter() {
        if args.json {
            out.json(&btf_text::json(&ty)?)?;
            continue;
        }
        text.clear();
        btf_text::text(&btf, &ty, &mut text)?;
        out.bytes(text.as_bytes())?;
    }
    out.flush()?;
    Ok(0)
}

/// `skep btf c`.
pub(crate) fn c(args: &BtfC) -> Result {
    let btf = open(&args.source)?;
    let roots = roots(&btf, &args.root)?;
    print(&dump_c_header(&btf, &roots, &args.guard)?)?;
    Ok(0)
}

/// `skep btf rust`.
pub(crate) fn rust(args: &BtfRust) -> Result {
    let btf = open(&args.source)?;
    print(&dump_rust(&btf, &roots(&btf, &args.root)?)?)?;
    Ok(0)
}

/// The types with these names.
fn roots(btf: &Btf, names: &[String]) -> Result<Vec<TypeId>> {
    let mut roots = Vec::new();
    for name in names {
        let found = named(btf, name);
        if found.is_empty() {
            return Err(format!("no type `{name}`").into());
        }
        roots.extend(found);
    }
    Ok(roots)
}

/// The types with this name that can be declared; forward declarations where there is nothing else.
fn named(btf: &Btf, name: &str) -> Vec<TypeId> {
    let kinds = [
        Kind::Struct,
        Kind::Union,
        Kind::Enum,
        Kind::Enum64,
        Kind::Typedef,
    ];
    let found: Vec<_> = kinds
        .iter()
        .filter_map(|kind| btf.find(name, Some(*kind)))
        .collect();
    match found.is_empty() {
        true => btf.find(name, Some(Kind::Fwd)).into_iter().collect(),
        false => found,
    }
}

/// `skep btf min`.
pub(crate) fn min(args: &BtfMin) -> Result {
    let kernel = match &args.btf {
        Some(path) => from_file(path, None)?,
        None => System::host()?.kernel_btf()?.clone(),
    };
    let objects: Vec<_> = args
        .objects
        .iter()
        .map(|path| (path, fs::read(path)))
        .collect();
    let mut minimal = needed(&kernel, &objects)?;
    let whole;
    if minimal.lacks_types() {
        whole = with_modules(&kernel, &modules(args)?)?;
        minimal = needed(&whole, &objects)?;
    }
    let bytes = minimal.build()?.to_bytes(kernel.endian())?;
    fs::write(&args.output, bytes)
        .map_err(|error| format!("{}: {error}", args.output.display()))?;
    Ok(0)
}

/// What these objects need of these types.
fn needed<'a>(
    types: &'a Btf,
    objects: &[(&PathBuf, std::io::Result<Vec<u8>>)],
) -> Result<Minimal<'a>> {
    let mut minimal = Minimal::new(types);
    for (path, object) in objects {
        let says = |what: &dyn Display| Failure::Said(format!("{}: {what}", path.display()));
        let object = object.as_ref().map_err(|error| says(error))?;
        let added = minimal.add_object(object);
        added.map_err(|error| says(&error))?;
    }
    Ok(minimal)
}

/// The files with modules' types: those given, or the running kernel's.
fn modules(args: &BtfMin) -> Result<Vec<PathBuf>> {
    if args.btf.is_some() {
        return Ok(args.module.clone());
    }
    let dir = Path::new(MODULES);
    let says = |error| format!("{MODULES}: {error}");
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(says)? {
        found.push(entry.map_err(says)?.path());
    }
    found.retain(|path| !path.ends_with("vmlinux"));
    found.sort();
    Ok(found)
}

/// The kernel's types with all of these modules'. A module that cannot be read is told of, and is
/// no trouble to the others.
fn with_modules(kernel: &Arc<Btf>, modules: &[PathBuf]) -> Result<Btf> {
    let mut all = BtfBuilder::split(kernel.clone());
    for path in modules {
        let added = from_file(path, Some(kernel.clone())).and_then(|btf| Ok(all.append(&btf)?));
        if let Err(error) = added {
            anstream::eprintln!("{}", printable(&format!("note: left out: {error}")));
        }
    }
    Ok(all.to_btf(kernel.endian())?)
}

fn open(source: &BtfSource) -> Result<Arc<Btf>> {
    if let Some(id) = source.id {
        return Ok(System::host()?.btf_by_id(id)?);
    }
    if let Some(module) = &source.module {
        let kernel = System::host()?.kernel_btf()?.clone();
        let path = Path::new(MODULES).join(module);
        return from_file(&path, Some(kernel));
    }
    let Some(file) = &source.file else {
        return Ok(System::host()?.kernel_btf()?.clone());
    };
    let base = match &source.base {
        Some(base) => Some(from_file(base, None)?),
        None => None,
    };
    from_file(file, base)
}

fn from_file(path: &Path, base: Option<Arc<Btf>>) -> Result<Arc<Btf>> {
    let says = |what: String| Failure::Said(format!("{}: {what}", path.display()));
    let bytes = fs::read(path).map_err(|error| says(error.to_string()))?;
    let has_base = base.is_some();
    match read_btf(bytes, base) {
        Ok(btf) => Ok(Arc::new(btf)),
        Err(error) if !has_base && error.section() == Some("BTF strings") => Err(says(format!(
            "{error} (split BTF needs the file that it continues: --base FILE)"
        ))),
        Err(error) => Err(says(error.to_string())),
    }
}
