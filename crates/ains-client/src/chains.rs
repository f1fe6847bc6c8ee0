//! Calls about chains: workflows as data, which the server runs.

mod build;

use ains_api::{CancelChain, ChainCancelled, ChainFilter, ChainGraph, ChainSummary, SubmitChain, TaskChain};
pub use build::{Chain, Step, Undo};
use reqwest::Method;

use crate::client::{Call, LONGEST_WAIT, segment};
use crate::{Client, Error};

/// The path of a chain, or of something about it.
fn path(chain_id: &str, of: &str) -> String {
    format!("/ains/task-chains/{}{of}", segment(chain_id))
}

/// Whether a chain has ended, unless somebody retries it.
fn has_ended(chain: &TaskChain) -> bool {
    matches!(&*chain.status, "COMPLETED" | "FAILED" | "CANCELLED")
}

impl Client {
    /// Creates a chain and follows it to its end, however long that takes: whether it is COMPLETED, FAILED or CANCELLED, and
    /// what its steps came to.
    ///
    /// ```no_run
    /// use ains_client::{Chain, Client, Step};
    /// use serde_json::json;
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let chain = Chain::new("word count")
    ///     .client("me")
    ///     .input(json!({"files": ["a.txt", "b.txt"]}))
    ///     .step(
    ///         Step::new("count", "word-count", "text:v1")
    ///             .for_each("input.files")
    ///             .input(json!({"path": "${{ item }}"})),
    ///     )
    ///     .step(
    ///         Step::new("report", "report", "text:v1")
    ///             .when("size(steps.count.output) > 1")
    ///             .input(json!({"counts": "${{ steps.count.output }}"})),
    ///     );
    /// let outcome = client.run_chain(&chain).await?;
    /// assert_eq!(outcome.status, "COMPLETED");
    /// let report = outcome.result("report").and_then(|result| result.data.as_ref());
    /// println!("{report:?}");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the chain is refused (422, with every fault), or a call fails.
    pub async fn run_chain(&self, chain: &SubmitChain) -> Result<TaskChain, Error> {
        let created = self.create_chain(chain).await?;
        loop {
            let chain = self.wait_for_chain(&created.chain_id, LONGEST_WAIT).await?;
            if has_ended(&chain) {
                return Ok(chain);
            }
        }
    }

    /// Creates a chain: `POST /ains/task-chains`. A [`Chain`] is a way to write one.
    ///
    /// # Errors
    ///
    /// If the chain is refused (422, with every fault), or the call fails.
    pub async fn create_chain(&self, chain: &SubmitChain) -> Result<ChainSummary, Error> {
        self.call_with(
            Call::once(Method::POST, "/ains/task-chains").keyed(self.idempotency_key()),
            chain,
        )
        .await
    }

    /// Reads a chain: `GET /ains/task-chains/{id}`.
    ///
    /// # Errors
    ///
    /// If there is no such chain (404), or the call fails.
    pub async fn task_chain(&self, chain_id: &str) -> Result<TaskChain, Error> {
        self.call(Call::get(path(chain_id, ""))).await
    }

    /// Reads a chain when it has ended, or after this many seconds, whichever is first.
    ///
    /// # Errors
    ///
    /// If there is no such chain (404), or a call fails.
    pub async fn wait_for_chain(&self, chain_id: &str, seconds: u64) -> Result<TaskChain, Error> {
        let mut left = seconds;
        loop {
            let wait = left.min(LONGEST_WAIT);
            let call = Call::get(path(chain_id, "")).with("wait_seconds", wait);
            let chain: TaskChain = self.call(call.waiting(i64::try_from(wait).ok())).await?;
            left -= wait;
            if left == 0 || has_ended(&chain) {
                return Ok(chain);
            }
        }
    }

    /// Reads one page of chains, newest first: `GET /ains/task-chains`. The next page begins at the id of the last one.
    ///
    /// # Errors
    ///
    /// If a filter is refused (422), or the call fails.
    pub async fn task_chains(&self, filter: &ChainFilter) -> Result<Vec<ChainSummary>, Error> {
        self.call_with_query(Call::get("/ains/task-chains"), filter).await
    }

    /// Cancels a chain: `POST /ains/task-chains/{id}/cancel`. Its unfinished tasks end at once, and nothing is undone.
    ///
    /// # Errors
    ///
    /// If the chain has ended (400), is not there (404), or the call fails.
    pub async fn cancel_chain(&self, chain_id: &str, reason: Option<&str>) -> Result<ChainCancelled, Error> {
        let body = CancelChain {
            reason: reason.map(str::to_owned),
        };
        self.call_with(Call::once(Method::POST, path(chain_id, "/cancel")), &body)
            .await
    }

    /// Pauses a chain: `POST /ains/task-chains/{id}/pause`. What runs goes on, nothing new is started.
    ///
    /// # Errors
    ///
    /// If the chain has ended or is paused (409), is not there (404), or the call fails.
    pub async fn pause_chain(&self, chain_id: &str) -> Result<ChainSummary, Error> {
        self.call(Call::once(Method::POST, path(chain_id, "/pause")))
            .await
    }

    /// Lets a paused chain go on: `POST /ains/task-chains/{id}/resume`.
    ///
    /// # Errors
    ///
    /// If the chain is not paused (409), is not there (404), or the call fails.
    pub async fn resume_chain(&self, chain_id: &str) -> Result<ChainSummary, Error> {
        self.call(Call::once(Method::POST, path(chain_id, "/resume")))
            .await
    }

    /// Tries a FAILED chain again: `POST /ains/task-chains/{id}/retry`. What completed is kept.
    ///
    /// # Errors
    ///
    /// If the chain has not failed (409), is not there (404), or the call fails.
    pub async fn retry_chain(&self, chain_id: &str) -> Result<ChainSummary, Error> {
        self.call(Call::once(Method::POST, path(chain_id, "/retry")))
            .await
    }

    /// Reads which steps of a chain come after which, and how they stand: `GET /ains/task-chains/{id}/graph`.
    ///
    /// # Errors
    ///
    /// If there is no such chain (404), or the call fails.
    pub async fn chain_graph(&self, chain_id: &str) -> Result<ChainGraph, Error> {
        self.call(Call::get(path(chain_id, "/graph"))).await
    }
}
