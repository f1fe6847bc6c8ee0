//! Clients: how large the share of each is.

use ains_core::ClientId;
use ains_core::fair::Weight;

use crate::ains::Ains;
use crate::error::Error;

impl Ains {
    /// Sets a client's share. It holds for tasks that become ready from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_weight(&self, client: ClientId, weight: Weight) -> Result<(), Error> {
        self.write(move |tx| ains_store::clients::set_weight(tx.conn, &client, weight, tx.now).map(Ok))
            .await
    }
}
