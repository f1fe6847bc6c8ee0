//! Writes schedules: a word a line.

use std::ops::Deref;

use ains_api::{
    CalendarUse, Catchup, DstFold, DstGap, Json, OnExcluded, OverlapPolicy, PreviewSchedule, RetryPolicy,
    RoutingStrategy, ScheduleCalendar, ScheduledChain, SubmitChain, SubmitSchedule, TimeoutPolicy, Timestamp,
};

/// A schedule as it is written: what [`Client::create_schedule`](crate::Client::create_schedule) takes.
///
/// It needs a word on when it has slots ([`cron`](Self::cron), [`every`](Self::every) or [`once`](Self::once)), and one on
/// what it makes ([`task`](Self::task), [`template`](Self::template) or [`chain`](Self::chain)). What is wrong with it is for the server to say: it lists
/// every fault.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule(SubmitSchedule);

impl Schedule {
    /// A schedule with a name for people.
    pub fn new(name: impl Into<String>) -> Self {
        Self(SubmitSchedule {
            name: name.into(),
            ..SubmitSchedule::default()
        })
    }

    /// Who it belongs to. Not needed when the key is bound to a client.
    #[must_use]
    pub fn client(mut self, client_id: impl Into<String>) -> Self {
        self.0.client_id = Some(client_id.into());
        self
    }

    /// It has slots when this cron expression says so, such as `30 2 * * MON-FRI`.
    #[must_use]
    pub fn cron(mut self, expression: impl Into<String>) -> Self {
        self.0.cron_expression = Some(expression.into());
        self
    }

    /// It has slots at this distance in seconds, 1 to 31,536,000, whatever the clocks do.
    #[must_use]
    pub fn every(mut self, seconds: u32) -> Self {
        self.0.interval_seconds = Some(seconds.into());
        self
    }

    /// One of the slots of an interval, a whole second. Default: when the schedule is created.
    #[must_use]
    pub fn anchor_at(mut self, instant: Timestamp) -> Self {
        self.0.anchor_at = Some(instant);
        self
    }

    /// It has one slot, at this instant.
    #[must_use]
    pub fn once(mut self, instant: Timestamp) -> Self {
        self.0.run_at = Some(instant);
        self
    }

    /// The zone of its local times and dates, such as `Europe/Berlin`. Default: UTC.
    #[must_use]
    pub fn timezone(mut self, name: impl Into<String>) -> Self {
        self.0.timezone = Some(name.into());
        self
    }

    /// There is no slot before.
    #[must_use]
    pub fn start_at(mut self, instant: Timestamp) -> Self {
        self.0.start_at = Some(instant);
        self
    }

    /// There is no slot after.
    #[must_use]
    pub fn end_at(mut self, instant: Timestamp) -> Self {
        self.0.end_at = Some(instant);
        self
    }

    /// How many slots fire, at least 1. Default: no limit.
    #[must_use]
    pub fn max_runs(mut self, runs: u32) -> Self {
        self.0.max_runs = Some(runs.into());
        self
    }

    /// Slots fire up to so many seconds later than their instants, 0 to 86,400. Default 0.
    #[must_use]
    pub fn jitter_seconds(mut self, seconds: u32) -> Self {
        self.0.jitter_seconds = Some(seconds.into());
        self
    }

    /// What becomes of fixed local times that the clocks jump over, and of those that come twice. Default: after the gap,
    /// and the first time.
    #[must_use]
    pub fn when_clocks_change(mut self, gap: DstGap, fold: DstFold) -> Self {
        self.0.dst_gap = Some(gap.into());
        self.0.dst_fold = Some(fold.into());
        self
    }

    /// It has no slots on the dates of this calendar.
    #[must_use]
    pub fn not_on(self, calendar_id: impl Into<String>) -> Self {
        self.heed(calendar_id.into(), CalendarUse::Exclude)
    }

    /// It has slots only on the dates of this calendar.
    #[must_use]
    pub fn only_on(self, calendar_id: impl Into<String>) -> Self {
        self.heed(calendar_id.into(), CalendarUse::Only)
    }

    fn heed(mut self, calendar_id: String, used: CalendarUse) -> Self {
        let calendars = self.0.calendars.get_or_insert_default();
        calendars.push(ScheduleCalendar {
            calendar_id,
            used: used.into(),
        });
        self
    }

    /// What becomes of a slot on another date. Default: it is skipped.
    #[must_use]
    pub fn on_excluded(mut self, meaning: OnExcluded) -> Self {
        self.0.on_excluded = Some(meaning.into());
        self
    }

    /// What becomes of a slot while an earlier run is unfinished. Default: it fires.
    #[must_use]
    pub fn overlap(mut self, policy: OverlapPolicy) -> Self {
        self.0.overlap_policy = Some(policy.into());
        self
    }

    /// What becomes of slots that no server was there for, and for how many seconds that is so. Default: the newest of the
    /// last hour fires.
    #[must_use]
    pub fn catchup(mut self, which: Catchup, within_seconds: u32) -> Self {
        self.0.catchup = Some(which.into());
        self.0.catchup_window_seconds = Some(within_seconds.into());
        self
    }

    /// It is paused after so many failed runs in a row, at least 1. Default: never.
    #[must_use]
    pub fn pause_after_failures(mut self, failures: u32) -> Self {
        self.0.pause_after_failures = Some(failures.into());
        self
    }

    /// It does not begin at once, but is paused.
    #[must_use]
    pub fn paused(mut self) -> Self {
        self.0.active = Some(false);
        self
    }

    /// It makes tasks of this type, for agents that provide `capability`.
    #[must_use]
    pub fn task(mut self, task_type: impl Into<String>, capability: impl Into<String>) -> Self {
        self.0.task_type = Some(task_type.into());
        self.0.capability_required = Some(capability.into());
        self
    }

    /// It makes tasks that are as a template says when they are made, but for what is said here.
    #[must_use]
    pub fn template(mut self, template_id: impl Into<String>) -> Self {
        self.0.template_id = Some(template_id.into());
        self
    }

    /// What the agents work on, an object.
    #[must_use]
    pub fn input(mut self, input: impl Into<Json>) -> Self {
        self.0.input_data = Some(input.into());
        self
    }

    /// Of its tasks: anything that is to be found again with them, an object.
    #[must_use]
    pub fn metadata(mut self, metadata: impl Into<Json>) -> Self {
        self.0.metadata = Some(metadata.into());
        self
    }

    /// Of its tasks: 10 is handed out first, 1 last. Default 5.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.0.priority = Some(priority.into());
        self
    }

    /// Of its tasks: seconds that one attempt may take, 1 to 86,400. Default 300.
    #[must_use]
    pub fn timeout_seconds(mut self, seconds: u32) -> Self {
        self.0.timeout_seconds = Some(seconds.into());
        self
    }

    /// Of its tasks: what becomes of an attempt that takes too long. Default: it is tried again.
    #[must_use]
    pub fn on_timeout(mut self, policy: TimeoutPolicy) -> Self {
        self.0.timeout_policy = Some(policy.into());
        self
    }

    /// Of its tasks: seconds after which an attempt without a progress call is lost, 1 to 86,400. Default: none.
    #[must_use]
    pub fn heartbeat_timeout_seconds(mut self, seconds: u32) -> Self {
        self.0.heartbeat_timeout_seconds = Some(seconds.into());
        self
    }

    /// Of its tasks: attempts after the first, 0 to 10. Default 3.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.0.max_retries = Some(retries.into());
        self
    }

    /// Of its tasks: how the delay before a retry grows. Default: exponentially.
    #[must_use]
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.0.retry_policy = Some(policy.into());
        self
    }

    /// Of its tasks: how the agent is chosen. Default: in turn.
    #[must_use]
    pub fn routing(mut self, strategy: RoutingStrategy) -> Self {
        self.0.routing_strategy = Some(strategy.into());
        self
    }

    /// Of its tasks: the least trust an agent must have, 0 to 1. Default 0.
    #[must_use]
    pub fn min_trust(mut self, trust: f64) -> Self {
        self.0.min_trust = Some(trust);
        self
    }

    /// It makes chains: the steps, the input and the name of this one. Whose they are is for the schedule to say.
    #[must_use]
    pub fn chain(mut self, chain: impl Into<SubmitChain>) -> Self {
        let chain = chain.into();
        self.0.chain = Some(ScheduledChain {
            name: Some(chain.name),
            input: chain.input,
            steps: chain.steps,
        });
        self
    }

    /// A question for [`Client::preview_schedule`](crate::Client::preview_schedule): which are its next slots? 1 to 1,000
    /// of them.
    #[must_use]
    pub fn preview(&self, slots: u32) -> PreviewSchedule {
        PreviewSchedule {
            n: Some(slots.into()),
            ..self.0.clone().into()
        }
    }
}

impl Deref for Schedule {
    type Target = SubmitSchedule;

    fn deref(&self) -> &SubmitSchedule {
        &self.0
    }
}

impl From<Schedule> for SubmitSchedule {
    fn from(schedule: Schedule) -> Self {
        schedule.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Chain, Step};

    #[test]
    fn a_schedule_is_what_was_written() {
        let at = |text: &str| Timestamp::parse(text).expect("an instant");
        let report = Schedule::new("report")
            .client("me")
            .cron("0 9 * * *")
            .timezone("Europe/Berlin")
            .start_at(at("2026-01-01T00:00:00Z"))
            .end_at(at("2027-01-01T00:00:00Z"))
            .max_runs(5)
            .jitter_seconds(60)
            .when_clocks_change(DstGap::Skip, DstFold::Both)
            .not_on("cal_1")
            .only_on("cal_2")
            .on_excluded(OnExcluded::NextBusinessDay)
            .overlap(OverlapPolicy::BufferOne)
            .catchup(Catchup::All, 60)
            .pause_after_failures(3)
            .paused()
            .task("report", "text:v1")
            .input(json!({"n": 1}))
            .metadata(json!({"why": "so"}))
            .priority(9)
            .timeout_seconds(7)
            .on_timeout(TimeoutPolicy::Fail)
            .heartbeat_timeout_seconds(3)
            .max_retries(0)
            .retry_policy(RetryPolicy::Fixed)
            .routing(RoutingStrategy::LeastLoaded)
            .min_trust(0.5);
        let mut expected = json!({
            "name": "report", "client_id": "me", "cron_expression": "0 9 * * *", "timezone": "Europe/Berlin",
            "start_at": "2026-01-01T00:00:00.000000Z", "end_at": "2027-01-01T00:00:00.000000Z", "max_runs": 5,
            "jitter_seconds": 60, "dst_gap": "skip", "dst_fold": "both",
            "calendars": [{"calendar_id": "cal_1", "use": "exclude"}, {"calendar_id": "cal_2", "use": "only"}],
            "on_excluded": "next_business_day", "overlap_policy": "buffer_one", "catchup": "all",
            "catchup_window_seconds": 60, "pause_after_failures": 3, "active": false, "task_type": "report",
            "capability_required": "text:v1", "input_data": {"n": 1}, "metadata": {"why": "so"}, "priority": 9,
            "timeout_seconds": 7, "timeout_policy": "fail", "heartbeat_timeout_seconds": 3, "max_retries": 0,
            "retry_policy": "fixed", "routing_strategy": "least_loaded", "min_trust": 0.5,
        });
        assert_eq!(serde_json::to_value(&*report).expect("JSON"), expected);
        expected["n"] = json!(3);
        assert_eq!(serde_json::to_value(report.preview(3)).expect("JSON"), expected);
    }

    #[test]
    fn a_schedule_may_make_chains() {
        let chain = Chain::new("trip")
            .client("nobody")
            .input(json!({"to": "Rome"}))
            .step(Step::new("book", "booking", "travel:v1"));
        let at = Timestamp::parse("2026-01-01T00:00:00Z").expect("an instant");
        let trip = Schedule::new("trips").every(3600).anchor_at(at).chain(chain);
        let expected = json!({
            "name": "trips", "interval_seconds": 3600, "anchor_at": "2026-01-01T00:00:00.000000Z",
            "chain": {
                "name": "trip", "input": {"to": "Rome"},
                "steps": [{"name": "book", "task_type": "booking", "capability_required": "travel:v1"}],
            },
        });
        assert_eq!(serde_json::to_value(&*trip).expect("JSON"), expected);
        let once = SubmitSchedule::from(Schedule::new("once").once(at));
        assert_eq!(once.run_at, Some(at));
    }
}
