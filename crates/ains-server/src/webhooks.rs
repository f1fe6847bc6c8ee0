//! Puts whoever calls webhooks in the place that the service has for them.

use ains_core::webhook::{Attempt, Outcome};
use ains_service::{Deliver, Later};
use ains_webhook::{Caller, NotBuilt, Options, Rules};

/// Calls webhooks.
#[derive(Debug)]
pub(crate) struct Outlet(Caller);

impl Outlet {
    /// One that keeps to `rules`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(rules: Rules) -> Result<Self, NotBuilt> {
        let options = Options {
            rules,
            ..Options::default()
        };
        Caller::new(options).map(Self)
    }
}

impl Deliver for Outlet {
    fn judge(&self, url: &str) -> Later<Result<(), String>> {
        let (caller, url) = (self.0.clone(), url.to_owned());
        Box::pin(async move { caller.judge(&url).await.map_err(|refused| refused.to_string()) })
    }

    fn target(&self, url: &str) -> String {
        ains_webhook::target(url)
    }

    fn deliver(&self, attempt: Attempt) -> Later<Outcome> {
        let caller = self.0.clone();
        Box::pin(async move { caller.call(&attempt).await })
    }
}
