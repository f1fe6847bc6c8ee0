//! A routing decision: each strategy at 3, 100, 10,000 and 100,000 agents, the choice alone and
//! the choice with its reservation and the release of an earlier one. Then the same at 100,000 agents of which
//! half belong to 1,000 clients, whose tasks alone they are given.

use std::collections::VecDeque;
use std::hint::black_box;

use ains_core::routing::{AgentPool, Ask, Door, Health, Profile, Strategy};
use ains_core::{ClientId, TrustScore};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const SIZES: [u32; 4] = [3, 100, 10_000, 100_000];

/// Clients that have agents of their own.
const CLIENTS: u32 = 1000;

fn client(number: u32) -> ClientId {
    format!("client-{number}").parse().expect("a client id")
}

/// Agents that serve everybody.
fn a_pool(agents: u32, rng: &mut StdRng) -> AgentPool {
    a_pool_of(agents, |_| None, rng)
}

fn a_pool_of(agents: u32, owner: impl Fn(u32) -> Option<ClientId>, rng: &mut StdRng) -> AgentPool {
    let mut pool = AgentPool::new();
    for number in 0..agents {
        pool.put(Profile {
            id: format!("agent-{number}").parse().expect("an agent id"),
            reserved_for: owner(number),
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
        client: None,
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

/// The work of a thousand clients, each with fifty agents of its own beside the 50,000 that serve everybody.
fn choice_of_own(c: &mut Criterion) {
    let mut group = c.benchmark_group("choice_of_own_and_load");
    let clients: Vec<ClientId> = (0..CLIENTS).map(client).collect();
    for strategy in Strategy::ALL {
        let mut rng = StdRng::seed_from_u64(1);
        let owner = |number: u32| (number % 2 == 1).then(|| client(number / 2 % CLIENTS));
        let mut pool = a_pool_of(100_000, owner, &mut rng);
        let asks: Vec<Ask<'_>> = clients
            .iter()
            .map(|client| Ask {
                client: Some(client),
                ..ask(strategy)
            })
            .collect();
        let mut turn = asks.iter().cycle();
        let mut held: VecDeque<_> = (0..100_000)
            .filter_map(|_| pool.take(turn.next()?, &mut rng))
            .map(|reservation| reservation.seat)
            .collect();
        group.bench_function(BenchmarkId::new(strategy.as_str(), 100_000), |b| {
            b.iter(|| {
                let ask = turn.next().expect("they go on for ever");
                let reservation = pool.take(black_box(ask), &mut rng).expect("there is room");
                held.push_back(reservation.seat);
                pool.release(held.pop_front().expect("there are leases"));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, choice, choice_and_load, choice_of_own);
criterion_main!(benches);
