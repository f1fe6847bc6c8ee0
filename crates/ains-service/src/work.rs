//! Work: agents claim tasks and report on them.

use std::time::{Duration, Instant};

use ains_core::AgentId;
use tokio::sync::oneshot;

use crate::ains::Ains;
use crate::error::Error;
use crate::machine::give_back;
use crate::model::{ClaimRequest, Delivery, Reported, ReportedEach, StoredTask};
use crate::op::{Claim, Op};

/// A claim on its way, as its caller sees it.
struct Pending<'a> {
    ains: &'a Ains,
    agent: AgentId,
    number: u64,
    until: Option<Instant>,
    answer: oneshot::Receiver<Result<Vec<StoredTask>, Error>>,
}

impl Ains {
    /// Hands ready tasks to an agent that asks; if there are none, waits for some.
    ///
    /// # Errors
    /// When there is no such agent, too much is waiting, or the store fails.
    pub async fn claim(&self, agent: AgentId, request: ClaimRequest) -> Result<Vec<StoredTask>, Error> {
        self.sign(&agent);
        let (claim, pending) = self.prepare(agent, request);
        self.queue(Op::Claim(claim));
        pending.wait().await
    }

    /// Takes an agent's report on one task, and perhaps a claim with it, in one transaction.
    ///
    /// # Errors
    /// When there is no such task, the agent does not hold it (any more), or it is in another state.
    pub async fn report(&self, delivery: Delivery, claim: Option<ClaimRequest>) -> Result<Reported, Error> {
        let agent = delivery.report.agent.clone();
        let ReportedEach { mut results, next } =
            self.report_each(agent.clone(), vec![delivery], claim).await?;
        match results.pop().unwrap_or(Err(Error::Stopping)) {
            Ok(task) => Ok(Reported { task, next }),
            Err(error) => {
                // The answer is the refusal, so what was claimed with the report goes back.
                if let Some(op) = give_back(&agent, &next) {
                    self.queue(op);
                }
                Err(error)
            }
        }
    }

    /// Takes an agent's reports, each on its own account, and perhaps a claim with them, in one
    /// transaction.
    ///
    /// # Errors
    /// When too much is waiting, or the store fails; what concerns one report is in its own result.
    pub async fn report_each(
        &self,
        agent: AgentId,
        deliveries: Vec<Delivery>,
        claim: Option<ClaimRequest>,
    ) -> Result<ReportedEach, Error> {
        self.sign(&agent);
        let (claim, pending) = match claim {
            Some(request) => {
                let (claim, pending) = self.prepare(agent, request);
                (Some(claim), Some(pending))
            }
            None => (None, None),
        };
        let results = self
            .ask(|reply| Op::Report {
                deliveries,
                reply: Some(reply),
                claim,
            })
            .await?;
        let next = match pending {
            Some(pending) => pending.wait().await?,
            None => Vec::new(),
        };
        Ok(ReportedEach { results, next })
    }

    fn prepare(&self, agent: AgentId, request: ClaimRequest) -> (Claim, Pending<'_>) {
        let number = self.claim_number();
        let waits = !request.wait.is_zero() && !self.is_stopping();
        let until = waits.then(|| Instant::now() + request.wait);
        let (reply, answer) = oneshot::channel();
        let capabilities = request
            .capabilities
            .map(|subset| subset.iter().map(|name| name.as_str().to_lowercase()).collect());
        let claim = Claim {
            number,
            agent: agent.clone(),
            max: request.max,
            capabilities,
            claim_id: request.claim_id,
            until,
            reply,
        };
        (
            claim,
            Pending {
                ains: self,
                agent,
                number,
                until,
                answer,
            },
        )
    }

    /// Notes that an agent gave a sign of life.
    pub(crate) fn sign(&self, agent: &AgentId) {
        let now = self.now();
        self.engine().lock().sign(agent, now, false);
    }
}

impl Pending<'_> {
    /// Waits for the answer; when the time is over, takes the claim back, unless something is
    /// already on its way to it.
    async fn wait(mut self) -> Result<Vec<StoredTask>, Error> {
        let Some(until) = self.until else {
            return flat((&mut self.answer).await);
        };
        let time_over = tokio::time::sleep(
            until
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1)),
        );
        tokio::select! {
            answer = &mut self.answer => return flat(answer),
            () = time_over => {}
        }
        if self
            .ains
            .engine()
            .lock()
            .give_up(&self.agent, self.number)
            .is_some()
        {
            return Ok(Vec::new());
        }
        flat((&mut self.answer).await)
    }
}

impl Drop for Pending<'_> {
    /// A caller that went away does not go on waiting. What is already on its way to it is given
    /// back when it cannot be delivered.
    fn drop(&mut self) {
        if self.until.is_some() {
            drop(self.ains.engine().lock().give_up(&self.agent, self.number));
        }
    }
}

fn flat(
    answer: Result<Result<Vec<StoredTask>, Error>, oneshot::error::RecvError>,
) -> Result<Vec<StoredTask>, Error> {
    answer.unwrap_or(Err(Error::Stopping))
}
