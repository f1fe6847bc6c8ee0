//! A service on a throw-away database, and short ways to talk to it.

use std::sync::Arc;
use std::time::Duration;

use ains_core::task::{Failure, Report, ReportKind, TaskSpec};
use ains_core::{AgentId, Condition, Dependency, Status, Task, TaskId, Timestamp};
use ains_service::{
    Ains, Answer, ClaimRequest, Delivery, Error, GraphNode, NewAgent, NewTask, Reported, Settings,
    StoredTask, Vault,
};
use ains_store::{Backend, Conn, Options, Store, StoreError};
use ains_testkit::{ManualClock, TestDb};

use crate::receivers::Receivers;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;

/// The key that secrets are sealed under.
pub(crate) const SECRET_KEY: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// The settings of a server that has the key.
fn usual() -> Settings {
    Settings {
        vault: SECRET_KEY.parse().unwrap(),
        ..Settings::default()
    }
}

/// A service and what moves it.
pub(crate) struct World {
    pub(crate) ains: Ains,
    pub(crate) clock: ManualClock,
    /// Whom webhooks reach.
    pub(crate) receivers: Receivers,
    store: Store,
}

/// Runs `story` in a world on `db`.
pub(crate) fn tell<F: Future<Output = ()>>(db: &TestDb, story: impl FnOnce(World) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let url = db.url();
    runtime.block_on(async {
        let clock = ManualClock::new(START);
        let world = World::start(&url, clock).await;
        let ains = world.ains.clone();
        story(world).await;
        ains.stop().await;
    });
}

impl World {
    pub(crate) async fn start(url: &str, clock: ManualClock) -> Self {
        let options = Options::new(url.parse().unwrap());
        let store = tokio::task::spawn_blocking(move || Store::open(&options).unwrap())
            .await
            .unwrap();
        Self::on(store, clock, Receivers::new(), usual()).await
    }

    async fn on(store: Store, clock: ManualClock, receivers: Receivers, settings: Settings) -> Self {
        let settings = Settings {
            seed: Some(7),
            verify_identity: false,
            deliver: Some(Arc::new(receivers.clone())),
            ..settings
        };
        let ains = Ains::start(store.clone(), settings, Arc::new(clock.clone()))
            .await
            .unwrap();
        Self {
            ains,
            clock,
            receivers,
            store,
        }
    }

    /// The same database after a restart of the server.
    pub(crate) async fn restarted(self) -> Self {
        self.restarted_as(usual()).await
    }

    /// The same with these keys, or without any.
    pub(crate) async fn restarted_with_keys(self, keys: &str) -> Self {
        let vault = if keys.is_empty() {
            Vault::default()
        } else {
            keys.parse().unwrap()
        };
        let settings = Settings { vault, ..usual() };
        self.restarted_as(settings).await
    }

    /// The same with these settings.
    pub(crate) async fn restarted_as(self, settings: Settings) -> Self {
        self.ains.stop().await;
        Self::on(self.store, self.clock, self.receivers, settings).await
    }

    /// The same, telling at most so many dependants in one transaction.
    pub(crate) async fn restarted_with(self, cascade: usize) -> Self {
        let settings = Settings { cascade, ..usual() };
        self.restarted_as(settings).await
    }

    /// Another server on the same database and with the same receivers, where there can be one.
    pub(crate) async fn another(&self) -> Option<Ains> {
        if self.store.backend() == Backend::Sqlite {
            return None;
        }
        let (store, clock, receivers) = (self.store.clone(), self.clock.clone(), self.receivers.clone());
        let second = Self::on(store, clock, receivers, usual()).await;
        Some(second.ains)
    }

    /// Does something in a transaction behind the back of the service.
    pub(crate) async fn store<T, F>(&self, act: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> Result<T, StoreError> + Send + 'static,
    {
        let store = self.store.clone();
        let done = tokio::task::spawn_blocking(move || store.connect()?.transact(act));
        done.await.unwrap().unwrap()
    }

    /// Stores a task behind the back of the service, as one whose dependants have not been told.
    pub(crate) async fn save_unsettled(&self, task: &Task) {
        let (store, task) = (self.store.clone(), task.clone());
        let stored = tokio::task::spawn_blocking(move || {
            store.connect()?.transact(|conn| {
                let save = ains_store::tasks::Save {
                    task: &task,
                    documents: &ains_store::tasks::Documents::default(),
                    claim_id: None,
                };
                ains_store::tasks::save(conn, &[save])?;
                ains_store::dependencies::note_unsettled(conn, &[task.id])
            })
        });
        stored.await.unwrap().unwrap();
    }

    /// Stores a new task behind the back of the service.
    pub(crate) async fn save_unheard(&self, task: Task) {
        let store = self.store.clone();
        let stored = tokio::task::spawn_blocking(move || {
            let stored = StoredTask {
                task,
                documents: ains_store::tasks::Documents {
                    input: Some("{}".into()),
                    ..ains_store::tasks::Documents::default()
                },
                claim_id: None,
                depends_on: Vec::new(),
            };
            let insert = |conn: &mut ains_store::Conn| ains_store::tasks::insert(conn, &[stored.clone()]);
            store.connect()?.transact(insert)
        });
        stored.await.unwrap().unwrap();
    }

    /// Cleans up the oldest ended task of each status; which.
    pub(crate) async fn clean_up_oldest(&self) -> Vec<TaskId> {
        let (store, now) = (self.store.clone(), self.ains.now() + Duration::from_secs(1));
        let removed = tokio::task::spawn_blocking(move || {
            store.connect()?.transact(|conn| {
                let mut removed = Vec::new();
                for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
                    removed.extend(ains_store::tasks::remove_ended(conn, status, now, None, 1)?.removed);
                }
                Ok(removed)
            })
        });
        removed.await.unwrap().unwrap()
    }

    /// Removes what was told before `oldest`, as the service does in its own time.
    pub(crate) async fn forget_events(&self, oldest: Timestamp) {
        let store = self.store.clone();
        let removed = tokio::task::spawn_blocking(move || {
            ains_store::events::remove_before(&mut store.connect()?, oldest, 1000)
        });
        assert_ne!(removed.await.unwrap().unwrap(), 0);
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Registers an agent that provides `text:v1`.
    pub(crate) async fn agent(&self, name: &str, max_concurrency: u32) -> AgentId {
        self.register(NewAgent {
            max_concurrency,
            ..an_agent(name)
        })
        .await
    }

    pub(crate) async fn register(&self, agent: NewAgent) -> AgentId {
        let id = agent.id.clone();
        assert!(matches!(
            self.ains.register(agent, None).await,
            Ok(Answer::Fresh(_))
        ));
        id
    }

    /// Submits tasks of one client.
    pub(crate) async fn submit(&self, client: &str, count: usize) -> Vec<Task> {
        self.submit_all((0..count).map(|_| a_task(client)).collect())
            .await
    }

    pub(crate) async fn submit_all(&self, tasks: Vec<NewTask>) -> Vec<Task> {
        match self.ains.submit(tasks, None).await.unwrap() {
            Answer::Fresh(tasks) => tasks,
            Answer::Replayed(answer) => panic!("replayed {answer}"),
        }
    }

    pub(crate) async fn submit_one(&self, task: NewTask) -> Task {
        self.submit_all(vec![task]).await.remove(0)
    }

    /// Submits a graph of tasks that need `text:v1`: each has a name and waits for others by place.
    pub(crate) async fn submit_graph(&self, nodes: Vec<Vec<(usize, Condition)>>) -> Vec<Task> {
        let nodes = nodes.into_iter().enumerate().map(|(place, after)| {
            let mut task = a_task("c");
            task.spec.name = Some(format!("n{place:05}").parse().unwrap());
            GraphNode { task, after }
        });
        let answer = self.ains.submit_graph(nodes.collect(), None).await.unwrap();
        let Answer::Fresh(mut tasks) = answer else {
            panic!("replayed")
        };
        tasks.sort_by(|a, b| a.name.cmp(&b.name));
        tasks
    }

    /// Takes a task that must be ready, and reports how it went.
    pub(crate) async fn end(&self, agent: &AgentId, task: TaskId, kind: ReportKind) -> Task {
        let held = self.task(task).await;
        if held.status != Status::Active {
            let mut claimed = self.claim(agent, 100).await;
            claimed.retain(|stored| stored.task.id == task);
            assert_eq!(claimed.len(), 1, "{task} is handed out");
        }
        let attempt = self.task(task).await.attempt;
        self.report(agent, task, attempt, kind).await.unwrap()
    }

    pub(crate) async fn claim(&self, agent: &AgentId, max: u32) -> Vec<StoredTask> {
        self.ains.claim(agent.clone(), asking(max, 0)).await.unwrap()
    }

    pub(crate) async fn report(
        &self,
        agent: &AgentId,
        task: TaskId,
        attempt: u32,
        kind: ReportKind,
    ) -> Result<Task, Error> {
        let result = (kind == ReportKind::Complete).then(|| r#"{"ok":true}"#.into());
        let report = Report {
            task,
            agent: agent.clone(),
            attempt: Some(attempt),
            kind,
        };
        let delivery = Delivery {
            report,
            result,
            usage: None,
            progress: None,
        };
        self.ains
            .report(delivery, None)
            .await
            .map(|Reported { task, .. }| task)
    }

    pub(crate) async fn task(&self, id: TaskId) -> Task {
        self.ains.task(id, Duration::ZERO).await.unwrap().task
    }
}

pub(crate) fn an_agent(name: &str) -> NewAgent {
    NewAgent {
        id: name.parse().unwrap(),
        public_key: "00".into(),
        signature: "00".into(),
        display_name: name.to_uppercase(),
        description: None,
        endpoint: format!("http://{name}.example"),
        tags: vec!["Text:V1".parse().unwrap()],
        labels: std::collections::BTreeMap::new(),
        heartbeat_interval: Duration::from_secs(300),
        max_concurrency: 10,
        client: None,
        shared: true,
    }
}

pub(crate) fn a_task(client: &str) -> NewTask {
    NewTask {
        spec: TaskSpec::new(
            client.parse().unwrap(),
            "job".parse().unwrap(),
            "text:v1".parse().unwrap(),
        ),
        input: r#"{"n":1}"#.into(),
        metadata: None,
        depends_on: Vec::new(),
    }
}

/// A task that waits for others.
pub(crate) fn a_task_after(depends_on: impl IntoIterator<Item = (TaskId, Condition)>) -> NewTask {
    let depends_on = depends_on.into_iter().map(|(on, when)| Dependency { on, when });
    NewTask {
        depends_on: depends_on.collect(),
        ..a_task("c")
    }
}

pub(crate) fn asking(max: u32, wait_seconds: u64) -> ClaimRequest {
    ClaimRequest {
        max,
        wait: Duration::from_secs(wait_seconds),
        capabilities: None,
        claim_id: None,
    }
}

pub(crate) fn failed(message: &str) -> ReportKind {
    ReportKind::Fail(Failure {
        message: message.into(),
        ..Failure::default()
    })
}
