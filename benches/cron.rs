//! Cron: the next slot of ordinary entries in three zones, walked along so that the clocks change on the way; the next
//! slot of the entries that are hardest to find; reading an entry, and refusing one that never fires; and saying it
//! in words.

use std::hint::black_box;
use std::time::Duration;

use ains_core::Timestamp;
use ains_core::cron::{Cron, Dst, DstFold, DstGap};
use chrono_tz::Tz;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

const ZONES: [Tz; 3] = [Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York];

const ORDINARY: [&str; 8] = [
    "* * * * *",
    "*/15 * * * *",
    "30 2 * * *",
    "0 9 * * MON-FRI",
    "*/10 9-17 * * MON-FRI",
    "0 0 1 * *",
    "0 6 15,L * *",
    "@yearly",
];

/// The 29th of February on a Monday, and from when: now, and on such a day, 40 years before the next, for 2100 has none.
const WORST: (&str, [(&str, i64); 2]) = (
    "0 0 * 2 MON#5",
    [("eighteen_years", 1_767_225_600), ("forty_years", 3_223_929_600)],
);

/// In a fold and just before a gap in Berlin.
const CHANGES: [(&str, &str, i64); 3] = [
    ("fold_first", "30 2 * * *", 1_792_888_200),
    ("fold_elapsed", "*/15 * * * *", 1_792_888_200),
    ("gap", "30 2 * * *", 1_774_745_000),
];

fn cron(text: &str) -> Cron {
    Cron::parse(text).expect("it is an entry")
}

fn next_after(c: &mut Criterion) {
    let mut group = c.benchmark_group("cron");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(500));
    for zone in ZONES {
        for text in ORDINARY {
            let cron = cron(text);
            let name = format!(
                "next_after/{}",
                zone.name().rsplit('/').next().unwrap_or_default()
            );
            group.bench_function(BenchmarkId::new(name, text), |b| {
                let mut after = START;
                b.iter(|| {
                    let slot = cron.next_after(black_box(after), zone, Dst::default());
                    after = slot.map_or(START, |slot| slot.at);
                });
            });
        }
    }
    let zone = Tz::Europe__Berlin;
    let (text, starts) = WORST;
    let hardest = cron(text);
    for (name, start) in starts {
        let after = Timestamp::from_micros(start * 1_000_000);
        group.bench_function(BenchmarkId::new("next_after/worst", name), |b| {
            b.iter(|| hardest.next_after(black_box(after), zone, Dst::default()));
        });
    }
    for (name, text, at) in CHANGES {
        let cron = cron(text);
        let dst = Dst {
            gap: DstGap::RunAfter,
            fold: DstFold::First,
        };
        let at = Timestamp::from_micros(at * 1_000_000);
        group.bench_function(BenchmarkId::new("next_after/change", name), |b| {
            b.iter(|| cron.next_after(black_box(at), zone, dst));
        });
    }
    group.finish();
}

fn texts(c: &mut Criterion) {
    let mut group = c.benchmark_group("cron");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(1))
        .warm_up_time(Duration::from_millis(500));
    let parsed = [
        "30 2 * * *",
        "*/10 9-17 1,15W,L-3 JAN-MAR FRI-MON,WEDL",
        "0 0 31 2,4,6,9,11 *",
    ];
    for text in parsed {
        group.bench_function(BenchmarkId::new("parse", text), |b| {
            b.iter(|| Cron::parse(black_box(text)));
        });
    }
    for text in &parsed[..2] {
        let cron = cron(text);
        group.bench_function(BenchmarkId::new("describe", text), |b| {
            b.iter(|| black_box(&cron).describe(Tz::Europe__Berlin));
        });
    }
    group.finish();
}

criterion_group!(benches, next_after, texts);
criterion_main!(benches);
