//! Templates: what is made from them, by clients, schedules and chains.

use ains_core::TemplateId;
use ains_core::chain::{ChainStatus, OnFailure, StepDefinition, StepTask, Tolerance};
use ains_core::schedule::{Fires, ScheduleDefinition, SlotState, Standing};
use ains_core::template::Defaults;
use ains_service::{
    Actor, Answer, Error, NewTask, NewTemplate, Once, ScheduleChange, ScheduleSteer, Steer, StoredTemplate,
    TaskFilter, TemplateChange, TemplateFilter,
};
use ains_testkit::TestDb;

use crate::chains::{a_step, after};
use crate::schedules::every;
use crate::world::{World, a_task, tell};

ains_testkit::contract!(
    a_template_is_kept_changed_and_removed,
    a_change_is_made_from_what_the_template_was,
    a_template_belongs_to_its_client,
    the_same_key_makes_one_template,
    every_use_is_counted_exactly,
    a_schedule_makes_what_the_template_says_at_the_slot,
    a_slot_whose_input_does_not_fit_is_skipped_and_says_why,
    a_schedule_of_a_template_that_does_not_exist_is_refused,
    a_step_is_what_the_template_says_when_it_starts,
    a_step_whose_input_does_not_fit_fails_and_says_why,
    items_that_cannot_be_made_count_as_failed,
    a_compensation_that_cannot_be_made_is_passed_over,
);

const SCHEMA: &str = r#"{"properties": {"rows": {"type": "integer", "maximum": 10}}}"#;

fn new_template() -> NewTemplate {
    NewTemplate {
        client: "c".parse().unwrap(),
        name: "a report".parse().unwrap(),
        description: None,
        defaults: Defaults {
            input: r#"{"rows":3}"#.into(),
            priority: 8,
            max_retries: 0,
            ..Defaults::new("report".parse().unwrap(), "text:v1".parse().unwrap())
        },
        input_schema: Some(SCHEMA.into()),
    }
}

pub(crate) fn using(template: TemplateId, input: &str) -> Fires {
    Fires::Task {
        task: StepTask::of(template),
        input: input.into(),
        metadata: None,
    }
}

pub(crate) fn every_minute(fires: Fires) -> ScheduleDefinition {
    ScheduleDefinition { fires, ..every(60) }
}

pub(crate) fn step(name: &str, template: TemplateId, input: &str) -> StepDefinition {
    StepDefinition {
        input: input.into(),
        ..StepDefinition::new(name, StepTask::of(template))
    }
}

impl World {
    pub(crate) async fn a_template(&self) -> TemplateId {
        match self.ains.create_template(new_template(), None).await.unwrap() {
            Answer::Fresh(stored) => stored.template.id,
            Answer::Replayed(answer) => panic!("replayed {answer}"),
        }
    }

    async fn template(&self, id: TemplateId) -> StoredTemplate {
        self.ains.template(id).await.unwrap()
    }

    /// Changes the defaults of a template.
    async fn set_defaults(&self, id: TemplateId, change: impl FnOnce(&mut Defaults)) {
        let mut known = self.template(id).await;
        change(&mut known.template.defaults);
        self.ains
            .change_template(id, changed(&known), None)
            .await
            .unwrap();
    }

    /// A submission from a template.
    async fn as_it_says(&self, id: TemplateId, input: &str) -> NewTask {
        let found = self.ains.templates_to_use([id].into(), None).await.unwrap();
        let own = StepTask::of(id);
        let (spec, input) = found[&id].make(&own, "c".parse().unwrap(), input).unwrap();
        NewTask {
            spec,
            input,
            ..a_task("c")
        }
    }

    async fn input_of(&self, task: ains_core::TaskId) -> String {
        let stored = self.ains.task(task, std::time::Duration::ZERO).await.unwrap();
        stored.documents.input.unwrap().into()
    }

    pub(crate) async fn in_use(&self, id: TemplateId) -> (usize, usize) {
        match self.ains.delete_template(&Actor::NOBODY, id, None).await {
            Err(Error::TemplateInUse(references)) => (references.schedules.len(), references.chains.len()),
            other => panic!("{other:?}"),
        }
    }
}

fn changed(known: &StoredTemplate) -> TemplateChange {
    TemplateChange {
        revision: known.revision,
        name: known.template.name.clone(),
        description: known.template.description.clone(),
        defaults: known.template.defaults.clone(),
        input_schema: known.template.input_schema.clone(),
    }
}

fn a_template_is_kept_changed_and_removed(db: &TestDb) {
    tell(db, async |world| {
        let id = world.a_template().await;
        let known = world.template(id).await;
        assert_eq!((known.revision, known.times_used), (0, 0));
        assert_eq!(known.template.input_schema.as_deref(), Some(SCHEMA));
        let made = world.submit_one(world.as_it_says(id, r#"{"x":1}"#).await).await;
        assert_eq!((made.template, made.priority), (Some(id), 8));
        assert_eq!(world.input_of(made.id).await, r#"{"rows":3,"x":1}"#);
        world.wait(1);
        world.set_defaults(id, |defaults| defaults.priority = 2).await;
        let later = world.submit_one(world.as_it_says(id, "{}").await).await;
        assert_eq!((later.priority, world.task(made.id).await.priority), (2, 8));
        let known = world.template(id).await;
        assert_eq!((known.revision, known.times_used), (1, 2));
        assert!(known.template.updated_at > known.template.created_at);
        world
            .ains
            .delete_template(&Actor::NOBODY, id, None)
            .await
            .unwrap();
        assert_eq!(world.task(made.id).await.template, Some(id));
        for refused in [
            world.ains.template(id).await.map(drop),
            world.ains.delete_template(&Actor::NOBODY, id, None).await,
            world
                .ains
                .change_template(id, changed(&known), None)
                .await
                .map(drop),
        ] {
            assert!(
                matches!(
                    refused,
                    Err(Error::NotFound {
                        entity: "Template",
                        ..
                    })
                ),
                "{refused:?}"
            );
        }
        assert!(
            world
                .ains
                .templates_to_use([id].into(), None)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

fn a_change_is_made_from_what_the_template_was(db: &TestDb) {
    tell(db, async |world| {
        let id = world.a_template().await;
        let known = world.template(id).await;
        world.set_defaults(id, |defaults| defaults.priority = 2).await;
        let late = world.ains.change_template(id, changed(&known), None).await;
        assert!(matches!(late, Err(Error::Stale { .. })), "{late:?}");
        assert_eq!(world.template(id).await.template.defaults.priority, 2);
    });
}

fn a_template_belongs_to_its_client(db: &TestDb) {
    tell(db, async |world| {
        let id = world.a_template().await;
        let known = world.template(id).await;
        let other = || Some("other".parse().unwrap());
        let refused = world.ains.change_template(id, changed(&known), other()).await;
        assert!(matches!(refused, Err(Error::NotOwner)), "{refused:?}");
        let refused = world.ains.delete_template(&Actor::NOBODY, id, other()).await;
        assert!(matches!(refused, Err(Error::NotOwner)), "{refused:?}");
        let found = world.ains.templates_to_use([id].into(), other()).await.unwrap();
        assert!(found.is_empty());
        let filter = TemplateFilter {
            client: other(),
            limit: 10,
            ..TemplateFilter::default()
        };
        assert_eq!(world.ains.templates(filter).await.unwrap(), []);
        world
            .ains
            .delete_template(&Actor::NOBODY, id, Some("c".parse().unwrap()))
            .await
            .unwrap();
    });
}

fn the_same_key_makes_one_template(db: &TestDb) {
    tell(db, async |world| {
        let once = |fingerprint: &str| Once {
            scope: "c".to_owned(),
            key: "k".to_owned(),
            fingerprint: fingerprint.to_owned(),
            render: Box::new(|stored: &StoredTemplate| stored.template.id.to_string()),
        };
        assert_eq!(world.ains.earlier(Some(&once("a"))).await.unwrap(), None);
        let first = world
            .ains
            .create_template(new_template(), Some(once("a")))
            .await
            .unwrap();
        let Answer::Fresh(first) = first else {
            panic!("{first:?}")
        };
        let id = first.template.id;
        world
            .ains
            .delete_template(&Actor::NOBODY, id, None)
            .await
            .unwrap();
        let again = world
            .ains
            .create_template(new_template(), Some(once("a")))
            .await
            .unwrap();
        assert!(
            matches!(&again, Answer::Replayed(text) if *text == id.to_string()),
            "{again:?}"
        );
        assert_eq!(
            world.ains.earlier(Some(&once("a"))).await.unwrap(),
            Some(id.to_string())
        );
        let other = world.ains.earlier(Some(&once("b"))).await;
        assert!(matches!(other, Err(Error::KeyReused)), "{other:?}");
    });
}

fn every_use_is_counted_exactly(db: &TestDb) {
    tell(db, async |world| {
        let ids = [world.a_template().await, world.a_template().await];
        let mut waiting = Vec::new();
        for number in 0..60 {
            let new = world.as_it_says(ids[number % 2], "{}").await;
            let ains = world.ains.clone();
            waiting.push(tokio::spawn(async move {
                ains.submit(vec![new.clone(), new], None).await
            }));
        }
        // Changes at the same time take no use away.
        world.set_defaults(ids[0], |defaults| defaults.priority = 1).await;
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        for id in ids {
            assert_eq!(world.template(id).await.times_used, 60);
            let filter = TaskFilter {
                template: Some(id),
                ..TaskFilter::default()
            };
            assert_eq!(world.ains.count_tasks(filter).await.unwrap(), 60);
        }
    });
}

fn a_schedule_makes_what_the_template_says_at_the_slot(db: &TestDb) {
    tell(db, async |world| {
        let template = world.a_template().await;
        let own = StepTask {
            max_retries: Some(5),
            ..StepTask::of(template)
        };
        let fires = Fires::Task {
            task: own,
            input: r#"{"x":1}"#.into(),
            metadata: None,
        };
        let id = world.schedule(every_minute(fires)).await;
        world.pass(60).await;
        world
            .set_defaults(template, |defaults| {
                defaults.priority = 1;
                defaults.input = r#"{"rows":4,"x":2}"#.into();
            })
            .await;
        world.pass(60).await;
        let made = world.made(id).await;
        let [first, second] = [world.task(made[0]).await, world.task(made[1]).await];
        assert_eq!(
            (first.priority, first.max_retries, first.template),
            (8, 5, Some(template))
        );
        assert_eq!(
            (second.priority, second.max_retries, second.schedule),
            (1, 5, Some(id))
        );
        assert_eq!(world.input_of(made[0]).await, r#"{"rows":3,"x":1}"#);
        assert_eq!(world.input_of(made[1]).await, r#"{"rows":4,"x":1}"#);
        assert_eq!(world.template(template).await.times_used, 2);
    });
}

fn a_slot_whose_input_does_not_fit_is_skipped_and_says_why(db: &TestDb) {
    tell(db, async |world| {
        let template = world.a_template().await;
        let refused = world
            .try_schedule(every_minute(using(template, r#"{"rows":11}"#)))
            .await;
        let Err(Error::BadInput(faults)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(faults[0].pointer, "/rows");
        let id = world.schedule(every_minute(using(template, "{}"))).await;
        let plain = world.schedule(every(60)).await;
        world
            .set_defaults(template, |defaults| defaults.input = r#"{"rows":"many"}"#.into())
            .await;
        world.pass(60).await;
        // The sweep goes on with the others, and with the next slot.
        assert_eq!(world.made(plain).await.len(), 1);
        assert!(world.made(id).await.is_empty());
        let slots = world.slots(id).await;
        assert_eq!((slots.len(), slots[0].state), (1, SlotState::Skipped));
        let expected = format!(
            "the task cannot be made: the input is not as template {template} wants it: \
             /input_data/rows: the value is not of type \"integer\""
        );
        assert_eq!(slots[0].reason.as_deref(), Some(&*expected));
        let view = world.of(id).await.schedule;
        assert_eq!(
            (view.open_runs, view.failed_runs, view.standing),
            (0, 1, Standing::Active)
        );
        world
            .set_defaults(template, |defaults| defaults.input = "{}".into())
            .await;
        world.pass(60).await;
        assert_eq!(world.made(id).await.len(), 1);
        assert_eq!(world.template(template).await.times_used, 1);
    });
}

fn a_schedule_of_a_template_that_does_not_exist_is_refused(db: &TestDb) {
    tell(db, async |world| {
        let gone = world.a_template().await;
        world
            .ains
            .delete_template(&Actor::NOBODY, gone, None)
            .await
            .unwrap();
        let other = NewTemplate {
            client: "other".parse().unwrap(),
            ..new_template()
        };
        let other = world.ains.create_template(other, None).await.unwrap();
        let Answer::Fresh(other) = other else {
            panic!("{other:?}")
        };
        let mine = world.schedule(every(60)).await;
        for template in [gone, other.template.id] {
            let refused = world.try_schedule(every_minute(using(template, "{}"))).await;
            assert!(
                matches!(refused, Err(Error::UnknownTemplate(id)) if id == template),
                "{refused:?}"
            );
            let refused = world.try_chain(vec![step("s", template, "{}")], "{}", None).await;
            assert!(
                matches!(refused, Err(Error::UnknownTemplate(id)) if id == template),
                "{refused:?}"
            );
            let change = ScheduleSteer::Change(Box::new(ScheduleChange {
                revision: 0,
                name: "a schedule".parse().unwrap(),
                definition: every_minute(using(template, "{}")),
                active: None,
            }));
            let refused = world.steer(mine, change).await;
            assert!(
                matches!(refused, Err(Error::UnknownTemplate(id)) if id == template),
                "{refused:?}"
            );
        }
        assert_eq!(world.of(mine).await.revision, 0);
    });
}

fn a_step_is_what_the_template_says_when_it_starts(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let template = world.a_template().await;
        let second = StepDefinition {
            use_previous_output: true,
            ..step("second", template, r#"{"from":"${{ input.name }}"}"#)
        };
        let chain = world
            .chain(vec![step("first", template, "{}"), second], r#"{"name":"x"}"#)
            .await;
        world
            .set_defaults(template, |defaults| defaults.input = r#"{"rows":9}"#.into())
            .await;
        let first = world.claim_some(&agent).await.remove(0);
        assert_eq!(first.documents.input.as_deref(), Some(r#"{"rows":3}"#));
        assert_eq!((first.task.template, first.task.priority), (Some(template), 8));
        world.succeed(&agent, first.task.id).await;
        let second = world.claim_some(&agent).await.remove(0);
        assert_eq!(
            second.documents.input.as_deref(),
            Some(r#"{"from":"x","previous_output":{"ok":true},"rows":9}"#)
        );
        world.succeed(&agent, second.task.id).await;
        assert_eq!(world.view(chain).await.summary.status, ChainStatus::Completed);
        assert_eq!(world.template(template).await.times_used, 2);
    });
}

fn a_step_whose_input_does_not_fit_fails_and_says_why(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let template = world.a_template().await;
        let last = StepDefinition {
            on_failure: OnFailure::Continue,
            ..step("bad", template, r#"{"rows":11}"#)
        };
        let good = after("good", &["bad"]);
        let tolerated = world.chain(vec![last, good], "{}").await;
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.succeed(&agent, task).await;
        assert_eq!(world.view(tolerated).await.summary.status, ChainStatus::Completed);
        // Steps after one another that all cannot be made.
        let steps = (0..200).map(|number| StepDefinition {
            on_failure: OnFailure::Continue,
            ..step(&format!("s{number}"), template, r#"{"rows":11}"#)
        });
        let many = world.chain(steps.collect(), "{}").await;
        assert_eq!(world.view(many).await.summary.status, ChainStatus::Completed);
        let failing = world
            .chain(vec![a_step("one"), step("two", template, r#"{"rows":11}"#)], "{}")
            .await;
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.succeed(&agent, task).await;
        let view = world.view(failing).await;
        assert_eq!(view.summary.status, ChainStatus::Failed);
        let error = view.chain.step(1).error.clone().unwrap();
        assert!(
            error.contains(&template.to_string()) && error.contains("/input_data/rows"),
            "{error}"
        );
        assert_eq!(world.template(template).await.times_used, 0);
        // A retry is made with the template as it is then.
        let mut known = world.template(template).await;
        known.template.input_schema = None;
        world
            .ains
            .change_template(template, changed(&known), None)
            .await
            .unwrap();
        world.ains.steer_chain(failing, Steer::Retry, None).await.unwrap();
        assert_eq!(world.in_use(template).await, (0, 1));
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.succeed(&agent, task).await;
        assert_eq!(world.view(failing).await.summary.status, ChainStatus::Completed);
        world
            .ains
            .delete_template(&Actor::NOBODY, template, None)
            .await
            .unwrap();
    });
}

fn items_that_cannot_be_made_count_as_failed(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let template = world.a_template().await;
        let each = StepDefinition {
            for_each: Some("input.rows".into()),
            tolerate_failures: Tolerance::Count(2),
            max_parallel: Some(1),
            ..step("each", template, r#"{"rows":"${{ item }}"}"#)
        };
        let chain = world.chain(vec![each], r#"{"rows":[11,5,12]}"#).await;
        let task = world.claim_some(&agent).await.remove(0);
        assert_eq!(task.documents.input.as_deref(), Some(r#"{"rows":5}"#));
        world.succeed(&agent, task.task.id).await;
        let view = world
            .ains
            .chain(chain, std::time::Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(view.summary.status, ChainStatus::Completed);
        let state = view.chain.step(0);
        assert_eq!((state.completed, state.failed), (1, 2));
    });
}

fn a_compensation_that_cannot_be_made_is_passed_over(db: &TestDb) {
    tell(db, async |world| {
        let agent = world.agent("a", 10).await;
        let template = world.a_template().await;
        let mut first = a_step("first");
        first.compensate_with = Some(ains_core::chain::Compensation {
            task: StepTask::of(template),
            input: r#"{"rows":11}"#.into(),
        });
        let second = StepDefinition {
            on_failure: OnFailure::Compensate,
            ..a_step("second")
        };
        let chain = world.chain(vec![first, second], "{}").await;
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.succeed(&agent, task).await;
        let task = world.claim_some(&agent).await.remove(0).task.id;
        world.lose(&agent, task).await;
        let view = world.view(chain).await;
        assert_eq!(view.summary.status, ChainStatus::Failed);
        let error = view.chain.step(0).undo_error.clone().unwrap();
        assert!(error.contains("/input_data/rows"), "{error}");
    });
}
