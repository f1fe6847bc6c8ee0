//! Chains: steps that are tasks, and what follows from their ends.

use std::sync::Arc;
use std::time::Duration;

use ains_core::chain::{ChainStatus, Definition, Join, StepDefinition, StepStatus, StepTask, Tolerance};
use ains_core::task::{Failure, Report, ReportKind};
use ains_core::{AgentId, ChainId, Status, TaskId};
use ains_service::{
    Answer, ChainFilter, ChainView, Delivery, Error, NewChain, Once, Steer, StepResult, StoredTask,
    TaskFilter,
};
use ains_testkit::TestDb;

use crate::world::{World, tell};

ains_testkit::contract!(
    a_sequential_chain_hands_each_output_to_the_next_step,
    the_next_step_is_handed_over_by_the_commit_that_ends_the_one_before,
    independent_steps_run_at_once_and_a_join_waits_for_all,
    a_step_is_skipped_when_its_condition_does_not_hold,
    a_step_goes_through_a_list_and_gives_one_back,
    an_empty_list_completes_at_once,
    a_step_is_repeated_until_it_is_good,
    a_chain_goes_on_after_a_restart_at_any_point,
    waiting_for_a_chain_answers_when_it_ends,
    the_same_key_gets_the_first_answer,
    a_task_of_a_chain_is_not_retried_alone,
    lists_show_chains_and_their_tasks,
);

pub(crate) fn a_step(name: &str) -> StepDefinition {
    let task = StepTask {
        max_retries: Some(0),
        ..StepTask::new("job".parse().unwrap(), "text:v1".parse().unwrap())
    };
    StepDefinition::new(name, task)
}

pub(crate) fn after(name: &str, depends_on: &[&str]) -> StepDefinition {
    StepDefinition {
        depends_on: Some(depends_on.iter().map(ToString::to_string).collect()),
        ..a_step(name)
    }
}

impl World {
    pub(crate) async fn chain(&self, steps: Vec<StepDefinition>, input: &str) -> ChainId {
        match self.try_chain(steps, input, None).await.unwrap() {
            Answer::Fresh(summary) => summary.id,
            Answer::Replayed(answer) => panic!("replayed {answer}"),
        }
    }

    pub(crate) async fn try_chain(
        &self,
        steps: Vec<StepDefinition>,
        input: &str,
        once: Option<Once<ains_service::ChainSummary>>,
    ) -> Result<Answer<ains_service::ChainSummary>, Error> {
        let new = NewChain {
            client: "c".parse().unwrap(),
            name: "a chain".parse().unwrap(),
            plan: Arc::new(Definition { steps }.check().unwrap()),
            input: input.into(),
        };
        self.ains.create_chain(new, once).await
    }

    pub(crate) async fn view(&self, id: ChainId) -> ChainView {
        self.ains.chain(id, Duration::ZERO).await.unwrap()
    }

    /// Claims until there is something: what expressions decide comes a moment later.
    pub(crate) async fn claim_some(&self, agent: &AgentId) -> Vec<StoredTask> {
        let request = crate::world::asking(100, 20);
        self.ains.claim(agent.clone(), request).await.unwrap()
    }

    pub(crate) async fn finish(&self, agent: &AgentId, task: TaskId, result: &str) {
        let report = Report {
            task,
            agent: agent.clone(),
            attempt: Some(1),
            kind: ReportKind::Complete,
        };
        let delivery = Delivery {
            report,
            result: Some(result.into()),
            usage: None,
            progress: None,
        };
        self.ains.report(delivery, None).await.unwrap();
    }

    pub(crate) async fn fail(&self, agent: &AgentId, task: TaskId, message: &str) {
        let kind = ReportKind::Fail(Failure {
            message: message.into(),
            retryable: Some(false),
            ..Failure::default()
        });
        self.report(agent, task, 1, kind).await.unwrap();
    }

    /// Does what is handed out until the chain has ended: `work` says what comes of a step's input.
    pub(crate) async fn run(
        &self,
        agent: &AgentId,
        id: ChainId,
        work: impl Fn(&str, &str) -> Result<String, String>,
    ) -> ChainView {
        loop {
            let view = self.view(id).await;
            if view.summary.status.is_terminal() {
                return view;
            }
            for stored in self.claim_some(agent).await {
                let name = stored.task.name.as_ref().unwrap().to_string();
                let input = stored.documents.input.as_deref().unwrap_or_default();
                match work(&name, input) {
                    Ok(result) => self.finish(agent, stored.task.id, &result).await,
                    Err(message) => self.fail(agent, stored.task.id, &message).await,
                }
            }
        }
    }
}

pub(crate) fn shown(view: &ChainView, step: u32) -> Option<&str> {
    match view.results.get(&step)? {
        StepResult::Shown(text) => Some(text),
        StepResult::LeftOut => Some("left out"),
    }
}

pub(crate) fn statuses(view: &ChainView) -> Vec<StepStatus> {
    (0..view.plan.len())
        .map(|step| view.chain.step(step).status)
        .collect()
}

pub(crate) fn echo(name: &str, input: &str) -> Result<String, String> {
    Ok(format!(r#"{{"step":"{name}","got":{input}}}"#))
}

fn a_sequential_chain_hands_each_output_to_the_next_step(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let steps = ["one", "two", "three"].map(|name| StepDefinition {
            use_previous_output: true,
            input: r#"{"n":1}"#.into(),
            ..a_step(name)
        });
        let id = world.chain(steps.into(), "{}").await;
        let first = world.view(id).await;
        assert_eq!(first.summary.status, ChainStatus::Running);
        assert_eq!((first.summary.current_step, first.summary.total_steps), (0, 3));
        let view = world.run(&agent, id, echo).await;
        assert_eq!(view.summary.status, ChainStatus::Completed);
        assert_eq!(view.summary.current_step, 3);
        assert_eq!(shown(&view, 0), Some(r#"{"step":"one","got":{"n":1}}"#));
        assert_eq!(
            shown(&view, 1),
            Some(r#"{"step":"two","got":{"n":1,"previous_output":{"step":"one","got":{"n":1}}}}"#)
        );
        assert!(
            shown(&view, 2)
                .unwrap()
                .contains(r#""previous_output":{"step":"two""#)
        );
    });
}

fn the_next_step_is_handed_over_by_the_commit_that_ends_the_one_before(db: &TestDb) {
    tell(db, |world| async move {
        let [worker, waiting] = [world.agent("a", 10).await, world.agent("b", 10).await];
        world.claim(&worker, 1).await;
        world.claim(&waiting, 1).await;
        let id = world.chain(vec![a_step("one"), a_step("two")], "{}").await;
        let one = world.claim(&worker, 5).await.remove(0);
        let claim = tokio::spawn({
            let (ains, waiting) = (world.ains.clone(), waiting.clone());
            async move { ains.claim(waiting, crate::world::asking(5, 30)).await.unwrap() }
        });
        crate::work::until_waiting(&world, &[&claim]).await;
        world.finish(&worker, one.task.id, "1").await;
        // Read after the answer, before anything else can have happened.
        let filter = TaskFilter {
            chain: Some(id),
            status: Some(Status::Active),
            ..TaskFilter::default()
        };
        let active = world.ains.tasks(filter, page()).await.unwrap();
        assert_eq!(active.len(), 1);
        assert_eq!(active[0].task.agent.as_ref(), Some(&waiting));
        let two = claim.await.unwrap().remove(0);
        assert_eq!(two.task.id, active[0].task.id);
        assert_eq!(two.task.name.as_ref().unwrap().as_str(), "two");
        assert_eq!(two.documents.input.as_deref(), Some("{}"));
    });
}

pub(crate) fn page() -> ains_service::Page {
    ains_service::Page {
        limit: 100,
        offset: 0,
        before: None,
    }
}

fn independent_steps_run_at_once_and_a_join_waits_for_all(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let join = StepDefinition {
            use_previous_output: true,
            ..after("join", &["left", "right"])
        };
        let id = world
            .chain(vec![after("left", &[]), after("right", &[]), join], "{}")
            .await;
        let both = world.claim(&agent, 10).await;
        assert_eq!(both.len(), 2);
        world.finish(&agent, both[1].task.id, r#""r""#).await;
        assert!(world.claim(&agent, 10).await.is_empty());
        world.finish(&agent, both[0].task.id, r#""l""#).await;
        let last = world.claim(&agent, 10).await.remove(0);
        assert_eq!(
            last.documents.input.as_deref(),
            Some(r#"{"previous_output":{"left":"l","right":"r"}}"#)
        );
        world.finish(&agent, last.task.id, "null").await;
        assert_eq!(world.view(id).await.summary.status, ChainStatus::Completed);
    });
}

fn a_step_is_skipped_when_its_condition_does_not_hold(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let when = |name: &str, expression: &str| StepDefinition {
            when: Some(expression.into()),
            ..after(name, &["check"])
        };
        let end = StepDefinition {
            join: Join::Any,
            ..after("end", &["big", "small"])
        };
        let steps = vec![
            a_step("check"),
            when("big", "steps.check.output.size > input.limit"),
            when("small", "steps.check.output.size <= input.limit"),
            end,
        ];
        let id = world.chain(steps, r#"{"limit":10}"#).await;
        let view = world.run(&agent, id, |_, _| Ok(r#"{"size":11}"#.into())).await;
        assert_eq!(
            statuses(&view),
            [
                StepStatus::Completed,
                StepStatus::Completed,
                StepStatus::Skipped,
                StepStatus::Completed
            ]
        );
        assert_eq!(view.summary.status, ChainStatus::Completed);
    });
}

fn a_step_goes_through_a_list_and_gives_one_back(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 100).await;
        world.claim(&agent, 1).await;
        let each = StepDefinition {
            for_each: Some("steps.list.output".into()),
            max_parallel: Some(3),
            tolerate_failures: Tolerance::Count(1),
            input: r#"{"file":"${{ item.name }}","text":"no ${{ index }}"}"#.into(),
            ..a_step("each")
        };
        let sum = StepDefinition {
            use_previous_output: true,
            input: r#"{"count":"${{ size(steps.each.output) }}"}"#.into(),
            ..a_step("sum")
        };
        let id = world.chain(vec![a_step("list"), each, sum], "{}").await;
        let files: Vec<String> = (0..8).map(|n| format!(r#"{{"name":"f{n}"}}"#)).collect();
        let files = format!("[{}]", files.join(","));
        let view = world
            .run(&agent, id, |name, input| match name {
                "list" => Ok(files.clone()),
                "each" if input.contains("\"f5\"") => Err("broken".into()),
                _ => Ok(input.into()),
            })
            .await;
        assert_eq!(view.summary.status, ChainStatus::Completed, "{:?}", view.chain);
        let each: Vec<serde_json::Value> = serde_json::from_str(shown(&view, 1).unwrap()).unwrap();
        assert_eq!(each.len(), 8);
        assert_eq!(each[7], serde_json::json!({"file": "f7", "text": "no 7"}));
        assert!(each[5].is_null(), "a tolerated failure");
        let sum: serde_json::Value = serde_json::from_str(shown(&view, 2).unwrap()).unwrap();
        assert_eq!(
            (&sum["count"], &sum["previous_output"][3]["file"]),
            (&8.into(), &"f3".into())
        );
    });
}

fn an_empty_list_completes_at_once(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let each = StepDefinition {
            for_each: Some("input.files".into()),
            ..a_step("each")
        };
        let last = StepDefinition {
            use_previous_output: true,
            ..a_step("last")
        };
        let id = world.chain(vec![each, last], r#"{"files":[]}"#).await;
        let view = world.run(&agent, id, |_, input| Ok(input.into())).await;
        assert_eq!(view.summary.status, ChainStatus::Completed);
        assert_eq!(shown(&view, 0), Some("[]"));
        assert_eq!(shown(&view, 1), Some(r#"{"previous_output":[]}"#));
    });
}

fn a_step_is_repeated_until_it_is_good(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let train = |most| StepDefinition {
            repeat_until: Some("output.accuracy >= 3 || iteration > 100".into()),
            max_iterations: Some(most),
            ..a_step("train")
        };
        let better = |_: &str, input: &str| {
            let input: serde_json::Value = serde_json::from_str(input).unwrap();
            let before = input["previous_output"]["accuracy"].as_i64().unwrap_or(0);
            Ok(format!(r#"{{"accuracy":{}}}"#, before + 1))
        };
        let id = world.chain(vec![train(5)], "{}").await;
        let view = world.run(&agent, id, better).await;
        assert_eq!(view.summary.status, ChainStatus::Completed, "{:?}", view.chain);
        assert_eq!(
            (shown(&view, 0), view.chain.step(0).iteration),
            (Some(r#"{"accuracy":3}"#), 3)
        );
        let id = world.chain(vec![train(2)], "{}").await;
        let view = world.run(&agent, id, better).await;
        assert_eq!(view.summary.status, ChainStatus::Failed);
        assert_eq!(view.chain.step(0).status, StepStatus::Failed);
    });
}

fn a_chain_goes_on_after_a_restart_at_any_point(db: &TestDb) {
    tell(db, |world| async move {
        let mut world = world;
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let each = StepDefinition {
            for_each: Some("input.list".into()),
            input: r#"{"n":"${{ item }}"}"#.into(),
            ..a_step("each")
        };
        let last = StepDefinition {
            use_previous_output: true,
            when: Some("size(steps.each.output) == 3".into()),
            ..a_step("last")
        };
        let id = world
            .chain(vec![a_step("first"), each, last], r#"{"list":[1,2,3]}"#)
            .await;
        let mut done = Vec::new();
        loop {
            world = world.restarted().await;
            if world.view(id).await.summary.status.is_terminal() {
                break;
            }
            // One at a time, and the server stops at once after each.
            let request = crate::world::asking(1, 20);
            for stored in world.ains.claim(agent.clone(), request).await.unwrap() {
                done.push(stored.task.chain.unwrap().1.to_string());
                let input = stored.documents.input.clone().unwrap();
                world.finish(&agent, stored.task.id, &input).await;
            }
        }
        let view = world.view(id).await;
        assert_eq!(view.summary.status, ChainStatus::Completed, "{:?}", view.chain);
        done.sort();
        assert_eq!(done, ["0.1.1", "1.1.1.0", "1.1.1.1", "1.1.1.2", "2.1.1"]);
        assert_eq!(
            shown(&view, 2),
            Some(r#"{"previous_output":[{"n":1},{"n":2},{"n":3}]}"#)
        );
        world.ains.stop().await;
    });
}

fn waiting_for_a_chain_answers_when_it_ends(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let id = world.chain(vec![a_step("one")], "{}").await;
        let waiting = tokio::spawn({
            let ains = world.ains.clone();
            async move { ains.chain(id, Duration::from_secs(30)).await.unwrap() }
        });
        let view = world.run(&agent, id, echo).await;
        assert_eq!(waiting.await.unwrap().summary.status, view.summary.status);
        let unknown = "chain_00000000000000000000000000000000".parse().unwrap();
        let missing = world.ains.chain(unknown, Duration::ZERO).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })));
    });
}

fn the_same_key_gets_the_first_answer(db: &TestDb) {
    tell(db, |world| async move {
        let once = || {
            Some(Once {
                scope: "c".into(),
                key: "k".into(),
                fingerprint: "f".into(),
                render: Box::new(|summary: &ains_service::ChainSummary| summary.id.to_string()),
            })
        };
        let first = world.try_chain(vec![a_step("one")], "{}", once()).await.unwrap();
        let Answer::Fresh(first) = first else {
            panic!("replayed")
        };
        let second = world.try_chain(vec![a_step("one")], "{}", once()).await.unwrap();
        assert!(matches!(second, Answer::Replayed(answer) if answer == first.id.to_string()));
        assert_eq!(world.ains.chains(newest(10)).await.unwrap().len(), 1);
    });
}

fn newest(limit: i64) -> ChainFilter {
    ChainFilter {
        limit,
        ..ChainFilter::default()
    }
}

fn a_task_of_a_chain_is_not_retried_alone(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let id = world.chain(vec![a_step("one")], "{}").await;
        let task = world.claim(&agent, 1).await.remove(0).task.id;
        world.fail(&agent, task, "x").await;
        let retried = world.ains.retry(task, false).await;
        assert!(
            matches!(retried, Err(Error::OfChain(chain)) if chain == id),
            "{retried:?}"
        );
    });
}

fn lists_show_chains_and_their_tasks(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(world.chain(vec![a_step("one"), a_step("two")], "{}").await);
        }
        world.ains.steer_chain(ids[1], Steer::Pause, None).await.unwrap();
        let listed = async |filter: ChainFilter| {
            let chains = world.ains.chains(filter).await.unwrap();
            chains.into_iter().map(|chain| chain.id).collect::<Vec<_>>()
        };
        assert_eq!(listed(newest(2)).await, [ids[2], ids[1]]);
        let before = ChainFilter {
            before: Some(ids[1]),
            ..newest(10)
        };
        assert_eq!(listed(before).await, [ids[0]]);
        let paused = ChainFilter {
            status: Some(ChainStatus::Paused),
            client: Some("c".parse().unwrap()),
            ..newest(10)
        };
        assert_eq!(listed(paused).await, [ids[1]]);
        let filter = TaskFilter {
            chain: Some(ids[0]),
            ..TaskFilter::default()
        };
        let tasks = world.ains.tasks(filter, page()).await.unwrap();
        assert_eq!(tasks.len(), 1);
        assert_eq!(tasks[0].task.chain.unwrap().0, ids[0]);
    });
}
