//! Templates: checked bodies in, templates out; and which templates a body names.

use std::collections::{BTreeMap, BTreeSet};

use ains_api::{
    SubmitTemplate, TaskFromTemplate, TaskTemplate, TemplateAnswer, TemplateCreated, TemplateSummary, Word,
};
use ains_core::task::limits;
use ains_core::template::Defaults;
use ains_core::{ClientId, Name, Task, TemplateId};
use ains_service::model::{self as service, StoredTemplate, TemplateInUse};
use ains_service::schema::InputSchema;

use super::{at, count, json, task};
use crate::json::{Faults, Members};

/// Templates to make tasks from, by their ids.
pub(crate) type Templates = BTreeMap<TemplateId, TemplateInUse>;

/// What is not found where a task is made from it.
pub(crate) const TEMPLATE: &str = "Template";

/// A template that was checked.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) client: ClientId,
    pub(crate) name: Name,
    pub(crate) description: Option<String>,
    pub(crate) defaults: Defaults,
    pub(crate) input_schema: Option<Box<str>>,
}

/// Checks a template; `client` is whose it is where it does not say.
pub(crate) fn checked(
    sent: SubmitTemplate,
    client: Option<&ClientId>,
    faults: &mut Faults,
) -> Option<Checked> {
    let owner = task::owner(sent.client_id.as_deref(), client, faults);
    let name = faults.parse("/name", &sent.name);
    let description = faults.text_opt("/description", sent.description);
    let task_type = faults.parse("/task_type", &sent.task_type);
    let capability = faults.parse("/capability_required", &sent.capability_required);
    let input = faults.object("/default_input_data", sent.default_input_data);
    let priority = faults.within_or(
        "/default_priority",
        sent.default_priority,
        &limits::PRIORITY,
        limits::DEFAULT_PRIORITY,
    );
    let timeout_seconds = faults.within_or(
        "/default_timeout",
        sent.default_timeout,
        &limits::TIMEOUT_SECONDS,
        limits::DEFAULT_TIMEOUT_SECONDS,
    );
    let max_retries = faults.within_or(
        "/default_max_retries",
        sent.default_max_retries,
        &limits::MAX_RETRIES,
        limits::DEFAULT_MAX_RETRIES,
    );
    let strategy = faults.parse_opt(
        "/default_routing_strategy",
        sent.default_routing_strategy.as_deref(),
    );
    let retry_policy = faults.parse_opt("/default_retry_policy", sent.default_retry_policy.as_deref());
    let input_schema = faults.object_opt("/input_schema", sent.input_schema);
    if let Some(Some(schema)) = &input_schema
        && let Err(found) = InputSchema::read(schema)
    {
        for fault in found {
            faults.add_beside(&format!("/input_schema{}", fault.pointer), fault.message);
        }
    }
    Some(Checked {
        client: owner?,
        name: name?,
        description: description?,
        defaults: Defaults {
            task_type: task_type?,
            capability: capability?,
            input: input?,
            priority: priority?,
            timeout_seconds: timeout_seconds?,
            max_retries: max_retries?,
            strategy: strategy?.unwrap_or_default(),
            retry_policy: retry_policy?.unwrap_or_default(),
        },
        input_schema: input_schema?,
    })
}

/// The body that would make a template as `patch` wants it.
pub(crate) fn merged(stored: &StoredTemplate, patch: Members) -> Members {
    let mut members = Members::of(&whole(stored));
    members.overlay(patch);
    members
}

/// The templates of these names; what is no id names none.
pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<TemplateId> {
    names.into_iter().filter_map(|name| name.parse().ok()).collect()
}

/// The answer to a creation.
pub(crate) fn created(stored: &StoredTemplate) -> TemplateCreated {
    let template = &stored.template;
    TemplateCreated {
        template_id: template.id.into(),
        name: template.name.to_string(),
        task_type: template.defaults.task_type.to_string(),
        created_at: at(template.created_at),
    }
}

/// What lists show of a template.
pub(crate) fn summary(template: service::TemplateSummary) -> TemplateSummary {
    TemplateSummary {
        template_id: template.id.into(),
        name: template.name.into(),
        client_id: template.client.into(),
        description: template.description,
        task_type: template.task_type.into(),
        times_used: count(template.times_used),
        created_at: at(template.created_at),
    }
}

/// The whole template.
pub(crate) fn whole(stored: &StoredTemplate) -> TaskTemplate {
    let template = &stored.template;
    let defaults = &template.defaults;
    TaskTemplate {
        template_id: template.id.into(),
        name: template.name.to_string(),
        client_id: template.client.to_string(),
        description: template.description.clone(),
        task_type: defaults.task_type.to_string(),
        capability_required: defaults.capability.to_string(),
        default_input_data: json(defaults.input.clone()),
        default_priority: defaults.priority,
        default_timeout: defaults.timeout_seconds,
        default_max_retries: defaults.max_retries,
        default_routing_strategy: Word::Borrowed(defaults.strategy.as_str()),
        default_retry_policy: Word::Borrowed(defaults.retry_policy.as_str()),
        input_schema: template.input_schema.clone().map(json),
        times_used: count(stored.times_used),
        created_at: at(template.created_at),
        updated_at: at(template.updated_at),
    }
}

/// The answer to a change.
pub(crate) fn changed(id: TemplateId) -> TemplateAnswer {
    TemplateAnswer {
        template_id: id.into(),
        message: Word::Borrowed("Template updated successfully"),
    }
}

/// The answer to a removal.
pub(crate) fn deleted(id: TemplateId) -> TemplateAnswer {
    TemplateAnswer {
        template_id: id.into(),
        message: Word::Borrowed("Template deleted successfully"),
    }
}

/// The answer to a submission from a template; it says again what the task waits for.
pub(crate) fn made(made: &Task, depends_on: Vec<ains_api::Dependency>) -> TaskFromTemplate {
    let created = task::created(made, depends_on);
    TaskFromTemplate {
        task_id: created.task_id,
        template_id: made.template.map(String::from).unwrap_or_default(),
        status: created.status,
        client_id: made.client.to_string(),
        priority: created.priority,
        depends_on: created.depends_on,
        is_blocked: created.is_blocked,
        routing_strategy: created.routing_strategy,
        assigned_agent_id: created.assigned_agent_id,
        created_at: created.created_at,
    }
}
