//! Why a task is not running: the first of its gates that is closed.

use ains_core::routing::{Ask, WhyNot};
use ains_core::task::Gate;
use ains_core::{AgentId, Lane, Status, Task, TaskId, Timestamp};
use ains_store::{dependencies, tasks};

use crate::ains::Ains;
use crate::error::Error;
use crate::model::{Hindrance, WhyView};

/// Up to where the tasks before one are counted.
const COUNTED: i64 = 10_000;

/// What the store says of a task that waits.
#[derive(Default)]
struct Seen {
    /// What it waits for, with its status, if it is blocked.
    dependencies: Vec<(TaskId, Option<Status>)>,
    /// How many ready tasks stand before it, and the first of them.
    before: i64,
    first: Vec<TaskId>,
}

/// What this server knows of the agents that could do a task.
struct Providers {
    able: Vec<AgentId>,
    busy: Vec<AgentId>,
    distrusted: Vec<AgentId>,
    away: Vec<AgentId>,
}

impl Ains {
    /// Why a task is not running: the first gate that is closed.
    ///
    /// # Errors
    /// When there is no such task, or the store fails.
    pub async fn why(&self, id: TaskId) -> Result<WhyView, Error> {
        let (task, seen) = self
            .look(id, move |conn, task| {
                let mut seen = Seen::default();
                if task.gate == Some(Gate::Blocked) {
                    let open = dependencies::of_tasks(conn, &[id])?;
                    let on: Vec<TaskId> = open
                        .iter()
                        .filter(|stored| stored.resolved_at.is_none())
                        .map(|stored| stored.edge.on)
                        .take(WhyView::SHOWN)
                        .collect();
                    let states = tasks::states(conn, &on)?;
                    let status = |id| states.iter().find(|task| task.id == id).map(|task| task.status);
                    seen.dependencies = on.into_iter().map(|id| (id, status(id))).collect();
                }
                if task.is_ready() {
                    seen.before = tasks::before(conn, &task, COUNTED)?;
                    let shown = i64::try_from(WhyView::SHOWN).unwrap_or(i64::MAX).min(seen.before);
                    seen.first = tasks::first(conn, &task.lane(), shown)?;
                }
                Ok((task, seen))
            })
            .await?;
        Ok(self.explain(task, seen))
    }

    fn explain(&self, task: Task, seen: Seen) -> WhyView {
        let since = task.gate_since.unwrap_or(task.updated_at);
        let mut view = WhyView {
            hindrance: None,
            since,
            detail: String::new(),
            tasks: Vec::new(),
            agents: Vec::new(),
            position: None,
            task,
        };
        match view.task.gate {
            None => {
                view.since = in_state_since(&view.task);
                view.agents.extend(view.task.agent.clone());
                view.detail = state(&view.task);
            }
            Some(Gate::Blocked) => {
                view.hindrance = Some(Hindrance::Dependency);
                view.detail = waits_for(view.task.unresolved, &seen.dependencies);
                view.tasks = seen.dependencies.into_iter().map(|(id, _)| id).collect();
            }
            Some(Gate::NotDue) => {
                view.hindrance = Some(Hindrance::NotDue);
                let due = view.task.due_at.map(|at| at.to_string()).unwrap_or_default();
                view.detail = if view.task.attempt > 0 {
                    format!("is tried again at {due}")
                } else {
                    format!("is not due before {due}")
                };
            }
            Some(Gate::Limited | Gate::Paused) => {
                view.hindrance = Some(Hindrance::Paused);
                "is paused".clone_into(&mut view.detail);
            }
            Some(Gate::Ready) => self.explain_ready(&mut view, seen),
        }
        view
    }

    fn explain_ready(&self, view: &mut WhyView, seen: Seen) {
        let task = &view.task;
        let lane = task.lane();
        let providers = self.providers(task, &lane);
        let capability = &task.capability;
        let (hindrance, detail, agents) = if !providers.able.is_empty() {
            let detail = match seen.before {
                0 => "is the next in its queue, and waits for an agent to claim it".to_owned(),
                COUNTED => format!("{COUNTED} tasks or more are before it"),
                1 => "1 task is before it".to_owned(),
                before => format!("{before} tasks are before it"),
            };
            (Hindrance::Queue, detail, providers.able)
        } else if !providers.busy.is_empty() {
            let detail = format!(
                "all agents that may do it have no room ({} of them)",
                providers.busy.len()
            );
            (Hindrance::AgentsBusy, detail, providers.busy)
        } else if !providers.distrusted.is_empty() {
            let detail = format!(
                "no agent that provides `{capability}` is trusted with {} or more",
                task.min_trust.get()
            );
            (Hindrance::Trust, detail, providers.distrusted)
        } else if !providers.away.is_empty() {
            let detail = format!("every agent that provides `{capability}` is inactive or draining");
            (Hindrance::NoCapableAgent, detail, providers.away)
        } else {
            let detail = format!("no agent provides `{capability}`");
            (Hindrance::NoCapableAgent, detail, Vec::new())
        };
        view.hindrance = Some(hindrance);
        view.detail = detail;
        view.agents = agents;
        view.agents.truncate(WhyView::SHOWN);
        view.position = (seen.before < COUNTED).then_some(seen.before + 1);
        view.tasks = seen.first;
    }

    /// Those that serve the task's client: it is told of no others.
    fn providers(&self, task: &Task, lane: &Lane) -> Providers {
        let ask = Ask {
            client: Some(&task.client),
            capability: &lane.capability,
            tenth: lane.tenth,
            strategy: task.strategy,
            heartbeat_needed: task.heartbeat_needed,
        };
        let mut providers = Providers {
            able: Vec::new(),
            busy: Vec::new(),
            distrusted: Vec::new(),
            away: Vec::new(),
        };
        let state = self.engine().lock();
        let explained = state
            .pool
            .explain(&ask, usize::MAX, &mut *self.entropy().routing());
        for candidate in explained.candidates {
            let agent = state.pool.agent(candidate.seat);
            let group = match candidate.why_not {
                // They may claim it all the same.
                None | Some(WhyNot::Unheard | WhyNot::Degraded) => &mut providers.able,
                Some(WhyNot::Inactive | WhyNot::Draining) => &mut providers.away,
                Some(WhyNot::TrustTooLow { .. }) => &mut providers.distrusted,
                // With room it would not be trusted either.
                Some(WhyNot::Full { .. }) if agent.trust.tenth() < lane.tenth => &mut providers.distrusted,
                Some(WhyNot::Full { .. }) => &mut providers.busy,
            };
            group.push(agent.id.clone());
        }
        providers
    }
}

fn waits_for(unresolved: u32, dependencies: &[(TaskId, Option<Status>)]) -> String {
    let named = |(id, status): &(TaskId, Option<Status>)| match status {
        Some(status) => format!("{id} ({status})"),
        None => format!("{id} (removed)"),
    };
    let shown: Vec<String> = dependencies.iter().take(3).map(named).collect();
    let more = usize::try_from(unresolved)
        .unwrap_or(usize::MAX)
        .saturating_sub(shown.len());
    match more {
        0 => format!("waits for {}", shown.join(", ")),
        more => format!("waits for {} and {more} more", shown.join(", ")),
    }
}

fn in_state_since(task: &Task) -> Timestamp {
    let since = match task.status {
        Status::Assigned => task.assigned_at,
        Status::Active => task.started_at,
        _ => task.ended_at,
    };
    since.unwrap_or(task.updated_at)
}

fn state(task: &Task) -> String {
    let agent = task.agent.as_ref().map_or("", AsRef::as_ref);
    match task.status {
        Status::Assigned => format!("is assigned to {agent}, which has not started it"),
        Status::Active => format!("is being done by {agent}"),
        status => match &task.error {
            Some(error) => format!("has ended: {status}, {error}"),
            None => format!("has ended: {status}"),
        },
    }
}
