//! What happens, as it is followed live.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Json, Timestamp};

/// Something that happened: a `CloudEvent` (1.0).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// `1.0`.
    pub specversion: String,
    /// What it is called; sent back as `Last-Event-ID`, it is where the stream goes on. Opaque.
    pub id: String,
    /// `/ains`.
    pub source: String,
    /// What happened, such as `task.completed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the task, chain, schedule or agent that it happened to.
    pub subject: String,
    /// When.
    pub time: Timestamp,
    /// More about it.
    #[schema(value_type = Object)]
    pub data: Json,
}

/// The query of `GET /ains/events`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Which kinds, separated by commas: `task.completed`, all of a noun as `task.*`, or `*`. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
    /// Only what is this client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Only what happens to the task, chain, schedule or agent with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// As the header `Last-Event-ID`, for whoever cannot send headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<String>,
}
