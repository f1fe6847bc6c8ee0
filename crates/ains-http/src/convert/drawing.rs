//! Draws a dependency graph for Graphviz and for Mermaid: one task or edge a line.
//!
//! A label holds whatever a client calls its task, so each language gets every character that could mean something
//! to it in a form that means only the character.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::{self, Display, Write};

use ains_core::{Condition, Status, Task};
use ains_service::model::GraphView;

/// What is said where the graph goes on.
const CUT: &str = "Cut: there are more tasks than these.";

/// The graph in the language of Graphviz.
pub(crate) fn dot(graph: &GraphView) -> String {
    written(|to| {
        to.write_str("digraph tasks {\n")?;
        if graph.truncated {
            writeln!(to, "  // {CUT}")?;
        }
        to.write_str("  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\"];\n")?;
        for task in &graph.nodes {
            let (title, status) = (InDot(title(task)), task.status);
            let colour = colour(status);
            let width = if task.id == graph.root { 3 } else { 1 };
            writeln!(
                to,
                "  {} [label=\"{title}\\n{status}\", fillcolor=\"{colour}\", penwidth={width}];",
                task.id
            )?;
        }
        for (edge, resolved) in &graph.edges {
            let label = if edge.when == Condition::Success {
                ""
            } else {
                edge.when.as_str()
            };
            let style = if *resolved { "solid" } else { "dashed" };
            writeln!(
                to,
                "  {} -> {} [label=\"{label}\", style={style}];",
                edge.on, edge.task
            )?;
        }
        to.write_str("}\n")
    })
}

/// The graph in the language of Mermaid. Tasks are numbered, because it draws no text of more than 50,000 characters
/// unless its page allows it.
pub(crate) fn mermaid(graph: &GraphView) -> String {
    let numbers: HashMap<_, _> = graph.nodes.iter().map(|task| task.id).zip(0..).collect();
    written(|to| {
        to.write_str("flowchart LR\n")?;
        if graph.truncated {
            writeln!(to, "  %% {CUT}")?;
        }
        for (number, task) in graph.nodes.iter().enumerate() {
            let (title, status) = (InMermaid(title(task)), task.status);
            writeln!(to, "  n{number}[\"{title}<br/>{status}\"]:::{status}")?;
        }
        for (edge, resolved) in &graph.edges {
            let (Some(on), Some(task)) = (numbers.get(&edge.on), numbers.get(&edge.task)) else {
                continue;
            };
            let arrow = if *resolved { "-->" } else { "-.->" };
            match edge.when {
                Condition::Success => writeln!(to, "  n{on} {arrow} n{task}")?,
                when => writeln!(to, "  n{on} {arrow}|{when}| n{task}")?,
            }
        }
        for status in Status::ALL {
            writeln!(to, "  classDef {status} fill:{}", colour(status))?;
        }
        match numbers.get(&graph.root) {
            Some(root) => writeln!(to, "  style n{root} stroke-width:3px"),
            None => Ok(()),
        }
    })
}

/// What a task is called in a drawing.
fn title(task: &Task) -> &str {
    task.name.as_ref().unwrap_or(&task.task_type).as_str()
}

/// A pale colour for each status; the text on it is dark.
fn colour(status: Status) -> &'static str {
    match status {
        Status::Pending => "#eceff1",
        Status::Assigned => "#fff9c4",
        Status::Active => "#bbdefb",
        Status::Completed => "#c8e6c9",
        Status::Failed => "#ffcdd2",
        Status::Cancelled => "#d7ccc8",
    }
}

/// A text within the quotes of a label of Graphviz: there a backslash begins an escape, and `&` an entity of HTML.
struct InDot<'t>(&'t str);

impl Display for InDot<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '"' => to.write_str("\\\""),
            '\\' => to.write_str("\\\\"),
            '&' => to.write_str("&amp;"),
            other => to.write_char(other),
        })
    }
}

/// A text within the quotes of a label of Mermaid, which takes parts of it for HTML, Markdown, comments and directives:
/// all but letters, digits and a few signs is given by its number. Line breaks (`\n`), formulas (`$$`) and icons (`fa:`)
/// it looks for after that, so a space of no width parts them.
struct InMermaid<'t>(&'t str);

impl Display for InMermaid<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            ' ' | '-' | '_' | '.' => to.write_char(letter),
            letter if letter.is_alphanumeric() => to.write_char(letter),
            '\\' | '$' | ':' => write!(to, "#{};#8203;", u32::from(letter)),
            other => write!(to, "#{};", u32::from(other)),
        })
    }
}

/// What `write` writes.
fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).expect("a string takes whatever is written");
    text
}
