//! Patterns of names: `*` is any text, `?` any byte.

/// Whether it is more than a name.
#[inline]
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a name matches as a whole.
#[inline]
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    // Behind the last `*`, and what of the name it has not yet been tried on.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), name.split_first()) {
            (Some((b'*', rest)), _) => {
                again = Some((rest, name));
                pattern = rest;
                continue;
            }
            (Some((wanted, rest)), Some((byte, after))) if *wanted == b'?' || wanted == byte => {
                (pattern, name) = (rest, after);
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((rest, [_, after @ ..])) = again else {
            return false;
        };
        again = Some((rest, after));
        (pattern, name) = (rest, after);
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name) in [
            ("", ""),
            ("*", ""),
            ("*", "name"),
            ("name", "name"),
            ("n?me", "name"),
            ("n*", "name"),
            ("*e", "name"),
            ("*a*", "name"),
            ("**n**e**", "name"),
            ("*ab*ab", "abxababab"),
            ("a*?c", "abbc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "n"),
            ("?", ""),
            ("nam", "name"),
            ("name?", "name"),
            ("*x*", "name"),
            ("n*x", "name"),
            ("*ab*ab", "ab"),
            ("a*?c", "ac"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
