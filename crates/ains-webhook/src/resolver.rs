//! Names on the way to a connection: only to addresses that may be called.
//!
//! A name may have other addresses by now than when it was judged. hyper connects to no address but those that are given
//! here, so what is checked is what is called.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::names::Names;
use crate::rules::Rules;
use crate::target::Refused;

#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    pub(crate) names: Arc<dyn Names>,
    pub(crate) rules: Rules,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (lookup, rules) = (self.names.lookup(name.as_str()), self.rules);
        Box::pin(async move {
            let found = lookup.await?;
            let any = !found.is_empty();
            let allowed: Vec<_> = found
                .into_iter()
                .filter(|address| rules.allow(*address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if any && allowed.is_empty() {
                return Err(Refused::Private.into());
            }
            Ok(allowed.into_iter())
        })
    }
}
