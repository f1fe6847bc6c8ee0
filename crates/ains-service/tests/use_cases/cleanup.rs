//! Removing what ended long ago, and nothing that is still needed.

use std::time::Duration;

use ains_core::task::ReportKind;
use ains_core::{AgentId, Condition, Status, TaskId};
use ains_service::{Actor, CleanedUp, Error, Settings, Steer};
use ains_testkit::TestDb;

use crate::chains::a_step;
use crate::world::{World, a_task, a_task_after, failed, tell};

ains_testkit::contract!(
    what_ended_long_ago_goes_and_the_figures_follow,
    what_an_unfinished_task_waited_for_stays,
    a_chain_goes_with_its_tasks_and_an_unfinished_one_stays,
    removals_at_once_count_each_task_once,
    what_is_older_than_the_retention_goes_by_itself,
);

const DAY: u64 = 86_400;

impl World {
    async fn is_stored(&self, task: TaskId) -> bool {
        match self.ains.task(task, Duration::ZERO).await {
            Ok(_) => true,
            Err(Error::NotFound { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    }

    async fn stored(&self, tasks: &[TaskId]) -> Vec<bool> {
        let mut stored = Vec::new();
        for task in tasks {
            stored.push(self.is_stored(*task).await);
        }
        stored
    }

    async fn worker(&self) -> AgentId {
        let agent = self.agent("a", 100).await;
        self.claim(&agent, 1).await;
        agent
    }
}

fn what_ended_long_ago_goes_and_the_figures_follow(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.worker().await;
        let mut old = Vec::new();
        for task in world.submit("c", 450).await {
            old.push(task.id);
        }
        let kinds = [ReportKind::Complete, failed("not found")];
        for (task, kind) in old.iter().zip(kinds.into_iter().cycle().take(20)) {
            world.end(&agent, *task, kind).await;
        }
        for task in &old[20..440] {
            world.ains.cancel(*task, "enough".into(), None).await.unwrap();
        }
        let history = world.ains.trust_history(agent.clone(), None, 200).await.unwrap();
        world.wait(40 * DAY);
        let fresh = world.submit("c", 3).await;
        world
            .ains
            .cancel(fresh[0].id, "enough".into(), None)
            .await
            .unwrap();
        let nothing = world.ains.cleanup(&Actor::NOBODY, 365).await.unwrap();
        assert_eq!(nothing, CleanedUp::default());
        let gone = world.ains.cleanup(&Actor::NOBODY, 30).await.unwrap();
        assert_eq!((gone.tasks, gone.deliveries), (440, 0));
        assert!(world.stored(&old[..440]).await.iter().all(|stored| !stored));
        assert!(world.stored(&old[440..]).await.iter().all(|stored| *stored));
        let stats = world.ains.stats().await.unwrap();
        let left = [
            Status::Completed,
            Status::Failed,
            Status::Cancelled,
            Status::Pending,
        ]
        .map(|status| stats.by_status[&status]);
        assert_eq!((stats.total, left), (13, [0, 0, 1, 12]));
        assert_eq!(world.ains.database_rows().await.unwrap().rows["tasks"], 13);
        let kept = world.ains.trust_history(agent, None, 200).await.unwrap();
        assert_eq!((kept.len(), &kept), (20, &history), "records of trust stay");
        assert_eq!(world.ains.cleanup(&Actor::NOBODY, 30).await.unwrap().tasks, 0);
    });
}

fn what_an_unfinished_task_waited_for_stays(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.worker().await;
        let mut done = Vec::new();
        for _ in 0..3 {
            let task = world.submit_one(a_task("c")).await.id;
            world.end(&agent, task, ReportKind::Complete).await;
            done.push(task);
        }
        let mut wants = a_task_after([(done[1], Condition::Success)]);
        wants.spec.results_from_dependencies = true;
        let waits = world.submit_one(wants).await.id;
        world.wait(40 * DAY);
        assert_eq!(world.ains.cleanup(&Actor::NOBODY, 30).await.unwrap().tasks, 2);
        assert_eq!(world.stored(&done).await, [false, true, false]);
        let handed = world.claim(&agent, 1).await.remove(0);
        assert_eq!(handed.task.id, waits);
        let input = handed.documents.input.unwrap();
        assert!(input.contains(&done[1].to_string()), "with its result: {input}");
        world
            .report(&agent, waits, 1, ReportKind::Complete)
            .await
            .unwrap();
        assert_eq!(world.ains.cleanup(&Actor::NOBODY, 30).await.unwrap().tasks, 1);
        assert!(world.is_stored(waits).await, "it has only just ended");
        // A finished task shows what it waited for after that is gone.
        let view = world.ains.task(waits, Duration::ZERO).await.unwrap();
        assert_eq!(view.depends_on.len(), 1);
    });
}

fn a_chain_goes_with_its_tasks_and_an_unfinished_one_stays(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.worker().await;
        let steps = || vec![a_step("one"), a_step("two")];
        let [done, paused] = [world.chain(steps(), "{}").await, world.chain(steps(), "{}").await];
        let first = world.claim(&agent, 2).await;
        assert_eq!(first.len(), 2);
        world.ains.steer_chain(paused, Steer::Pause, None).await.unwrap();
        let first: Vec<TaskId> = first.iter().map(|stored| stored.task.id).collect();
        for task in &first {
            world.finish(&agent, *task, "1").await;
        }
        for stored in world.claim_some(&agent).await {
            world.finish(&agent, stored.task.id, "2").await;
        }
        world.wait(40 * DAY);
        let gone = world.ains.cleanup(&Actor::NOBODY, 30).await.unwrap();
        assert!(world.ains.chain(done, Duration::ZERO).await.is_err());
        let kept = world.view(paused).await;
        assert!(!kept.chain.status.is_terminal(), "{:?}", kept.chain.status);
        assert_eq!(gone.tasks, 2, "those of the chain that is done");
        let stored = world.stored(&first).await;
        assert_eq!(stored.iter().filter(|stored| **stored).count(), 1, "{stored:?}");
    });
}

fn removals_at_once_count_each_task_once(db: &TestDb) {
    tell(db, |world| async move {
        let tasks = world.submit("c", 700).await;
        for task in &tasks {
            world.ains.cancel(task.id, "enough".into(), None).await.unwrap();
        }
        world.wait(40 * DAY);
        let removals: Vec<_> = (0..4)
            .map(|_| {
                let ains = world.ains.clone();
                tokio::spawn(async move { ains.cleanup(&Actor::NOBODY, 30).await.unwrap().tasks })
            })
            .collect();
        let mut gone = 0;
        for removal in removals {
            gone += removal.await.unwrap();
        }
        gone += world.ains.cleanup(&Actor::NOBODY, 30).await.unwrap().tasks;
        assert_eq!(gone, 700);
        let stats = world.ains.stats().await.unwrap();
        assert_eq!((stats.total, stats.by_status[&Status::Cancelled]), (0, 0));
    });
}

fn what_is_older_than_the_retention_goes_by_itself(db: &TestDb) {
    tell(db, |world| async move {
        let task = world.submit("c", 1).await.remove(0);
        world.ains.cancel(task.id, "enough".into(), None).await.unwrap();
        let waiting = world.submit("c", 1).await.remove(0);
        let world = world
            .restarted_as(Settings {
                task_retention: Some(Duration::from_secs(5)),
                ..Settings::default()
            })
            .await;
        world.wait(4);
        assert!(world.is_stored(task.id).await);
        world.wait(2);
        while world.is_stored(task.id).await {
            tokio::task::yield_now().await;
        }
        assert!(world.is_stored(waiting.id).await);
        let stats = world.ains.stats().await.unwrap();
        assert_eq!((stats.total, stats.by_status[&Status::Cancelled]), (1, 0));
        world.ains.stop().await;
    });
}
