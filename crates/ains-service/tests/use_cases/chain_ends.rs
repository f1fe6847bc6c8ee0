//! How chains end: failures, compensation, cancelling, pausing, trying again.

use std::time::Duration;

use ains_core::Status;
use ains_core::chain::{ChainStatus, Compensation, OnFailure, StepDefinition, StepStatus};
use ains_service::{Error, Steer};
use ains_testkit::TestDb;

use crate::chains::{a_step, after, echo, shown, statuses};
use crate::world::tell;

ains_testkit::contract!(
    a_failed_step_fails_the_chain_and_cancels_what_runs,
    a_failure_that_is_tolerated_lets_the_chain_go_on,
    a_saga_undoes_what_it_did_in_reverse,
    a_cancelled_chain_cancels_its_tasks,
    a_paused_chain_starts_nothing_until_it_is_resumed,
    a_retried_chain_goes_on_where_it_failed,
    a_fault_in_an_expression_fails_its_step_with_the_reason,
);

fn a_failed_step_fails_the_chain_and_cancels_what_runs(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let steps = vec![
            after("bad", &[]),
            after("slow", &[]),
            after("never", &["bad", "slow"]),
        ];
        let id = world.chain(steps, "{}").await;
        let held = world.claim(&agent, 10).await;
        let by_name = |name: &str| {
            held.iter()
                .find(|one| one.task.name.as_ref().unwrap().as_str() == name)
                .unwrap()
        };
        world.fail(&agent, by_name("bad").task.id, "broken").await;
        let view = world.view(id).await;
        assert_eq!(view.summary.status, ChainStatus::Failed);
        let error = view.chain.error.as_deref().unwrap();
        assert!(error.contains("bad") && error.contains("broken"), "{error}");
        assert_eq!(
            statuses(&view),
            [StepStatus::Failed, StepStatus::Cancelled, StepStatus::Cancelled]
        );
        let slow = world.task(by_name("slow").task.id).await;
        assert_eq!(slow.status, Status::Cancelled);
        assert!(world.claim(&agent, 10).await.is_empty());
    });
}

fn a_failure_that_is_tolerated_lets_the_chain_go_on(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let may_fail = StepDefinition {
            on_failure: OnFailure::Continue,
            ..a_step("try")
        };
        let fallback = StepDefinition {
            when: Some("steps.try.status == \"FAILED\"".into()),
            input: r#"{"why":"${{ steps.try.error }}"}"#.into(),
            ..a_step("fallback")
        };
        let id = world.chain(vec![may_fail, fallback], "{}").await;
        let view = world
            .run(&agent, id, |name, input| match name {
                "try" => Err("no luck".into()),
                _ => Ok(input.into()),
            })
            .await;
        assert_eq!(view.summary.status, ChainStatus::Completed, "{:?}", view.chain);
        assert!(shown(&view, 1).unwrap().contains("no luck"));
    });
}

fn a_saga_undoes_what_it_did_in_reverse(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let undo = |name: &str| StepDefinition {
            compensate_with: Some(Compensation {
                task: a_step(name).task,
                input: format!(r#"{{"undo":"{name}"}}"#).into(),
            }),
            ..a_step(name)
        };
        let pay = StepDefinition {
            on_failure: OnFailure::Compensate,
            ..a_step("pay")
        };
        let id = world.chain(vec![undo("flight"), undo("hotel"), pay], "{}").await;
        let undone = std::sync::Mutex::new(Vec::new());
        let view = world
            .run(&agent, id, |name, input| {
                if input.contains("undo") {
                    undone.lock().unwrap().push(input.to_owned());
                    return if name == "hotel" {
                        Err("too late".into())
                    } else {
                        Ok("1".into())
                    };
                }
                if name == "pay" {
                    Err("no money".into())
                } else {
                    Ok(format!("\"{name}\""))
                }
            })
            .await;
        assert_eq!(view.summary.status, ChainStatus::Failed);
        let undone = undone.into_inner().unwrap();
        assert_eq!(
            undone,
            [
                r#"{"previous_output":"hotel","undo":"hotel"}"#,
                r#"{"previous_output":"flight","undo":"flight"}"#
            ]
        );
        assert_eq!(
            view.chain.step(1).undo_error.as_deref(),
            Some("too late"),
            "recorded and passed over"
        );
    });
}

fn a_cancelled_chain_cancels_its_tasks(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let id = world.chain(vec![after("a", &[]), after("b", &[])], "{}").await;
        let held = world.claim(&agent, 1).await.remove(0);
        let cancel = || Steer::Cancel {
            reason: "enough".into(),
        };
        let other = world
            .ains
            .steer_chain(id, cancel(), Some("other".parse().unwrap()))
            .await;
        assert!(matches!(other, Err(Error::NotOwner)));
        world.ains.steer_chain(id, cancel(), None).await.unwrap();
        assert_eq!(world.view(id).await.summary.status, ChainStatus::Cancelled);
        assert_eq!(world.task(held.task.id).await.status, Status::Cancelled);
        assert!(world.claim(&agent, 10).await.is_empty());
        let again = world.ains.steer_chain(id, cancel(), None).await;
        assert!(matches!(again, Err(Error::ChainRefused(_))), "{again:?}");
        let unknown = "chain_00000000000000000000000000000000".parse().unwrap();
        assert!(matches!(
            world.ains.steer_chain(unknown, cancel(), None).await,
            Err(Error::NotFound { .. })
        ));
    });
}

fn a_paused_chain_starts_nothing_until_it_is_resumed(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let id = world.chain(vec![a_step("one"), a_step("two")], "{}").await;
        let one = world.claim(&agent, 1).await.remove(0);
        world.ains.steer_chain(id, Steer::Pause, None).await.unwrap();
        world.finish(&agent, one.task.id, "1").await;
        assert!(world.claim(&agent, 1).await.is_empty());
        assert_eq!(world.view(id).await.summary.status, ChainStatus::Paused);
        world.ains.steer_chain(id, Steer::Resume, None).await.unwrap();
        let view = world.run(&agent, id, echo).await;
        assert_eq!(view.summary.status, ChainStatus::Completed);
    });
}

fn a_retried_chain_goes_on_where_it_failed(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let id = world
            .chain(vec![a_step("one"), a_step("two"), a_step("three")], "{}")
            .await;
        let fails = |name: &str, _: &str| {
            if name == "two" {
                Err("down".into())
            } else {
                Ok("1".into())
            }
        };
        assert_eq!(
            world.run(&agent, id, fails).await.summary.status,
            ChainStatus::Failed
        );
        world.ains.steer_chain(id, Steer::Retry, None).await.unwrap();
        let done = std::sync::Mutex::new(Vec::new());
        let view = world
            .run(&agent, id, |name, _| {
                done.lock().unwrap().push(name.to_owned());
                Ok("2".into())
            })
            .await;
        assert_eq!((view.summary.status, view.chain.run), (ChainStatus::Completed, 2));
        assert_eq!(
            done.into_inner().unwrap(),
            ["two", "three"],
            "what completed is kept"
        );
        assert_eq!((shown(&view, 0), shown(&view, 1)), (Some("1"), Some("2")));
    });
}

fn a_fault_in_an_expression_fails_its_step_with_the_reason(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        world.claim(&agent, 1).await;
        let bad = StepDefinition {
            when: Some("input.count / input.zero > 1".into()),
            ..a_step("bad")
        };
        let id = world.chain(vec![bad], r#"{"count":1,"zero":0}"#).await;
        let view = world.ains.chain(id, Duration::from_secs(20)).await.unwrap();
        assert_eq!(view.summary.status, ChainStatus::Failed);
        let error = view.chain.step(0).error.as_deref().unwrap();
        assert!(error.contains("input.count / input.zero"), "{error}");
    });
}
