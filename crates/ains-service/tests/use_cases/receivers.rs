//! Receivers of webhooks that answer as they are told, and note what they get.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use ains_core::webhook::{Attempt, Outcome};
use ains_service::{Deliver, Later};
use tokio::sync::{Semaphore, watch};

/// All receivers there are, by their addresses.
#[derive(Debug, Clone)]
pub(crate) struct Receivers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seen: Mutex<Vec<Attempt>>,
    /// What they answer, in order; 200 when there is nothing left.
    answers: Mutex<BTreeMap<String, VecDeque<Outcome>>>,
    /// Addresses that do not answer, until they are told to.
    silent: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    /// How many attempts have begun, and how many are under way.
    begun: watch::Sender<usize>,
    under_way: Mutex<BTreeMap<String, (usize, usize)>>,
}

pub(crate) fn failed(code: u16) -> Outcome {
    Outcome::Failed {
        code: Some(code),
        error: format!("answered with {code}"),
        retry_after: None,
    }
}

impl Receivers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            seen: Mutex::default(),
            answers: Mutex::default(),
            silent: Mutex::default(),
            begun: watch::Sender::new(0),
            under_way: Mutex::default(),
        }))
    }

    /// What `url` answers next.
    pub(crate) fn answer(&self, url: &str, outcomes: impl IntoIterator<Item = Outcome>) {
        let mut answers = self.0.answers.lock().unwrap();
        answers.entry(url.to_owned()).or_default().extend(outcomes);
    }

    /// `url` does not answer any more, until [`Receivers::speak`].
    pub(crate) fn hush(&self, url: &str) {
        let mut silent = self.0.silent.lock().unwrap();
        silent.insert(url.to_owned(), Arc::new(Semaphore::new(0)));
    }

    /// `url` answers so many attempts.
    pub(crate) fn speak(&self, url: &str, attempts: usize) {
        self.0.silent.lock().unwrap()[url].add_permits(attempts);
    }

    /// Waits until `count` attempts have begun in all; they are in the order in which they did.
    pub(crate) async fn begun(&self, count: usize) -> Vec<Attempt> {
        let mut begun = self.0.begun.subscribe();
        let enough = begun.wait_for(|begun| *begun >= count);
        let enough = tokio::time::timeout(std::time::Duration::from_secs(30), enough).await;
        assert!(enough.is_ok(), "{count} attempts: {:?}", self.seen());
        self.seen()
    }

    pub(crate) fn seen(&self) -> Vec<Attempt> {
        self.0.seen.lock().unwrap().clone()
    }

    /// Most attempts that were under way on `url` at the same time.
    pub(crate) fn most_at_once(&self, url: &str) -> usize {
        self.0.under_way.lock().unwrap()[url].1
    }
}

impl Deliver for Receivers {
    fn judge(&self, url: &str) -> Later<Result<(), String>> {
        let verdict = if url.contains("private") {
            Err("leads to a private address".to_owned())
        } else {
            Ok(())
        };
        Box::pin(async move { verdict })
    }

    fn target(&self, url: &str) -> String {
        url.to_owned()
    }

    fn deliver(&self, attempt: Attempt) -> Later<Outcome> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let url = attempt.url.to_string();
            {
                let mut under_way = inner.under_way.lock().unwrap();
                let (now, most) = under_way.entry(url.clone()).or_default();
                *now += 1;
                *most = (*most).max(*now);
                inner.seen.lock().unwrap().push(attempt);
            }
            inner.begun.send_modify(|begun| *begun += 1);
            let silent = inner.silent.lock().unwrap().get(&url).cloned();
            if let Some(silent) = silent {
                silent.acquire().await.unwrap().forget();
            }
            inner.under_way.lock().unwrap().get_mut(&url).unwrap().0 -= 1;
            let mut answers = inner.answers.lock().unwrap();
            let next = answers.get_mut(&url).and_then(VecDeque::pop_front);
            next.unwrap_or(Outcome::Delivered(200))
        })
    }
}
