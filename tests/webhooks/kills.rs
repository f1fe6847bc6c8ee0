//! A server is killed between two attempts: the next is made by whoever runs then.

use crate::caller::Caller;
use crate::receiver::{Receiver, SECRET, post, register, sites, until};
use crate::site::run;

#[test]
fn what_was_not_delivered_before_a_kill_is_delivered_after_it() {
    for site in sites() {
        run(async {
            let settings = [
                ("AINS_WEBHOOK_ALLOW_PRIVATE", "on"),
                ("AINS_WEBHOOK_RETRY_SECONDS", "0,2,2,2"),
            ];
            let mut server = site.serve(&settings);
            let caller = Caller::new([server.url()]);
            let receiver = Receiver::answering(&["500 No"]).await;
            let hook = register(&caller, &receiver.url).await;
            let id = hook["webhook_id"].as_str().expect("an id");
            let sent = post(&caller, &format!("/ains/webhooks/{id}/test")).await;
            receiver.arrived(1).await;
            // Else it is due again only when the lease of the attempt has run out.
            while caller
                .ask(
                    reqwest::Method::GET,
                    &format!("/ains/webhooks/{id}/deliveries"),
                    None,
                    None,
                )
                .await
                .body["deliveries"][0]["response_code"]
                .is_null()
            {}
            server.crash();
            server.start_again();
            let seen = receiver.arrived(2).await;
            assert_eq!(seen[1].id(), sent["delivery_id"]);
            assert_eq!((seen[1].id(), &seen[1].body), (seen[0].id(), &seen[0].body));
            assert!(seen[1].is_signed_with(SECRET));
            let done = until(&caller, id, "delivered").await;
            assert_eq!(done["attempt_count"], 2);
            assert!(server.terminate().success());
        });
    }
}
