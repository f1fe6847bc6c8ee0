//! Finding agents: the search, and the leaderboard.

use ains_api::{Leader, Leaderboard, LeaderboardQuery, SearchAnswer, SearchQuery, SearchResult};
use ains_core::TrustScore;
use ains_core::directory::{Search, SortBy};

use super::State;
use crate::auth::Caller;
use crate::convert::count;
use crate::page;
use crate::query::Query;
use crate::reply::{Answer, Reply};

/// Agents of a page where the caller does not say (api.md part A).
const DEFAULT_LIMIT: i64 = 10;

/// Agents of a leaderboard (api.md part A).
const LEADERS: std::ops::RangeInclusive<i64> = 1..=100;

/// What a search is sorted by (api.md part A).
const SORT: [(&str, SortBy); 3] = [
    ("trust_score", SortBy::Trust),
    ("price", SortBy::Price),
    ("latency", SortBy::Latency),
];

/// Agents by what they offer, by tags, trust, price and latency.
#[utoipa::path(
    get,
    path = "/ains/search",
    tag = "Agents",
    params(SearchQuery),
    responses((status = OK, body = SearchAnswer))
)]
pub(crate) async fn search(state: State, caller: Caller, mut query: Query) -> Answer<SearchAnswer> {
    let capability = query.free_text("capability").filter(|text| !text.is_empty());
    let tags = query.list("tags").unwrap_or_default();
    let min_trust = query.number("min_trust", &(0.0..=1.0)).unwrap_or(0.0);
    let max_price = query.amount("max_price");
    let max_latency_ms = query
        .text("max_latency_ms")
        .is_some()
        .then(|| query.within("max_latency_ms", &(0..=i64::MAX), 0));
    let sort = query.choice("sort_by", &SORT);
    let limit = query.within("limit", &page::LIMIT, DEFAULT_LIMIT);
    let offset = query.within("offset", &(0..=i64::MAX), 0);
    let search = query.finish(Some(Search {
        viewer: state.ains.viewer(caller.reach()),
        capability,
        tags,
        min_trust: TrustScore::clamped(min_trust),
        max_price,
        max_latency_ms,
        sort,
        limit: usize::try_from(limit).unwrap_or(0),
        offset: usize::try_from(offset).unwrap_or(usize::MAX),
    }))?;
    let found = state.ains.search(search).await?;
    let results = found.agents.into_iter().map(|agent| SearchResult {
        agent_id: agent.id.into(),
        display_name: agent.display_name,
        trust_score: agent.trust.get(),
        capabilities: agent.capabilities.iter().map(ToString::to_string).collect(),
    });
    Ok(Reply(SearchAnswer {
        results: results.collect(),
        total: found.total as u64,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        offset: count(offset),
    }))
}

/// The agents that are trusted most.
#[utoipa::path(
    get,
    path = "/ains/agents/leaderboard",
    tag = "Agents",
    params(LeaderboardQuery),
    responses((status = OK, body = Leaderboard))
)]
pub(crate) async fn leaderboard(state: State, caller: Caller, mut query: Query) -> Answer<Leaderboard> {
    let limit = query.within("limit", &LEADERS, DEFAULT_LIMIT);
    let min_tasks = query.within("min_tasks", &(0..=i64::MAX), 0);
    query.finish(Some(()))?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let viewer = state.ains.viewer(caller.reach());
    let leaders = state.ains.leaderboard(&viewer, limit, min_tasks).into_iter();
    let leaderboard = leaders.map(|card| Leader {
        success_rate: card.success_rate(),
        agent_id: card.id.into(),
        display_name: card.display_name,
        trust_score: card.trust.get(),
        total_tasks_completed: count(card.completed),
        total_tasks_failed: count(card.failed),
    });
    Ok(Reply(Leaderboard {
        leaderboard: leaderboard.collect(),
    }))
}
