//! What `src/schema.rs` tells diesel. diesel keeps no list of tables to ask, so the text is read.

use crate::facts::Facts;

/// The columns and primary keys of every `table!` in `source`.
pub(crate) fn facts(source: &str) -> Facts {
    let mut facts = Facts::new();
    let mut table = None;
    for line in source.lines().map(str::trim) {
        match table {
            // `tasks (id) {`
            None if line.ends_with('{') && !line.starts_with("diesel::") => {
                let (name, key) = line.split_once(" (").unwrap();
                let key = key.strip_suffix(") {").unwrap();
                facts.insert(format!("{name}: primary key ({key})"));
                table = Some((name, 0));
            }
            None => {}
            Some(_) if line == "}" => table = None,
            // `description -> Nullable<Text>,`
            Some((name, before)) => {
                let number = before + 1;
                let (column, kind) = line.trim_end_matches(',').split_once(" -> ").unwrap();
                let (kind, null) = match kind.strip_prefix("Nullable<") {
                    Some(kind) => (kind.strip_suffix('>').unwrap(), ""),
                    None => (kind, " not null"),
                };
                let kind = match kind {
                    "Bool" => "BOOLEAN".to_owned(),
                    other => other.to_uppercase(),
                };
                facts.insert(format!("{name}: column {number:02} {column} {kind}{null}"));
                table = Some((name, number));
            }
        }
    }
    facts
}
