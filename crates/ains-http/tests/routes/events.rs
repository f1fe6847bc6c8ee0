use actix_web::test::TestRequest;

use crate::site::Site;

#[actix_web::test]
async fn a_stream_is_of_the_type_that_browsers_follow_and_is_not_kept() {
    let site = Site::open().await;
    for uri in [
        "/ains/events",
        "/ains/events?types=task.*,chain.failed&client_id=c&subject=task_1",
        "/ains/events?types=*&last_event_id=",
    ] {
        let answer = site.get(uri).await;
        assert_eq!(answer.status, 200, "{uri}");
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[actix_web::test]
async fn what_nobody_can_follow_is_named() {
    let site = Site::open().await;
    let faults = site
        .get("/ains/events?types=task.created,task.ended")
        .await
        .faults();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("`task.ended` is not an event; the events are task.created,"));
    for id in ["x", "1", "-1-0", "1-x", "live-1"] {
        let faults = site
            .get(&format!("/ains/events?last_event_id={id}"))
            .await
            .faults();
        assert!(
            faults[0].contains(&format!("`{id}` is not the id of an event")),
            "{faults:?}"
        );
        let request = TestRequest::get()
            .uri("/ains/events")
            .insert_header(("last-event-id", id));
        assert_eq!(site.send(request).await.faults(), faults, "in the header too");
    }
}
