//! Schedules that heed calendars, and calendars that are changed.

use ains_api::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::book::{
    Book, CLIENT, PATH, SECOND, a_schedule, at, create, every, micros, now, once_fired, stop, until, whole,
};
use crate::caller::{Caller, list, text};

const CALENDARS: &str = "/ains/calendars";

/// Microseconds of a day.
const DAY: i64 = 86_400 * SECOND;

fn date(micros: i64) -> String {
    let text = Timestamp::from_micros(micros).to_string();
    text[..10].to_owned()
}

async fn calendar(caller: &Caller, name: &str, dates: &[String]) -> String {
    let body = json!({"name": name, "client_id": CLIENT, "dates": dates});
    let made = caller.make(CALENDARS, &body, &format!("calendar {name}")).await;
    text(&made, "calendar_id")
}

async fn dates(caller: &Caller, id: &str, dates: &[String]) {
    let (path, body) = (format!("{CALENDARS}/{id}"), json!({"dates": dates}));
    let answer = caller.ask(Method::PATCH, &path, Some(&body), None).await;
    assert_eq!(
        (answer.status, &answer.body["listed_dates"]),
        (200, &json!(dates.len())),
        "{answer:?}"
    );
}

pub(crate) async fn a_calendar_that_is_changed_changes_what_fires(caller: &Caller) {
    // Today and tomorrow, for midnight may come.
    let today = now(caller).await / DAY * DAY;
    let days = [date(today), date(today + DAY)];
    let exclude = calendar(caller, "off", &days).await;
    let only = calendar(caller, "on", &days).await;
    let heeds = |name: &str, id: &str, used: &str| {
        let calendars = json!([{"calendar_id": id, "use": used}]);
        a_schedule(
            name,
            json!({"cron_expression": "* * * * * *", "calendars": calendars}),
        )
    };
    let excluded = create(caller, heeds("excluded", &exclude, "exclude")).await;
    let included = create(caller, heeds("included", &only, "only")).await;
    for id in [&exclude, &only] {
        let refused = caller
            .ask(Method::DELETE, &format!("{CALENDARS}/{id}"), None, None)
            .await;
        assert_eq!(refused.status, 409, "{refused:?}");
    }
    let schedule = whole(caller, &excluded).await;
    assert_eq!(micros(&schedule["next_slot_at"]), today + 2 * DAY, "{schedule}");
    let preview = caller.get(&format!("{PATH}/{excluded}/preview?n=1")).await;
    let [of_today, of_tomorrow, next] = &list(&preview, "slots")[..] else {
        panic!("what is left out on two days, and the next: {preview}");
    };
    for (left_out, day) in [(of_today, today), (of_tomorrow, today + DAY)] {
        let reason = format!("excluded by `off`: {}", date(day));
        assert_eq!(left_out["excluded"], reason, "{preview}");
        assert_eq!(micros(&left_out["until"]), day + DAY - SECOND, "{preview}");
    }
    assert_eq!(
        (next.get("excluded"), at(next)),
        (None, today + 2 * DAY),
        "{preview}"
    );

    // The one fires where the other does not, and then they change places.
    once_fired(caller, &included, 2).await;
    assert_eq!(Book::read(caller, &excluded).await.slots, Vec::<Value>::new());
    let before = now(caller).await;
    dates(caller, &exclude, &[]).await;
    let book = once_fired(caller, &excluded, 2).await;
    let first = at(book.slots.first().expect("it has slots"));
    assert!(first > before, "it does not look back: {book:#?}");
    let stopped = stop(caller, &excluded).await;
    let book = Book::read(caller, &excluded).await;
    book.account(&every(1, 0, first - 1, stopped));
    book.check_tasks(caller).await;

    dates(caller, &only, &[date(today - DAY), date(today + 40 * DAY)]).await;
    let next = today + 40 * DAY;
    let schedule = until(caller, &format!("{PATH}/{included}"), |schedule| {
        micros(&schedule["next_slot_at"]) == next
    })
    .await;
    assert_eq!(schedule["standing"], "active", "{schedule}");
    let book = Book::read(caller, &included).await;
    let created = micros(&book.schedule["created_at"]);
    let last = at(book.slots.last().expect("it has slots"));
    book.account(&every(1, 0, created, last));
    book.check_tasks(caller).await;
    for id in [&excluded, &included] {
        let removed = caller
            .ask(Method::DELETE, &format!("{PATH}/{id}"), None, None)
            .await;
        assert_eq!(removed.status, 200, "{removed:?}");
    }
    for id in [&exclude, &only] {
        let removed = caller
            .ask(Method::DELETE, &format!("{CALENDARS}/{id}"), None, None)
            .await;
        assert_eq!(removed.status, 200, "{removed:?}");
    }
}
