//! Says of every task whether where it stands follows from how those ended that it waits for (semantics §2): an
//! implementation of its own, which looks at nothing but what the server shows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::caller::{Caller, list, text};

/// The reason of a task that nobody needs.
const NOT_NEEDED: &str = "not needed";

/// Tasks of one page.
const PAGE: usize = 200;

/// How a dependency must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    Success,
    Failure,
    Done,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    Failed,
    Cancelled,
    NotNeeded,
}

/// Who waits for whom, by the one that waits.
pub(crate) type Edges = BTreeMap<String, BTreeSet<(String, When)>>;

/// Tasks as the server shows them, by their ids.
pub(crate) type Tasks = BTreeMap<String, Value>;

impl When {
    pub(crate) const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Done];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Done => "done",
        }
    }

    /// How a task ends of which a dependency ended like this; `None` if this is what it waits for.
    pub(crate) fn after(self, ending: Ending) -> Option<Ending> {
        match (self, ending) {
            (Self::Done, _) | (Self::Success, Ending::Completed) | (Self::Failure, Ending::Failed) => None,
            (Self::Success, Ending::Failed | Ending::Cancelled) => Some(Ending::Failed),
            (Self::Success, Ending::NotNeeded) | (Self::Failure, _) => Some(Ending::NotNeeded),
        }
    }
}

/// How a task ended, and when; `None` if it has not. Instants are texts that sort as they follow each other.
pub(crate) fn end(task: &Value) -> Option<(Ending, &str)> {
    let (ending, member) = match task["status"].as_str()? {
        "COMPLETED" => (Ending::Completed, "completed_at"),
        "FAILED" => (Ending::Failed, "completed_at"),
        "CANCELLED" if task["cancel_reason"] == NOT_NEEDED => (Ending::NotNeeded, "cancelled_at"),
        "CANCELLED" => (Ending::Cancelled, "cancelled_at"),
        _ => return None,
    };
    let at = task[member].as_str();
    Some((
        ending,
        at.unwrap_or_else(|| panic!("no instant of its end: {task}")),
    ))
}

/// Every task of a graph.
pub(crate) async fn of_graph(caller: &Caller, graph: &str) -> Tasks {
    let (mut all, mut cursor) = (Tasks::new(), String::new());
    loop {
        let path = format!("/ains/tasks?graph_id={graph}&limit={PAGE}{cursor}");
        let page = caller.get(&path).await;
        let tasks = list(&page, "tasks").into_iter();
        all.extend(tasks.map(|task| (text(&task, "task_id"), task)));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Checks that every task stands where it must, as those stand that it waits for: nothing has followed without its
/// cause, and nothing that had to follow is missing.
#[track_caller]
pub(crate) fn justify(tasks: &Tasks, edges: &Edges) {
    for (id, task) in tasks {
        let edges = edges.get(id).into_iter().flatten();
        let after: Vec<_> = edges.map(|(on, when)| (&**on, *when, end(&tasks[on]))).collect();
        let open = after.iter().filter(|(_, _, end)| end.is_none()).count();
        let ends_it = |(_, when, end): &(&str, When, Option<(Ending, &str)>)| {
            end.is_some_and(|(ending, _)| when.after(ending).is_some())
        };
        let shown = || format!("{task}\nwaits for {after:?}");
        let was_handed_out = task["attempt"] != 0;
        match end(task) {
            None if task["is_blocked"] == true => {
                assert!(!after.iter().any(ends_it), "it should have ended: {}", shown());
                assert!(open > 0, "nothing holds it back: {}", shown());
                let counted = (&task["gate"], &task["unresolved_dependencies"]);
                assert_eq!(counted, (&json!("blocked"), &json!(open)), "{}", shown());
            }
            Some((Ending::Failed | Ending::NotNeeded, _)) if !was_handed_out => {
                assert!(
                    after.iter().any(|edge| is_cause(task, edge)),
                    "it has ended without a cause: {}",
                    shown()
                );
            }
            // A client may cancel whatever has not ended.
            Some((Ending::Cancelled, _)) if !was_handed_out => {}
            _ => {
                let is_free = open == 0 && !after.iter().any(ends_it);
                assert!(is_free, "it should not have begun: {}", shown());
                let counted = (&task["is_blocked"], &task["unresolved_dependencies"]);
                assert_eq!(counted, (&json!(false), &json!(0)), "{}", shown());
                for begun in ["assigned_at", "started_at"].map(|member| task[member].as_str()) {
                    let is_late = |end: Option<(Ending, &str)>| end.is_some_and(|(_, at)| begun < Some(at));
                    let late = after.iter().find(|(_, _, end)| begun.is_some() && is_late(*end));
                    assert_eq!(late, None, "it has begun before this ended: {}", shown());
                }
            }
        }
    }
}

/// Whether `task`, which was never handed out, has ended as it did because of this dependency.
fn is_cause(task: &Value, (on, when, ended): &(&str, When, Option<(Ending, &str)>)) -> bool {
    let (Some((how, at)), Some((ending, since))) = (end(task), ended) else {
        return false;
    };
    let says = match ending {
        Ending::Cancelled => format!("Dependency task {on} was cancelled"),
        _ => format!("Dependency task {on} failed"),
    };
    let is_said = how == Ending::NotNeeded || task["error_message"] == *says;
    is_said && *since <= at && when.after(*ending) == Some(how)
}
