//! The words of an expression's text, as far as must be known before the parser sees it, and where
//! they are.

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'s> {
    pub(super) kind: Kind,
    /// Where it starts, in bytes.
    pub(super) start: usize,
    pub(super) text: &'s str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a number.
    Name,
    /// A text in quotes, with its prefix.
    Quoted,
    /// A text in quotes that does not end.
    Unclosed,
    /// Any other character.
    Sign(char),
}

/// The words of a text, without spaces and comments.
pub(super) fn words(source: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at = skip(source, at);
        let word = word(source, at)?;
        at += word.text.len();
        Some(word)
    })
}

/// The position of a byte of a text, in characters from 1.
pub(super) fn position(source: &str, byte: usize) -> usize {
    let before = source.char_indices().take_while(|(at, _)| *at < byte);
    before.count() + 1
}

/// The first place behind spaces and comments.
fn skip(source: &str, mut at: usize) -> usize {
    loop {
        let rest = &source[at..];
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with("//") {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

fn word(source: &str, start: usize) -> Option<Word<'_>> {
    let rest = &source[start..];
    let first = rest.chars().next()?;
    let found = |kind, length: usize| Word {
        kind,
        start,
        text: &rest[..length],
    };
    let name = rest
        .find(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'))
        .unwrap_or(rest.len());
    let (prefix, behind) = rest.split_at(name);
    let is_prefix = matches!(prefix.to_ascii_lowercase().as_str(), "" | "r" | "b" | "rb" | "br");
    Some(match behind.chars().next() {
        Some(quote @ ('"' | '\'')) if is_prefix => {
            let raw = prefix.contains(['r', 'R']);
            match quoted(behind, quote, raw) {
                Some(length) => found(Kind::Quoted, name + length),
                None => found(Kind::Unclosed, rest.len()),
            }
        }
        _ if name > 0 => found(Kind::Name, name),
        _ => found(Kind::Sign(first), first.len_utf8()),
    })
}

/// How long the quoted text is that `text` begins with, both quotes included.
fn quoted(text: &str, quote: char, raw: bool) -> Option<usize> {
    let triple = quote.to_string().repeat(3);
    let end = if text.starts_with(&triple) {
        triple.as_str()
    } else {
        &triple[..1]
    };
    let mut escaped = false;
    for (at, sign) in text.char_indices().skip(end.len()) {
        if escaped {
            escaped = false;
        } else if sign == '\\' && !raw {
            escaped = true;
        } else if text[at..].starts_with(end) {
            return Some(at + end.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        words(source).map(|word| word.text).collect()
    }

    #[test]
    fn a_text_falls_into_words() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("  a.b //c\n+1u", &["a", ".", "b", "+", "1u"]),
            ("'a b' + \"c'd\"", &["'a b'", "+", "\"c'd\""]),
            (r"'a\'b' x", &[r"'a\'b'", "x"]),
            (r"r'a\' x", &[r"r'a\'", "x"]),
            ("'''a'b\n''' x", &["'''a'b\n'''", "x"]),
            ("'' ''", &["''", "''"]),
            ("ä'}}'", &["ä", "'}}'"]),
            ("bR\"x\"y", &["bR\"x\"", "y"]),
        ];
        for (source, expected) in cases {
            assert_eq!(texts(source), expected, "{source}");
        }
        assert_eq!(words("a 'b").last().map(|word| word.kind), Some(Kind::Unclosed));
    }

    #[test]
    fn a_position_counts_characters() {
        assert_eq!(position("äöü", 0), 1);
        assert_eq!(position("äöü", 4), 3);
        assert_eq!(position("äöü", 99), 4);
    }
}
