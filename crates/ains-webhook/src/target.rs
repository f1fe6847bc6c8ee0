//! Where a webhook is called: the address as it is given, before anything is sent.

use std::net::IpAddr;
use std::time::Duration;

use ains_core::webhook::MAX_URL;
use url::{Host, Url};

use crate::names::Names;
use crate::rules::Rules;

/// How long a name may take to become addresses when a webhook is registered.
const LONGEST_LOOKUP: Duration = Duration::from_secs(5);

/// Why an address is not called. It never says which address a name has: that is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is longer than [`MAX_URL`].
    #[error("is longer than {MAX_URL} bytes")]
    TooLong,
    /// It cannot be read, or has no host.
    #[error("is not an absolute http or https address")]
    NoAddress,
    /// It is of another scheme.
    #[error("is neither http nor https")]
    Scheme,
    /// It has a user or a password in it, which would stand in lists and logs.
    #[error("has a user or a password in it")]
    Credentials,
    /// Its host is this machine, or of a private, link-local or reserved network.
    #[error("leads to this machine, or to a private, link-local or reserved address")]
    Private,
}

/// Reads an address, and judges its host as far as it can be without looking names up.
pub(crate) fn read(text: &str, rules: Rules) -> Result<Url, Refused> {
    if text.len() > MAX_URL {
        return Err(Refused::TooLong);
    }
    // It reads every form of an IPv4 address, as decimal, octal and hexadecimal numbers.
    let url = Url::parse(text).map_err(|_| Refused::NoAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    let allowed = match url.host().ok_or(Refused::NoAddress)? {
        Host::Ipv4(address) => rules.allow(IpAddr::V4(address)),
        Host::Ipv6(address) => rules.allow(IpAddr::V6(address)),
        // RFC 6761: they mean this machine, whatever a resolver says.
        Host::Domain(name) => rules.allow_private || !is_localhost(name),
    };
    if allowed { Ok(url) } else { Err(Refused::Private) }
}

/// Whom an address reaches, as host and port, however it is written; what cannot be read reaches itself.
pub fn target(text: &str) -> String {
    let url = Url::parse(text).ok();
    let found = url
        .as_ref()
        .and_then(|url| url.host_str().zip(url.port_or_known_default()));
    found.map_or_else(|| text.to_owned(), |(host, port)| format!("{host}:{port}"))
}

fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next() == Some("localhost")
}

/// Judges an address that somebody wants to register: a name by all addresses that it has now. One that has none is
/// accepted, for it is judged again whenever it is called.
pub(crate) async fn judge(text: &str, rules: Rules, names: &dyn Names) -> Result<(), Refused> {
    let url = read(text, rules)?;
    let Some(Host::Domain(name)) = url.host() else {
        return Ok(());
    };
    let found = tokio::time::timeout(LONGEST_LOOKUP, names.lookup(name)).await;
    let addresses = found.ok().and_then(Result::ok).unwrap_or_default();
    if addresses.into_iter().all(|address| rules.allow(address)) {
        Ok(())
    } else {
        Err(Refused::Private)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), Refused> {
        read(text, Rules::default()).map(drop)
    }

    #[test]
    fn every_way_to_write_a_closed_address_is_refused() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "0177.0x0.0.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "0",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fd00::1]",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "[::ffff:a9fe:a9fe]",
            "[fd00:ec2::254]",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "a.localhost.",
        ] {
            for text in [format!("http://{host}/x"), format!("https://{host}:8443")] {
                assert_eq!(verdict(&text), Err(Refused::Private), "{text}");
                assert!(read(&text, Rules { allow_private: true }).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_address_to_call_is_refused() {
        for (text, expected) in [
            ("", Refused::NoAddress),
            ("example.com", Refused::NoAddress),
            ("/path", Refused::NoAddress),
            ("http://", Refused::NoAddress),
            ("http://a b/", Refused::NoAddress),
            ("http://256.1.1.1/", Refused::NoAddress),
            ("http://[::1", Refused::NoAddress),
            ("http://[fe80::1%25eth0]/", Refused::NoAddress),
            ("http://a:99999/", Refused::NoAddress),
            ("ftp://example.com", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("gopher://127.0.0.1", Refused::Scheme),
            ("javascript:alert(1)", Refused::Scheme),
            ("http://user@example.com", Refused::Credentials),
            ("http://user:pass@example.com", Refused::Credentials),
            ("http://:pass@example.com", Refused::Credentials),
            ("http://example.com@127.0.0.1/", Refused::Credentials),
            (
                &format!("http://example.com/{}", "x".repeat(MAX_URL)),
                Refused::TooLong,
            ),
        ] {
            assert_eq!(verdict(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_target_is_the_same_however_it_is_written() {
        for text in ["http://127.0.0.1/a", "HTTP://0x7f.1:80/b?c", "http:\\\\127.1"] {
            assert_eq!(target(text), "127.0.0.1:80", "{text}");
        }
        assert_eq!(target("https://Example.com/"), "example.com:443");
        assert_eq!(target("nothing"), "nothing");
    }

    #[test]
    fn what_may_be_called_is_accepted() {
        for text in [
            "https://example.com/hook?a=b#c",
            "http://example.com:8080",
            "HTTPS://EXAMPLE.COM",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://bücher.example/",
            "https://localhost.example.com/",
            "https://notlocalhost/",
        ] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }
}
