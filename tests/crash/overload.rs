//! More than the server can queue: what is not taken is refused, and nothing in between.

use ains_testkit::Backend;
use reqwest::Client;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::caller::{Caller, task};
use crate::site::{Site, run};

/// Submissions at the same time.
const AT_ONCE: usize = 500;

#[test]
fn too_much_is_refused_and_the_rest_is_stored_on_sqlite() {
    run(too_much_is_refused(Backend::Sqlite));
}

#[test]
fn too_much_is_refused_and_the_rest_is_stored_on_postgres() {
    run(too_much_is_refused(Backend::Postgres));
}

async fn too_much_is_refused(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[("AINS_WRITE_QUEUE", "8")]);
    let http = Client::builder()
        .no_proxy()
        .build()
        .expect("a client can be made");
    let url = format!("{}/ains/tasks", server.url());
    let mut submissions = JoinSet::new();
    for number in 0..AT_ONCE {
        let request = http.post(&url).json(&task("client", "text:v1", number));
        submissions.spawn(async move { is_taken(request).await });
    }
    let (mut taken, mut refused) = (0, 0);
    while let Some(submission) = submissions.join_next().await {
        if submission.expect("every submission is answered") {
            taken += 1;
        } else {
            refused += 1;
        }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    let caller = Caller::new([server.url()]);
    assert_eq!(caller.get("/ains/stats/database").await["tasks"]["rows"], taken);
    assert_eq!(caller.get("/ains/stats").await["tasks"]["total"], taken);
    server.terminate();
}

/// Whether the server has taken the task; if not, it must have said so properly.
async fn is_taken(request: reqwest::RequestBuilder) -> bool {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let header = |name| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let (content_type, retry_after) = (header("content-type"), header("retry-after"));
    let body: Value = answer.json().await.expect("JSON");
    if status == 200 {
        return true;
    }
    assert_eq!(
        (status, &body["type"]),
        (503, &Value::from("/problems/unavailable")),
        "{body}"
    );
    assert_eq!(
        content_type.as_deref(),
        Some("application/problem+json"),
        "{body}"
    );
    let seconds = retry_after.and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(
        seconds.is_some_and(|seconds| (1..=60).contains(&seconds)),
        "{body}"
    );
    false
}
