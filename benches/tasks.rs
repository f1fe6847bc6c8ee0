//! The rules of a task: the state machine, decisions, and fair-queue positions.

#![expect(clippy::unwrap_used, reason = "the inputs are good")]

use std::hint::black_box;
use std::time::Duration;

use ains_core::fair::{Ends, Turns, Weight, position};
use ains_core::task::{Event, Failure, Report, ReportKind, TaskSpec};
use ains_core::{AgentId, Status, Task, Timestamp};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn a_task() -> Task {
    let spec = TaskSpec::new(
        "client".parse().unwrap(),
        "job".parse().unwrap(),
        "text:v1".parse().unwrap(),
    );
    let id = "task_00000000000000000000000000000001".parse().unwrap();
    Task::submitted(id, spec, Timestamp::from_micros(0))
}

fn state_machine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("state machine");
    group.bench_function("every status meets every event", |bencher| {
        bencher.iter(|| {
            for status in Status::ALL {
                for event in Event::ALL {
                    let _ = black_box(black_box(status).after(black_box(event)));
                }
            }
        });
    });
    let (agent, later): (AgentId, _) = ("agent".parse().unwrap(), Timestamp::from_micros(5_000_000));
    group.bench_function("hand over and complete", |bencher| {
        let report = |task: &Task| Report {
            task: task.id,
            agent: agent.clone(),
            attempt: Some(1),
            kind: ReportKind::Complete,
        };
        bencher.iter_batched_ref(
            a_task,
            |task| {
                task.hand_over(agent.clone(), later).unwrap();
                task.apply(&report(task), 0.0, later).unwrap()
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("hand over and fail with a retry", |bencher| {
        let failure = Failure {
            message: "connection reset".into(),
            ..Failure::default()
        };
        bencher.iter_batched_ref(
            a_task,
            |task| {
                task.hand_over(agent.clone(), later).unwrap();
                let kind = ReportKind::Fail(failure.clone());
                let report = Report {
                    task: task.id,
                    agent: agent.clone(),
                    attempt: Some(1),
                    kind,
                };
                task.apply(&report, 0.5, later + Duration::from_secs(1)).unwrap()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn fair_queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fair queue");
    group.bench_function("position", |bencher| {
        let ends = Ends {
            lowest: Some(10 << 20),
            own_highest: Some(12 << 20),
        };
        bencher.iter(|| position(black_box(ends), black_box(Weight::default())));
    });
    group.bench_function("whose turn among ten priorities", |bencher| {
        let mut turns = Turns::default();
        bencher.iter(|| {
            let next = turns.next(black_box(1..=10)).unwrap();
            turns.served(next);
            next
        });
    });
    group.finish();
}

criterion_group!(benches, state_machine, fair_queue);
criterion_main!(benches);
