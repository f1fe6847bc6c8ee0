//! Agents, what they publish, and their trust.

use ains_core::agent::Capability;
use ains_core::fair::Weight;
use ains_core::{CapabilityId, Mint, TrustRecordId};
use ains_store::agents::{self, Sign};
use ains_store::trust::{self, TrustRecord};
use ains_store::{capabilities, clients};
use rand::SeedableRng as _;

use crate::support::{an_agent, at};
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>) {
    let (mut mint, mut rng) = (Mint::default(), rand::rngs::StdRng::seed_from_u64(1));
    let agent = an_agent("a");
    let ids = [agent.id.clone(), "b".parse().unwrap()];
    call!(trace, agents::insert(&agent));
    call!(trace, agents::lock(&ids));
    call!(trace, agents::lock_free(&ids));
    call!(trace, agents::save(&[&agent]));
    call!(trace, agents::find(&agent.id));
    call!(trace, agents::by_ids(&ids));
    call!(trace, agents::changed_since(at(0), 10));
    call!(trace, agents::page("", 10));
    call!(trace, agents::silent(at(0), 10));
    call!(trace, agents::next_silence());
    let sign = Sign {
        agent_id: agent.id.clone(),
        last_seen_at: at(200).as_micros(),
        silent_at: at(900).as_micros(),
        last_heartbeat_at: Some(1),
        last_assigned_at: Some(1),
    };
    call!(trace, agents::save_signs(&[sign]));
    let capability = Capability {
        id: CapabilityId::mint(&mut mint, at(1), &mut rng),
        agent: agent.id.clone(),
        name: "Sort:V1".parse().unwrap(),
        description: "sorts".into(),
        input_schema: "{}".into(),
        output_schema: "{}".into(),
        pricing_model: "free".into(),
        price: 0.0,
        latency_p99_ms: 12,
        availability_percent: 99.5,
        deprecated: false,
        created_at: at(1),
    };
    call!(trace, capabilities::insert(&capability));
    call!(trace, capabilities::of_agent(&agent.id));
    call!(trace, capabilities::offered_by(&ids));
    call!(trace, capabilities::remove(capability.id));
    let record = TrustRecord {
        id: TrustRecordId::mint(&mut mint, at(1), &mut rng),
        agent: agent.id.clone(),
        event: "completed".into(),
        delta: 0.1,
        before: 0.5,
        after: 0.6,
        reason: None,
        task: None,
        created_at: at(1),
    };
    call!(trace, trust::insert(&[record]));
    call!(trace, trust::of_agent(&agent.id, None, 10));
    call!(trace, agents::remove(&agent.id));
    let client = "c".parse().unwrap();
    call!(trace, clients::set_weight(&client, Weight::default(), at(1)));
    call!(trace, clients::weights(&[client, "d".parse().unwrap()]));
}
