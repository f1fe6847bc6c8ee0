//! Finds what is JSON by its grammar and yet nothing that can be read: half of a surrogate pair, a number beyond all.
//!
//! Documents are stored and passed on as the text that they are, so one that nobody can read would spoil every
//! answer that it is part of.

/// Something that no reader can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// A byte of it.
    pub(super) offset: usize,
    /// What is wrong with it.
    pub(super) message: &'static str,
}

/// Digits up to which a number without an exponent is below the largest `f64`, 1.8e308.
const SAFE_DIGITS: usize = 308;

/// Whether every reader can take `text`, which is JSON. One pass, and nothing is kept.
///
/// # Errors
/// The first thing that none can.
pub(super) fn check(text: &str) -> Result<(), Unreadable> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => string(bytes, at + 1)?,
            b'-' | b'0'..=b'9' => number(text, at)?,
            _ => at + 1,
        };
    }
    Ok(())
}

/// Where the string ends of which `at` is the first character.
fn string(bytes: &[u8], mut at: usize) -> Result<usize, Unreadable> {
    loop {
        match bytes.get(at) {
            None => return Ok(at),
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match unit(bytes, at) {
                None => at += 2,
                Some(0xd800..=0xdbff) if matches!(unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => at += 12,
                Some(0xd800..=0xdfff) => {
                    return Err(Unreadable {
                        offset: at,
                        message: "holds half of a surrogate pair, which is no text",
                    });
                }
                Some(_) => at += 6,
            },
            Some(_) => at += 1,
        }
    }
}

/// The UTF-16 unit that `\uXXXX` at `at` stands for, if that is there.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where the number ends that begins at `at`.
fn number(text: &str, at: usize) -> Result<usize, Unreadable> {
    let rest = &text[at..];
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = rest.bytes().take_while(is_part).count();
    let number = &rest[..length];
    let is_safe = length <= SAFE_DIGITS && !number.contains(['e', 'E']);
    if is_safe || serde_json::from_str::<f64>(number).is_ok_and(f64::is_finite) {
        return Ok(at + length);
    }
    Err(Unreadable {
        offset: at,
        message: "must be a number that 64 bits of floating point can hold",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_can_be_read_is_let_through_and_nothing_else() {
        let long = "9".repeat(308);
        let longer = "9".repeat(309);
        let texts = [
            "1",
            "-0",
            "1e308",
            "-1.7e308",
            "1e309",
            "-1e999999",
            "1E+400",
            "1e-400",
            "0e999999",
            "1.5e5",
            &long,
            &longer,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\ud83d\ude00""#,
            r#""\ud83dx""#,
            r#""\\ud83d""#,
            r#""\\\ud83d""#,
            r#""\"\ud83d""#,
            r#""\u0000\uffff\uD7FF\ue000""#,
            r#""1e999""#,
            r#"{"\udfff":1}"#,
            r#"{"a":[1,{"b":1e999}]}"#,
            "[true,null,{}]",
            "\"\u{1f600}\"",
        ];
        for text in texts {
            let read = serde_json::from_str::<Value>(text);
            assert_eq!(check(text).is_ok(), read.is_ok(), "{text}: {read:?}");
        }
    }

    #[test]
    fn the_place_is_told() {
        for (text, offset) in [(r#"["a\ud800"]"#, 3), ("[1, 1e400]", 4)] {
            assert_eq!(check(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_is_no_harm() {
        for text in [
            "\"",
            "\"\\",
            "\"\\u12",
            "-",
            "\"\\ud800\\u",
            "1e",
            "\"\\u\u{e9}\u{e9}\"",
            "\"\\u+123\"",
        ] {
            let _ = check(text);
        }
    }
}
