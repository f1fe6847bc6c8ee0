//! The kinds of work, and how each is done.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Counts words.
    Words,
    /// Makes its digest.
    Digest,
    /// Counts lines and tells the language.
    Lines,
}

/// The result of [`Kind::Words`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Words {
    #[serde(rename = "words")]
    pub(super) total: u64,
    pub(super) distinct: u64,
    /// The five most frequent of four letters and more, with how often.
    pub(super) frequent: Vec<(String, u64)>,
}

/// The result of [`Kind::Digest`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    pub(super) sha256: String,
    pub(super) bytes: u64,
}

/// The result of [`Kind::Lines`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lines {
    #[serde(rename = "lines")]
    pub(super) total: u64,
    pub(super) blank: u64,
    pub(super) language: String,
}

/// How many of the most frequent words are told.
const FREQUENT: usize = 5;

/// Languages by the ending of the file's name.
const LANGUAGES: [(&str, &str); 24] = [
    ("c", "C"),
    ("cpp", "C++"),
    ("css", "CSS"),
    ("go", "Go"),
    ("h", "C"),
    ("hpp", "C++"),
    ("html", "HTML"),
    ("java", "Java"),
    ("js", "JavaScript"),
    ("json", "JSON"),
    ("kt", "Kotlin"),
    ("lock", "TOML"),
    ("md", "Markdown"),
    ("php", "PHP"),
    ("py", "Python"),
    ("rb", "Ruby"),
    ("rs", "Rust"),
    ("sh", "Shell"),
    ("sql", "SQL"),
    ("toml", "TOML"),
    ("ts", "TypeScript"),
    ("txt", "text"),
    ("yaml", "YAML"),
    ("yml", "YAML"),
];

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Words, Self::Digest, Self::Lines];

    /// The type of the tasks.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Words => "word-statistics",
            Self::Digest => "sha-256",
            Self::Lines => "line-count",
        }
    }

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How agents are chosen: each kind shows another strategy.
    pub(super) const fn strategy(self) -> &'static str {
        match self {
            Self::Words => "least_loaded",
            Self::Digest => "round_robin",
            Self::Lines => "trust_weighted",
        }
    }

    /// Does the work on what the file `path` holds.
    pub(super) fn work(self, path: &str, content: &[u8]) -> serde_json::Result<Value> {
        match self {
            Self::Words => serde_json::to_value(words(&String::from_utf8_lossy(content))),
            Self::Digest => serde_json::to_value(digest(content)),
            Self::Lines => serde_json::to_value(lines(path, &String::from_utf8_lossy(content))),
        }
    }
}

fn words(text: &str) -> Words {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let total = counts.values().sum();
    let distinct = counts.len() as u64;
    let mut frequent: Vec<_> = counts
        .into_iter()
        .filter(|(word, _)| word.chars().count() >= 4)
        .collect();
    frequent.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    frequent.truncate(FREQUENT);
    Words {
        total,
        distinct,
        frequent,
    }
}

fn digest(content: &[u8]) -> Digest {
    let sha256 = Sha256::digest(content)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
    Digest {
        sha256,
        bytes: content.len() as u64,
    }
}

fn lines(path: &str, text: &str) -> Lines {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name
        .rsplit_once('.')
        .map_or("", |(_, ending)| ending)
        .to_lowercase();
    let language = LANGUAGES.iter().find(|(known, _)| *known == ending);
    Lines {
        total: text.lines().count() as u64,
        blank: text.lines().filter(|line| line.trim().is_empty()).count() as u64,
        language: language.map_or("other", |(_, language)| language).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_without_regard_to_case() {
        let counted = words("One fish, two FISH: fish! And one more word.");
        assert_eq!((counted.total, counted.distinct), (9, 6));
        assert_eq!(counted.frequent[0], ("fish".to_owned(), 3));
    }

    #[test]
    fn a_digest_is_that_of_fips_180() {
        assert_eq!(
            digest(b"abc").sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn lines_come_with_their_language() {
        let counted = lines("src/main.RS", "fn main() {\n\n}\n");
        assert_eq!((counted.total, counted.blank, &*counted.language), (3, 1, "Rust"));
        assert_eq!(lines("LICENSE", "MIT").language, "other");
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}
