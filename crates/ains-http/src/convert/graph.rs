//! Dependency graphs that are submitted as a whole: each task is checked, and then the edges among them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use ains_api::{GraphCreated, GraphDependency, GraphEdge, GraphTask, Json, SubmitTask, TaskDefaults};
use ains_core::dependency::{Edge, MAX_DEPENDENCIES, MAX_GRAPH};
use ains_core::{ClientId, Condition, Dependency, DependencyGraph, Task, TaskId};
use ains_service::model::{GraphNode, NewTask};

use super::task::of_owner;
use crate::json::{Faults, LIMIT_MANY};

/// A task of a graph, as far as it could be read.
#[derive(Debug)]
pub(crate) struct Read {
    name: String,
    depends_on: Vec<GraphDependency>,
    /// None if something is wrong with it.
    task: Option<NewTask>,
}

/// Checks what holds for every one of `count` tasks, and returns what they are to be filled with.
pub(crate) fn defaults(given: Option<&TaskDefaults>, count: usize, faults: &mut Faults) -> TaskDefaults {
    let given = given.cloned().unwrap_or_default();
    let some_text = || Some("any".to_owned());
    let mut own = Faults::default();
    own.below("/defaults", |faults| {
        // A graph of many tasks is not to become larger by its defaults than one may be without.
        let room = LIMIT_MANY / count.max(1);
        for (pointer, document) in [("/input_data", &given.input_data), ("/metadata", &given.metadata)] {
            if document.as_ref().is_some_and(|json| json.get().len() > room) {
                faults.add(
                    pointer,
                    format!("is larger than the limit of {room} bytes for {count} tasks"),
                );
            }
        }
        let mut alone = GraphTask::default().or(&given);
        alone.task_type = alone.task_type.or_else(some_text);
        alone.capability_required = alone.capability_required.or_else(some_text);
        of_owner(submission(alone), None, None, faults);
    });
    let good = own.is_empty();
    faults.absorb(own);
    if good {
        return given;
    }
    // So that what is wrong with them is not found again in every task, and no task lacks what they give.
    TaskDefaults {
        task_type: given.task_type.and_then(|_| some_text()),
        capability_required: given.capability_required.and_then(|_| some_text()),
        ..TaskDefaults::default()
    }
}

/// Checks a task, apart from its edges.
pub(crate) fn task(
    task: GraphTask,
    defaults: &TaskDefaults,
    owner: Option<&ClientId>,
    faults: &mut Faults,
) -> Read {
    let mut task = task.or(defaults);
    let text = task.name.clone();
    let name = faults.parse("/name", &text);
    for (pointer, field) in [
        ("/task_type", &task.task_type),
        ("/capability_required", &task.capability_required),
    ] {
        if field.is_none() {
            faults.add(pointer, "is missing, here and in the defaults");
        }
    }
    let depends_on = task.depends_on.take().unwrap_or_default();
    let mut new = of_owner(submission(task), owner.cloned(), None, faults);
    if let Some(new) = &mut new {
        new.spec.name = name;
    }
    Read {
        name: text,
        depends_on,
        task: new,
    }
}

/// The same task, submitted on its own. An input that it lacks, it has empty.
fn submission(task: GraphTask) -> SubmitTask {
    SubmitTask {
        client_id: None,
        task_type: task.task_type,
        capability_required: task.capability_required,
        input_data: Some(task.input_data.unwrap_or_else(Json::empty_object)),
        priority: task.priority,
        timeout_seconds: task.timeout_seconds,
        max_retries: task.max_retries,
        depends_on: None,
        routing_strategy: task.routing_strategy,
        retry_policy: task.retry_policy,
        timeout_policy: task.timeout_policy,
        metadata: task.metadata,
        expires_at: task.expires_at,
        run_at: task.run_at,
        min_trust: task.min_trust,
        heartbeat_timeout_seconds: task.heartbeat_timeout_seconds,
        results_from_dependencies: task.results_from_dependencies,
        template_id: None,
    }
}

/// Checks the edges, those that the tasks name and those in `edges`, and puts everything together.
pub(crate) fn connected(
    mut tasks: Vec<Read>,
    edges: &[GraphEdge],
    faults: &mut Faults,
) -> Option<Vec<GraphNode>> {
    let named: Vec<_> = tasks
        .iter_mut()
        .map(|task| std::mem::take(&mut task.depends_on))
        .collect();
    let mut all = Edges::of(&tasks, faults);
    for (place, dependencies) in named.iter().enumerate() {
        for (index, dependency) in dependencies.iter().enumerate() {
            let pointer = format!("/tasks/{place}/depends_on/{index}");
            let (on, when) = match dependency {
                GraphDependency::Task(text) => (all.either(&pointer, text, faults), None),
                GraphDependency::Named { name, when } => {
                    let on = all.place(&format!("{pointer}/name"), name, faults);
                    (on.map(On::Node), when.as_deref())
                }
                GraphDependency::Existing { task_id, when } => {
                    let on = faults.parse(&format!("{pointer}/task_id"), task_id);
                    (on.map(On::Task), when.as_deref())
                }
            };
            all.add(&pointer, on, Some(place), when, faults)?;
        }
    }
    for (index, edge) in edges.iter().enumerate() {
        let pointer = format!("/edges/{index}");
        let on = all.either(&format!("{pointer}/from"), &edge.from, faults);
        let task = all.place(&format!("{pointer}/to"), &edge.to, faults);
        all.add(&pointer, on, task, edge.when.as_deref(), faults)?;
    }
    let Edges { after, outside, .. } = all;
    let nodes = tasks.into_iter().zip(after).zip(outside).enumerate();
    let nodes: Vec<_> = nodes
        .map(|(place, ((read, after), depends_on))| {
            if after.len() + depends_on.len() > MAX_DEPENDENCIES {
                faults.add(
                    &format!("/tasks/{place}/depends_on"),
                    format!("must have at most {MAX_DEPENDENCIES} elements, with those of /edges"),
                );
            }
            let task = NewTask {
                depends_on,
                ..read.task?
            };
            Some(GraphNode { task, after })
        })
        .collect();
    nodes.into_iter().collect()
}

/// What a task can wait for.
#[derive(Debug, Clone, Copy)]
enum On {
    /// A task of the graph, by its place.
    Node(usize),
    /// A task that exists already.
    Task(TaskId),
}

/// The edges of a graph as they come in.
struct Edges<'t> {
    names: Vec<&'t str>,
    places: HashMap<&'t str, usize>,
    graph: DependencyGraph<&'t str>,
    /// For each task, what it waits for in the graph, and outside of it.
    after: Vec<Vec<(usize, Condition)>>,
    outside: Vec<Vec<Dependency>>,
    seen: HashSet<(usize, Dependency)>,
    /// Tasks that were named in cycles.
    in_cycles: usize,
}

impl<'t> Edges<'t> {
    /// No edges yet. Names that are given twice are faults.
    fn of(tasks: &'t [Read], faults: &mut Faults) -> Self {
        let names: Vec<_> = tasks.iter().map(|task| &*task.name).collect();
        let mut places = HashMap::with_capacity(names.len());
        let mut graph = DependencyGraph::new();
        for (place, name) in names.iter().enumerate() {
            match places.entry(*name) {
                Entry::Vacant(free) => {
                    free.insert(place);
                    graph.insert(*name);
                }
                Entry::Occupied(first) => faults.add(
                    &format!("/tasks/{place}/name"),
                    format!("is the name of /tasks/{} as well", first.get()),
                ),
            }
        }
        Self {
            after: vec![Vec::new(); names.len()],
            outside: vec![Vec::new(); names.len()],
            names,
            places,
            graph,
            seen: HashSet::new(),
            in_cycles: 0,
        }
    }

    /// The place of the task of that name.
    fn place(&self, pointer: &str, name: &str, faults: &mut Faults) -> Option<usize> {
        let place = self.places.get(name).copied();
        if place.is_none() {
            faults.add(pointer, "is not the name of a task of this graph");
        }
        place
    }

    /// The task of the graph that `text` names, or else the one that has it as its id.
    fn either(&self, pointer: &str, text: &str, faults: &mut Faults) -> Option<On> {
        let node = self.places.get(text).map(|place| On::Node(*place));
        let on = node.or_else(|| text.parse().ok().map(On::Task));
        if on.is_none() {
            faults.add(
                pointer,
                "is neither the name of a task of this graph nor a task id",
            );
        }
        on
    }

    /// Adds an edge, if its ends are known; the same one again is folded. `None` when no more faults are looked for.
    fn add(
        &mut self,
        pointer: &str,
        on: Option<On>,
        task: Option<usize>,
        when: Option<&str>,
        faults: &mut Faults,
    ) -> Option<()> {
        let when = faults.parse_opt(&format!("{pointer}/when"), when);
        let (Some(on), Some(task), Some(when)) = (on, task, when) else {
            return Some(());
        };
        let when = when.unwrap_or_default();
        match on {
            On::Task(on) => {
                let dependency = Dependency { on, when };
                if self.seen.insert((task, dependency)) {
                    self.outside[task].push(dependency);
                }
            }
            On::Node(on) => {
                let edge = Edge {
                    on: self.names[on],
                    task: self.names[task],
                    when,
                };
                match self.graph.connect(edge) {
                    Ok(true) => self.after[task].push((on, when)),
                    Ok(false) => {}
                    Err(cycle) => {
                        faults.add(pointer, format!("the dependencies form a cycle: {cycle}"));
                        self.in_cycles += cycle.0.len();
                    }
                }
            }
        }
        if self.in_cycles > MAX_GRAPH {
            faults.leave_off();
            return None;
        }
        Some(())
    }
}

/// The answer to a submission.
pub(crate) fn created(tasks: &[Task]) -> GraphCreated {
    let graph = tasks.first().and_then(|task| task.graph);
    let named = tasks.iter().filter_map(|task| {
        let name = task.name.clone()?;
        Some((name.into(), task.id.into()))
    });
    GraphCreated {
        graph_id: graph.map(Into::into).unwrap_or_default(),
        tasks: named.collect(),
    }
}
