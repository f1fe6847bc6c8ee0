//! What a task waits for: other tasks, and how they must end (semantics §2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::TaskId;

/// Most dependencies of one task. Issue 3 asks for a fan-in of 10,000, which stands above the
/// 1,000 of semantics §9 (docs/adr/0009).
pub const MAX_DEPENDENCIES: usize = 10_000;

/// Most tasks of one graph (semantics §9).
pub const MAX_GRAPH: usize = 10_000;

/// Most dependencies that one submission stores, of all its tasks together: one transaction does not
/// keep others waiting for longer than about a second.
pub const MAX_EDGES: usize = 100_000;

/// The reason of a task that is cancelled because nobody will ask for what it would do. Whoever
/// cancels a task with this reason says the same of all that waits for its success.
pub const NOT_NEEDED: &str = "not needed";

/// How a dependency must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// As COMPLETED.
    #[default]
    Success,
    /// As FAILED.
    Failure,
    /// In any way.
    Done,
}

/// A text that names no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of success, failure and done")]
pub struct UnknownCondition(pub String);

/// A task that must end, and how, before another may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dependency {
    /// What must end.
    pub on: TaskId,
    /// How.
    pub when: Condition,
}

/// One edge of a dependency graph, between nodes of any kind: `task` waits for `on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge<N> {
    /// What must end.
    pub on: N,
    /// What waits for it.
    pub task: N,
    /// How it must end.
    pub when: Condition,
}

/// How a task ended, as far as those care that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// With a result.
    Completed,
    /// Without one.
    Failed,
    /// It was given up.
    Cancelled,
    /// It was given up because nobody needs it ([`NOT_NEEDED`]).
    NotNeeded,
}

/// What the end of a dependency means for the task that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It waits for one thing less.
    Satisfied,
    /// It ends as FAILED.
    Fails,
    /// It ends as CANCELLED, because nobody needs it.
    NotNeeded,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Done];

    /// What it means for the one that waits that its dependency ended like this.
    pub fn judge(self, ending: Ending) -> Verdict {
        match (self, ending) {
            (Self::Done, _) | (Self::Success, Ending::Completed) | (Self::Failure, Ending::Failed) => {
                Verdict::Satisfied
            }
            (Self::Success, Ending::Failed | Ending::Cancelled) => Verdict::Fails,
            (Self::Success, Ending::NotNeeded)
            | (Self::Failure, Ending::Completed | Ending::Cancelled | Ending::NotNeeded) => {
                Verdict::NotNeeded
            }
        }
    }

    /// The name on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Done => "done",
        }
    }
}

impl Verdict {
    /// How the one that waits ends by this verdict, if it does.
    pub fn ending(self) -> Option<Ending> {
        match self {
            Self::Satisfied => None,
            Self::Fails => Some(Ending::Failed),
            Self::NotNeeded => Some(Ending::NotNeeded),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Condition {
    type Err = UnknownCondition;

    fn from_str(name: &str) -> Result<Self, UnknownCondition> {
        Self::ALL
            .into_iter()
            .find(|condition| condition.as_str() == name)
            .ok_or_else(|| UnknownCondition(name.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_judged_by_the_condition() {
        use Ending::{Cancelled, Completed, Failed};
        let cases = [
            (Condition::Success, Completed, None),
            (Condition::Success, Failed, Some(Failed)),
            (Condition::Success, Cancelled, Some(Failed)),
            (Condition::Success, Ending::NotNeeded, Some(Ending::NotNeeded)),
            (Condition::Failure, Completed, Some(Ending::NotNeeded)),
            (Condition::Failure, Failed, None),
            (Condition::Failure, Cancelled, Some(Ending::NotNeeded)),
            (Condition::Failure, Ending::NotNeeded, Some(Ending::NotNeeded)),
            (Condition::Done, Completed, None),
            (Condition::Done, Failed, None),
            (Condition::Done, Cancelled, None),
            (Condition::Done, Ending::NotNeeded, None),
        ];
        for (condition, ending, expected) in cases {
            let verdict = condition.judge(ending);
            assert_eq!(verdict.ending(), expected, "{condition} after {ending:?}");
            assert_eq!(verdict == Verdict::Satisfied, expected.is_none());
        }
    }

    #[test]
    fn a_condition_reads_back_from_its_name() {
        for condition in Condition::ALL {
            assert_eq!(condition.to_string().parse(), Ok(condition));
        }
        assert_eq!(Condition::default().as_str(), "success");
    }

    #[test]
    fn a_name_of_no_condition_is_refused_by_name() {
        let refusal = "Success".parse::<Condition>().unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "`Success` is not one of success, failure and done"
        );
        let refusal = "x".repeat(1000).parse::<Condition>().unwrap_err();
        assert_eq!(refusal.0.len(), 64, "no more than shows which it was");
    }
}
