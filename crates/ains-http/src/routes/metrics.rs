//! What happened and how things stand, for Prometheus.

use actix_web::HttpResponse;
use prometheus::TEXT_FORMAT;

use super::State;
use crate::reply;

/// Metrics of this server and of the whole system, in Prometheus' text format.
///
/// Counters and histograms are of this process, to be summed over servers; gauges are of the whole system, and left out
/// while the database does not answer.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Statistics",
    responses((
        status = OK,
        description = "Prometheus' text format, version 0.0.4",
        body = String,
        content_type = "text/plain; version=0.0.4"
    ))
)]
pub(crate) async fn metrics(state: State) -> HttpResponse {
    let mut text = state.ains.metrics_text().await;
    text.push_str(&state.requests.text());
    reply::text(TEXT_FORMAT, text)
}
