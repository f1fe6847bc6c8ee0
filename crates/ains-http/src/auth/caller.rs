//! Whom a request is from, for handlers.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use ains_core::event::Noun;
use ains_core::task::Refusal;
use ains_core::{AgentId, ClientId, Dependency, EventType, EventTypes, Reach, Scope, Task, TaskId};
use ains_service::Error;
use ains_service::access::{Thing, Use};
use ains_service::model::{Actor, Principal, TaskFilter};

use crate::address::{TrustedProxies, client_address};
use crate::problem::{Kind, Problem};
use crate::request_id::RequestId;
use crate::routes::State;

/// Whom a request is from; nobody in particular, with authentication off and no key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    principal: Option<Arc<Principal>>,
    address: Option<String>,
    /// The id of the request, where it may change something.
    request: Option<String>,
}

impl Caller {
    /// Whom `request` is from; `proxies` are those whose word is taken for the address.
    pub(crate) fn of(request: &HttpRequest, proxies: &TrustedProxies) -> Self {
        let extensions = request.extensions();
        let id = extensions
            .get::<RequestId>()
            .and_then(|RequestId(id)| id.to_str().ok());
        Self {
            principal: extensions.get::<Arc<Principal>>().cloned(),
            address: client_address(request, proxies).map(|address| address.to_string()),
            request: id.map(str::to_owned),
        }
    }

    /// Whom the key is for.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.principal.as_deref()
    }

    /// Whose things it sees and changes.
    pub(crate) fn reach(&self) -> &Reach {
        self.principal()
            .map_or(&Reach::Everything, |principal| &principal.reach)
    }

    /// The client whose things alone it sees and changes.
    pub(crate) fn client(&self) -> Option<&ClientId> {
        self.reach().client()
    }

    /// Who does something, for the audit trail.
    pub(crate) fn actor(&self) -> Actor {
        let principal = self.principal();
        Actor {
            key: principal.and_then(|principal| principal.key),
            client: principal.and_then(|principal| principal.client.clone()),
            agent: self.reach().agent().cloned(),
            address: self.address.clone(),
            request: self.request.clone(),
        }
    }

    /// Whose idempotency keys its own are: its client's, its key's, or everybody's who has none.
    pub(crate) fn scope(&self) -> String {
        match (self.reach(), self.principal().and_then(|principal| principal.key)) {
            (Reach::Client(client), _) => format!("client:{client}"),
            (_, Some(key)) => format!("key:{key}"),
            (Reach::Agent(agent), None) => format!("agent:{agent}"),
            _ => "anonymous".to_owned(),
        }
    }

    /// Refuses to act for a client that the key is not bound to.
    ///
    /// # Errors
    /// 403 for another client than its own.
    pub(crate) fn acts_for(&self, client: &ClientId) -> Result<(), Problem> {
        if self.reach().covers(client) {
            Ok(())
        } else {
            Err(Problem::new(
                Kind::Forbidden,
                "This key is bound to another client",
            ))
        }
    }

    /// The client whose things alone a list shows, of which `named` was asked for.
    ///
    /// # Errors
    /// 403 for another client than its own.
    pub(crate) fn only(&self, named: Option<ClientId>) -> Result<Option<ClientId>, Problem> {
        match named {
            Some(named) => self.acts_for(&named).map(|()| Some(named)),
            None => Ok(self.client().cloned()),
        }
    }

    /// Narrows a filter to the tasks that it sees.
    ///
    /// # Errors
    /// 403 if others are asked for.
    pub(crate) fn narrow(&self, filter: TaskFilter) -> Result<TaskFilter, Problem> {
        let Some(own) = self.reach().agent() else {
            let client = self.only(filter.client.clone())?;
            return Ok(TaskFilter { client, ..filter });
        };
        if filter.agent.as_ref().is_some_and(|agent| agent != own) {
            return Err(Problem::new(
                Kind::Forbidden,
                "This key is bound to another agent",
            ));
        }
        let agent = Some(own.clone());
        Ok(TaskFilter { agent, ..filter })
    }

    /// The kinds of events that it may hear of, of those that are asked for: each noun has its scope.
    ///
    /// # Errors
    /// 403 if there are none, or if the key is bound to an agent.
    pub(crate) fn hears(&self, asked: EventTypes) -> Result<EventTypes, Problem> {
        let Some(principal) = self.principal() else {
            return Ok(asked);
        };
        let may = |kind: &EventType| match kind.noun() {
            Noun::Task => principal.scopes.allow(Scope::TaskRead),
            Noun::Chain => principal.scopes.allow(Scope::ChainRead),
            Noun::Schedule => principal.scopes.allow(Scope::ScheduleRead),
            Noun::Agent => principal.scopes.allow(Scope::AgentRead),
        };
        let heard: EventTypes = EventType::ALL
            .iter()
            .copied()
            .filter(|kind| asked.contains(*kind) && may(kind))
            .collect();
        if self.reach().agent().is_some() || heard.is_empty() {
            return Err(Problem::new(
                Kind::Forbidden,
                "This key may not follow these events",
            ));
        }
        Ok(heard)
    }

    /// Refuses to be told of events that it may not hear of.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn hears_all(&self, wanted: impl IntoIterator<Item = EventTypes>) -> Result<(), Problem> {
        let wanted: EventTypes = wanted.into_iter().flat_map(EventTypes::iter).collect();
        // `webhook.test` is of no noun.
        if wanted.is_empty() || self.hears(wanted)? == wanted {
            return Ok(());
        }
        Err(Problem::new(
            Kind::Forbidden,
            "This key may not hear of these events",
        ))
    }

    /// Refuses reports on a task that is out of reach, and that the agent does not hold, as if it did not exist.
    ///
    /// # Errors
    /// 404; else the refusal itself.
    pub(crate) async fn told(&self, state: &State, task: TaskId, refused: Error) -> Error {
        let is_foreign = matches!(&refused, Error::Refused(Refusal::LeaseLost { own: false, .. }));
        if !is_foreign {
            return refused;
        }
        let reached = state
            .ains
            .reaches(self.reach(), &Thing::Task(task), Use::Look)
            .await;
        reached.err().unwrap_or(refused)
    }

    /// Whether it sees a task that was found by way of another.
    pub(crate) fn sees(&self, task: &Task) -> bool {
        let holds = |own: &AgentId| task.agent.as_ref() == Some(own);
        self.reach().covers(&task.client) || self.reach().agent().is_some_and(holds)
    }

    /// Refuses to register an agent without the scope for it, unless it is the one that the key is bound to.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn registers(&self, agent: &AgentId) -> Result<(), Problem> {
        // A key that is bound to an agent and to no client would make one that serves everybody.
        let makes_it_shared = |principal: &Principal| {
            principal.key.is_some() && principal.client.is_none() && self.reach().agent().is_some()
        };
        if self.principal().is_some_and(makes_it_shared) {
            return Err(Problem::new(
                Kind::Forbidden,
                "This key may not register this agent",
            ));
        }
        self.manages(agent)
    }

    /// Refuses to change an agent without the scope for it, unless it is the one that the key is bound to.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn manages(&self, agent: &AgentId) -> Result<(), Problem> {
        let may = |principal: &Principal| match &principal.reach {
            Reach::Agent(own) => own == agent,
            Reach::Client(_) | Reach::Everything => principal.scopes.allow(Scope::AgentWrite),
        };
        if self.principal().is_none_or(may) {
            return Ok(());
        }
        Err(Problem::new(
            Kind::Forbidden,
            "This key may not register or change this agent",
        ))
    }

    /// Refuses to give agents to every client, which only an admin does.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn may_share(&self, shared: bool) -> Result<(), Problem> {
        if !shared || self.principal().is_none_or(Principal::is_admin) {
            return Ok(());
        }
        Err(Problem::new(Kind::Forbidden, "Only an admin shares agents"))
    }

    /// Refuses to act as an agent that it may not act as.
    ///
    /// # Errors
    /// 403 for another agent than the key is bound to, 404 for one out of reach.
    pub(crate) async fn acts_as(&self, state: &State, agent: &AgentId) -> Result<(), Problem> {
        if *self.reach() == Reach::Everything {
            return Ok(());
        }
        let agent = Thing::Agent(agent.clone());
        Ok(state.ains.reaches(self.reach(), &agent, Use::Change).await?)
    }

    /// Refuses tasks to wait for that are out of reach, as if they did not exist.
    ///
    /// # Errors
    /// 404 for the first of them.
    pub(crate) async fn may_wait_for<'a>(
        &self,
        state: &State,
        dependencies: impl IntoIterator<Item = &'a Dependency>,
    ) -> Result<(), Problem> {
        if *self.reach() == Reach::Everything {
            return Ok(());
        }
        let named: Vec<TaskId> = dependencies.into_iter().map(|one| one.on).collect();
        let foreign = state.ains.out_of_reach(self.reach(), named.clone()).await?;
        match named.into_iter().find(|task| foreign.contains(task)) {
            Some(task) => Err(Error::UnknownDependency(task).into()),
            None => Ok(()),
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<State>().expect("every route has the state");
        ready(Ok(Self::of(request, &state.proxies)))
    }
}
