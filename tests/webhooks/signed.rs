//! What arrives is signed, and the same each time.

use reqwest::Method;

use crate::caller::Caller;
use crate::receiver::{Receiver, SECRET, post, register, sites, until};
use crate::site::run;

const PRIVATE: (&str, &str) = ("AINS_WEBHOOK_ALLOW_PRIVATE", "on");

#[test]
fn what_arrives_is_verified_by_the_reference_library() {
    for site in sites() {
        run(async {
            let mut server = site.serve(&[PRIVATE]);
            let caller = Caller::new([server.url()]);
            let receiver = Receiver::answering(&[]).await;
            let hook = register(&caller, &receiver.url).await;
            let id = hook["webhook_id"].as_str().expect("an id");
            let sent = post(&caller, &format!("/ains/webhooks/{id}/test")).await;
            let first = receiver.arrived(1).await.remove(0);
            assert_eq!(first.id(), sent["delivery_id"]);
            assert!(first.is_signed_with(SECRET) && !first.is_signed_with("whsec_aGVsbG8="));
            let body = first.json();
            assert_eq!(
                (&body["type"], &body["event"]),
                (&"webhook.test".into(), &"webhook.test".into())
            );
            assert!(
                first.headers["x-webhook-signature"]
                    .as_bytes()
                    .starts_with(b"sha256=")
            );
            until(&caller, id, "delivered").await;

            let rotated = post(&caller, &format!("/ains/webhooks/{id}/rotate-secret")).await;
            let new = rotated["secret"].as_str().expect("a secret of the server");
            post(
                &caller,
                &format!("/ains/webhook-deliveries/{}/redeliver", first.id()),
            )
            .await;
            let second = receiver.arrived(2).await.remove(1);
            assert_eq!((second.id(), &second.body), (first.id(), &first.body));
            assert!(second.is_signed_with(SECRET) && second.is_signed_with(new));
            assert!(server.terminate().success());
        });
    }
}

#[test]
fn a_receiver_that_fails_is_tried_again_and_one_that_is_gone_is_not() {
    for site in sites() {
        run(async {
            let mut server = site.serve(&[PRIVATE, ("AINS_WEBHOOK_RETRY_SECONDS", "0,1,1")]);
            let caller = Caller::new([server.url()]);
            let other = Receiver::answering(&[]).await;
            let redirect = format!("302 Found\r\nlocation: {}", other.url);
            let receiver = Receiver::answering(&["500 No", &redirect, "503 Later\r\nretry-after: 1"]).await;
            let hook = register(&caller, &receiver.url).await;
            let id = hook["webhook_id"].as_str().expect("an id");
            post(&caller, &format!("/ains/webhooks/{id}/test")).await;
            let dead = until(&caller, id, "dead").await;
            assert_eq!(
                (&dead["attempt_count"], &dead["response_code"]),
                (&3.into(), &503.into())
            );
            let seen = receiver.arrived(3).await;
            assert!(
                seen.iter()
                    .all(|one| one.id() == seen[0].id() && one.body == seen[0].body)
            );

            let gone = Receiver::answering(&["410 Gone"]).await;
            let hook = register(&caller, &gone.url).await;
            let id = hook["webhook_id"].as_str().expect("an id");
            post(&caller, &format!("/ains/webhooks/{id}/test")).await;
            until(&caller, id, "cancelled").await;
            let path = format!("/ains/webhooks/{id}");
            let read = caller.ask(Method::GET, &path, None, None).await.body;
            assert_eq!(read["active"], false);
            assert!(server.terminate().success());
        });
    }
}
