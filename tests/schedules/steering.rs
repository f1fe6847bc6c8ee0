//! What clients do with schedules, over HTTP: run now, fill in afterwards, pause, resume, change, remove; and what will
//! fire, which is what then fires.

use reqwest::Method;
use serde_json::{Value, json};

use crate::book::{
    Book, PATH, SECOND, a_schedule, at, book_when, change, create, every, instant, micros, now, on_both,
    once_fired, steer, stop, until, whole,
};
use crate::calendars::a_calendar_that_is_changed_changes_what_fires;
use crate::caller::{Caller, list, text};

on_both!(what_a_client_wants_of_a_schedule_is_done);

/// All at the same time, for most of it is waiting for slots.
async fn what_a_client_wants_of_a_schedule_is_done(caller: &Caller) {
    tokio::join!(
        it_runs_now(caller),
        the_past_is_filled_in(caller),
        what_was_skipped_is_filled_in(caller),
        a_paused_one_has_no_slots(caller),
        a_changed_one_does_not_look_back(caller),
        a_removed_one_leaves_its_tasks(caller),
        what_was_previewed_is_what_fires(caller),
        a_calendar_that_is_changed_changes_what_fires(caller),
    );
}

/// A schedule whose slots are far away.
fn rare(name: &str) -> Value {
    a_schedule(name, json!({"cron_expression": "@yearly"}))
}

fn often(name: &str) -> Value {
    a_schedule(name, json!({"cron_expression": "* * * * * *"}))
}

async fn it_runs_now(caller: &Caller) {
    let id = create(caller, rare("now")).await;
    let before = whole(caller, &id).await;
    let path = format!("{PATH}/{id}/run-now");
    let mut ran = Vec::new();
    for paused in [false, false, true] {
        if paused {
            steer(caller, &id, "pause").await;
        }
        let run = caller.post(&path, &Value::Null).await;
        assert_eq!(
            (&run["message"], &run["schedule_id"], &run["state"]),
            (&json!("Task triggered successfully"), &json!(id), &json!("fired")),
            "{run}"
        );
        ran.push(run);
    }
    let book = Book::read(caller, &id).await;
    book.account(&[]);
    book.check_tasks(caller).await;
    for (slot, run) in book.slots.iter().zip(&ran) {
        assert_eq!(
            (&slot["kind"], &slot["state"]),
            (&json!("run_now"), &json!("fired"))
        );
        for name in ["slot_id", "slot_at", "task_id"] {
            assert_eq!(slot[name], run[name], "{name}");
        }
    }
    let after = &book.schedule;
    assert_eq!(
        (book.slots.len(), &after["fired"]),
        (ran.len(), &json!(0)),
        "{after}"
    );
    assert_eq!(after["last_run_at"], ran[2]["slot_at"], "{after}");
    steer(caller, &id, "resume").await;
    assert_eq!(whole(caller, &id).await["next_slot_at"], before["next_slot_at"]);
}

async fn backfill(caller: &Caller, id: &str, from: i64, to: i64) -> Value {
    let body = json!({"from": instant(from), "to": instant(to)});
    caller.post(&format!("{PATH}/{id}/backfill"), &body).await
}

async fn the_past_is_filled_in(caller: &Caller) {
    let mut body = a_schedule("past", json!({"cron_expression": "*/10 * * * *"}));
    body["active"] = json!(false);
    let id = create(caller, body).await;
    // An hour of two days ago.
    let hour = 3600 * SECOND;
    let midnight = now(caller).await / (24 * hour) * 24 * hour - 48 * hour;
    let slots: Vec<i64> = (0..=6).map(|place| midnight + place * 600 * SECOND).collect();
    let first = backfill(caller, &id, slots[1], slots[3]).await;
    assert_eq!(first["fired"], 3, "{first}");
    assert_eq!(
        list(&first, "slots").iter().map(at).collect::<Vec<_>>(),
        slots[1..=3]
    );
    let rest = backfill(caller, &id, midnight, midnight + hour).await;
    assert_eq!(rest["fired"], 4, "those that fired are left alone: {rest}");
    let nothing = backfill(caller, &id, midnight, midnight + hour).await;
    assert_eq!(
        (&nothing["fired"], &nothing["slots"]),
        (&json!(0), &json!([])),
        "{nothing}"
    );
    let book = Book::read(caller, &id).await;
    for slot in book.account(&slots).values() {
        assert_eq!(
            (&slot["kind"], &slot["state"]),
            (&json!("backfill"), &json!("fired")),
            "{slot}"
        );
    }
    book.check_tasks(caller).await;
    let schedule = &book.schedule;
    assert_eq!(
        (&schedule["standing"], &schedule["fired"]),
        (&json!("paused"), &json!(0))
    );
}

/// A slot that was skipped fires once it is filled in, and its record of several is taken apart.
async fn what_was_skipped_is_filled_in(caller: &Caller) {
    let mut body = often("skipped");
    body["overlap_policy"] = json!("skip");
    let id = create(caller, body).await;
    let skipped = book_when(caller, &id, |book| book.count("skipped") >= 3).await;
    let stopped = stop(caller, &id).await;
    let first = at(skipped.fired()[0]);
    let one = first + 2 * SECOND;
    let path = format!("{PATH}/{id}/backfill");
    let body = json!({"from": instant(one), "to": instant(one), "overlap_policy": "allow_all"});
    let filled = caller.post(&path, &body).await;
    assert_eq!(filled["fired"], 1, "{filled}");
    let book = Book::read(caller, &id).await;
    let created = micros(&book.schedule["created_at"]);
    let known = book.account(&every(1, 0, created, stopped));
    for (slot_at, slot) in known {
        let expected = match slot_at {
            _ if slot_at == first => ("fired", "cron"),
            _ if slot_at == one => ("fired", "backfill"),
            _ => ("skipped", "cron"),
        };
        assert_eq!(
            (&slot["state"], &slot["kind"]),
            (&json!(expected.0), &json!(expected.1)),
            "{slot}"
        );
    }
    assert_eq!(book.check_tasks(caller).await.len(), 2);
    // What the schedule itself says is not forgotten: the first has not ended.
    let refused = backfill(caller, &id, one + SECOND, one + SECOND).await;
    let counts = ["fired", "skipped"].map(|name| &refused[name]);
    assert_eq!(counts, [&json!(0), &json!(1)], "{refused}");
}

async fn a_paused_one_has_no_slots(caller: &Caller) {
    let (id, witness) = tokio::join!(create(caller, often("paused")), create(caller, often("witness")));
    once_fired(caller, &id, 1).await;
    let path = format!("{PATH}/{id}/pause");
    let paused = caller.post(&path, &json!({"reason": "for a while"})).await;
    assert_eq!(
        (
            &paused["standing"],
            &paused["paused_reason"],
            &paused["next_run_at"]
        ),
        (&json!("paused"), &json!("for a while"), &Value::Null),
        "{paused}"
    );
    let stopped = micros(&whole(caller, &id).await["updated_at"]);
    let meanwhile = |book: &Book| book.fired().iter().filter(|slot| at(slot) > stopped).count();
    book_when(caller, &witness, |book| meanwhile(book) >= 2).await;
    steer(caller, &id, "resume").await;
    let resumed = micros(&whole(caller, &id).await["updated_at"]);
    let book = book_when(caller, &id, |book| meanwhile(book) >= 1).await;
    let created = micros(&book.schedule["created_at"]);
    let mut slots = every(1, 0, created, at(book.slots.last().expect("it has slots")));
    slots.retain(|at| *at <= stopped || *at > resumed);
    for slot in book.account(&slots).values() {
        let expected = if slot["state"] == "fired" {
            Value::Null
        } else {
            json!("the schedule was paused")
        };
        assert_eq!(slot["reason"], expected, "{slot}");
    }
    stop(caller, &witness).await;
    stop(caller, &id).await;
}

async fn a_changed_one_does_not_look_back(caller: &Caller) {
    let anchor = instant(now(caller).await / SECOND * SECOND - 86_400 * SECOND);
    let body = a_schedule(
        "changed",
        json!({"interval_seconds": 7200, "anchor_at": anchor, "catchup": "all"}),
    );
    let id = create(caller, body).await;
    let changed = change(
        caller,
        &id,
        json!({"name": "faster", "interval_seconds": 1, "priority": 9, "input_data": {"new": true}}),
    )
    .await;
    assert_eq!(
        (&changed["schedule_id"], &changed["message"]),
        (&json!(id), &json!("Schedule updated successfully"))
    );
    let since = micros(&whole(caller, &id).await["updated_at"]);
    once_fired(caller, &id, 2).await;
    let until = stop(caller, &id).await;
    let book = Book::read(caller, &id).await;
    let anchor = micros(&book.schedule["anchor_at"]);
    book.account(&every(1, anchor, since, until));
    for task in book.check_tasks(caller).await.values() {
        assert_eq!(
            (&task["priority"], &task["input_data"]),
            (&json!(9), &json!({"new": true})),
            "{task}"
        );
    }
    let schedule = &book.schedule;
    assert_eq!(
        (
            &schedule["name"],
            &schedule["interval_seconds"],
            &schedule["catchup"]
        ),
        (&json!("faster"), &json!(1), &json!("all"))
    );
    // Another way to say when takes the place of the first; and this goes on.
    let changed = change(caller, &id, json!({"cron_expression": "@yearly", "active": true})).await;
    assert_eq!(changed["active"], true, "{changed}");
    let schedule = whole(caller, &id).await;
    assert_eq!(
        (
            &schedule["cron_expression"],
            schedule.get("interval_seconds"),
            schedule.get("anchor_at")
        ),
        (&json!("@yearly"), None, None),
        "{schedule}"
    );
}

async fn a_removed_one_leaves_its_tasks(caller: &Caller) {
    let (id, witness) = tokio::join!(
        create(caller, often("removed")),
        create(caller, often("remaining"))
    );
    once_fired(caller, &id, 2).await;
    let path = format!("{PATH}/{id}");
    let removed = caller.ask(Method::DELETE, &path, None, None).await;
    assert_eq!(removed.status, 200, "{removed:?}");
    assert_eq!(
        removed.body,
        json!({"schedule_id": id, "message": "Schedule deleted successfully"})
    );
    let tasks = format!("/ains/tasks?schedule_id={id}&limit=200");
    let left = list(&caller.get(&tasks).await, "tasks");
    assert!(left.len() >= 2, "{left:?}");
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::DELETE, path.clone()),
        (Method::GET, format!("{path}/slots")),
        (Method::POST, format!("{path}/run-now")),
        (Method::POST, format!("{path}/resume")),
    ] {
        let gone = caller.ask(method, &path, None, None).await;
        assert_eq!(gone.status, 404, "{path}: {gone:?}");
    }
    // Others go on, and it does not.
    let so_far = Book::read(caller, &witness).await.fired().len();
    once_fired(caller, &witness, so_far + 2).await;
    assert_eq!(list(&caller.get(&tasks).await, "tasks"), left);
    stop(caller, &witness).await;
    // A task of a schedule that is no more ends as any other.
    let id = text(&left[0], "task_id");
    caller
        .post(&format!("/ains/tasks/{id}/cancel"), &json!({"reason": "enough"}))
        .await;
    let task = caller.get(&format!("/ains/tasks/{id}")).await;
    assert_eq!(task["status"], "CANCELLED", "{task}");
}

/// What a preview says will fire: the slots, and when each fires, where it says so.
fn foretold(preview: &Value) -> Vec<(i64, Option<i64>)> {
    let slots = list(preview, "slots");
    let slots = slots.iter().filter(|slot| slot.get("excluded").is_none());
    slots
        .map(|slot| (at(slot), slot.get("fires_at").map(micros)))
        .collect()
}

/// Ways to say when, at an instant: some that go on, and three that come to an end.
const TIMINGS: [fn(i64) -> Value; 7] = [
    |_| json!({"cron_expression": "*/2 * * * * *"}),
    |_| json!({"cron_expression": "0-58/2,59 * * * * MON-SUN", "timezone": "Asia/Kathmandu"}),
    |now| json!({"interval_seconds": 1, "anchor_at": instant(now - 12_345 * SECOND)}),
    |now| json!({"interval_seconds": 2, "anchor_at": instant(now), "jitter_seconds": 2}),
    |_| json!({"cron_expression": "* * * * * *", "max_runs": 2}),
    |now| json!({"run_at": instant(now + 3 * SECOND + 250_000)}),
    |now| {
        json!({"cron_expression": "* * * * * *", "start_at": instant(now + 3 * SECOND + 1),
               "end_at": instant(now + 5 * SECOND)})
    },
];

async fn what_was_previewed_is_what_fires(caller: &Caller) {
    const SLOTS: usize = 3;
    let mut expected = Vec::new();
    for (number, timing) in TIMINGS.iter().enumerate() {
        let timing = timing(now(caller).await / SECOND * SECOND);
        let mut body = a_schedule(&format!("previewed-{number}"), timing.clone());
        body["client_id"] = json!("previewer");
        let id = create(caller, body).await;
        let created = instant(micros(&whole(caller, &id).await["created_at"]));
        let mut asked = timing.clone();
        asked["from"] = json!(created);
        asked["n"] = json!(SLOTS);
        let unsaved = caller.post(&format!("{PATH}/preview"), &asked).await;
        let path = format!("{PATH}/{id}/preview?n={SLOTS}&from={created}");
        let (unsaved, saved) = (foretold(&unsaved), foretold(&caller.get(&path).await));
        let instants = |all: &[(i64, Option<i64>)]| all.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(instants(&unsaved), instants(&saved), "{timing}");
        expected.push((id, saved, timing));
    }
    for (id, mut slots, timing) in expected {
        // A preview does not count what may fire.
        let most = timing["max_runs"]
            .as_u64()
            .map_or(SLOTS, |most| usize::try_from(most).expect("few"));
        slots.truncate(most);
        let book = once_fired(caller, &id, slots.len()).await;
        let fired = &book.fired()[..slots.len()];
        for (slot, (slot_at, fires_at)) in fired.iter().zip(&slots) {
            assert_eq!(at(slot), *slot_at, "{timing}: {book:#?}");
            let fires_at = fires_at.expect("it is known of a schedule that there is");
            assert!(
                micros(&slot["fired_at"]) >= fires_at,
                "{timing}: {slot}, and not at {}",
                instant(fires_at)
            );
            assert!(fires_at >= *slot_at, "{timing}");
        }
        if slots.len() < SLOTS {
            let ended = until(caller, &format!("{PATH}/{id}"), |schedule| {
                schedule["standing"] == "ended"
            })
            .await;
            assert_eq!(ended["fired"], slots.len(), "{ended}");
            assert_eq!(
                Book::read(caller, &id).await.slots.len(),
                slots.len(),
                "and nothing else"
            );
        }
    }
    let path = format!("{PATH}?client_id=previewer&active_only=true");
    let active = list(&caller.get(&path).await, "schedules");
    assert_eq!(active.len(), 4, "three have ended: {active:?}");
}
