//! Where a request comes from: the one place that says so, for limits and for the audit trail.
//!
//! That is the peer of the connection; or, if that is a proxy whose word is taken, the address from which the proxy was
//! asked, as it notes it at the end of `X-Forwarded-For`. What stands before that may have been sent by anybody, so it is
//! read from the right and only as far as proxies whose word is taken wrote it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use ipnet::IpNet;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word is taken for where a request comes from; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotANetwork(pub String);

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither an address nor a network", self.0)
    }
}

impl std::error::Error for NotANetwork {}

impl FromStr for TrustedProxies {
    type Err = NotANetwork;

    /// Reads addresses and networks with commas between: `10.0.0.7,192.168.0.0/16,fd00::/8`.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| {
            let network = part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| NotANetwork(part.to_owned()))
        };
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Where a request with these headers comes from, that `peer` sent.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        // Bytes that are no text spoil the hop that they stand in, not those that proxies wrote behind it.
        let lines: Vec<_> = headers
            .get_all(&X_FORWARDED_FOR)
            .map(|line| String::from_utf8_lossy(line.as_bytes()))
            .collect();
        let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        while self.has(address) {
            // What a proxy noted and nobody can read is as if it had noted nothing.
            match hops.next().and_then(parse) {
                Some(hop) => address = hop,
                None => break,
            }
        }
        address
    }
}

/// Reads an address, with a port or without.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    let address = bare
        .parse()
        .or_else(|_| hop.parse::<SocketAddr>().map(|hop| hop.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Where `request` comes from; `None` if it came by no connection.
pub(crate) fn client_address(request: &HttpRequest, proxies: &TrustedProxies) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    Some(proxies.origin(peer, request.headers()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn from(peer: &str, lines: &[&str], proxies: &str) -> String {
        let mut request = TestRequest::default().peer_addr(SocketAddr::new(peer.parse().unwrap(), 4711));
        for line in lines {
            request = request.append_header((X_FORWARDED_FOR.clone(), *line));
        }
        let proxies = proxies.parse().unwrap();
        client_address(&request.to_http_request(), &proxies)
            .unwrap()
            .to_string()
    }

    #[test]
    fn nobody_is_believed_unless_told_so() {
        assert_eq!(from("192.0.2.1", &["198.51.100.7"], ""), "192.0.2.1");
        assert_eq!(from("192.0.2.1", &["198.51.100.7"], "10.0.0.0/8"), "192.0.2.1");
        assert_eq!(from("::ffff:192.0.2.1", &[], ""), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_counts() {
        let proxies = "10.0.0.0/8, fd00::1";
        for (lines, expected) in [
            (&["198.51.100.7"][..], "198.51.100.7"),
            (&["1.1.1.1, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (&["1.1.1.1", "198.51.100.7 , fd00::1"], "198.51.100.7"),
            (&["198.51.100.7:8080"], "198.51.100.7"),
            (&["[2001:db8::7]:8080"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["::ffff:10.0.0.5, 2001:db8::7, ::ffff:10.0.0.2"], "2001:db8::7"),
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&[], "10.0.0.1"),
            (&["198.51.100.7, unknown"], "10.0.0.1"),
            (&["198.51.100.7, unknown, 10.0.0.9"], "10.0.0.9"),
            (&[""], "10.0.0.1"),
        ] {
            assert_eq!(from("10.0.0.1", lines, proxies), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_text_hides_nobody() {
        let line = actix_web::http::header::HeaderValue::from_bytes(b"\xff, 203.0.113.9").unwrap();
        let request = TestRequest::default()
            .peer_addr("10.0.0.1:4711".parse().unwrap())
            .insert_header((X_FORWARDED_FOR.clone(), line));
        let proxies = "10.0.0.0/8".parse().unwrap();
        let address = client_address(&request.to_http_request(), &proxies);
        assert_eq!(address, Some("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn a_request_without_a_connection_comes_from_nowhere() {
        let request = TestRequest::default().to_http_request();
        assert_eq!(client_address(&request, &TrustedProxies::default()), None);
    }

    #[test]
    fn what_is_no_network_is_named() {
        for (text, wrong) in [
            ("10.0.0.1,x", "x"),
            ("10.0.0.0/33", "10.0.0.0/33"),
            ("a b", "a b"),
        ] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(NotANetwork(wrong.to_owned())));
        }
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
    }
}
