//! Tasks, many at a time.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use ains_api::{BatchAnswer, BatchItem, BatchSubmit, Json, ManyAnswer, ManyTasks, SubmitTask};
use ains_core::{ClientId, Task, TaskId, TemplateId};
use ains_service::Error;
use ains_service::model::NewTask;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{State, templates};
use crate::auth::Caller;
use crate::convert::template::Templates;
use crate::convert::{task as convert, work};
use crate::json::{self, Body, Effort, Faults, LIMIT_MANY};
use crate::once::{IdempotencyKey, answered, earlier};
use crate::problem::{Problem, Wording};
use crate::reply::{self, Answer, Reply};

/// Tasks of one batch (api.md).
pub(crate) const MOST: usize = 1000;

/// Retries that are on their way to the store at once.
const RETRIES_AT_ONCE: usize = 64;

/// `BatchSubmit` with its tasks unread, so that a bad one is found on its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unread {
    tasks: Vec<Json>,
    atomic: Option<bool>,
    client_id: Option<String>,
}

/// Reads and checks every item of the list at `place`: what could be made of it, and its faults, below `<place>/<index>`.
pub(super) fn each<T: DeserializeOwned, U>(
    place: &str,
    items: &[Json],
    mut check: impl FnMut(T, &mut Faults) -> Option<U>,
) -> Vec<(Option<U>, Faults)> {
    let mut effort = Effort::default();
    let mut one = |item: &Json, faults: &mut Faults| {
        // It is JSON: the batch was read.
        let (value, of_form) = json::parse::<T>(item.get(), &mut effort).ok()?;
        faults.absorb(of_form);
        check(value?, faults)
    };
    let items = items.iter().enumerate().map(|(index, item)| {
        let mut faults = Faults::default();
        let checked = faults.below(&format!("{place}/{index}"), |faults| one(item, faults));
        (checked, faults)
    });
    items.collect()
}

/// What could be made of all of them, with the faults of all; nothing if nothing could be made of one.
pub(super) fn all<U>(checked: Vec<(Option<U>, Faults)>, faults: &mut Faults) -> Option<Vec<U>> {
    let made: Vec<_> = checked
        .into_iter()
        .map(|(made, own)| {
            faults.absorb(own);
            made
        })
        .collect();
    made.into_iter().collect()
}

/// Submit 1 to 1,000 tasks: all or none, or each on its own.
#[utoipa::path(
    post,
    path = "/ains/tasks/batch",
    tag = "Tasks",
    request_body = BatchSubmit,
    responses((status = OK, body = BatchAnswer), (status = FORBIDDEN, description = "The key is bound to another client"))
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<Unread, LIMIT_MANY>,
) -> Result<HttpResponse, Problem> {
    let raw = body.raw();
    let named = body
        .peek()
        .map(|batch| named(&raw, &batch.tasks))
        .unwrap_or_default();
    let templates = if named.is_empty() {
        Templates::new()
    } else {
        if let Some(answer) = earlier(&state, &key, &caller, &raw).await? {
            return Ok(answer);
        }
        templates::to_use(&state, &caller, named).await?
    };
    let (mut checked, atomic) = body.check(|batch, faults| {
        if !(1..=MOST).contains(&batch.tasks.len()) {
            faults.add("/tasks", format!("must have 1 to {MOST} elements"));
            return None;
        }
        let named = faults.parse_opt::<ClientId>("/client_id", batch.client_id.as_deref())?;
        let client = named.as_ref().or(caller.client());
        // A batch is not to become larger by its templates than one may be without.
        let mut room = LIMIT_MANY;
        let checked = each("/tasks", &batch.tasks, |task: SubmitTask, faults| {
            let task = convert::new_task(task, client, &templates, faults)?;
            let left = room.checked_sub(task.input.len());
            if left.is_none() {
                faults.add(
                    "",
                    format!("makes all inputs larger than the limit of {LIMIT_MANY} bytes"),
                );
            }
            room = left?;
            Some(task)
        });
        let atomic = batch.atomic.unwrap_or(true);
        let checked: Vec<_> = if atomic {
            all(checked, faults)?.into_iter().map(Ok).collect()
        } else {
            checked
                .into_iter()
                .map(|(task, faults)| faults.into_result(task))
                .collect()
        };
        Some((checked, atomic))
    })?;
    for task in checked.iter().flatten() {
        caller.acts_for(&task.spec.client)?;
    }
    if atomic {
        let tasks = checked.iter().flatten();
        caller
            .may_wait_for(&state, tasks.flat_map(|task| &task.depends_on))
            .await?;
    } else {
        refuse_unknown(&state, &caller, &mut checked).await?;
    }
    let (tasks, refused) = apart(checked);
    let batch_id = state.ids.batch(state.now());
    let render = move |tasks: &[Task]| answer(batch_id.clone(), &refused, tasks);
    if tasks.is_empty() {
        return Ok(reply::json(reply::to_text(&render(&[]))));
    }
    let once = key.once(&caller, &raw, render.clone());
    Ok(answered(state.ains.submit(tasks, once).await?, |tasks| {
        render(tasks)
    }))
}

/// The templates that tasks name. Without one, they are not looked through.
fn named(raw: &[u8], tasks: &[Json]) -> BTreeSet<TemplateId> {
    #[derive(Deserialize)]
    struct Named {
        template_id: Option<String>,
    }

    let may_be =
        std::str::from_utf8(raw).is_ok_and(|text| text.contains("template_id") || text.contains("\\u"));
    let tasks = tasks.iter().filter(|_| may_be);
    let names = tasks.filter_map(|task| task.to::<Named>().ok()?.template_id);
    names.filter_map(|name| name.parse().ok()).collect()
}

/// Refuses those that depend on a task that does not exist for the caller.
async fn refuse_unknown(
    state: &State,
    caller: &Caller,
    checked: &mut [Result<NewTask, Problem>],
) -> Result<(), Problem> {
    let good = checked.iter().flatten();
    let named: BTreeSet<_> = good
        .flat_map(|task| task.depends_on.iter().map(|one| one.on))
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let named: Vec<TaskId> = named.into_iter().collect();
    let mut unknown = state.ains.out_of_reach(caller.reach(), named.clone()).await?;
    unknown.extend(state.ains.unknown_tasks(named).await?);
    for one in checked {
        let Ok(task) = one else { continue };
        if let Some(bad) = task.depends_on.iter().find(|bad| unknown.contains(&bad.on)) {
            *one = Err(Error::UnknownDependency(bad.on).into());
        }
    }
    Ok(())
}

/// The good ones, and for each of all what is wrong with it.
fn apart(checked: Vec<Result<NewTask, Problem>>) -> (Vec<NewTask>, Vec<Option<ains_api::Problem>>) {
    let mut good = Vec::with_capacity(checked.len());
    let refused = checked
        .into_iter()
        .map(|one| one.map(|task| good.push(task)).err())
        .map(|problem| problem.map(|problem| problem.to_wire(None)));
    let refused = refused.collect();
    (good, refused)
}

fn answer(batch_id: String, refused: &[Option<ains_api::Problem>], tasks: &[Task]) -> BatchAnswer {
    let mut made = tasks.iter();
    let items: Vec<_> = refused
        .iter()
        .map(|problem| match problem {
            Some(problem) => BatchItem {
                problem: Some(problem.clone()),
                ..BatchItem::default()
            },
            None => made.next().map_or_else(BatchItem::default, |task| BatchItem {
                task_id: Some(task.id.to_string()),
                status: Some(convert::status(task)),
                problem: None,
            }),
        })
        .collect();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let created = number(tasks.len());
    BatchAnswer {
        batch_id,
        created,
        failed: number(items.len()).saturating_sub(created),
        tasks: items,
    }
}

/// Which tasks, and why.
fn many(body: ManyTasks, faults: &mut Faults) -> Option<(Vec<String>, String)> {
    if !(1..=MOST).contains(&body.task_ids.len()) {
        faults.add("/task_ids", format!("must have 1 to {MOST} elements"));
    }
    let reason = faults.text_opt("/reason", body.reason)?;
    Some((
        body.task_ids,
        reason.unwrap_or_else(|| "Cancelled by client".to_owned()),
    ))
}

/// Pairs every text with its outcome; what is no id names nothing.
fn results(texts: Vec<String>, outcomes: Vec<Result<Task, Error>>, asked: Wording) -> Reply<ManyAnswer> {
    let mut outcomes = outcomes.into_iter();
    let results = texts.into_iter().map(|text| {
        let known = text.parse::<TaskId>().is_ok();
        let outcome = known.then(|| outcomes.next()).flatten();
        let outcome = outcome.map_or_else(
            || Err(Problem::not_found("Task")),
            |outcome| outcome.map_err(|error| Problem::of(error, asked)),
        );
        work::outcome(text, outcome)
    });
    Reply(ManyAnswer {
        results: results.collect(),
    })
}

/// What `act` makes of each of these tasks; those out of the caller's reach do not exist.
pub(super) async fn each_within(
    state: &State,
    caller: &Caller,
    ids: Vec<TaskId>,
    act: impl AsyncFnOnce(Vec<TaskId>) -> Result<Vec<Result<Task, Error>>, Error>,
) -> Result<Vec<Result<Task, Error>>, Problem> {
    let foreign = state.ains.out_of_reach(caller.reach(), ids.clone()).await?;
    let own = ids.iter().copied().filter(|id| !foreign.contains(id)).collect();
    let mut outcomes = act(own).await?.into_iter();
    let not_found = |id: TaskId| Error::NotFound {
        entity: "Task",
        id: id.to_string(),
    };
    let outcome = |id: TaskId| {
        let own = (!foreign.contains(&id)).then(|| outcomes.next()).flatten();
        own.unwrap_or_else(|| Err(not_found(id)))
    };
    Ok(ids.into_iter().map(outcome).collect())
}

fn ids(texts: &[String]) -> Vec<TaskId> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Call many tasks off; each stands alone.
#[utoipa::path(
    post,
    path = "/ains/tasks/cancel",
    tag = "Tasks",
    request_body = ManyTasks,
    responses((status = OK, body = ManyAnswer))
)]
pub(crate) async fn cancel(state: State, caller: Caller, body: Body<ManyTasks>) -> Answer<ManyAnswer> {
    let (texts, reason) = body.check(many)?;
    let cancel = |ids| state.ains.cancel_each(ids, reason, None);
    let outcomes = each_within(&state, &caller, ids(&texts), cancel).await?;
    Ok(results(texts, outcomes, Wording::Cancel))
}

/// Try many FAILED tasks again, now; each stands alone.
#[utoipa::path(
    post,
    path = "/ains/tasks/retry",
    tag = "Tasks",
    request_body = ManyTasks,
    responses((status = OK, body = ManyAnswer))
)]
pub(crate) async fn retry(state: State, caller: Caller, body: Body<ManyTasks>) -> Answer<ManyAnswer> {
    let (texts, _) = body.check(many)?;
    let retry = async |ids: Vec<TaskId>| {
        let retries = ids.into_iter().map(|id| state.ains.retry(id, false));
        let retries = futures_util::stream::iter(retries).buffered(RETRIES_AT_ONCE);
        Ok(retries.collect().await)
    };
    let outcomes = each_within(&state, &caller, ids(&texts), retry).await?;
    Ok(results(texts, outcomes, Wording::Plain))
}
