//! What declaration tags say of functions: exception callbacks, context arguments.

use super::parse::Parser;
use crate::btf::{Btf, ContextArg, Kind, Type, TypeId};
use crate::error::bail;
use crate::map::Map;
use crate::{Error, ErrorKind, Result};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

const EXCEPTION: &str = "exception_callback:";
const CONTEXT: &str = "arg:ctx";

/// Whether a type is a tag that means something here.
pub(super) fn is_known(tag: &Type<'_>) -> bool {
    let known = |name: &str| name == CONTEXT || name.starts_with(EXCEPTION);
    tag.kind() == Kind::DeclTag && tag.name().is_ok_and(known)
}

/// The context arguments among the tags.
pub(super) fn context_args(btf: &Btf, tags: &[TypeId]) -> Vec<ContextArg> {
    let one = |&tag: &TypeId| {
        let tag = btf.ty(tag).ok().filter(|tag| tag.name() == Ok(CONTEXT))?;
        let func = tag.target()?;
        (btf.ty(func).ok()?.kind() == Kind::Func).then_some(())?;
        let index = u32::try_from(tag.component().ok()?).ok()?;
        Some(ContextArg { func, index })
    };
    let mut found = Vec::new();
    for tag in tags {
        found.extend(one(tag));
    }
    found
}

/// Gives programs their exception callbacks.
pub(super) fn exceptions(p: &mut Parser<'_>, tags: &[TypeId]) {
    let Some(btf) = p.spec.btf.clone().filter(|_| !tags.is_empty()) else {
        return;
    };
    let wanted = wanted(&btf, tags);
    let mut callbacks: Map<String, Vec<usize>> = Map::new();
    for (index, function) in p.spec.functions.iter().enumerate() {
        // Programs are in the order of their functions.
        let programs = &p.spec.programs;
        if programs
            .binary_search_by_key(&index, |p| p.function)
            .is_err()
        {
            callbacks.change(function.name.clone(), |all| all.push(index));
        }
    }
    for index in 0..p.spec.programs.len() {
        let name = p.spec.programs.get(index).map(|program| &program.name);
        let Some(names) = name.and_then(|name| wanted.get(name)) else {
            continue;
        };
        let found = find(p, names, &callbacks);
        if let Some(program) = p.spec.programs.get_mut(index) {
            match found {
                Ok(callback) => program.exception_callback = Some(callback),
                Err(error) => {
                    let error = error.in_section(&program.section);
                    program.error.get_or_insert(error.of_symbol(&program.name));
                }
            }
        }
    }
}

/// Names of exception callbacks, by the name of the function that wants them.
fn wanted(btf: &Arc<Btf>, tags: &[TypeId]) -> Map<String, Vec<String>> {
    let mut wanted: Map<String, Vec<String>> = Map::new();
    for &tag in tags {
        let read = || {
            let tag = btf.ty(tag).ok()?;
            let callback = tag.name().ok()?.strip_prefix(EXCEPTION)?;
            let func = btf.ty(tag.target()?).ok()?;
            (tag.component() == Ok(-1) && func.kind() == Kind::Func).then_some(())?;
            Some((func.name().ok()?, callback))
        };
        if let Some((func, callback)) = read() {
            wanted.change(func.to_owned(), |all| all.push(callback.to_owned()));
        }
    }
    wanted
}

fn find(p: &Parser<'_>, names: &[String], callbacks: &Map<String, Vec<usize>>) -> Result<usize> {
    let [name] = names else {
        bail!(Ambiguous, "several exception callbacks");
    };
    let index = match callbacks.get(name).map(Vec::as_slice) {
        Some([index]) => *index,
        Some([_, ..]) => bail!(
            Ambiguous,
            "several functions '{name}', its exception callback"
        ),
        _ => bail!(NotFound, "no function '{name}', its exception callback"),
    };
    // The kernel verifies it by itself, as it does global functions only.
    match p.spec.functions.get(index) {
        Some(function) if function.global && !function.hidden => Ok(index),
        _ => Err(Error::new(
            ErrorKind::Mismatch,
            format!("its exception callback '{name}' is static or hidden"),
        )),
    }
}
