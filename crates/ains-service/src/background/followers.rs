//! Those who follow what happens: handing on what every server stored, and forgetting what is old.

use std::time::Duration;

use ains_core::Timestamp;
use ains_store::{Backend, events};
use tokio::task::JoinHandle;

use super::{every, peers};
use crate::ains::Ains;
use crate::error::Error;

/// Rows that are read, and handed on, at once.
const ROWS: i64 = 64;

/// Rows that are given positions at once.
const NUMBERED: u32 = 1000;

/// Pause between two looks, so that what happens meanwhile is handed on together.
const PAUSE: Duration = Duration::from_millis(5);

/// How often old rows are removed.
const FORGET: Duration = Duration::from_secs(10);

/// Rows that are removed at once; one holds what a transaction told.
const PIECE: i64 = 100;

/// What is stored only because somebody follows is kept for so long.
const LEAST_KEPT: Duration = Duration::from_secs(60);

/// Starts both; on SQLite the writer hands on what it has told itself.
pub(super) fn start(ains: &Ains) -> Vec<JoinHandle<()>> {
    let mut handles = vec![every(ains, FORGET, |ains| async move { forget(&ains).await })];
    if ains.inner.store.backend() == Backend::Postgres {
        handles.push(tokio::spawn(hand_on(ains.clone())));
    }
    handles
}

/// Looks for what was stored: when it is told so, and every second.
async fn hand_on(ains: Ains) {
    let mut stopping = ains.inner.stopping.subscribe();
    let feed = &ains.engine().feed;
    let mut said = Timestamp::from_micros(0);
    loop {
        let followed = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = feed.stored.notified() => false,
            () = feed.followed.notified() => true,
            () = tokio::time::sleep(peers::RECHECK) => false,
        };
        let now = ains.now();
        if feed.hub.followers() > 0 && (followed || now.since(said) >= peers::RECHECK || now < said) {
            // Others are to store what happens, and to say so.
            said = now;
            ains.engine().lock().news.follows = true;
            ains.engine().news.notify_one();
        }
        loop {
            match look(&ains).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what happened was not handed on"
                    );
                    break;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hands on some of what is stored; whether there may be more.
async fn look(ains: &Ains) -> Result<bool, Error> {
    let feed = &ains.engine().feed;
    let is_followed = feed.hub.followers() > 0;
    let after = feed.hub.position();
    let (numbered, told, last) = ains
        .read(move |conn| {
            let numbered = conn.transact(|conn| events::number(conn, NUMBERED))?;
            let told = if is_followed {
                events::from(conn, after + 1, ROWS)?
            } else {
                Vec::new()
            };
            Ok((numbered, told, events::last_position(conn)?))
        })
        .await?;
    let more = numbered == NUMBERED as usize || told.len() == usize::try_from(ROWS).unwrap_or(usize::MAX);
    if is_followed {
        feed.read(told);
    } else {
        feed.hub.begin_at(last);
    }
    Ok(more)
}

/// Removes what is not kept any longer, in pieces.
async fn forget(ains: &Ains) -> Result<(), Error> {
    let kept = ains.inner.machine.settings.event_retention.max(LEAST_KEPT);
    loop {
        let removed = ains
            .write(move |tx| events::remove_before(tx.conn, tx.now - kept, PIECE).map(Ok))
            .await?;
        if removed == 0 {
            return Ok(());
        }
    }
}
