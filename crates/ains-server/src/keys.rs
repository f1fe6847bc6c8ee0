//! `ains-server key …`: keys, from the command line.

use ains_core::{Clock as _, Key};
use ains_service::model::StoredKey;
use ains_service::{Keychain, SystemClock};
use ains_store::Store;

use crate::config::KeyCommand;
use crate::screen;

/// Does with the keys in `store` what the operator wants. What opens a key goes to standard output alone, on a line of its
/// own, so that a script can take it.
///
/// # Errors
/// When it cannot be done; nothing has changed then.
pub(crate) fn run(store: Store, command: KeyCommand) -> anyhow::Result<()> {
    let (keychain, now) = (Keychain::of(store), SystemClock.now());
    match command {
        KeyCommand::Create(new) => {
            let made = keychain.create(new, now)?;
            screen::line(&made.secret);
            screen::remark(format_args!(
                "{} is made. Keep what opens it: it is shown only this once.",
                described(&made.key)
            ));
        }
        KeyCommand::List(filter) => {
            for StoredKey { key, last_used_at } in keychain.list(&filter)? {
                let used = last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("used {at}"));
                let standing = standing(&key, now);
                screen::line(format_args!("{}, {standing}, {used}", described(&key)));
            }
        }
        KeyCommand::Revoke(id) => {
            let revoked = keychain.revoke(id, now)?;
            screen::remark(format_args!("{} is revoked.", described(&revoked)));
        }
        KeyCommand::Rotate(id, grace) => {
            let (made, until) = keychain.rotate(id, grace, now)?;
            screen::line(&made.secret);
            screen::remark(format_args!(
                "{} has another secret; the one before is good until {until}.",
                described(&made.key)
            ));
        }
    }
    Ok(())
}

fn described(key: &Key) -> String {
    let client = key.client.as_ref().map(|client| format!(" of client {client}"));
    let agent = key.agent.as_ref().map(|agent| format!(" of agent {agent}"));
    format!(
        "{} `{}`{}{} [{}]",
        key.id,
        key.name,
        client.unwrap_or_default(),
        agent.unwrap_or_default(),
        key.scopes
    )
}

fn standing(key: &Key, now: ains_core::Timestamp) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if at <= now => format!("expired {at}"),
        _ if !key.active => "switched off".to_owned(),
        (None, Some(at)) => format!("good until {at}"),
        (None, None) => "good".to_owned(),
    }
}
