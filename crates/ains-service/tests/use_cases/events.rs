//! Following what happens: in order, nothing missing, nothing twice.

use std::sync::Arc;
use std::time::Duration;

use ains_core::agent::HeartbeatStatus;
use ains_core::schedule::Overlap;
use ains_core::task::{Failure, Report, ReportKind};
use ains_core::{AgentId, EventTypes, TaskId};
use ains_service::{
    Delivery, EventFilter, EventId, Followed, Follower, Happening, Heartbeat, Progress, Settings, Steer,
};
use ains_store::{Options, Store};
use ains_testkit::{Backend, TestDb};
use serde_json::Value;

use crate::chains::a_step;
use crate::schedules::{at, every, pause};
use crate::world::{World, a_task, failed, tell};

ains_testkit::contract!(
    everything_that_happens_to_a_task_is_told_in_order,
    what_is_refused_or_repeated_is_not_told,
    who_comes_back_goes_on_where_it_was,
    what_is_not_kept_any_more_leaves_a_gap,
    a_filter_lets_through_what_it_says,
    a_chain_is_told_of_with_its_tasks,
    a_schedule_tells_what_became_of_its_slots,
    an_agent_that_falls_silent_is_told_of,
    who_does_not_listen_is_let_go_alone,
    what_is_not_kept_is_heard_all_the_same,
);

/// Everything there is.
fn all() -> EventFilter {
    EventFilter::default()
}

fn only(types: &str) -> EventFilter {
    EventFilter {
        types: EventTypes::named(types.split(',')).unwrap(),
        ..EventFilter::default()
    }
}

/// What a follower hears next. What is never told fails a test, and does not let it wait for ever.
pub(crate) async fn next(follower: &mut Follower) -> Option<Followed> {
    let next = tokio::time::timeout(Duration::from_secs(30), follower.next());
    next.await.expect("something is told").unwrap()
}

/// The next `count` events.
async fn hear(follower: &mut Follower, count: usize) -> Vec<Arc<Happening>> {
    let mut heard = Vec::new();
    while heard.len() < count {
        match next(follower).await {
            Some(Followed::Events(events)) => heard.extend(events),
            other => panic!("{other:?} after {heard:?}"),
        }
    }
    assert_eq!(heard.len(), count, "{heard:?}");
    heard
}

fn kinds(heard: &[Arc<Happening>]) -> Vec<&'static str> {
    heard
        .iter()
        .map(|happening| happening.event.kind.as_str())
        .collect()
}

fn data(happening: &Happening) -> Value {
    serde_json::from_str(&happening.event.data).unwrap()
}

/// A task from its submission to its end: created, assigned, started, completed.
async fn a_life(world: &World, agent: &AgentId) -> TaskId {
    let task = world.submit("c", 1).await.remove(0);
    world.end(agent, task.id, ReportKind::Complete).await;
    task.id
}

fn everything_that_happens_to_a_task_is_told_in_order(db: &TestDb) {
    tell(db, |world| async move {
        let mut follower = world.ains.follow(all(), None).await.unwrap();
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let task = world.submit("c", 1).await.remove(0);
        assert_eq!(world.claim(&agent, 1).await.len(), 1);
        let progress = Delivery {
            report: Report {
                task: task.id,
                agent: agent.clone(),
                attempt: Some(1),
                kind: ReportKind::Progress,
            },
            result: None,
            usage: None,
            progress: Some(Progress {
                percent: Some(50.0),
                data: Some("{\n  \"page\":\r\n 3}".into()),
                ..Progress::default()
            }),
        };
        world.ains.report(progress, None).await.unwrap();
        world
            .report(&agent, task.id, 1, failed("the line is busy"))
            .await
            .unwrap();
        world.wait(60);
        world.ains.check_timeouts().await.unwrap();
        let failure = ReportKind::Fail(Failure {
            message: "broken".to_owned(),
            retryable: Some(false),
            ..Failure::default()
        });
        world.end(&agent, task.id, failure).await;
        world.ains.retry(task.id, false).await.unwrap();
        world.ains.cancel(task.id, "enough".into(), None).await.unwrap();

        let heard = hear(&mut follower, 11).await;
        assert_eq!(
            kinds(&heard),
            [
                "agent.registered",
                "task.created",
                "task.assigned",
                "task.started",
                "task.progress",
                "task.retrying",
                "task.assigned",
                "task.started",
                "task.failed",
                "task.retrying",
                "task.cancelled",
            ]
        );
        assert!(heard.is_sorted_by(|one, other| one.id < other.id));
        let of_task = &heard[1..];
        assert!(of_task.iter().all(|happening| {
            let event = &happening.event;
            event.subject == task.id.to_string() && event.client.as_ref() == Some(&task.client)
        }));
        let told: Vec<Value> = of_task.iter().map(|happening| data(happening)).collect();
        let member = |name: &str| told.iter().map(|data| data[name].clone()).collect::<Vec<_>>();
        assert_eq!(
            member("status"),
            [
                "PENDING",
                "ASSIGNED",
                "ACTIVE",
                "ACTIVE",
                "PENDING",
                "ASSIGNED",
                "ACTIVE",
                "FAILED",
                "PENDING",
                "CANCELLED"
            ]
        );
        assert_eq!(member("attempt"), [0, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
        assert_eq!(told[3]["progress"]["percent"], 50.0);
        assert_eq!(told[3]["progress"]["data"]["page"], 3);
        assert!(!heard[4].event.data.contains(['\n', '\r']), "it fits a line");
        assert_eq!(told[4]["error_message"], "the line is busy");
        assert_eq!(told[4]["assigned_agent_id"], "a");
        assert_eq!(told[7]["error_message"], "broken");
        assert_eq!(told[9]["error_message"], "enough");
        assert_eq!(told[9]["completed_at"], told[9]["completed_at"].as_str().unwrap());
    });
}

fn what_is_refused_or_repeated_is_not_told(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let mut follower = world.ains.follow(all(), None).await.unwrap();
        let task = a_life(&world, &agent).await;
        world.report(&agent, task, 1, ReportKind::Complete).await.unwrap();
        assert!(world.report(&agent, task, 1, failed("late")).await.is_err());
        assert!(world.ains.cancel(task, "late".into(), None).await.is_err());
        let last = world.submit("c", 1).await.remove(0);
        let heard = hear(&mut follower, 5).await;
        let told = [
            "task.created",
            "task.assigned",
            "task.started",
            "task.completed",
            "task.created",
        ];
        assert_eq!(kinds(&heard), told);
        assert_eq!(heard[4].event.subject, last.id.to_string());
    });
}

fn who_comes_back_goes_on_where_it_was(db: &TestDb) {
    tell(db, |world| async move {
        let mut follower = world.ains.follow(all(), None).await.unwrap();
        let agent = world.agent("a", 10).await;
        for _ in 0..3 {
            a_life(&world, &agent).await;
        }
        let mut whole = hear(&mut follower, 13).await;
        drop(follower);
        let world = world.restarted().await;
        for seen in [0, 3, 4, 12] {
            let mut follower = world.ains.follow(all(), Some(whole[seen].id)).await.unwrap();
            assert_eq!(follower.seen(), whole[seen].id);
            let missed = hear(&mut follower, whole.len() - seen - 1).await;
            assert_eq!(missed, whole[seen + 1..], "from {seen} on");
            a_life(&world, &agent).await;
            whole.extend(hear(&mut follower, 4).await);
        }
        assert!(whole.is_sorted_by(|one, other| one.id < other.id));
    });
}

fn what_is_not_kept_any_more_leaves_a_gap(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let mut follower = world.ains.follow(all(), None).await.unwrap();
        a_life(&world, &agent).await;
        let heard = hear(&mut follower, 4).await;
        world.wait(3600);
        let newest = a_life(&world, &agent).await;
        let rest = hear(&mut follower, 4).await;
        world.forget_events(at(3600)).await;
        let mut late = world.ains.follow(all(), Some(heard[0].id)).await.unwrap();
        assert!(matches!(next(&mut late).await, Some(Followed::Gap)));
        let found = hear(&mut late, 4).await;
        assert_eq!(found, rest);
        assert_eq!(found[0].event.subject, newest.to_string());
        // Of what is gone it is not known whether there was more.
        let mut in_time = world.ains.follow(all(), Some(heard[3].id)).await.unwrap();
        assert!(matches!(next(&mut in_time).await, Some(Followed::Gap)));
        assert_eq!(hear(&mut in_time, 4).await, rest);
        // What is still there is read on without one.
        let mut in_time = world.ains.follow(all(), Some(rest[0].id)).await.unwrap();
        assert_eq!(hear(&mut in_time, 3).await, rest[1..]);
        for unknown in ["4711-0", "live-0123-7"] {
            let unknown: EventId = unknown.parse().unwrap();
            let mut stranger = world.ains.follow(all(), Some(unknown)).await.unwrap();
            assert!(matches!(next(&mut stranger).await, Some(Followed::Gap)));
            let next = world.submit("c", 1).await.remove(0);
            assert_eq!(hear(&mut stranger, 1).await[0].event.subject, next.id.to_string());
            world.ains.cancel(next.id, "enough".into(), None).await.unwrap();
        }
    });
}

fn a_filter_lets_through_what_it_says(db: &TestDb) {
    tell(db, |world| async move {
        let start = world.ains.follow(all(), None).await.unwrap().seen();
        let client = |name: &str| EventFilter {
            client: Some(name.parse().unwrap()),
            ..EventFilter::default()
        };
        let mut of_one = world.ains.follow(client("one"), None).await.unwrap();
        let mut ends = world
            .ains
            .follow(only("task.cancelled,agent.*"), None)
            .await
            .unwrap();
        let one = world.submit("one", 1).await.remove(0);
        let two = world.submit("two", 1).await.remove(0);
        let mut of_two = world
            .ains
            .follow(
                EventFilter {
                    subject: Some(two.id.to_string()),
                    ..all()
                },
                None,
            )
            .await
            .unwrap();
        world.agent("a", 1).await;
        for task in [two.id, one.id] {
            world.ains.cancel(task, "enough".into(), None).await.unwrap();
        }
        let subjects = |heard: &[Arc<Happening>]| -> Vec<String> {
            heard
                .iter()
                .map(|happening| happening.event.subject.clone())
                .collect()
        };
        let (one, two) = (one.id.to_string(), two.id.to_string());
        // Whether the agent was pushed to is no matter here.
        let heard = hear(&mut ends, 3).await;
        assert_eq!(subjects(&heard), ["a", &two, &one]);
        let mut heard = hear_until(&mut of_one, "task.cancelled").await;
        assert!(heard.iter().all(|happening| happening.event.subject == one));
        heard = hear_until(&mut of_two, "task.cancelled").await;
        assert!(heard.iter().all(|happening| happening.event.subject == two));
        // What is read from the store is filtered alike.
        let mut later = world.ains.follow(client("two"), Some(start)).await.unwrap();
        let heard = hear_until(&mut later, "task.cancelled").await;
        assert_eq!(kinds(&heard)[0], "task.created");
        assert!(heard.iter().all(|happening| happening.event.subject == two));
    });
}

/// Hears until something of this kind happens.
async fn hear_until(follower: &mut Follower, kind: &str) -> Vec<Arc<Happening>> {
    let mut heard = Vec::new();
    while !kinds(&heard).contains(&kind) {
        match next(follower).await {
            Some(Followed::Events(events)) => heard.extend(events),
            other => panic!("{other:?} after {heard:?}"),
        }
    }
    heard
}

fn a_chain_is_told_of_with_its_tasks(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let mut follower = world.ains.follow(all(), None).await.unwrap();
        let chain = world.chain(vec![a_step("one")], "{}").await;
        let task = world.claim(&agent, 1).await.remove(0).task.id;
        world.ains.steer_chain(chain, Steer::Pause, None).await.unwrap();
        world.ains.steer_chain(chain, Steer::Resume, None).await.unwrap();
        world.report(&agent, task, 1, failed("broken")).await.unwrap();
        world.ains.steer_chain(chain, Steer::Retry, None).await.unwrap();
        let task = world.claim(&agent, 1).await.remove(0).task.id;
        world.report(&agent, task, 1, ReportKind::Complete).await.unwrap();
        let other = world.chain(vec![a_step("one")], "{}").await;
        world
            .ains
            .steer_chain(
                other,
                Steer::Cancel {
                    reason: "enough".into(),
                },
                None,
            )
            .await
            .unwrap();
        let heard = hear(&mut follower, 20).await;
        assert_eq!(
            kinds(&heard),
            [
                "chain.created",
                "chain.started",
                "task.created",
                "task.assigned",
                "task.started",
                "chain.paused",
                "chain.resumed",
                "task.failed",
                "chain.failed",
                "chain.retrying",
                "task.created",
                "task.assigned",
                "task.started",
                "task.completed",
                "chain.completed",
                "chain.created",
                "chain.started",
                "task.created",
                "chain.cancelled",
                "task.cancelled",
            ]
        );
        assert_eq!(data(&heard[2])["chain_id"], chain.to_string());
        assert_eq!(heard[14].event.subject, chain.to_string());
        assert_eq!(data(&heard[0])["status"], "PENDING");
        assert_eq!(data(&heard[8])["status"], "FAILED");
    });
}

fn a_schedule_tells_what_became_of_its_slots(db: &TestDb) {
    tell(db, |world| async move {
        let mut definition = every(60);
        definition.overlap = Overlap::Skip;
        let schedule = world.schedule(definition).await;
        let mut follower = world.ains.follow(only("schedule.*"), None).await.unwrap();
        world.pass(60).await;
        world.pass(60).await;
        let heard = hear(&mut follower, 2).await;
        assert_eq!(kinds(&heard), ["schedule.fired", "schedule.slot_skipped"]);
        assert!(
            heard
                .iter()
                .all(|happening| happening.event.subject == schedule.to_string())
        );
        assert!(data(&heard[0])["task_id"].as_str().unwrap().starts_with("task_"));
        assert_eq!(data(&heard[0])["slot_at"], at(60).to_string());
        assert_eq!(data(&heard[1])["slot_at"], at(120).to_string());
        assert_ne!(data(&heard[1])["reason"], Value::Null);
        world.steer(schedule, pause()).await.unwrap();
    });
}

fn an_agent_that_falls_silent_is_told_of(db: &TestDb) {
    tell(db, |world| async move {
        let mut follower = world.ains.follow(only("agent.*"), None).await.unwrap();
        let (silent, leaving) = (world.agent("silent", 1).await, world.agent("leaving", 1).await);
        let goodbye = Heartbeat {
            status: HeartbeatStatus::Offline,
            holding: None,
        };
        world.ains.heartbeat(leaving, goodbye).await.unwrap();
        let heard = hear(&mut follower, 3).await;
        assert_eq!(
            kinds(&heard),
            ["agent.registered", "agent.registered", "agent.inactive"]
        );
        assert_eq!(heard[2].event.subject, "leaving");
        while world
            .ains
            .agent(silent.clone())
            .await
            .unwrap()
            .agent
            .status
            .as_str()
            != "INACTIVE"
        {
            world.wait(300);
            world.ains.check_timeouts().await.unwrap();
        }
        let heard = hear(&mut follower, 1).await;
        assert_eq!(
            (kinds(&heard)[0], &*heard[0].event.subject),
            ("agent.inactive", "silent")
        );
    });
}

fn who_does_not_listen_is_let_go_alone(db: &TestDb) {
    tell(db, |world| async move {
        let mut listens = world.ains.follow(all(), None).await.unwrap();
        let mut sleeps = world.ains.follow(all(), None).await.unwrap();
        let mut heard = 0;
        while world.ains.feed_figures().let_go == 0 {
            world.submit("c", 500).await;
            heard += hear(&mut listens, 500).await.len();
        }
        assert_eq!(world.ains.feed_figures().followers, 1);
        let mut waiting = 0;
        loop {
            match next(&mut sleeps).await {
                Some(Followed::Events(events)) => waiting += events.len(),
                Some(Followed::TooSlow) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!((1..heard).contains(&waiting), "{waiting} of {heard}");
        assert!(next(&mut sleeps).await.is_none());
        // It comes back and has missed nothing.
        let mut back = world.ains.follow(all(), Some(sleeps.seen())).await.unwrap();
        hear(&mut back, heard - waiting).await;
        world.submit("c", 1).await;
        assert_eq!(hear(&mut back, 1).await, hear(&mut listens, 1).await);
    });
}

fn what_is_not_kept_is_heard_all_the_same(db: &TestDb) {
    tell(db, |world| async move {
        let World { ains, clock, .. } = world;
        ains.stop().await;
        let options = Options::new(db.url().parse().unwrap());
        let store = tokio::task::spawn_blocking(move || Store::open(&options).unwrap())
            .await
            .unwrap();
        let settings = Settings {
            event_retention: Duration::ZERO,
            verify_identity: false,
            seed: Some(7),
            ..Settings::default()
        };
        let ains = ains_service::Ains::start(store.clone(), settings, Arc::new(clock))
            .await
            .unwrap();
        ains.submit(vec![a_task("c")], None).await.unwrap();
        let mut follower = ains.follow(all(), None).await.unwrap();
        ains.submit(vec![a_task("c"), a_task("c")], None).await.unwrap();
        let heard = hear(&mut follower, 2).await;
        assert_eq!(kinds(&heard), ["task.created", "task.created"]);
        assert_eq!(ains.feed_figures().events, 3);
        let rows = tokio::task::spawn_blocking(move || {
            let mut conn = store.connect().unwrap();
            ains_store::events::last_position(&mut conn).unwrap()
        });
        // On PostgreSQL other servers may have to hand it on.
        let expected = i64::from(db.backend() == Backend::Postgres);
        assert_eq!(rows.await.unwrap(), expected);
        ains.stop().await;
        assert!(next(&mut follower).await.is_none());
    });
}
