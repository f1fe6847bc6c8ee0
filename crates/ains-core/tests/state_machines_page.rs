//! The page `docs/state-machines.md` shows what the code does.

use ains_core::Status;
use ains_core::task::Event;

/// The diagram of the task state machine, made from the code.
fn diagram() -> String {
    let mut lines = vec![
        "stateDiagram-v2".to_owned(),
        "    [*] --> PENDING: submitted".to_owned(),
    ];
    for from in Status::ALL {
        for event in Event::ALL {
            if let Ok(to) = from.after(event) {
                lines.push(format!("    {from} --> {to}: {event}"));
            }
        }
    }
    lines.extend(
        Status::ALL
            .into_iter()
            .filter(|status| status.is_terminal())
            .map(|status| format!("    {status} --> [*]")),
    );
    lines.join("\n")
}

#[test]
fn the_page_shows_the_state_machine_as_it_is() {
    let page = include_str!("../../../docs/state-machines.md");
    let diagram = diagram();
    assert!(
        page.contains(&diagram),
        "put this into docs/state-machines.md:\n\n{diagram}"
    );
}
