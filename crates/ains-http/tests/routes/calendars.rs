//! Calendars: how they are made, read, changed, filled from iCalendar texts and removed.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::schedules::{NOW, of_tasks, with};
use crate::site::{Answer, Site};

/// An id that no calendar has.
const NOBODY: &str = "cal_00000000000070008000000000000000";

/// A text with one event on 24 December 2026, and one on two dates.
const TEXT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n\
    BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261224\r\nSUMMARY:Christmas Eve\r\nEND:VEVENT\r\n\
    BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20270101\r\nDTEND;VALUE=DATE:20270103\r\nEND:VEVENT\r\n\
    END:VCALENDAR\r\n";

fn a_calendar(fields: &Value) -> Value {
    with(&json!({"name": "off", "client_id": "c1"}), fields)
}

impl Site {
    async fn submit_calendar(&self, body: &Value) -> Answer {
        self.post("/ains/calendars", body.clone()).await
    }

    /// Creates a calendar and gives its id.
    async fn a_calendar(&self, fields: &Value) -> String {
        let created = self.submit_calendar(&a_calendar(fields)).await.ok();
        created["calendar_id"].as_str().unwrap().to_owned()
    }

    async fn of_calendar(&self, id: &str, what: &str) -> Value {
        self.get(&format!("/ains/calendars/{id}{what}")).await.ok()
    }

    async fn patch_calendar(&self, id: &str, body: Value) -> Answer {
        self.call(Method::PATCH, &format!("/ains/calendars/{id}"), body)
            .await
    }

    async fn import_text(&self, id: &str, query: &str, text: impl Into<String>) -> Answer {
        let request = TestRequest::post()
            .uri(&format!("/ains/calendars/{id}/import{query}"))
            .insert_header(("content-type", "text/calendar; charset=utf-8"));
        self.send(request.set_payload(text.into())).await
    }
}

#[actix_web::test]
async fn a_calendar_is_created_read_and_listed() {
    let site = Site::open().await;
    let body = a_calendar(&json!({
        "description": "when nobody works", "weekdays": ["SUN", "SAT"],
        "dates": ["2026-12-24", {"date": "2026-12-31", "name": "New Year's Eve"}, {"date": "2026-05-02"}],
        "holidays": [{"country": "DE", "region": "BY"}, {"country": "US", "observed": false}],
    }));
    let created = site.submit_calendar(&body).await.ok();
    let id = created["calendar_id"].as_str().unwrap();
    assert!(id.starts_with("cal_") && id.len() == 36, "{id}");
    let summary = json!({
        "calendar_id": id, "name": "off", "client_id": "c1", "description": "when nobody works", "listed_dates": 3,
        "weekdays": ["SAT", "SUN"], "created_at": NOW, "updated_at": NOW,
        "holidays": [
            {"country": "DE", "region": "BY", "observed": true},
            {"country": "US", "observed": false},
        ],
    });
    assert_eq!(created, summary);
    assert_eq!(
        site.get("/ains/calendars").await.ok(),
        json!({"calendars": [summary], "next_cursor": null})
    );
    let mut whole = with(
        &summary,
        &json!({"dates": ["2026-12-24", {"date": "2026-12-31", "name": "New Year's Eve"}, "2026-05-02"]}),
    );
    whole.as_object_mut().unwrap().remove("listed_dates");
    assert_eq!(site.of_calendar(id, "").await, whole);
}

#[actix_web::test]
async fn a_calendar_tells_its_dates_by_name() {
    let site = Site::open().await;
    let id = site
        .a_calendar(&json!({
            "dates": [{"date": "2026-01-02", "name": "Bridge"}, "2026-01-07"], "weekdays": ["SUN"],
            "holidays": [{"country": "DE"}],
        }))
        .await;
    let named = |date: &str, name: &str| json!({"date": date, "name": name});
    assert_eq!(
        site.of_calendar(&id, "/dates?from=2026-01-01&to=2026-01-07")
            .await,
        json!({
            "calendar_id": id,
            "dates": [
                named("2026-01-01", "New Year's Day"),
                named("2026-01-02", "Bridge"),
                named("2026-01-04", "Sunday"),
                named("2026-01-07", "2026-01-07"),
            ],
        })
    );
    let year = site.of_calendar(&id, "/dates").await;
    let year = year["dates"].as_array().unwrap();
    assert_eq!(
        (&year[0]["date"], &year.last().unwrap()["date"]),
        (&json!("2026-01-01"), &json!("2027-01-01"))
    );
    for (query, faults) in [
        ("from=x&to=2026-1-1", vec!["from", "to"]),
        ("from=2026-01-02&to=2026-01-01", vec!["to"]),
        ("from=2026-01-01&to=2031-01-06", vec!["to"]),
        ("from=2026-13-01", vec!["from"]),
    ] {
        let refused = site.get(&format!("/ains/calendars/{id}/dates?{query}")).await;
        assert_eq!(refused.faults(), faults, "{query}");
    }
    site.of_calendar(&id, "/dates?from=2026-01-01&to=2031-01-05")
        .await;
    site.of_calendar(&id, "/dates?from=9999-12-31").await;
}

#[actix_web::test]
async fn every_fault_of_a_calendar_is_named_with_its_field() {
    let site = Site::open().await;
    let body = json!({
        "name": "", "client_id": "", "description": "a\u{0}b",
        "dates": ["2026-02-29", {"date": "x"}, 7, {"date": "2026-01-01", "colour": 1}], "weekdays": ["SAT", "Sunday"],
        "holidays": [{"country": "XX"}, {"region": "BY"}], "ical": "nothing", "colour": "red",
    });
    let refused = site.submit_calendar(&body).await;
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(
        faults,
        [
            "/client_id",
            "/colour",
            "/dates/0",
            "/dates/1/date",
            "/dates/2",
            "/dates/3/colour",
            "/description",
            "/holidays/0/country",
            "/holidays/1/country",
            "/ical",
            "/name",
            "/weekdays/1",
        ]
    );
    let missing = site.submit_calendar(&json!({})).await;
    assert_eq!(missing.faults(), ["/name", "/client_id"]);
    for (fields, fault, message) in [
        (json!({"dates": ["x"]}), "/dates/0", "must be a date (YYYY-MM-DD)"),
        (
            json!({"dates": [{"date": "2026-01-01", "name": ""}]}),
            "/dates/0/name",
            "0 characters; 1 to 200 are wanted",
        ),
        (
            json!({"weekdays": ["sun"]}),
            "/weekdays/0",
            "must be one of MON, TUE, WED, THU, FRI, SAT, SUN",
        ),
        (
            json!({"holidays": [{"country": "XX"}]}),
            "/holidays/0/country",
            "must be one of US, GB, DE, FR, JP",
        ),
        (
            json!({"holidays": [{"country": "US", "region": "CA"}]}),
            "/holidays/0/region",
            "`CA` is not known: US has no regions here",
        ),
        (
            json!({"holidays": [{"country": "US"}, {"country": "US"}]}),
            "/holidays/1",
            "these are named at 0 already",
        ),
        (
            json!({"ical": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:x\nEND:VEVENT\nEND:VCALENDAR"}),
            "/ical",
            "cannot be imported: line 3: ",
        ),
        (
            json!({"dates": vec!["2026-01-01"; 10_001]}),
            "/dates",
            "must have at most 10000 elements",
        ),
    ] {
        let refused = site.submit_calendar(&a_calendar(&fields)).await;
        assert_eq!(refused.faults(), [fault]);
        let told = refused.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(told.starts_with(message), "{told}");
    }
    assert_eq!(site.get("/ains/calendars").await.ok()["calendars"], json!([]));
}

#[actix_web::test]
async fn calendars_are_listed_in_pages_newest_first() {
    let site = Site::open().await;
    let mut ids = Vec::new();
    for client in ["c1", "c2", "c1"] {
        ids.insert(0, site.a_calendar(&json!({"client_id": client})).await);
    }
    let listed = |answer: &Answer| -> (Vec<String>, Option<String>) {
        let list: ains_api::CalendarList = serde_json::from_value(answer.ok()).unwrap();
        let ids = list.calendars.into_iter().map(|one| one.calendar_id);
        (ids.collect(), list.next_cursor)
    };
    let all = site.get("/ains/calendars").await;
    assert_eq!(listed(&all), (ids.clone(), None));
    let first = site.get("/ains/calendars?client_id=c1&limit=1").await;
    assert_eq!(listed(&first), (vec![ids[0].clone()], Some(ids[0].clone())));
    let next = format!("/ains/calendars?client_id=c1&limit=1&cursor={}", ids[0]);
    assert_eq!(first.header("link"), format!("<{next}>; rel=\"next\""));
    assert_eq!(listed(&site.get(&next).await), (vec![ids[2].clone()], None));
    let refused = site.get("/ains/calendars?limit=0&cursor=x&client_id=").await;
    let mut faults = refused.faults();
    faults.sort();
    assert_eq!(faults, ["client_id", "cursor", "limit"]);
}

#[actix_web::test]
async fn a_calendar_is_changed_field_by_field() {
    let site = Site::open().await;
    let fields = json!({
        "description": "d", "dates": ["2026-01-02"], "weekdays": ["SUN"], "holidays": [{"country": "FR"}],
    });
    let id = site.a_calendar(&fields).await;
    let before = site.of_calendar(&id, "").await;
    let summary = site.patch_calendar(&id, json!({"name": "other"})).await.ok();
    assert_eq!(
        (&summary["name"], &summary["listed_dates"]),
        (&json!("other"), &json!(1))
    );
    assert_eq!(
        site.of_calendar(&id, "").await,
        with(&before, &json!({"name": "other"}))
    );
    let change = json!({"name": null, "dates": ["2026-01-03", "2026-01-04"], "weekdays": null});
    site.patch_calendar(&id, change).await.ok();
    let changed = json!({"name": "other", "dates": ["2026-01-03", "2026-01-04"], "weekdays": []});
    assert_eq!(site.of_calendar(&id, "").await, with(&before, &changed));
    let change = json!({"description": null, "dates": null, "holidays": []});
    site.patch_calendar(&id, change).await.ok();
    let read = site.of_calendar(&id, "").await;
    assert_eq!(
        (&read["description"], &read["dates"], &read["holidays"]),
        (&Value::Null, &json!([]), &json!([]))
    );
    for (change, faults) in [
        (
            json!({"name": "", "dates": ["x"], "weekdays": [1], "holidays": [{"country": "US", "region": "CA"}]}),
            vec!["/weekdays/0", "/name", "/dates/0"],
        ),
        (
            json!({"holidays": [{"country": "US", "region": "CA"}]}),
            vec!["/holidays/0/region"],
        ),
        (json!({"client_id": "c2"}), vec!["/client_id"]),
        (json!({"ical": TEXT}), vec!["/ical"]),
    ] {
        assert_eq!(site.patch_calendar(&id, change).await.faults(), faults);
    }
    assert_eq!(site.of_calendar(&id, "").await, read);
}

#[actix_web::test]
async fn an_icalendar_text_is_imported_as_it_is_or_within_json() {
    let site = Site::open().await;
    let id = site
        .a_calendar(&json!({"dates": ["2026-01-02", "2027-01-01"], "weekdays": ["SUN"]}))
        .await;
    let imported = site.import_text(&id, "", TEXT).await.ok();
    assert_eq!(
        imported,
        json!({"calendar_id": id, "imported": 3, "added": 2, "listed_dates": 4})
    );
    let dates = site.of_calendar(&id, "").await["dates"].clone();
    let eve = json!({"date": "2026-12-24", "name": "Christmas Eve"});
    assert_eq!(dates, json!(["2026-01-02", "2027-01-01", eve, "2027-01-02"]));
    let uri = format!("/ains/calendars/{id}/import");
    let again = site.post(&uri, json!({"ical": TEXT})).await.ok();
    assert_eq!((&again["added"], &again["listed_dates"]), (&json!(0), &json!(4)));
    let replaced = site.post(&uri, json!({"ical": TEXT, "replace": true})).await.ok();
    assert_eq!(
        replaced,
        json!({"calendar_id": id, "imported": 3, "added": 0, "listed_dates": 3})
    );
    let empty = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";
    let emptied = site.import_text(&id, "?replace=true", empty).await.ok();
    assert_eq!(
        (&emptied["imported"], &emptied["listed_dates"]),
        (&json!(0), &json!(0))
    );
    let read = site.of_calendar(&id, "").await;
    assert_eq!((&read["dates"], &read["weekdays"]), (&json!([]), &json!(["SUN"])));

    let id = site
        .a_calendar(&json!({"dates": ["2026-01-02"], "ical": TEXT}))
        .await;
    let dates = site.of_calendar(&id, "").await["dates"].clone();
    assert_eq!(dates, json!(["2026-01-02", eve, "2027-01-01", "2027-01-02"]));
}

#[actix_web::test]
async fn a_text_that_cannot_be_imported_is_told_with_its_line() {
    let site = Site::open().await;
    let id = site.a_calendar(&json!({})).await;
    let uri = format!("/ains/calendars/{id}/import");
    let bad = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:x\nEND:VEVENT\nEND:VCALENDAR\n";
    let refused = site.import_text(&id, "", bad).await;
    assert_eq!(refused.faults(), [""]);
    let detail = refused.detail(422);
    assert!(
        detail.starts_with("The body cannot be imported: line 3: "),
        "{detail}"
    );
    let refused = site.post(&uri, json!({"ical": bad})).await;
    assert_eq!(refused.faults(), ["/ical"]);
    assert_eq!(
        site.import_text(&id, "?replace=some", TEXT).await.faults(),
        ["replace"]
    );
    for (body, fault) in [
        (json!({}), "/ical"),
        (json!({"ical": TEXT, "colour": 1}), "/colour"),
    ] {
        assert_eq!(site.post(&uri, body).await.faults(), [fault]);
    }
    let large = site.import_text(&id, "", "x".repeat((1 << 20) + 1)).await;
    large.detail(413);
    let odd = TestRequest::post()
        .uri(&uri)
        .insert_header(("content-type", "text/calendar"))
        .set_payload(b"BEGIN:\xff".to_vec());
    assert_eq!(
        site.send(odd).await.detail(400),
        "The body is not UTF-8 after byte 6"
    );
    let other = TestRequest::post()
        .uri(&uri)
        .insert_header(("content-type", "text/plain"))
        .set_payload(TEXT);
    site.send(other).await.detail(415);
    let packed = TestRequest::post()
        .uri(&uri)
        .insert_header(("content-type", "text/calendar"))
        .insert_header(("content-encoding", "gzip"))
        .set_payload(TEXT);
    site.send(packed).await.detail(415);

    // Together with what is listed it may be too much.
    let full: Vec<_> = (0..9_999)
        .map(|day| format!("{:04}-01-01", 1 + day % 9999))
        .collect();
    site.patch_calendar(&id, json!({"dates": full})).await.ok();
    let refused = site.post(&uri, json!({"ical": TEXT})).await;
    assert_eq!(
        refused.detail(422),
        "/ical would make it 10001 dates that are listed; at most 10000"
    );
}

#[actix_web::test]
async fn a_calendar_that_a_schedule_heeds_is_not_removed() {
    let site = Site::open().await;
    let id = site.a_calendar(&json!({"weekdays": ["SUN"]})).await;
    let heeds = json!({"cron_expression": "@daily", "calendars": [{"calendar_id": id, "use": "exclude"}]});
    let schedule = site.schedule(&of_tasks(&heeds)).await;
    let uri = format!("/ains/calendars/{id}");
    let refused = site.call(Method::DELETE, &uri, json!({})).await;
    assert_eq!(
        refused.detail(409),
        format!("Schedule {schedule} heeds the calendar")
    );
    assert_eq!(refused.json()["type"], "/problems/in-use");
    let change = json!({"calendars": null});
    let schedule = format!("/ains/scheduled-tasks/{schedule}");
    site.call(Method::PATCH, &schedule, change).await.ok();
    let removed = site.call(Method::DELETE, &uri, json!({})).await.ok();
    assert_eq!(
        removed,
        json!({"calendar_id": id, "message": "Calendar deleted successfully"})
    );
    assert_eq!(site.get(&uri).await.detail(404), "Calendar not found");
}

#[actix_web::test]
async fn a_calendar_that_there_is_not_is_not_found() {
    let site = Site::open().await;
    for id in [NOBODY, "c1"] {
        for what in ["", "/dates"] {
            let refused = site.get(&format!("/ains/calendars/{id}{what}")).await;
            assert_eq!(refused.detail(404), "Calendar not found", "{what}");
        }
        for method in [Method::PATCH, Method::DELETE] {
            let uri = format!("/ains/calendars/{id}");
            let refused = site.call(method, &uri, json!({})).await;
            assert_eq!(refused.detail(404), "Calendar not found");
        }
        assert_eq!(
            site.import_text(id, "", TEXT).await.detail(404),
            "Calendar not found"
        );
    }
    for (method, uri) in [
        (Method::DELETE, "/ains/calendars".to_owned()),
        (Method::POST, format!("/ains/calendars/{NOBODY}")),
        (Method::GET, format!("/ains/calendars/{NOBODY}/import")),
    ] {
        site.call(method, &uri, json!({})).await.detail(405);
    }
}
