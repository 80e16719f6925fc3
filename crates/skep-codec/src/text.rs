//! Text put together.

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
