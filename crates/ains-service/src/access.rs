//! Access: whether a caller reaches a thing. The one place that decides about tenants (semantics §9).
//!
//! Nothing changes its owner, so it is enough to look before a use case runs. What is out of reach does not exist for the
//! caller.

use std::collections::BTreeSet;

use ains_core::directory::Viewer;
use ains_core::{
    AgentId, CalendarId, ChainId, ClientId, DeliveryId, KeyId, Reach, ScheduleId, TaskId, TemplateId,
    WebhookId,
};
use ains_store::owners;

use crate::ains::Ains;
use crate::error::Error;
use crate::model::Principal;

/// Something that belongs to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A task.
    Task(TaskId),
    /// A chain.
    Chain(ChainId),
    /// A schedule.
    Schedule(ScheduleId),
    /// A calendar.
    Calendar(CalendarId),
    /// A template.
    Template(TemplateId),
    /// A webhook.
    Webhook(WebhookId),
    /// A delivery to a webhook.
    Delivery(DeliveryId),
    /// An API key.
    Key(KeyId),
    /// An agent.
    Agent(AgentId),
}

/// What a caller wants with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// To look at it.
    Look,
    /// To change it, or to act as it.
    Change,
}

impl Thing {
    /// How the API calls it, and its id.
    fn named(&self) -> (&'static str, String) {
        match self {
            Self::Task(id) => ("Task", id.to_string()),
            Self::Chain(id) => ("Chain", id.to_string()),
            Self::Schedule(id) => ("Schedule", id.to_string()),
            Self::Calendar(id) => ("Calendar", id.to_string()),
            Self::Template(id) => ("Template", id.to_string()),
            Self::Webhook(id) => ("Webhook", id.to_string()),
            Self::Delivery(id) => ("Delivery", id.to_string()),
            Self::Key(id) => ("API key", id.to_string()),
            Self::Agent(id) => ("Agent", id.to_string()),
        }
    }

    fn not_found(&self) -> Error {
        let (entity, id) = self.named();
        Error::NotFound { entity, id }
    }
}

impl Ains {
    /// Whether what is within `reach` includes `thing`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not, or does not exist; [`Error::NotOwner`] if it may be looked at, but not changed;
    /// when the store fails.
    pub async fn reaches(&self, reach: &Reach, thing: &Thing, wanted: Use) -> Result<(), Error> {
        let within = match (reach, thing) {
            (Reach::Everything, _) => true,
            (_, Thing::Agent(agent)) => self.reaches_agent(reach, agent, wanted).await?,
            (Reach::Client(client), thing) => self.owner(thing.clone()).await?.as_ref() == Some(client),
            (Reach::Agent(own), thing) => match thing {
                Thing::Task(id) => {
                    let (id, own) = (*id, own.clone());
                    self.read(move |conn| owners::held(conn, id, &own)).await?
                }
                _ => false,
            },
        };
        within.then_some(()).ok_or_else(|| thing.not_found())
    }

    /// An agent belongs to the client that registered it, which alone changes it and acts as it. It is seen by those
    /// that it serves.
    async fn reaches_agent(&self, reach: &Reach, id: &AgentId, wanted: Use) -> Result<bool, Error> {
        if reach.agent() == Some(id) {
            return Ok(true);
        }
        self.meet(id).await?;
        let viewer = self.viewer(reach);
        let state = self.engine().lock();
        let Some(known) = state.roster.get(id) else {
            return Ok(false);
        };
        if known.client.is_some() && known.client.as_ref() == reach.client() {
            return Ok(true);
        }
        if !viewer.sees(state.reserved_for(id)) {
            return Ok(false);
        }
        match wanted {
            Use::Look => Ok(true),
            Use::Change => Err(Error::NotOwner),
        }
    }

    /// Whether the agent that a key is bound to is its client's, or nobody's as the key is: an id that was given up may be
    /// another's now. One that is not registered is nobody's yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_bound(&self, principal: &Principal) -> Result<bool, Error> {
        let Some(agent) = principal.reach.agent() else {
            return Ok(true);
        };
        self.meet(agent).await?;
        let state = self.engine().lock();
        let known = state.roster.get(agent);
        Ok(known.is_none_or(|known| known.client == principal.client))
    }

    /// Whose an agent is; `None` if it is nobody's, or there is none.
    pub(crate) async fn owner_of_agent(&self, agent: &AgentId) -> Result<Option<ClientId>, Error> {
        self.meet(agent).await?;
        let state = self.engine().lock();
        Ok(state.roster.get(agent).and_then(|known| known.client.clone()))
    }

    /// Which agents are within `reach`: those that serve its client. An agent sees those that its client sees.
    pub fn viewer(&self, reach: &Reach) -> Viewer {
        match reach {
            Reach::Everything => Viewer::Everything,
            Reach::Client(client) => Viewer::Client(client.clone()),
            Reach::Agent(agent) => {
                let state = self.engine().lock();
                let client = state.reserved_for(agent).cloned();
                client.map_or(Viewer::Nobody, Viewer::Client)
            }
        }
    }

    /// Which of these tasks are not within `reach`: for tasks that a caller names in a request. Those that do not exist
    /// are not among them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn out_of_reach(&self, reach: &Reach, tasks: Vec<TaskId>) -> Result<BTreeSet<TaskId>, Error> {
        if *reach == Reach::Everything || tasks.is_empty() {
            return Ok(BTreeSet::new());
        }
        let reach = reach.clone();
        self.read(move |conn| {
            let owners = owners::of_tasks(conn, &tasks)?;
            let foreign = owners.into_iter().filter(|(_, owner)| !reach.covers(owner));
            Ok(foreign.map(|(task, _)| task).collect())
        })
        .await
    }

    async fn owner(&self, thing: Thing) -> Result<Option<ClientId>, Error> {
        self.read(move |conn| match thing {
            Thing::Task(id) => owners::of_task(conn, id),
            Thing::Chain(id) => owners::of_chain(conn, id),
            Thing::Schedule(id) => owners::of_schedule(conn, id),
            Thing::Calendar(id) => owners::of_calendar(conn, id),
            Thing::Template(id) => owners::of_template(conn, id),
            Thing::Webhook(id) => owners::of_webhook(conn, id),
            Thing::Delivery(id) => owners::of_delivery(conn, id),
            Thing::Key(id) => owners::of_key(conn, id),
            Thing::Agent(_) => Ok(None),
        })
        .await
    }
}
