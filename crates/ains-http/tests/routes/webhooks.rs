//! Webhooks: how they are registered, read, tested and ended, and what their deliveries look like.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use ains_http::Auth;
use serde_json::{Value, json};

use crate::schedules::{NOW, with};
use crate::site::{Answer, KEY, Site};

/// Ids that nothing has.
const NO_HOOK: &str = "webhook_00000000000070008000000000000000";
const NO_DELIVERY: &str = "delivery_00000000000070008000000000000000";

fn a_hook(fields: &Value) -> Value {
    let hook = json!({
        "agent_id": "c1", "url": "https://example.com/hook", "events": ["task.completed", "chain.*"],
        "secret": "a secret",
    });
    with(&hook, fields)
}

impl Site {
    async fn submit_hook(&self, fields: &Value) -> Answer {
        self.post("/ains/webhooks", a_hook(fields)).await
    }

    /// Registers a webhook and gives its id.
    async fn a_hook(&self, fields: &Value) -> String {
        let created = self.submit_hook(fields).await.ok();
        created["webhook_id"].as_str().unwrap().to_owned()
    }

    async fn delete_hook(&self, id: &str, query: &str) -> Answer {
        self.call(Method::DELETE, &format!("/ains/webhooks/{id}{query}"), json!({}))
            .await
    }

    /// Tests a webhook, and waits until that has ended; the delivery.
    async fn tested(&self, id: &str) -> Value {
        self.post(&format!("/ains/webhooks/{id}/test"), json!({}))
            .await
            .ok();
        self.ended(id).await
    }

    async fn ended(&self, id: &str) -> Value {
        loop {
            let list = self.get(&format!("/ains/webhooks/{id}/deliveries")).await.ok();
            if list["deliveries"][0]["status"] != "pending" {
                return list["deliveries"][0].clone();
            }
            actix_web::rt::task::yield_now().await;
        }
    }
}

#[actix_web::test]
async fn a_webhook_is_registered_read_listed_and_ended() {
    for site in Site::open_each().await {
        let created = site.submit_hook(&json!({})).await.ok();
        let id = created["webhook_id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("webhook_") && id.len() == 40, "{id}");
        let mut whole = json!({
            "webhook_id": id, "agent_id": "c1", "url": "https://example.com/hook",
            "events": ["task.completed", "chain.*"], "active": true, "created_at": NOW, "updated_at": NOW,
        });
        assert_eq!(created, whole, "a secret that was given is not shown");
        assert_eq!(site.get(&format!("/ains/webhooks/{id}")).await.ok(), whole);
        let list = json!({"webhooks": [whole], "next_cursor": null});
        assert_eq!(site.get("/ains/webhooks?agent_id=c1").await.ok(), list);
        let none = json!({"webhooks": [], "next_cursor": null});
        assert_eq!(site.get("/ains/webhooks?agent_id=c2").await.ok(), none);
        assert_eq!(
            site.delete_hook(&id, "?agent_id=c1").await.ok(),
            json!({"webhook_id": id, "status": "deactivated"})
        );
        whole["active"] = json!(false);
        assert_eq!(site.get(&format!("/ains/webhooks/{id}")).await.ok(), whole);
        assert_eq!(site.get("/ains/webhooks").await.ok(), none);
        let all = site.get("/ains/webhooks?active_only=false").await.ok();
        assert_eq!(all["webhooks"], json!([whole]));
    }
}

#[actix_web::test]
async fn a_secret_of_the_server_is_shown_once() {
    let site = Site::open().await;
    let body = json!({"agent_id": "c1", "url": "https://example.com", "events": ["*"], "unknown": 1});
    let created = site.post("/ains/webhooks", body).await.ok();
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let id = created["webhook_id"].as_str().unwrap();
    let read = site.get(&format!("/ains/webhooks/{id}")).await.ok();
    assert_eq!(read.get("secret"), None);
    let rotated = site
        .post(&format!("/ains/webhooks/{id}/rotate-secret"), json!({}))
        .await
        .ok();
    assert_ne!(rotated["secret"], created["secret"]);
    assert_eq!(rotated["previous_secret_until"], "2026-01-02T00:00:00.000000Z");
    let given = json!({"secret": "whsec_aGVsbG8="});
    let rotated = site
        .post(&format!("/ains/webhooks/{id}/rotate-secret"), given)
        .await
        .ok();
    assert_eq!(rotated.get("secret"), None);
    let empty = TestRequest::post().uri(&format!("/ains/webhooks/{id}/rotate-secret"));
    assert!(
        site.send(empty).await.ok()["secret"].is_string(),
        "without a body, too"
    );
}

#[actix_web::test]
async fn what_is_wrong_with_a_registration_is_said_all_at_once() {
    let site = Site::open().await;
    let wrong = json!({"agent_id": "", "url": "\u{0}", "events": ["task.done", "*"], "secret": "whsec_!"});
    let answer = site.submit_hook(&wrong).await;
    let mut faults = answer.faults();
    faults.sort();
    assert_eq!(faults, ["/agent_id", "/events/0", "/secret", "/url"]);
    let text = answer.json().to_string();
    assert!(
        text.contains("retrying}, chain.{") && text.contains("agent.{registered,inactive}"),
        "it names those there are: {text}"
    );
    assert!(!text.contains("whsec_!"), "a secret is not repeated: {text}");
    assert_eq!(
        site.submit_hook(&json!({"events": []})).await.faults(),
        ["/events"]
    );
    assert_eq!(
        site.submit_hook(&json!({"events": vec!["*"; 101]}))
            .await
            .faults(),
        ["/events"]
    );
    let long = format!("https://example.com/{}", "x".repeat(2048));
    assert_eq!(site.submit_hook(&json!({"url": long})).await.faults(), ["/url"]);
    let missing = json!({"url": "https://example.com", "events": ["*"]});
    assert_eq!(site.post("/ains/webhooks", missing).await.faults(), ["/agent_id"]);
}

#[actix_web::test]
async fn an_address_that_may_not_be_called_is_refused() {
    let site = Site::open().await;
    let refused = site.submit_hook(&json!({"url": "http://127.0.0.1/"})).await;
    assert_eq!(refused.detail(400), "The address leads to this machine");
    assert_eq!(refused.json()["type"], "/problems/bad-request");
}

#[actix_web::test]
async fn only_whose_it_is_ends_a_webhook() {
    let site = Site::open().await;
    let id = site.a_hook(&json!({})).await;
    assert_eq!(
        site.delete_hook(&id, "?agent_id=c2").await.detail(403),
        "Not authorized"
    );
    assert_eq!(site.delete_hook(&id, "").await.faults(), ["agent_id"]);
    assert_eq!(
        site.delete_hook(NO_HOOK, "?agent_id=c1").await.detail(404),
        "Webhook not found"
    );
    assert_eq!(
        site.get(&format!("/ains/webhooks/{id}")).await.ok()["active"],
        true
    );
}

#[actix_web::test]
async fn what_does_not_exist_is_not_found() {
    let site = Site::open().await;
    for id in [NO_HOOK, "nothing", "task_00000000000070008000000000000000"] {
        for of in ["", "/deliveries"] {
            let answer = site.get(&format!("/ains/webhooks/{id}{of}")).await;
            assert_eq!(answer.detail(404), "Webhook not found");
        }
        for of in ["/test", "/rotate-secret"] {
            let answer = site.post(&format!("/ains/webhooks/{id}{of}"), json!({})).await;
            assert_eq!(answer.detail(404), "Webhook not found");
        }
    }
    let answer = site
        .post(
            &format!("/ains/webhook-deliveries/{NO_DELIVERY}/redeliver"),
            json!({}),
        )
        .await;
    assert_eq!(answer.detail(404), "Delivery not found");
}

#[actix_web::test]
async fn a_test_is_delivered_and_delivered_again() {
    for site in Site::open_each().await {
        let id = site.a_hook(&json!({})).await;
        let sent = site
            .post(&format!("/ains/webhooks/{id}/test"), json!({}))
            .await
            .ok();
        let delivery = sent["delivery_id"].as_str().unwrap().to_owned();
        assert_eq!(
            sent,
            json!({
                "delivery_id": delivery, "webhook_id": id, "event_type": "webhook.test", "subject": delivery,
                "status": "pending", "attempt_count": 0, "response_code": null, "error": null,
                "created_at": NOW, "delivered_at": null,
            })
        );
        let done = with(
            &sent,
            &json!({"status": "delivered", "attempt_count": 1, "response_code": 204, "delivered_at": NOW}),
        );
        assert_eq!(site.ended(&id).await, done);
        let again = site
            .post(
                &format!("/ains/webhook-deliveries/{delivery}/redeliver"),
                json!({}),
            )
            .await;
        assert_eq!(again.ok(), sent);
        assert_eq!(site.ended(&id).await, done);
    }
}

#[actix_web::test]
async fn deliveries_are_shown_in_pages() {
    let site = Site::open().await;
    let id = site.a_hook(&json!({})).await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(site.tested(&id).await["delivery_id"].clone());
    }
    let first = site.get(&format!("/ains/webhooks/{id}/deliveries?limit=2")).await;
    let page = first.ok();
    assert_eq!(page["webhook_id"], json!(id));
    assert_eq!(page["deliveries"][0]["delivery_id"], sent[2]);
    assert_eq!(page["next_cursor"], sent[1]);
    let next = first.header("link").strip_prefix('<').unwrap();
    let next = next.split('>').next().unwrap();
    let page = site.get(next).await.ok();
    assert_eq!(page["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&page["deliveries"][0]["delivery_id"], &page["next_cursor"]),
        (&sent[0], &Value::Null)
    );
    let wrong = site
        .get(&format!("/ains/webhooks/{id}/deliveries?limit=0&cursor=x"))
        .await;
    assert_eq!(wrong.faults(), ["limit", "cursor"]);
}

#[actix_web::test]
async fn a_receiver_that_is_gone_ends_its_webhook() {
    let site = Site::open().await;
    let id = site.a_hook(&json!({"url": "https://gone.example"})).await;
    let delivery = site.tested(&id).await;
    assert_eq!(
        (&delivery["status"], &delivery["response_code"]),
        (&json!("cancelled"), &json!(410))
    );
    assert_eq!(
        site.get(&format!("/ains/webhooks/{id}")).await.ok()["active"],
        false
    );
    let delivery = delivery["delivery_id"].as_str().unwrap();
    for path in [
        format!("/ains/webhooks/{id}/test"),
        format!("/ains/webhooks/{id}/rotate-secret"),
        format!("/ains/webhook-deliveries/{delivery}/redeliver"),
    ] {
        let refused = site.post(&path, json!({})).await;
        assert_eq!(refused.detail(409), "The webhook is called no more", "{path}");
    }
}

#[actix_web::test]
async fn a_webhook_is_registered_once_with_one_idempotency_key() {
    let site = Site::open().await;
    let send = async |fields: Value| {
        let request = TestRequest::post()
            .uri("/ains/webhooks")
            .insert_header(("idempotency-key", "k"));
        site.send(request.set_json(a_hook(&fields))).await
    };
    let first = send(json!({})).await.ok();
    assert_eq!(send(json!({})).await.ok(), first);
    assert_eq!(send(json!({"events": ["*"]})).await.status, 422);
    let listed = site.get("/ains/webhooks").await.ok();
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn webhooks_need_a_key_where_keys_are_needed() {
    let site = Site::with(Auth::On).await;
    assert_eq!(site.submit_hook(&json!({})).await.status, 401);
    let request = TestRequest::post()
        .uri("/ains/webhooks")
        .insert_header(("x-api-key", KEY));
    site.send(request.set_json(a_hook(&json!({})))).await.ok();
}
