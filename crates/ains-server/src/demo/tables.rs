//! The tables at the end of the demo.

use std::time::Duration;

use comfy_table::{CellAlignment, Table};

use super::crew::Change;
use super::figures::{Figures, percentile};

/// Results that are shown.
const LARGEST: usize = 3;

/// Languages that are shown.
const LANGUAGES: usize = 6;

/// Characters of a digest that are enough to recognise it.
const DIGEST: usize = 16;

/// An empty table; the columns after the first `left` hold numbers.
fn table<const N: usize>(header: [&str; N], left: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(comfy_table::presets::UTF8_FULL_CONDENSED)
        .set_header(header);
    for column in table.column_iter_mut().skip(left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// What each agent did.
pub(super) fn agents(figures: &Figures, changes: &[Change]) -> Table {
    let mut table = table(["agent", "tasks", "failed attempts", "trust", "mean time"], 1);
    for (before, after) in changes {
        table.add_row([
            before.id.to_owned(),
            figures.by_agent.get(before.id).copied().unwrap_or(0).to_string(),
            after.failed.saturating_sub(before.failed).to_string(),
            format!("{:.2} → {:.2}", before.trust, after.trust),
            after.mean.map_or_else(
                || "–".to_owned(),
                |seconds| time(Duration::from_secs_f64(seconds.max(0.0))),
            ),
        ]);
    }
    table
}

/// From submission to completion.
pub(super) fn latencies(figures: &Figures) -> Table {
    let mut table = table(
        ["submitted → completed", "tasks", "p50", "p90", "p99", "slowest"],
        1,
    );
    let mut all: Vec<u64> = Vec::new();
    let mut row = |name: &str, mut micros: Vec<u64>| {
        micros.sort_unstable();
        let at = |percent| time(Duration::from_micros(percentile(&micros, percent)));
        table.add_row([
            name.to_owned(),
            micros.len().to_string(),
            at(50),
            at(90),
            at(99),
            at(100),
        ]);
    };
    for (kind, micros) in &figures.latencies {
        row(kind, micros.clone());
        all.extend(micros);
    }
    row("all", all);
    table
}

/// What was found in the most files.
pub(super) fn languages(figures: &Figures) -> Table {
    let mut table = table(["language", "files", "lines"], 1);
    for (language, files, lines) in figures.languages().into_iter().take(LANGUAGES) {
        table.add_row([language.to_owned(), files.to_string(), lines.to_string()]);
    }
    table
}

/// The files with the most words.
pub(super) fn largest(figures: &Figures) -> Table {
    let mut table = table(
        [
            "largest results",
            "language",
            "sha-256",
            "bytes",
            "lines",
            "words",
        ],
        3,
    );
    for (path, file) in figures.largest(LARGEST) {
        table.add_row([
            path.to_owned(),
            file.language.clone(),
            format!("{}…", file.sha256.get(..DIGEST).unwrap_or_default()),
            file.bytes.to_string(),
            file.lines.to_string(),
            file.words.to_string(),
        ]);
    }
    table
}

/// A length of time with three digits or so.
pub(super) fn time(length: Duration) -> String {
    let micros = length.as_micros();
    match micros {
        ..10_000 => format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10),
        10_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let shown = [450, 9_999, 31_400, 1_625_000].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(shown, ["0.45 ms", "9.99 ms", "31 ms", "1.62 s"]);
    }

    #[test]
    fn an_empty_demo_has_tables_too() {
        let figures = Figures::default();
        assert_eq!(latencies(&figures).row_count(), 1);
        assert_eq!(largest(&figures).row_count(), 0);
    }
}
