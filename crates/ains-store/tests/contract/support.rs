//! A store on a throw-away database, and things to keep in it.

use std::time::Duration;

use ains_core::agent::{Agent, AgentStatus};
use ains_core::chain::{Chain, Definition, StepDefinition, StepTask};
use ains_core::task::TaskSpec;
use ains_core::{ChainId, Mint, Task, TaskId, Timestamp, TrustScore};
use ains_store::chains::StoredChain;
use ains_store::tasks::{Documents, StoredTask};
use ains_store::{Options, Store};
use ains_testkit::TestDb;
use rand::SeedableRng as _;

pub(crate) fn open(db: &TestDb) -> Store {
    Store::open(&Options::new(db.url().parse().unwrap())).unwrap()
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
        }
    }
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
