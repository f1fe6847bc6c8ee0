//! What a limit costs a request: within a block of its key, at a limit that is used up, and of an address.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ains_core::rate::Quota;
use ains_core::{KeyId, Mint, Timestamp};
use ains_service::{Ains, Settings, SystemClock};
use ains_store::{Options, Store};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::SeedableRng as _;
use tokio::runtime::Runtime;

fn service(runtime: &Runtime) -> Ains {
    let location = "sqlite://:memory:".parse().expect("it is an address");
    let store = Store::open(&Options::new(location)).expect("a temporary file");
    let settings = Settings {
        address_limit: u32::MAX,
        ..Settings::default()
    };
    let started = Ains::start(store, settings, Arc::new(SystemClock));
    runtime.block_on(started).expect("nothing is in its way")
}

fn quota(limit: u32) -> Quota {
    Quota {
        per_minute: Some(limit),
        per_hour: Some(limit),
    }
}

fn keys(number: usize) -> Vec<KeyId> {
    let (mut mint, mut rng) = (Mint::default(), rand::rngs::StdRng::seed_from_u64(1));
    (0..number)
        .map(|_| KeyId::mint(&mut mint, Timestamp::from_micros(0), &mut rng))
        .collect()
}

/// How long so many requests take, of one key after the other.
fn time(runtime: &Runtime, ains: &Ains, keys: &[KeyId], quota: Quota, requests: u64) -> Duration {
    runtime.block_on(async {
        let begun = Instant::now();
        for key in keys.iter().cycle().take(usize::try_from(requests).expect("few")) {
            black_box(ains.pass(*key, quota).await.expect("the database is there"));
        }
        begun.elapsed()
    })
}

fn limits(c: &mut Criterion) {
    let runtime = Runtime::new().expect("threads");
    let mut group = c.benchmark_group("limits");
    for number in [1, 1000] {
        let (ains, keys) = (service(&runtime), keys(number));
        // A block is a twentieth: some hundred millions.
        time(&runtime, &ains, &keys, quota(u32::MAX), number as u64);
        group.bench_function(BenchmarkId::new("within_a_block", number), |b| {
            b.iter_custom(|requests| time(&runtime, &ains, &keys, quota(u32::MAX), requests));
        });
        runtime.block_on(ains.stop());
    }
    let ains = service(&runtime);
    group.bench_function("no_limit", |b| {
        b.iter_custom(|requests| time(&runtime, &ains, &keys(1), Quota::UNLIMITED, requests));
    });
    group.bench_function("refused", |b| {
        b.iter_custom(|requests| time(&runtime, &ains, &keys(1), quota(0), requests));
    });
    let mut host = 0_u32;
    group.bench_function("address", |b| {
        b.iter(|| {
            host = host.wrapping_add(1) & 0xffff;
            black_box(ains.pass_stranger(IpAddr::V4(Ipv4Addr::from_bits(host))))
        });
    });
    group.finish();
    runtime.block_on(ains.stop());
}

criterion_group!(benches, limits);
criterion_main!(benches);
