//! What keeps a template from being removed.

use std::collections::BTreeSet;

use ains_core::Status;
use ains_core::chain::{ChainStatus, StepStatus};
use ains_core::schedule::{Fires, ScheduleDefinition, Standing, Timing};
use ains_service::{Actor, Error, ScheduleChange, ScheduleSteer, Steer};
use ains_testkit::TestDb;

use crate::chains::a_step;
use crate::schedules::at;
use crate::templates::{every_minute, step, using};
use crate::world::tell;

ains_testkit::contract!(
    a_template_stays_as_long_as_a_schedule_refers_to_it,
    a_template_stays_as_long_as_a_chain_refers_to_it,
    a_schedule_that_makes_chains_refers_to_the_templates_of_their_steps,
    what_refers_and_what_removes_at_once_agree,
);

fn a_template_stays_as_long_as_a_schedule_refers_to_it(db: &TestDb) {
    tell(db, async |world| {
        let template = world.a_template().await;
        let ids: BTreeSet<_> = [
            world.schedule(every_minute(using(template, "{}"))).await,
            world.schedule(every_minute(using(template, "{}"))).await,
        ]
        .into();
        let once = ScheduleDefinition {
            fires: using(template, "{}"),
            ..ScheduleDefinition::new(Timing::Once(at(60)), using(template, "{}"))
        };
        let once = world.schedule(once).await;
        assert_eq!(world.in_use(template).await, (3, 0));
        world.pass(60).await;
        assert_eq!(world.of(once).await.schedule.standing, Standing::Ended);
        assert_eq!(world.in_use(template).await, (2, 0));
        for id in ids {
            world
                .ains
                .delete_schedule(&Actor::NOBODY, id, None)
                .await
                .unwrap();
        }
        world
            .ains
            .delete_template(&Actor::NOBODY, template, None)
            .await
            .unwrap();
        // What has ended cannot go on with it.
        let view = world.of(once).await;
        let change = ScheduleSteer::Change(Box::new(ScheduleChange {
            revision: view.revision,
            name: view.name,
            definition: every_minute(using(template, "{}")),
            active: None,
        }));
        let refused = world.steer(once, change).await;
        assert!(matches!(refused, Err(Error::UnknownTemplate(_))), "{refused:?}");
    });
}

fn a_template_stays_as_long_as_a_chain_refers_to_it(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let template = world.a_template().await;
        let chain = world
            .chain(vec![a_step("one"), step("two", template, "{}")], "{}")
            .await;
        assert_eq!(world.in_use(template).await, (0, 1));
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.lose(&agent, task).await;
        assert_eq!(world.view(chain).await.summary.status, ChainStatus::Failed);
        // It has ended: nothing keeps the template, and what begins again does without.
        world
            .ains
            .delete_template(&Actor::NOBODY, template, None)
            .await
            .unwrap();
        world.ains.steer_chain(chain, Steer::Retry, None).await.unwrap();
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.succeed(&agent, task).await;
        let view = world.view(chain).await;
        assert_eq!(view.summary.status, ChainStatus::Failed);
        assert_eq!(
            view.chain.step(1).error.as_deref(),
            Some(&*format!("template {template} does not exist any more"))
        );
        assert_eq!(view.chain.step(1).status, StepStatus::Failed);
    });
}

fn a_schedule_that_makes_chains_refers_to_the_templates_of_their_steps(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let template = world.a_template().await;
        let fires = Fires::Chain {
            name: "nightly".parse().unwrap(),
            definition: ains_core::chain::Definition {
                steps: vec![step("s", template, "{}")],
            },
            input: "{}".into(),
        };
        let definition = ScheduleDefinition {
            fires: fires.clone(),
            ..ScheduleDefinition::new(Timing::Once(at(60)), fires)
        };
        let id = world.schedule(definition).await;
        assert_eq!(world.in_use(template).await, (1, 0));
        world.pass(60).await;
        assert_eq!(world.of(id).await.schedule.standing, Standing::Ended);
        assert_eq!(world.in_use(template).await, (0, 1));
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.succeed(&agent, task).await;
        assert_eq!(world.task(task).await.status, Status::Completed);
        world
            .ains
            .delete_template(&Actor::NOBODY, template, None)
            .await
            .unwrap();
    });
}

fn what_refers_and_what_removes_at_once_agree(db: &TestDb) {
    tell(db, async |world| {
        for round in 0..20 {
            let template = world.a_template().await;
            let schedule = world.try_schedule(every_minute(using(template, "{}")));
            let chain = world.try_chain(vec![step("s", template, "{}")], "{}", None);
            let (schedule, chain, removed) = tokio::join!(
                schedule,
                chain,
                world.ains.delete_template(&Actor::NOBODY, template, None)
            );
            let refers = schedule.is_ok() || chain.is_ok();
            assert_ne!(
                refers,
                removed.is_ok(),
                "{round}: {schedule:?} {chain:?} {removed:?}"
            );
            assert_eq!(world.ains.template(template).await.is_ok(), refers);
        }
    });
}
