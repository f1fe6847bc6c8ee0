//! Registering, draining, removing.

use ains_core::agent::{AgentStatus, Availability, HeartbeatStatus};
use ains_core::directory::Viewer;
use ains_core::task::ReportKind;
use ains_core::{AgentId, Name, Status};
use ains_service::{Actor, AgentChange, AgentFilter, Answer, Error, Heartbeat, NewCapability};
use ains_testkit::TestDb;

use crate::world::{World, a_task, an_agent, tell};

ains_testkit::contract!(
    an_id_is_registered_once,
    a_draining_agent_gets_nothing_new,
    an_agent_that_holds_tasks_is_removed_only_by_force,
    a_published_capability_counts_at_once,
    lists_show_agents_by_status_and_availability,
    earlier_work_needs_a_known_client_a_provider_and_a_heartbeat,
    an_agent_that_says_it_goes_loses_what_it_holds,
    routing_is_explained_without_changing_anything,
);

fn beat(status: HeartbeatStatus) -> Heartbeat {
    Heartbeat {
        status,
        holding: None,
    }
}

async fn until_assigned(world: &World, id: ains_core::TaskId) -> AgentId {
    loop {
        if let Some(agent) = world.task(id).await.agent {
            return agent;
        }
    }
}

fn an_id_is_registered_once(db: &TestDb) {
    tell(db, |world| async move {
        world.agent("a", 1).await;
        let twice = world.ains.register(an_agent("a"), None).await;
        assert!(matches!(twice, Err(Error::AgentExists(id)) if id == "a"));
        let unknown = world.ains.agent("b".parse().unwrap()).await;
        assert!(matches!(unknown, Err(Error::NotFound { entity: "Agent", .. })));
        let mut many = an_agent("c");
        many.tags = (0..65)
            .map(|n| format!("tag{n}").parse::<Name>().unwrap())
            .collect();
        assert!(matches!(
            world.ains.register(many, None).await,
            Err(Error::TooManyCapabilities(64))
        ));
        let mut odd = an_agent("d");
        odd.signature = "xyz".into();
        assert!(matches!(
            world.ains.register(odd, None).await,
            Err(Error::InvalidSignature(_))
        ));
    });
}

fn a_draining_agent_gets_nothing_new(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let draining = |draining| AgentChange {
            draining: Some(draining),
            ..AgentChange::default()
        };
        world
            .ains
            .change_agent(agent.clone(), draining(true))
            .await
            .unwrap();
        let task = world.submit("c", 1).await.remove(0);
        assert_eq!(task.status, Status::Pending);
        let view = world.ains.agent(agent.clone()).await.unwrap();
        assert_eq!(view.agent.availability(view.active), Availability::Draining);
        world
            .ains
            .change_agent(agent.clone(), draining(false))
            .await
            .unwrap();
        assert_eq!(until_assigned(&world, task.id).await, agent);
    });
}

fn an_agent_that_holds_tasks_is_removed_only_by_force(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        let refused = world
            .ains
            .remove_agent(&Actor::NOBODY, agent.clone(), false)
            .await;
        assert!(
            matches!(refused, Err(Error::AgentBusy { held: 1, .. })),
            "{refused:?}"
        );
        world
            .ains
            .remove_agent(&Actor::NOBODY, agent.clone(), true)
            .await
            .unwrap();
        assert!(world.ains.agent(agent).await.is_err());
        assert!(world.task(task.id).await.is_ready());
        assert_eq!(world.ains.stats().await.unwrap().agents, 0);
    });
}

fn a_published_capability_counts_at_once(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let mut new = a_task("c");
        new.spec.capability = "Sort:V2".parse().unwrap();
        let task = world.submit_all(vec![new]).await.remove(0);
        assert_eq!(task.status, Status::Pending);
        let capability = NewCapability {
            name: "sort:v2".parse().unwrap(),
            description: String::new(),
            input_schema: "{}".into(),
            output_schema: "{}".into(),
            pricing_model: "free".into(),
            price: 0.0,
            latency_p99_ms: 10,
            availability_percent: 99.0,
        };
        let published = world.ains.publish(agent.clone(), capability, None).await.unwrap();
        assert!(matches!(published, Answer::Fresh(_)));
        assert_eq!(until_assigned(&world, task.id).await, agent);
        assert_eq!(world.ains.capabilities(agent).await.unwrap().len(), 1);
    });
}

fn lists_show_agents_by_status_and_availability(db: &TestDb) {
    tell(db, |world| async move {
        let (a, b) = (world.agent("a", 1).await, world.agent("b", 10).await);
        world.wait(1);
        let c = world.agent("c", 10).await;
        world
            .ains
            .heartbeat(c.clone(), beat(HeartbeatStatus::Offline))
            .await
            .unwrap();
        world.submit("x", 2).await;
        let ids = async |filter| {
            let (views, total) = world
                .ains
                .agents(&Viewer::Everything, filter, 10, 0)
                .await
                .unwrap();
            assert_eq!(views.len() as i64, total);
            views.into_iter().map(|view| view.agent.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(None).await, [a.clone(), b.clone(), c.clone()]);
        assert_eq!(
            ids(Some(AgentFilter::Status(AgentStatus::Active))).await,
            [a.clone(), b.clone()]
        );
        assert_eq!(
            ids(Some(AgentFilter::Availability(Availability::Busy))).await,
            [a]
        );
        assert_eq!(
            ids(Some(AgentFilter::Availability(Availability::Available))).await,
            [b.clone()]
        );
        assert_eq!(
            ids(Some(AgentFilter::Availability(Availability::Inactive))).await,
            [c]
        );
        let (page, total) = world.ains.agents(&Viewer::Everything, None, 1, 1).await.unwrap();
        assert_eq!((page[0].agent.id.clone(), total), (b, 3));
    });
}

fn earlier_work_needs_a_known_client_a_provider_and_a_heartbeat(db: &TestDb) {
    tell(db, |world| async move {
        let mut new = a_task("client");
        new.spec.heartbeat_needed = true;
        let unknown = world.ains.submit_earlier(vec![new.clone()], None).await;
        assert!(matches!(unknown, Err(Error::UnknownClientAgent(_))));
        let mut client = an_agent("client");
        client.tags.clear();
        world.register(client).await;
        assert!(matches!(
            world.ains.submit_earlier(vec![new.clone()], None).await,
            Err(Error::NoProvider(_))
        ));
        let agent = world.agent("a", 10).await;
        let Ok(Answer::Fresh(stored)) = world.ains.submit_earlier(vec![new], None).await else {
            panic!()
        };
        assert_eq!(stored[0].status, Status::Pending);
        let pushed = world.submit("client", 1).await.remove(0);
        assert_eq!(pushed.agent, Some(agent.clone()), "other work does not need one");
        assert_eq!(
            world.task(stored[0].id).await.status,
            Status::Pending,
            "no heartbeat yet"
        );
        world
            .ains
            .heartbeat(agent.clone(), beat(HeartbeatStatus::Active))
            .await
            .unwrap();
        assert_eq!(until_assigned(&world, stored[0].id).await, agent);
    });
}

fn an_agent_that_says_it_goes_loses_what_it_holds(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 10).await;
        let task = world.submit("c", 1).await.remove(0);
        world.report(&agent, task.id, 1, ReportKind::Start).await.unwrap();
        world
            .ains
            .heartbeat(agent.clone(), beat(HeartbeatStatus::Offline))
            .await
            .unwrap();
        while !world.task(task.id).await.is_ready() {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.ains.stats().await.unwrap().agents_active, 0);
    });
}

fn routing_is_explained_without_changing_anything(db: &TestDb) {
    tell(db, |world| async move {
        let a = world.agent("a", 10).await;
        world.wait(1);
        world.agent("b", 10).await;
        let explain = async || {
            let capability: Name = "TEXT:V1".parse().unwrap();
            world
                .ains
                .explain_routing(None, &capability, ains_core::routing::Strategy::RoundRobin)
                .await
                .unwrap()
        };
        for _ in 0..3 {
            let view = explain().await;
            assert_eq!(
                view.chosen.as_ref().map(|chosen| chosen.agent.clone()),
                Some(a.clone())
            );
            assert_eq!(view.candidates.len(), 2);
        }
        let nobody: Name = "none".parse().unwrap();
        let view = world
            .ains
            .explain_routing(None, &nobody, ains_core::routing::Strategy::LeastLoaded)
            .await
            .unwrap();
        assert!(view.chosen.is_none() && view.candidates.is_empty());
    });
}
