//! What schedules and chains make from templates, and the examples of the guide.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::schedules::with;
use crate::site::Site;
use crate::templates::{NOBODY, schema};

#[actix_web::test]
async fn a_schedule_makes_tasks_from_a_template() {
    let site = Site::open().await;
    let id = site
        .a_template(&json!({"default_priority": 8, "input_schema": schema()}))
        .await;
    let schedule =
        json!({"name": "nightly", "client_id": "c1", "cron_expression": "0 0 * * *", "template_id": id});
    let created = site.post("/ains/scheduled-tasks", schedule.clone()).await.ok();
    let path = format!(
        "/ains/scheduled-tasks/{}",
        created["schedule_id"].as_str().unwrap()
    );
    let shown = site.get(&path).await.ok();
    assert_eq!(shown["template_id"], json!(id));
    for absent in [
        "task_type",
        "capability_required",
        "priority",
        "timeout_seconds",
        "max_retries",
    ] {
        assert!(
            shown.get(absent).is_none_or(Value::is_null),
            "{absent} in {shown}"
        );
    }
    let listed = site.get("/ains/scheduled-tasks").await.ok();
    assert_eq!(listed["schedules"][0]["task_type"], Value::Null);
    let ran = site.post(&format!("{path}/run-now"), json!({})).await.ok();
    assert_eq!(ran["message"], "Task triggered successfully");
    let made = site.whole_task(&ran).await;
    assert_eq!((&made["priority"], &made["template_id"]), (&json!(8), &json!(id)));
    // Its own fields override; null leaves them to the template again.
    site.call(
        Method::PATCH,
        &path,
        json!({"priority": 5, "input_data": {"rows": 2}}),
    )
    .await
    .ok();
    let ran = site.post(&format!("{path}/run-now"), json!({})).await.ok();
    let made = site.whole_task(&ran).await;
    assert_eq!(
        (&made["priority"], &made["input_data"]["rows"]),
        (&json!(5), &json!(2))
    );
    site.call(Method::PATCH, &path, json!({"priority": null}))
        .await
        .ok();
    let ran = site.post(&format!("{path}/run-now"), json!({})).await.ok();
    assert_eq!(site.whole_task(&ran).await["priority"], 8);
    let refused = site
        .call(Method::PATCH, &path, json!({"input_data": {"rows": "x"}}))
        .await;
    assert_eq!(
        refused.told(),
        ["/input_data/rows the value is not of type \"integer\""]
    );
    let refused = site
        .post(
            "/ains/scheduled-tasks",
            with(&schedule, &json!({"input_data": {"rows": 0}})),
        )
        .await;
    assert_eq!(
        refused.told(),
        ["/input_data/rows the value is less than the minimum of 1"]
    );
    let refused = site
        .post(
            "/ains/scheduled-tasks",
            with(&schedule, &json!({"template_id": NOBODY})),
        )
        .await;
    assert_eq!(refused.detail(404), format!("Template {NOBODY} not found"));
    // What the template says now is not what the schedule's input fits.
    site.patch_template(&id, json!({"input_schema": {"required": ["missing"]}}))
        .await
        .ok();
    let refused = site.post(&format!("{path}/run-now"), json!({})).await;
    assert_eq!(
        refused.detail(409),
        format!(
            "The run was skipped: the task cannot be made: the input is not as template {id} wants it: \
             /input_data: \"missing\" is a required property"
        )
    );
    let in_use = site.delete_template(&id).await;
    let schedule_id = created["schedule_id"].as_str().unwrap();
    assert_eq!(
        in_use.detail(409),
        format!("The template is referred to by schedule {schedule_id}")
    );
    // It may make something else, and something of a template again.
    let plain = json!({"template_id": null, "task_type": "t", "capability_required": "x"});
    site.call(Method::PATCH, &path, plain).await.ok();
    assert_eq!(site.get(&path).await.ok()["priority"], 5);
    site.patch_template(&id, json!({"input_schema": null})).await.ok();
    site.call(Method::PATCH, &path, json!({"template_id": id}))
        .await
        .ok();
    let shown = site.get(&path).await.ok();
    assert_eq!((&shown["template_id"], shown.get("priority")), (&json!(id), None));
    site.call(Method::DELETE, &path, json!({})).await.ok();
    site.delete_template(&id).await.ok();
}

#[actix_web::test]
async fn a_step_of_a_chain_is_as_its_template_says() {
    let site = Site::open().await;
    let id = site.a_template(&json!({"default_priority": 8})).await;
    let chain = json!({"name": "c", "client_id": "c1", "steps": [
        {"name": "one", "template_id": id, "input_data": {"rows": 1}},
        {"name": "two", "template_id": id, "task_type": "mine", "max_retries": 0, "compensate_with": {"template_id": id}},
    ]});
    let created = site.post("/ains/task-chains", chain.clone()).await.ok();
    let chain_id = created["chain_id"].as_str().unwrap();
    let shown = site.get(&format!("/ains/task-chains/{chain_id}")).await.ok();
    assert_eq!(shown["steps"][0]["template_id"], json!(id));
    assert_eq!(
        (
            shown["steps"][0].get("task_type"),
            &shown["steps"][1]["task_type"]
        ),
        (None, &json!("mine"))
    );
    let tasks = site.get(&format!("/ains/tasks?chain_id={chain_id}")).await.ok();
    let task = &tasks["tasks"][0];
    assert_eq!(
        (&task["template_id"], &task["priority"], &task["step"]),
        (&json!(id), &json!(8), &json!("one"))
    );
    assert_eq!(task["input_data"]["rows"], 1);
    assert_eq!(
        site.delete_template(&id).await.detail(409),
        format!("The template is referred to by chain {chain_id}")
    );
    let mut unknown = chain.clone();
    unknown["steps"][1]["compensate_with"]["template_id"] = json!(NOBODY);
    let refused = site.post("/ains/task-chains", unknown).await;
    assert_eq!(refused.detail(404), format!("Template {NOBODY} not found"));
    let mut bare = chain;
    bare["steps"][0] = json!({"name": "one"});
    assert_eq!(
        site.post("/ains/task-chains", bare).await.told(),
        [
            "/steps/0/task_type in step `one`: is missing",
            "/steps/0/capability_required in step `one`: is missing"
        ]
    );
    site.post(&format!("/ains/task-chains/{chain_id}/cancel"), json!({}))
        .await
        .ok();
    site.delete_template(&id).await.ok();
}

/// The body that the guide posts to `path`, with `template` as its template.
fn of_guide(path: &str, template: &str) -> Value {
    let guide = include_str!("../../../../docs/guides/templates.md");
    let (_, rest) = guide.split_once(&format!("POST {path}\n")).unwrap();
    let body = rest.split("\n→").next().unwrap().split("\n```").next().unwrap();
    serde_json::from_str(&body.replace("tmpl_…", template)).unwrap()
}

#[actix_web::test]
async fn the_examples_of_the_guide_do_what_it_says() {
    let site = Site::open().await;
    let created = site
        .post("/ains/task-templates", of_guide("/ains/task-templates", ""))
        .await
        .ok();
    assert_eq!(
        (&created["name"], &created["task_type"]),
        (&json!("a report"), &json!("report"))
    );
    let id = created["template_id"].as_str().unwrap();
    let made = site
        .submit_from(of_guide("/ains/tasks/from-template", id))
        .await
        .ok();
    assert_eq!(
        (&made["status"], &made["priority"]),
        (&json!("PENDING"), &json!(7))
    );
    let expected = json!({"rows": 5, "format": {"type": "pdf"}});
    assert_eq!(site.whole_task(&made).await["input_data"], expected);
    let schedule = of_guide("/ains/scheduled-tasks", id);
    let schedule = site.post("/ains/scheduled-tasks", schedule).await.ok();
    assert_eq!(schedule["active"], true);
}
