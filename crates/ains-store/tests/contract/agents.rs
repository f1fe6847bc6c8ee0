//! Agents, what they publish, and their trust.

use ains_core::agent::{AgentStatus, Capability};
use ains_core::directory::Offer;
use ains_core::{CapabilityId, Mint, TrustRecordId};
use ains_store::agents::{self, Sign};
use ains_store::capabilities;
use ains_store::trust::{self, TrustRecord};
use ains_testkit::TestDb;
use rand::SeedableRng as _;

use crate::support::{an_agent, at, open};

ains_testkit::contract!(
    a_saved_agent_reads_back_unchanged,
    an_agent_belongs_to_who_registered_it,
    an_id_is_taken_once,
    signs_of_life_never_go_back,
    silent_agents_are_found,
    capabilities_go_with_their_agent,
    trust_records_come_newest_first,
    changes_since_an_instant_are_found,
);

fn a_saved_agent_reads_back_unchanged(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut agent = an_agent("a");
    assert!(agents::insert(&mut conn, &agent).unwrap());
    assert_eq!(agents::find(&mut conn, &agent.id).unwrap(), Some(agent.clone()));
    agent.status = AgentStatus::Degraded;
    agent.average_seconds = None;
    agent.description = None;
    agent.last_heartbeat_at = Some(at(120));
    (agent.claims, agent.unresponsive, agent.draining) = (true, true, true);
    agents::save(&mut conn, &[&agent]).unwrap();
    assert_eq!(
        agents::lock(&mut conn, std::slice::from_ref(&agent.id)).unwrap(),
        [agent]
    );
}

fn an_agent_belongs_to_who_registered_it(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let mut agent = an_agent("a");
    (agent.client, agent.shared) = (Some("c".parse().unwrap()), false);
    assert!(agents::insert(&mut conn, &agent).unwrap());
    assert_eq!(agents::find(&mut conn, &agent.id).unwrap(), Some(agent.clone()));
    let owned = agent.clone();
    (agent.client, agent.shared) = (None, true);
    agents::save(&mut conn, &[&agent]).unwrap();
    let stored = agents::find(&mut conn, &agent.id).unwrap().unwrap();
    assert_eq!(
        (stored.client, stored.shared),
        (owned.client, true),
        "it keeps its owner"
    );
}

fn an_id_is_taken_once(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    assert!(agents::insert(&mut conn, &an_agent("a")).unwrap());
    assert!(!agents::insert(&mut conn, &an_agent("a")).unwrap());
    assert!(agents::remove(&mut conn, &"a".parse().unwrap()).unwrap());
    assert!(!agents::remove(&mut conn, &"a".parse().unwrap()).unwrap());
}

fn signs_of_life_never_go_back(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let agent = an_agent("a");
    agents::insert(&mut conn, &agent).unwrap();
    let sign = |seconds: i64| Sign {
        agent_id: agent.id.clone(),
        last_seen_at: at(seconds).as_micros(),
        silent_at: at(seconds + 900).as_micros(),
        last_heartbeat_at: None,
        last_assigned_at: Some(at(seconds).as_micros()),
    };
    conn.transact(|conn| agents::save_signs(conn, &[sign(200)]))
        .unwrap();
    conn.transact(|conn| {
        agents::save_signs(
            conn,
            &[Sign {
                last_heartbeat_at: Some(at(150).as_micros()),
                last_assigned_at: None,
                ..sign(150)
            }],
        )
    })
    .unwrap();
    conn.transact(|conn| {
        agents::save_signs(
            conn,
            &[Sign {
                last_heartbeat_at: Some(at(140).as_micros()),
                ..sign(140)
            }],
        )
    })
    .unwrap();
    let found = agents::find(&mut conn, &agent.id).unwrap().unwrap();
    assert_eq!(
        (
            found.last_seen_at,
            found.last_heartbeat_at,
            found.last_assigned_at
        ),
        (at(200), Some(at(150)), Some(at(200)))
    );
    assert_eq!(agents::next_silence(&mut conn).unwrap(), Some(at(1100)));
}

fn silent_agents_are_found(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    for (name, status) in [
        ("a", AgentStatus::Active),
        ("b", AgentStatus::Inactive),
        ("c", AgentStatus::Degraded),
    ] {
        let mut agent = an_agent(name);
        agent.status = status;
        agents::insert(&mut conn, &agent).unwrap();
    }
    assert_eq!(agents::silent(&mut conn, at(999), 10).unwrap(), []);
    let silent = agents::silent(&mut conn, at(1000), 10).unwrap();
    assert_eq!(silent, ["a".parse().unwrap(), "c".parse().unwrap()]);
}

fn capabilities_go_with_their_agent(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let agent = an_agent("a");
    agents::insert(&mut conn, &agent).unwrap();
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let capability = Capability {
        id: CapabilityId::mint(&mut Mint::default(), at(1), &mut rng),
        agent: agent.id.clone(),
        name: "Sort:V1".parse().unwrap(),
        description: "sorts".into(),
        input_schema: r#"{"type":"array"}"#.into(),
        output_schema: "{}".into(),
        pricing_model: "per_call".into(),
        price: 0.25,
        latency_p99_ms: 12,
        availability_percent: 99.5,
        deprecated: false,
        created_at: at(1),
    };
    capabilities::insert(&mut conn, &capability).unwrap();
    assert_eq!(
        capabilities::of_agent(&mut conn, &agent.id).unwrap(),
        std::slice::from_ref(&capability)
    );
    let offered = capabilities::offered_by(&mut conn, std::slice::from_ref(&agent.id)).unwrap();
    let offer = Offer {
        name: capability.name.clone(),
        price: capability.price,
        latency_p99_ms: capability.latency_p99_ms,
    };
    assert_eq!(offered, [(agent.id.clone(), offer)], "in short");
    capabilities::remove(&mut conn, capability.id).unwrap();
    assert_eq!(
        capabilities::offered_by(&mut conn, std::slice::from_ref(&agent.id)).unwrap(),
        []
    );
    capabilities::insert(&mut conn, &capability).unwrap();
    agents::remove(&mut conn, &agent.id).unwrap();
    assert_eq!(capabilities::of_agent(&mut conn, &agent.id).unwrap(), []);
}

fn trust_records_come_newest_first(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    let (mut mint, mut rng) = (Mint::default(), rand::rngs::StdRng::seed_from_u64(1));
    let records: Vec<TrustRecord> = [0.02, -0.05, 0.05]
        .map(|delta| TrustRecord {
            id: TrustRecordId::mint(&mut mint, at(1), &mut rng),
            agent: "a".parse().unwrap(),
            event: "completed".into(),
            delta,
            before: 0.5,
            after: 0.5 + delta,
            reason: Some("why".into()),
            task: None,
            created_at: at(1),
        })
        .into();
    trust::insert(&mut conn, &records).unwrap();
    let mut page = |before, limit| trust::of_agent(&mut conn, &"a".parse().unwrap(), before, limit).unwrap();
    assert_eq!(page(None, 2), [records[2].clone(), records[1].clone()]);
    assert_eq!(page(Some(records[1].id), 2), [records[0].clone()]);
    assert_eq!(page(Some(records[0].id), 2), []);
}

fn changes_since_an_instant_are_found(db: &TestDb) {
    let mut conn = open(db).connect().unwrap();
    for (name, seconds) in [("a", 10), ("b", 30), ("c", 20)] {
        let mut agent = an_agent(name);
        agent.updated_at = at(seconds);
        agents::insert(&mut conn, &agent).unwrap();
    }
    let changed = agents::changed_since(&mut conn, at(20), 10).unwrap();
    assert_eq!(
        changed.iter().map(|agent| agent.id.as_str()).collect::<Vec<_>>(),
        ["c", "b"]
    );
    let ids = [
        "b".parse().unwrap(),
        "a".parse().unwrap(),
        "none".parse().unwrap(),
    ];
    let found = agents::by_ids(&mut conn, &ids).unwrap();
    assert_eq!(
        found.iter().map(|agent| agent.id.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
}
