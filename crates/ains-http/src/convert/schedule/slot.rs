//! The slots of schedules, and what will come of them.

use ains_api::{Backfilled, PreviewSlot, RunNow, SchedulePreview, Slot, Word};
use ains_core::schedule::{SlotKind, SlotState};
use ains_service::model::{Preview, Run, Steered, StoredSlot};

use crate::convert::at;

/// What became of a slot.
pub(crate) fn slot(slot: StoredSlot) -> Slot {
    let (task_id, chain_id) = made(slot.run);
    Slot {
        slot_id: slot.id.into(),
        slot_at: at(slot.slot_at),
        until: slot.until.map(at),
        count: slot.count,
        kind: Word::Borrowed(slot.kind.as_str()),
        state: Word::Borrowed(slot.state.as_str()),
        reason: slot.reason,
        task_id,
        chain_id,
        fired_at: slot.fired_at.map(at),
        ended_at: slot.ended_at.map(at),
        outcome: slot.outcome.map(|status| Word::Borrowed(status.as_str())),
    }
}

/// The task that a slot made, and the chain.
fn made(run: Option<Run>) -> (Option<String>, Option<String>) {
    match run {
        None => (None, None),
        Some(Run::Task(task)) => (Some(task.into()), None),
        Some(Run::Chain(chain)) => (None, Some(chain.into())),
    }
}

/// What became of a run now.
pub(crate) fn ran_now(steered: &Steered) -> RunNow {
    let mut asked = steered.slots.iter().rev();
    let Some(slot) = asked.find(|slot| slot.kind == SlotKind::RunNow) else {
        return RunNow::default();
    };
    let (task_id, chain_id) = made(slot.run);
    let message = match (slot.state, slot.run) {
        (SlotState::Fired, Some(Run::Chain(_))) => "Chain triggered successfully",
        (SlotState::Fired, _) => "Task triggered successfully",
        (SlotState::Buffered, _) => "The run waits",
        (SlotState::Skipped | SlotState::Missed | SlotState::Dropped, _) => "The run was not wanted",
    };
    RunNow {
        message: Word::Borrowed(message),
        schedule_id: steered.view.id.into(),
        task_id,
        chain_id,
        slot_id: slot.id.into(),
        slot_at: at(slot.slot_at),
        state: Word::Borrowed(slot.state.as_str()),
        reason: slot.reason.clone(),
    }
}

/// The answer to a backfill.
pub(crate) fn backfilled(steered: &Steered) -> Backfilled {
    let count = |state: SlotState| {
        let slots = steered.slots.iter().filter(|slot| slot.state == state);
        slots.map(|slot| slot.count).sum()
    };
    Backfilled {
        schedule_id: steered.view.id.into(),
        slots: steered.slots.iter().cloned().map(slot).collect(),
        fired: count(SlotState::Fired),
        buffered: count(SlotState::Buffered),
        skipped: count(SlotState::Skipped),
        dropped: count(SlotState::Dropped),
    }
}

/// What will come of a schedule.
pub(crate) fn preview(preview: Preview) -> SchedulePreview {
    let slots = preview.entries.into_iter().map(|entry| PreviewSlot {
        slot_at: at(entry.slot_at),
        local: entry.local,
        note: entry.note,
        fires_at: entry.fires_at.map(at),
        until: entry.until.map(at),
        count: entry.excluded.is_some().then_some(entry.count),
        excluded: entry.excluded,
    });
    SchedulePreview {
        description: preview.description,
        slots: slots.collect(),
    }
}
