//! Objects to try things on: the committed ones, and those below the directory `SKEP_OBJECTS`
//! (what `cargo xtask corpus` prints, for example).

use skep_codec::object::ObjectSpec;
use std::path::PathBuf;

/// Name, bytes and what is in them, of each.
pub(crate) fn each(mut look: impl FnMut(&str, &[u8], ObjectSpec)) {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata");
    let mut dirs = vec![PathBuf::from(committed)];
    dirs.extend(std::env::var_os("SKEP_OBJECTS").map(PathBuf::from));
    let mut count = 0;
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|ext| ext == "o") {
                let bytes = std::fs::read(&path).expect("an object");
                let name = path.display().to_string();
                let spec =
                    ObjectSpec::parse(&bytes, &name).unwrap_or_else(|e| panic!("{name}: {e}"));
                look(&name, &bytes, spec);
                count += 1;
            }
        }
    }
    assert!(count >= 24, "{count} objects");
}
