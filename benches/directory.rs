//! What a search and the leaderboard cost, with 10,000 and with 100,000 agents.
//!
//! An agent offers three of a hundred capabilities and has two of fifty tags. Figures and how to read them:
//! docs/benchmarks.md.

use std::hint::black_box;

use ains_core::TrustScore;
use ains_core::directory::{Card, Directory, Offer, Search, SortBy, Viewer};
use criterion::{Criterion, criterion_group, criterion_main};

/// A number that looks like chance, the same in every run.
fn draw(n: u32, salt: u32) -> u32 {
    let mixed = (n ^ salt.rotate_left(16)).wrapping_mul(0x9E37_79B1);
    (mixed ^ (mixed >> 15)).wrapping_mul(0x85EB_CA77) >> 8
}

fn card(n: u32) -> Card {
    Card {
        id: format!("agent-{n}").parse().expect("an agent id"),
        display_name: format!("Agent {n}"),
        reserved_for: None,
        trust: TrustScore::clamped(f64::from(draw(n, 1) % 101) / 100.0),
        completed: i64::from(draw(n, 2) % 10_000),
        failed: 0,
        present: !draw(n, 3).is_multiple_of(10),
        tags: (4..6)
            .map(|salt| format!("tag-{}", draw(n, salt) % 50).parse().expect("a tag"))
            .collect(),
    }
}

fn offers(n: u32) -> Vec<Offer> {
    (10..13)
        .map(|salt| Offer {
            name: format!("skill-{}:v1", draw(n, salt) % 100)
                .parse()
                .expect("a name"),
            price: f64::from(draw(n, salt + 10) % 1000) / 100.0,
            latency_p99_ms: i64::from(draw(n, salt + 20) % 5000),
        })
        .collect()
}

fn plain() -> Search {
    Search {
        viewer: Viewer::Everything,
        capability: None,
        tags: Vec::new(),
        min_trust: TrustScore::clamped(0.3),
        max_price: None,
        max_latency_ms: None,
        sort: SortBy::Trust,
        limit: 10,
        offset: 0,
    }
}

fn directory(c: &mut Criterion) {
    for agents in [10_000, 100_000] {
        let mut directory = Directory::default();
        for n in 0..agents {
            directory.put(card(n), Some(offers(n)));
        }
        let mut group = c.benchmark_group(format!("directory of {agents}"));
        let one = Search {
            capability: Some("skill-42:".to_owned()),
            ..plain()
        };
        let cheap = Search {
            tags: vec!["tag-7".to_owned(), "tag-8".to_owned()],
            max_price: Some(5.0),
            sort: SortBy::Price,
            ..one.clone()
        };
        let broad = Search {
            capability: Some("SKILL".to_owned()),
            sort: SortBy::Latency,
            ..plain()
        };
        for (name, search) in [
            ("by trust alone", plain()),
            ("one capability of a hundred", one),
            ("capability, tags and price", cheap),
            ("what every agent offers, by latency", broad),
        ] {
            group.bench_function(name, |b| b.iter(|| black_box(directory.search(&search))));
        }
        group.bench_function("leaderboard", |b| {
            b.iter(|| black_box(directory.leaders(&Viewer::Everything, 10, 9_000)));
        });
        let mut turn = 0;
        group.bench_function("a change of trust", |b| {
            b.iter(|| {
                turn += 1;
                let mut changed = card(turn % agents);
                changed.trust = TrustScore::clamped(f64::from(turn % 101) / 100.0);
                directory.put(changed, None);
            });
        });
        group.finish();
    }
}

criterion_group!(benches, directory);
criterion_main!(benches);
