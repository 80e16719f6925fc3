//! The objects that are loaded: generated C, compiled with clang when the bench begins.

use crate::btf;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const STRUCTS: usize = 50;
const FIELDS: usize = 6;
const FUNCTIONS: usize = 200;

const HEAD: &str = "#define SEC(name) __attribute__((section(name), used))\n\
    char LICENSE[] SEC(\"license\") = \"GPL\";\n\
    unsigned long result;\n";

/// The compiled objects.
pub struct Objects {
    pub small: PathBuf,
    pub core: PathBuf,
    pub functions: PathBuf,
}

/// Writes and compiles all of them in `dir`.
pub fn build(dir: &Path) -> Objects {
    std::fs::create_dir_all(dir).expect("the directory for objects");
    Objects {
        small: compile(dir, "small", &small()),
        core: compile(dir, "core300", &core()),
        functions: compile(dir, "functions200", &functions()),
    }
}

fn small() -> String {
    "#define SEC(name) __attribute__((section(name), used))\n\
     char LICENSE[] SEC(\"license\") = \"GPL\";\n\
     SEC(\"socket\") int small(void *skb) { return 0; }\n"
        .into()
}

/// 300 field-offset relocations over 50 structs, spread evenly over the kernel's types.
fn core() -> String {
    let mut all = btf::structs();
    all.retain(|s| s.fields.len() >= FIELDS);
    let step = all.len() / STRUCTS;
    let chosen = all.iter().step_by(step).take(STRUCTS);
    let (mut types, mut body) = (String::from(HEAD), String::new());
    for s in chosen {
        writeln!(types, "struct {} {{", s.name).unwrap();
        for field in &s.fields[..FIELDS] {
            writeln!(types, "\t{} {};", field.c_type, field.name).unwrap();
            writeln!(
                body,
                "\tsum += __builtin_preserve_field_info(((struct {} *)0)->{}, 0);",
                s.name, field.name
            )
            .unwrap();
        }
        types += "} __attribute__((preserve_access_index));\n";
    }
    format!(
        "{types}SEC(\"socket\") int core(void *skb)\n{{\n\tunsigned long sum = 0;\n{body}\
         \tresult = sum;\n\treturn 0;\n}}\n"
    )
}

/// 200 functions, each called from the program, each using a global variable.
fn functions() -> String {
    let (mut text, mut calls) = (String::from(HEAD), String::new());
    for i in 0..FUNCTIONS {
        writeln!(
            text,
            "static __attribute__((noinline)) unsigned long f{i}(unsigned long x)\n{{\n\
             \tresult += x;\n\tx = x * {} + {i};\n\tx ^= x >> {};\n\tif (x & 1)\n\t\tx += result;\n\
             \treturn x ^ (x << 3);\n}}",
            2 * i + 3,
            i % 31 + 1
        )
        .unwrap();
        writeln!(calls, "\tx = f{i}(x);").unwrap();
    }
    format!(
        "{text}SEC(\"socket\") int functions(void *skb)\n{{\n\tunsigned long x = 1;\n{calls}\
         \treturn x;\n}}\n"
    )
}

/// A program that fills a ring of 4 MiB with records of this size, and wakes nobody.
pub fn ring(dir: &Path, size: usize) -> PathBuf {
    std::fs::create_dir_all(dir).expect("the directory for objects");
    let source = format!(
        "{HEAD}struct {{\n\tint (*type)[27];\n\tint (*max_entries)[4194304];\n}} events SEC(\".maps\");\n\
         static long (*output)(void *, void *, unsigned long, unsigned long) = (void *)130;\n\
         char bytes[{size}];\n\
         SEC(\"socket\") int fill(void *skb)\n{{\n\
         \tfor (int i = 0; i < 1024; i++)\n\
         \t\tif (output(&events, bytes, sizeof(bytes), 1))\n\t\t\treturn 1;\n\
         \treturn result = 0;\n}}\n"
    );
    compile(dir, &format!("ring{size}"), &source)
}

fn compile(dir: &Path, name: &str, source: &str) -> PathBuf {
    let c = dir.join(format!("{name}.c"));
    let object = dir.join(format!("{name}.o"));
    std::fs::write(&c, source).expect("writing the source");
    let mut clang = Command::new("clang-19");
    clang.args(["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-c"]);
    run(clang.arg(&c).arg("-o").arg(&object));
    run(Command::new("llvm-strip-19").arg("-g").arg(&object));
    object
}

/// Runs to success; what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e} (apt: clang-19 llvm-19)"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
