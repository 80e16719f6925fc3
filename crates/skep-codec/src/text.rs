//! Text put together and taken apart.

use alloc::string::String;
use core::fmt;

/// The parts, with `separator` between two of them. The standard library's `join` is twenty times
/// as much to compile.
pub fn joined(parts: &[impl AsRef<str>], separator: &str) -> String {
    let mut out = String::new();
    for (n, part) in parts.iter().enumerate() {
        if n != 0 {
            out.push_str(separator);
        }
        out.push_str(part.as_ref());
    }
    out
}

/// What `alloc::format!` gives. That is compiled into each place that uses it, this once.
#[inline(never)]
pub fn formatted(what: fmt::Arguments<'_>) -> String {
    alloc::fmt::format(what)
}

/// What is before and behind the first place of `part`; nothing of an empty one. The standard library
/// searches long texts, and is as long to compile.
pub fn split_once<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let mut windows = text.as_bytes().windows(part.len().max(1));
    let at = windows.position(|bytes| bytes == part.as_bytes())?;
    Some((text.get(..at)?, text.get(at.checked_add(part.len())?..)?))
}

/// Whether `part` is in it; not if it is empty.
pub fn contains(text: &str, part: &str) -> bool {
    split_once(text, part).is_some()
}

#[cfg(test)]
mod tests {
    use super::{contains, split_once};

    #[test]
    fn as_the_standard_library_searches() {
        let texts = ["", "a", "ab", "aab", "ä: ö", ": ", "x: y: z", "\u{1f41d}b"];
        for text in texts {
            for part in ["a", "ab", ": ", "ä", "z", "\u{1f41d}", "longer than all"] {
                assert_eq!(
                    split_once(text, part),
                    text.split_once(part),
                    "{text} {part}"
                );
                assert_eq!(contains(text, part), text.contains(part), "{text} {part}");
            }
            assert_eq!(split_once(text, ""), None);
        }
    }
}
