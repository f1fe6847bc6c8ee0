//! How agents are chosen, told and tried out.

use ains_api::{RoutingCandidate, RoutingTest, RoutingTestAnswer, SelectedAgent, StrategyList, Word};
use ains_core::routing::Strategy;
use ains_core::{ClientId, Name};

use super::State;
use crate::auth::Caller;
use crate::convert::count;
use crate::json::Body;
use crate::reply::{Answer, Reply};

/// Candidates that an explanation shows, at most (ains-api, `RoutingTestAnswer`).
const MOST_CANDIDATES: usize = 1000;

/// The routing strategies.
#[utoipa::path(get, path = "/ains/routing/strategies", tag = "Routing", responses((status = OK, body = StrategyList)))]
pub(crate) async fn strategies() -> Reply<StrategyList> {
    let all = Strategy::ALL.into_iter().map(|strategy| ains_api::Strategy {
        name: Word::Borrowed(strategy.as_str()),
        description: Word::Borrowed(describe(strategy)),
    });
    Reply(StrategyList {
        strategies: all.collect(),
        default: Word::Borrowed(Strategy::default().as_str()),
    })
}

fn describe(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::RoundRobin => "The least recently assigned agent first",
        Strategy::LeastLoaded => "The agent with the fewest tasks for its size",
        Strategy::TrustWeighted => {
            "At random in proportion to trust, among agents with a trust of at least 0.3"
        }
        Strategy::FastestResponse => {
            "The agent with the lowest average completion time; newcomers are tried now and then"
        }
    }
}

/// Which agent a task would go to, and why; nothing is changed.
#[utoipa::path(
    post,
    path = "/ains/routing/test",
    tag = "Routing",
    request_body = RoutingTest,
    responses((status = OK, body = RoutingTestAnswer))
)]
pub(crate) async fn test(state: State, caller: Caller, body: Body<RoutingTest>) -> Answer<RoutingTestAnswer> {
    let (client, capability, strategy) = body.check(|test, faults| {
        let client = faults.parse_opt::<ClientId>("/client_id", test.client_id.as_deref());
        let capability = faults.parse::<Name>("/capability_required", &test.capability_required);
        let strategy = faults.parse_opt::<Strategy>("/routing_strategy", test.routing_strategy.as_deref());
        Some((client?, capability?, strategy?.unwrap_or_default()))
    })?;
    let client = caller.only(client)?;
    let view = state
        .ains
        .explain_routing(client.as_ref(), &capability, strategy)
        .await?;
    let candidates = view
        .candidates
        .into_iter()
        .take(MOST_CANDIDATES)
        .map(|candidate| RoutingCandidate {
            agent_id: candidate.agent.into(),
            score: candidate
                .eligible
                .then_some(candidate.score)
                .filter(|score| score.is_finite()),
            eligible: candidate.eligible,
            why_not: candidate.why_not.map(Word::Owned),
        });
    Ok(Reply(RoutingTestAnswer {
        message: view
            .chosen
            .is_none()
            .then_some(Word::Borrowed("No capable agents found")),
        candidates: candidates.collect(),
        selected_agent: view.chosen.map(|chosen| SelectedAgent {
            agent_id: chosen.agent.into(),
            display_name: chosen.display_name,
            trust_score: chosen.trust,
            total_tasks: count(chosen.total_tasks),
        }),
        strategy_used: Word::Borrowed(strategy.as_str()),
        reason: Some(view.reason),
    }))
}
