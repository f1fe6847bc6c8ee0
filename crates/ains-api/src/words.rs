//! Holds the closed sets of words on the wire.
//!
//! Fields carry these words as text; the enums list them for people, for programs that want to compare, and for
//! the schemas.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A word from a closed set, without an allocation where the server writes one of its own.
pub type Word = Cow<'static, str>;

/// An enum of words: serde and the schema use the given text.
macro_rules! words {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:tt,)+ })+) => { $(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every word, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl From<$name> for Word {
            fn from(word: $name) -> Self {
                Cow::Borrowed(word.as_str())
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl PartialEq<$name> for Word {
            fn eq(&self, word: &$name) -> bool {
                self.as_ref() == word.as_str()
            }
        }
    )+ };
}

words! {
    /// Where a task stands. COMPLETED, FAILED and CANCELLED are final.
    TaskStatus {
        /// Waiting, behind a gate or for an agent.
        Pending = "PENDING",
        /// Given to an agent that has not started it.
        Assigned = "ASSIGNED",
        /// Being worked on; filters take `RUNNING` as well.
        Active = "ACTIVE",
        /// Ended well.
        Completed = "COMPLETED",
        /// Ended badly, with no retry left.
        Failed = "FAILED",
        /// Called off.
        Cancelled = "CANCELLED",
    }

    /// What holds a PENDING task back.
    Gate {
        /// Nothing: the next agent with room takes it.
        Ready = "ready",
        /// A dependency that is not resolved.
        Blocked = "blocked",
        /// Its `run_at`, or the delay of a retry.
        NotDue = "not_due",
        /// A concurrency limit.
        Limited = "limited",
        /// Somebody paused it.
        Paused = "paused",
    }

    /// How the agent for a task is chosen.
    RoutingStrategy {
        /// Least recently assigned first.
        RoundRobin = "round_robin",
        /// Fewest running tasks relative to its room.
        LeastLoaded = "least_loaded",
        /// At random, in proportion to trust, among agents with trust of at least 0.3.
        TrustWeighted = "trust_weighted",
        /// Lowest average completion time.
        FastestResponse = "fastest_response",
    }

    /// How the delay before a retry grows; n is the number of the retry, from 1.
    RetryPolicy {
        /// min(2^(n-1), 60) seconds.
        Exponential = "exponential",
        /// 5·n seconds.
        Linear = "linear",
        /// 10 seconds.
        Fixed = "fixed",
    }

    /// What becomes of a task whose attempt passed `timeout_seconds`.
    TimeoutPolicy {
        /// The attempt counts as failed and consumes a retry.
        Retry = "retry",
        /// The task ends as FAILED.
        Fail = "fail",
    }

    /// When a dependency is satisfied.
    DependencyCondition {
        /// It ended as COMPLETED.
        Success = "success",
        /// It ended as FAILED.
        Failure = "failure",
        /// It ended.
        Done = "done",
    }

    /// Why a PENDING task is not running: the first gate that is closed.
    WhyGate {
        /// A dependency is not resolved.
        Dependency = "dependency",
        /// Its `run_at`, or the delay of a retry, lies ahead.
        NotDue = "not_due",
        /// No agent that takes work provides the capability.
        NoCapableAgent = "no_capable_agent",
        /// Those that provide it are not trusted enough.
        Trust = "trust",
        /// Those that may do it have no room.
        AgentsBusy = "agents_busy",
        /// It waits its turn.
        Queue = "queue",
        /// Somebody paused it.
        Paused = "paused",
    }

    /// Where a chain stands. COMPLETED and CANCELLED are final, FAILED is until somebody retries it.
    ChainStatus {
        /// It has not begun.
        Pending = "PENDING",
        /// Its steps are being done, or undone.
        Running = "RUNNING",
        /// What runs goes on, nothing new starts.
        Paused = "PAUSED",
        /// Every step ended, and no failure was in the way.
        Completed = "COMPLETED",
        /// A step failed that it could not do without.
        Failed = "FAILED",
        /// Called off.
        Cancelled = "CANCELLED",
    }

    /// Where a step of a chain stands.
    StepStatus {
        /// It waits for other steps, or for its condition or its input to be found out.
        Pending = "PENDING",
        /// It has begun.
        Running = "RUNNING",
        /// Ended well.
        Completed = "COMPLETED",
        /// Ended badly.
        Failed = "FAILED",
        /// Not needed: its condition did not hold, or nothing before it was done.
        Skipped = "SKIPPED",
        /// Given up: its task was cancelled, or its chain ended first.
        Cancelled = "CANCELLED",
    }

    /// How far a step is with being undone.
    CompensationStatus {
        /// The input is being found out.
        Pending = "PENDING",
        /// Its task runs.
        Running = "RUNNING",
        /// The step is undone.
        Completed = "COMPLETED",
        /// Its task failed; that is recorded, and the other steps are undone all the same.
        Failed = "FAILED",
        /// Given up, with the chain.
        Cancelled = "CANCELLED",
    }

    /// Which of the steps before it must have ended, and how, before a step runs.
    Join {
        /// All have ended. If all were SKIPPED, it is SKIPPED.
        All = "all",
        /// One has COMPLETED. If all have ended and none did, it is SKIPPED.
        Any = "any",
        /// All have ended, whatever they came to.
        AllDone = "all_done",
    }

    /// What the failure of a step means for its chain.
    OnFailure {
        /// The chain fails, and what runs is cancelled.
        Fail = "fail",
        /// The chain goes on; other steps see the status.
        Continue = "continue",
        /// What runs is cancelled, what COMPLETED is undone in reverse order, then the chain fails.
        Compensate = "compensate",
    }

    /// Whether the slots of a schedule fire.
    ScheduleStanding {
        /// They do.
        Active = "active",
        /// They do not, and are not missed either.
        Paused = "paused",
        /// There are no more.
        Ended = "ended",
    }

    /// What becomes of fixed local times that the clocks jump over.
    DstGap {
        /// All that are in one gap become one slot, at the first instant after it.
        RunAfter = "run_after",
        /// They are left out.
        Skip = "skip",
    }

    /// What becomes of fixed local times that come twice.
    DstFold {
        /// They are slots the first time.
        First = "first",
        /// They are slots both times.
        Both = "both",
    }

    /// What the dates of a calendar are for.
    CalendarUse {
        /// There are no slots on them.
        Exclude = "exclude",
        /// There are slots only on them.
        Only = "only",
    }

    /// What becomes of a slot on a date that a calendar excludes.
    OnExcluded {
        /// It is skipped.
        Skip = "skip",
        /// It is moved to the same local time of the next date that is not excluded.
        NextBusinessDay = "next_business_day",
        /// It is moved to the same local time of the last date before that is not excluded.
        PreviousBusinessDay = "previous_business_day",
    }

    /// What becomes of a slot while an earlier run is unfinished.
    OverlapPolicy {
        /// It fires.
        AllowAll = "allow_all",
        /// It is skipped.
        Skip = "skip",
        /// It waits; if another waits already, that one is dropped.
        BufferOne = "buffer_one",
        /// It waits for all before it, at most 1,000.
        BufferAll = "buffer_all",
        /// Unfinished runs are cancelled, then it fires.
        CancelOther = "cancel_other",
    }

    /// What becomes of slots that no server was there for.
    Catchup {
        /// They are missed.
        None = "none",
        /// The newest fires.
        Last = "last",
        /// They fire, in order.
        All = "all",
    }

    /// How a slot came about.
    SlotKind {
        /// Its time came: by a cron expression, an interval, or once.
        Cron = "cron",
        /// Somebody wanted a run at that moment.
        RunNow = "run_now",
        /// Somebody wanted a run for it afterwards.
        Backfill = "backfill",
    }

    /// What became of a slot.
    SlotState {
        /// It made a run.
        Fired = "fired",
        /// It made none, because of a rule: a calendar, or an earlier run that was unfinished.
        Skipped = "skipped",
        /// It made none, because no server was there in time.
        Missed = "missed",
        /// It waits for an earlier run to end.
        Buffered = "buffered",
        /// It waited, and then was not wanted any more.
        Dropped = "dropped",
    }

    /// A day of the week.
    Weekday {
        /// Monday.
        Monday = "MON",
        /// Tuesday.
        Tuesday = "TUE",
        /// Wednesday.
        Wednesday = "WED",
        /// Thursday.
        Thursday = "THU",
        /// Friday.
        Friday = "FRI",
        /// Saturday.
        Saturday = "SAT",
        /// Sunday.
        Sunday = "SUN",
    }

    /// A country whose public holidays are known, by its code.
    HolidayCountry {
        /// The United States: the holidays of the federal government.
        UnitedStates = "US",
        /// The United Kingdom: bank holidays.
        UnitedKingdom = "GB",
        /// Germany.
        Germany = "DE",
        /// France, without its overseas territories.
        France = "FR",
        /// Japan.
        Japan = "JP",
    }

    /// Which way to look from a task along its dependencies.
    GraphDirection {
        /// At what it waits for, and what that waits for, and so on; also `upstream`.
        Dependencies = "dependencies",
        /// At what waits for it, and what waits for that, and so on; also `downstream`.
        Dependents = "dependents",
        /// At both.
        Both = "both",
    }

    /// How a graph is answered.
    GraphFormat {
        /// As nodes and edges.
        Json = "json",
        /// As a drawing for Graphviz.
        Dot = "dot",
        /// As a drawing for Mermaid.
        Mermaid = "mermaid",
    }

    /// What an agent last said of itself.
    AgentStatus {
        /// Well.
        Active = "ACTIVE",
        /// Working, but not well; gets work only if no other agent is left.
        Degraded = "DEGRADED",
        /// Gone, or silent for too long.
        Inactive = "INACTIVE",
    }

    /// Whether an agent can take work.
    Availability {
        /// It has room.
        Available = "AVAILABLE",
        /// It holds as many tasks as it may.
        Busy = "BUSY",
        /// It is gone, or silent for too long.
        Inactive = "INACTIVE",
        /// It finishes what it holds and gets nothing new.
        Draining = "DRAINING",
    }

    /// Trust in three steps.
    TrustLevel {
        /// At least 0.8.
        High = "high",
        /// At least 0.5.
        Medium = "medium",
        /// Below 0.5.
        Low = "low",
    }

    /// What kind of thing an entry of the audit log tells.
    AuditEventType {
        /// A key was made.
        ApiKeyCreated = "api_key_created",
        /// What a key may do was changed.
        ApiKeyUpdated = "api_key_updated",
        /// A key counts no more.
        ApiKeyRevoked = "api_key_revoked",
        /// A key has a new secret.
        ApiKeyRotated = "api_key_rotated",
        /// Requests came without a key where one is needed, or with one that does not count.
        AuthFailed = "auth_failed",
        /// Requests were more than are allowed.
        RateLimitExceeded = "rate_limit_exceeded",
        /// Requests were known whom they were from, and refused.
        AccessDenied = "access_denied",
        /// An agent's trust was moved by hand.
        TrustAdjusted = "trust_adjusted",
        /// Something was removed.
        ResourceDeleted = "resource_deleted",
        /// An agent has another key.
        AgentKeyRotated = "agent_key_rotated",
        /// A clean-up was asked for.
        MaintenanceRun = "maintenance_run",
    }

    /// How one hand-out of a task ended.
    AttemptOutcome {
        /// With a result.
        Completed = "completed",
        /// With an error.
        Failed = "failed",
        /// It passed `timeout_seconds`.
        TimedOut = "timed_out",
        /// The agent fell silent.
        LeaseLost = "lease_lost",
        /// The agent did not start it in time.
        NotStarted = "not_started",
        /// The task was cancelled.
        Cancelled = "cancelled",
        /// The agent gave it back.
        Released = "released",
        /// It has not ended.
        Running = "running",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_text_everywhere() {
        for status in TaskStatus::ALL {
            assert_eq!(
                serde_json::to_string(status).expect("JSON"),
                format!("{:?}", status.as_str())
            );
            assert_eq!(Word::from(*status), *status);
        }
    }
}
