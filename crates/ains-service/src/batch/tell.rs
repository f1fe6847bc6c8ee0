//! Telling what happened: events, in the transaction of what they tell of.
//!
//! Whether anybody is to hear of them is found out once a batch. If nobody is, they are only counted. `data` says what is
//! told of each noun.

mod data;

use std::sync::Arc;

use ains_core::agent::Agent;
use ains_core::webhook::body::{self, Told, ToldTask};
use ains_core::{AgentId, ChainStatus, ClientId, DeliveryId, Event, EventType, Task, Timestamp};
use ains_store::chains::StoredChain;
use ains_store::deliveries::{self, NewDelivery};
use ains_store::slots::StoredSlot;
use ains_store::tasks::Documents;
use ains_store::{Backend, StoreError, events};
use serde::Serialize;

use self::data::{AgentData, ChainData, SlotData, TaskData};
use super::{Batch, Tx};
use crate::entropy::mint;

/// The counter of the deliveries to webhooks that are stored.
pub(crate) const DELIVERIES: &str = "rows.webhook_deliveries";

/// Something to tell.
struct News<'a> {
    kind: EventType,
    subject: &'a str,
    client: Option<&'a ClientId>,
    agent: Option<&'a AgentId>,
    at: Timestamp,
    /// The task, if it happened to one.
    task: Option<ToldTask<'a>>,
}

impl Tx<'_> {
    /// Whether what happens is told to anybody.
    fn has_listeners(&self) -> bool {
        self.is_heard || !self.hooks.is_empty()
    }

    /// Tells of something, those who follow and those who want to be called.
    fn tell(&mut self, news: &News<'_>, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".to_owned());
        let hooks = Arc::clone(&self.hooks);
        let mut body = None;
        for webhook in hooks.wanting(news.kind, news.client, news.agent) {
            let told = Told {
                kind: news.kind.as_str(),
                at: news.at,
                data: &data,
                task: news.task,
            };
            let body: &String = body.get_or_insert_with(|| body::of(&told));
            self.after.calls.push(NewDelivery {
                id: mint!(self.entropy, DeliveryId, self.now),
                webhook,
                event_type: news.kind.as_str().to_owned(),
                subject: news.subject.to_owned(),
                body: body.clone(),
                created_at: self.now,
            });
        }
        if self.is_heard {
            self.after.told.push(Event {
                kind: news.kind,
                subject: news.subject.to_owned(),
                client: news.client.cloned(),
                agent: news.agent.cloned(),
                at: news.at,
                data: data.into(),
            });
        }
    }

    /// Tells of what happened to a task.
    pub(super) fn tell_task(&mut self, task: &mut Task, documents: &Documents) {
        let entries = task.log.take();
        self.after.count_events(entries.len());
        if !self.has_listeners() {
            return;
        }
        let progress = documents.progress.as_deref().and_then(data::progress);
        let (id, created_at) = (task.id.to_string(), task.created_at.to_string());
        for entry in entries {
            let data = TaskData::new(task, &entry, (&id, &created_at), progress.as_ref());
            let result = documents.result.as_deref();
            let is_failed = data.error_message.is_some();
            let news = News {
                kind: entry.kind,
                subject: &id,
                client: Some(&task.client),
                agent: entry.agent.as_ref(),
                at: entry.at,
                task: Some(ToldTask {
                    id: task.id,
                    status: entry.status.as_str(),
                    created_at: task.created_at,
                    completed_at: entry.status.is_terminal().then_some(entry.at),
                    result_data: result.filter(|_| entry.kind == EventType::TaskCompleted),
                    error_message: task.error.as_deref().filter(|_| is_failed),
                }),
            };
            self.tell(&news, &data);
        }
    }

    /// Tells of an agent.
    pub(crate) fn tell_agent(&mut self, kind: EventType, agent: &Agent) {
        self.after.count_events(1);
        if self.has_listeners() {
            let data = AgentData::new(agent);
            let news = News {
                kind,
                subject: agent.id.as_ref(),
                client: agent.client.as_ref(),
                agent: Some(&agent.id),
                at: self.now,
                task: None,
            };
            self.tell(&news, &data);
        }
    }

    /// Tells of slots of a schedule that have been decided about.
    pub(super) fn tell_slot(&mut self, slot: &StoredSlot, client: &ClientId, name: &str) {
        let Some(kind) = EventType::of_slot(slot.state) else {
            return;
        };
        self.after.count_events(1);
        if !self.has_listeners() {
            return;
        }
        let data = SlotData::new(slot, client, name);
        let news = News {
            kind,
            subject: &data.schedule_id,
            client: Some(client),
            agent: None,
            at: slot.decided_at,
            task: None,
        };
        self.tell(&news, &data);
    }

    /// Tells of a chain that has come from one state to another.
    pub(super) fn tell_chain(&mut self, stored: &StoredChain, before: Option<ChainStatus>) {
        for kind in EventType::of_chain(before, stored.chain.status) {
            self.after.count_events(1);
            if !self.has_listeners() {
                continue;
            }
            let data = ChainData::new(stored, kind);
            let news = News {
                kind,
                subject: &data.chain_id,
                client: Some(&stored.client),
                agent: None,
                at: stored.updated_at,
                task: None,
            };
            self.tell(&news, &data);
        }
    }
}

impl Batch<'_> {
    /// Stores what was told, if it is kept or another server may have to hand it on, and what webhooks are to be told.
    pub(super) fn save_told(&mut self) -> Result<(), StoreError> {
        let after = &mut self.tx.after;
        let calls = i64::try_from(after.calls.len()).unwrap_or(i64::MAX);
        if calls > 0 {
            after.count(DELIVERIES, calls);
            deliveries::insert(self.tx.conn, &after.calls)?;
        }
        let is_kept = !self.settings.event_retention.is_zero();
        let others = self.tx.conn.backend() == Backend::Postgres;
        if !after.told.is_empty() && (is_kept || others && self.engine.feed.is_followed(self.tx.now)) {
            after.told_at = events::insert(self.tx.conn, &after.told, self.tx.now)?;
        }
        Ok(())
    }
}
