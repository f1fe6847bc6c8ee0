//! What the demo says at its beginning and at its end.

use std::path::Path;

use super::CAPABILITY;
use super::crew::{CREW, Change};
use super::figures::Figures;
use super::files::Files;
use super::kinds::Kind;
use super::tables;
use crate::screen::line;

/// Before the first task.
pub(super) fn begins(root: &Path, files: &Files, tasks: usize) {
    let found = if files.more { "the first " } else { "" };
    line("");
    line(format_args!(
        "Demo: {} agents work on {found}{} text files under {}.",
        CREW.len(),
        files.paths.len(),
        root.display()
    ));
    line(format_args!(
        "{tasks} tasks, one for each file and kind: word statistics, SHA-256, and lines with their language."
    ));
    for character in &CREW {
        line(format_args!("  {:<12} {}", character.id, character.about));
    }
    line("Each agent also waits a moment on every task, as if it asked a model or a remote service.");
    line("");
}

/// After the last one.
pub(super) fn ends(figures: &Figures, agents: &[Change]) {
    line("");
    line(format_args!(
        "All {} tasks are COMPLETED, in {}; {} of them after {} retries.",
        figures.completed,
        tables::time(figures.took),
        figures.retried,
        figures.retries
    ));
    for table in [
        tables::agents(figures, agents),
        tables::latencies(figures),
        tables::languages(figures),
        tables::largest(figures),
    ] {
        line(table);
    }
}

/// What to try next. `path` is one of the files.
pub(super) fn next(url: &str, key: Option<&str>, path: &str) {
    let header = key.map_or_else(String::new, |key| format!(" -H 'X-API-Key: {key}'"));
    let kind = Kind::Words.name();
    line("");
    line("The server and its agents stay until you press Ctrl-C. Submit a task yourself:");
    line("");
    line(format_args!(
        "  curl -s {url}/ains/tasks{header} -H 'Content-Type: application/json' \\"
    ));
    line(format_args!(
        "    -d '{{\"client_id\": \"me\", \"task_type\": \"{kind}\", \"capability_required\": \"{CAPABILITY}\", \
         \"input_data\": {{\"path\": \"{path}\"}}}}'"
    ));
    line("");
    line("and read what came of it, with the task_id of the answer:");
    line("");
    line(format_args!(
        "  curl -s '{url}/ains/tasks/TASK_ID?wait_seconds=10'{header}"
    ));
    line("");
    line(format_args!("Everything else can be tried on {url}/docs."));
}
