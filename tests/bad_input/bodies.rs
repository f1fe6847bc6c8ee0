//! Bodies that are bad as a whole: missing, of another shape, too long, too deep, no JSON, no text, not called JSON.

use std::sync::Arc;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};

use crate::ask::{Expect, Request, every_operation, good_body, object, path_to};
use crate::contract::Operation;
use crate::world::{World, on_both};

on_both!(
    a_missing_or_empty_body_lacks_every_field,
    a_body_that_is_no_object_is_refused,
    a_body_that_is_not_json_is_refused,
    a_body_that_is_not_utf_8_is_refused,
    a_body_of_two_mebibytes_is_refused,
    a_body_of_ten_thousand_levels_is_refused,
    a_body_of_another_type_is_refused,
    a_body_whose_type_is_as_good_as_json_is_read,
);

/// What is expected where the operation takes a body; where it takes none, it may as well not look at it.
fn where_it_reads(operation: &Operation, expect: Expect) -> Expect {
    if operation.body.is_some() {
        expect
    } else {
        Expect::Answer
    }
}

async fn a_missing_or_empty_body_lacks_every_field(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        let required: Vec<_> = operation
            .fields()
            .iter()
            .filter(|field| operation.needs_body() && field.required)
            .map(|field| format!("/{}", field.name))
            .collect();
        let expect = if required.is_empty() {
            Expect::Answer
        } else {
            Expect::Status(&[422])
        };
        let request = Request::new(&operation.method, path_to(&operation, &estate));
        let empty = [
            request.clone(),
            request.clone().json(""),
            request.clone().json("  \n"),
            request.json("{}"),
        ];
        for request in empty {
            let came = match asker.ask(request, expect).await {
                Ok(came) => came,
                Err(finding) => {
                    findings.push(finding);
                    continue;
                }
            };
            let places = came.json["errors"].as_array().into_iter().flatten();
            let places: Vec<_> = places.filter_map(|fault| fault["pointer"].as_str()).collect();
            let unnamed = required.iter().filter(|place| !places.contains(&&***place));
            findings.extend(unnamed.map(|place| {
                let Operation { method, path, .. } = &operation;
                format!(
                    "{method} {path}: {place} is missing, and not named in {}",
                    came.json
                )
            }));
        }
        findings
    })
    .await;
}

async fn a_body_that_is_no_object_is_refused(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for body in [
            "null", "true", "0", "-1.5e3", "\"text\"", "[]", "[{}]", "[null]", "[[[]]]",
        ] {
            let expect = if operation.needs_body() {
                Expect::Refusal
            } else {
                Expect::Answer
            };
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
            findings.extend(asker.finding(request, expect).await);
        }
        findings
    })
    .await;
}

async fn a_body_that_is_not_json_is_refused(world: &Arc<World>) {
    let bodies = [
        "{",
        "}",
        "nul",
        "not json",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1} x",
        "{}{}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"",
        "\u{feff}{}",
        "\0",
        "// a remark\n{}",
        "a=b&c=d",
        "<a/>",
    ];
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for body in bodies {
            let expect = where_it_reads(&operation, Expect::Status(&[400]));
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
            findings.extend(asker.finding(request, expect).await);
        }
        findings
    })
    .await;
}

async fn a_body_that_is_not_utf_8_is_refused(world: &Arc<World>) {
    let bodies: [&[u8]; 7] = [
        b"\xff",
        b"{\"a\":\"\xff\xfe\"}",
        b"{\"\xe9\":1}",
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        b"{\"a\":\"\xf0\x9f\xa6\"}",
        b"\xff\xfe{\0}\0",
    ];
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for body in bodies {
            let expect = where_it_reads(&operation, Expect::Status(&[400]));
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
            findings.extend(asker.finding(request, expect).await);
        }
        findings
    })
    .await;
}

async fn a_body_of_two_mebibytes_is_refused(world: &Arc<World>) {
    const MEBIBYTE: usize = 1 << 20;
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        let length = 2 * MEBIBYTE;
        let bodies = [
            format!("{{\"a\":\"{}\"}}", "x".repeat(length)),
            format!("{{\"a\":[{}0]}}", "0,".repeat(length / 2)),
            " ".repeat(length),
            "x".repeat(length),
        ];
        for body in bodies {
            // What carries many tasks or results may be longer, and is judged by what it says.
            let expect = if operation.body.is_none() || operation.is_bulky() {
                Expect::Answer
            } else {
                Expect::Status(&[413])
            };
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
            findings.extend(asker.finding(request, expect).await);
        }
        // Each task and each result is as limited there as elsewhere.
        if operation.is_bulky() {
            let body = "x".repeat(17 * MEBIBYTE);
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
            findings.extend(asker.finding(request, Expect::Status(&[413])).await);
            let long = format!("{{\"a\":\"{}\"}}", "x".repeat(length));
            let good = object(&good_body(&operation, &estate));
            let body = good.replace("\"input_data\":{}", &format!("\"input_data\":{long}"));
            if body.len() > length {
                let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
                findings.extend(asker.finding(request, Expect::Refusal).await);
            }
        }
        findings
    })
    .await;
}

async fn a_body_of_ten_thousand_levels_is_refused(world: &Arc<World>) {
    const LEVELS: usize = 10_000;
    every_operation(world, |asker, operation, estate| async move {
        let lists = format!("{}{}", "[".repeat(LEVELS), "]".repeat(LEVELS));
        let objects = format!("{}1{}", "{\"a\":".repeat(LEVELS), "}".repeat(LEVELS));
        let mut bodies = vec![
            lists.clone(),
            objects.clone(),
            "[".repeat(LEVELS),
            "{\"a\":".repeat(LEVELS),
            "[{\"a\":".repeat(LEVELS),
        ];
        for field in operation.fields() {
            for deep in [&lists, &objects] {
                let mut members = good_body(&operation, &estate);
                members.retain(|(name, _)| *name != field.name);
                members.push((field.name.clone(), deep.clone()));
                bodies.push(object(&members));
            }
        }
        let mut findings = Vec::new();
        for body in bodies {
            let expect = where_it_reads(&operation, Expect::Status(&[413, 422]));
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body);
            match asker.ask(request, expect).await {
                Ok(came) if operation.body.is_some() && !came.json["detail"].to_string().contains("64") => {
                    findings.push(format!(
                        "{}: the limit is not named: {}",
                        operation.path, came.json
                    ));
                }
                Ok(_) => {}
                Err(finding) => findings.push(finding),
            }
        }
        findings
    })
    .await;
}

async fn a_body_of_another_type_is_refused(world: &Arc<World>) {
    let types: [&[u8]; 9] = [
        b"text/plain",
        b"text/json",
        b"application/xml",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/jsonp",
        b"json",
        b"",
        b"\xff/\xfe",
    ];
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        let body = object(&good_body(&operation, &estate));
        for content_type in types {
            let expect = where_it_reads(&operation, Expect::Status(&[415]));
            let content_type = HeaderValue::from_bytes(content_type).expect("a header");
            let request = Request::new(&operation.method, path_to(&operation, &estate));
            let request = request.header(CONTENT_TYPE, content_type).body(body.clone());
            findings.extend(asker.finding(request, expect).await);
        }
        for coding in ["gzip", "deflate", "br", "nonsense"] {
            let expect = where_it_reads(&operation, Expect::Status(&[415]));
            let request = Request::new(&operation.method, path_to(&operation, &estate)).json(body.clone());
            let request = request.header(CONTENT_ENCODING, HeaderValue::from_static(coding));
            findings.extend(asker.finding(request, expect).await);
        }
        findings
    })
    .await;
}

async fn a_body_whose_type_is_as_good_as_json_is_read(world: &Arc<World>) {
    let types = [
        None,
        Some("application/json; charset=utf-8"),
        Some("APPLICATION/JSON"),
        Some("application/merge-patch+json"),
    ];
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for content_type in types {
            // Anew each time, for some things can be done only once.
            let body = object(&good_body(&operation, &estate));
            let mut request = Request::new(&operation.method, path_to(&operation, &estate)).body(body);
            if let Some(content_type) = content_type {
                request = request.header(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            // The body is good; the task or agent need not be in a state for it.
            let expect = match &*operation.path {
                // It always wants a key, of which there is none here.
                "/ains/protected/test" => Expect::Status(&[401]),
                _ => Expect::Status(&[200, 400, 403, 404, 409]),
            };
            findings.extend(asker.finding(request, expect).await);
        }
        findings
    })
    .await;
}
