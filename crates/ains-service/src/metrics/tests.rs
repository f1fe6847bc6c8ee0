//! What is rolled back is not counted, and what is run again counts once.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use ains_core::Timestamp;
use ains_store::{Options, Store, StoreError};
use ains_testkit::TestDb;

use super::{LATE, Metrics, Repair};
use crate::ains::Ains;
use crate::clock::SystemClock;
use crate::error::Error;
use crate::settings::Settings;

/// Runs `story` with a service on a database of its own.
fn tell<F: Future<Output = ()>>(story: impl FnOnce(Ains) -> F) {
    let db = TestDb::sqlite();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let options = Options::new(db.url().parse().unwrap());
        let store = tokio::task::spawn_blocking(move || Store::open(&options).unwrap());
        let store = store.await.unwrap();
        let ains = Ains::start(store, Settings::default(), Arc::new(SystemClock)).await;
        let ains = ains.unwrap();
        story(ains.clone()).await;
        ains.stop().await;
    });
}

/// Queues, as one batch, three acts that count a task each, and one after them that fails as `faults` says, time after
/// time; how often each was run.
async fn one_batch(ains: &Ains, mut faults: Vec<StoreError>) -> (u32, Result<(), Error>) {
    let (go, held) = mpsc::channel::<()>();
    let (began, begun) = tokio::sync::oneshot::channel();
    let mut began = Some(began);
    let first = ains.write(move |_| {
        if let Some(began) = began.take() {
            let _ = began.send(());
        }
        let _ = held.recv();
        Ok(Ok(()))
    });
    let runs = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counting = || {
        let runs = Arc::clone(&runs);
        ains.write(move |tx| {
            runs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tx.after.counts.created();
            Ok(Ok(()))
        })
    };
    let failing = ains.write(move |_| faults.pop().map_or(Ok(Ok(())), Err));
    let all = async {
        // While the writer is held, what is queued waits for its next transaction.
        begun.await.unwrap();
        let rest = async { tokio::join!(counting(), counting(), counting(), failing) };
        let release = async {
            tokio::task::yield_now().await;
            drop(go);
        };
        tokio::join!(rest, release).0
    };
    let (_, (a, b, c, failed)) = tokio::join!(first, all);
    for counted in [a, b, c] {
        counted.unwrap();
    }
    (runs.load(std::sync::atomic::Ordering::SeqCst), failed)
}

fn rollbacks(ains: &Ains) -> u64 {
    ains.metrics().database.queries[ains_store::Operation::Rollback as usize].get_sample_count()
}

#[test]
fn a_batch_that_is_run_again_counts_once() {
    tell(|ains| async move {
        let (runs, failed) = one_batch(&ains, vec![StoreError::again(), StoreError::again()]).await;
        assert!(failed.is_ok());
        assert_eq!(runs, 9, "three of them, three times");
        assert_eq!(ains.metrics().tasks.created.get(), 3);
        assert_eq!(rollbacks(&ains), 2);
    });
}

#[test]
fn a_batch_that_is_run_one_by_one_counts_what_was_kept() {
    tell(|ains| async move {
        let faults = || StoreError::Panicked;
        let (runs, failed) = one_batch(&ains, vec![faults(), faults()]).await;
        assert!(failed.is_err());
        assert_eq!(runs, 6, "three of them, together and then alone");
        assert_eq!(ains.metrics().tasks.created.get(), 3);
        assert_eq!(rollbacks(&ains), 2);
    });
}

#[test]
fn an_end_that_is_seen_late_was_missed() {
    let metrics = Metrics::new();
    let now = Timestamp::from_micros(60_000_000);
    let missed = || metrics.database.repairs[Repair::End as usize].get();
    metrics.end_seen(None, now);
    metrics.end_seen(Some(now), now);
    metrics.end_seen(Some(now - LATE + Duration::from_micros(1)), now);
    assert_eq!(missed(), 0);
    metrics.end_seen(Some(now - LATE), now);
    assert_eq!(missed(), 1);
}
