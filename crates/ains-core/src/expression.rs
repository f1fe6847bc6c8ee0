//! Expressions: CEL over a chain's input and what its steps came to (semantics §3).
//!
//! | file | what |
//! |---|---|
//! | `scan` | the words of a text, before the parser sees it |
//! | `parse` | what is an expression: bounds on its text and its tree, and the names in it |
//! | `node` | the tree that is evaluated |
//! | `evaluate` | what it comes to, and how much work that may be |
//! | `value`, `number`, `pattern` | what it works on: JSON, numbers of all kinds, regular expressions |
//! | `template` | `${{ … }}` in the strings of a JSON text |
//! | `context` | what the names stand for |
//!
//! An expression has no side effects and knows no time and no chance: the same values give the same
//! result, the order of maps included. One that is accepted ends well within a second on 2 MiB of
//! stack, whatever the values: it has no loops but over lists, none of them within another, its depth
//! is bounded, and work and memory are counted.
//!
//! The language is CEL, read by the parser of the `cel` crate: literals but bytes, lists, maps, fields
//! and indexes, operators, the macros `has`, `all`, `exists`, `exists_one`, `map` and `filter`, and the
//! functions `size`, `contains`, `startsWith`, `endsWith`, `matches`, `int`, `uint`, `double`, `string`,
//! `bool` and `dyn`. There are no types, times and optional values. Numbers of different kinds mix
//! (JSON does not tell `1` from `1.0`); otherwise what it comes to is what that crate's interpreter makes of it, which
//! a test holds against it.

mod context;
mod evaluate;
mod node;
mod number;
mod parse;
mod pattern;
mod scan;
mod template;
mod value;

pub use context::{Context, StepValue};
pub use parse::{Expression, ParseFault, Root, StepReference};
pub use template::{Template, TemplateFault};

/// Longest source, in bytes (semantics §3).
pub const MAX_SOURCE: usize = 1024;

/// Deepest nesting of an expression (semantics §3).
pub const MAX_LEVELS: usize = 96;

/// Most items of a list that an expression is given, works on, or comes to (semantics §3).
pub const MAX_LIST: usize = 10_000;

/// Most expressions in one JSON text.
pub const MAX_EXPRESSIONS: usize = 1_000;

/// Most bytes of regular expressions in one JSON text, and in all of a chain: they take 12 µs each to compile at the
/// worst.
pub const MAX_PATTERNS: usize = 8 << 10;

/// Largest JSON text that a [`Template`] is filled to, in bytes: as large as the output of a step (semantics §3).
pub const MAX_FILLED: usize = 4 << 20;

/// Most steps of work of one evaluation: 10,000 items with 200 operations on each. Measured at 35 ns a step with
/// ordinary expressions, 0.2 µs at the worst.
pub const MAX_WORK: usize = 2_000_000;

/// Most bytes that one evaluation makes, of text, lists and JSON: a list of 10,000 objects with 20 fields.
pub const MAX_MADE: usize = 32 << 20;

/// An expression that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {reason}")]
pub struct Fault {
    /// Its source.
    pub expression: String,
    /// Why.
    pub reason: String,
}
