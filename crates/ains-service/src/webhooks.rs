//! Webhooks: creating, reading, ending, changing secrets; their deliveries.

use ains_core::webhook::{MAX_OF_ONE, MAX_WEBHOOKS, Sealed, Secret, TEST, Webhook, body};
use ains_core::{ClientId, DeliveryId, WebhookId};
use ains_store::counters::{self, Deltas};
use ains_store::deliveries::{self, NewDelivery, StoredDelivery};
use ains_store::{Conn, StoreError, audit, webhooks};

use crate::ains::Ains;
use crate::audit::Note;
use crate::batch::DELIVERIES;
use crate::batch::once::{earlier_answer, keep_answer};
use crate::entropy::mint;
use crate::error::Error;
use crate::model::{Actor, Answer, NewWebhook, Once, WebhookFilter, WebhookMade};
use crate::vault::Vault;

/// The counter of the webhooks that are stored, called or not.
pub(crate) const HOOKS: &str = "rows.webhooks";

/// Webhooks whose secrets are sealed anew in one transaction.
const PIECE: i64 = 200;

impl Ains {
    /// Registers a webhook; with a secret of the server's, if none is given.
    ///
    /// # Errors
    /// When the address may not be called, there are too many webhooks, the idempotency key was used with another request,
    /// this service calls no webhooks or has no key to keep secrets with, or the store fails.
    pub async fn create_webhook(
        &self,
        new: NewWebhook,
        once: Option<Once<WebhookMade>>,
    ) -> Result<Answer<WebhookMade>, Error> {
        let deliver = self.inner.machine.settings.deliver.as_ref();
        let judged = deliver.ok_or(Error::NoWebhooks)?.judge(&new.url).await;
        judged.map_err(Error::RefusedAddress)?;
        let now = self.now();
        let made = match new.secret {
            Some(_) => None,
            None => Some(self.entropy().secret()),
        };
        let Some(secret) = new.secret.or_else(|| made.clone()) else {
            return Err(Error::NoWebhooks);
        };
        let id = mint!(self.entropy(), WebhookId, now);
        let vault = self.vault().clone();
        let made = WebhookMade {
            webhook: Webhook {
                id,
                owner: new.owner,
                clients_only: new.clients_only,
                url: new.url,
                events: new.events,
                active: true,
                secret: vault.seal(id, &secret)?,
                previous: None,
                created_at: now,
                updated_at: now,
            },
            secret: made,
        };
        let writer = self.counts_as();
        self.write_alone(move |conn| {
            // First, so that of two requests with one key the second finds the answer of the first.
            let active = webhooks::lock_changes(conn)?;
            if let Some(once) = &once
                && let Some(earlier) = earlier_answer(conn, once, now)?
            {
                return Ok(
                    earlier.and_then(|earlier| Ok(Answer::Replayed(vault.open_answer(once, &earlier)?)))
                );
            }
            let hook = &made.webhook;
            if usize::try_from(active).is_ok_and(|active| active >= MAX_WEBHOOKS) {
                return Ok(Err(Error::TooManyWebhooks(MAX_WEBHOOKS)));
            }
            let most = i64::try_from(MAX_OF_ONE).unwrap_or(i64::MAX);
            if webhooks::count_active(conn, &hook.owner, most)? >= MAX_OF_ONE {
                return Ok(Err(Error::TooManyWebhooksOfOne(MAX_OF_ONE)));
            }
            webhooks::insert(conn, hook)?;
            counters::add(conn, &writer, &Deltas::from([((HOOKS, 0), 1)]))?;
            if let Some(once) = &once {
                // It shows the secret that was made.
                match vault.seal_answer(once, &(once.render)(&made)) {
                    Ok(answer) => keep_answer(conn, once, answer, now)?,
                    Err(locked) => return Ok(Err(locked.into())),
                }
            }
            Ok(Ok(Answer::Fresh(made.clone())))
        })
        .await
    }

    /// A webhook.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn webhook(&self, id: WebhookId) -> Result<Webhook, Error> {
        let found = self.read(move |conn| webhooks::find(conn, id)).await?;
        found.ok_or_else(|| no_webhook(id))
    }

    /// Webhooks that `filter` lets through, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn webhooks(&self, filter: WebhookFilter) -> Result<Vec<Webhook>, Error> {
        self.read(move |conn| {
            let WebhookFilter {
                owner,
                active_only,
                before,
                limit,
            } = filter;
            webhooks::list(conn, owner.as_ref(), active_only, before, limit)
        })
        .await
    }

    /// Calls a webhook no more; what it has not been told is cancelled. With `owner`, only if it is theirs.
    ///
    /// # Errors
    /// When there is no such webhook, it is another's, or the store fails.
    pub async fn delete_webhook(
        &self,
        by: &Actor,
        id: WebhookId,
        owner: Option<ClientId>,
    ) -> Result<(), Error> {
        let noted = self.noted(by, Note::deleted("webhook", id));
        let now = self.now();
        self.change_webhook(id, owner, move |conn, hook| {
            let before = hook.clone();
            hook.deactivate(now);
            if before.active {
                webhooks::save(conn, &before, hook)?;
                audit::insert(conn, &noted)?;
            }
            Ok(Ok(()))
        })
        .await?;
        // What waits is cancelled by whoever would send it.
        self.inner.machine.webhooks.notify_one();
        Ok(())
    }

    /// Gives a webhook another secret; the one before signs as well for a day. With `owner`, only if it is theirs.
    ///
    /// # Errors
    /// When there is no such webhook, it is called no more, it is another's, or the store fails.
    pub async fn rotate_secret(
        &self,
        id: WebhookId,
        owner: Option<ClientId>,
        given: Option<Secret>,
    ) -> Result<WebhookMade, Error> {
        let now = self.now();
        let made = given.is_none().then(|| self.entropy().secret());
        let vault = self.vault().clone();
        self.change_webhook(id, owner, move |conn, hook| {
            if !hook.active {
                return Ok(Err(Error::WebhookInactive));
            }
            let before = hook.clone();
            if let Some(secret) = given.as_ref().or(made.as_ref()) {
                match vault.seal(id, secret) {
                    Ok(sealed) => hook.rotate(sealed, now),
                    Err(locked) => return Ok(Err(locked.into())),
                }
            }
            webhooks::save(conn, &before, hook)?;
            Ok(Ok(WebhookMade {
                webhook: hook.clone(),
                secret: made.clone(),
            }))
        })
        .await
    }

    /// Sends a webhook a test; the delivery, which waits for no other. With `owner`, only if it is theirs.
    ///
    /// # Errors
    /// When there is no such webhook, it is called no more, it is another's, or the store fails.
    pub async fn test_webhook(
        &self,
        id: WebhookId,
        owner: Option<ClientId>,
        once: Option<Once<StoredDelivery>>,
    ) -> Result<Answer<StoredDelivery>, Error> {
        let now = self.now();
        let delivery_id = mint!(self.entropy(), DeliveryId, now);
        let delivery = NewDelivery {
            id: delivery_id,
            webhook: id,
            event_type: TEST.to_owned(),
            subject: delivery_id.to_string(),
            body: body::of_test(id, now),
            created_at: now,
        };
        let writer = self.counts_as();
        let answer = self.change_webhook(id, owner, move |conn, hook| {
            if let Some(once) = &once
                && let Some(earlier) = earlier_answer(conn, once, now)?
            {
                return Ok(earlier.map(Answer::Replayed));
            }
            if !hook.active {
                return Ok(Err(Error::WebhookInactive));
            }
            deliveries::insert(conn, std::slice::from_ref(&delivery))?;
            counters::add(conn, &writer, &Deltas::from([((DELIVERIES, 0), 1)]))?;
            let Some(stored) = deliveries::find(conn, delivery.id)? else {
                return Err(StoreError::again());
            };
            if let Some(once) = &once {
                keep_answer(conn, once, (once.render)(&stored), now)?;
            }
            Ok(Ok(Answer::Fresh(stored)))
        });
        let answer = answer.await?;
        self.inner.machine.webhooks.notify_one();
        Ok(answer)
    }

    /// The deliveries of a webhook, newest first, before `before`; at most `limit`.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn deliveries(
        &self,
        id: WebhookId,
        before: Option<DeliveryId>,
        limit: i64,
    ) -> Result<Vec<StoredDelivery>, Error> {
        self.read(move |conn| match webhooks::find(conn, id)? {
            None => Ok(Err(no_webhook(id))),
            Some(_) => deliveries::list(conn, id, before, limit).map(Ok),
        })
        .await?
    }

    /// Makes a delivery that has ended once more, with the same id and body, as if it had not been tried. With `owner`,
    /// only if it is theirs.
    ///
    /// # Errors
    /// When there is no such delivery, it has not ended, its webhook is called no more or is another's, or the store fails.
    pub async fn redeliver(&self, id: DeliveryId, owner: Option<ClientId>) -> Result<StoredDelivery, Error> {
        let unknown = move || Error::NotFound {
            entity: "Delivery",
            id: id.to_string(),
        };
        let found = self.read(move |conn| deliveries::find(conn, id)).await?;
        let webhook = found.ok_or_else(unknown)?.webhook;
        let now = self.now();
        let again = self.change_webhook(webhook, owner, move |conn, hook| {
            if !hook.active {
                return Ok(Err(Error::WebhookInactive));
            }
            let changed = deliveries::redeliver(conn, id, now)?;
            Ok(match deliveries::find(conn, id)? {
                None => Err(unknown()),
                Some(_) if !changed => Err(Error::DeliveryPending),
                Some(delivery) => Ok(delivery),
            })
        });
        let again = again.await?;
        self.inner.machine.webhooks.notify_one();
        Ok(again)
    }

    /// Has the sender look at once whether something is due.
    pub fn deliver_now(&self) {
        self.inner.machine.webhooks.notify_one();
    }

    /// What keeps the secrets.
    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.machine.settings.vault
    }

    /// Names the counters of what is not written in a batch.
    fn counts_as(&self) -> String {
        format!("{}.webhooks", self.inner.node.slot)
    }

    /// Does something with a webhook that is locked; with `owner`, only if it is theirs.
    async fn change_webhook<T, F>(
        &self,
        id: WebhookId,
        owner: Option<ClientId>,
        mut act: F,
    ) -> Result<T, Error>
    where
        F: FnMut(&mut Conn, &mut Webhook) -> Result<Result<T, Error>, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        self.write_alone(move |conn| {
            let Some(mut hook) = webhooks::lock(conn, id)? else {
                return Ok(Err(no_webhook(id)));
            };
            if owner.as_ref().is_some_and(|owner| *owner != hook.owner) {
                return Ok(Err(Error::NotTheWebhooksOwner));
            }
            act(conn, &mut hook)
        })
        .await
    }
}

/// Seals what is stored in the clear, as before there were keys, or under a key that is not the first any more: in
/// pieces, each a transaction of its own. What no key opens stays as it is, and is told of.
///
/// # Errors
/// When the store fails.
pub(crate) fn seal_anew(conn: &mut Conn, vault: &Vault) -> Result<(), StoreError> {
    if !vault.has_key() {
        return Ok(());
    }
    conn.leave_no_traces()?;
    let (mut sealed, mut locked) = (0, 0);
    let mut last = None;
    loop {
        let page = conn.transact(|conn| {
            let page = webhooks::lock_secrets(conn, last, PIECE)?;
            for (id, secret, previous) in &page {
                let again = |old: &Sealed| match vault.open(*id, old) {
                    Ok(secret) if !vault.is_up_to_date(old) => vault.seal(*id, &secret),
                    Ok(_) => Ok(old.clone()),
                    Err(locked) => Err(locked),
                };
                match (again(secret), previous.as_ref().map(again).transpose()) {
                    (Ok(new), Ok(before)) if new != *secret || before != *previous => {
                        webhooks::save_secrets(conn, *id, &new, before.as_ref())?;
                        sealed += 1;
                    }
                    (Ok(_), Ok(_)) => {}
                    (Err(reason), _) | (_, Err(reason)) => {
                        tracing::debug!(webhook = %id, %reason, "a secret cannot be opened");
                        locked += 1;
                    }
                }
            }
            Ok(page)
        })?;
        match page.last() {
            Some((id, _, _)) => last = Some(*id),
            None => break,
        }
    }
    if sealed > 0 {
        conn.empty_log()?;
        tracing::info!(sealed, "the secrets of webhooks were sealed under the first key");
    }
    if locked > 0 {
        tracing::error!(
            locked,
            "the secrets of webhooks cannot be opened with the keys that were given: what is to be sent to them waits \
             for the key that they are sealed under"
        );
    }
    Ok(())
}

fn no_webhook(id: WebhookId) -> Error {
    Error::NotFound {
        entity: "Webhook",
        id: id.to_string(),
    }
}
