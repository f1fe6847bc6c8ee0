//! Statements as people read them: without the lists of columns.

/// A list is left out if it takes more characters than this; one of values always.
const LONG: usize = 60;

/// Characters of a line.
const WIDTH: usize = 100;

/// Lists: what stands before one, and what may stand after it.
const LISTS: [(&str, &[&str]); 4] = [
    ("SELECT ", &[" FROM "]),
    (" SET ", &[" FROM ", " WHERE "]),
    (" VALUES ", &[" ON CONFLICT"]),
    ("INSERT INTO ", &[" VALUES ", " SELECT "]),
];

/// `statement` without the names of tables before columns, quotes, and long lists.
pub(crate) fn short(statement: &str) -> String {
    let mut text = statement.replace('`', "\"");
    while let Some(dot) = text.find("\".\"") {
        let start = text[..dot].rfind('"').unwrap_or_default();
        text.replace_range(start..dot + 2, "");
    }
    text = text.replace('"', "");
    for (before, after) in LISTS {
        let Some(start) = text.find(before).map(|at| at + before.len()) else {
            continue;
        };
        let end = top_level(&text[start..], after).map_or(text.len(), |at| start + at);
        let short = end - start <= LONG && before != " VALUES ";
        if short || text.starts_with("WITH ") || text[start..end].contains("SELECT ") {
            continue;
        }
        // The name of the table stays.
        let list = match before {
            "INSERT INTO " => start + text[start..end].find('(').unwrap_or_default(),
            _ => start,
        };
        text.replace_range(list..end, "…");
    }
    text
}

/// Where one of `words` stands first in `text` outside of parentheses.
fn top_level(text: &str, words: &[&str]) -> Option<usize> {
    let mut open = 0;
    text.char_indices().find_map(|(at, c)| {
        open += i32::from(c == '(') - i32::from(c == ')');
        let found = open == 0 && words.iter().any(|word| text[at..].starts_with(word));
        found.then_some(at)
    })
}

/// What tells a short text from others, as far as its table.
pub(crate) fn beginning(short: &str) -> String {
    let words: Vec<&str> = short.split(' ').collect();
    let table = words
        .iter()
        .position(|word| ["FROM", "INTO", "UPDATE"].contains(word));
    words[..table.map_or(words.len(), |at| words.len().min(at + 2))].join(" ")
}

/// `text` in lines of bounded width, each after `indent`, more after the first.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().unwrap();
        if line.trim().is_empty() {
            line.push_str(word);
        } else if line.chars().count() + word.chars().count() < WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("{indent}  {word}"));
        }
    }
    lines.join("\n")
}
