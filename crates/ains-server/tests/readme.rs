//! What the README of the project says, held against the program.

use std::collections::BTreeSet;
use std::process::Command;

const README: &str = include_str!("../../../README.md");
const SDK: &str = include_str!("../../ains-client/README.md");

/// The words in capitals that begin with `AINS_`.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_uppercase() && c != '_')
        .filter(|word| word.starts_with("AINS_"))
        .collect()
}

#[test]
fn the_table_of_settings_is_complete() {
    let output = Command::new(env!("CARGO_BIN_EXE_ains-server"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(variables(README), variables(&help));
    let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
    for flag in flags.filter(|flag| !["--help", "--version"].contains(flag)) {
        assert!(README.contains(&format!("`{flag}`")), "{flag}");
    }
}

#[test]
fn the_agent_is_the_one_that_the_sdk_compiles() {
    let code = |text: &'static str, fence| {
        let (_, rest) = text.split_once(fence).unwrap();
        rest.split_once("```").unwrap().0
    };
    assert_eq!(code(README, "```rust\n"), code(SDK, "```rust,no_run\n"));
}
