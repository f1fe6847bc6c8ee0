//! Every route, by noun. A handler parses, calls the service, renders; it decides nothing.
//!
//! Paths with a fixed word come before those with an id in its place. A path with several methods is one
//! resource, so that every other method is a 405 which names those it takes.

pub(crate) mod agents;
pub(crate) mod aitp;
pub(crate) mod aitp_batch;
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
pub(crate) mod metrics;
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
use actix_web::web::{self, ServiceConfig, resource};

use crate::app::HttpState;
use crate::problem::Problem;

/// What every handler has at hand.
pub(crate) type State = web::Data<HttpState>;

/// Adds every route.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config
        .configure(hot)
        .configure(of_tasks)
        .configure(of_chains)
        .configure(of_schedules)
        .configure(of_templates)
        .configure(of_webhooks)
        .configure(of_agents)
        .configure(of_the_earlier_protocol)
        .configure(operations)
        .configure(pages)
        .default_service(web::to(nothing_here));
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::of_status(StatusCode::NOT_FOUND))
}

/// What is called for every task. Paths are tried in order, so these come first.
fn hot(config: &mut ServiceConfig) {
    config
        .service(resource("/ains/tasks").get(tasks::list).post(tasks::submit))
        .service(resource("/ains/tasks/batch").post(batch::submit))
        .service(resource("/aitp/tasks").get(aitp::list).post(aitp::submit))
        .service(resource("/ains/agents/{id}/claim").post(work::claim))
        .service(resource("/ains/agents/{id}/report").post(work::report))
        .service(resource("/ains/tasks/{id}/complete").post(work::complete))
        .service(resource("/ains/tasks/{id}/start").post(work::start));
}

fn pages(config: &mut ServiceConfig) {
    config
        .service(resource("/").get(docs::root))
        .service(resource("/docs").get(docs::root))
        .service(resource("/docs/{file:.*}").get(docs::file))
        .service(resource("/openapi.json").get(docs::openapi))
        .service(resource("/problems/{slug}").get(docs::problem));
}

fn operations(config: &mut ServiceConfig) {
    config
        .service(resource("/health").get(health::health))
        .service(resource("/health/live").get(health::live))
        .service(resource("/health/ready").get(health::ready))
        .service(resource("/health/aitp").get(health::aitp))
        .service(resource("/metrics").get(metrics::metrics))
        .service(resource("/ains/stats").get(stats::stats))
        .service(resource("/ains/stats/database").get(stats::database))
        .service(resource("/ains/maintenance/cleanup").post(stats::cleanup))
        .service(resource("/ains/events").get(events::follow))
        .service(resource("/ains/routing/strategies").get(routing::strategies))
        .service(resource("/ains/routing/test").post(routing::test))
        .service(resource("/ains/clients/{id}").put(clients::set));
}

fn of_agents(config: &mut ServiceConfig) {
    config
        .service(resource("/ains/agents").get(agents::list).post(agents::register))
        .service(resource("/ains/agents/leaderboard").get(directory::leaderboard))
        .service(resource("/ains/search").get(directory::search))
        .service(
            resource("/ains/agents/{id}")
                .get(agents::one)
                .patch(agents::change)
                .delete(agents::remove),
        )
        .service(resource("/ains/agents/{id}/heartbeat").post(agents::heartbeat))
        .service(
            resource("/ains/agents/{id}/capabilities")
                .get(agents::capabilities)
                .post(agents::publish),
        )
        .service(resource("/ains/agents/{id}/drain").post(agents::drain))
        .service(resource("/ains/agents/{id}/resume").post(agents::resume))
        .service(resource("/ains/agents/{id}/trust").get(trust::trust))
        .service(resource("/ains/agents/{id}/trust/history").get(trust::history))
        .service(resource("/ains/agents/{id}/trust/adjust").post(trust::adjust));
}

fn of_tasks(config: &mut ServiceConfig) {
    config
        .service(resource("/ains/tasks/graph").post(graphs::submit))
        .service(resource("/ains/tasks/from-template").post(templates::make))
        .service(resource("/ains/tasks/cancel").post(batch::cancel))
        .service(resource("/ains/tasks/retry").post(batch::retry))
        .service(resource("/ains/tasks/{id}").get(tasks::one).patch(tasks::change))
        .service(resource("/ains/tasks/{id}/cancel").post(tasks::cancel))
        .service(resource("/ains/tasks/{id}/retry").post(tasks::retry))
        .service(resource("/ains/tasks/{id}/attempts").get(tasks::attempts))
        .service(resource("/ains/tasks/{id}/dependencies").get(dependencies::dependencies))
        .service(resource("/ains/tasks/{id}/dependents").get(dependencies::dependents))
        .service(resource("/ains/tasks/{id}/graph").get(dependencies::graph))
        .service(resource("/ains/tasks/{id}/why").get(dependencies::why))
        .service(resource("/ains/tasks/{id}/progress").post(work::progress))
        .service(resource("/ains/tasks/{id}/fail").post(work::fail))
        .service(resource("/ains/tasks/{id}/release").post(work::release));
}

fn of_chains(config: &mut ServiceConfig) {
    config
        .service(
            resource("/ains/task-chains")
                .get(chains::list)
                .post(chains::submit),
        )
        .service(resource("/ains/task-chains/{id}").get(chains::one))
        .service(resource("/ains/task-chains/{id}/cancel").post(chains::cancel))
        .service(resource("/ains/task-chains/{id}/pause").post(chains::pause))
        .service(resource("/ains/task-chains/{id}/resume").post(chains::resume))
        .service(resource("/ains/task-chains/{id}/retry").post(chains::retry))
        .service(resource("/ains/task-chains/{id}/graph").get(chains::graph));
}

fn of_schedules(config: &mut ServiceConfig) {
    config
        .service(
            resource("/ains/scheduled-tasks")
                .get(schedules::list)
                .post(schedules::submit),
        )
        .service(resource("/ains/scheduled-tasks/preview").post(slots::preview))
        .service(
            resource("/ains/scheduled-tasks/{id}")
                .get(schedules::one)
                .patch(schedules::change)
                .delete(schedules::remove),
        )
        .service(resource("/ains/scheduled-tasks/{id}/run-now").post(slots::run_now))
        .service(resource("/ains/scheduled-tasks/{id}/pause").post(schedules::pause))
        .service(resource("/ains/scheduled-tasks/{id}/resume").post(schedules::resume))
        .service(resource("/ains/scheduled-tasks/{id}/backfill").post(slots::backfill))
        .service(resource("/ains/scheduled-tasks/{id}/slots").get(slots::slots))
        .service(resource("/ains/scheduled-tasks/{id}/preview").get(slots::preview_of))
        .service(
            resource("/ains/calendars")
                .get(calendars::list)
                .post(calendars::submit),
        )
        .service(
            resource("/ains/calendars/{id}")
                .get(calendars::one)
                .patch(calendars::change)
                .delete(calendars::remove),
        )
        .service(resource("/ains/calendars/{id}/import").post(calendars::import))
        .service(resource("/ains/calendars/{id}/dates").get(calendars::dates));
}

fn of_templates(config: &mut ServiceConfig) {
    config
        .service(
            resource("/ains/task-templates")
                .get(templates::list)
                .post(templates::submit),
        )
        .service(
            resource("/ains/task-templates/{id}")
                .get(templates::one)
                .patch(templates::change)
                .delete(templates::remove),
        );
}

fn of_webhooks(config: &mut ServiceConfig) {
    config
        .service(
            resource("/ains/webhooks")
                .get(webhooks::list)
                .post(webhooks::submit),
        )
        .service(
            resource("/ains/webhooks/{id}")
                .get(webhooks::one)
                .delete(webhooks::remove),
        )
        .service(resource("/ains/webhooks/{id}/deliveries").get(webhooks::deliveries))
        .service(resource("/ains/webhooks/{id}/test").post(webhooks::test))
        .service(resource("/ains/webhooks/{id}/rotate-secret").post(webhooks::rotate))
        .service(resource("/ains/webhook-deliveries/{id}/redeliver").post(webhooks::redeliver));
}

fn of_the_earlier_protocol(config: &mut ServiceConfig) {
    config
        .service(resource("/aitp/tasks/batch").post(aitp_batch::submit))
        .service(resource("/aitp/tasks/batch/status").get(aitp_batch::status))
        .service(resource("/aitp/tasks/batch/cancel").post(aitp_batch::cancel))
        .service(resource("/aitp/tasks/{id}").get(aitp::one).delete(aitp::cancel))
        .service(resource("/aitp/tasks/{id}/status").put(aitp::report))
        .service(resource("/aitp/tasks/{id}/priority").put(aitp::set_priority))
        .service(resource("/aitp/tasks/{id}/timeout").put(aitp::set_timeout))
        .service(resource("/aitp/tasks/{id}/retry").post(aitp::retry))
        .service(resource("/aitp/queue/stats").get(stats::queue))
        .service(resource("/aitp/maintenance/check-timeouts").post(stats::check_timeouts));
}
