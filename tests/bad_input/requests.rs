//! Requests that are bad apart from their bodies: ids, queries, methods, paths, headers.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};

use crate::ask::{
    Asker, Expect, Request, every_operation, good_body, good_query, object, path_to, report, with_query,
};
use crate::contract::Kind;
use crate::world::{World, on_both};

on_both!(
    an_unknown_id_is_not_found,
    an_odd_query_is_refused_or_ignored,
    a_missing_query_parameter_is_named,
    a_method_that_a_path_does_not_take_is_refused,
    a_path_that_there_is_not_is_not_found,
    odd_headers_are_refused_or_ignored,
);

async fn an_unknown_id_is_not_found(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        if !operation.path.contains('{') {
            return findings;
        }
        let long = "x".repeat(3_000);
        let ids = [
            "nothing",
            "task_00000000000000000000000000000001",
            "task_0000000000000000000000000000000",
            "TASK_00000000000000000000000000000001",
            "task_%F0%9F%A6%80",
            "leaderboard",
            "%00",
            "a%00b",
            "%ff",
            "%",
            "%zz",
            "%20",
            "%2e%2f",
            "..%2f..%2fetc%2fpasswd",
            "'%20OR%201=1--",
            "-1",
            "{id}",
            "*",
            &long,
        ];
        for id in ids {
            // That is a path of its own.
            if operation.path == "/ains/agents/{id}" && id == "leaderboard" {
                continue;
            }
            let path = operation.path.replace("{id}", id).replace("{slug}", id);
            let path = with_query(&path, &good_query(&operation, &estate));
            let request = Request::new(&operation.method, path).json(object(&good_body(&operation, &estate)));
            // A client need not have been heard of to be given a share.
            let expect = if operation.path.starts_with("/ains/clients/") {
                Expect::Answer
            } else {
                Expect::Status(&[404])
            };
            findings.extend(asker.finding(request, expect).await);
        }
        findings
    })
    .await;
}

/// Values of query parameters; none of them makes the server wait.
const ODD_VALUES: [&str; 28] = [
    "",
    "0",
    "-1",
    "61",
    "1e3",
    "0x10",
    "1.5",
    "99999999999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "abc",
    "true",
    "null",
    "%00",
    "a%00b",
    "%ff",
    "%",
    "%zz",
    "%F0%9F%A6%80",
    "'%20OR%201=1--",
    "[1]",
    "a,b,,c",
    "task_00000000000000000000000000000001",
    "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "-0001-01-01T00:00:00Z",
];

async fn an_odd_query_is_refused_or_ignored(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        let path = path_to(&operation, &estate);
        let bare = path.split('?').next().unwrap_or_default();
        let good = good_query(&operation, &estate);
        let body = object(&good_body(&operation, &estate));
        let ask = |path: String| Request::new(&operation.method, path).json(body.clone());
        let long = "x".repeat(5_000);
        for field in &operation.query {
            for value in ODD_VALUES.into_iter().chain([&*long]) {
                let mut query = good.clone();
                query.retain(|(name, _)| *name != field.name);
                query.push((field.name.clone(), value.to_owned()));
                let expect = match field.kind {
                    Kind::Integer if value.parse::<i64>().is_err() => Expect::Status(&[422]),
                    Kind::Flag if value == "abc" => Expect::Status(&[422]),
                    _ => Expect::Answer,
                };
                let request = ask(with_query(bare, &query));
                findings.extend(asker.finding(request, expect).await);
            }
        }
        let many = "a=1&".repeat(5_000);
        for query in [
            "",
            "&&&",
            "=",
            "==",
            "a",
            "a=b=c",
            "%",
            "%zz=%ff",
            "?",
            "a[]=1&a[]=2",
            "%00=%00",
            &many,
        ] {
            let request = ask(format!("{bare}?{query}"));
            findings.extend(asker.finding(request, Expect::Answer).await);
        }
        findings
    })
    .await;
}

async fn a_missing_query_parameter_is_named(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        let path = path_to(&operation, &estate);
        let bare = path.split('?').next().unwrap_or_default();
        let good = good_query(&operation, &estate);
        for left_out in &good {
            let query: Vec<_> = good.iter().filter(|field| *field != left_out).cloned().collect();
            let request = Request::new(&operation.method, with_query(bare, &query));
            let request = request.json(object(&good_body(&operation, &estate)));
            match asker.ask(request, Expect::Status(&[422])).await {
                Ok(came) if came.json["errors"][0]["pointer"] == *left_out.0 => {}
                Ok(came) => findings.push(format!("{path}: {} is not named in {}", left_out.0, came.json)),
                Err(finding) => findings.push(finding),
            }
        }
        findings
    })
    .await;
}

async fn a_method_that_a_path_does_not_take_is_refused(world: &Arc<World>) {
    let asker = Asker::new(world);
    let estate = asker.estate().await;
    let mut methods: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for operation in asker.operations().await {
        let path = path_to(&operation, &estate);
        let path = path.split('?').next().unwrap_or_default().to_owned();
        methods.entry(path).or_default().push(operation.method);
    }
    let mut findings = Vec::new();
    for (path, taken) in &methods {
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW",
        ] {
            if taken.iter().any(|taken| taken == method) {
                continue;
            }
            // Whoever takes a GET may take a HEAD.
            let expect = if method == "HEAD" {
                Expect::Status(&[200, 405])
            } else {
                Expect::Status(&[405])
            };
            match asker.ask(Request::new(method, path.clone()), expect).await {
                Ok(came) if came.status == 405 => {
                    let allow = came
                        .headers
                        .get("allow")
                        .map_or("", |value| value.to_str().unwrap_or("?"));
                    let allowed: Vec<_> = allow.split(',').map(str::trim).collect();
                    if taken.iter().any(|taken| !allowed.contains(&&**taken)) {
                        findings.push(format!("{method} {path}: takes {taken:?}, and says {allow:?}"));
                    }
                }
                Ok(_) => {}
                Err(finding) => findings.push(finding),
            }
        }
    }
    report(&findings);
}

async fn a_path_that_there_is_not_is_not_found(world: &Arc<World>) {
    let asker = Asker::new(world);
    let long = format!("/ains/{}", "x/".repeat(2_000));
    let mut findings = Vec::new();
    for path in [
        "/nothing",
        "/ains",
        "/ains/",
        "/aitp",
        "/ains/tasks/",
        "/ains//tasks",
        "//",
        "/AINS/tasks",
        "/ains/task",
        "/aitp/tasks/a/b/c",
        "/ains/agents/a/b/c",
        "/%00",
        "/%ff",
        "/%",
        "/docs/nothing",
        "/docs/%2e%2e/x",
        "/problems/nothing",
        "/problems/",
        "/favicon.ico",
        "/openapi.yaml",
        "/*",
        "/health/dead",
        &long,
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let request = Request::new(method, path).json("{}");
            // A path with a page for every name is there for other methods too, and does not take them.
            findings.extend(asker.finding(request, Expect::Status(&[404, 405])).await);
        }
        findings.extend(
            asker
                .finding(Request::new("GET", path), Expect::Status(&[404]))
                .await,
        );
    }
    report(&findings);
}

async fn odd_headers_are_refused_or_ignored(world: &Arc<World>) {
    let long = "x".repeat(10_000);
    let headers: [(&'static str, Vec<&[u8]>, Expect); 9] = [
        (
            "idempotency-key",
            vec![b"", b"\xff", b"a\tb", long.as_bytes()],
            Expect::Answer,
        ),
        (
            "x-request-id",
            vec![b"", b"\xff\xfe", b"a b\tc", b"{\"a\":1}", long.as_bytes()],
            Expect::Answer,
        ),
        (
            "traceparent",
            vec![b"", b"\xff", b"00-zz-zz-01", long.as_bytes()],
            Expect::Answer,
        ),
        // Without authentication a key that is sent is still looked at.
        (
            "x-api-key",
            vec![b"", b"\xff", b"wrong", long.as_bytes()],
            Expect::Answer,
        ),
        (
            "authorization",
            vec![
                b"",
                b"\xff",
                b"Bearer",
                b"Bearer \xff",
                b"Basic !!!",
                b"Basic Og==",
                b"Digest x",
                long.as_bytes(),
            ],
            Expect::Answer,
        ),
        ("accept", vec![b"image/png", b"\xff", b"*"], Expect::Answer),
        (
            "accept-encoding",
            vec![b"gzip", b"\xff", b"*;q=x"],
            Expect::Answer,
        ),
        ("range", vec![b"bytes=0-1", b"\xff"], Expect::Answer),
        ("if-match", vec![b"*", b"\xff"], Expect::Answer),
    ];
    let asker = Asker::new(world);
    let estate = asker.estate().await;
    let mut findings = Vec::new();
    for operation in asker.operations().await {
        for (name, values, expect) in &headers {
            for value in values {
                let value = HeaderValue::from_bytes(value).expect("a header");
                let request = Request::new(&operation.method, path_to(&operation, &estate));
                let request = request
                    .json(object(&good_body(&operation, &estate)))
                    .header(HeaderName::from_static(name), value);
                findings.extend(asker.finding(request, *expect).await);
            }
        }
    }
    for (name, value) in [("x-api-key", "wrong"), ("authorization", "Bearer wrong")] {
        let request = Request::new("GET", "/ains/stats");
        let request = request.header(HeaderName::from_static(name), HeaderValue::from_static(value));
        findings.extend(asker.finding(request, Expect::Status(&[401])).await);
    }
    for key in ["", "a\tb", &long] {
        let value = HeaderValue::from_str(key).expect("a header");
        let request = Request::new("POST", "/ains/tasks").json("{}");
        let request = request.header(HeaderName::from_static("idempotency-key"), value);
        findings.extend(asker.finding(request, Expect::Status(&[400])).await);
    }
    report(&findings);
}
