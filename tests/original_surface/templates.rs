//! Templates: what tasks have in common, and tasks that are made from them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, members, text};
use crate::world::{fresh, on_both};

on_both!(
    a_template_is_created,
    a_template_has_the_defaults_of_the_original,
    a_template_can_be_read,
    templates_are_listed,
    a_template_is_changed,
    a_template_is_removed,
    a_task_is_made_from_a_template,
    the_input_of_a_task_is_laid_over_that_of_its_template,
    a_task_overrides_what_its_template_says,
    uses_are_counted,
    an_unknown_template_is_not_found,
    what_is_wrong_with_a_template_is_told,
);

const PATH: &str = "/ains/task-templates";

/// The members of the original's answer to a creation.
const CREATED: [&str; 4] = ["template_id", "name", "task_type", "created_at"];

/// The members of a template in the original's list.
const SUMMARY: [&str; 6] = [
    "template_id",
    "name",
    "description",
    "task_type",
    "times_used",
    "created_at",
];

/// A template as the original's tests make it, with `more` over it.
fn body(client: &str, more: Value) -> Value {
    let mut body = json!({
        "name": "Data analysis",
        "description": "A template for data analysis",
        "client_id": client,
        "task_type": "analysis",
        "capability_required": format!("{}:v1", fresh("nobody")),
        "default_input_data": {"format": "csv", "include_charts": true},
        "default_priority": 7,
        "default_timeout": 600,
        "default_max_retries": 2,
    });
    let (Value::Object(known), Value::Object(more)) = (&mut body, more) else {
        panic!("`more` is an object");
    };
    known.extend(more);
    body
}

/// Creates a template, and says its id.
async fn create(api: &Api, more: Value) -> String {
    let body = body(&fresh("client"), more);
    text(&api.post(PATH, body).await.ok(), "template_id")
}

async fn read(api: &Api, id: &str) -> Value {
    api.get(&format!("{PATH}/{id}")).await.ok()
}

/// Makes a task from a template, and reads it.
async fn make(api: &Api, id: &str, more: Value) -> Value {
    let mut body = json!({"template_id": id});
    let (Value::Object(known), Value::Object(more)) = (&mut body, more) else {
        panic!("`more` is an object");
    };
    known.extend(more);
    let made = api.post("/ains/tasks/from-template", body).await.ok();
    assert_eq!(made["template_id"], json!(id));
    api.whole(&text(&made, "task_id")).await
}

#[track_caller]
fn has(shown: &Value, wanted: &[&str]) {
    let there = members(shown);
    let missing: Vec<_> = wanted.iter().filter(|name| !there.contains(*name)).collect();
    assert!(missing.is_empty(), "no {missing:?} in {shown}");
}

async fn a_template_is_created(api: &Api) {
    let created = api.post(PATH, body(&fresh("client"), json!({}))).await.ok();
    has(&created, &CREATED);
    assert_eq!(
        (&created["name"], &created["task_type"]),
        (&json!("Data analysis"), &json!("analysis"))
    );
    let id = text(&created, "template_id");
    let digits = id.strip_prefix("tmpl_").unwrap_or_default();
    assert!(
        digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "{id}"
    );
}

async fn a_template_has_the_defaults_of_the_original(api: &Api) {
    let least = json!({"name": "least", "client_id": fresh("client"), "task_type": "t", "capability_required": "nobody:v1",
                       "default_input_data": {}});
    let created = api.post(PATH, least).await.ok();
    let template = read(api, &text(&created, "template_id")).await;
    for (name, value) in [
        ("description", Value::Null),
        ("default_priority", json!(5)),
        ("default_timeout", json!(300)),
        ("default_max_retries", json!(3)),
        ("times_used", json!(0)),
    ] {
        assert_eq!(template[name], value, "{name}");
    }
}

async fn a_template_can_be_read(api: &Api) {
    let body = body(&fresh("client"), json!({}));
    let created = api.post(PATH, body.clone()).await.ok();
    let template = read(api, &text(&created, "template_id")).await;
    for name in members(&body) {
        assert_eq!(template[name], body[name], "{name}");
    }
    for name in CREATED {
        assert_eq!(template[name], created[name], "{name}");
    }
    has(&template, &["times_used", "updated_at"]);
}

async fn templates_are_listed(api: &Api) {
    let client = fresh("client");
    let mut ids = Vec::new();
    for number in 0..3 {
        let body = body(&client, json!({"name": format!("Template {number}")}));
        ids.push(text(&api.post(PATH, body).await.ok(), "template_id"));
    }
    let listed = api.get(&format!("{PATH}?client_id={client}")).await.ok();
    let listed = listed.as_array().expect("a list").clone();
    let shown: Vec<String> = listed.iter().map(|one| text(one, "template_id")).collect();
    ids.reverse();
    assert_eq!(shown, ids, "newest first");
    for template in &listed {
        has(template, &SUMMARY);
        let whole = read(api, &text(template, "template_id")).await;
        for name in SUMMARY {
            assert_eq!(template[name], whole[name], "{name}");
        }
    }
    assert!(api.get(PATH).await.ok().as_array().expect("a list").len() >= 3);
    let nobody = api
        .get(&format!("{PATH}?client_id={}", fresh("client")))
        .await
        .ok();
    assert_eq!(nobody, json!([]));
}

async fn a_template_is_changed(api: &Api) {
    let id = create(api, json!({})).await;
    let path = format!("{PATH}/{id}");
    let made = make(api, &id, json!({})).await;
    for (name, value) in [
        ("name", json!("Another name")),
        ("description", json!("Another description")),
        ("task_type", json!("another analysis")),
        ("capability_required", json!("another:v1")),
        ("default_input_data", json!({"format": "json"})),
        ("default_priority", json!(9)),
        ("default_timeout", json!(60)),
        ("default_max_retries", json!(0)),
    ] {
        let mut expected = read(api, &id).await;
        let answer = api.patch(&path, json!({name: value})).await.ok();
        assert_eq!(
            (&answer["template_id"], &answer["message"]),
            (&json!(id), &json!("Template updated successfully"))
        );
        let changed = read(api, &id).await;
        expected[name] = value;
        expected["updated_at"] = changed["updated_at"].clone();
        assert_eq!(changed, expected, "{name}, and nothing else");
    }
    // What was made before stays as it was.
    let task_id = text(&made, "task_id");
    assert_eq!(api.whole(&task_id).await["priority"], 7);
    assert_eq!(make(api, &id, json!({})).await["priority"], 9);
}

async fn a_template_is_removed(api: &Api) {
    let id = create(api, json!({})).await;
    let made = make(api, &id, json!({})).await;
    let path = format!("{PATH}/{id}");
    let answer = api.bare(Method::DELETE, &path).await.ok();
    assert_eq!(
        (&answer["template_id"], &answer["message"]),
        (&json!(id), &json!("Template deleted successfully"))
    );
    api.get(&path).await.refused(404, "Template not found");
    api.bare(Method::DELETE, &path)
        .await
        .refused(404, "Template not found");
    let task = api.whole(&text(&made, "task_id")).await;
    assert_eq!(
        (&task["template_id"], &task["status"]),
        (&json!(id), &json!("PENDING"))
    );
}

async fn a_task_is_made_from_a_template(api: &Api) {
    let (agent, capability) = api.provider().await;
    let client = fresh("client");
    let body = body(&client, json!({"capability_required": capability}));
    let id = text(&api.post(PATH, body.clone()).await.ok(), "template_id");
    let made = api
        .post("/ains/tasks/from-template", json!({"template_id": id}))
        .await
        .ok();
    has(&made, &["task_id", "template_id", "status", "created_at"]);
    let task = api.whole(&text(&made, "task_id")).await;
    for (name, value) in [
        ("client_id", json!(client)),
        ("task_type", json!("analysis")),
        ("capability_required", json!(capability)),
        ("input_data", body["default_input_data"].clone()),
        ("priority", json!(7)),
        ("timeout_seconds", json!(600)),
        ("max_retries", json!(2)),
        ("template_id", json!(id)),
        ("assigned_agent_id", json!(agent)),
    ] {
        assert_eq!(task[name], value, "{name}");
    }
}

async fn the_input_of_a_task_is_laid_over_that_of_its_template(api: &Api) {
    let id = create(api, json!({"default_input_data": {"a": {"deep": 1}, "b": 2}})).await;
    let task = make(api, &id, json!({"input_data": {"a": {"other": 3}, "c": null}})).await;
    assert_eq!(task["input_data"], json!({"a": {"other": 3}, "b": 2, "c": null}));
    let task = make(api, &id, json!({"input_data": {}})).await;
    assert_eq!(task["input_data"], json!({"a": {"deep": 1}, "b": 2}));
}

async fn a_task_overrides_what_its_template_says(api: &Api) {
    let id = create(api, json!({})).await;
    let own = json!({
        "client_id": fresh("client"), "task_type": "own", "capability_required": "own:v1", "priority": 1,
        "timeout_seconds": 5, "max_retries": 0, "routing_strategy": "least_loaded",
    });
    let task = make(api, &id, own.clone()).await;
    for name in members(&own) {
        assert_eq!(task[name], own[name], "{name}");
    }
}

async fn uses_are_counted(api: &Api) {
    let id = create(api, json!({})).await;
    for count in 1..=5 {
        make(api, &id, json!({})).await;
        assert_eq!(read(api, &id).await["times_used"], count);
    }
    // What is refused is no use.
    let refused = json!({"template_id": id, "priority": 11});
    let refused = api.post("/ains/tasks/from-template", refused).await;
    assert_eq!(refused.faults(), ["/priority"]);
    assert_eq!(read(api, &id).await["times_used"], 5);
}

async fn an_unknown_template_is_not_found(api: &Api) {
    for id in ["tmpl_00000000000070008000000000000000", "template_1"] {
        let path = format!("{PATH}/{id}");
        api.get(&path).await.refused(404, "Template not found");
        api.patch(&path, json!({"name": "x"}))
            .await
            .refused(404, "Template not found");
        api.bare(Method::DELETE, &path)
            .await
            .refused(404, "Template not found");
        api.post("/ains/tasks/from-template", json!({"template_id": id}))
            .await
            .refused(404, "Template not found");
    }
}

async fn what_is_wrong_with_a_template_is_told(api: &Api) {
    for (more, place) in [
        (json!({"name": ""}), "/name"),
        (json!({"task_type": null}), "/task_type"),
        (json!({"capability_required": 7}), "/capability_required"),
        (json!({"default_input_data": [1]}), "/default_input_data"),
        (json!({"default_priority": 11}), "/default_priority"),
        (json!({"default_timeout": 0}), "/default_timeout"),
        (json!({"default_max_retries": 11}), "/default_max_retries"),
        (json!({"input_schema": {"type": 7}}), "/input_schema/type"),
    ] {
        let refused = api.post(PATH, body(&fresh("client"), more)).await;
        assert_eq!(refused.faults(), [place]);
    }
    let schema = json!({"input_schema": {"properties": {"format": {"enum": ["csv", "json"]}}}});
    let id = create(api, schema).await;
    let bad = json!({"template_id": id, "input_data": {"format": "xml"}});
    let refused = api.post("/ains/tasks/from-template", bad).await;
    assert_eq!(refused.faults(), ["/input_data/format"]);
    assert_eq!(
        make(api, &id, json!({"input_data": {"format": "json"}})).await["priority"],
        7
    );
}
