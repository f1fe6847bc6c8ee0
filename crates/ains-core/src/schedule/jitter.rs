//! How much later than its nominal instant a slot fires.

use std::time::Duration;

use crate::ids::{ScheduleId, spread};
use crate::time::Timestamp;

/// When the slot at `slot_at` fires: up to `most` later, and before `next_at`, the slot after it.
///
/// It depends on the schedule and the slot only, so that servers, and one before and after a restart, agree.
pub(super) fn due(
    id: ScheduleId,
    slot_at: Timestamp,
    next_at: Option<Timestamp>,
    most: Duration,
) -> Timestamp {
    let most = next_at.map_or(most, |next| most.min(next.since(slot_at)));
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    if most == 0 {
        return slot_at;
    }
    slot_at + Duration::from_micros(hash(id, slot_at) % most)
}

/// Even bits of a schedule and a slot.
fn hash(id: ScheduleId, slot_at: Timestamp) -> u64 {
    let id = id.to_string();
    spread(id.bytes().chain(slot_at.as_micros().to_le_bytes()))
}
