//! Calls about routing.

use ains_api::{RoutingTest, RoutingTestAnswer, StrategyList};
use reqwest::Method;

use crate::client::Call;
use crate::{Client, Error};

impl Client {
    /// Reads the routing strategies: `GET /ains/routing/strategies`.
    ///
    /// # Errors
    ///
    /// If the call fails.
    pub async fn routing_strategies(&self) -> Result<StrategyList, Error> {
        self.call(Call::get("/ains/routing/strategies")).await
    }

    /// Asks which agent a task would get now, and why: `POST /ains/routing/test`. Nothing is changed.
    ///
    /// # Errors
    ///
    /// If the strategy is unknown (422), or the call fails.
    pub async fn test_routing(&self, test: &RoutingTest) -> Result<RoutingTestAnswer, Error> {
        self.call_with(Call::repeatable(Method::POST, "/ains/routing/test"), test)
            .await
    }
}
