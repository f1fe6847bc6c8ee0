//! What the audit log tells, and when it is written.

use std::time::Duration;

use ains_core::AuditEvent;
use ains_service::audit::Refusal;
use ains_service::{Actor, AuditEntry, AuditFilter, Settings};
use ains_store::audit;
use ains_testkit::TestDb;

use crate::world::{World, tell};

ains_testkit::contract!(
    what_is_done_is_there_when_it_is_answered,
    what_is_not_done_leaves_no_entry,
    a_million_refusals_are_one_entry,
    refusals_are_written_soon,
    servers_add_to_the_same_entry,
    old_entries_are_removed_by_their_own_retention_only,
);

fn somebody() -> Actor {
    Actor {
        client: Some("c".parse().unwrap()),
        address: Some("192.0.2.1".to_owned()),
        request: Some("r-1".to_owned()),
        ..Actor::NOBODY
    }
}

fn refusal(address: &str) -> Refusal {
    Refusal {
        event: AuditEvent::AuthFailed,
        key: None,
        client: None,
        agent: None,
        address: Some(address.to_owned()),
        action: "GET /ains/tasks".to_owned(),
        reason: "Invalid API key".to_owned(),
    }
}

/// What another connection sees.
async fn stored(world: &World) -> Vec<AuditEntry> {
    world
        .store(|conn| audit::list(conn, &AuditFilter::default(), 1000))
        .await
}

fn what_is_done_is_there_when_it_is_answered(db: &TestDb) {
    tell(db, |world| async move {
        let (by, ains) = (somebody(), &world.ains);
        let agent = world.agent("a", 1).await;
        ains.adjust_trust(&by, agent.clone(), 0.25, "a reason".into())
            .await
            .unwrap();
        let [entry] = &stored(&world).await[..] else {
            panic!()
        };
        assert_eq!(
            (entry.event, entry.action.as_str()),
            (AuditEvent::TrustAdjusted, "adjust_trust")
        );
        assert_eq!(entry.resource, Some(("agent".to_owned(), "a".to_owned())));
        assert_eq!(
            (&entry.client, &entry.address, &entry.request),
            (&by.client, &by.address, &by.request)
        );
        assert!(entry.success && entry.count == 1 && entry.last_action.is_none());
        assert!(!entry.metadata.contains("reason"), "{}", entry.metadata);

        ains.remove_agent(&by, agent, true).await.unwrap();
        ains.cleanup(&by, 30).await.unwrap();
        let kinds: Vec<_> = stored(&world).await.iter().map(|entry| entry.event).collect();
        assert_eq!(
            kinds,
            [
                AuditEvent::MaintenanceRun,
                AuditEvent::ResourceDeleted,
                AuditEvent::TrustAdjusted
            ]
        );
    });
}

fn what_is_not_done_leaves_no_entry(db: &TestDb) {
    tell(db, |world| async move {
        let (by, ains) = (somebody(), &world.ains);
        let nobody = "a".parse().unwrap();
        assert!(ains.adjust_trust(&by, nobody, 0.1, "x".into()).await.is_err());
        let agent = world.agent("b", 1).await;
        world.submit("c", 1).await;
        world.claim(&agent, 1).await;
        assert!(
            ains.remove_agent(&by, agent, false).await.is_err(),
            "it holds a task"
        );
        assert_eq!(stored(&world).await, []);
    });
}

fn a_million_refusals_are_one_entry(db: &TestDb) {
    tell(db, |world| async move {
        for _ in 0..1_000_000 {
            world.ains.refused(refusal("192.0.2.1"));
        }
        for n in 0..100_000 {
            world.ains.refused(refusal(&format!("2001:db8::{n:x}")));
        }
        world.ains.stop().await;
        let all = world
            .store(|conn| audit::list(conn, &AuditFilter::default(), 5000))
            .await;
        assert!(all.len() <= 1025, "{}", all.len());
        let many = all.iter().find(|entry| entry.address.as_deref() == Some("many"));
        assert!(many.is_some_and(|many| many.count > 90_000), "{many:?}");
        assert_eq!(all.iter().map(|entry| entry.count).sum::<i64>(), 1_100_000);
    });
}

fn refusals_are_written_soon(db: &TestDb) {
    tell(db, |world| async move {
        world.ains.refused(refusal("192.0.2.1"));
        let written = async { while stored(&world).await.is_empty() {} };
        tokio::time::timeout(Duration::from_secs(30), written)
            .await
            .unwrap();
    });
}

fn servers_add_to_the_same_entry(db: &TestDb) {
    tell(db, |world| async move {
        let Some(second) = world.another().await else {
            return;
        };
        for ains in [&world.ains, &second, &world.ains] {
            for _ in 0..100 {
                ains.refused(refusal("192.0.2.1"));
            }
        }
        world.ains.stop().await;
        second.stop().await;
        let entries = stored(&world).await;
        assert_eq!(entries.len(), 1, "{entries:?}");
        assert_eq!(entries[0].count, 300);
    });
}

fn old_entries_are_removed_by_their_own_retention_only(db: &TestDb) {
    tell(db, |world| async move {
        let agent = world.agent("a", 1).await;
        let adjust = |world: &World| {
            let (ains, agent) = (world.ains.clone(), agent.clone());
            async move {
                ains.adjust_trust(&somebody(), agent, 0.1, "x".into())
                    .await
                    .unwrap()
            }
        };
        adjust(&world).await;
        world.clock.advance(Duration::from_secs(89 * 86_400));
        adjust(&world).await;
        world.ains.cleanup(&somebody(), 7).await.unwrap();
        assert_eq!(
            stored(&world).await.len(),
            3,
            "a clean-up leaves the log, and itself in it"
        );

        // Housekeeping begins with the server.
        world.clock.advance(Duration::from_secs(2 * 86_400));
        let kept = Settings {
            audit_retention: None,
            ..Settings::default()
        };
        let world = world.restarted_as(kept).await;
        let world = world.restarted().await;
        let removed = async { while stored(&world).await.len() > 2 {} };
        tokio::time::timeout(Duration::from_secs(30), removed)
            .await
            .unwrap();
        assert_eq!(stored(&world).await.len(), 2);
    });
}
