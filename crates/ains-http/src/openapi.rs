//! The contract as an `OpenAPI` document, made from the handlers and the wire types.
//!
//! A handler names its success and what is peculiar to it. What any request can meet is added by `common`: the
//! front and the extractors answer alike everywhere.

mod common;

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use common::Common;

use crate::routes::{
    agents, aitp, aitp_batch, audit, batch, calendars, chains, clients, dependencies, directory, docs,
    events, graphs, health, keys, metrics, routing, schedules, slots, stats, tasks, templates, trust,
    webhooks, work,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "AINS",
        description = "Tasks go from clients through routing to agents and back. Every success is 200 (202 is a run that waits); every error is `application/problem+json` (RFC 9457). A body has at most 1 MiB (what carries many tasks or results, 16 MiB) and 64 levels; a document in it at most 1 MiB. `X-Request-Id` is echoed, or minted. Every answer to a key with limits says how it stands in `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    paths(
        health::health,
        health::live,
        health::ready,
        health::aitp,
        metrics::metrics,
        stats::stats,
        stats::database,
        stats::cleanup,
        events::follow,
        keys::create,
        keys::list,
        keys::one,
        keys::change,
        keys::revoke,
        keys::rotate,
        keys::usage,
        keys::test,
        audit::list,
        agents::register,
        agents::list,
        directory::leaderboard,
        directory::search,
        agents::one,
        agents::change,
        agents::remove,
        agents::drain,
        agents::resume,
        agents::rotate_key,
        agents::heartbeat,
        agents::publish,
        agents::capabilities,
        trust::trust,
        trust::history,
        trust::adjust,
        work::claim,
        work::report,
        tasks::submit,
        tasks::list,
        templates::make,
        batch::submit,
        graphs::submit,
        batch::cancel,
        batch::retry,
        tasks::one,
        tasks::change,
        tasks::cancel,
        tasks::retry,
        tasks::attempts,
        dependencies::dependencies,
        dependencies::dependents,
        dependencies::graph,
        dependencies::why,
        work::start,
        work::progress,
        work::complete,
        work::fail,
        work::release,
        chains::submit,
        chains::list,
        chains::one,
        chains::cancel,
        chains::pause,
        chains::resume,
        chains::retry,
        chains::graph,
        schedules::submit,
        schedules::list,
        slots::preview,
        schedules::one,
        schedules::change,
        schedules::remove,
        slots::run_now,
        schedules::pause,
        schedules::resume,
        slots::backfill,
        slots::slots,
        slots::preview_of,
        templates::submit,
        templates::list,
        templates::one,
        templates::change,
        templates::remove,
        calendars::submit,
        calendars::list,
        calendars::one,
        calendars::change,
        calendars::remove,
        calendars::import,
        calendars::dates,
        webhooks::submit,
        webhooks::list,
        webhooks::one,
        webhooks::remove,
        webhooks::deliveries,
        webhooks::test,
        webhooks::rotate,
        webhooks::redeliver,
        aitp::submit,
        aitp::list,
        aitp_batch::submit,
        aitp_batch::status,
        aitp_batch::cancel,
        aitp::one,
        aitp::cancel,
        aitp::report,
        aitp::set_priority,
        aitp::set_timeout,
        aitp::retry,
        stats::queue,
        stats::check_timeouts,
        routing::strategies,
        routing::test,
        clients::set,
        docs::openapi,
        docs::problem,
    ),
    tags(
        (name = "Health", description = "Whether it works; needs no key"),
        (name = "Statistics", description = "Figures and maintenance"),
        (name = "Agents", description = "Who does the work"),
        (name = "Tasks", description = "The work"),
        (name = "Chains", description = "Workflows as data, which the server runs"),
        (name = "Schedules", description = "What is done again and again, and when"),
        (name = "Templates", description = "What tasks of a kind have in common, and what their inputs must satisfy"),
        (name = "Calendars", description = "Dates that schedules leave out, or keep to"),
        (name = "Webhooks", description = "Who is told of events, and what became of it"),
        (name = "Work", description = "How agents take work and report on it"),
        (name = "AITP", description = "The earlier task protocol"),
        (name = "Routing", description = "How agents are chosen"),
        (name = "Clients", description = "Who submits the work"),
        (name = "Documentation", description = "This document, and pages for people")
    ),
    modifiers(&Security, &Common)
)]
struct Contract;

/// The whole document.
pub fn document() -> Document {
    Contract::openapi()
}

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let header = ApiKeyValue::with_description("X-API-Key", "The key as it is.");
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let mut basic = Http::new(HttpAuthScheme::Basic);
        basic.description = Some("Any name, and the key as the password; for browsers.".to_owned());
        components.add_security_scheme("basic", SecurityScheme::Http(basic));
    }
}
