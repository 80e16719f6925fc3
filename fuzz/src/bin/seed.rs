//! Fills `corpus/TARGET/` from the committed objects.

use skep_fuzz::{entries::TARGETS, ring, seeds};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut written = 0;
    for (name, object) in seeds::objects() {
        for (target, _, seed) in TARGETS {
            write(target, &name, &seed(&object))?;
            written += 1;
        }
    }
    for (number, bytes) in ring::ring_seeds().into_iter().enumerate() {
        write("ring", &number.to_string(), &bytes)?;
        written += 1;
    }
    println!("{written} seeds in {}", corpus().display());
    Ok(())
}

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn write(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let dir = corpus().join(target);
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join(name), bytes)
}
