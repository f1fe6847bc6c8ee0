//! A routing decision: each strategy at 3, 100, 10,000 and 100,000 agents, the choice alone and
//! the choice with its reservation and the release of an earlier one.

use std::collections::VecDeque;
use std::hint::black_box;

use ains_core::TrustScore;
use ains_core::routing::{AgentPool, Ask, Door, Health, Profile, Strategy};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const SIZES: [u32; 4] = [3, 100, 10_000, 100_000];

fn a_pool(agents: u32, rng: &mut StdRng) -> AgentPool {
    let mut pool = AgentPool::new();
    for number in 0..agents {
        pool.put(Profile {
            id: format!("agent-{number}").parse().expect("an agent id"),
            capabilities: vec!["summarise".to_owned()],
            trust: TrustScore::clamped(rng.random_range(0.3..1.0)),
            max_concurrency: 10,
            health: Health::Active,
            draining: false,
            average_seconds: (number % 10 != 9).then(|| rng.random_range(0.1..60.0)),
            active: rng.random_range(0..5),
            door: Door::Open,
            last_assigned: u64::from(rng.random::<u32>()),
            registered: i64::from(number),
        });
    }
    pool
}

fn ask(strategy: Strategy) -> Ask<'static> {
    Ask {
        capability: "summarise",
        tenth: 0,
        strategy,
        heartbeat_needed: true,
    }
}

fn choice(c: &mut Criterion) {
    let mut group = c.benchmark_group("choice");
    for agents in SIZES {
        let mut rng = StdRng::seed_from_u64(1);
        let pool = a_pool(agents, &mut rng);
        for strategy in Strategy::ALL {
            let ask = ask(strategy);
            group.bench_function(BenchmarkId::new(strategy.as_str(), agents), |b| {
                b.iter(|| black_box(pool.choose(black_box(&ask), &mut rng)));
            });
        }
    }
    group.finish();
}

/// One decision as the service takes it: choose, reserve, and some earlier lease ends.
fn choice_and_load(c: &mut Criterion) {
    let mut group = c.benchmark_group("choice_and_load");
    for agents in SIZES {
        for strategy in Strategy::ALL {
            let mut rng = StdRng::seed_from_u64(1);
            let mut pool = a_pool(agents, &mut rng);
            let ask = ask(strategy);
            let mut held: VecDeque<_> = (0..agents)
                .map(|_| pool.take(&ask, &mut rng).expect("there is room").seat)
                .collect();
            group.bench_function(BenchmarkId::new(strategy.as_str(), agents), |b| {
                b.iter(|| {
                    let reservation = pool.take(black_box(&ask), &mut rng).expect("there is room");
                    held.push_back(reservation.seat);
                    pool.release(held.pop_front().expect("there are leases"));
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, choice, choice_and_load);
criterion_main!(benches);
