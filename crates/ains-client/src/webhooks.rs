//! Calls about webhooks: who is told of which events.

use ains_api::{
    DeleteWebhookQuery, DeliveryFilter, DeliveryList, RotateSecret, SubmitWebhook, Webhook, WebhookDeleted,
    WebhookDelivery, WebhookFilter, WebhookList,
};
use reqwest::Method;

use crate::client::{Call, segment};
use crate::{Client, Error};

/// The path of a webhook, or of something about it.
fn path(webhook_id: &str, of: &str) -> String {
    format!("/ains/webhooks/{}{of}", segment(webhook_id))
}

impl Client {
    /// Registers a webhook: `POST /ains/webhooks`. If the server makes the secret, this answer is the only one with it.
    ///
    /// # Errors
    ///
    /// If the address may not be called (400), anything else is refused (422, with every fault), or the call fails. It is
    /// not repeated, since a lost answer does not say whether there is a webhook now.
    pub async fn create_webhook(&self, webhook: &SubmitWebhook) -> Result<Webhook, Error> {
        self.call_with(Call::once(Method::POST, "/ains/webhooks"), webhook)
            .await
    }

    /// Reads a webhook: `GET /ains/webhooks/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such webhook (404), or the call fails.
    pub async fn webhook(&self, webhook_id: &str) -> Result<Webhook, Error> {
        self.call(Call::get(path(webhook_id, ""))).await
    }

    /// Reads one page of webhooks, newest first: `GET /ains/webhooks`.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn webhooks(&self, filter: &WebhookFilter) -> Result<WebhookList, Error> {
        self.call_with_query(Call::get("/ains/webhooks"), filter).await
    }

    /// Has a webhook called no more: `DELETE /ains/webhooks/{id}`. `agent_id` is whose it is.
    ///
    /// # Errors
    ///
    /// If it belongs to somebody else (403), there is no such webhook (404), or the call fails.
    pub async fn delete_webhook(&self, webhook_id: &str, agent_id: &str) -> Result<WebhookDeleted, Error> {
        let query = DeleteWebhookQuery {
            agent_id: agent_id.to_owned(),
        };
        self.call_with_query(Call::repeatable(Method::DELETE, path(webhook_id, "")), &query)
            .await
    }

    /// Reads one page of what a webhook was told, newest first: `GET /ains/webhooks/{id}/deliveries`.
    ///
    /// # Errors
    ///
    /// If there is no such webhook (404), or the call fails.
    pub async fn webhook_deliveries(
        &self,
        webhook_id: &str,
        filter: &DeliveryFilter,
    ) -> Result<DeliveryList, Error> {
        self.call_with_query(Call::get(path(webhook_id, "/deliveries")), filter)
            .await
    }

    /// Has a webhook sent a `webhook.test`: `POST /ains/webhooks/{id}/test`.
    ///
    /// # Errors
    ///
    /// If the webhook is called no more (409), there is no such webhook (404), or the call fails.
    pub async fn test_webhook(&self, webhook_id: &str) -> Result<WebhookDelivery, Error> {
        self.call(Call::once(Method::POST, path(webhook_id, "/test")))
            .await
    }

    /// Gives a webhook another secret: `POST /ains/webhooks/{id}/rotate-secret`. The one before signs for a day as well.
    ///
    /// # Errors
    ///
    /// If the secret is refused (422), the webhook is called no more (409), there is no such webhook (404), or the call
    /// fails.
    pub async fn rotate_webhook_secret(
        &self,
        webhook_id: &str,
        secret: Option<&str>,
    ) -> Result<Webhook, Error> {
        let body = RotateSecret {
            secret: secret.map(str::to_owned),
        };
        self.call_with(
            Call::once(Method::POST, path(webhook_id, "/rotate-secret")),
            &body,
        )
        .await
    }

    /// Has a delivery made once more: `POST /ains/webhook-deliveries/{id}/redeliver`.
    ///
    /// # Errors
    ///
    /// If it has not ended or its webhook is called no more (409), there is no such delivery (404), or the call fails.
    pub async fn redeliver(&self, delivery_id: &str) -> Result<WebhookDelivery, Error> {
        let path = format!("/ains/webhook-deliveries/{}/redeliver", segment(delivery_id));
        self.call(Call::once(Method::POST, path)).await
    }
}
