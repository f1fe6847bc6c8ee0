//! The functions of the store that send statements, by its source.

use std::collections::BTreeSet;
use std::path::Path;

/// Not carried out while the store works: the tests' own.
const NOT_CALLED: [&str; 1] = ["migrate::redo_all"];

/// Every public function with a connection among its arguments, as `tasks::heads` or
/// `dependencies::Reader::read`.
pub(crate) fn functions() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    collect(&source, None, &mut found);
    for name in NOT_CALLED {
        assert!(found.remove(name), "{name} is no more");
    }
    found
}

/// Modules below a noun are private; what they offer is the noun's.
fn collect(folder: &Path, noun: Option<&str>, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let noun = noun.unwrap_or(name);
        if path.is_dir() {
            collect(&path, Some(noun), found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut owner = String::new();
        for (start, line) in lines(&text) {
            if let Some(name) = line.strip_prefix("impl ") {
                owner = format!("{}::", name.trim_end_matches(" {"));
            } else if line == "}" {
                owner.clear();
            }
            let Some(function) = line.trim_start().strip_prefix("pub fn ") else {
                continue;
            };
            let arguments = text[start..].split('{').next().unwrap();
            if arguments.contains("conn: &mut Conn") {
                let function = function.split(['(', '<']).next().unwrap();
                found.insert(format!("{noun}::{owner}{function}"));
            }
        }
    }
}

/// Lines, and where each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    text.split('\n').map(move |line| {
        let start = next;
        next += line.len() + 1;
        (start, line)
    })
}
