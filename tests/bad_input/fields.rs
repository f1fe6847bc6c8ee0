//! Bodies of which one field is bad: missing, of a wrong type, or odd in any other way.

use std::sync::Arc;

use crate::ask::{
    Asker, Estate, Expect, Request, every_operation, good_body, object, path_to, report as fail_with,
};
use crate::contract::{Field, Kind, Operation};
use crate::world::{World, on_both};

on_both!(
    a_field_that_is_missing_or_null_is_named,
    a_field_of_a_wrong_type_is_refused,
    a_field_with_an_odd_value_is_no_harm,
    what_is_stored_can_be_read_again,
    what_an_agent_reports_can_be_read_again,
    a_list_is_not_taken_for_an_object,
    a_field_that_comes_twice_is_no_harm,
    a_field_that_is_not_known_is_no_harm,
);

/// A body that is good but for this field.
fn but_for(operation: &Operation, estate: &Estate, field: &Field, json: Option<&str>) -> Request {
    let mut members = good_body(operation, estate);
    members.retain(|(name, _)| *name != field.name);
    members.extend(json.map(|json| (field.name.clone(), json.to_owned())));
    Request::new(&operation.method, path_to(operation, estate)).json(object(&members))
}

async fn a_field_that_is_missing_or_null_is_named(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for field in operation.fields().iter().filter(|field| field.required) {
            if !operation.needs_body() {
                continue;
            }
            for json in [None, Some("null")] {
                let request = but_for(&operation, &estate, field, json);
                match asker.ask(request, Expect::Status(&[422])).await {
                    Ok(came) if came.json["errors"][0]["pointer"] == format!("/{}", field.name) => {}
                    Ok(came) => findings.push(format!(
                        "{} {}: /{} is not named in {}",
                        operation.method, operation.path, field.name, came.json
                    )),
                    Err(finding) => findings.push(finding),
                }
            }
        }
        findings
    })
    .await;
}

async fn a_field_of_a_wrong_type_is_refused(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for field in operation.fields() {
            let text = ["\"text\"", "\"\"", "\"1\"", "\"true\""].as_slice();
            let wrong = match field.kind {
                Kind::Text => ["0", "1.5", "true", "[]", "[\"text\"]", "{}"].as_slice().to_vec(),
                Kind::Integer => [&["true", "1.5", "[]", "[1]", "{}"], text].concat(),
                Kind::Number => [&["true", "[]", "[1]", "{}"], text].concat(),
                Kind::Flag => [&["0", "1", "[]", "[true]", "{}"], text].concat(),
                Kind::Object => [&["0", "true", "[]", "[{}]"], text].concat(),
                Kind::List => [&["0", "true", "{}"], text].concat(),
                Kind::Any => Vec::new(),
            };
            // A body that may be left out may say in the query what is to be said, and its values are read alike.
            // A preview does not look into what would be made.
            let is_passed_over =
                operation.path == "/ains/scheduled-tasks/preview" && field.kind == Kind::Object;
            let expect = if operation.needs_body() && !is_passed_over {
                Expect::Status(&[422])
            } else {
                Expect::Answer
            };
            for json in wrong {
                let request = but_for(&operation, &estate, field, Some(json));
                findings.extend(asker.finding(request, expect).await);
            }
        }
        findings
    })
    .await;
}

/// Texts that something may stumble over.
const TEXTS: [&str; 19] = [
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83e\\udd80\"",
    "\"\u{1f980}\u{202e}\u{feff}\"",
    "\"e\\u0301\\u0301\\u0301\"",
    "\"' OR 1=1; DROP TABLE tasks; --\"",
    "\"%s%n\\\\x00${jndi:ldap://x}\"",
    "\"../../etc/passwd\"",
    "\"9999-12-31T23:59:59.999999Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "\"2026-02-30T25:61:61Z\"",
    "\"+292277026596-12-04T15:30:07Z\"",
    "\"task_00000000000000000000000000000000\"",
    "\"://\"",
    "\"ff\"",
];

/// Numbers that something may stumble over.
const NUMBERS: [&str; 19] = [
    "0",
    "-0",
    "-1",
    "-0.0",
    "1.5",
    "1e-400",
    "1e308",
    "-1e308",
    "1e309",
    "1e999999",
    "100000000000",
    "9007199254740993",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "123456789012345678901234567890123456789012345678901234567890",
];

/// Lists and objects that something may stumble over.
const DOCUMENTS: [&str; 14] = [
    "[]",
    "[null]",
    "[[]]",
    "[{}]",
    "[\"\"]",
    "[\"\\u0000\"]",
    "[1,\"a\",null,{}]",
    "{}",
    "{\"\":null}",
    "{\"a\":\"\\u0000\"}",
    "{\"\\u0000\":1}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":123456789012345678901234567890123456789012345678901234567890}",
    "{\"task_id\":null,\"when\":null}",
];

/// JSON by its grammar, and nothing that can be read: half a character, and a number without a value.
const UNREADABLE: [&str; 4] = [
    "{\"a\":\"\\ud800\"}",
    "{\"\\udfff\":1}",
    "{\"a\":[1e999999]}",
    "{\"a\":-1e400}",
];

/// Values of this kind that something may stumble over.
fn odd(kind: Kind) -> Vec<String> {
    let fixed = match kind {
        Kind::Text => TEXTS.as_slice(),
        Kind::Integer | Kind::Number => NUMBERS.as_slice(),
        Kind::Flag => &["null"],
        Kind::Object | Kind::List | Kind::Any => DOCUMENTS.as_slice(),
    };
    let mut odd: Vec<_> = fixed.iter().map(|json| (*json).to_owned()).collect();
    match kind {
        Kind::Text => {
            for length in [129, 255, 256, 70_000] {
                odd.push(format!("\"{}\"", "x".repeat(length)));
            }
            odd.push(format!("\"{}\"", "\u{e9}".repeat(255)));
        }
        Kind::Integer | Kind::Number | Kind::Flag => {}
        Kind::Object | Kind::List | Kind::Any => {
            odd.push(format!("[{}0]", "0,".repeat(20_000)));
            odd.push(format!("[{}\"a\"]", "\"a\",".repeat(1_000)));
            let many: Vec<_> = (0..2_000).map(|number| format!("\"k{number}\":\"v\"")).collect();
            odd.push(format!("{{{}}}", many.join(",")));
            for levels in [62, 63, 64] {
                odd.push(format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
                odd.push(format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels)));
            }
        }
    }
    odd
}

async fn a_field_with_an_odd_value_is_no_harm(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for field in operation.fields() {
            for json in odd(field.kind) {
                let request = but_for(&operation, &estate, field, Some(&json));
                findings.extend(asker.finding(request, Expect::Answer).await);
            }
        }
        findings.extend(read_again(&asker, &estate).await);
        findings
    })
    .await;
}

/// What is wrong with reading what was stored, whatever it is.
async fn read_again(asker: &Asker, estate: &Estate) -> Vec<String> {
    let Estate {
        agent,
        task,
        schedule,
        calendar,
        template,
        webhook,
        key,
        ..
    } = estate;
    let mut findings = Vec::new();
    for path in [
        format!("/ains/tasks/{task}"),
        format!("/aitp/tasks/{task}"),
        format!("/ains/tasks/{task}/attempts"),
        format!("/ains/tasks/{task}/dependencies"),
        format!("/ains/tasks/{task}/dependents"),
        format!("/ains/tasks/{task}/graph"),
        format!("/ains/tasks/{task}/why"),
        format!("/ains/agents/{agent}"),
        format!("/ains/agents/{agent}/capabilities"),
        format!("/ains/agents/{agent}/trust/history?limit=200"),
        format!("/ains/tasks?client_id={agent}&limit=200"),
        format!("/aitp/tasks?client_id={agent}&limit=100"),
        format!("/ains/scheduled-tasks/{schedule}"),
        format!("/ains/scheduled-tasks/{schedule}/slots"),
        format!("/ains/scheduled-tasks/{schedule}/preview"),
        format!("/ains/scheduled-tasks?client_id={agent}&active_only=false&limit=200"),
        format!("/ains/calendars/{calendar}"),
        format!("/ains/calendars/{calendar}/dates"),
        format!("/ains/calendars?client_id={agent}&limit=200"),
        format!("/ains/task-templates/{template}"),
        format!("/ains/task-templates?client_id={agent}"),
        format!("/ains/webhooks/{webhook}"),
        format!("/ains/webhooks/{webhook}/deliveries"),
        format!("/ains/webhooks?agent_id={agent}"),
        format!("/ains/api-keys/{key}"),
        format!("/ains/api-keys?client_id={agent}"),
    ] {
        // The agent, the schedule or the calendar may have been removed.
        let expect = Expect::Status(&[200, 404]);
        findings.extend(asker.finding(Request::new("GET", path), expect).await);
    }
    findings
}

/// One document that no client can read would take every list in which it is shown with it.
async fn what_is_stored_can_be_read_again(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for field in operation.fields() {
            if field.kind == Kind::Object || field.kind == Kind::Any {
                for json in UNREADABLE {
                    let request = but_for(&operation, &estate, field, Some(json));
                    findings.extend(asker.finding(request, Expect::Answer).await);
                }
            }
        }
        findings.extend(read_again(&asker, &estate).await);
        findings
    })
    .await;
}

async fn what_an_agent_reports_can_be_read_again(world: &Arc<World>) {
    let asker = Asker::new(world);
    let mut findings = Vec::new();
    for json in UNREADABLE {
        let estate = asker.estate().await;
        let Estate { agent, task, .. } = &estate;
        for (report, more) in [
            ("start", String::new()),
            ("progress", format!(",\"data\":{json}")),
            ("complete", format!(",\"result_data\":{json}")),
        ] {
            let body = format!("{{\"agent_id\":\"{agent}\"{more}}}");
            let request = Request::new("POST", format!("/ains/tasks/{task}/{report}")).json(body);
            findings.extend(asker.finding(request, Expect::Answer).await);
            findings.extend(read_again(&asker, &estate).await);
        }
    }
    fail_with(&findings);
}

/// A list of an object's values, without their names, is not the object.
async fn a_list_is_not_taken_for_an_object(world: &Arc<World>) {
    let asker = Asker::new(world);
    let estate = asker.estate().await;
    let Estate { agent, task, .. } = &estate;
    let report = format!("/ains/agents/{agent}/report");
    let complete = format!("/ains/tasks/{task}/complete");
    let mut findings = Vec::new();
    for (path, body) in [
        (
            &report,
            format!("{{\"results\":[[\"{task}\",1,\"COMPLETED\",{{}}]]}}"),
        ),
        (&report, "{\"claim\":[1]}".to_owned()),
        (
            &complete,
            format!("{{\"agent_id\":\"{agent}\",\"claim_next\":[1]}}"),
        ),
        (
            &"/ains/tasks/batch".to_owned(),
            "{\"tasks\":[[\"c\",\"t\",\"x:v1\",{}]]}".to_owned(),
        ),
        (
            &"/aitp/tasks/batch".to_owned(),
            "{\"tasks\":[[\"c\",\"t\",\"x:v1\",{}]]}".to_owned(),
        ),
        (
            &"/ains/tasks/graph".to_owned(),
            "{\"tasks\":[[\"a\",null,\"t\",\"x:v1\",{}]]}".to_owned(),
        ),
        (
            &"/ains/tasks/graph".to_owned(),
            "{\"tasks\":[{\"name\":\"a\"}],\"edges\":[[\"a\",\"a\"]]}".to_owned(),
        ),
    ] {
        let request = Request::new("POST", path).json(body);
        findings.extend(asker.finding(request, Expect::Status(&[422])).await);
    }
    fail_with(&findings);
}

async fn a_field_that_comes_twice_is_no_harm(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for field in operation.fields() {
            let mut members = good_body(&operation, &estate);
            members.push((field.name.clone(), "null".to_owned()));
            members.push((field.name.clone(), "[]".to_owned()));
            let request = Request::new(&operation.method, path_to(&operation, &estate));
            let request = request.json(object(&members));
            findings.extend(asker.finding(request, Expect::Answer).await);
        }
        findings
    })
    .await;
}

async fn a_field_that_is_not_known_is_no_harm(world: &Arc<World>) {
    every_operation(world, |asker, operation, estate| async move {
        let mut findings = Vec::new();
        for name in ["unknown", "", "__proto__", "\\u0000", "\\ud800", "$ref", "Status"] {
            let mut members = good_body(&operation, &estate);
            members.push((name.to_owned(), "{\"a\":[1,2,{}]}".to_owned()));
            let request = Request::new(&operation.method, path_to(&operation, &estate));
            let request = request.json(object(&members));
            findings.extend(asker.finding(request, Expect::Answer).await);
        }
        findings
    })
    .await;
}
