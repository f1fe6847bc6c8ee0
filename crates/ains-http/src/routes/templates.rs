//! Templates: what tasks of a kind have in common, and the tasks that are made from them.

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse, web};
use ains_api::{
    PatchTemplate, SubmitTask, SubmitTemplate, TaskFromTemplate, TaskTemplate, TemplateAnswer,
    TemplateCreated, TemplateSummary,
};
use ains_core::TemplateId;
use ains_service::Error;
use ains_service::model::{NewTemplate, StoredTemplate, TemplateChange, TemplateFilter};

use super::{State, tasks};
use crate::auth::Caller;
use crate::convert::template as convert;
use crate::json::{Body, Faults, Members};
use crate::once::{IdempotencyKey, answered};
use crate::page;
use crate::path::Id;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// How often a change is made anew because somebody else was faster.
const TRIES: u32 = 5;

/// Create a template: what tasks of a kind have in common, and what their inputs must satisfy.
///
/// Every fault is listed with its field; of the schema, with its place within that.
#[utoipa::path(
    post,
    path = "/ains/task-templates",
    tag = "Templates",
    request_body = SubmitTemplate,
    responses(
        (status = OK, body = TemplateCreated),
        (status = FORBIDDEN, description = "The key is bound to another client")
    )
)]
pub(crate) async fn submit(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    body: Body<SubmitTemplate>,
) -> Result<HttpResponse, Problem> {
    let once = key.once(&caller, &body.raw(), convert::created);
    let client = caller.client().cloned();
    // A large schema takes a while, in which this thread has others to serve.
    let checked = web::block(move || {
        body.check(|template, faults| convert::checked(template, client.as_ref(), faults))
    });
    let checked = checked.await.map_err(|_| Problem::internal())??;
    caller.acts_for(&checked.client)?;
    let new = NewTemplate {
        client: checked.client,
        name: checked.name,
        description: checked.description,
        defaults: checked.defaults,
        input_schema: checked.input_schema,
    };
    let answer = state.ains.create_template(new, once).await?;
    Ok(answered(answer, convert::created))
}

/// Templates, newest first.
#[utoipa::path(
    get,
    path = "/ains/task-templates",
    tag = "Templates",
    params(ains_api::TemplateFilter),
    responses((
        status = OK,
        body = Vec<TemplateSummary>,
        headers(("Link" = String, description = "`<…>; rel=\"next\"` where there is a next page."))
    ))
)]
pub(crate) async fn list(
    state: State,
    caller: Caller,
    request: HttpRequest,
    mut query: Query,
) -> Result<HttpResponse, Problem> {
    let limit = query.within("limit", &page::LIMIT, page::DEFAULT_LIMIT);
    let filter = TemplateFilter {
        client: query.parse("client_id"),
        before: query.parse("cursor"),
        limit: limit + 1,
    };
    let mut filter = query.finish(Some(filter))?;
    filter.client = caller.only(filter.client)?;
    let mut templates = state.ains.templates(filter).await?;
    let more = page::cut(&mut templates, limit);
    let last = templates.last().filter(|_| more);
    let cursor = last.map(|last| last.id.to_string());
    let templates: Vec<_> = templates.into_iter().map(convert::summary).collect();
    Ok(page::answer(&request, &templates, cursor.as_deref()))
}

/// One template, whole.
#[utoipa::path(
    get,
    path = "/ains/task-templates/{id}",
    tag = "Templates",
    params(("id" = String, Path, description = "The template.")),
    responses((status = OK, body = TaskTemplate))
)]
pub(crate) async fn one(state: State, Id(id): Id<TemplateId>) -> Answer<TaskTemplate> {
    Ok(Reply(convert::whole(&state.ains.template(id).await?)))
}

/// Change a template. What was made from it stays as it is; what is made from now on is as it says then, also by schedules
/// and chains that name it.
#[utoipa::path(
    patch,
    path = "/ains/task-templates/{id}",
    tag = "Templates",
    params(("id" = String, Path, description = "The template.")),
    request_body = PatchTemplate,
    responses(
        (status = OK, body = TemplateAnswer),
        (status = CONFLICT, description = "Others change the template all the time")
    )
)]
pub(crate) async fn change(
    state: State,
    caller: Caller,
    Id(id): Id<TemplateId>,
    body: Body<Members>,
) -> Answer<TemplateAnswer> {
    let patch = body.value()?;
    let mut tries = 0;
    loop {
        let stored = state.ains.template(id).await?;
        let patch = patch.clone();
        let change = web::block(move || changed(&stored, patch)).await;
        let change = change.map_err(|_| Problem::internal())??;
        tries += 1;
        let owner = caller.client().cloned();
        match state.ains.change_template(id, change, owner).await {
            Err(Error::Stale { .. }) if tries < TRIES => {}
            outcome => {
                return outcome
                    .map(|_| Reply(convert::changed(id)))
                    .map_err(Problem::from);
            }
        }
    }
}

/// What `patch` makes of a template.
fn changed(stored: &StoredTemplate, patch: Members) -> Result<TemplateChange, Problem> {
    let mut faults = Faults::default();
    let sent: Option<SubmitTemplate> = convert::merged(stored, patch).read(&mut faults);
    let client = &stored.template.client;
    let checked = sent.and_then(|sent| convert::checked(sent, Some(client), &mut faults));
    if checked.as_ref().is_some_and(|checked| checked.client != *client) {
        faults.add("/client_id", "cannot be changed");
    }
    let change = checked.map(|checked| TemplateChange {
        revision: stored.revision,
        name: checked.name,
        description: checked.description,
        defaults: checked.defaults,
        input_schema: checked.input_schema,
    });
    faults.into_result(change)
}

/// Remove a template. What was made from it stays as it is.
#[utoipa::path(
    delete,
    path = "/ains/task-templates/{id}",
    tag = "Templates",
    params(("id" = String, Path, description = "The template.")),
    responses(
        (status = OK, body = TemplateAnswer),
        (status = CONFLICT, description = "Schedules or chains that have not ended refer to the template")
    )
)]
pub(crate) async fn remove(state: State, caller: Caller, Id(id): Id<TemplateId>) -> Answer<TemplateAnswer> {
    state
        .ains
        .delete_template(&caller.actor(), id, caller.client().cloned())
        .await?;
    Ok(Reply(convert::deleted(id)))
}

/// Submit a task that is as its template says, but for what is said here; it is routed before the answer.
///
/// The input is laid over the template's member by member, and the whole must satisfy the template's schema: every fault is
/// listed with its place.
#[utoipa::path(
    post,
    path = "/ains/tasks/from-template",
    tag = "Tasks",
    request_body = SubmitTask,
    responses(
        (status = OK, body = TaskFromTemplate),
        (status = FORBIDDEN, description = "The key is bound to another client"),
        (status = NOT_FOUND, description = "The template, or a task that this one waits for, does not exist")
    )
)]
pub(crate) async fn make(
    state: State,
    caller: Caller,
    key: IdempotencyKey,
    mut body: Body<SubmitTask>,
) -> Result<HttpResponse, Problem> {
    body.look(|task, faults| {
        if task.template_id.is_none() {
            faults.add("/template_id", "is missing");
        }
    });
    tasks::submitted(state, caller, key, body, convert::made).await
}

/// The templates of these ids, as far as the caller may make tasks from them.
pub(super) async fn to_use(
    state: &State,
    caller: &Caller,
    ids: BTreeSet<TemplateId>,
) -> Result<convert::Templates, Problem> {
    Ok(state.ains.templates_to_use(ids, caller.client().cloned()).await?)
}
