//! Who an agent is: what its registration must prove, and how it changes its key.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ains_core::identity::{Proof, PublicKey};
use ains_core::{AgentId, AuditEvent, Reach, Scopes};
use ains_store::agents;

use crate::agents::{edit, not_found};
use crate::ains::Ains;
use crate::audit::{self, Note};
use crate::error::Error;
use crate::model::{Actor, AgentView, KeyRotation, NewAgent, Principal};

/// How long what was found about an agent is believed: another key counts within this on every server.
const BELIEVED: Duration = Duration::from_millis(900);

/// Agents of which is kept what was found at most; beyond it all are forgotten.
const KEPT: usize = 4096;

/// An agent whose signature on a request stands for a key.
#[derive(Debug, Clone)]
pub struct Signer {
    /// What it signs with.
    pub key: PublicKey,
    /// What it may do.
    pub principal: Arc<Principal>,
}

/// What was last found about the agents that sign. Those that do not exist are not kept, so that nobody fills it with them.
#[derive(Debug, Default)]
pub(crate) struct Signers(Mutex<HashMap<AgentId, (Signer, Instant)>>);

impl Signers {
    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, (Signer, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, id: &AgentId) -> Option<Signer> {
        let found = self.lock();
        let (signer, read) = found.get(id)?;
        (read.elapsed() < BELIEVED).then(|| signer.clone())
    }

    fn keep(&self, id: AgentId, signer: Signer, read: Instant) {
        let mut found = self.lock();
        if found.len() >= KEPT {
            found.clear();
        }
        found.insert(id, (signer, read));
    }
}

impl Ains {
    /// An agent that may sign requests, of which one came from `address`; `None` if there is none of that id, or it has no
    /// Ed25519 key.
    ///
    /// # Errors
    /// When the store fails, or too many agents that do not exist were named from this address.
    pub async fn signer(&self, id: &AgentId, address: Option<IpAddr>) -> Result<Option<Signer>, Error> {
        if let Some(known) = self.inner.signers.known(id) {
            return Ok(Some(known));
        }
        if let Some(address) = address {
            self.pass_guess(address)?;
        }
        let asked_at = self.now();
        let (wanted, read) = (id.clone(), Instant::now());
        let found = self.read(move |conn| agents::find(conn, &wanted)).await?;
        let Some(agent) = found else { return Ok(None) };
        let Ok(key) = PublicKey::from_hex("public_key", &agent.public_key) else {
            return Ok(None);
        };
        let principal = Principal {
            key: None,
            name: id.to_string(),
            reach: Reach::Agent(id.clone()),
            client: agent.client,
            scopes: Scopes::OF_AGENTS,
            per_minute: None,
            per_hour: None,
            secret: None,
            until: None,
        };
        let principal = Arc::new(principal);
        let signer = Signer { key, principal };
        self.inner.signers.keep(id.clone(), signer.clone(), read);
        if let Some(address) = address {
            self.guessed_right(address, asked_at);
        }
        Ok(Some(signer))
    }

    /// How much is asked of agents' signatures.
    fn proof(&self) -> Proof {
        if self.inner.machine.settings.verify_identity {
            Proof::Signature
        } else {
            Proof::HexOnly
        }
    }

    /// Refuses the registration of somebody else's key.
    pub(crate) fn check_registration(&self, new: &NewAgent) -> Result<(), Error> {
        let proof = self.proof();
        Ok(proof.of_registration(&new.id, &new.endpoint, &new.public_key, &new.signature)?)
    }

    /// Gives an agent another key. Doing so again with the same key changes nothing.
    ///
    /// # Errors
    /// When there is no such agent, or a signature is not good: the new key's over the agent's id followed by its
    /// endpoint, and the old key's over [`ains_core::identity::rotation`].
    pub async fn rotate_agent_key(
        &self,
        by: &Actor,
        id: AgentId,
        rotation: KeyRotation,
    ) -> Result<AgentView, Error> {
        let by = by.clone();
        let proof = self.proof();
        let KeyRotation {
            public_key,
            signature,
            proof: by_old,
        } = rotation;
        let rotated = id.clone();
        let view = self
            .write(move |tx| {
                let Some(agent) = agents::lock(tx.conn, std::slice::from_ref(&id))?.pop() else {
                    return Ok(Err(not_found(&id)));
                };
                if let Err(refused) = proof.of_registration(&id, &agent.endpoint, &public_key, &signature) {
                    return Ok(Err(refused.into()));
                }
                let is_new = !agent.public_key.eq_ignore_ascii_case(&public_key);
                if is_new {
                    if let Err(refused) = proof.of_rotation(&id, &agent.public_key, &public_key, &by_old) {
                        return Ok(Err(refused.into()));
                    }
                    let note = Note::new(AuditEvent::AgentKeyRotated, "rotate_key").of("agent", &id);
                    audit::note(tx, &by, note)?;
                }
                edit(tx, &id, |agent, _| {
                    if is_new {
                        agent.public_key.clone_from(&public_key);
                    }
                })
            })
            .await?;
        self.inner.signers.lock().remove(&rotated);
        Ok(view)
    }
}
