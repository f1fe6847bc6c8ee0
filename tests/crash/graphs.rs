//! `kill -9` while a graph is at work, and while the end of one task is carried to thousands.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use ains_testkit::Backend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{Caller, text};
use crate::flow::Flow;
use crate::judge::{Edges, Tasks, When, end, justify, of_graph};
use crate::plan::Plan;
use crate::site::{Server, Site, run};

/// Tasks, kills and the seed of the graph at work, unless the environment says otherwise.
const SIZE: (usize, usize, usize) = (400, 10, 3);

/// Tasks that the end of one is carried to.
const WIDE: usize = 2000;

/// Kills while it is carried.
const ROUNDS: usize = 3;

/// Reads of a task after which its end must be seen.
const GLANCES: usize = 100_000;

#[test]
fn a_graph_goes_on_when_the_server_is_killed_on_sqlite() {
    run(a_graph_goes_on(Backend::Sqlite));
}

#[test]
fn a_graph_goes_on_when_the_server_is_killed_on_postgres() {
    run(a_graph_goes_on(Backend::Postgres));
}

#[test]
fn what_follows_down_a_ladder_is_stored_with_its_cause_or_not_at_all_on_sqlite() {
    run(what_follows_is_stored_with_its_cause(
        Backend::Sqlite,
        Shape::Ladder,
    ));
}

#[test]
fn what_follows_down_a_ladder_is_stored_with_its_cause_or_not_at_all_on_postgres() {
    run(what_follows_is_stored_with_its_cause(
        Backend::Postgres,
        Shape::Ladder,
    ));
}

#[test]
fn what_follows_over_a_fan_is_stored_with_its_cause_or_not_at_all_on_sqlite() {
    run(what_follows_is_stored_with_its_cause(Backend::Sqlite, Shape::Fan));
}

#[test]
fn what_follows_over_a_fan_is_stored_with_its_cause_or_not_at_all_on_postgres() {
    run(what_follows_is_stored_with_its_cause(
        Backend::Postgres,
        Shape::Fan,
    ));
}

async fn a_graph_goes_on(backend: Backend) {
    let Some(site) = Site::new(backend) else { return };
    let tasks = size("AINS_CRASH_GRAPH", SIZE.0);
    let (kills, seed) = (size("AINS_CRASH_KILLS", SIZE.1), size("AINS_CRASH_SEED", SIZE.2));
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let plan = Plan::random(seed as u64, tasks);
    let reports = plan.reports;
    let begun = Instant::now();
    let mut flow = Flow::begin(std::slice::from_ref(&caller), plan).await;
    for kill in 1..=kills {
        // Cancelled tasks that end otherwise make the number uncertain.
        flow.reached(kill * reports * 3 / 4 / (kills + 1)).await;
        for _ in 0..kill % 5 {
            caller.get("/ains/stats").await;
        }
        server.crash();
        server.start_again();
    }
    let worked = begun.elapsed();
    let ways = flow.finish(&caller).await;
    server.terminate();
    tell(&format!(
        "{backend:?}, seed {seed}: {kills} kills, the last after {worked:?}, checked after {:?}: {ways:?}",
        begun.elapsed()
    ));
}

/// How what waits is arranged below the task that ends.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Ladder,
    Fan,
}

/// A graph of which the first task is about to end.
struct Cascade {
    graph: String,
    top: String,
    edges: Edges,
    /// What ends the first task.
    path: String,
    body: Value,
}

impl Cascade {
    /// Submits one; it ends by a failure, or because the client cancels it.
    async fn new(caller: &Caller, shape: Shape, fails: bool, number: usize) -> Self {
        let after = |place: usize| match (place, shape) {
            (0, _) => vec![],
            (1, _) => vec![(0, When::Failure)],
            (2, _) | (_, Shape::Fan) => vec![(0, When::Success)],
            (WIDE, Shape::Ladder) => vec![(WIDE - 1, When::Done)],
            (_, Shape::Ladder) => vec![(place - 1, When::Success)],
        };
        let name = |place: usize| format!("t{place}");
        let task = |place: usize| {
            let after = after(place).into_iter();
            let after: Vec<Value> = after
                .map(|(on, when)| json!({"name": name(on), "when": when.word()}))
                .collect();
            json!({"name": name(place), "depends_on": after})
        };
        let tasks: Vec<Value> = (0..=WIDE).map(task).collect();
        let defaults = json!({"task_type": "cascade", "capability_required": format!("top-{number}:v1")});
        let body = json!({"client_id": "client", "defaults": defaults, "tasks": tasks});
        let created = caller
            .make("/ains/tasks/graph", &body, &format!("graph-{number}"))
            .await;
        let id = |place: usize| text(&created["tasks"], &name(place));
        let edges = (0..=WIDE).map(|place| {
            let after = after(place).into_iter();
            (id(place), after.map(|(on, when)| (id(on), when)).collect())
        });
        let agent = format!("agent-{number}");
        let more = json!({"heartbeat_interval_seconds": 3600});
        caller.register(&agent, &format!("top-{number}:v1"), more).await;
        let claimed = caller.claim(&agent, json!({"wait_seconds": 20})).await;
        assert_eq!(claimed[0]["task_id"], id(0), "{claimed:?}");
        let (how, body) = if fails {
            let report = json!({"agent_id": agent, "attempt": 1, "error_message": "no", "retryable": false});
            ("fail", report)
        } else {
            ("cancel", json!({"reason": "enough"}))
        };
        Self {
            graph: text(&created, "graph_id"),
            top: id(0),
            edges: edges.collect(),
            path: format!("/ains/tasks/{}/{how}", id(0)),
            body,
        }
    }

    /// Asks for the end, and does not wait for an answer.
    fn ask(&self, server: &Server) -> TcpStream {
        let (url, body) = (server.url(), self.body.to_string());
        let address = url.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.path,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the request is sent");
        stream
    }

    /// Reads the first task until its end is seen, or so many times; how many times.
    async fn watch(&self, caller: &Caller, most: usize) -> usize {
        for glance in 0..most {
            let top = caller.get(&format!("/ains/tasks/{}", self.top)).await;
            if end(&top).is_some() {
                return glance;
            }
        }
        most
    }

    /// Whether the first task has ended; if so with all that follows from it, and if not, nothing else has.
    async fn has_happened(&self, caller: &Caller) -> bool {
        let tasks = of_graph(caller, &self.graph).await;
        assert_eq!(tasks.len(), WIDE + 1);
        justify(&tasks, &self.edges);
        let ended = |tasks: &Tasks| tasks.values().filter(|task| end(task).is_some()).count();
        let has = end(&tasks[&self.top]).is_some();
        assert!(
            has || ended(&tasks) == 0,
            "{} have ended, but not the first",
            ended(&tasks)
        );
        has
    }
}

async fn what_follows_is_stored_with_its_cause(backend: Backend, shape: Shape) {
    let Some(site) = Site::new(backend) else { return };
    let mut server = site.serve(&[]);
    let caller = Caller::new([server.url()]);
    let (begun, mut moments) = (Instant::now(), Vec::new());
    // Reads of the first task are the clock: the first round says how many its end takes.
    let mut glances = GLANCES;
    for round in 0..=ROUNDS {
        let cascade = Cascade::new(&caller, shape, round % 2 == 0, round).await;
        let most = match round {
            0 => glances,
            round => glances * (round - 1) / (ROUNDS - 1),
        };
        let mut asked = cascade.ask(&server);
        let seen = cascade.watch(&caller, most).await;
        server.crash();
        let mut answer = Vec::new();
        // Whatever came before the connection broke.
        let _ = asked.read_to_end(&mut answer);
        let was_answered = answer.starts_with(b"HTTP/1.1 200");
        server.start_again();
        let has_happened = cascade.has_happened(&caller).await;
        assert!(has_happened || !was_answered, "an acknowledged end is lost");
        if round == 0 {
            assert!(has_happened, "an end that was seen is lost");
            glances = seen;
        }
        let body = Some(&cascade.body);
        let answer = caller.ask(Method::POST, &cascade.path, body, None).await;
        let is_refused = cascade.path.ends_with("cancel") && has_happened;
        assert_eq!(answer.status, if is_refused { 400 } else { 200 }, "{answer:?}");
        assert!(cascade.has_happened(&caller).await, "it was acknowledged");
        moments.push((seen, has_happened, was_answered));
    }
    server.terminate();
    tell(&format!(
        "{backend:?}, {shape:?}: killed after so many reads, had happened, was answered: {moments:?}, in {:?}",
        begun.elapsed()
    ));
}

#[expect(
    clippy::disallowed_methods,
    reason = "this test is run at other sizes by hand"
)]
fn size(name: &str, usual: usize) -> usize {
    match std::env::var(name) {
        Ok(size) => size
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {size}")),
        Err(_) => usual,
    }
}

#[expect(clippy::print_stderr, reason = "figures for whoever runs it by hand")]
fn tell(text: &str) {
    eprintln!("{text}");
}
