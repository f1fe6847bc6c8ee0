//! How names become addresses.

use std::fmt;
use std::io;
use std::net::IpAddr;

use futures_util::future::BoxFuture;

/// The addresses of a name, when they are known.
pub type Lookup = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// Knows the addresses of names. In tests one that changes its mind.
pub trait Names: fmt::Debug + Send + Sync {
    /// The addresses of `name`.
    fn lookup(&self, name: &str) -> Lookup;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, name: &str) -> Lookup {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
