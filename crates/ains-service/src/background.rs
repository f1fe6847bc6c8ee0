//! Background work: the timer, signs of life, other servers, webhooks, housekeeping.
//!
//! Nothing here polls in a tight loop: the timer sleeps until the next stored instant or until
//! one comes nearer; the rest look at intervals of a second or more, and mostly at memory.

mod followers;
mod peers;
mod questions;
mod webhooks;

pub(crate) use self::peers::reread;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ains_core::Timestamp;
use ains_store::Backend;
use ains_store::agents::Sign;
use ains_store::{agents, counters, idempotency, nodes, schedules, slots, tasks};
use tokio::task::JoinHandle;

use crate::ains::Ains;
use crate::audit::SOON;
use crate::batch::minute;
use crate::batch::once::WINDOW;
use crate::cleanup::DELIVERIES_KEPT;
use crate::error::Error;
use crate::metrics::Repair;
use crate::usage;

/// How often a server says that it lives.
const BEAT: Duration = Duration::from_secs(2);

/// Without a sign for so long, a server counts as dead.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(6);

/// How often signs of life of agents are written, if there are any that are worth it.
const SIGNS: Duration = Duration::from_secs(1);

/// How often the directory is told what changed where nobody looks into it, so that whoever does next need not wait.
const NOTES: Duration = Duration::from_secs(1);

/// Longest sleep of the timer: another server may have died with instants that it watched, or the clock jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How long the timer goes by what is in memory where there is no other server.
const LONGEST_WITHOUT_LOOK: Duration = Duration::from_mins(1);

/// Pause before instants that could not be judged are looked at again.
const PAUSE: Duration = Duration::from_secs(1);

/// Pause before schedules that another server works on are looked at again.
const SHORT_PAUSE: Duration = Duration::from_millis(20);

/// How often old rows are removed.
const HOUSEKEEPING: Duration = Duration::from_mins(10);

/// How often what ended is looked through within the time for which it is kept.
const LOOKS: u32 = 10;

/// How often it is looked through at most.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Of so many looks for what was refused, one is for all of it: every five seconds.
const LOOKS_FOR_ALL: u32 = 10;

/// Rows that one piece of housekeeping removes.
const PIECE: i64 = 500;

/// Starts all of it.
pub(crate) fn start(ains: &Ains) -> Vec<JoinHandle<()>> {
    let mut handles = vec![
        tokio::spawn(timer(ains.clone())),
        tokio::spawn(questions::answer(ains.clone())),
        every(ains, SIGNS, |ains| async move { store_signs(&ains).await }),
        every(
            ains,
            usage::INTERVAL,
            |ains| async move { ains.store_usage().await },
        ),
        refusals(ains),
        every(ains, BEAT, |ains| async move { beat(&ains).await }),
        every(ains, NOTES, |ains| async move {
            ains.engine().tell_directory();
            Ok(())
        }),
        every(
            ains,
            HOUSEKEEPING,
            |ains| async move { housekeeping(&ains).await },
        ),
    ];
    if let Some(kept) = ains.inner.machine.settings.task_retention {
        let interval = (kept / LOOKS).clamp(SHORTEST_INTERVAL, HOUSEKEEPING);
        handles.push(every(ains, interval, move |ains| async move {
            remove_ended(&ains, kept).await
        }));
    }
    handles.push(every(ains, peers::RECHECK, |ains| async move {
        peers::recheck(&ains).await
    }));
    handles.extend(peers::start(ains));
    handles.extend(followers::start(ains));
    handles.extend(webhooks::start(ains));
    handles
}

/// Runs `work` at intervals until the service stops.
fn every<F>(ains: &Ains, interval: Duration, work: impl Fn(Ains) -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let ains = ains.clone();
    tokio::spawn(async move {
        let mut stopping = ains.inner.stopping.subscribe();
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = work(ains.clone()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "background work failed");
            }
        }
    })
}

/// Writes what was refused: for the first time at every look, and all of it at every [`LOOKS_FOR_ALL`]th.
fn refusals(ains: &Ains) -> JoinHandle<()> {
    let looks = AtomicU32::new(0);
    every(ains, SOON, move |ains| {
        let everything = looks
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(LOOKS_FOR_ALL);
        async move { ains.write_refusals(everything).await }
    })
}

/// Sleeps until an instant comes, then judges what it says.
async fn timer(ains: Ains) {
    let mut stopping = ains.inner.stopping.subscribe();
    let mut looked_at = ains.now();
    loop {
        let next = ains.engine().lock().next_instant;
        let sleep = next.map_or(LONGEST_SLEEP, |at| at.since(ains.now()).min(LONGEST_SLEEP));
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = ains.engine().timer.notified() => continue,
            () = tokio::time::sleep(sleep) => {}
        }
        let now = ains.now();
        let alone = !ains.inner.machine.has_peers.load(Ordering::Relaxed);
        let longest = if alone {
            LONGEST_WITHOUT_LOOK
        } else {
            LONGEST_SLEEP
        };
        // The clock may have jumped meanwhile, so memory is looked at often.
        if next.is_none_or(|at| at > now) && now.since(looked_at) < longest && looked_at <= now {
            continue;
        }
        looked_at = now;
        let is_told = next.is_some_and(|at| at <= now);
        if let Err(error) = judge(&ains, is_told).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the timer could not look"
            );
            // What was known has been forgotten.
            let machine = &ains.inner.machine;
            machine.note_instant(&mut machine.engine.lock(), Some(ains.now() + PAUSE));
        }
    }
}

/// Judges what has come due, then looks when the next instant is. What is due and could not be judged, because others
/// work on it or because it is too early to judge, is looked at again after a pause. What is long due although no instant
/// told so was missed.
async fn judge(ains: &Ains, is_told: bool) -> Result<(), Error> {
    // Forgotten first, so that what is noted meanwhile is not lost.
    ains.engine().lock().next_instant = None;
    let began = ains.now();
    let swept = ains.sweep().await?;
    if !is_told {
        let missed = usize::try_from(swept.late).unwrap_or(usize::MAX);
        ains.metrics().repaired(Repair::Instant, missed);
    }
    let (tasks, schedules) = ains
        .read(|conn| {
            let tasks = [tasks::next_instant(conn)?, agents::next_silence(conn)?];
            Ok((tasks.into_iter().flatten().min(), schedules::next_due(conn)?))
        })
        .await?;
    let now = ains.now();
    let machine = &ains.inner.machine;
    machine.is_behind(
        swept.schedules > 0 && schedules.is_some_and(|at| at <= began),
        began,
    );
    let after = |at: Option<Timestamp>, judged: u64, pause: Duration| {
        at.map(|at| if judged > 0 { at } else { at.max(now + pause) })
    };
    let next = [
        after(tasks, swept.tasks, PAUSE),
        after(schedules, swept.schedules, SHORT_PAUSE),
    ];
    machine.note_instant(&mut machine.engine.lock(), next.into_iter().flatten().min());
    Ok(())
}

/// Writes the signs of life that are worth it.
pub(crate) async fn store_signs(ains: &Ains) -> Result<(), Error> {
    let signs: Vec<Sign> = {
        let mut state = ains.engine().lock();
        // A claim that waits is a sign of life too.
        let now = ains.now();
        for agent in state.waiting.clone() {
            state.sign(&agent, now, false);
        }
        let unstored = std::mem::take(&mut state.unstored_signs);
        unstored
            .into_iter()
            .filter_map(|agent| {
                let known = state.roster.get_mut(&agent)?;
                let silent_at = known.stored();
                Some(Sign {
                    agent_id: agent,
                    last_seen_at: known.last_seen.as_micros(),
                    silent_at: silent_at.as_micros(),
                    last_heartbeat_at: known.last_heartbeat.map(Timestamp::as_micros),
                    last_assigned_at: known.last_assigned.map(Timestamp::as_micros),
                })
            })
            .collect()
    };
    if signs.is_empty() {
        return Ok(());
    }
    match ains.inner.store.backend() {
        Backend::Sqlite => {
            ains.write(move |tx| agents::save_signs(tx.conn, &signs).map(Ok))
                .await
        }
        // In a transaction of its own: many agents locked before those of a batch are would make
        // servers wait for each other.
        Backend::Postgres => {
            ains.read(move |conn| conn.transact(|conn| agents::save_signs(conn, &signs)))
                .await
        }
    }
}

/// Says that this server lives, and looks who else does.
async fn beat(ains: &Ains) -> Result<(), Error> {
    let node = ains.inner.node.clone();
    let now = ains.now();
    let own = node.node_id.clone();
    let (held, nodes) = ains
        .write(move |tx| Ok(Ok((nodes::beat(tx.conn, &node, tx.now)?, nodes::all(tx.conn)?))))
        .await?;
    if !held {
        tracing::warn!("another server has taken this server's place among the counters");
    }
    let alive = (now - DEAD_AFTER).as_micros();
    let peers = nodes
        .iter()
        .any(|node| node.node_id != own && node.seen_at >= alive);
    // Others can only be on PostgreSQL; on SQLite it is this server before a restart.
    let peers = peers && ains.inner.store.backend() == Backend::Postgres;
    ains.inner.machine.has_peers.store(peers, Ordering::Relaxed);
    Ok(())
}

/// Removes what nobody asks for any more, in pieces.
async fn housekeeping(ains: &Ains) -> Result<(), Error> {
    // An hour is shown; a day is kept, for whoever asks the database.
    let oldest = minute(ains.now()) - 24 * 60;
    ains.write(move |tx| counters::forget_before(tx.conn, oldest).map(Ok))
        .await?;
    loop {
        let removed = ains
            .write(|tx| idempotency::remove_before(tx.conn, tx.now - WINDOW, PIECE).map(Ok))
            .await?;
        if removed == 0 {
            break;
        }
    }
    ains.remove_old_usage(PIECE).await?;
    let kept = ains.inner.machine.settings.slot_retention;
    loop {
        let removed = ains
            .write(move |tx| slots::remove_before(tx.conn, tx.now - kept, PIECE).map(Ok))
            .await?;
        if removed == 0 {
            break;
        }
    }
    let kept = ains.inner.machine.settings.task_retention;
    let kept = kept.map_or(DELIVERIES_KEPT, |kept| kept.min(DELIVERIES_KEPT));
    ains.remove_deliveries(ains.now() - kept).await?;
    if let Some(kept) = ains.inner.machine.settings.audit_retention {
        ains.remove_audit_log(ains.now() - kept).await?;
    }
    Ok(())
}

/// Removes what ended longer than `kept` ago.
async fn remove_ended(ains: &Ains, kept: Duration) -> Result<(), Error> {
    let before = ains.now() - kept;
    match ains.remove_older(before).await {
        Ok(done) if done.tasks > 0 => tracing::info!(tasks = done.tasks, "removed what ended long ago"),
        Ok(_) | Err(Error::Stopping) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
