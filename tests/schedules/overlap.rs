//! What becomes of slots while an agent holds the task of an earlier one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::book::{Book, PATH, a_schedule, at, book_when, create, every, micros, on_both, once_fired, stop};
use crate::caller::{Answer, Caller, text};

on_both!(an_agent_that_holds_its_task_keeps_others_from_it_as_asked);

const UNFINISHED: &str = "an earlier run was unfinished";
const NEWER: &str = "a newer slot took its place";

/// All at the same time, for most of it is waiting for slots.
async fn an_agent_that_holds_its_task_keeps_others_from_it_as_asked(caller: &Caller) {
    tokio::join!(
        all_are_allowed(caller),
        the_others_are_skipped(caller),
        the_newest_waits(caller),
        all_wait(caller),
        the_one_before_is_cancelled(caller),
    );
}

/// A schedule with a slot every second, and an agent that has begun with the task of the first.
struct Held<'caller> {
    caller: &'caller Caller,
    agent: String,
    schedule: String,
    task: Value,
}

impl<'caller> Held<'caller> {
    async fn new(caller: &'caller Caller, policy: &str) -> Self {
        let (agent, capability) = (format!("agent-{policy}"), format!("{policy}:v1"));
        let more = json!({"heartbeat_interval_seconds": 3600});
        caller.register(&agent, &capability, more).await;
        // From now on it is given nothing that it does not claim.
        assert!(caller.claim(&agent, json!({})).await.is_empty());
        let more = json!({
            "interval_seconds": 1,
            "overlap_policy": policy,
            "capability_required": capability,
        });
        let schedule = create(caller, a_schedule(policy, more)).await;
        let mut held = Self {
            caller,
            agent,
            schedule,
            task: Value::Null,
        };
        held.task = held.take().await;
        let fired = held
            .book()
            .await
            .fired()
            .first()
            .map(|slot| text(slot, "task_id"));
        assert_eq!(fired, Some(text(&held.task, "task_id")));
        held
    }

    /// The next task.
    async fn take(&self) -> Value {
        let claim = json!({"max": 1, "wait_seconds": 20});
        let task = self.caller.claim(&self.agent, claim).await.pop();
        let task = task.unwrap_or_else(|| panic!("{} waits in vain", self.agent));
        assert_eq!(task["schedule_id"], self.schedule, "{task}");
        task
    }

    async fn complete(&self) {
        self.caller.complete(&self.agent, &self.task, &json!({})).await;
    }

    async fn run_now(&self) -> Answer {
        let path = format!("{PATH}/{}/run-now", self.schedule);
        self.caller.ask(Method::POST, &path, None, None).await
    }

    async fn book(&self) -> Book {
        Book::read(self.caller, &self.schedule).await
    }

    async fn book_when(&self, enough: impl Fn(&Book) -> bool) -> Book {
        book_when(self.caller, &self.schedule, enough).await
    }

    /// Ends it all; every slot that there was is accounted for.
    async fn end(&self) -> Book {
        let until = stop(self.caller, &self.schedule).await;
        let book = self.book().await;
        let anchor = micros(&book.schedule["anchor_at"]);
        let created = micros(&book.schedule["created_at"]);
        book.account(&every(1, anchor, created, until));
        book.check_tasks(self.caller).await;
        book
    }
}

/// The instants of the first slots that fired.
fn fired(book: &Book) -> Vec<i64> {
    book.fired().into_iter().map(at).collect()
}

async fn all_are_allowed(caller: &Caller) {
    let held = Held::new(caller, "allow_all").await;
    once_fired(caller, &held.schedule, 4).await;
    let ran = held.run_now().await;
    assert_eq!(
        (ran.status, &ran.body["state"]),
        (200, &json!("fired")),
        "{ran:?}"
    );
    held.complete().await;
    let book = held.end().await;
    let schedule = &book.schedule;
    assert_eq!(
        (&schedule["total_runs"], &schedule["open_runs"]),
        (&json!(1), &json!(book.fired().len() - 1))
    );
    // What was asked for is none of them.
    assert_eq!(schedule["fired"], book.fired().len() - 1, "{schedule}");
    let others = book.slots.iter().filter(|slot| slot["state"] != "fired");
    for other in others {
        assert_eq!(other["reason"], "the schedule was paused", "{other}");
    }
}

async fn the_others_are_skipped(caller: &Caller) {
    let held = Held::new(caller, "skip").await;
    held.book_when(|book| book.count("skipped") >= 3).await;
    let ran = held.run_now().await;
    assert_eq!(ran.status, 409, "{ran:?}");
    assert!(text(&ran.body, "detail").contains(UNFINISHED), "{ran:?}");
    assert_eq!(held.book().await.fired().len(), 1);
    held.complete().await;
    let after = once_fired(caller, &held.schedule, 2).await;
    let [first, second] = fired(&after)[..] else {
        panic!("one after the other: {after:#?}");
    };
    let between = after
        .slots
        .iter()
        .filter(|slot| (first + 1..second).contains(&at(slot)));
    for slot in between {
        assert_eq!(
            (&slot["state"], &slot["reason"]),
            (&json!("skipped"), &json!(UNFINISHED)),
            "{slot}"
        );
    }
    held.end().await;
}

async fn the_newest_waits(caller: &Caller) {
    let held = Held::new(caller, "buffer_one").await;
    let waiting = held.book_when(|book| book.count("dropped") >= 2).await;
    assert_eq!(waiting.fired().len(), 1, "{waiting:#?}");
    // It was read in pages, between which a slot may have come.
    assert!(waiting.count("buffered") <= 2, "{waiting:#?}");
    held.complete().await;
    let next = held.take().await;
    let book = held.end().await;
    let fired = book.fired();
    let [_, second, ..] = fired[..] else {
        panic!("one after the other: {book:#?}");
    };
    assert_eq!(second["task_id"], next["task_id"]);
    assert!(
        at(second) >= at(waiting.slots.last().expect("it has slots")),
        "the newest: {book:#?}"
    );
    for slot in book.slots.iter().filter(|slot| at(slot) < at(second)).skip(1) {
        assert_eq!(
            (&slot["state"], &slot["reason"]),
            (&json!("dropped"), &json!(NEWER)),
            "{slot}"
        );
    }
}

async fn all_wait(caller: &Caller) {
    let mut held = Held::new(caller, "buffer_all").await;
    let ran = held.run_now().await;
    assert_eq!(
        (ran.status, &ran.body["state"], &ran.body["reason"]),
        (202, &json!("buffered"), &json!(UNFINISHED)),
        "{ran:?}"
    );
    let waiting = held.book_when(|book| book.count("buffered") >= 4).await;
    assert_eq!(waiting.fired().len(), 1, "{waiting:#?}");
    assert!(
        waiting.schedule["buffered"].as_u64() >= Some(4),
        "{}",
        waiting.schedule
    );
    for slot in &waiting.slots[1..4] {
        held.complete().await;
        held.task = held.take().await;
        assert_eq!(
            held.task["metadata"]["slot_at"], slot["slot_at"],
            "the oldest goes first"
        );
    }
    let book = held.end().await;
    assert_eq!(book.schedule["total_runs"], 3, "{}", book.schedule);
    let kinds: Vec<&Value> = book.fired().iter().map(|slot| &slot["kind"]).collect();
    assert!(kinds.contains(&&json!("run_now")), "{book:#?}");
}

async fn the_one_before_is_cancelled(caller: &Caller) {
    let held = Held::new(caller, "cancel_other").await;
    let id = text(&held.task, "task_id");
    let ended = caller.get(&format!("/ains/tasks/{id}?wait_seconds=30")).await;
    assert_eq!(
        (&ended["status"], &ended["cancel_reason"]),
        (&json!("CANCELLED"), &json!("a newer slot of its schedule came")),
        "{ended}"
    );
    let body = json!({"agent_id": held.agent, "attempt": held.task["attempt"], "result_data": {}});
    let path = format!("/ains/tasks/{id}/complete");
    let refused = caller.ask(Method::POST, &path, Some(&body), None).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    once_fired(caller, &held.schedule, 4).await;
    let book = held.end().await;
    let (last, others) = book
        .fired()
        .split_last()
        .map(|(last, others)| (*last, others.to_vec()))
        .expect("some");
    assert_eq!(last.get("outcome"), None, "{last}");
    for pair in book.fired().windows(2) {
        assert_eq!(
            (&pair[0]["outcome"], &pair[0]["ended_at"]),
            (&json!("CANCELLED"), &pair[1]["fired_at"]),
            "in the same transaction: {pair:?}"
        );
    }
    let schedule = &book.schedule;
    let counts = ["open_runs", "total_runs", "successful_runs", "failed_runs"].map(|name| &schedule[name]);
    assert_eq!(
        counts,
        [&json!(1), &json!(others.len()), &json!(0), &json!(0)],
        "{schedule}"
    );
}
