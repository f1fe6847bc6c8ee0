//! `GET /metrics`: Prometheus' text format, every name from the start, and a bounded number of series.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use actix_web::test::TestRequest;
use ains_http::Auth;
use serde_json::json;

use crate::site::{KEY, Site};

/// Every metric and its type.
const NAMES: [(&str, &str); 28] = [
    ("ains_agent_trust_score", "histogram"),
    ("ains_agents_active", "gauge"),
    ("ains_agents_total", "gauge"),
    ("ains_chain_duration_seconds", "histogram"),
    ("ains_chain_steps_total", "counter"),
    ("ains_chains_total", "counter"),
    ("ains_database_up", "gauge"),
    ("ains_db_query_duration_seconds", "histogram"),
    ("ains_event_followers", "gauge"),
    ("ains_event_followers_dropped_total", "counter"),
    ("ains_events_total", "counter"),
    ("ains_http_request_duration_seconds", "histogram"),
    ("ains_http_requests_total", "counter"),
    ("ains_rate_limited_requests_total", "counter"),
    ("ains_repairs_total", "counter"),
    ("ains_scheduled_tasks_total", "counter"),
    ("ains_task_duration_seconds", "histogram"),
    ("ains_task_hand_out_seconds", "histogram"),
    ("ains_task_queue_wait_seconds", "histogram"),
    ("ains_task_retries_total", "counter"),
    ("ains_task_timeouts_total", "counter"),
    ("ains_tasks_completed_total", "counter"),
    ("ains_tasks_created_total", "counter"),
    ("ains_tasks_failed_total", "counter"),
    ("ains_tasks_held", "gauge"),
    ("ains_tasks_in_queue", "gauge"),
    ("ains_webhook_deliveries_total", "counter"),
    ("ains_writer_batch_size", "histogram"),
];

/// What a scrape holds.
struct Scrape {
    /// The type of each metric.
    kinds: BTreeMap<String, String>,
    /// Each series, with its labels, and its value.
    series: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads the text; every line must be what the format allows, where it allows it.
    fn read(text: &str) -> Self {
        let (mut helps, mut kinds, mut series) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut current = String::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(!words.is_empty(), "{line}");
                assert!(helps.insert(name.to_owned()), "twice: {line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(helps.contains(name), "no help: {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(
                    kinds.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "twice: {line}"
                );
                name.clone_into(&mut current);
            } else {
                let (name, value) = line.rsplit_once(' ').unwrap();
                let bare = name.split('{').next().unwrap();
                let suffix = bare
                    .strip_prefix(current.as_str())
                    .expect("a series under its type");
                let expected: &[&str] = match kinds[&current].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(expected.contains(&suffix), "{line}");
                let value: f64 = value.parse().unwrap();
                assert!(value.is_finite() && value >= 0.0, "{line}");
                assert!(series.insert(name.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        Self { kinds, series }
    }

    async fn of(site: &Site) -> Self {
        let answer = site.get("/metrics").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
        Self::read(std::str::from_utf8(&answer.bytes).unwrap())
    }

    /// The labels that are in use, with their values; not the bounds of buckets.
    fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for series in self.series.keys() {
            let Some((_, inside)) = series.split_once('{') else {
                continue;
            };
            // No value holds a comma or a quotation mark but for patterns of paths, which hold neither.
            for label in inside.trim_end_matches('}').split("\",") {
                let (name, value) = label.split_once("=\"").unwrap();
                if name != "le" {
                    let values = labels.entry(name.to_owned()).or_default();
                    values.insert(value.trim_end_matches('"').to_owned());
                }
            }
        }
        labels
    }
}

#[actix_web::test]
async fn every_metric_is_there_from_the_start() {
    for site in Site::open_each().await {
        let scrape = Scrape::of(&site).await;
        let names = BTreeMap::from(NAMES);
        let found: BTreeMap<&str, &str> = scrape.kinds.iter().map(|(n, k)| (&**n, &**k)).collect();
        assert_eq!(found, names);
        for series in scrape
            .series
            .keys()
            .filter(|series| series.starts_with("ains_http_"))
        {
            assert_eq!(scrape.series.get(series), Some(&0.0), "{series}");
        }
        let labels = scrape.labels();
        let count = |label: &str| labels[label].len();
        assert_eq!(
            ["event", "kind", "operation", "outcome", "priority", "status"].map(count),
            [4, 8, 4, 3, 10, 5]
        );
    }
}

#[actix_web::test]
async fn what_happens_is_counted() {
    let site = Site::open().await;
    site.worker("a1").await;
    site.task("c1").await;
    site.task("c1").await;
    let (id, _) = site.claim("a1").await;
    for _ in 0..2 {
        site.post(&format!("/ains/tasks/{id}/complete"), json!({"agent_id": "a1"}))
            .await
            .ok();
    }
    let series = Scrape::of(&site).await.series;
    for (name, value) in [
        ("ains_tasks_created_total", 2.0),
        ("ains_tasks_completed_total", 1.0),
        (r#"ains_tasks_in_queue{priority="5"}"#, 1.0),
        (
            r#"ains_http_requests_total{method="POST",route="/ains/tasks",status="200"}"#,
            2.0,
        ),
        (
            r#"ains_http_requests_total{method="POST",route="/ains/tasks/{id}/complete",status="200"}"#,
            2.0,
        ),
        (
            r#"ains_http_request_duration_seconds_count{method="POST",route="/ains/tasks/{id}/complete"}"#,
            2.0,
        ),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name}");
    }
}

#[actix_web::test]
async fn a_thousand_paths_ids_and_clients_make_no_new_series() {
    let site = Site::open().await;
    site.worker("a0").await;
    let one_of_each = |number: usize| {
        let site = site.clone();
        async move {
            site.get(&format!("/ains/tasks/task_{number:032x}")).await;
            site.get(&format!("/ains/agents/agent-{number}")).await;
            site.get(&format!("/nothing/{number}?q={number}")).await;
            site.get(&format!("/docs/{number}.css")).await;
            let method = Method::from_bytes(format!("BREW{number}").as_bytes()).unwrap();
            site.call(method, &format!("/ains/tasks/{number}"), json!({}))
                .await;
            site.call(Method::DELETE, "/ains/tasks", json!({})).await;
        }
    };
    one_of_each(0).await;
    site.task("client-0").await;
    Scrape::of(&site).await;
    let before = Scrape::of(&site).await;
    for number in 1..=1000 {
        one_of_each(number).await;
        if number % 50 == 0 {
            site.task(&format!("client-{number}")).await;
            site.worker(&format!("a{number}")).await;
        }
    }
    let after = Scrape::of(&site).await;
    let names = |scrape: &Scrape| scrape.series.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before));
    let unmatched = r#"ains_http_requests_total{method="GET",route="unmatched",status="404"}"#;
    assert_eq!(after.series.get(unmatched), Some(&1001.0));
    let strange = after.labels()["method"].contains("other");
    assert!(strange, "{:?}", after.labels());
}

#[actix_web::test]
async fn metrics_need_a_key_and_are_only_read() {
    let site = Site::with(Auth::On).await;
    assert_eq!(site.get("/metrics").await.detail(401), "API key required");
    let keyed = TestRequest::with_uri("/metrics").insert_header(("x-api-key", KEY));
    assert_eq!(site.send(keyed).await.status, 200);
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = TestRequest::with_uri("/metrics")
            .method(method.clone())
            .insert_header(("x-api-key", KEY));
        let answer = site.send(request).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET", "{method}");
    }
}

#[test]
fn the_guide_names_every_metric_and_its_type() {
    let guide = include_str!("../../../../docs/operations.md");
    for (name, kind) in NAMES {
        let row = format!("| `{name}` | {kind} |");
        assert!(guide.contains(&row), "{row}");
    }
}
