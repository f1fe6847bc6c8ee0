//! What is wrong with the definition of a schedule: all of it, with the field.

use super::definition::{Fires, OnExcluded, ScheduleDefinition, Timing, limits};

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Fault {
    /// The field, as it is called on the wire: `interval_seconds`, `calendars[1]` …
    pub field: String,
    /// What is wrong with it, readable behind the field.
    pub message: String,
}

impl ScheduleDefinition {
    /// Whether it can be used. What a chain is made of is checked by [`chain::Definition::check`](crate::chain::Definition::check).
    ///
    /// # Errors
    /// All that is wrong; at least one thing.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fail = |field: &str, message: String| {
            faults.push(Fault {
                field: field.to_owned(),
                message,
            });
        };
        let mut within = |field: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                fail(field, format!("must be {least} to {most}"));
            }
        };
        if let Timing::Interval { seconds, .. } = self.timing {
            within("interval_seconds", seconds, limits::INTERVAL_SECONDS);
        }
        within("jitter_seconds", self.jitter_seconds, limits::JITTER_SECONDS);
        within(
            "catchup_window_seconds",
            self.catchup_window_seconds,
            limits::CATCHUP_WINDOW_SECONDS,
        );
        if let Fires::Task { task, .. } = &self.fires {
            for (field, value, range) in task.out_of_range() {
                within(field, value, range);
            }
            for field in task.missing() {
                fail(field, "is missing".to_owned());
            }
        }
        if self.max_runs == Some(0) {
            fail("max_runs", "must be at least 1".to_owned());
        }
        if self.pause_after_failures == Some(0) {
            fail("pause_after_failures", "must be at least 1".to_owned());
        }
        if let (Some(start), Some(end)) = (self.start_at, self.end_at)
            && end < start
        {
            fail("end_at", format!("is before start_at, {start}"));
        }
        if self.calendars.len() > limits::CALENDARS {
            fail("calendars", format!("at most {}", limits::CALENDARS));
        }
        for (index, used) in self.calendars.iter().enumerate() {
            let earlier = &self.calendars[..index];
            if earlier.iter().any(|other| other.calendar_id == used.calendar_id) {
                fail(
                    &format!("calendars[{index}]"),
                    format!("{} is named twice", used.calendar_id),
                );
            }
        }
        if self.on_excluded != OnExcluded::Skip
            && let Timing::Interval { seconds, .. } = self.timing
            && seconds < limits::MOVED_INTERVAL_SECONDS
        {
            fail(
                "on_excluded",
                format!(
                    "slots of an interval below {} seconds are not moved, only skipped",
                    limits::MOVED_INTERVAL_SECONDS
                ),
            );
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}
