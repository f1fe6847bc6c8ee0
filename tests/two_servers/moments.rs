//! Moments that meet: somebody comes to wait for a task while it ends, and a task gets another chance while what it waits
//! for ends. Each is asked of another server, or of another writer of one.

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::caller::{Caller, text};
use crate::graphs::{finish, node, read, register, submit, submit_graph, with_two};
use crate::judge::{Ending, When, end, of_graph};
use crate::site::{Site, run};

/// Rounds of a test that go on side by side, and rounds of each.
const LANES: usize = 4;
const MOMENTS: usize = 54;
const PARTINGS: usize = 27;
const RETRIES: usize = 4;

#[test]
fn who_comes_to_wait_while_it_ends_at_the_other_server_hears_of_it() {
    run(with_two(who_comes_to_wait_hears_of_the_end));
}

#[test]
fn who_comes_to_wait_while_it_ends_by_another_writer_hears_of_it() {
    run(with_one(Backend::Postgres, who_comes_to_wait_hears_of_the_end));
}

#[test]
fn who_comes_to_wait_while_it_ends_hears_of_it_on_sqlite() {
    run(with_one(Backend::Sqlite, who_comes_to_wait_hears_of_the_end));
}

#[test]
fn who_waits_no_more_does_not_hear_of_the_end_at_the_other_server() {
    run(with_two(who_waits_no_more_does_not_hear_of_the_end));
}

#[test]
fn who_waits_no_more_does_not_hear_of_the_end_by_another_writer() {
    run(with_one(
        Backend::Postgres,
        who_waits_no_more_does_not_hear_of_the_end,
    ));
}

#[test]
fn who_waits_no_more_does_not_hear_of_the_end_on_sqlite() {
    run(with_one(
        Backend::Sqlite,
        who_waits_no_more_does_not_hear_of_the_end,
    ));
}

#[test]
fn a_retry_meets_what_ends_at_the_other_server() {
    run(with_two(a_retry_meets_what_ends));
}

#[test]
fn a_retry_meets_what_ends_by_another_writer() {
    run(with_one(Backend::Postgres, a_retry_meets_what_ends));
}

#[test]
fn a_retry_meets_what_ends_on_sqlite() {
    run(with_one(Backend::Sqlite, a_retry_meets_what_ends));
}

/// One server, with several writers where there can be, and a caller that stands for two.
async fn with_one(backend: Backend, test: impl AsyncFnOnce([&Caller; 2])) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[("AINS_PG_WRITERS", "4")]);
    let caller = Caller::new([server.url()]);
    test([&caller, &caller]).await;
    assert!(server.terminate().success());
}

/// Lets several lanes run at the same time, each with an agent and a tag of its own; the two servers change places from
/// lane to lane and from round to round.
async fn in_lanes<F>(callers: [&Caller; 2], rounds: usize, round: impl Fn([Caller; 2], Lane, usize) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        let lane = Lane {
            number,
            agent: format!("agent-{number}"),
            tag: format!("lane-{number}:v1"),
        };
        register(callers, &lane.agent, &lane.tag, 10).await;
        let rounds: Vec<F> = (0..rounds)
            .map(|place| {
                let [near, far] = [callers[(number + place) % 2], callers[(number + place + 1) % 2]];
                round([near.clone(), far.clone()], lane.clone(), place)
            })
            .collect();
        lanes.spawn(async move {
            for round in rounds {
                round.await;
            }
        });
    }
    while let Some(ended) = lanes.join_next().await {
        ended.expect("no lane fails");
    }
}

/// Rounds one after the other.
#[derive(Debug, Clone)]
struct Lane {
    number: usize,
    agent: String,
    tag: String,
}

/// The one task that an agent gets that asks for it.
async fn take(caller: &Caller, agent: &str) -> Value {
    let mut tasks = caller.claim(agent, json!({"max": 1, "wait_seconds": 20})).await;
    assert_eq!(tasks.len(), 1, "{agent} waits in vain");
    tasks.remove(0)
}

/// How somebody comes to wait for a task.
#[derive(Debug, Clone, Copy)]
enum Arrival {
    Alone,
    WithAGraph,
    ByAChange,
}

async fn who_comes_to_wait_hears_of_the_end(callers: [&Caller; 2]) {
    // Nobody does this one.
    let never = submit(callers[0], "nobody:v1", json!([]), "never").await;
    in_lanes(callers, MOMENTS, |[near, far], lane, round| {
        let never = never.clone();
        async move {
            let arrival = [Arrival::Alone, Arrival::WithAGraph, Arrival::ByAChange][round % 3];
            let ending = [Ending::Completed, Ending::Failed, Ending::Cancelled][round / 3 % 3];
            let when = When::ALL[round / 9 % 3];
            let key = format!("{}-{round}", lane.number);
            meets_the_end([&near, &far], &lane, &never, (arrival, ending, when), &key).await;
        }
    })
    .await;
}

/// Changes what a task waits for; whether it waited still.
async fn change(caller: &Caller, id: &str, depends_on: Value) -> bool {
    let (path, body) = (format!("/ains/tasks/{id}"), json!({"depends_on": depends_on}));
    let answer = caller.ask(Method::PATCH, &path, Some(&body), None).await;
    assert!(matches!(answer.status, 200 | 409), "{answer:?}");
    answer.status == 200
}

/// Somebody comes to wait for a task at one server while it ends at the other, and must have heard of it once both are
/// answered.
async fn meets_the_end(
    [near, far]: [&Caller; 2],
    Lane { agent, tag, .. }: &Lane,
    never: &str,
    (arrival, ending, when): (Arrival, Ending, When),
    key: &str,
) {
    let parent = submit(near, tag, json!([]), &format!("parent-{key}")).await;
    let held = take(near, agent).await;
    assert_eq!(held["task_id"], parent);
    let (key, edges) = (
        format!("child-{key}"),
        json!([{"task_id": parent, "when": when.word()}]),
    );
    let waiting = match arrival {
        Arrival::ByAChange => submit(far, tag, json!([never]), &key).await,
        Arrival::Alone | Arrival::WithAGraph => String::new(),
    };
    let come = async {
        match arrival {
            Arrival::Alone => submit(far, tag, edges, &key).await,
            Arrival::WithAGraph => {
                let task = json!({"name": "child", "depends_on": edges});
                text(&submit_graph(far, tag, &[task], &key).await.1, "child")
            }
            Arrival::ByAChange => {
                assert!(change(far, &waiting, edges).await, "{waiting} waits for nothing");
                waiting.clone()
            }
        }
    };
    let (child, ()) = tokio::join!(come, finish(near, agent, &held, ending));
    let shown = read(near, &child).await;
    let what = || format!("{arrival:?}, {ending:?}, {when:?}: {shown}");
    let counted = (&shown["is_blocked"], &shown["unresolved_dependencies"]);
    assert_eq!(counted, (&json!(false), &json!(0)), "{}", what());
    assert_eq!(
        end(&shown).map(|(ending, _)| ending),
        when.after(ending),
        "{}",
        what()
    );
    if end(&shown).is_none() {
        let taken = take(far, agent).await;
        assert_eq!(
            (&taken["task_id"], &taken["attempt"]),
            (&json!(child), &json!(1)),
            "{}",
            what()
        );
        far.complete(agent, &taken, &json!({})).await;
    }
}

async fn who_waits_no_more_does_not_hear_of_the_end(callers: [&Caller; 2]) {
    let never = submit(callers[0], "nobody:v1", json!([]), "never").await;
    in_lanes(callers, PARTINGS, |[near, far], lane, round| {
        let never = never.clone();
        async move {
            // Mostly well: what fails may be faster.
            let ending = [Ending::Completed, Ending::Completed, Ending::Failed][round % 3];
            let when = When::ALL[round / 3 % 3];
            let key = format!("{}-{round}", lane.number);
            goes_before_the_end([&near, &far], &lane, &never, (ending, when), &key).await;
        }
    })
    .await;
}

/// Somebody comes to wait for a task, and at once does not any more, while the task ends: what is left is what waited
/// for before, unless the end was faster.
async fn goes_before_the_end(
    [near, far]: [&Caller; 2],
    Lane { agent, tag, .. }: &Lane,
    never: &str,
    (ending, when): (Ending, When),
    key: &str,
) {
    let parent = submit(near, tag, json!([]), &format!("left-{key}")).await;
    let held = take(near, agent).await;
    let child = submit(far, tag, json!([never]), &format!("leaving-{key}")).await;
    let come_and_go = async {
        let edges = json!([never, {"task_id": parent, "when": when.word()}]);
        change(far, &child, edges).await && change(far, &child, json!([never])).await
    };
    let (waits, ()) = tokio::join!(come_and_go, finish(near, agent, &held, ending));
    let shown = read(near, &child).await;
    if waits {
        let stands = ["depends_on", "is_blocked", "unresolved_dependencies"].map(|name| &shown[name]);
        assert_eq!(stands, [&json!([never]), &json!(true), &json!(1)], "{shown}");
    } else {
        let how = end(&shown).map(|(how, _)| how);
        assert!(
            how.is_some() && how == when.after(ending),
            "{ending:?}, {when:?}: {shown}"
        );
    }
}

async fn a_retry_meets_what_ends(callers: [&Caller; 2]) {
    in_lanes(callers, RETRIES, |[near, far], lane, round| async move {
        let key = format!("retry-{}-{round}", lane.number);
        retry_with_all([&near, &far], &lane, &key).await;
        for more in 0..RETRIES {
            retry_alone([&near, &far], &lane, &format!("{key}-{more}")).await;
        }
    })
    .await;
}

/// Asks for another chance.
async fn retry(caller: &Caller, id: &str, cascade: bool) {
    let path = format!("/ains/tasks/{id}/retry?cascade={cascade}");
    let answer = caller.ask(Method::POST, &path, None, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// A task that failed because of one of two that it waits for gets another chance while the second ends: it waits for
/// nothing any more.
async fn retry_alone([near, far]: [&Caller; 2], Lane { agent, tag, .. }: &Lane, key: &str) {
    let after = ["bad", "good"].map(|name| (name.to_owned(), When::Success));
    let tasks = [node("bad", &[]), node("good", &[]), node("child", &after)];
    let (_, ids) = submit_graph(near, tag, &tasks, key).await;
    let (bad, child) = (text(&ids, "bad"), text(&ids, "child"));
    let mut held = [take(near, agent).await, take(near, agent).await];
    held.sort_by_key(|task| task["task_id"] != *bad);
    finish(near, agent, &held[0], Ending::Failed).await;
    assert_eq!(read(far, &child).await["status"], "FAILED");
    tokio::join!(
        retry(near, &child, false),
        finish(far, agent, &held[1], Ending::Completed)
    );
    let shown = read(near, &child).await;
    let counted = (&shown["is_blocked"], &shown["unresolved_dependencies"]);
    assert_eq!(counted, (&json!(false), &json!(0)), "{shown}");
    let taken = take(far, agent).await;
    assert_eq!(taken["task_id"], child);
    finish(near, agent, &taken, Ending::Completed).await;
}

/// How the four others end that wait with the root: two well and one badly while the root is retried, one well later.
const OTHERS: usize = 4;
const BAD: usize = 2;
const LATE: usize = 3;

/// `child-i` waits for the root and for `other-i`, and `last` for all children. The root fails, and them with it; then
/// it is retried with them while others end.
async fn retry_with_all([near, far]: [&Caller; 2], Lane { agent, tag, .. }: &Lane, key: &str) {
    let name = |kind: &str, number: usize| (format!("{kind}-{number}"), When::Success);
    let mut tasks = vec![node("root", &[])];
    for number in 0..OTHERS {
        let (other, child) = (name("other", number), name("child", number));
        tasks.push(node(&other.0, &[]));
        tasks.push(node(&child.0, &[("root".to_owned(), When::Success), other]));
    }
    let children: Vec<(String, When)> = (0..OTHERS).map(|number| name("child", number)).collect();
    tasks.push(node("last", &children));
    let (graph, ids) = submit_graph(near, tag, &tasks, key).await;
    let id = |(name, _): (String, When)| text(&ids, &name);
    let (root, last) = (text(&ids, "root"), text(&ids, "last"));
    let mut held = Vec::new();
    while held.len() < OTHERS + 1 {
        held.extend(near.claim(agent, json!({"max": 10, "wait_seconds": 20})).await);
    }
    let of = |held: &[Value], id: &str| {
        let found = held.iter().find(|task| task["task_id"] == id);
        found
            .unwrap_or_else(|| panic!("{id} was not handed out: {held:?}"))
            .clone()
    };
    let others: Vec<Value> = (0..OTHERS)
        .map(|number| of(&held, &id(name("other", number))))
        .collect();

    finish(far, agent, &of(&held, &root), Ending::Failed).await;
    let failed = |how: &str, on: &str| json!(["FAILED", format!("Dependency task {on} {how}")]);
    let stands = |task: &Value| json!([task["status"], task["error_message"]]);
    for number in 0..OTHERS {
        let child = read(near, &id(name("child", number))).await;
        assert_eq!(stands(&child), failed("failed", &root), "{child}");
    }
    assert_eq!(read(near, &last).await["status"], "FAILED");

    tokio::join!(
        retry(near, &root, true),
        finish(near, agent, &others[0], Ending::Completed),
        finish(far, agent, &others[1], Ending::Completed),
        finish(far, agent, &others[BAD], Ending::Failed),
    );
    for number in 0..OTHERS {
        let child = read(far, &id(name("child", number))).await;
        let open = match number {
            BAD => {
                let because = failed("failed", &id(name("other", BAD)));
                assert_eq!(stands(&child), because, "{child}");
                continue;
            }
            LATE => 2,
            _ => 1,
        };
        let counted = (&child["is_blocked"], &child["unresolved_dependencies"]);
        assert_eq!(counted, (&json!(true), &json!(open)), "child {number}: {child}");
    }
    let task = read(far, &last).await;
    assert_eq!(stands(&task), failed("failed", &id(name("child", BAD))), "{task}");

    let again = take(far, agent).await;
    assert_eq!((&again["task_id"], &again["attempt"]), (&json!(root), &json!(2)));
    tokio::join!(
        finish(near, agent, &again, Ending::Completed),
        finish(far, agent, &others[LATE], Ending::Completed),
    );
    let mut handed = Vec::new();
    while handed.len() < OTHERS - 1 {
        handed.push(take(near, agent).await);
    }
    for task in &handed {
        assert_eq!(
            (&task["attempt"], &task["unresolved_dependencies"]),
            (&json!(1), &json!(0)),
            "{task}"
        );
        far.complete(agent, task, &json!({})).await;
    }
    let mut handed: Vec<String> = handed.iter().map(|task| text(task, "task_id")).collect();
    handed.sort_unstable();
    let free = (0..OTHERS).filter(|number| *number != BAD);
    assert_eq!(
        handed,
        free.map(|number| id(name("child", number))).collect::<Vec<_>>()
    );
    let tasks = of_graph(far, &graph).await;
    let open: Vec<&Value> = tasks.values().filter(|task| end(task).is_none()).collect();
    assert!(open.is_empty(), "{open:?}");
}
