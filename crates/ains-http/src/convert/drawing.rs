//! Draws graphs for Graphviz and for Mermaid: one node or edge a line.
//!
//! A label holds whatever a client calls its task, so each language gets every character that could mean something
//! to it in a form that means only the character.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Display, Write};

use ains_core::{Condition, Task};
use ains_service::model::{ChainView, GraphView};

use super::chain;

/// What is said where the graph goes on.
const CUT: &str = "Cut: there are more tasks than these.";

/// How a graph can be answered: as JSON, or as a drawing.
pub(crate) const FORMATS: [(&str, Option<Language>); 3] = [
    ("json", None),
    ("dot", Some(Language::Dot)),
    ("mermaid", Some(Language::Mermaid)),
];

/// A pale colour for each status of tasks and steps, in order of their life; the text on it is dark.
const COLOURS: [(&str, &str); 8] = [
    ("PENDING", "#eceff1"),
    ("ASSIGNED", "#fff9c4"),
    ("ACTIVE", "#bbdefb"),
    ("RUNNING", "#bbdefb"),
    ("COMPLETED", "#c8e6c9"),
    ("FAILED", "#ffcdd2"),
    ("SKIPPED", "#f5f5f5"),
    ("CANCELLED", "#d7ccc8"),
];

/// What a drawing is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// For Graphviz.
    Dot,
    /// For Mermaid.
    Mermaid,
}

impl Language {
    /// What HTTP calls it.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Dot => "text/vnd.graphviz; charset=utf-8",
            Self::Mermaid => "text/vnd.mermaid; charset=utf-8",
        }
    }
}

/// What is to be drawn.
#[derive(Debug)]
pub(crate) struct Picture<'v> {
    nodes: Vec<Node<'v>>,
    edges: Vec<Edge>,
    /// The node in the middle.
    root: Option<usize>,
    /// Whether there are more nodes.
    truncated: bool,
}

#[derive(Debug)]
struct Node<'v> {
    id: String,
    title: &'v str,
    status: &'static str,
}

/// An arrow from one node to another, by their places.
#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    label: &'static str,
    resolved: bool,
}

impl<'v> Picture<'v> {
    /// The graph around a task.
    pub(crate) fn of_tasks(graph: &'v GraphView) -> Self {
        let places: HashMap<_, _> = graph.nodes.iter().map(|task| task.id).zip(0..).collect();
        let node = |task: &'v Task| Node {
            id: task.id.to_string(),
            title: task.name.as_ref().unwrap_or(&task.task_type).as_str(),
            status: task.status.as_str(),
        };
        let edges = graph.edges.iter().filter_map(|(edge, resolved)| {
            Some(Edge {
                from: *places.get(&edge.on)?,
                to: *places.get(&edge.task)?,
                label: match edge.when {
                    Condition::Success => "",
                    when => when.as_str(),
                },
                resolved: *resolved,
            })
        });
        Self {
            nodes: graph.nodes.iter().map(node).collect(),
            edges: edges.collect(),
            root: places.get(&graph.root).copied(),
            truncated: graph.truncated,
        }
    }

    /// The steps of a chain.
    pub(crate) fn of_chain(view: &'v ChainView) -> Self {
        let (plan, state) = (&view.plan, &view.chain);
        let nodes = (0..plan.len()).map(|step| Node {
            id: format!("step_{step}"),
            title: &plan.step(step).name,
            status: state.step(step).status.as_str(),
        });
        let edges = chain::edges(plan).map(|(from, to)| Edge {
            from: from as usize,
            to: to as usize,
            label: "",
            resolved: state.step(from).status.is_finished(),
        });
        Self {
            nodes: nodes.collect(),
            edges: edges.collect(),
            root: None,
            truncated: false,
        }
    }

    /// The drawing.
    pub(crate) fn drawn_in(&self, language: Language) -> String {
        let mut text = String::new();
        match language {
            Language::Dot => self.dot(&mut text),
            Language::Mermaid => self.mermaid(&mut text),
        }
        .expect("a string takes whatever is written");
        text
    }

    fn dot(&self, to: &mut String) -> fmt::Result {
        to.write_str("digraph tasks {\n")?;
        if self.truncated {
            writeln!(to, "  // {CUT}")?;
        }
        to.write_str("  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\"];\n")?;
        for (place, Node { id, title, status }) in self.nodes.iter().enumerate() {
            let (title, colour) = (InDot(title), colour(status));
            let width = if self.root == Some(place) { 3 } else { 1 };
            writeln!(
                to,
                "  {id} [label=\"{title}\\n{status}\", fillcolor=\"{colour}\", penwidth={width}];"
            )?;
        }
        for edge in &self.edges {
            let (from, task) = (&self.nodes[edge.from].id, &self.nodes[edge.to].id);
            let label = edge.label;
            let style = if edge.resolved { "solid" } else { "dashed" };
            writeln!(to, "  {from} -> {task} [label=\"{label}\", style={style}];")?;
        }
        to.write_str("}\n")
    }

    /// Nodes are numbered, because Mermaid draws no text of more than 50,000 characters unless its page allows it.
    fn mermaid(&self, to: &mut String) -> fmt::Result {
        to.write_str("flowchart LR\n")?;
        if self.truncated {
            writeln!(to, "  %% {CUT}")?;
        }
        for (number, Node { title, status, .. }) in self.nodes.iter().enumerate() {
            let title = InMermaid(title);
            writeln!(to, "  n{number}[\"{title}<br/>{status}\"]:::{status}")?;
        }
        for edge in &self.edges {
            let (from, task) = (edge.from, edge.to);
            let arrow = if edge.resolved { "-->" } else { "-.->" };
            match edge.label {
                "" => writeln!(to, "  n{from} {arrow} n{task}")?,
                label => writeln!(to, "  n{from} {arrow}|{label}| n{task}")?,
            }
        }
        let seen: BTreeSet<_> = self.nodes.iter().map(|node| node.status).collect();
        for (status, colour) in COLOURS.iter().filter(|(status, _)| seen.contains(status)) {
            writeln!(to, "  classDef {status} fill:{colour}")?;
        }
        self.root
            .map_or(Ok(()), |root| writeln!(to, "  style n{root} stroke-width:3px"))
    }
}

fn colour(status: &str) -> &'static str {
    let known = COLOURS.iter().find(|(known, _)| *known == status);
    known.map_or("white", |(_, colour)| colour)
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
