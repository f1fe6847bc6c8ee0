//! What a database holds, in words that both share: a fact a line.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use diesel::sql_types::Text;

/// Facts such as `tasks: column 01 id TEXT not null`.
pub(crate) type Facts = BTreeSet<String>;

/// A row of a query for facts.
#[derive(diesel::QueryableByName)]
pub(crate) struct Fact {
    #[diesel(sql_type = Text)]
    pub(crate) fact: String,
}

/// What only one of two says; empty if both say the same.
pub(crate) fn difference(left: (&str, &Facts), right: (&str, &Facts)) -> String {
    let mut text = String::new();
    for ((name, own), (other, others)) in [(left, right), (right, left)] {
        let only: Vec<_> = own.difference(others).collect();
        if !only.is_empty() {
            writeln!(text, "only {name}, not {other}:").unwrap();
        }
        for fact in only {
            writeln!(text, "    {fact}").unwrap();
        }
    }
    text
}

/// A condition as both databases would write it: PostgreSQL adds parentheses and types, and turns
/// `IN` into `= ANY`. Without parentheses, so two that differ only by them look alike.
pub(crate) fn plain(condition: &str) -> String {
    let text = condition
        .replace(['(', ')'], " ")
        .replace("::text", "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" = ANY ARRAY[", " IN ")
        .replace(']', "");
    text.replace(" ,", ",")
}
