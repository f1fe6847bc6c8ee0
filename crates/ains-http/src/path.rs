//! Ids in paths. What has not the form of an id is nothing that exists: 404.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use ains_core::{
    AgentId, CalendarId, ChainId, ClientId, DeliveryId, KeyId, ScheduleId, TaskId, TemplateId, WebhookId,
};

use crate::problem::Problem;

/// Something that a path names.
pub(crate) trait InPath: FromStr {
    /// What the API calls it.
    const ENTITY: &'static str;
}

impl InPath for TaskId {
    const ENTITY: &'static str = "Task";
}

impl InPath for KeyId {
    const ENTITY: &'static str = "API key";
}

impl InPath for ChainId {
    const ENTITY: &'static str = "Chain";
}

impl InPath for ScheduleId {
    const ENTITY: &'static str = "Schedule";
}

impl InPath for CalendarId {
    const ENTITY: &'static str = "Calendar";
}

impl InPath for TemplateId {
    const ENTITY: &'static str = "Template";
}

impl InPath for WebhookId {
    const ENTITY: &'static str = "Webhook";
}

impl InPath for DeliveryId {
    const ENTITY: &'static str = "Delivery";
}

impl InPath for AgentId {
    const ENTITY: &'static str = "Agent";
}

impl InPath for ClientId {
    const ENTITY: &'static str = "Client";
}

/// The `{id}` of the path.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: InPath> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = web::Path::<String>::from_request(request, payload).into_inner();
        let id = text.ok().and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::not_found(T::ENTITY)))
    }
}
