//! Keys: checked wishes in, keys out.

use std::time::Duration;

use ains_api::{ApiKey, CreateKey, KeyAnswer, KeyCreated, KeyRotated, KeyUsage, PatchKey, ProtectedTest};
use ains_core::key::{KeyChange, limits};
use ains_core::{AgentId, ClientId, KeyId, Scope, Scopes, Timestamp};
use ains_service as service;
use ains_service::model::{KeyMade, NewKey, Principal, StoredKey};

use chrono::DateTime;

use super::at;
use crate::json::Faults;

/// What is said with a secret.
const WARNING: &str = "Store this API key securely. It will not be shown again.";

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Checks a key to be made; `client` is whom the caller's key is bound to.
pub(crate) fn new(sent: CreateKey, client: Option<&ClientId>, faults: &mut Faults) -> Option<NewKey> {
    let named = faults.parse_opt::<ClientId>("/client_id", sent.client_id.as_deref());
    let agent = faults.parse_opt::<AgentId>("/agent_id", sent.agent_id.as_deref());
    let name = faults.label("/name", sent.name);
    let description = faults.text_opt("/description", sent.description);
    let scopes = scopes("/scopes", &sent.scopes, faults);
    let per_minute = limit(
        "/rate_limit_per_minute",
        sent.rate_limit_per_minute
            .unwrap_or(Some(limits::DEFAULT_PER_MINUTE.into())),
        &limits::PER_MINUTE,
        faults,
    );
    let per_hour = limit(
        "/rate_limit_per_hour",
        sent.rate_limit_per_hour
            .unwrap_or(Some(limits::DEFAULT_PER_HOUR.into())),
        &limits::PER_HOUR,
        faults,
    );
    let days = faults.within_opt::<u32>("/expires_in_days", sent.expires_in_days, &limits::EXPIRES_IN_DAYS);
    let (client, agent, scopes) = (named?.or_else(|| client.cloned()), agent?, scopes?);
    if client.is_none() && agent.is_none() && !scopes.is_admin() {
        faults.add("/client_id", "is missing; only an admin's key is bound to nobody");
    }
    if agent.is_some() && !Scopes::OF_AGENTS.cover(scopes) {
        let allowed = Scopes::OF_AGENTS;
        faults.add(
            "/scopes",
            format!("of a key that is bound to an agent are among {allowed}"),
        );
    }
    Some(NewKey {
        name: name?,
        description: description?,
        client,
        agent,
        scopes,
        per_minute: per_minute?,
        per_hour: per_hour?,
        expires_in: days?.map(|days| Duration::from_secs(u64::from(days) * DAY)),
    })
}

/// Checks what is to be changed about a key.
pub(crate) fn change(sent: PatchKey, faults: &mut Faults) -> Option<KeyChange> {
    let name = match sent.name {
        None => Some(None),
        Some(name) => faults.label("/name", name).map(Some),
    };
    let description = match sent.description {
        None => Some(None),
        Some(text) => faults.text_opt("/description", text).map(Some),
    };
    let scopes = match sent.scopes {
        None => Some(None),
        Some(words) => scopes("/scopes", &words, faults).map(Some),
    };
    let mut limit = |at, sent: Option<Option<i64>>, range| match sent {
        None => Some(None),
        Some(sent) => limit(at, sent, range, faults).map(Some),
    };
    let per_minute = limit(
        "/rate_limit_per_minute",
        sent.rate_limit_per_minute,
        &limits::PER_MINUTE,
    );
    let per_hour = limit(
        "/rate_limit_per_hour",
        sent.rate_limit_per_hour,
        &limits::PER_HOUR,
    );
    Some(KeyChange {
        name: name?,
        description: description?,
        scopes: scopes?,
        per_minute: per_minute?,
        per_hour: per_hour?,
        active: sent.active,
    })
}

/// Seconds for which the secret before a rotation is good yet.
pub(crate) fn grace(sent: Option<i64>, faults: &mut Faults) -> Option<Duration> {
    let default = limits::DEFAULT_GRACE_SECONDS;
    let seconds = faults.within_or("/grace_seconds", sent, &limits::GRACE_SECONDS, default);
    seconds.map(|seconds| Duration::from_secs(seconds.into()))
}

#[expect(
    clippy::option_option,
    reason = "the outer option is the verdict, as in every check"
)]
fn limit(
    at: &str,
    sent: Option<i64>,
    range: &std::ops::RangeInclusive<u32>,
    faults: &mut Faults,
) -> Option<Option<u32>> {
    faults.within_opt(at, sent, range)
}

fn scopes(at: &str, words: &[String], faults: &mut Faults) -> Option<Scopes> {
    let named = faults.parse_all::<Scopes>(at, words)?;
    let all = named.iter().flat_map(|scopes| scopes.iter());
    Some(all.fold(Scopes::NONE, Scopes::with))
}

fn words(scopes: Scopes) -> Vec<String> {
    scopes.iter().map(|scope: Scope| scope.to_string()).collect()
}

/// A key that was made, with what opens it.
pub(crate) fn made(made: KeyMade) -> KeyCreated {
    let KeyMade { key, secret } = made;
    KeyCreated {
        key_id: key.id.to_string(),
        api_key: secret,
        client_id: key.client.map(Into::into),
        agent_id: key.agent.map(Into::into),
        name: key.name,
        scopes: words(key.scopes),
        rate_limit_per_minute: key.per_minute.map(i64::from),
        rate_limit_per_hour: key.per_hour.map(i64::from),
        expires_at: key.expires_at.map(at),
        created_at: at(key.created_at),
        warning: WARNING.to_owned(),
    }
}

/// A key.
pub(crate) fn whole(stored: StoredKey) -> ApiKey {
    let StoredKey { key, last_used_at } = stored;
    ApiKey {
        key_id: key.id.to_string(),
        active: key.active && key.revoked_at.is_none(),
        client_id: key.client.map(Into::into),
        agent_id: key.agent.map(Into::into),
        name: key.name,
        description: key.description,
        scopes: words(key.scopes),
        rate_limit_per_minute: key.per_minute.map(i64::from),
        rate_limit_per_hour: key.per_hour.map(i64::from),
        created_at: at(key.created_at),
        expires_at: key.expires_at.map(at),
        revoked_at: key.revoked_at.map(at),
        last_used_at: last_used_at.map(at),
    }
}

/// What became of a key.
pub(crate) fn answer(id: KeyId, message: &str) -> KeyAnswer {
    KeyAnswer {
        key_id: id.to_string(),
        message: message.to_owned(),
    }
}

/// A key with another secret.
pub(crate) fn rotated(made: KeyMade, previous_until: Timestamp) -> KeyRotated {
    KeyRotated {
        key_id: made.key.id.to_string(),
        api_key: made.secret,
        previous_until: at(previous_until),
    }
}

/// What a key was used for in so many hours.
pub(crate) fn usage(stored: StoredKey, hours: u32, usage: &service::KeyUsage) -> KeyUsage {
    let count = |requests: u64| i64::try_from(requests).unwrap_or(i64::MAX);
    let hour = |at: &Timestamp| {
        let hour = DateTime::from_timestamp_micros(at.as_micros()).unwrap_or_default();
        hour.format("%Y-%m-%d %H:00").to_string()
    };
    let StoredKey { key, last_used_at } = stored;
    KeyUsage {
        key_id: key.id.to_string(),
        client_id: key.client.map(Into::into),
        period_hours: hours.into(),
        total_requests: count(usage.total()),
        rate_limit_per_minute: key.per_minute.map(i64::from),
        rate_limit_per_hour: key.per_hour.map(i64::from),
        hourly_usage: usage
            .hours
            .iter()
            .map(|(at, requests)| (hour(at), count(*requests)))
            .collect(),
        last_used_at: last_used_at.max(usage.seen_at).map(at),
    }
}

/// Whom a key is for.
pub(crate) fn whom(principal: &Principal) -> ProtectedTest {
    ProtectedTest {
        message: "Authentication successful!".to_owned(),
        client_id: principal.client.as_ref().map(ToString::to_string),
        key_name: principal.name.clone(),
        scopes: words(principal.scopes),
    }
}
