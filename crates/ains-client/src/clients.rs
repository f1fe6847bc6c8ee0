//! Calls about clients.

use ains_api::{ClientShare, SetClient};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

impl Client {
    /// Sets a client's share, 0.01 to 100: `PUT /ains/clients/{id}`.
    ///
    /// # Errors
    ///
    /// If it is refused (422, 403), or the call fails.
    pub async fn set_client_weight(&self, client_id: &str, weight: f64) -> Result<ClientShare, Error> {
        let call = Call::repeatable(Method::PUT, format!("/ains/clients/{}", segment(client_id)));
        self.call_with(call, &SetClient { weight }).await
    }
}
