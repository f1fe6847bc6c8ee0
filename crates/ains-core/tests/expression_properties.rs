//! Expressions: what they come to, held against the interpreter of the `cel` crate, and what they may cost.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

#[path = "expression_properties/abuse.rs"]
mod abuse;
#[path = "expression_properties/oracle.rs"]
mod oracle;
