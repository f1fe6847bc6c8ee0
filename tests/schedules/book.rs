//! Makes schedules, reads all that became of them, and holds it against the slots that they must have had.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ains_api::Timestamp;
use ains_testkit::Backend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{Caller, list, text};
use crate::site::{Site, run};

pub(crate) const PATH: &str = "/ains/scheduled-tasks";

/// Who has the schedules, and what their tasks ask for unless somebody says otherwise.
pub(crate) const CLIENT: &str = "client";
pub(crate) const CAPABILITY: &str = "slots:v1";

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

/// How long something may take to come true that time or a server brings about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// How often it is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// Slots and tasks of one page: few, so that there are several pages.
const SLOTS: usize = 7;
const TASKS: usize = 50;

/// Both databases for each of these, each on a server of its own.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $test() { crate::book::on(ains_testkit::Backend::Sqlite, super::$test); })+
        }
        mod postgres {
            $(#[test] fn $test() { crate::book::on(ains_testkit::Backend::Postgres, super::$test); })+
        }
    };
}
pub(crate) use on_both;

/// Runs a test with a caller of one server, which must be sound in the end.
pub(crate) fn on(backend: Backend, test: impl AsyncFnOnce(&Caller)) {
    run(async {
        let Some(site) = Site::new(backend) else { return };
        let mut server = site.serve(&[]);
        test(&Caller::new([server.url()])).await;
        assert!(server.terminate().success());
    });
}

/// The body of a schedule of tasks with this name, with `more` over it.
pub(crate) fn a_schedule(name: &str, more: Value) -> Value {
    let mut body = json!({
        "name": name,
        "client_id": CLIENT,
        "task_type": "slot",
        "capability_required": CAPABILITY,
    });
    let (Value::Object(members), Value::Object(more)) = (&mut body, more) else {
        panic!("`more` is an object");
    };
    members.extend(more);
    body
}

/// Creates a schedule with a name that no other has, and says its id.
pub(crate) async fn create(caller: &Caller, body: Value) -> String {
    let key = format!("schedule {}", text(&body, "name"));
    text(&caller.make(PATH, &body, &key).await, "schedule_id")
}

pub(crate) async fn whole(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("{PATH}/{id}")).await
}

/// Pauses or resumes a schedule; it is at most once done anew, whoever answers.
pub(crate) async fn steer(caller: &Caller, id: &str, how: &str) -> Value {
    caller.post(&format!("{PATH}/{id}/{how}"), &json!({})).await
}

/// Pauses a schedule, and says until when its slots are decided by that.
pub(crate) async fn stop(caller: &Caller, id: &str) -> i64 {
    steer(caller, id, "pause").await;
    let whole = whole(caller, id).await;
    assert_eq!(whole["standing"], "paused", "{whole}");
    micros(&whole["updated_at"])
}

pub(crate) async fn change(caller: &Caller, id: &str, patch: Value) -> Value {
    let path = format!("{PATH}/{id}");
    let answer = caller.ask(Method::PATCH, &path, Some(&patch), None).await;
    assert_eq!(answer.status, 200, "{patch}: {answer:?}");
    answer.body
}

/// What is at `path`, once it is as it shall be.
pub(crate) async fn until(caller: &Caller, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let shown = caller.get(path).await;
        if enough(&shown) {
            return shown;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "waited {PATIENCE:?} for something of {path}: {shown}"
        );
        tokio::time::sleep(GLANCE).await;
    }
}

/// The book of a schedule, once it is as it shall be.
pub(crate) async fn book_when(caller: &Caller, id: &str, enough: impl Fn(&Book) -> bool) -> Book {
    let begun = Instant::now();
    loop {
        let book = Book::read(caller, id).await;
        if enough(&book) {
            return book;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?}: {book:#?}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// The book of a schedule, once so many of its slots have fired.
pub(crate) async fn once_fired(caller: &Caller, id: &str, slots: usize) -> Book {
    book_when(caller, id, |book| book.fired().len() >= slots).await
}

/// The time of the server.
pub(crate) async fn now(caller: &Caller) -> i64 {
    micros(&caller.get("/health/aitp").await["timestamp"])
}

/// The microseconds of an instant.
#[track_caller]
pub(crate) fn micros(value: &Value) -> i64 {
    let instant = value.as_str().and_then(Timestamp::parse);
    instant
        .unwrap_or_else(|| panic!("not an instant: {value}"))
        .as_micros()
}

/// An instant as it is sent.
pub(crate) fn instant(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}

/// The slots of so many seconds after `from` until `to`, of which one is at `anchor`.
pub(crate) fn every(seconds: i64, anchor: i64, from: i64, to: i64) -> Vec<i64> {
    let step = seconds * SECOND;
    let (before, last) = ((from - anchor).div_euclid(step), (to - anchor).div_euclid(step));
    (before + 1..=last).map(|place| anchor + place * step).collect()
}

/// All that is known of a schedule and its slots.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) schedule: Value,
    /// What became of its slots, in order.
    pub(crate) slots: Vec<Value>,
}

impl Book {
    /// Reads every page, from the newest slot to the oldest.
    pub(crate) async fn read(caller: &Caller, id: &str) -> Self {
        let (mut slots, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{PATH}/{id}/slots?limit={SLOTS}{cursor}");
            let page = caller.get(&path).await;
            let shown = list(&page, "slots");
            assert!(shown.len() <= SLOTS, "{path}: {page}");
            slots.extend(shown);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        slots.reverse();
        let instants: Vec<i64> = slots.iter().map(at).collect();
        assert!(instants.is_sorted_by(|a, b| a < b), "out of order: {slots:#?}");
        let schedule = whole(caller, id).await;
        Self { schedule, slots }
    }

    fn in_state(&self, state: &str) -> Vec<&Value> {
        self.slots.iter().filter(|slot| slot["state"] == state).collect()
    }

    /// The slots that fired, in order.
    pub(crate) fn fired(&self) -> Vec<&Value> {
        self.in_state("fired")
    }

    /// How many slots are in a state, whether each has a record of its own or not.
    pub(crate) fn count(&self, state: &str) -> u64 {
        let counts = self.in_state(state).into_iter().map(|slot| &slot["count"]);
        counts.map(|count| count.as_u64().expect("a number")).sum()
    }

    /// What became of each of `expected`. Each must be in exactly one record, and none may be of another slot, but of
    /// runs that somebody asked for.
    pub(crate) fn account(&self, expected: &[i64]) -> BTreeMap<i64, &Value> {
        let expected: BTreeSet<i64> = expected.iter().copied().collect();
        let mut known = BTreeMap::new();
        for slot in self.slots.iter().filter(|slot| slot["kind"] != "run_now") {
            check_form(slot);
            let first = at(slot);
            let last = slot.get("until").map_or(first, micros);
            let covered: Vec<i64> = expected.range(first..=last).copied().collect();
            let ends = (covered.first(), covered.last());
            assert_eq!(ends, (Some(&first), Some(&last)), "these are no slots: {slot}");
            assert_eq!(slot["count"], covered.len(), "{slot} tells of {covered:?}");
            for slot_at in covered {
                let before = known.insert(slot_at, slot);
                assert_eq!(before, None, "{} twice: {slot}", instant(slot_at));
            }
        }
        let lost: Vec<String> = expected
            .iter()
            .filter(|at| !known.contains_key(at))
            .map(|at| instant(*at))
            .collect();
        assert!(lost.is_empty(), "nothing is known of {lost:?}: {self:#?}");
        known
    }

    /// There is one task for each slot that fired, which says so, and none besides.
    pub(crate) async fn check_tasks(&self, caller: &Caller) -> BTreeMap<String, Value> {
        let tasks = tasks_of(caller, &text(&self.schedule, "schedule_id")).await;
        let fired = self.fired();
        let made: BTreeMap<String, &Value> =
            fired.iter().map(|slot| (text(slot, "task_id"), *slot)).collect();
        assert_eq!(made.len(), fired.len(), "a task of two slots: {fired:#?}");
        let ids = |all: Vec<&String>| -> BTreeSet<String> { all.into_iter().cloned().collect() };
        assert_eq!(ids(tasks.keys().collect()), ids(made.keys().collect()));
        for (id, task) in &tasks {
            assert_eq!(task["metadata"]["slot_at"], made[id]["slot_at"], "{task}");
            assert_eq!(task["created_at"], made[id]["fired_at"], "{task}");
        }
        tasks
    }
}

/// A slot that fired has made one thing, and any other says why it has not.
fn check_form(slot: &Value) {
    let made = ["task_id", "chain_id"].map(|name| slot.get(name).is_some());
    if slot["state"] == "fired" {
        assert!(made[0] != made[1], "{slot}");
        assert!(micros(&slot["fired_at"]) >= at(slot), "before its time: {slot}");
        assert_eq!((&slot["count"], slot.get("until")), (&json!(1), None), "{slot}");
    } else {
        let says_why = slot["reason"].as_str().is_some_and(|reason| !reason.is_empty());
        assert!(says_why && made == [false; 2], "{slot}");
        assert_eq!(slot.get("fired_at"), None, "{slot}");
    }
}

/// When a slot is.
#[track_caller]
pub(crate) fn at(slot: &Value) -> i64 {
    micros(&slot["slot_at"])
}

/// How much later than that it fired.
#[track_caller]
pub(crate) fn lateness(slot: &Value) -> Duration {
    let late = micros(&slot["fired_at"]) - at(slot);
    Duration::from_micros(u64::try_from(late).expect("not before its time"))
}

/// Every task that a schedule made, by its id.
async fn tasks_of(caller: &Caller, id: &str) -> BTreeMap<String, Value> {
    let (mut tasks, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/ains/tasks?schedule_id={id}&limit={TASKS}{cursor}");
        let page = caller.get(&path).await;
        for task in list(&page, "tasks") {
            assert_eq!(task["schedule_id"], id, "{task}");
            let before = tasks.insert(text(&task, "task_id"), task);
            assert_eq!(before, None, "shown twice");
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return tasks,
        }
    }
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it by hand")]
pub(crate) fn tell(text: &str) {
    eprintln!("{text}");
}
