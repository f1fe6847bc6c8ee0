//! Counters, keys, answers, and servers.

use ains_core::rate::{Draw, Period};
use ains_core::{KeyId, Mint};
use ains_store::counters::{self, Deltas};
use ains_store::idempotency::{self, Answered};
use ains_store::usage::{self, Uses};
use ains_store::{nodes, rates};
use rand::SeedableRng as _;

use crate::support::at;
use crate::trace::{Trace, call};

pub(crate) fn call(trace: &mut Trace<'_>) {
    call!(trace, counters::add("0.0", &Deltas::from([(("tasks", 0), 1)])));
    call!(trace, counters::totals());
    call!(trace, counters::since(10, 20));
    call!(trace, counters::forget_before(10));
    let answered = Answered {
        scope: "s".into(),
        idempotency_key: "k".into(),
        fingerprint: "f".into(),
        answer: "{}".into(),
        created_at: at(1).as_micros(),
    };
    call!(trace, idempotency::find("s", "k", at(0)));
    call!(trace, idempotency::insert(&answered, at(0)));
    call!(trace, idempotency::remove_before(at(2), 10));
    let key = KeyId::mint(
        &mut Mint::default(),
        at(1),
        &mut rand::rngs::StdRng::seed_from_u64(1),
    );
    let draw = Draw {
        period: Period::Minute,
        window: at(60),
        block: 3,
        limit: 60,
    };
    call!(trace, rates::draw(key, &[draw]));
    let uses = Uses {
        key,
        hour: at(0),
        requests: 1,
    };
    call!(trace, usage::add(&[uses]));
    call!(trace, usage::of(key, at(0)));
    call!(trace, usage::remove_before(at(3600), 500));
    let node = call!(trace, nodes::join("n", at(1), at(0)));
    call!(trace, nodes::beat(&node, at(2)));
    call!(trace, nodes::all());
}
