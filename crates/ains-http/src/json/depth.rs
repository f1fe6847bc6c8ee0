//! How deep a JSON text nests, by one pass over its bytes.

/// Whether `text` opens more than `limit` arrays and objects within one another.
///
/// Text that is not JSON gets some answer; reading it fails later.
pub(super) fn exceeds(text: &[u8], limit: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Moves behind the end of the string that has just begun.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_is_allowed() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |levels: usize| open.repeat(levels) + "1" + &close.repeat(levels);
            assert!(!exceeds(nested(64).as_bytes(), 64));
            assert!(exceeds(nested(65).as_bytes(), 64));
        }
    }

    #[test]
    fn siblings_do_not_add_up() {
        assert!(!exceeds(b"[[],[],[[]],{}]", 3));
    }

    #[test]
    fn brackets_within_strings_do_not_count() {
        assert!(!exceeds(br#"["[[[[", "\"[[[", "\\"]"#, 1));
        assert!(exceeds(br#"["\\", [[1]]]"#, 2));
    }

    #[test]
    fn what_never_ends_is_no_harm() {
        assert!(!exceeds(b"\"[[[", 1));
        assert!(!exceeds(b"]]]]", 1));
        assert!(exceeds(&vec![b'['; 1 << 20], 64));
    }
}
