//! What a schedule becomes by a change: its own fields, and the changed ones in their place.

use ains_core::schedule::Fires;
use ains_service::model::ScheduleView;

use super::{WAYS, whole};
use crate::json::Members;

/// The fields of a task that a schedule makes.
pub(crate) const TASK: [&str; 13] = [
    "template_id",
    "task_type",
    "capability_required",
    "input_data",
    "priority",
    "timeout_seconds",
    "max_retries",
    "routing_strategy",
    "retry_policy",
    "timeout_policy",
    "min_trust",
    "heartbeat_timeout_seconds",
    "metadata",
];

/// The fields that have no default: with null they stay as they are.
const WITHOUT_DEFAULT: [&str; 3] = ["name", "client_id", "active"];

/// The body that would make `view` as `patch` wants it, without `active` unless that is changed; and what it makes, if
/// that is not changed.
pub(crate) fn merged(view: &ScheduleView, mut patch: Members) -> (Members, Option<Fires>) {
    let mut members = Members::of(&whole(view));
    let mut leave_out = |names: &[&str]| {
        for name in names {
            members.take(name);
        }
    };
    leave_out(&["active"]);
    let asks_a_task = TASK.iter().any(|name| patch.names(name));
    let is_kept = !asks_a_task && !patch.names("chain");
    // A template says what the task was made of so far, too.
    if is_kept || patch.gives("chain") || patch.gives("template_id") {
        leave_out(&TASK);
    }
    if is_kept || patch.gives("task_type") || patch.gives("template_id") {
        leave_out(&["chain"]);
    }
    if WAYS.iter().any(|way| patch.gives(way)) {
        leave_out(&WAYS);
        if !patch.gives("interval_seconds") {
            leave_out(&["anchor_at"]);
        }
    }
    for name in WITHOUT_DEFAULT {
        if !patch.gives(name) {
            patch.take(name);
        }
    }
    members.overlay(patch);
    (members, is_kept.then(|| view.definition.fires.clone()))
}
