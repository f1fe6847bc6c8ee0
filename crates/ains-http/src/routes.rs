//! Every route, by noun. A handler parses, calls the service, renders; it decides nothing.
//!
//! Paths with a fixed word come before those with an id in its place. A path with several methods is one
//! resource, so that every other method is a 405 which names those it takes.

pub(crate) mod agents;
pub(crate) mod aitp;
pub(crate) mod aitp_batch;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod calendars;
pub(crate) mod chains;
pub(crate) mod clients;
pub(crate) mod dependencies;
pub(crate) mod directory;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod graphs;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod metrics;
mod route;
pub(crate) mod routing;
pub(crate) mod schedules;
pub(crate) mod slots;
pub(crate) mod stats;
pub(crate) mod tasks;
pub(crate) mod templates;
pub(crate) mod trust;
pub(crate) mod webhooks;
pub(crate) mod work;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use ains_core::Scope::{
    Admin, AgentAct, AgentRead, AgentWrite, AuditRead, ChainRead, ChainWrite, KeyRead, KeyWrite,
    ScheduleRead, ScheduleWrite, StatsRead, TaskRead, TaskWrite, TemplateRead, TemplateWrite, WebhookRead,
    WebhookWrite,
};

use crate::app::HttpState;
use crate::auth::{Need, Noun};
use crate::problem::Problem;
use route::{Route, at};

/// What every handler has at hand.
pub(crate) type State = web::Data<HttpState>;

/// Adds every route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    for route in all() {
        route.add_to(config);
    }
    config.default_service(web::to(nothing_here));
}

/// Every route, in the order in which paths are tried.
pub(crate) fn all() -> impl Iterator<Item = Route> {
    let groups: [fn() -> Vec<Route>; 11] = [
        hot,
        of_tasks,
        of_chains,
        of_schedules,
        of_templates,
        of_webhooks,
        of_keys,
        of_agents,
        of_the_earlier_protocol,
        operations,
        pages,
    ];
    groups.into_iter().flat_map(|group| group())
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::of_status(StatusCode::NOT_FOUND))
}

/// What is called for every task. Paths are tried in order, so these come first.
fn hot() -> Vec<Route> {
    vec![
        at("/ains/tasks")
            .get(TaskRead, tasks::list)
            .post(TaskWrite, tasks::submit),
        at("/ains/tasks/batch").post(TaskWrite, batch::submit),
        at("/aitp/tasks")
            .get(TaskRead, aitp::list)
            .post(TaskWrite, aitp::submit),
        at("/ains/agents/{id}/claim")
            .of(Noun::Agent)
            .post(AgentAct, work::claim),
        at("/ains/agents/{id}/report")
            .of(Noun::Agent)
            .post(AgentAct, work::report),
        at("/ains/tasks/{id}/complete")
            .of(Noun::HeldTask)
            .post(AgentAct, work::complete),
        at("/ains/tasks/{id}/start")
            .of(Noun::HeldTask)
            .post(AgentAct, work::start),
    ]
}

fn pages() -> Vec<Route> {
    vec![
        at("/").get(Need::Key, docs::root),
        at("/docs").get(Need::Key, docs::root),
        at("/docs/{file:.*}").get(Need::Key, docs::file),
        at("/openapi.json").get(Need::Key, docs::openapi),
        at("/problems/{slug}").get(Need::Key, docs::problem),
    ]
}

fn operations() -> Vec<Route> {
    vec![
        at("/health").get(Need::Nothing, health::health),
        at("/health/live").get(Need::Nothing, health::live),
        at("/health/ready").get(Need::Nothing, health::ready),
        at("/health/aitp").get(Need::Nothing, health::aitp),
        at("/metrics").get(StatsRead, metrics::metrics),
        at("/ains/stats").get(StatsRead, stats::stats),
        at("/ains/stats/database").get(StatsRead, stats::database),
        at("/ains/maintenance/cleanup").post(Admin, stats::cleanup),
        at("/ains/events").get([TaskRead, ChainRead, ScheduleRead, AgentRead], events::follow),
        at("/ains/routing/strategies").get(Need::Key, routing::strategies),
        at("/ains/routing/test").post(AgentRead, routing::test),
        at("/ains/clients/{id}").put(Admin, clients::set),
    ]
}

fn of_agents() -> Vec<Route> {
    vec![
        at("/ains/agents")
            .get(AgentRead, agents::list)
            .post([AgentWrite, AgentAct], agents::register),
        at("/ains/agents/leaderboard").get(AgentRead, directory::leaderboard),
        at("/ains/search").get(AgentRead, directory::search),
        at("/ains/agents/{id}")
            .of(Noun::Agent)
            .get(AgentRead, agents::one)
            .patch([AgentWrite, AgentAct], agents::change)
            .delete(AgentWrite, agents::remove),
        at("/ains/agents/{id}/heartbeat")
            .of(Noun::Agent)
            .post(AgentAct, agents::heartbeat),
        at("/ains/agents/{id}/capabilities")
            .of(Noun::Agent)
            .get(AgentRead, agents::capabilities)
            .post([AgentWrite, AgentAct], agents::publish),
        at("/ains/agents/{id}/drain")
            .of(Noun::Agent)
            .post([AgentWrite, AgentAct], agents::drain),
        at("/ains/agents/{id}/resume")
            .of(Noun::Agent)
            .post([AgentWrite, AgentAct], agents::resume),
        at("/ains/agents/{id}/rotate-key")
            .of(Noun::Agent)
            .post([AgentWrite, AgentAct], agents::rotate_key),
        at("/ains/agents/{id}/trust")
            .of(Noun::Agent)
            .get(AgentRead, trust::trust),
        at("/ains/agents/{id}/trust/history")
            .of(Noun::Agent)
            .get(AgentRead, trust::history),
        at("/ains/agents/{id}/trust/adjust")
            .of(Noun::Agent)
            .post(Admin, trust::adjust),
    ]
}

fn of_tasks() -> Vec<Route> {
    vec![
        at("/ains/tasks/graph").post(TaskWrite, graphs::submit),
        at("/ains/tasks/from-template").post(TaskWrite, templates::make),
        at("/ains/tasks/cancel").post(TaskWrite, batch::cancel),
        at("/ains/tasks/retry").post(TaskWrite, batch::retry),
        at("/ains/tasks/{id}")
            .of(Noun::Task)
            .get(TaskRead, tasks::one)
            .patch(TaskWrite, tasks::change),
        at("/ains/tasks/{id}/cancel")
            .of(Noun::Task)
            .post(TaskWrite, tasks::cancel),
        at("/ains/tasks/{id}/retry")
            .of(Noun::Task)
            .post(TaskWrite, tasks::retry),
        at("/ains/tasks/{id}/attempts")
            .of(Noun::Task)
            .get(TaskRead, tasks::attempts),
        at("/ains/tasks/{id}/dependencies")
            .of(Noun::Task)
            .get(TaskRead, dependencies::dependencies),
        at("/ains/tasks/{id}/dependents")
            .of(Noun::Task)
            .get(TaskRead, dependencies::dependents),
        at("/ains/tasks/{id}/graph")
            .of(Noun::Task)
            .get(TaskRead, dependencies::graph),
        at("/ains/tasks/{id}/why")
            .of(Noun::Task)
            .get(TaskRead, dependencies::why),
        at("/ains/tasks/{id}/progress")
            .of(Noun::HeldTask)
            .post(AgentAct, work::progress),
        at("/ains/tasks/{id}/fail")
            .of(Noun::HeldTask)
            .post(AgentAct, work::fail),
        at("/ains/tasks/{id}/release")
            .of(Noun::HeldTask)
            .post(AgentAct, work::release),
    ]
}

fn of_chains() -> Vec<Route> {
    vec![
        at("/ains/task-chains")
            .get(ChainRead, chains::list)
            .post(ChainWrite, chains::submit),
        at("/ains/task-chains/{id}")
            .of(Noun::Chain)
            .get(ChainRead, chains::one),
        at("/ains/task-chains/{id}/cancel")
            .of(Noun::Chain)
            .post(ChainWrite, chains::cancel),
        at("/ains/task-chains/{id}/pause")
            .of(Noun::Chain)
            .post(ChainWrite, chains::pause),
        at("/ains/task-chains/{id}/resume")
            .of(Noun::Chain)
            .post(ChainWrite, chains::resume),
        at("/ains/task-chains/{id}/retry")
            .of(Noun::Chain)
            .post(ChainWrite, chains::retry),
        at("/ains/task-chains/{id}/graph")
            .of(Noun::Chain)
            .get(ChainRead, chains::graph),
    ]
}

fn of_schedules() -> Vec<Route> {
    vec![
        at("/ains/scheduled-tasks")
            .get(ScheduleRead, schedules::list)
            .post(ScheduleWrite, schedules::submit),
        at("/ains/scheduled-tasks/preview").post(ScheduleRead, slots::preview),
        at("/ains/scheduled-tasks/{id}")
            .of(Noun::Schedule)
            .get(ScheduleRead, schedules::one)
            .patch(ScheduleWrite, schedules::change)
            .delete(ScheduleWrite, schedules::remove),
        at("/ains/scheduled-tasks/{id}/run-now")
            .of(Noun::Schedule)
            .post(ScheduleWrite, slots::run_now),
        at("/ains/scheduled-tasks/{id}/pause")
            .of(Noun::Schedule)
            .post(ScheduleWrite, schedules::pause),
        at("/ains/scheduled-tasks/{id}/resume")
            .of(Noun::Schedule)
            .post(ScheduleWrite, schedules::resume),
        at("/ains/scheduled-tasks/{id}/backfill")
            .of(Noun::Schedule)
            .post(ScheduleWrite, slots::backfill),
        at("/ains/scheduled-tasks/{id}/slots")
            .of(Noun::Schedule)
            .get(ScheduleRead, slots::slots),
        at("/ains/scheduled-tasks/{id}/preview")
            .of(Noun::Schedule)
            .get(ScheduleRead, slots::preview_of),
        at("/ains/calendars")
            .get(ScheduleRead, calendars::list)
            .post(ScheduleWrite, calendars::submit),
        at("/ains/calendars/{id}")
            .of(Noun::Calendar)
            .get(ScheduleRead, calendars::one)
            .patch(ScheduleWrite, calendars::change)
            .delete(ScheduleWrite, calendars::remove),
        at("/ains/calendars/{id}/import")
            .of(Noun::Calendar)
            .post(ScheduleWrite, calendars::import),
        at("/ains/calendars/{id}/dates")
            .of(Noun::Calendar)
            .get(ScheduleRead, calendars::dates),
    ]
}

fn of_templates() -> Vec<Route> {
    vec![
        at("/ains/task-templates")
            .get(TemplateRead, templates::list)
            .post(TemplateWrite, templates::submit),
        at("/ains/task-templates/{id}")
            .of(Noun::Template)
            .get(TemplateRead, templates::one)
            .patch(TemplateWrite, templates::change)
            .delete(TemplateWrite, templates::remove),
    ]
}

fn of_webhooks() -> Vec<Route> {
    vec![
        at("/ains/webhooks")
            .get(WebhookRead, webhooks::list)
            .post(WebhookWrite, webhooks::submit),
        at("/ains/webhooks/{id}")
            .of(Noun::Webhook)
            .get(WebhookRead, webhooks::one)
            .delete(WebhookWrite, webhooks::remove),
        at("/ains/webhooks/{id}/deliveries")
            .of(Noun::Webhook)
            .get(WebhookRead, webhooks::deliveries),
        at("/ains/webhooks/{id}/test")
            .of(Noun::Webhook)
            .post(WebhookWrite, webhooks::test),
        at("/ains/webhooks/{id}/rotate-secret")
            .of(Noun::Webhook)
            .post(WebhookWrite, webhooks::rotate),
        at("/ains/webhook-deliveries/{id}/redeliver")
            .of(Noun::Delivery)
            .post(WebhookWrite, webhooks::redeliver),
    ]
}

fn of_the_earlier_protocol() -> Vec<Route> {
    vec![
        at("/aitp/tasks/batch").post(TaskWrite, aitp_batch::submit),
        at("/aitp/tasks/batch/status").get(TaskRead, aitp_batch::status),
        at("/aitp/tasks/batch/cancel").post(TaskWrite, aitp_batch::cancel),
        at("/aitp/tasks/{id}")
            .of(Noun::Task)
            .get(TaskRead, aitp::one)
            .delete(TaskWrite, aitp::cancel),
        at("/aitp/tasks/{id}/status")
            .of(Noun::HeldTask)
            .put(AgentAct, aitp::report),
        at("/aitp/tasks/{id}/priority")
            .of(Noun::Task)
            .put(TaskWrite, aitp::set_priority),
        at("/aitp/tasks/{id}/timeout")
            .of(Noun::Task)
            .put(TaskWrite, aitp::set_timeout),
        at("/aitp/tasks/{id}/retry")
            .of(Noun::Task)
            .post(TaskWrite, aitp::retry),
        at("/aitp/queue/stats").get(StatsRead, stats::queue),
        at("/aitp/maintenance/check-timeouts").post(Admin, stats::check_timeouts),
    ]
}

fn of_keys() -> Vec<Route> {
    vec![
        at("/ains/api-keys")
            .get(KeyRead, keys::list)
            .post(KeyWrite, keys::create),
        at("/ains/api-keys/{id}")
            .of(Noun::Key)
            .get(KeyRead, keys::one)
            .patch(KeyWrite, keys::change)
            .delete(KeyWrite, keys::revoke),
        at("/ains/api-keys/{id}/rotate")
            .of(Noun::Key)
            .post(KeyWrite, keys::rotate),
        at("/ains/api-keys/{id}/usage")
            .of(Noun::Key)
            .get(KeyRead, keys::usage),
        at("/ains/audit-logs").get(AuditRead, audit::list),
        at("/ains/protected/test").get(Need::KeyAlways, keys::test),
    ]
}
