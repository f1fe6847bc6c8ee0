//! Holds a client's share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of `PUT /ains/clients/{id}`. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetClient {
    /// The client's share relative to others of the same priority, 0.01 to 100; 1 is the default of every client.
    #[schema(minimum = 0.01, maximum = 100)]
    pub weight: f64,
}

/// A client and its share: the answer of `PUT /ains/clients/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ClientShare {
    /// The client.
    pub client_id: String,
    /// Its share relative to others of the same priority, 0.01 to 100.
    pub weight: f64,
}
