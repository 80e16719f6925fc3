//! What the library compiles by default: these packages and no other, none of which runs a build
//! script or links a library. Whoever can compile Rust can compile it; no C compiler is asked for.

use crate::Result;
use crate::cmd::{cargo, read};

/// The packages of the default tree.
const PACKAGES: &[&str] = &["bitflags", "elf", "skep", "skep-codec", "skep-sys"];

/// What is against that, a line each.
pub(super) fn faults() -> Result<Vec<String>> {
    let args = "tree -p skep -e normal,build --target all --prefix none --format {p}";
    let mut found = strangers(&read(&mut cargo(args))?);
    let metadata = read(&mut cargo("metadata --format-version 1"))?;
    for name in PACKAGES {
        found.extend(native(&metadata, name));
    }
    Ok(found)
}

/// Packages of a tree that are none of ours, and ours that are not in it.
fn strangers(tree: &str) -> Vec<String> {
    let mut names: Vec<&str> = tree.lines().filter_map(|l| l.split(' ').next()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    let other = names.iter().filter(|name| !PACKAGES.contains(name));
    let mut faults: Vec<String> = other
        .map(|name| format!("{name} is compiled, too"))
        .collect();
    let gone = PACKAGES.iter().filter(|name| !names.contains(name));
    faults.extend(gone.map(|name| format!("{name} is not in the tree")));
    faults
}

/// What a package has that is not Rust's alone. `metadata` is cargo's, in which only a package has
/// its version behind its name.
fn native(metadata: &str, name: &str) -> Vec<String> {
    let begin = format!("{{\"name\":\"{name}\",\"version\":\"");
    let mut packages = metadata.split(&begin).skip(1).peekable();
    if packages.peek().is_none() {
        return vec![format!("cargo metadata knows no {name}")];
    }
    let mut faults = Vec::new();
    for package in packages {
        let own = package.split("\"default_run\":").next().unwrap_or(package);
        if own.contains("\"custom-build\"") {
            faults.push(format!("{name} has a build script"));
        }
        if !own.contains("\"links\":null") {
            faults.push(format!("{name} links a library"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_packages_are_seen() {
        let tree = "skep v0.1.0 (/x)\nbitflags v2.13.2\nskep-codec v0.1.0 (/x)\nelf v0.8.0\n\
            bitflags v2.13.2\nskep-sys v0.1.0 (/x) (*)\n";
        assert_eq!(strangers(tree), Vec::<String>::new());
        let more = format!("{tree}libc v0.2.1\n");
        assert_eq!(strangers(&more), ["libc is compiled, too"]);
        assert_eq!(strangers(&tree.replace("elf", "bitflags")).len(), 1);
    }

    #[test]
    fn build_scripts_and_libraries_are_seen() {
        let package = |kind: &str, links: &str| {
            format!(
                "{{\"name\":\"elf\",\"version\":\"0.8.0\",\"targets\":[{{\"kind\":[\"{kind}\"],\
                \"name\":\"elf\"}}],\"links\":{links},\"default_run\":null}},{{\"name\":\"cc\",\
                \"version\":\"1.0.0\",\"targets\":[{{\"kind\":[\"custom-build\"]}}],\"links\":\"z\"}}"
            )
        };
        assert_eq!(native(&package("lib", "null"), "elf"), Vec::<String>::new());
        assert_eq!(native(&package("custom-build", "null"), "elf").len(), 1);
        assert_eq!(native(&package("lib", "\"elf\""), "elf").len(), 1);
        assert_eq!(native(&package("lib", "null"), "bitflags").len(), 1);
    }
}
