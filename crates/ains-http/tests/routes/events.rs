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
    let answer = site.get("/ains/events?types=task.created,task.ended").await;
    assert_eq!(answer.faults(), ["types"]);
    assert_eq!(
        answer.json()["errors"][0]["message"],
        "`task.ended` is not an event: task.{created,assigned,started,progress,completed,failed,cancelled,retrying}, \
         chain.{created,started,paused,resumed,retrying,completed,failed,cancelled}, \
         schedule.{fired,slot_skipped,missed}, agent.{registered,inactive}, task.* and the like, or *"
    );
    for id in ["x", "1", "-1-0", "1-x", "live-1"] {
        let answer = site.get(&format!("/ains/events?last_event_id={id}")).await;
        assert_eq!(answer.faults(), ["last_event_id"]);
        let message = format!("`{id}` is not the id of an event");
        assert_eq!(answer.json()["errors"][0]["message"], message);
        let request = TestRequest::get()
            .uri("/ains/events")
            .insert_header(("last-event-id", id));
        assert_eq!(
            site.send(request).await.faults(),
            ["last_event_id"],
            "in the header too"
        );
    }
}
