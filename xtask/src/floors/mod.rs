//! Imports run downward, unsafe code and I/O stay where they are allowed.

mod source;
mod tree;

use crate::Result;
use crate::cmd::{files_below, root};
use crate::results::Tier;
use source::Source;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One crate's rules.
struct Crate {
    /// The directory under `crates/`.
    name: &'static str,
    /// Its modules from the lowest floor up. A module imports its own row
    /// and lower ones.
    floors: &'static [&'static [&'static str]],
    /// What `[dependencies]` may name.
    dependencies: &'static [&'static str],
    /// Files (or, with a slash at the end, directories) that may say `unsafe`.
    may_unsafe: &'static [&'static str],
    /// Paths that may not be used, and the files that may.
    banned: &'static [(&'static str, &'static [&'static str])],
}

const CRATES: &[Crate] = &[
    Crate {
        name: "skep-codec",
        floors: &[
            &["errno"],
            &["error"],
            &["bytes", "crc32", "map", "order", "text"],
            &["inflate", "log", "perf", "sha256"],
            &["xz"],
            &["uapi"],
            &["insn", "netlink"],
            &["btf"],
            &["elf"],
            &["core_reloc", "usdt"],
            &["object"],
            &["linker", "loader_program", "skeleton"],
        ],
        dependencies: &["bitflags", "elf", "xz4rust"],
        may_unsafe: &[],
        banned: &[("std::", &[]), ("libc::", &[])],
    },
    Crate {
        name: "skep-sys",
        floors: &[
            &["error"],
            &["once"],
            &["calls"],
            &["kernel"],
            &["fd"],
            &["mapping"],
            &["attr"],
            &["file"],
            &["bpf", "perf", "poll", "process"],
            &["net"],
            &["host", "host_libc", "host_none", "vtable", "watch"],
        ],
        dependencies: &["skep-codec", "bitflags", "libc"],
        may_unsafe: &[""],
        banned: &[
            ("std::fs", &[]),
            ("std::net", &[]),
            (
                "libc::",
                &["vtable.rs", "vtable/", "host.rs", "host/", "host_libc.rs"],
            ),
        ],
    },
    Crate {
        name: "skep",
        floors: &[
            &["verifier_log"],
            &["error"],
            &["plain"],
            &["answer", "token"],
            &["system"],
            &["pin", "symbols"],
            &["btf"],
            &["probe"],
            &["map"],
            &["prog"],
            &["netlink"],
            &["link"],
            &["ring", "xsk"],
            &["events"],
            &["object"],
            &["skeleton", "aio", "log"],
        ],
        dependencies: &[
            "skep-codec",
            "skep-sys",
            "skep-derive",
            "bitflags",
            "tokio",
            "async-io",
            "log",
        ],
        may_unsafe: &[
            "ring/region.rs",
            "ring/perf/region.rs",
            "map/mmap.rs",
            "xsk/region.rs",
        ],
        banned: &[
            // `ObjectSpec::open` reads the file that its caller names.
            ("std::fs", &["object/spec.rs"]),
            ("std::net", &[]),
            ("libc::", &[]),
        ],
    },
];

/// Crates without a floor plan: only `unsafe` is looked for.
const SAFE: &[&str] = &["crates/skep-cli/src", "crates/skep-derive/src", "xtask/src"];

/// `floors`.
pub(crate) fn task(_: &[String]) -> Result {
    tier()?.verdict()
}

/// Every rule of every crate.
pub(crate) fn tier() -> Result<Tier> {
    let mut tier = Tier::new("floors");
    for rules in CRATES {
        let dir = root().join("crates").join(rules.name).join("src");
        let faults = rules.check(&read_all(&dir)?);
        tier.record(format!("floors::{}", rules.name), verdict(faults));
        let manifest = root().join("crates").join(rules.name).join("Cargo.toml");
        let text = read(&manifest)?;
        let faults = foreign(&text, rules.dependencies);
        tier.record(format!("dependencies::{}", rules.name), verdict(faults));
    }
    tier.record("tree::no_c_compiler", verdict(tree::faults()?));
    for dir in SAFE {
        let mut faults = Vec::new();
        for (path, source) in read_all(&root().join(dir))? {
            if let Some(line) = source.word("unsafe") {
                faults.push(format!("{path}:{line}: unsafe"));
            }
        }
        tier.record(format!("unsafe::{dir}"), verdict(faults));
    }
    Ok(tier)
}

fn verdict(faults: Vec<String>) -> Result {
    match faults.as_slice() {
        [] => Ok(()),
        faults => Err(format!("\n  {}", faults.join("\n  "))),
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The sources below a directory, by path relative to it. Files of tests are left out.
fn read_all(dir: &Path) -> Result<BTreeMap<String, Source>> {
    let mut all = BTreeMap::new();
    for path in files_below(dir, ".rs") {
        let name = path.strip_prefix(dir).unwrap_or(&path);
        let name = name.to_string_lossy().into_owned();
        if name.ends_with("tests.rs") || name.contains("tests/") {
            continue;
        }
        let text = read(&path)?;
        all.insert(name, Source::new(&text));
    }
    Ok(all)
}

impl Crate {
    fn floor(&self, module: &str) -> Option<usize> {
        self.floors.iter().position(|row| row.contains(&module))
    }

    /// What is against the rules, a line each.
    fn check(&self, sources: &BTreeMap<String, Source>) -> Vec<String> {
        let empty = BTreeMap::new();
        let exports = sources.get("lib.rs").map(Source::exports);
        let exports = exports.as_ref().unwrap_or(&empty);
        let mut faults = Vec::new();
        for (path, source) in sources {
            let modules = source::modules_of(path);
            self.imports(path, source, &modules, exports, &mut faults);
            let allowed = |rules: &[&str]| {
                rules
                    .iter()
                    .any(|r| path == r || r.is_empty() || (r.ends_with('/') && path.starts_with(r)))
            };
            if !allowed(self.may_unsafe)
                && let Some(line) = source.word("unsafe")
            {
                faults.push(format!("{path}:{line}: unsafe code is not allowed here"));
            }
            for (banned, except) in self.banned {
                if !allowed(except)
                    && let Some(line) = source.path(banned)
                {
                    faults.push(format!("{path}:{line}: {banned} is not allowed here"));
                }
            }
        }
        faults
    }

    fn imports(
        &self,
        path: &str,
        source: &Source,
        modules: &[&str],
        exports: &BTreeMap<String, String>,
        faults: &mut Vec<String>,
    ) {
        let Some(&module) = modules.first() else {
            return;
        };
        let Some(floor) = self.floor(module) else {
            faults.push(format!("{path}: module {module} is on no floor"));
            return;
        };
        for (line, name) in source.imports(modules.len()) {
            let target = exports.get(&name).unwrap_or(&name);
            let Some(other) = self.floor(target) else {
                continue;
            };
            if other > floor {
                faults.push(format!(
                    "{path}:{line}: {module} imports {target}, which is above it"
                ));
            }
        }
    }
}

/// Dependencies that a manifest names and the rules do not.
fn foreign(manifest: &str, allowed: &[&str]) -> Vec<String> {
    let mut inside = false;
    let mut faults = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(['=', '.']) {
            let name = name.trim();
            if !allowed.contains(&name) && !name.starts_with('#') {
                faults.push(format!("{name} is not among {}", allowed.join(" ")));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let sources = files
            .iter()
            .map(|(path, text)| (path.to_string(), Source::new(text)))
            .collect();
        let rules = Crate {
            name: "x",
            floors: &[&["low"], &["left", "right"], &["top"]],
            dependencies: &[],
            may_unsafe: &["low/raw.rs"],
            banned: &[("std::fs", &["left.rs"])],
        };
        rules.check(&sources)
    }

    #[test]
    fn downward_is_allowed() {
        let text = "use crate::low::Thing;\nuse crate::{low, left::{A, B}};\nuse std::vec;";
        assert_eq!(faults(&[("top/a.rs", text)]), Vec::<String>::new());
        let own = "use super::b::X; use super::super::low::Y; use crate::top::Z;";
        assert_eq!(faults(&[("top/a.rs", own)]), Vec::<String>::new());
    }

    #[test]
    fn upward_is_not() {
        for text in [
            "use crate::top::Thing;",
            "use crate::{\n low,\n right,\n top::{A},\n};",
            "fn f() -> crate::top::Thing {}",
            "use super::top;",
            "pub(crate) use super::{low, top as t};",
        ] {
            assert_eq!(faults(&[("left.rs", text)]).len(), 1, "{text}");
        }
        assert_eq!(
            faults(&[("left/deep.rs", "use super::super::top;")]).len(),
            1
        );
        assert_eq!(faults(&[("left/mod.rs", "use super::top;")]).len(), 1);
    }

    #[test]
    fn names_that_the_root_hands_on_count() {
        let root = ("lib.rs", "mod top;\npub use top::{Thing, Other as Else};");
        assert_eq!(faults(&[root, ("low.rs", "use crate::Thing;")]).len(), 1);
        assert_eq!(
            faults(&[root, ("low.rs", "use crate::{A, Else};")]).len(),
            1
        );
    }

    #[test]
    fn words_in_comments_strings_and_tests_do_not_count() {
        let text = "// unsafe crate::top::X\nconst A: &str = \"unsafe crate::top\";\n\
            /* unsafe /* std::fs */ */ const B: char = '\"'; const L: &'static str = r#\"unsafe\"#;\n\
            #[cfg(test)]\nmod tests { use crate::top::Thing; }";
        assert_eq!(faults(&[("left.rs", text)]), Vec::<String>::new());
    }

    #[test]
    fn unsafe_and_bans_have_their_places() {
        let text = "fn f() { unsafe { g() } }\nuse std::fs::File;";
        assert_eq!(faults(&[("low/raw.rs", text)]).len(), 1);
        assert_eq!(faults(&[("left.rs", text)]).len(), 1);
        assert_eq!(faults(&[("right.rs", text)]).len(), 2);
        assert_eq!(faults(&[("unknown.rs", "")]).len(), 1);
    }

    #[test]
    fn dependencies_are_listed() {
        let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n# note = 1\n\
            b = \"1\"\n[dev-dependencies]\nc = \"1\"\n";
        assert_eq!(foreign(text, &["a"]).len(), 1);
        assert_eq!(foreign(text, &["a", "b"]), Vec::<String>::new());
    }
}
