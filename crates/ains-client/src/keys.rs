//! Calls about API keys: who may do what.

use ains_api::{
    ApiKey, CreateKey, KeyAnswer, KeyCreated, KeyFilter, KeyRotated, PatchKey, ProtectedTest, RotateKey,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of a key, or of something about it.
fn path(key_id: &str, of: &str) -> String {
    format!("/ains/api-keys/{}{of}", segment(key_id))
}

impl Client {
    /// Makes a key: `POST /ains/api-keys`. What opens it is in this answer only.
    ///
    /// # Errors
    ///
    /// If it would allow more than the caller's own (403), its agent does not exist (404), anything else is refused (422, with
    /// every fault), or the call fails. It is not repeated, since a lost answer does not say whether there is a key now.
    pub async fn create_key(&self, key: &CreateKey) -> Result<KeyCreated, Error> {
        self.call_with(Call::once(Method::POST, "/ains/api-keys"), key)
            .await
    }

    /// Reads a key: `GET /ains/api-keys/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such key (404), or the call fails.
    pub async fn key(&self, key_id: &str) -> Result<ApiKey, Error> {
        self.call(Call::get(path(key_id, ""))).await
    }

    /// Reads the newest keys: `GET /ains/api-keys`.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), another client's are asked for (403), or the call fails.
    pub async fn keys(&self, filter: &KeyFilter) -> Result<Vec<ApiKey>, Error> {
        self.call_with_query(Call::get("/ains/api-keys"), filter).await
    }

    /// Changes a key: `PATCH /ains/api-keys/{id}`.
    ///
    /// # Errors
    ///
    /// If it allows, or would allow, more than the caller's own (403), there is no such key (404), it is revoked (409),
    /// anything else is refused (422, with every fault), or the call fails.
    pub async fn change_key(&self, key_id: &str, change: &PatchKey) -> Result<KeyAnswer, Error> {
        self.call_with(Call::repeatable(Method::PATCH, path(key_id, "")), change)
            .await
    }

    /// Revokes a key, for ever: `DELETE /ains/api-keys/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such key (404), or the call fails.
    pub async fn revoke_key(&self, key_id: &str) -> Result<KeyAnswer, Error> {
        self.call(Call::repeatable(Method::DELETE, path(key_id, "")))
            .await
    }

    /// Gives a key another secret: `POST /ains/api-keys/{id}/rotate`. The one before is good for `grace_seconds` yet, a day
    /// where that is `None`.
    ///
    /// # Errors
    ///
    /// If it allows more than the caller's own (403), there is no such key (404), it is revoked (409), or the call fails. It
    /// is not repeated: if the answer is lost, so is the secret, and it is to be rotated again.
    pub async fn rotate_key(&self, key_id: &str, grace_seconds: Option<i64>) -> Result<KeyRotated, Error> {
        let grace = RotateKey { grace_seconds };
        self.call_with(Call::once(Method::POST, path(key_id, "/rotate")), &grace)
            .await
    }

    /// Whom this client's key is for: `GET /ains/protected/test`.
    ///
    /// # Errors
    ///
    /// If there is no key, or not a good one (401), or the call fails.
    pub async fn whoami(&self) -> Result<ProtectedTest, Error> {
        self.call(Call::get("/ains/protected/test")).await
    }
}
