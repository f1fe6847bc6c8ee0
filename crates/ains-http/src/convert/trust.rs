//! Changes of trust.

use ains_service::model::TrustRecord;

use super::at;

/// One change.
pub(crate) fn record(record: TrustRecord) -> ains_api::TrustRecord {
    ains_api::TrustRecord {
        record_id: record.id.to_string(),
        event_type: record.event,
        trust_delta: record.delta,
        trust_score_before: record.before,
        trust_score_after: record.after,
        reason: record.reason,
        task_id: record.task.map(|task| task.to_string()),
        created_at: at(record.created_at),
    }
}
