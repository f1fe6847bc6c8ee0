//! Random graphs, run to their end: what every task came to is justified by what its
//! dependencies came to, after each event.

use std::collections::BTreeMap;

use ains_core::task::{Failure, Gate, ReportKind};
use ains_core::{Condition, Status, Task, TaskId};
use ains_testkit::TestDb;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::world::{World, tell};

ains_testkit::contract!(random_graphs_end_as_their_edges_say,);

/// What is done with a task when it is handed out.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Completes,
    Fails,
    IsCancelled,
}

struct Story {
    tasks: Vec<Task>,
    /// By task: what it waits for.
    edges: Vec<Vec<(usize, Condition)>>,
    fates: Vec<Fate>,
}

fn a_story(rng: &mut StdRng, size: usize) -> Story {
    let pick = |rng: &mut StdRng| Condition::ALL[rng.random_range(0..3)];
    let edges = (0..size)
        .map(|place| {
            let count = rng.random_range(0..4.min(place + 1));
            let mut on: Vec<_> = (0..count)
                .map(|_| (rng.random_range(0..place), pick(rng)))
                .collect();
            on.sort();
            on.dedup();
            on
        })
        .collect();
    let fates = (0..size)
        .map(|_| match rng.random_range(0..10) {
            0..6 => Fate::Completes,
            6..9 => Fate::Fails,
            _ => Fate::IsCancelled,
        })
        .collect();
    Story {
        tasks: Vec::new(),
        edges,
        fates,
    }
}

/// What an edge makes of a task: satisfied, fails it, or makes it not needed.
fn says(when: Condition, on: &Task) -> Option<&'static str> {
    let unneeded = on.status == Status::Cancelled && on.error.as_deref() == Some("not needed");
    Some(match (when, on.status) {
        (_, Status::Pending | Status::Assigned | Status::Active) => return None,
        (Condition::Done, _)
        | (Condition::Success, Status::Completed)
        | (Condition::Failure, Status::Failed) => "satisfied",
        (Condition::Success, _) if !unneeded => "fails",
        _ => "not needed",
    })
}

impl Story {
    /// Every task is where its edges say, and where its own fate says.
    async fn check(&self, world: &World, handed: &BTreeMap<TaskId, usize>) -> Vec<Task> {
        let ids = self.tasks.iter().map(|task| task.id).collect();
        let stored = world.ains.tasks_by_id(ids).await.unwrap();
        let now: Vec<Task> = stored.into_iter().map(|stored| stored.task).collect();
        for (place, task) in now.iter().enumerate() {
            let said: Vec<_> = self.edges[place]
                .iter()
                .map(|(on, when)| says(*when, &now[*on]))
                .collect();
            let open = said.iter().filter(|said| said.is_none()).count();
            let decided = said.iter().flatten().any(|said| *said != "satisfied");
            let error = task.error.as_deref().unwrap_or_default();
            match task.status {
                Status::Pending => {
                    assert!(!decided, "{place} waits although it is decided: {said:?}");
                    assert_eq!(task.unresolved as usize, open, "{place}");
                    let gate = if open > 0 { Gate::Blocked } else { Gate::Ready };
                    assert_eq!(task.gate, Some(gate), "{place}");
                }
                _ if handed.contains_key(&task.id) => {
                    assert!(
                        !decided && open == 0,
                        "{place} was handed out too early: {said:?}"
                    );
                }
                Status::Failed => assert!(
                    self.edges[place].iter().zip(&said).any(|((on, _), said)| {
                        *said == Some("fails") && error.contains(&now[*on].id.to_string())
                    }),
                    "{place}: {error}"
                ),
                Status::Cancelled if error == "not needed" => {
                    assert!(said.contains(&Some("not needed")), "{place}: {said:?}");
                }
                other => panic!("{place} is {other} and was never handed out"),
            }
        }
        now
    }
}

fn random_graphs_end_as_their_edges_say(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1000).await;
        world.claim(&agent, 1).await;
        for seed in 0..6 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut story = a_story(&mut rng, 60);
            story.tasks = world.submit_graph(story.edges.clone()).await;
            let mut handed = BTreeMap::new();
            let mut held: Vec<TaskId> = Vec::new();
            loop {
                for stored in world.claim(&agent, 100).await {
                    let again = handed.insert(stored.task.id, held.len());
                    assert!(again.is_none(), "seed {seed}: handed out twice");
                    held.push(stored.task.id);
                }
                if held.is_empty() {
                    break;
                }
                let task = held.swap_remove(rng.random_range(0..held.len()));
                let place = story.tasks.iter().position(|known| known.id == task).unwrap();
                let kind = match story.fates[place] {
                    Fate::Completes => ReportKind::Complete,
                    Fate::Fails => ReportKind::Fail(Failure {
                        message: "no".into(),
                        retryable: Some(false),
                        ..Failure::default()
                    }),
                    Fate::IsCancelled => {
                        world.ains.cancel(task, "enough".into(), None).await.unwrap();
                        story.check(&world, &handed).await;
                        continue;
                    }
                };
                world.report(&agent, task, 1, kind).await.unwrap();
                story.check(&world, &handed).await;
            }
            let end = story.check(&world, &handed).await;
            assert!(end.iter().all(|task| task.status.is_terminal()), "seed {seed}");
        }
    });
}
