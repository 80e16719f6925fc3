//! Fills `corpus/TARGET/` from the committed objects.

use skep_fuzz::entries;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut written = 0;
    for (name, object) in entries::objects() {
        for (target, bytes) in entries::seeds(&object) {
            let dir = fuzz.join("corpus").join(target);
            std::fs::create_dir_all(&dir)?;
            std::fs::write(dir.join(&name), bytes)?;
            written += 1;
        }
    }
    println!("{written} seeds in {}", fuzz.join("corpus").display());
    Ok(())
}
