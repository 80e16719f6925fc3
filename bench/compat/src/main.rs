//! Loads every program of every object by itself with skep and with libbpf, and prints where they
//! agree and where not.
//!
//! `compat [OPTIONS] DIR_OR_OBJECT...` as root.
//! `--json FILE` keeps the pairs, a JSON object a line; `--from FILE` reports from such a file;
//! `--twice` lets skep do all a second time in another process and compares; `--all` lists every
//! pair that differs, not a few of each cause; `-j N` objects at a time; `--limit S` seconds a
//! program; `--only TEXT` objects with this in their path; `--btf FILE` types to relocate by, in
//! place of the kernel's; `--core` only the kernel selftests of relocations
//! (`test_core_reloc_KIND`), each by all types that they have for it (`btf__core_reloc_KIND*`).

mod child;
mod compare;
mod engine;
mod report;
mod row;
mod spy;

use row::Pair;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// An object under test.
struct Subject {
    name: String,
    path: PathBuf,
    /// Types to relocate by; the kernel's without.
    types: Option<PathBuf>,
}

struct Options {
    paths: Vec<PathBuf>,
    json: Option<PathBuf>,
    from: Vec<PathBuf>,
    only: Option<String>,
    types: Option<PathBuf>,
    core: bool,
    twice: bool,
    all: bool,
    jobs: usize,
    limit: Duration,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, engine, object, first] = &args[..]
        && flag == "--child"
    {
        engine::isolate();
        let first = first.parse().expect("a number");
        return match engine.as_str() {
            "skep" => engine::skep::run(object, first),
            _ => engine::libbpf::run(object, first),
        };
    }
    let options = options(args);
    let pairs = match &options.from[..] {
        [] => measure(&options),
        files => files.iter().flat_map(|file| read(file)).collect(),
    };
    println!("{}", report::text(&pairs, options.all));
}

fn options(args: Vec<String>) -> Options {
    let mut options = Options {
        paths: Vec::new(),
        json: None,
        from: Vec::new(),
        only: None,
        types: None,
        core: false,
        twice: false,
        all: false,
        jobs: 2,
        limit: Duration::from_secs(60),
    };
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} wants a value"));
        match arg.as_str() {
            "--json" => options.json = Some(value().into()),
            "--from" => options.from.push(value().into()),
            "--only" => options.only = Some(value()),
            "--btf" => options.types = Some(value().into()),
            "--core" => options.core = true,
            "--twice" => options.twice = true,
            "--all" => options.all = true,
            "-j" => options.jobs = value().parse().expect("-j N"),
            "--limit" => {
                options.limit = Duration::from_secs(value().parse().expect("--limit SECONDS"));
            }
            _ => options.paths.push(arg.into()),
        }
    }
    options
}

fn read(file: &Path) -> Vec<Pair> {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    // A machine's console has other lines too, and a kernel's message may cut into one of ours.
    let lines = text.lines().filter(|line| line.starts_with("{\"object\""));
    let pairs = lines.filter_map(|line| match serde_json::from_str(line) {
        Ok(pair) => Some(pair),
        Err(error) => {
            eprintln!("{}: {error}: {line}", file.display());
            None
        }
    });
    pairs.collect()
}

fn measure(options: &Options) -> Vec<Pair> {
    let mut objects = Vec::new();
    for path in &options.paths {
        collect(path, path, &mut objects);
    }
    if let Some(only) = &options.only {
        objects.retain(|subject| subject.name.contains(only));
    }
    for subject in &mut objects {
        subject.types.clone_from(&options.types);
    }
    if options.core {
        objects = cores(&objects);
    }
    let json = options.json.as_ref().map(|path| {
        let file = fs::File::create(path);
        Mutex::new(file.unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    });
    let next = Mutex::new(objects.iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                loop {
                    let Some(subject) = next.lock().unwrap().next() else {
                        return;
                    };
                    let pairs = of_object(subject, options);
                    if let Some(json) = &json {
                        write(&mut json.lock().unwrap(), &pairs);
                    }
                    done.lock().unwrap().push((&subject.name, pairs));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(name, _)| *name);
    done.into_iter().flat_map(|(_, pairs)| pairs).collect()
}

/// A JSON object a line, each at once.
fn write(json: &mut fs::File, pairs: &[Pair]) {
    for pair in pairs {
        let line = serde_json::to_string(pair).unwrap() + "\n";
        json.write_all(line.as_bytes()).expect("writing JSON");
    }
}

/// The selftests' relocations, each with all types that are made for its kind.
fn cores(objects: &[Subject]) -> Vec<Subject> {
    let kind = |subject: &Subject, prefix: &str| {
        let name = subject.path.file_name()?.to_str()?;
        let kind = name.strip_prefix(prefix)?.strip_suffix(".bpf.o")?;
        Some((subject.path.parent()?.to_owned(), kind.to_owned()))
    };
    let mut all = Vec::new();
    for test in objects {
        let Some((dir, of)) = kind(test, "test_core_reloc_") else {
            continue;
        };
        // Two ways to read the same fields.
        let of = of
            .strip_suffix("_direct")
            .or(of.strip_suffix("_probed"))
            .unwrap_or(&of);
        for types in objects {
            let Some((its_dir, variant)) = kind(types, "btf__core_reloc_") else {
                continue;
            };
            let rest = variant.strip_prefix(of);
            if its_dir == dir && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("__"))
            {
                all.push(Subject {
                    name: format!("{} by {}", test.name, types.name),
                    path: test.path.clone(),
                    types: Some(types.path.clone()),
                });
            }
        }
    }
    all
}

fn of_object(subject: &Subject, options: &Options) -> Vec<Pair> {
    let rows = |engine| child::rows(engine, subject, options.limit);
    let skep = rows("skep");
    if options.twice {
        same_again(&subject.name, &skep, &rows("skep"));
    }
    compare::pairs(&subject.name, skep, rows("libbpf"))
}

/// The same object in another process must give the same code.
fn same_again(name: &str, once: &child::Rows, again: &child::Rows) {
    for (a, b) in once.rows.iter().zip(&again.rows) {
        let code = |row: &row::Row| {
            let load = row.load.as_ref();
            load.map(|l| {
                (
                    l.insns.clone(),
                    l.funcs.clone(),
                    l.lines.clone(),
                    l.maps.clone(),
                )
            })
        };
        if code(a) != code(b) {
            println!("not the same twice: {name} {}", a.name);
        }
    }
}

/// ELF files below a path, by their names in it.
fn collect(root: &Path, path: &Path, into: &mut Vec<Subject>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut entries: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        entries.sort();
        for entry in entries {
            collect(root, &entry, into);
        }
        return;
    }
    let name = path
        .strip_prefix(root)
        .ok()
        .filter(|p| p.components().count() > 0);
    let name = name.unwrap_or(path).display().to_string();
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut magic));
    if read.is_ok() && magic == *b"\x7fELF" {
        into.push(Subject {
            name,
            path: path.to_owned(),
            types: None,
        });
    }
}
