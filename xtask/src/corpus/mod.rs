//! Third-party objects, fetched and built when they are wanted, kept in the cache.

mod build;
mod carve;
pub(crate) mod compat;
mod list;
mod origin;

use crate::cmd::{cache_dir, files_below, mkdir, write};
use crate::{Result, apt};
use list::{CORPORA, Corpus, Take};
use std::fs;
use std::path::{Path, PathBuf};

/// Written into a corpus when it is whole.
const WHOLE: &str = "whole";

/// Where the objects are: a directory for each corpus.
pub(crate) fn directory() -> PathBuf {
    cache_dir().join("corpus")
}

/// `corpus [NAME...]`: sees to it that they are there, or all; prints where.
pub(crate) fn task(args: &[String]) -> Result {
    let known = |name: &String| CORPORA.iter().any(|c| c.name == name);
    if let Some(name) = args.iter().find(|name| !known(name)) {
        let names: Vec<&str> = CORPORA.iter().map(|c| c.name).collect();
        return Err(format!("no corpus {name}; there are {}", names.join(" ")));
    }
    for needs in [apt::CLANG, apt::CORPUS] {
        apt::ensure(needs)?;
    }
    let mut failed = Vec::new();
    for corpus in CORPORA {
        if !args.is_empty() && !args.iter().any(|name| name == corpus.name) {
            continue;
        }
        if let Err(why) = ready(corpus) {
            println!("{}: {why}", corpus.name);
            failed.push(corpus.name);
        }
    }
    println!("{}", directory().display());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("not to be had: {}", failed.join(" ")))
    }
}

/// Fetches and builds a corpus that is not there.
fn ready(corpus: &Corpus) -> Result {
    let place = directory().join(corpus.name);
    if place.join(WHOLE).exists() {
        let count = files_below(&place, ".o").len();
        println!("{}: {count} objects", corpus.name);
        return Ok(());
    }
    let _ = fs::remove_dir_all(&place);
    mkdir(&place)?;
    let root = cache_dir().join("corpus-sources").join(corpus.name);
    let _ = fs::remove_dir_all(&root);
    origin::fetch(&corpus.origin, &root)?;
    let (built, failed) = take(&corpus.take, &root, &place)?;
    fs::remove_dir_all(&root).map_err(|e| format!("{}: {e}", root.display()))?;
    println!("{}: {built} objects, {failed} did not build", corpus.name);
    if built == 0 {
        return Err("nothing came of it".into());
    }
    write(&place.join(WHOLE), "")
}

/// How many objects came of it, and how many did not.
fn take(take: &Take, root: &Path, place: &Path) -> Result<(usize, usize)> {
    match take {
        Take::Carved => Ok((carve::carve(root, place)?, 0)),
        Take::Files(suffix) => {
            let all = files_below(root, suffix);
            for file in &all {
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                let object = place.join(format!("{name}.bpf.o"));
                fs::copy(file, object).map_err(|e| format!("{}: {e}", file.display()))?;
            }
            Ok((all.len(), 0))
        }
        Take::Built {
            programs,
            suffix,
            except,
            headers,
            flags,
            linked,
        } => {
            let common = cache_dir().join("corpus-sources/.include");
            origin::common_headers(&common)?;
            let recipe = build::Recipe {
                root,
                programs,
                suffix,
                except,
                headers,
                flags,
                common: &common,
            };
            let (built, failed) = build::build(&recipe, place)?;
            for name in *linked {
                build::link(name, place)?;
            }
            Ok((built + linked.len(), failed))
        }
    }
}
