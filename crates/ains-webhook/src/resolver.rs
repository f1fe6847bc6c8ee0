//! Names on the way to a connection: only to addresses that may be called.
//!
//! A name may have other addresses by now than when it was judged. reqwest connects to no address but those that are given
//! here, so what is checked is what is called.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::names::Names;
use crate::rules::Rules;
use crate::target::Refused;

#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) names: Arc<dyn Names>,
    pub(crate) rules: Rules,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
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
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
