//! What no plan of SQLite may do.

use super::Fault;

/// What a statement makes itself, by the names that our statements give it.
const OWN: [&str; 3] = ["lanes", "r", "reached"];

pub(crate) fn faults(text: &str, plan: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for line in plan {
        let step = line.trim();
        let scanned = step
            .strip_prefix("SCAN ")
            .filter(|scanned| !scanned.contains("VIRTUAL TABLE") && !OWN.contains(scanned));
        if scanned.is_some_and(|scanned| scanned != "CONSTANT ROW") {
            faults.push(Fault::new(step, "reads a whole table or index"));
        }
        if step.contains("AUTOMATIC") {
            faults.push(Fault::new(step, "makes an index for itself"));
        }
        let sorts = step.starts_with("USE TEMP B-TREE") && !step.contains("LAST TERM");
        if sorts && text.contains(" LIMIT ") {
            faults.push(Fault::new(step, "sorts all to give a few"));
        }
    }
    faults
}

/// Tests the test.
#[test]
fn faults_of_sqlite_are_seen() {
    let seen = |text: &str, line: &str| faults(text, &[format!("  {line}")]).len();
    for line in [
        "SCAN tasks",
        "SCAN t",
        "SCAN tasks USING INDEX tasks_pending",
        "SEARCH t USING AUTOMATIC COVERING INDEX (id=?)",
    ] {
        assert_eq!(seen("SELECT 1", line), 1, "{line}");
    }
    for line in [
        "SEARCH tasks USING INDEX tasks_held (agent_id=?)",
        "SCAN e VIRTUAL TABLE INDEX 1:",
        "SCAN CONSTANT ROW",
        "SCAN reached",
        "USE TEMP B-TREE FOR ORDER BY",
        "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
    ] {
        assert_eq!(seen("SELECT 1", line), 0, "{line}");
    }
    assert_eq!(seen("SELECT 1 LIMIT ?", "USE TEMP B-TREE FOR ORDER BY"), 1);
    assert_eq!(
        seen("SELECT 1 LIMIT ?", "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"),
        0
    );
}
