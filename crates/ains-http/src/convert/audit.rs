//! Entries of the audit log.

use ains_core::AuditEvent;
use ains_service::model::AuditEntry;
use serde_json::json;

use super::{at, count, json as document};

/// An entry.
pub(crate) fn entry(entry: AuditEntry) -> ains_api::AuditEntry {
    let (resource_type, resource_id) = entry.resource.unzip();
    let extra_metadata = match entry.last_action {
        Some(last_action) => json!({"last_action": last_action, "last_at": at(entry.last_at)}).into(),
        None => document(entry.metadata),
    };
    ains_api::AuditEntry {
        id: entry.id.to_string(),
        event_type: AuditEvent::as_str(entry.event).into(),
        action: entry.action,
        client_id: entry.client.map(Into::into),
        key_id: entry.key.map(Into::into),
        agent_id: entry.agent.map(Into::into),
        resource_type,
        resource_id,
        success: entry.success,
        error_message: entry.error,
        extra_metadata,
        ip_address: entry.address,
        request_id: entry.request,
        count: count(entry.count),
        created_at: at(entry.created_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_has_a_word_for_every_type() {
        let words = ains_api::AuditEventType::ALL.iter().map(|word| word.as_str());
        assert!(words.eq(AuditEvent::ALL.iter().map(|event| event.as_str())));
    }
}
