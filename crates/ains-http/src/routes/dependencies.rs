//! What tasks wait for, what waits for them, and why they wait.

use actix_web::HttpResponse;
use ains_api::{GraphFormat, GraphQuery, TaskDependencies, TaskDependents, TaskGraph, Why};
use ains_core::TaskId;
use ains_service::model::Direction;

use super::State;
use crate::auth::Caller;
use crate::convert::dependency as convert;
use crate::convert::drawing::{FORMATS, Picture};
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{self, Answer, Reply};

/// Edges away from the task in the middle; as many as a graph has tasks (semantics §9).
const DEPTH: std::ops::RangeInclusive<u32> = 1..=10_000;

/// Which way to look, and other names for it.
const DIRECTIONS: [(&str, Direction); 5] = [
    ("both", Direction::Both),
    ("dependencies", Direction::Dependencies),
    ("dependents", Direction::Dependents),
    ("upstream", Direction::Dependencies),
    ("downstream", Direction::Dependents),
];

/// What a task waits or waited for.
#[utoipa::path(
    get,
    path = "/ains/tasks/{id}/dependencies",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task.")),
    responses((status = OK, body = TaskDependencies))
)]
pub(crate) async fn dependencies(state: State, Id(id): Id<TaskId>) -> Answer<TaskDependencies> {
    Ok(Reply(convert::dependencies(state.ains.dependencies(id).await?)))
}

/// The tasks that wait or waited for a task.
#[utoipa::path(
    get,
    path = "/ains/tasks/{id}/dependents",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task.")),
    responses((status = OK, body = TaskDependents))
)]
pub(crate) async fn dependents(state: State, caller: Caller, Id(id): Id<TaskId>) -> Answer<TaskDependents> {
    let mut view = state.ains.dependents(id).await?;
    view.keep(|task| caller.sees(task));
    Ok(Reply(convert::dependents(id, view)))
}

/// The dependency graph around a task, at most 2,000 tasks of it; on request as a drawing.
#[utoipa::path(
    get,
    path = "/ains/tasks/{id}/graph",
    tag = "Tasks",
    params(
        ("id" = String, Path, description = "The task."),
        GraphQuery,
        ("format" = inline(Option<GraphFormat>), Query, description = "How it is answered. Default `json`.")
    ),
    responses((
        status = OK,
        content(
            (TaskGraph = "application/json"),
            (String = "text/vnd.graphviz"),
            (String = "text/vnd.mermaid")
        )
    ))
)]
pub(crate) async fn graph(
    state: State,
    caller: Caller,
    Id(id): Id<TaskId>,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let direction = query.choice("direction", &DIRECTIONS);
    let depth = query.within("depth", &DEPTH, *DEPTH.end());
    let format = query.choice("format", &FORMATS);
    query.finish(Some(()))?;
    let depth = usize::try_from(depth).unwrap_or(usize::MAX);
    let mut graph = state.ains.graph(id, direction, depth).await?;
    graph.keep(|task| caller.sees(task));
    Ok(match format {
        None => reply::json(reply::to_text(&convert::graph(graph))),
        Some(language) => {
            let drawing = Picture::of_tasks(&graph).drawn_in(language);
            reply::text(language.content_type(), drawing)
        }
    })
}

/// Why a task is not running: the first gate that is closed, with who and what it is about.
#[utoipa::path(
    get,
    path = "/ains/tasks/{id}/why",
    tag = "Tasks",
    params(("id" = String, Path, description = "The task.")),
    responses((status = OK, body = Why))
)]
pub(crate) async fn why(state: State, caller: Caller, Id(id): Id<TaskId>) -> Answer<Why> {
    let mut view = state.ains.why(id).await?;
    // What stands before it in its queue may be anybody's.
    let foreign = state
        .ains
        .out_of_reach(caller.reach(), view.tasks.clone())
        .await?;
    view.tasks.retain(|task| !foreign.contains(task));
    Ok(Reply(convert::why(view)))
}
