//! A store on a throw-away database, and things to keep in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ains_core::agent::{Agent, AgentStatus};
use ains_core::calendar::Calendar;
use ains_core::chain::{Chain, Definition, StepDefinition, StepTask};
use ains_core::schedule::{Fires, Schedule, ScheduleDefinition, SlotKind, SlotState, Timeline, Timing};
use ains_core::task::TaskSpec;
use ains_core::template::Defaults;
use ains_core::webhook::Webhook;
use ains_core::{
    AuditEvent, AuditId, CalendarId, ChainId, DeliveryId, KeyId, Mint, ScheduleId, SlotId, Task, TaskId,
    Template, TemplateId, Timestamp, TrustScore, WebhookId,
};
use ains_store::audit::AuditEntry;
use ains_store::calendars::StoredCalendar;
use ains_store::chains::StoredChain;
use ains_store::deliveries::NewDelivery;
use ains_store::schedules::StoredSchedule;
use ains_store::slots::StoredSlot;
use ains_store::tasks::{Documents, StoredTask};
use ains_store::templates::StoredTemplate;
use ains_store::{Conn, Options, Store};
use ains_testkit::TestDb;
use diesel::connection::SimpleConnection as _;
use rand::SeedableRng as _;

pub(crate) fn open(db: &TestDb) -> Store {
    Store::open(&Options::new(db.url().parse().unwrap())).unwrap()
}

/// Runs what is not the store's.
pub(crate) fn run(conn: &mut Conn, sql: &str) {
    match conn {
        Conn::Sqlite(conn) => conn.batch_execute(sql).unwrap(),
        Conn::Postgres(conn) => conn.batch_execute(sql).unwrap(),
    }
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// Makes tasks with growing ids.
pub(crate) struct Maker {
    mint: Mint,
    rng: rand::rngs::StdRng,
}

impl Maker {
    pub(crate) fn new() -> Self {
        Self {
            mint: Mint::default(),
            rng: rand::rngs::StdRng::seed_from_u64(1),
        }
    }

    pub(crate) fn id(&mut self) -> TaskId {
        TaskId::mint(&mut self.mint, at(100), &mut self.rng)
    }

    /// A ready task of `client` at position `key`.
    pub(crate) fn ready(&mut self, client: &str, key: i64) -> StoredTask {
        let spec = TaskSpec::new(
            client.parse().unwrap(),
            "job".parse().unwrap(),
            "Text:v1".parse().unwrap(),
        );
        let mut task = Task::submitted(self.id(), spec, at(100));
        task.queue_key = Some(key);
        stored(task)
    }

    /// A chain of `client` that has not begun, as [`a_definition`] says.
    pub(crate) fn chain(&mut self, client: &str) -> StoredChain {
        StoredChain {
            id: ChainId::mint(&mut self.mint, at(100), &mut self.rng),
            client: client.parse().unwrap(),
            name: "ä 'chain'".parse().unwrap(),
            chain: Chain::new(),
            current_step: 0,
            total_steps: 3,
            created_at: at(100),
            updated_at: at(100),
            asked_at: None,
            schedule: None,
        }
    }

    /// An active schedule of `client` that makes a task every minute, from two minutes on.
    pub(crate) fn schedule(&mut self, client: &str) -> StoredSchedule {
        let id = ScheduleId::mint(&mut self.mint, at(100), &mut self.rng);
        let definition = every_minute();
        let calendars = BTreeMap::new();
        let timeline = Timeline::new(&definition, &calendars);
        let schedule = Schedule::new(id, &timeline, at(100)).unwrap();
        StoredSchedule {
            id,
            client: client.parse().unwrap(),
            name: "ä 'schedule'".parse().unwrap(),
            definition: Arc::new(definition),
            revision: 0,
            look_since: None,
            schedule,
            created_at: at(100),
            updated_at: at(100),
        }
    }

    /// A slot of `schedule` at `seconds` that was missed.
    pub(crate) fn slot(&mut self, schedule: ScheduleId, seconds: i64) -> StoredSlot {
        StoredSlot {
            id: SlotId::mint(&mut self.mint, at(100), &mut self.rng),
            schedule,
            slot_at: at(seconds),
            until: None,
            count: 1,
            kind: SlotKind::Cron,
            state: SlotState::Missed,
            reason: Some("it's \"late\"".to_owned()),
            run: None,
            fired_at: None,
            ended_at: None,
            outcome: None,
            decided_at: at(seconds),
        }
    }

    /// A template of `client`.
    pub(crate) fn template(&mut self, client: &str) -> StoredTemplate {
        let defaults = Defaults {
            input: r#"{"n":1}"#.into(),
            ..Defaults::new("job".parse().unwrap(), "Text:v1".parse().unwrap())
        };
        let template = Template {
            id: TemplateId::mint(&mut self.mint, at(100), &mut self.rng),
            client: client.parse().unwrap(),
            name: "ä 'template'".parse().unwrap(),
            description: None,
            defaults,
            input_schema: None,
            created_at: at(100),
            updated_at: at(100),
        };
        StoredTemplate {
            template,
            revision: 0,
            times_used: 0,
        }
    }

    /// A webhook of `owner` that hears of everything.
    pub(crate) fn webhook(&mut self, owner: &str) -> Webhook {
        Webhook {
            id: WebhookId::mint(&mut self.mint, at(100), &mut self.rng),
            owner: owner.parse().unwrap(),
            clients_only: true,
            url: "https://example.com/".into(),
            events: vec!["*".parse().unwrap()],
            active: true,
            secret: "a secret".parse().unwrap(),
            previous: None,
            created_at: at(100),
            updated_at: at(100),
        }
    }

    /// A delivery to `webhook` of what happened to `subject`.
    pub(crate) fn delivery(&mut self, webhook: WebhookId, subject: &str) -> NewDelivery {
        NewDelivery {
            id: DeliveryId::mint(&mut self.mint, at(100), &mut self.rng),
            webhook,
            event_type: "task.completed".to_owned(),
            subject: subject.to_owned(),
            body: format!(r#"{{"type":"task.completed","data":"{subject}"}}"#),
            created_at: at(100),
        }
    }

    /// A calendar of `client`, of Sundays.
    /// An entry of a key of the client `c`.
    pub(crate) fn audit_entry(&mut self, event: AuditEvent, at: Timestamp) -> AuditEntry {
        AuditEntry {
            id: AuditId::mint(&mut self.mint, at, &mut self.rng),
            event,
            action: "ä 'action'".to_owned(),
            last_action: None,
            client: Some("c".parse().unwrap()),
            key: Some(KeyId::mint(&mut self.mint, at, &mut self.rng)),
            agent: None,
            resource: Some(("agent".to_owned(), "a 'name' \\".to_owned())),
            success: true,
            error: None,
            metadata: r#"{"n":1}"#.into(),
            address: Some("192.0.2.1".to_owned()),
            request: None,
            count: 1,
            created_at: at,
            last_at: at,
        }
    }

    pub(crate) fn calendar(&mut self, client: &str) -> StoredCalendar {
        let calendar = Calendar {
            id: CalendarId::mint(&mut self.mint, at(100), &mut self.rng),
            client_id: client.parse().unwrap(),
            name: "ä 'calendar'".parse().unwrap(),
            description: None,
            dates: serde_json::from_str(r#"{"weekdays":["SUN"]}"#).unwrap(),
            created_at: at(100),
            updated_at: at(100),
        };
        StoredCalendar {
            calendar,
            revision: 0,
        }
    }
}

/// A task every minute.
pub(crate) fn every_minute() -> ScheduleDefinition {
    let timing = Timing::Interval {
        seconds: 60,
        anchor_at: at(0),
    };
    let fires = Fires::Task {
        task: StepTask::new("job".parse().unwrap(), "Text:v1".parse().unwrap()),
        input: r#"{"n":1}"#.into(),
        metadata: None,
    };
    ScheduleDefinition::new(timing, fires)
}

/// Three steps: the second goes through a list, the third follows the first, too.
pub(crate) fn a_definition() -> Definition {
    let step = |name: &str| {
        let task = StepTask::new("job".parse().unwrap(), "Text:v1".parse().unwrap());
        StepDefinition::new(name, task)
    };
    let mut each = step("each");
    each.for_each = Some("input.list".into());
    let mut last = step("last");
    last.depends_on = Some(vec!["first".into()]);
    Definition {
        steps: vec![step("first"), each, last],
    }
}

pub(crate) fn stored(task: Task) -> StoredTask {
    let documents = Documents {
        input: Some(r#"{"n":1}"#.into()),
        ..Documents::default()
    };
    StoredTask {
        task,
        documents,
        claim_id: None,
        depends_on: Vec::new(),
    }
}

pub(crate) fn an_agent(name: &str) -> Agent {
    Agent {
        id: name.parse().unwrap(),
        public_key: "00".into(),
        display_name: "Ä name".into(),
        description: Some("what it does".into()),
        endpoint: "http://a".into(),
        tags: vec!["text:v1".parse().unwrap(), "b".parse().unwrap()],
        labels: [("zone".to_owned(), "eu".to_owned())].into(),
        status: AgentStatus::Active,
        draining: false,
        shared: true,
        client: None,
        max_concurrency: 10,
        heartbeat_interval: Duration::from_secs(300),
        trust: TrustScore::INITIAL,
        average_seconds: Some(1.25),
        completed: 3,
        failed: 1,
        last_completed_at: Some(at(90)),
        last_seen_at: at(100),
        last_heartbeat_at: None,
        last_assigned_at: None,
        claims: false,
        unresponsive: false,
        created_at: at(100),
        updated_at: at(100),
    }
}
