//! Tasks that wait for each other, submitted as a whole.

use actix_web::{HttpResponse, web};
use ains_api::{GraphCreated, GraphEdge, GraphTask, Json, SubmitGraph, TaskDefaults};
use ains_core::ClientId;
use ains_core::dependency::MAX_GRAPH;
use ains_service::model::GraphNode;
use serde::Deserialize;

use super::State;
use super::batch::{all, each};
use crate::auth::Caller;
use crate::convert::graph as convert;
use crate::convert::task;
use crate::json::{Body, Faults, LIMIT_MANY};
use crate::once::{IdempotencyKey, answered};
use crate::problem::Problem;

/// `SubmitGraph` with its tasks unread, so that a bad one is found on its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unread {
    client_id: Option<String>,
    defaults: Option<TaskDefaults>,
    tasks: Vec<Json>,
    edges: Option<Vec<GraphEdge>>,
}

/// Submit 1 to 10,000 tasks that wait for each other, all or none.
///
/// Every fault is listed: of each task, names that are given twice or to no task, and cycles with the names in them.
#[utoipa::path(
    post,
    path = "/ains/tasks/graph",
    tag = "Tasks",
    request_body = SubmitGraph,
    responses(
        (status = OK, body = GraphCreated),
        (status = FORBIDDEN, description = "The key is bound to another client"),
        (status = NOT_FOUND, description = "A task is to wait for one that does not exist")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<Unread, LIMIT_MANY>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::created);
    let client = caller.client().cloned();
    // A large graph takes a while, in which this thread has others to serve.
    let checked = web::block(move || body.check(|graph, faults| checked(&graph, client.as_ref(), faults)));
    let (owner, nodes) = checked.await.map_err(|_| Problem::internal())??;
    caller.acts_for(&owner)?;
    let outside = nodes.iter().flat_map(|node| &node.task.depends_on);
    caller.may_wait_for(&state, outside).await?;
    let answer = state.ains.submit_graph(nodes, once).await?;
    Ok(answered(answer, |tasks| convert::created(tasks)))
}

/// Checks a graph as a whole: whose it is, and its tasks and edges.
fn checked(
    graph: &Unread,
    client: Option<&ClientId>,
    faults: &mut Faults,
) -> Option<(ClientId, Vec<GraphNode>)> {
    let count = graph.tasks.len();
    if !(1..=MAX_GRAPH).contains(&count) {
        faults.add("/tasks", format!("must have 1 to {MAX_GRAPH} elements"));
        return None;
    }
    let owner = task::owner(graph.client_id.as_deref(), client, faults);
    let defaults = convert::defaults(graph.defaults.as_ref(), count, faults);
    let read = each("/tasks", &graph.tasks, |task: GraphTask, faults| {
        Some(convert::task(task, &defaults, owner.as_ref(), faults))
    });
    let edges = graph.edges.as_deref().unwrap_or_default();
    let nodes = convert::connected(all(read, faults)?, edges, faults)?;
    Some((owner?, nodes))
}
