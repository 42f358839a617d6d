//! The address a request came from when proxies stand before us: the right-most one that is not a trusted proxy.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{self, HeaderMap};
use ipnet::IpNet;
use offhook_core::access::{any_contains, canonical};

/// The peer, or, when the peer is a trusted proxy, what `Forwarded` (RFC 7239) or else `X-Forwarded-For` says. A header from
/// anybody else is ignored, and so is everything left of the first address that is not trusted or not readable.
pub fn source(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if trusted.is_empty() || !any_contains(trusted, peer) {
        return peer;
    }
    let hops = if headers.contains_key(header::FORWARDED) {
        list(headers, "forwarded", |element| {
            let pair = element.split(';').find_map(|p| p.trim().split_once('=').filter(|(k, _)| k.trim().eq_ignore_ascii_case("for")));
            pair.map(|(_, v)| v.trim().trim_matches('"').to_owned()).unwrap_or_default()
        })
    } else {
        list(headers, "x-forwarded-for", |element| element.trim().to_owned())
    };
    let mut source = peer;
    for hop in hops.iter().rev() {
        let Some(ip) = address(hop) else { return source };
        source = ip;
        if !any_contains(trusted, ip) {
            return source;
        }
    }
    source
}

fn list(headers: &HeaderMap, name: &str, read: impl Fn(&str) -> String) -> Vec<String> {
    headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).map(&read).collect()
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let ip = plain.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|s| s.ip()))?;
    Some(canonical(ip))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn from(peer: &str, name: &'static str, value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        source(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(from("192.0.2.1", "x-forwarded-for", "10.0.0.9"), "192.0.2.1");
        assert_eq!(from("10.0.0.1", "x-forwarded-for", "198.51.100.7, 203.0.113.9"), "203.0.113.9");
        assert_eq!(from("10.0.0.1", "x-forwarded-for", "203.0.113.9, 10.0.0.2"), "203.0.113.9");
        assert_eq!(from("10.0.0.1", "x-forwarded-for", "10.0.0.3, 10.0.0.2"), "10.0.0.3");
        assert_eq!(from("10.0.0.1", "x-real-ip", "203.0.113.9"), "10.0.0.1");
    }

    #[test]
    fn an_unreadable_hop_ends_the_belief() {
        assert_eq!(from("10.0.0.1", "x-forwarded-for", "203.0.113.9, unknown"), "10.0.0.1");
        assert_eq!(from("10.0.0.1", "x-forwarded-for", "203.0.113.9, unknown, 10.0.0.2"), "10.0.0.2");
    }

    #[test]
    fn forwarded_of_rfc_7239() {
        assert_eq!(from("10.0.0.1", "forwarded", "for=198.51.100.7;proto=https, For=\"[2001:db8::5]:4711\""), "2001:db8::5");
        assert_eq!(from("10.0.0.1", "forwarded", "by=10.0.0.1"), "10.0.0.1");
    }
}
