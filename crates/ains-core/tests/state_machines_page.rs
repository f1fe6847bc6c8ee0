//! The page `docs/state-machines.md` shows what the code does.

use std::fmt::Display;

use ains_core::Status;
use ains_core::chain::{ChainEvent, ChainStatus, StepEvent, StepStatus};
use ains_core::task::Event;

const PAGE: &str = include_str!("../../../docs/state-machines.md");

/// The diagram of a state machine, made from the code: it begins in the first of its states, and ends in those
/// that are `last`.
fn diagram<S: Copy + Display, E: Copy + Display, R>(
    states: &[S],
    events: &[E],
    beginning: &str,
    after: impl Fn(S, E) -> Result<S, R>,
    last: impl Fn(S) -> bool,
) -> String {
    let mut lines = vec![
        "stateDiagram-v2".to_owned(),
        format!("    [*] --> {}: {beginning}", states[0]),
    ];
    for from in states {
        for event in events {
            if let Ok(to) = after(*from, *event) {
                lines.push(format!("    {from} --> {to}: {event}"));
            }
        }
    }
    let last = states.iter().filter(|state| last(**state));
    lines.extend(last.map(|state| format!("    {state} --> [*]")));
    lines.join("\n")
}

fn is_on_the_page(diagram: &str) {
    // As a whole: none of the machine's lines is left out at its end.
    assert!(
        PAGE.contains(&format!("```mermaid\n{diagram}\n```")),
        "put this into docs/state-machines.md:\n\n{diagram}"
    );
}

#[test]
fn the_page_shows_the_machine_of_a_task_as_it_is() {
    is_on_the_page(&diagram(
        &Status::ALL,
        &Event::ALL,
        "submitted",
        Status::after,
        Status::is_terminal,
    ));
}

#[test]
fn the_page_shows_the_machine_of_a_chain_as_it_is() {
    is_on_the_page(&diagram(
        &ChainStatus::ALL,
        &ChainEvent::ALL,
        "created",
        ChainStatus::after,
        ChainStatus::is_terminal,
    ));
}

#[test]
fn the_page_shows_the_machine_of_a_step_as_it_is() {
    is_on_the_page(&diagram(
        &StepStatus::ALL,
        &StepEvent::ALL,
        "created",
        StepStatus::after,
        StepStatus::is_finished,
    ));
}
