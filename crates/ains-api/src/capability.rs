//! Holds what an agent offers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Json;

/// The body of `POST /ains/agents/{id}/capabilities`. Unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PublishCapability {
    /// The name tasks ask for, 1 to 255 characters, usually with a version: `text:v1`. Publishing it again replaces it.
    #[schema(min_length = 1, max_length = 255)]
    pub name: String,
    /// What it does, for people.
    pub description: String,
    /// JSON Schema of `input_data`.
    #[schema(value_type = Object)]
    pub input_schema: Json,
    /// JSON Schema of `result_data`.
    #[schema(value_type = Object)]
    pub output_schema: Json,
    /// How it is paid, such as `free`, `per_task` or `per_token`.
    pub pricing_model: String,
    /// The price in the unit of the model, 0 or more.
    #[schema(minimum = 0)]
    pub price: f64,
    /// 99 of 100 tasks are done in this many milliseconds, as the agent promises.
    #[schema(minimum = 0)]
    pub latency_p99_ms: i64,
    /// The part of time the agent promises to be there, 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    pub availability_percent: f64,
    /// Ed25519 signature of the agent, in hexadecimal.
    pub signature: String,
}

/// The answer of `POST /ains/agents/{id}/capabilities`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapabilityPublished {
    /// `cap_` and 32 hexadecimal digits.
    pub capability_id: String,
    /// `published`.
    #[schema(value_type = String)]
    pub status: crate::words::Word,
}

/// One capability: an element of `GET /ains/agents/{id}/capabilities`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Capability {
    /// `cap_` and 32 hexadecimal digits.
    pub capability_id: String,
    /// The name tasks ask for.
    pub name: String,
    /// What it does.
    pub description: String,
    /// How it is paid.
    pub pricing_model: String,
    /// The price in the unit of the model.
    pub price: f64,
    /// The part of time the agent promises to be there, 0 to 100.
    pub availability_percent: f64,
}
