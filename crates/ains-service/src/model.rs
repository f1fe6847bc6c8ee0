//! What goes into the use cases and what comes out; that of keys, schedules, calendars, templates and webhooks is in files
//! of its own.

mod keys;
mod schedules;
mod templates;
mod webhooks;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ains_core::agent::{Agent, HeartbeatStatus};
use ains_core::chain::{Chain, ChainStatus, Plan};
use ains_core::dependency::Edge;
use ains_core::task::{Report, TaskSpec};
use ains_core::{
    AgentId, ChainId, ClientId, Condition, Dependency, Name, Status, Task, TaskId, Timestamp, TrustScore,
};
pub use ains_store::audit::{AuditEntry, Filter as AuditFilter};
pub use ains_store::tasks::{Documents, Filter as TaskFilter, Page, StoredTask};
pub use ains_store::trust::TrustRecord;
pub use keys::{Actor, KeyChange, KeyFilter, KeyMade, NewKey, Principal, StoredKey};
pub use schedules::{
    CalendarChange, CalendarFilter, CalendarView, NewCalendar, NewSchedule, Preview, PreviewEntry, Run,
    ScheduleChange, ScheduleFilter, ScheduleSteer, ScheduleView, Steered, StoredSlot,
};
pub use templates::{
    NewTemplate, References, StoredTemplate, TemplateChange, TemplateFilter, TemplateInUse, TemplateSummary,
};
pub use webhooks::{NewWebhook, StoredDelivery, WebhookFilter, WebhookMade};

/// A checked submission: what is asked for, and its documents as JSON text.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// What is asked for.
    pub spec: TaskSpec,
    /// JSON object.
    pub input: Box<str>,
    /// JSON object.
    pub metadata: Option<Box<str>>,
    /// What must end before; what stands there twice counts once.
    pub depends_on: Vec<Dependency>,
}

/// A task of a graph that is submitted as a whole; its name is in its specification.
#[derive(Debug, Clone)]
pub struct GraphNode {
    /// What is asked for, and which tasks outside of the graph it waits for.
    pub task: NewTask,
    /// The tasks of the graph that it waits for, by their place in it.
    pub after: Vec<(usize, Condition)>,
}

/// A request that is carried out once however often it is sent (semantics §1.6).
pub struct Once<T: ?Sized> {
    /// Whose key it is.
    pub scope: String,
    /// The key as the caller sent it.
    pub key: String,
    /// A digest of method, path and body.
    pub fingerprint: String,
    /// The answer to store and to repeat, made from the outcome.
    pub render: Box<dyn Fn(&T) -> String + Send>,
}

/// An outcome, or the stored answer of the first request with the same idempotency key.
#[derive(Debug)]
pub enum Answer<T> {
    /// It happened now.
    Fresh(T),
    /// It happened before; this is what was answered then.
    Replayed(String),
}

/// What an agent asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// At most this many tasks, 1..=100.
    pub max: u32,
    /// How long to wait for the first.
    pub wait: Duration,
    /// Only for these of its capabilities.
    pub capabilities: Option<Vec<Name>>,
    /// Repeating a claim with the same id returns the same tasks.
    pub claim_id: Option<String>,
}

/// A report with what comes along, as JSON text.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The report.
    pub report: Report,
    /// The result of a completion.
    pub result: Option<Box<str>>,
    /// What a completion cost.
    pub usage: Option<Box<str>>,
    /// Progress: percent, message, data.
    pub progress: Option<Progress>,
}

/// How far an agent has come.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// 0.0..=100.0.
    pub percent: Option<f64>,
    /// For people.
    pub message: Option<String>,
    /// JSON text.
    pub data: Option<Box<str>>,
}

/// A report's task after it, and what was claimed with it.
#[derive(Debug)]
pub struct Reported {
    /// The task.
    pub task: Task,
    /// What was handed out for the claim.
    pub next: Vec<StoredTask>,
}

/// The tasks of many reports after them, and what was claimed with them.
#[derive(Debug)]
pub struct ReportedEach {
    /// One outcome for each report, in order.
    pub results: Vec<Result<Task, crate::Error>>,
    /// What was handed out for the claim.
    pub next: Vec<StoredTask>,
}

/// A task before and after a change.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Before.
    pub before: Task,
    /// After.
    pub after: Task,
}

/// Which agents a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentFilter {
    /// Those that last said this of themselves.
    Status(ains_core::agent::AgentStatus),
    /// Those that are this able to take work.
    Availability(ains_core::agent::Availability),
}

/// How a routing decision would fall.
#[derive(Debug, Clone)]
pub struct RoutingView {
    /// Who would be chosen.
    pub chosen: Option<RoutingCandidate>,
    /// Why.
    pub reason: String,
    /// Everyone who was considered, best first.
    pub candidates: Vec<RoutingCandidate>,
}

/// An agent as a routing decision sees it.
#[derive(Debug, Clone)]
pub struct RoutingCandidate {
    /// The agent.
    pub agent: AgentId,
    /// Its name for people.
    pub display_name: String,
    /// Its trust, 0.0..=1.0.
    pub trust: f64,
    /// How many tasks it has ended.
    pub total_tasks: i64,
    /// What the strategy goes by.
    pub score: f64,
    /// Whether it can be chosen.
    pub eligible: bool,
    /// Why not.
    pub why_not: Option<String>,
}

/// What a client changes about an unfinished task.
#[derive(Debug, Clone, Default)]
pub struct TaskChange {
    /// A new priority, 1..=10.
    pub priority: Option<u8>,
    /// A new time-out.
    pub timeout: Option<Duration>,
    /// New metadata, JSON text; replaces the old.
    pub metadata: Option<Box<str>>,
    /// What must end before; replaces the old. Only while it is PENDING.
    pub depends_on: Option<Vec<Dependency>>,
    /// Only if this client submitted it.
    pub owner: Option<ClientId>,
    /// Only while no agent works on it (PENDING or ASSIGNED).
    pub not_active: bool,
}

/// An agent's registration.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// What it calls itself.
    pub id: AgentId,
    /// Ed25519 key, hex.
    pub public_key: String,
    /// Signature over the id followed by the endpoint, hex.
    pub signature: String,
    /// Its name for people.
    pub display_name: String,
    /// What it does, for people.
    pub description: Option<String>,
    /// Where it can be reached.
    pub endpoint: String,
    /// What it can do.
    pub tags: Vec<Name>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// How often it reports.
    pub heartbeat_interval: Duration,
    /// How much it may hold at once.
    pub max_concurrency: u32,
    /// The client that registers it, and that it belongs to.
    pub client: Option<ClientId>,
    /// Whether it serves every client, and not only its own. One that belongs to nobody always does.
    pub shared: bool,
}

/// Another key for an agent; all of it is hexadecimal.
#[derive(Debug, Clone)]
pub struct KeyRotation {
    /// The new Ed25519 key.
    pub public_key: String,
    /// The new key's signature over the agent's id followed by its endpoint.
    pub signature: String,
    /// The old key's signature over the text that names agent and new key.
    pub proof: String,
}

/// What an operator changes about an agent.
#[derive(Debug, Clone, Default)]
pub struct AgentChange {
    /// New name for people.
    pub display_name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New endpoint.
    pub endpoint: Option<String>,
    /// New tags; replaces the old.
    pub tags: Option<Vec<Name>>,
    /// New labels; replaces the old.
    pub labels: Option<BTreeMap<String, String>>,
    /// New limit.
    pub max_concurrency: Option<u32>,
    /// New interval.
    pub heartbeat_interval: Option<Duration>,
    /// Stop giving it work, or go on.
    pub draining: Option<bool>,
    /// Whether it serves every client from now on, or only its own.
    pub shared: Option<bool>,
}

/// An agent and how much it holds.
#[derive(Debug, Clone)]
pub struct AgentView {
    /// The agent.
    pub agent: Agent,
    /// How many tasks it holds.
    pub active: u32,
}

/// An agent that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundAgent {
    /// The agent.
    pub id: AgentId,
    /// Its name for people.
    pub display_name: String,
    /// Its trust.
    pub trust: TrustScore,
    /// The names of all that it offers, oldest first.
    pub capabilities: Vec<Name>,
}

/// A page of what a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundAgents {
    /// The page.
    pub agents: Vec<FoundAgent>,
    /// How many there are in all.
    pub total: usize,
}

/// How much a clean-up removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CleanedUp {
    /// Tasks.
    pub tasks: u64,
    /// Deliveries of webhooks.
    pub deliveries: u64,
}

/// A capability to publish.
#[derive(Debug, Clone)]
pub struct NewCapability {
    /// Its name.
    pub name: Name,
    /// For people.
    pub description: String,
    /// JSON text.
    pub input_schema: Box<str>,
    /// JSON text.
    pub output_schema: Box<str>,
    /// How it is paid for.
    pub pricing_model: String,
    /// The price.
    pub price: f64,
    /// Promised 99th percentile, milliseconds.
    pub latency_p99_ms: i64,
    /// Promised availability, percent.
    pub availability_percent: f64,
}

/// What an agent says in a heartbeat.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// Its state, in its own word.
    pub status: HeartbeatStatus,
    /// The tasks it believes it holds, if it tells.
    pub holding: Option<Vec<TaskId>>,
}

/// What an agent learns from its heartbeat.
#[derive(Debug, Clone)]
pub struct HeartbeatSeen {
    /// The agent after it.
    pub view: AgentView,
    /// When it was seen.
    pub at: Timestamp,
    /// What it should stop working on.
    pub cancelled: Vec<TaskId>,
}

/// Whether the service can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether the database answers.
    pub database: bool,
}

/// Figures of the whole system, summed from counters.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Tasks ever submitted and not cleaned up.
    pub total: i64,
    /// Tasks now in each state.
    pub by_status: BTreeMap<Status, i64>,
    /// PENDING tasks of each priority.
    pub pending_by_priority: BTreeMap<u8, i64>,
    /// Tasks submitted within the last hour.
    pub submitted_last_hour: i64,
    /// Tasks completed within the last hour.
    pub completed_last_hour: i64,
    /// Average time from start to completion over the last hour, in seconds.
    pub avg_completion_seconds: Option<f64>,
    /// Registered agents.
    pub agents: i64,
    /// Agents that are not INACTIVE.
    pub agents_active: i64,
    /// Published capabilities.
    pub capabilities: i64,
    /// Tasks held, by agent, for agents that hold any; at most 1,000, busiest first.
    pub workload: Vec<(AgentId, u32)>,
}

/// Rows of each table, from counters.
#[derive(Debug, Clone, Default)]
pub struct DatabaseRows {
    /// Table name to rows.
    pub rows: BTreeMap<&'static str, i64>,
}

/// A task and the attempts of it that did not complete, oldest first.
#[derive(Debug, Clone)]
pub struct History {
    /// The task.
    pub task: Task,
    /// Its ended attempts without a result.
    pub attempts: Vec<ains_core::effect::Attempt>,
}

/// What a task waits or waited for, and where that stands.
#[derive(Debug, Clone)]
pub struct DependenciesView {
    /// The task.
    pub task: Task,
    /// Its dependencies, in the order in which they were given.
    pub dependencies: Vec<DependencyView>,
}

/// One dependency of a task, and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct DependencyView {
    /// What must end, and how.
    pub dependency: Dependency,
    /// Its status; `None` if it has been removed since.
    pub status: Option<Status>,
    /// Whether its end has been judged for this task.
    pub resolved: bool,
}

/// The tasks that wait or waited for a task.
#[derive(Debug, Clone)]
pub struct DependentsView {
    /// How many there are: exact up to 100,000, which also stands for more.
    pub count: i64,
    /// The first of them, by id; at most [`DependentsView::SHOWN`].
    pub dependents: Vec<DependentView>,
}

/// One task that waits or waited for another.
#[derive(Debug, Clone)]
pub struct DependentView {
    /// The task that waits.
    pub task: Task,
    /// How the other must end.
    pub when: Condition,
    /// Whether its end has been judged for this task.
    pub resolved: bool,
}

impl DependentsView {
    /// Leaves only what `sees` tells to.
    pub fn keep(&mut self, sees: impl Fn(&Task) -> bool) {
        let all = self.dependents.len();
        self.dependents.retain(|dependent| sees(&dependent.task));
        self.count -= i64::try_from(all - self.dependents.len()).unwrap_or(0);
    }

    /// Most dependents that are shown.
    pub const SHOWN: i64 = 10_000;
}

/// Which way a picture of a dependency graph looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// At what the task waits for, and what that waits for, and so on.
    Dependencies,
    /// At what waits for the task, and what waits for that, and so on.
    Dependents,
    /// Both.
    #[default]
    Both,
}

/// The dependency graph around a task.
#[derive(Debug, Clone)]
pub struct GraphView {
    /// The task in the middle.
    pub root: TaskId,
    /// The tasks, without their documents: the root, then the others, nearest first. At most
    /// [`GraphView::MOST`].
    pub nodes: Vec<Task>,
    /// Every edge between them, and whether it has been judged.
    pub edges: Vec<(Edge<TaskId>, bool)>,
    /// Whether there are more tasks within the depth that was asked for.
    pub truncated: bool,
}

impl GraphView {
    /// Leaves only what `sees` tells to, and the edges between.
    pub fn keep(&mut self, sees: impl Fn(&Task) -> bool) {
        let all = self.nodes.len();
        self.nodes.retain(|task| task.id == self.root || sees(task));
        if self.nodes.len() < all {
            let left: BTreeSet<TaskId> = self.nodes.iter().map(|task| task.id).collect();
            self.edges
                .retain(|(edge, _)| left.contains(&edge.task) && left.contains(&edge.on));
        }
    }

    /// Most tasks in a picture.
    pub const MOST: usize = 2000;
}

/// Why a task is not running.
#[derive(Debug, Clone)]
pub struct WhyView {
    /// The task.
    pub task: Task,
    /// What holds it back; `None` if it is not PENDING.
    pub hindrance: Option<Hindrance>,
    /// Since when; for a task that is not PENDING, since when it is in its state.
    pub since: Timestamp,
    /// A sentence for people, without a full stop.
    pub detail: String,
    /// The tasks that it waits for, or the next ones before it; at most [`WhyView::SHOWN`].
    pub tasks: Vec<TaskId>,
    /// The agents that it is about; at most [`WhyView::SHOWN`].
    pub agents: Vec<AgentId>,
    /// Its place in its queue, 1 for the next; `None` if it is in none, or further than 10,000.
    pub position: Option<i64>,
}

impl WhyView {
    /// Most tasks, and most agents, that are named.
    pub const SHOWN: usize = 100;
}

/// The first closed gate of a PENDING task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// A dependency is not resolved.
    Dependency,
    /// Its instant has not come.
    NotDue,
    /// No agent that takes work provides the capability.
    NoCapableAgent,
    /// Those that provide it are not trusted enough.
    Trust,
    /// Those that may do it have no room.
    AgentsBusy,
    /// It waits its turn.
    Queue,
    /// Somebody paused it.
    Paused,
}

impl Hindrance {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dependency => "dependency",
            Self::NotDue => "not_due",
            Self::NoCapableAgent => "no_capable_agent",
            Self::Trust => "trust",
            Self::AgentsBusy => "agents_busy",
            Self::Queue => "queue",
            Self::Paused => "paused",
        }
    }
}

/// A chain to create; its definition has been checked.
#[derive(Debug, Clone)]
pub struct NewChain {
    /// Whose it is.
    pub client: ClientId,
    /// Its name for people.
    pub name: Name,
    /// What it is made of.
    pub plan: std::sync::Arc<Plan>,
    /// JSON object that its expressions know as `input`.
    pub input: Box<str>,
}

/// A chain as it stands, without what its steps resulted in.
#[derive(Debug, Clone)]
pub struct ChainSummary {
    /// Its id.
    pub id: ChainId,
    /// Whose it is.
    pub client: ClientId,
    /// Its name for people.
    pub name: Name,
    /// Where it stands.
    pub status: ChainStatus,
    /// The index of its first step that has not ended; how many steps it has if all have.
    pub current_step: u32,
    /// How many steps it has.
    pub total_steps: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A chain, whole.
#[derive(Debug, Clone)]
pub struct ChainView {
    /// What lists show of it.
    pub summary: ChainSummary,
    /// How each step stands.
    pub chain: Chain,
    /// What it is made of.
    pub plan: std::sync::Arc<Plan>,
    /// Its input, JSON text.
    pub input: Box<str>,
    /// What the steps resulted in, by index: JSON text. A step without a result is not in it.
    pub results: BTreeMap<u32, StepResult>,
}

/// What a step resulted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// JSON text.
    Shown(Box<str>),
    /// All results together are too long; it can be read with its task.
    LeftOut,
}

/// What a client does with a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steer {
    /// Gives it up.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Starts nothing new.
    Pause,
    /// Goes on.
    Resume,
    /// Tries again what failed.
    Retry,
}

/// Which chains a list shows.
#[derive(Debug, Clone, Default)]
pub struct ChainFilter {
    /// Only of this client.
    pub client: Option<ClientId>,
    /// Only in this state.
    pub status: Option<ChainStatus>,
    /// Only ids below this one: the cursor.
    pub before: Option<ChainId>,
    /// At most this many.
    pub limit: i64,
}
