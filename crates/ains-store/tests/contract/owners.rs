//! Whose things are.

use ains_core::effect::{Attempt, Outcome};
use ains_core::{AgentId, ClientId};
use ains_store::{attempts, calendars, chains, deliveries, owners, schedules, tasks, templates, webhooks};
use ains_testkit::TestDb;

use crate::support::{Maker, a_definition, at, open};

ains_testkit::contract!(every_thing_has_its_owner, an_agent_holds_a_task_or_held_it,);

fn every_thing_has_its_owner(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let owner: ClientId = "ä".parse().unwrap();
    let (task, chain, schedule) = (maker.ready("ä", 1), maker.chain("ä"), maker.schedule("ä"));
    let (calendar, template, webhook) = (maker.calendar("ä"), maker.template("ä"), maker.webhook("ä"));
    let delivery = maker.delivery(webhook.id, "s");
    let foreign = maker.ready("b", 2);
    let unknown = maker.id();
    conn.transact(|conn| {
        tasks::insert(conn, &[task.clone(), foreign.clone()])?;
        chains::insert(conn, &[(&chain, &a_definition(), "{}")])?;
        schedules::insert(conn, &schedule)?;
        calendars::insert(conn, &calendar)?;
        templates::insert(conn, &template)?;
        webhooks::insert(conn, &webhook)?;
        deliveries::insert(conn, std::slice::from_ref(&delivery))
    })
    .unwrap();
    let found = [
        owners::of_task(&mut conn, task.task.id),
        owners::of_chain(&mut conn, chain.id),
        owners::of_schedule(&mut conn, schedule.id),
        owners::of_calendar(&mut conn, calendar.calendar.id),
        owners::of_template(&mut conn, template.template.id),
        owners::of_webhook(&mut conn, webhook.id),
        owners::of_delivery(&mut conn, delivery.id),
    ];
    for found in found {
        assert_eq!(found.unwrap().as_ref(), Some(&owner));
    }
    assert_eq!(owners::of_task(&mut conn, unknown).unwrap(), None);
    let mut of_tasks = owners::of_tasks(&mut conn, &[task.task.id, foreign.task.id, unknown]).unwrap();
    of_tasks.sort();
    let expected = [(task.task.id, owner), (foreign.task.id, "b".parse().unwrap())];
    assert_eq!(of_tasks, expected);
}

fn an_agent_holds_a_task_or_held_it(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut maker = Maker::new();
    let agents = ["now", "before", "never"].map(|id| id.parse::<AgentId>().unwrap());
    let mut stored = maker.ready("c", 1);
    stored.task.agent = Some(agents[0].clone());
    let task = stored.task.id;
    let attempt = Attempt {
        task,
        number: 1,
        agent: agents[1].clone(),
        assigned_at: at(1),
        started_at: None,
        ended_at: at(2),
        outcome: Outcome::Failed,
        error: None,
    };
    conn.transact(|conn| {
        tasks::insert(conn, std::slice::from_ref(&stored))?;
        attempts::insert(conn, std::slice::from_ref(&attempt))
    })
    .unwrap();
    let held = agents.map(|agent| owners::held(&mut conn, task, &agent).unwrap());
    assert_eq!(held, [true, true, false]);
}
