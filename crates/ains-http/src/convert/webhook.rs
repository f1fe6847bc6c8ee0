//! Webhooks: checked registrations in, webhooks and deliveries out.

use ains_api::{SubmitWebhook, Webhook, WebhookDelivery};
use ains_core::ClientId;
use ains_core::webhook::{self, DeliveryState, MAX_PATTERNS, MAX_URL, Pattern, Secret};
use ains_service::model::{NewWebhook, StoredDelivery, WebhookMade};

use super::at;
use crate::json::Faults;

/// Checks a registration; `client` is whom the key is bound to.
pub(crate) fn new(sent: SubmitWebhook, client: Option<&ClientId>, faults: &mut Faults) -> Option<NewWebhook> {
    let owner = match sent.agent_id {
        Some(named) => faults.parse("/agent_id", &named),
        None => client.cloned(),
    };
    if owner.is_none() && faults.is_empty() {
        faults.add("/agent_id", "is missing");
    }
    if sent.url.len() > MAX_URL {
        faults.add("/url", format!("must have at most {MAX_URL} bytes"));
    }
    let url = faults.text("/url", sent.url);
    let events = events(&sent.events, faults);
    let secret = secret(sent.secret.as_deref(), faults);
    Some(NewWebhook {
        owner: owner?,
        clients_only: client.is_some(),
        url: url?.into(),
        events: events?,
        secret: secret?,
    })
}

fn events(sent: &[String], faults: &mut Faults) -> Option<Vec<Pattern>> {
    if sent.is_empty() {
        faults.add("/events", "must have at least one element");
        return None;
    }
    if sent.len() > MAX_PATTERNS {
        faults.add("/events", format!("must have at most {MAX_PATTERNS} elements"));
        return None;
    }
    faults.parse_all("/events", sent)
}

/// Checks `/secret`; the outer option is the verdict.
#[expect(clippy::option_option, reason = "whether it is good, and whether it is there")]
pub(crate) fn secret(sent: Option<&str>, faults: &mut Faults) -> Option<Option<Secret>> {
    match sent.map(str::parse::<Secret>) {
        None => Some(None),
        Some(Ok(secret)) => Some(Some(secret)),
        // It does not repeat the secret, as other faults do.
        Some(Err(error)) => {
            faults.add("/secret", error.to_string());
            None
        }
    }
}

/// A webhook without its secret.
pub(crate) fn whole(hook: &webhook::Webhook) -> Webhook {
    Webhook {
        webhook_id: hook.id.to_string(),
        agent_id: hook.owner.to_string(),
        url: hook.url.to_string(),
        events: hook.events.iter().map(Pattern::to_string).collect(),
        active: hook.active,
        secret: None,
        previous_secret_until: hook.previous.as_ref().map(|(_, until)| at(*until)),
        created_at: at(hook.created_at),
        updated_at: at(hook.updated_at),
    }
}

/// A webhook with the secret that the server has made, if it has.
pub(crate) fn made(made: &WebhookMade) -> Webhook {
    Webhook {
        secret: made.secret.as_ref().map(|secret| secret.reveal().to_owned()),
        ..whole(&made.webhook)
    }
}

/// A delivery.
pub(crate) fn delivery(delivery: &StoredDelivery) -> WebhookDelivery {
    let delivered = delivery.state == DeliveryState::Delivered;
    WebhookDelivery {
        delivery_id: delivery.id.to_string(),
        webhook_id: delivery.webhook.to_string(),
        event_type: delivery.event_type.clone(),
        subject: delivery.subject.clone(),
        status: delivery.state.to_string(),
        attempt_count: delivery.attempt_count,
        response_code: delivery.response_code,
        error: delivery.error.clone(),
        created_at: at(delivery.created_at),
        delivered_at: delivery.ended_at.filter(|_| delivered).map(at),
    }
}
