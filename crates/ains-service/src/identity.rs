//! Who an agent is: an Ed25519 signature over its id followed by its endpoint.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::error::Error;
use crate::model::NewAgent;

/// Checks a registration: key and signature are hex, and with `verify` the signature is the
/// key's over the agent's id followed by its endpoint.
pub(crate) fn check(agent: &NewAgent, verify: bool) -> Result<(), Error> {
    let key = unhex("public_key", &agent.public_key)?;
    let signature = unhex("signature", &agent.signature)?;
    if !verify {
        return Ok(());
    }
    let invalid = |reason: &str| Error::InvalidSignature(reason.to_owned());
    let key: [u8; 32] = key
        .try_into()
        .map_err(|_| invalid("public_key is not 32 bytes"))?;
    let signature: [u8; 64] = signature
        .try_into()
        .map_err(|_| invalid("signature is not 64 bytes"))?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| invalid("public_key is not an Ed25519 key"))?;
    let message = format!("{}{}", agent.id, agent.endpoint);
    key.verify_strict(message.as_bytes(), &Signature::from_bytes(&signature))
        .map_err(|_| invalid("it does not match public_key over agent_id followed by endpoint"))
}

fn unhex(field: &str, text: &str) -> Result<Vec<u8>, Error> {
    hex::decode(text).map_err(|error| Error::InvalidSignature(format!("{field} is not hex: {error}")))
}
