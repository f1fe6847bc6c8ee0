//! Who an agent is: what its registration must prove, and how it changes its key.

use ains_core::AgentId;
use ains_core::identity::Proof;
use ains_store::agents;

use crate::agents::{edit, not_found};
use crate::ains::Ains;
use crate::error::Error;
use crate::model::{AgentView, KeyRotation, NewAgent};

impl Ains {
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
    pub async fn rotate_agent_key(&self, id: AgentId, rotation: KeyRotation) -> Result<AgentView, Error> {
        let proof = self.proof();
        let KeyRotation {
            public_key,
            signature,
            proof: by_old,
        } = rotation;
        self.write(move |tx| {
            let Some(agent) = agents::lock(tx.conn, std::slice::from_ref(&id))?.pop() else {
                return Ok(Err(not_found(&id)));
            };
            if let Err(refused) = proof.of_registration(&id, &agent.endpoint, &public_key, &signature) {
                return Ok(Err(refused.into()));
            }
            if !agent.public_key.eq_ignore_ascii_case(&public_key)
                && let Err(refused) = proof.of_rotation(&id, &agent.public_key, &public_key, &by_old)
            {
                return Ok(Err(refused.into()));
            }
            edit(tx, &id, |agent, _| agent.public_key.clone_from(&public_key))
        })
        .await
    }
}
