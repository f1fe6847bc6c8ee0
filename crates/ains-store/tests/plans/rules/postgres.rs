//! What no plan of PostgreSQL may do.

use super::Fault;
use crate::explain::Index;

/// A node of a plan.
#[derive(Debug)]
struct Node<'p> {
    /// How far its line is indented.
    depth: usize,
    /// Such as `Index Scan using tasks_pkey on tasks t`.
    name: &'p str,
    /// Such as `Index Cond: (id = $1)`.
    details: Vec<&'p str>,
}

fn nodes(plan: &[String]) -> Vec<Node<'_>> {
    let mut nodes: Vec<Node<'_>> = Vec::new();
    for (number, line) in plan.iter().enumerate() {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        match text.strip_prefix("->") {
            None if number > 0 => {
                if let Some(node) = nodes.last_mut() {
                    node.details.push(text);
                }
            }
            name => nodes.push(Node {
                depth,
                name: name.unwrap_or(text).trim(),
                details: Vec::new(),
            }),
        }
    }
    nodes
}

pub(crate) fn faults(plan: &[String], indexes: &[Index]) -> Vec<Fault> {
    let nodes = nodes(plan);
    let mut faults = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        let name = node.name;
        let mut fault = |what| faults.push(Fault::new(name, what));
        if name.starts_with("Seq Scan") {
            fault("reads a whole table");
        }
        if name.starts_with("Hash ") && name.ends_with("Join") || name.starts_with("Merge Join") {
            fault("reads all of both sides");
        }
        if name == "Sort" && under_limit(&nodes[..number], node.depth) {
            fault("sorts all to give a few");
        }
        let scan = ["Index Scan", "Index Only Scan", "Bitmap Index Scan"];
        if scan.iter().any(|scan| name.starts_with(scan)) {
            let condition = node
                .details
                .iter()
                .find_map(|detail| detail.strip_prefix("Index Cond: "));
            match condition {
                None => fault("reads a whole index"),
                Some(condition) if !enters(condition, name, indexes) => {
                    fault("reads past columns of the index that it names no value for");
                }
                Some(_) => {}
            }
        }
    }
    faults
}

/// Whether a limit stands above what is indented by `depth` and comes after `before`.
fn under_limit(before: &[Node<'_>], depth: usize) -> bool {
    let mut depth = depth;
    before.iter().rev().any(|node| {
        let above = node.depth < depth;
        depth = depth.min(node.depth);
        above && node.name == "Limit"
    })
}

/// Whether a condition is on the first columns of its index, without a gap.
fn enters(condition: &str, name: &str, indexes: &[Index]) -> bool {
    let words: Vec<&str> = name.split(' ').collect();
    let index = indexes
        .iter()
        .find(|index| words.contains(&&*index.name))
        .unwrap();
    // Of a column that is never null in the index, that says nothing.
    let mut condition = condition.replace('"', "");
    for column in &index.columns {
        condition = condition.replace(&format!("({column} IS NOT NULL)"), "");
    }
    let named = |column: &String| {
        condition
            .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
            .any(|word| word == column)
    };
    let first = index.columns.iter().take_while(|column| named(column)).count();
    index.columns.iter().skip(first).all(|column| !named(column))
}

/// Tests the test.
#[test]
fn faults_of_postgres_are_seen() {
    let index = Index {
        name: "tasks_ready".to_owned(),
        columns: ["lane", "priority", "queue_key"].map(str::to_owned).into(),
        made: false,
    };
    let seen = |plan: &str| {
        let lines: Vec<String> = plan.lines().map(str::to_owned).collect();
        faults(&lines, std::slice::from_ref(&index)).len()
    };
    for bad in [
        "Seq Scan on tasks",
        "Limit\n  ->  Seq Scan on tasks t\n        Filter: (id = $1)",
        "Limit\n  ->  Index Only Scan Backward using tasks_ready on tasks",
        "Bitmap Heap Scan on tasks\n  Recheck Cond: (lane = $1)\n  ->  Bitmap Index Scan on tasks_ready",
        "Index Scan using tasks_ready on tasks\n  Index Cond: ((lane = $1) AND (queue_key < $2))",
        "Index Scan using tasks_ready on tasks\n  Index Cond: (priority = $1)",
        "Limit\n  ->  LockRows\n        ->  Sort\n              ->  Function Scan on f",
        "Hash Join\n  ->  Function Scan on f",
        "Hash Left Join\n  ->  Function Scan on f",
    ] {
        assert_eq!(seen(bad), 1, "{bad}");
    }
    for good in [
        "Index Scan using tasks_ready on tasks\n  Index Cond: (lane = $1)",
        "Index Scan using tasks_ready on tasks\n  Index Cond: ((lane = $1) AND (queue_key IS NOT NULL))",
        "Index Scan using tasks_ready on tasks t\n  Index Cond: ((lane = n.queue_key) AND (priority < n.priority))",
        "Sort\n  Sort Key: id\n  ->  Function Scan on f",
        "Nested Loop\n  ->  Limit\n        ->  Function Scan on f\n  ->  Sort\n        ->  Function Scan on g",
        "Limit\n  ->  Incremental Sort\n        ->  Function Scan on f",
    ] {
        assert_eq!(seen(good), 0, "{good}");
    }
}
