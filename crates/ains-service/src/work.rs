//! Work: agents claim tasks and report on them.

use std::time::{Duration, Instant};

use ains_core::{AgentId, Task};
use tokio::sync::oneshot;

use crate::ains::Ains;
use crate::error::Error;
use crate::model::{ClaimRequest, Delivery, Reported, ReportedEach, StoredTask};
use crate::op::{Claim, Op};
use crate::reply::Reply;

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
        self.meet(&agent).await?;
        self.sign(&agent);
        let (claim, pending) = self.prepare(agent, request);
        self.queue(Op::Claim(claim));
        pending.wait().await
    }

    /// How many claims wait for work at this server.
    pub fn waiting_claims(&self) -> usize {
        let state = self.engine().lock();
        let known = state.waiting.iter().filter_map(|agent| state.roster.get(agent));
        known.map(|known| known.waiting.len()).sum()
    }

    /// Takes an agent's report on one task, and perhaps a claim with it, in one transaction.
    ///
    /// # Errors
    /// When there is no such task, the agent does not hold it (any more), or it is in another state.
    pub async fn report(&self, delivery: Delivery, claim: Option<ClaimRequest>) -> Result<Reported, Error> {
        let agent = delivery.report.agent.clone();
        let (mut results, pending) = self.send_reports(agent, vec![delivery], claim, true).await?;
        // A refused report is answered at once, and its claim is dropped.
        let task = results.pop().unwrap_or(Err(Error::Stopping))?;
        let next = Pending::wait_for(pending).await?;
        Ok(Reported { task, next })
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
        let (results, pending) = self.send_reports(agent, deliveries, claim, false).await?;
        let next = Pending::wait_for(pending).await?;
        Ok(ReportedEach { results, next })
    }

    /// Reports, and perhaps claims in the same transaction.
    async fn send_reports(
        &self,
        agent: AgentId,
        deliveries: Vec<Delivery>,
        claim: Option<ClaimRequest>,
        only_after_success: bool,
    ) -> Result<(Vec<Result<Task, Error>>, Option<Pending<'_>>), Error> {
        self.sign(&agent);
        let prepared = claim.map(|request| self.prepare(agent, request));
        let (claim, pending) = prepared.unzip();
        let claim = claim.map(|claim| Claim {
            only_after_success,
            ..claim
        });
        let results = self
            .ask(|reply| Op::Report {
                deliveries,
                reply: Some(reply),
                claim,
            })
            .await?;
        Ok((results, pending))
    }

    fn prepare(&self, agent: AgentId, request: ClaimRequest) -> (Claim, Pending<'_>) {
        let number = self.claim_number();
        let waits = !request.wait.is_zero() && !self.is_stopping();
        let until = waits.then(|| Instant::now() + request.wait);
        let (reply, answer) = Reply::channel();
        let capabilities = request
            .capabilities
            .map(|subset| subset.iter().map(|name| name.as_str().to_lowercase()).collect());
        let claim = Claim {
            number,
            agent: agent.clone(),
            max: request.max,
            capabilities,
            claim_id: request.claim_id,
            only_after_success: false,
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
    /// What a claim that came with reports was given; nothing if there was none.
    async fn wait_for(pending: Option<Self>) -> Result<Vec<StoredTask>, Error> {
        match pending {
            Some(pending) => pending.wait().await,
            None => Ok(Vec::new()),
        }
    }

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
        let mut stopping = self.ains.inner.stopping.subscribe();
        tokio::select! {
            answer = &mut self.answer => return flat(answer),
            () = time_over => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
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
