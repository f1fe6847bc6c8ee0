//! Clients and their shares.

use ains_api::{ClientShare, SetClient};
use ains_core::ClientId;
use ains_core::fair::Weight;

use super::State;
use crate::json::Body;
use crate::path::Id;
use crate::reply::{Answer, Reply};

/// Set a client's share of the hand-outs.
#[utoipa::path(
    put,
    path = "/ains/clients/{id}",
    tag = "Clients",
    params(("id" = String, Path, description = "The client; it need not have submitted anything yet.")),
    request_body = SetClient,
    responses((status = OK, body = ClientShare))
)]
pub(crate) async fn set(
    state: State,
    Id(client): Id<ClientId>,
    body: Body<SetClient>,
) -> Answer<ClientShare> {
    let weight = body.check(|set, faults| {
        let weight = Weight::new(set.weight);
        if weight.is_none() {
            faults.add("/weight", "must be between 0.01 and 100");
        }
        weight
    })?;
    state.ains.set_weight(client.clone(), weight).await?;
    Ok(Reply(ClientShare {
        client_id: client.into(),
        weight: weight.get(),
    }))
}
