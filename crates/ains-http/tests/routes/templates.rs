//! Templates: how they are made, read, changed and removed, and what is made from them.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::schedules::{NOW, with};
use crate::site::{Answer, Site};

/// An id that no template has.
pub(crate) const NOBODY: &str = "tmpl_00000000000070008000000000000000";

fn a_template(fields: &Value) -> Value {
    let template = json!({
        "name": "a report", "client_id": "c1", "task_type": "report", "capability_required": "report:v1",
        "default_input_data": {"rows": 10, "format": {"type": "pdf", "pages": 1}},
    });
    with(&template, fields)
}

pub(crate) fn schema() -> Value {
    json!({
        "type": "object", "required": ["rows"],
        "properties": {"rows": {"type": "integer", "minimum": 1}, "to": {"type": "array", "items": {"type": "string"}}},
    })
}

impl Site {
    async fn submit_template(&self, fields: &Value) -> Answer {
        self.post("/ains/task-templates", a_template(fields)).await
    }

    /// Creates a template and gives its id.
    pub(crate) async fn a_template(&self, fields: &Value) -> String {
        let created = self.submit_template(fields).await.ok();
        created["template_id"].as_str().unwrap().to_owned()
    }

    async fn of_template(&self, id: &str) -> Value {
        self.get(&format!("/ains/task-templates/{id}")).await.ok()
    }

    pub(crate) async fn patch_template(&self, id: &str, body: Value) -> Answer {
        self.call(Method::PATCH, &format!("/ains/task-templates/{id}"), body)
            .await
    }

    pub(crate) async fn delete_template(&self, id: &str) -> Answer {
        self.call(Method::DELETE, &format!("/ains/task-templates/{id}"), json!({}))
            .await
    }

    pub(crate) async fn submit_from(&self, body: Value) -> Answer {
        self.post("/ains/tasks/from-template", body).await
    }

    pub(crate) async fn whole_task(&self, created: &Value) -> Value {
        let id = created["task_id"].as_str().unwrap();
        self.get(&format!("/ains/tasks/{id}")).await.ok()
    }
}

impl Answer {
    /// The pointers and messages of a 422.
    #[track_caller]
    pub(crate) fn told(&self) -> Vec<String> {
        self.detail(422);
        let errors = self.json()["errors"].as_array().unwrap().clone();
        let text = |fault: &Value| {
            let (pointer, message) = (&fault["pointer"], &fault["message"]);
            format!("{} {}", pointer.as_str().unwrap(), message.as_str().unwrap())
        };
        errors.iter().map(text).collect()
    }
}

#[actix_web::test]
async fn a_template_is_created_read_and_listed() {
    let site = Site::open().await;
    let more = json!({
        "description": "for the boss", "default_priority": 8, "default_timeout": 60, "default_max_retries": 0,
        "default_routing_strategy": "least_loaded", "default_retry_policy": "fixed", "input_schema": schema(),
        "what_is_this": 1,
    });
    let created = site.submit_template(&more).await.ok();
    let id = created["template_id"].as_str().unwrap();
    assert!(id.starts_with("tmpl_") && id.len() == 37, "{id}");
    assert_eq!(
        created,
        json!({"template_id": id, "name": "a report", "task_type": "report", "created_at": NOW})
    );
    let mut whole = with(
        &a_template(&more),
        &json!({
            "template_id": id, "times_used": 0, "created_at": NOW, "updated_at": NOW,
        }),
    );
    whole.as_object_mut().unwrap().remove("what_is_this");
    assert_eq!(site.of_template(id).await, whole);
    let summary = json!({
        "template_id": id, "name": "a report", "client_id": "c1", "description": "for the boss",
        "task_type": "report", "times_used": 0, "created_at": NOW,
    });
    assert_eq!(site.get("/ains/task-templates").await.ok(), json!([summary]));
    assert_eq!(
        site.get("/ains/task-templates?client_id=c1").await.ok(),
        json!([summary])
    );
    assert_eq!(
        site.get("/ains/task-templates?client_id=c2").await.ok(),
        json!([])
    );
}

#[actix_web::test]
async fn a_template_has_the_defaults_of_a_task() {
    let site = Site::open().await;
    let id = site.a_template(&json!({})).await;
    let shown = site.of_template(&id).await;
    let expected = with(
        &a_template(&json!({})),
        &json!({
            "template_id": id, "description": null, "default_priority": 5, "default_timeout": 300,
            "default_max_retries": 3, "default_routing_strategy": "round_robin", "default_retry_policy": "exponential",
            "input_schema": null, "times_used": 0, "created_at": NOW, "updated_at": NOW,
        }),
    );
    assert_eq!(shown, expected);
}

#[actix_web::test]
async fn a_list_of_templates_has_pages() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(site.a_template(&json!({})).await);
    }
    let first = site.get("/ains/task-templates?limit=2").await;
    let listed = |page: &Value| -> Vec<String> {
        let page = page.as_array().unwrap();
        page.iter()
            .map(|one| one["template_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(listed(&first.ok()), [ids[2].clone(), ids[1].clone()]);
    let next = format!("/ains/task-templates?limit=2&cursor={}", ids[1]);
    assert_eq!(listed(&site.get(&next).await.ok()), [ids[0].clone()]);
}

#[actix_web::test]
async fn everything_that_is_wrong_with_a_template_is_told() {
    let site = Site::open().await;
    let bad = json!({
        "name": "", "task_type": "x".repeat(256), "default_input_data": [], "default_priority": 11,
        "default_timeout": 0, "default_max_retries": -1, "default_routing_strategy": "magic",
        "default_retry_policy": "never",
        "input_schema": {"type": "objekt", "properties": {"a/b": {"minimum": "1"}}},
    });
    let lines = site.submit_template(&bad).await.told();
    let told: Vec<_> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    for pointer in [
        "/name",
        "/task_type",
        "/default_input_data",
        "/default_priority",
        "/default_timeout",
        "/default_max_retries",
        "/default_routing_strategy",
        "/default_retry_policy",
        "/input_schema/type",
        "/input_schema/properties/a~1b/minimum",
    ] {
        assert!(told.contains(&pointer), "{pointer} in {told:?}");
    }
    assert_eq!(told.len(), 10);
    let told = site.post("/ains/task-templates", json!({})).await.told();
    assert_eq!(
        told,
        [
            "/name is missing",
            "/task_type is missing",
            "/capability_required is missing",
            "/default_input_data is missing",
            "/client_id is missing"
        ]
    );
    for (schema, expected) in [
        (json!([]), "/input_schema must be an object"),
        (
            json!({"$ref": "http://x/y"}),
            "/input_schema/$ref must lead to a place in this schema, such as #/$defs/name",
        ),
    ] {
        assert_eq!(
            site.submit_template(&json!({"input_schema": schema}))
                .await
                .told(),
            [expected]
        );
    }
    assert_eq!(site.get("/ains/task-templates").await.ok(), json!([]));
}

#[actix_web::test]
async fn a_template_is_changed_field_by_field() {
    let site = Site::open().await;
    let id = site
        .a_template(&json!({"description": "d", "default_priority": 8, "input_schema": schema()}))
        .await;
    let before = site.of_template(&id).await;
    let answer = json!({"template_id": id, "message": "Template updated successfully"});
    assert_eq!(site.patch_template(&id, json!({})).await.ok(), answer);
    assert_eq!(site.of_template(&id).await, before);
    let patch = json!({
        "name": "new", "default_input_data": {"rows": 1}, "default_priority": null, "default_timeout": 7,
        "description": null, "unknown": 1,
    });
    assert_eq!(site.patch_template(&id, patch).await.ok(), answer);
    let expected = with(
        &before,
        &json!({
            "name": "new", "default_input_data": {"rows": 1}, "default_priority": 5, "default_timeout": 7,
            "description": null,
        }),
    );
    assert_eq!(site.of_template(&id).await, expected);
    site.patch_template(&id, json!({"input_schema": null})).await.ok();
    assert_eq!(site.of_template(&id).await["input_schema"], Value::Null);
    for (patch, told) in [
        (json!({"task_type": null}), "/task_type is missing"),
        (
            json!({"default_priority": 0}),
            "/default_priority must be between 1 and 10",
        ),
        (json!({"client_id": "c2"}), "/client_id cannot be changed"),
        (
            json!({"input_schema": {"$ref": "#"}}),
            "/input_schema/$ref leads back to where it stands: a schema may not contain itself",
        ),
    ] {
        assert_eq!(site.patch_template(&id, patch).await.told(), [told]);
    }
    assert_eq!(site.of_template(&id).await["default_timeout"], 7);
}

#[actix_web::test]
async fn what_does_not_exist_is_not_found() {
    let site = Site::open().await;
    let gone = site.a_template(&json!({})).await;
    assert_eq!(
        site.delete_template(&gone).await.ok(),
        json!({"template_id": gone, "message": "Template deleted successfully"})
    );
    for id in [&gone, NOBODY, "nonsense"] {
        let path = format!("/ains/task-templates/{id}");
        for answer in [
            site.get(&path).await,
            site.patch_template(id, json!({"name": "x"})).await,
            site.delete_template(id).await,
            site.submit_from(json!({"template_id": id})).await,
            site.submit_from(json!({"template_id": id, "client_id": "c1", "priority": 3}))
                .await,
            site.post("/ains/tasks", json!({"template_id": id, "client_id": "c1"}))
                .await,
        ] {
            assert_eq!(answer.detail(404), "Template not found");
        }
    }
    // What else is wrong is told first.
    let told = site
        .submit_from(json!({"template_id": NOBODY, "client_id": "c1", "priority": 30}))
        .await;
    assert_eq!(told.told(), ["/priority must be between 1 and 10"]);
    let told = site
        .submit_from(
            json!({"client_id": "c1", "task_type": "t", "capability_required": "x", "input_data": {}}),
        )
        .await;
    assert_eq!(told.told(), ["/template_id is missing"]);
}

#[actix_web::test]
async fn a_task_is_as_its_template_says_but_for_what_it_says() {
    let site = Site::open().await;
    let id = site
        .a_template(&json!({"default_priority": 8, "default_timeout": 60, "default_retry_policy": "linear"}))
        .await;
    let created = site.submit_from(json!({"template_id": id})).await.ok();
    assert_eq!(
        created,
        json!({
            "task_id": created["task_id"], "template_id": id, "status": "PENDING", "client_id": "c1", "priority": 8,
            "depends_on": [], "is_blocked": false, "routing_strategy": "round_robin", "assigned_agent_id": null,
            "created_at": NOW,
        })
    );
    let shown = site.whole_task(&created).await;
    for (field, expected) in [
        ("template_id", json!(id)),
        ("client_id", json!("c1")),
        ("task_type", json!("report")),
        ("capability_required", json!("report:v1")),
        ("timeout_seconds", json!(60)),
        ("max_retries", json!(3)),
        ("retry_policy", json!("linear")),
        (
            "input_data",
            json!({"rows": 10, "format": {"type": "pdf", "pages": 1}}),
        ),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    let own = json!({
        "template_id": id, "client_id": "c2", "task_type": "other", "capability_required": "other:v1", "priority": 5,
        "timeout_seconds": 300, "max_retries": 1, "routing_strategy": "trust_weighted", "retry_policy": "exponential",
        "timeout_policy": "fail", "min_trust": 0.5, "metadata": {"m": 1}, "input_data": {"format": {"type": "html"}, "x": 1},
        "depends_on": [created["task_id"]],
    });
    let made = site.post("/ains/tasks", own.clone()).await.ok();
    assert_eq!(made["is_blocked"], true);
    let shown = site.whole_task(&made).await;
    for (field, expected) in own.as_object().unwrap() {
        if field != "input_data" && field != "depends_on" {
            assert_eq!(shown[field], *expected, "{field}");
        }
    }
    assert_eq!(
        shown["input_data"],
        json!({"rows": 10, "format": {"type": "html"}, "x": 1})
    );
    assert_eq!(site.of_template(&id).await["times_used"], 2);
    let listed = site.get(&format!("/ains/tasks?template_id={id}")).await.ok();
    assert_eq!(listed["tasks"].as_array().unwrap().len(), 2);
    assert_eq!(listed["tasks"][0]["task_id"], made["task_id"]);
    let none = site.get(&format!("/ains/tasks?template_id={NOBODY}")).await.ok();
    assert_eq!(none, json!({"tasks": [], "next_cursor": null}));
    // A task without one has none.
    let plain = json!({"client_id": "c1", "task_type": "t", "capability_required": "x", "input_data": {}});
    let plain = site.post("/ains/tasks", plain).await.ok();
    assert_eq!(site.whole_task(&plain).await["template_id"], Value::Null);
}

#[actix_web::test]
async fn an_input_that_does_not_fit_is_told_fault_by_fault() {
    let site = Site::open().await;
    let id = site.a_template(&json!({"input_schema": schema()})).await;
    let input = json!({"rows": 0, "to": ["a", 1, null]});
    let answer = site
        .submit_from(json!({"template_id": id, "input_data": input}))
        .await;
    assert_eq!(
        answer.told(),
        [
            "/input_data/rows the value is less than the minimum of 1",
            "/input_data/to/1 the value is not of type \"string\"",
            "/input_data/to/2 the value is not of type \"string\"",
        ]
    );
    let many: Vec<_> = (0..100).collect();
    let answer = site
        .submit_from(json!({"template_id": id, "input_data": {"to": many}}))
        .await;
    assert_eq!(answer.told().len(), 20);
    let large = json!({"template_id": id, "input_data": {"x": "x".repeat((1 << 20) - 20)}});
    assert_eq!(
        site.post("/ains/tasks/batch", json!({"tasks": [large]}))
            .await
            .told(),
        ["/tasks/0/input_data is larger than the limit of 1048576 bytes, with what the template adds"]
    );
    assert_eq!(site.of_template(&id).await["times_used"], 0);
}

#[actix_web::test]
async fn a_batch_takes_templates() {
    let site = Site::open().await;
    let id = site.a_template(&json!({"input_schema": schema()})).await;
    let one = json!({"template_id": id});
    let made = site
        .post("/ains/tasks/batch", json!({"tasks": [one, one, one]}))
        .await
        .ok();
    assert_eq!(made["created"], 3);
    let bad = json!({"template_id": id, "input_data": {"rows": null}});
    let unknown = json!({"template_id": NOBODY});
    let mixed = json!({"tasks": [one, bad, unknown], "atomic": false});
    let made = site.post("/ains/tasks/batch", mixed).await.ok();
    assert_eq!((&made["created"], &made["failed"]), (&json!(1), &json!(2)));
    assert_eq!(
        made["tasks"][1]["problem"]["errors"][0]["pointer"],
        "/tasks/1/input_data/rows"
    );
    assert_eq!(made["tasks"][2]["problem"]["detail"], "Template not found");
    assert_eq!(site.of_template(&id).await["times_used"], 4);
}

#[actix_web::test]
async fn the_same_key_gets_the_first_answer_whatever_became_of_the_template() {
    let site = Site::open().await;
    let keyed = async |path: &str, body: &Value| {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("idempotency-key", "k"))
            .set_json(body);
        site.send(request).await
    };
    let template = a_template(&json!({}));
    let created = keyed("/ains/task-templates", &template).await.ok();
    assert_eq!(keyed("/ains/task-templates", &template).await.ok(), created);
    assert_eq!(
        site.get("/ains/task-templates")
            .await
            .ok()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let id = created["template_id"].as_str().unwrap();
    let body = json!({"template_id": id});
    keyed("/ains/tasks/from-template", &body).await.detail(422);
    let other = async |body: &Value| {
        let request = TestRequest::post()
            .uri("/ains/tasks/from-template")
            .insert_header(("idempotency-key", "other"))
            .set_json(body);
        site.send(request).await
    };
    let made = other(&body).await.ok();
    site.delete_template(id).await.ok();
    assert_eq!(other(&body).await.ok(), made);
    other(&json!({"template_id": id, "priority": 3}))
        .await
        .detail(422);
}
