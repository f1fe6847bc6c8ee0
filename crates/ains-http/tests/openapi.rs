//! The contract in the repository is the one that the code makes, and it is whole.

use std::path::Path;

use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(ains_http::openapi::document()).expect("a document is JSON")
}

#[test]
fn the_document_in_the_repository_is_up_to_date() {
    #[expect(
        clippy::disallowed_methods,
        reason = "asked for by hand, to write the document anew"
    )]
    let update = std::env::var_os("UPDATE_OPENAPI").is_some();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if update {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is out of date: run this test with UPDATE_OPENAPI=1"
    );
}

#[test]
fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{at} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["200", "500", "503", "default"] {
                assert!(responses.contains_key(status), "{at} does not list {status}");
            }
            assert_eq!(
                path.starts_with("/health"),
                !responses.contains_key("401"),
                "{at} and its key"
            );
            assert!(
                !path.contains('{') || responses.contains_key("404"),
                "{at} does not list 404"
            );
        }
    }
}

#[test]
fn no_two_operations_have_one_name() {
    let document = document();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<_> = operations
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn every_error_has_the_form_of_a_problem() {
    let document = document();
    let resolve = |response: &Value| match response["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).cloned(),
        None => Some(response.clone()),
    };
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let response =
                    resolve(response).unwrap_or_else(|| panic!("{method} {path} {status} leads nowhere"));
                let problem = &response["content"]["application/problem+json"];
                assert_eq!(
                    status.starts_with('2'),
                    problem.is_null(),
                    "{method} {path} {status}"
                );
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn visit(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let target = document.pointer(reference.strip_prefix('#').unwrap());
                    assert!(target.is_some(), "{reference} leads nowhere");
                }
                members.values().for_each(|member| visit(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| visit(item, document)),
            _ => {}
        }
    }
    let document = document();
    visit(&document, &document);
}

#[test]
fn a_key_can_be_sent_in_three_ways() {
    let document = document();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(
        schemes.keys().map(String::as_str).collect::<Vec<_>>(),
        ["api_key", "basic", "bearer"]
    );
}

#[test]
fn closed_sets_of_words_are_listed_as_they_are_on_the_wire() {
    let document = document();
    let listed = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    let statuses: Vec<_> = ains_api::TaskStatus::ALL
        .iter()
        .map(|word| word.as_str())
        .collect();
    assert_eq!(listed("TaskStatus"), serde_json::json!(statuses));
    let strategies: Vec<_> = ains_api::RoutingStrategy::ALL
        .iter()
        .map(|word| word.as_str())
        .collect();
    assert_eq!(listed("RoutingStrategy"), serde_json::json!(strategies));
}
