//! Calls about schedules: what is done again and again, and what became of it.

mod build;

use ains_api::{
    BackfillSchedule, Backfilled, PatchSchedule, PauseSchedule, PreviewQuery, PreviewSchedule, RunNow,
    ScheduleChanged, ScheduleCreated, ScheduleDeleted, ScheduleFilter, ScheduleList, SchedulePreview,
    ScheduleSummary, SlotList, SlotQuery, SubmitSchedule,
};
pub use build::Schedule;
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of a schedule, or of something about it.
fn path(schedule_id: &str, of: &str) -> String {
    format!("/ains/scheduled-tasks/{}{of}", segment(schedule_id))
}

impl Client {
    /// Creates a schedule: `POST /ains/scheduled-tasks`. A [`Schedule`] is a way to write one.
    ///
    /// ```no_run
    /// use ains_client::{Client, Schedule};
    /// use serde_json::json;
    ///
    /// # async fn example(client: Client) -> Result<(), ains_client::Error> {
    /// let report = Schedule::new("nightly report")
    ///     .client("me")
    ///     .cron("30 2 * * MON-FRI")
    ///     .timezone("Europe/Berlin")
    ///     .task("report", "text:v1")
    ///     .input(json!({"of": "yesterday"}));
    /// for slot in client.preview_schedule(&report.preview(3)).await?.slots {
    ///     println!("it will run at {}", slot.local);
    /// }
    /// let created = client.create_schedule(&report).await?;
    /// println!("next at {:?}", created.next_run_at);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the cron expression or the time zone means nothing, or there is no slot from now on (400); if anything else in it
    /// is refused (422, with every fault), a calendar does not exist (404), or the call fails.
    pub async fn create_schedule(&self, schedule: &SubmitSchedule) -> Result<ScheduleCreated, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/scheduled-tasks").keyed(self.idempotency_key()),
            schedule,
        )
        .await
    }

    /// Looks which slots a schedule would have that does not exist yet: `POST /ains/scheduled-tasks/preview`.
    ///
    /// # Errors
    ///
    /// As [`create_schedule`](Self::create_schedule), but for what it makes, which is not looked at.
    pub async fn preview_schedule(&self, schedule: &PreviewSchedule) -> Result<SchedulePreview, Error> {
        let call = Call::repeatable(Method::POST, "/ains/scheduled-tasks/preview");
        self.call_with(call, schedule).await
    }

    /// Reads a schedule: `GET /ains/scheduled-tasks/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such schedule (404), or the call fails.
    pub async fn schedule(&self, schedule_id: &str) -> Result<ains_api::Schedule, Error> {
        self.call(Call::get(path(schedule_id, ""))).await
    }

    /// Reads one page of schedules, newest first: `GET /ains/scheduled-tasks`. Those that are paused or have ended are not
    /// among them, unless the filter says so.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn schedules(&self, filter: &ScheduleFilter) -> Result<ScheduleList, Error> {
        self.call_with_query(Call::get("/ains/scheduled-tasks"), filter)
            .await
    }

    /// Changes a schedule: `PATCH /ains/scheduled-tasks/{id}`. A field is left as it is (`None`), put back to its default
    /// (`Some(None)`), or set.
    ///
    /// # Errors
    ///
    /// As [`create_schedule`](Self::create_schedule); and if it is to go on and has ended (409), or is not there (404).
    pub async fn patch_schedule(
        &self,
        schedule_id: &str,
        patch: &PatchSchedule,
    ) -> Result<ScheduleChanged, Error> {
        self.call_with(Call::repeatable(Method::PATCH, path(schedule_id, "")), patch)
            .await
    }

    /// Removes a schedule with the records of its slots: `DELETE /ains/scheduled-tasks/{id}`. What it made goes on.
    ///
    /// # Errors
    ///
    /// If there is no such schedule (404), or the call fails.
    pub async fn delete_schedule(&self, schedule_id: &str) -> Result<ScheduleDeleted, Error> {
        self.call(Call::once(Method::DELETE, path(schedule_id, ""))).await
    }

    /// Runs a schedule now: `POST /ains/scheduled-tasks/{id}/run-now`. If an earlier run is unfinished, this one may wait:
    /// then neither a task nor a chain is named, and the state is `buffered`.
    ///
    /// # Errors
    ///
    /// If an earlier run is unfinished and in the way (409), there is no such schedule (404), or the call fails.
    pub async fn run_schedule(&self, schedule_id: &str) -> Result<RunNow, Error> {
        let call = Call::once(Method::POST, path(schedule_id, "/run-now"));
        self.call(call.keyed(self.idempotency_key())).await
    }

    /// Pauses a schedule: `POST /ains/scheduled-tasks/{id}/pause`. Its slots do not fire, and are not missed either.
    ///
    /// # Errors
    ///
    /// If there is no such schedule (404), or the call fails.
    pub async fn pause_schedule(
        &self,
        schedule_id: &str,
        reason: Option<&str>,
    ) -> Result<ScheduleSummary, Error> {
        let body = PauseSchedule {
            reason: reason.map(str::to_owned),
        };
        self.call_with(Call::repeatable(Method::POST, path(schedule_id, "/pause")), &body)
            .await
    }

    /// Lets the slots of a paused schedule fire again, from now on: `POST /ains/scheduled-tasks/{id}/resume`.
    ///
    /// # Errors
    ///
    /// If the schedule has ended (409), is not there (404), or the call fails.
    pub async fn resume_schedule(&self, schedule_id: &str) -> Result<ScheduleSummary, Error> {
        self.call(Call::repeatable(Method::POST, path(schedule_id, "/resume")))
            .await
    }

    /// Lets slots of the past fire that did not: `POST /ains/scheduled-tasks/{id}/backfill`. Those that fired are left alone.
    ///
    /// # Errors
    ///
    /// If there are more than 1,000 in that time, or it is refused otherwise (422), there is no such schedule (404), or the
    /// call fails.
    pub async fn backfill_schedule(
        &self,
        schedule_id: &str,
        backfill: &BackfillSchedule,
    ) -> Result<Backfilled, Error> {
        let call = Call::once(Method::POST, path(schedule_id, "/backfill"));
        self.call_with(call.keyed(self.idempotency_key()), backfill).await
    }

    /// Reads one page of what became of the slots of a schedule, newest first: `GET /ains/scheduled-tasks/{id}/slots`.
    ///
    /// # Errors
    ///
    /// If the query is refused (422), there is no such schedule (404), or the call fails.
    pub async fn schedule_slots(&self, schedule_id: &str, query: &SlotQuery) -> Result<SlotList, Error> {
        self.call_with_query(Call::get(path(schedule_id, "/slots")), query)
            .await
    }

    /// Looks which slots a schedule has, paused or not: `GET /ains/scheduled-tasks/{id}/preview`.
    ///
    /// # Errors
    ///
    /// If the query is refused (422), there is no such schedule (404), or the call fails.
    pub async fn schedule_preview(
        &self,
        schedule_id: &str,
        query: &PreviewQuery,
    ) -> Result<SchedulePreview, Error> {
        self.call_with_query(Call::get(path(schedule_id, "/preview")), query)
            .await
    }
}
