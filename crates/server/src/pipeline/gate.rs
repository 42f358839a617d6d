//! Step 1: may this source ask at all? Access list and host names; and what the source is: trusted, or behind an address
//! that several phones share.

use std::net::IpAddr;

use ipnet::IpNet;
use offhook_core::{
    access::{Acl, any_contains},
    request::{Request, Transport},
    trace::Reason,
};

/// The rules of the gate.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Ordered access list.
    pub acl: Acl,
    /// Allowed Host names, lower case; empty: any.
    pub hosts: Vec<String>,
    /// Networks whose phones are served on MAC alone.
    pub trusted: Vec<IpNet>,
    /// Networks where several phones share one address.
    pub nat: Vec<IpNet>,
}

/// What the gate saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gated {
    /// The source is in a trusted network.
    pub trusted: bool,
    /// Several phones may share the source's address.
    pub nat: bool,
    /// Why the source may not ask.
    pub refused: Option<Reason>,
}

impl Gated {
    /// What the request tells may be kept: the source is trusted and may ask.
    pub fn believed(&self) -> bool {
        self.trusted && self.refused.is_none()
    }
}

impl Gate {
    /// Looks at one request.
    pub fn check(&self, request: &Request) -> Gated {
        Gated {
            trusted: any_contains(&self.trusted, request.source),
            nat: any_contains(&self.nat, request.source),
            refused: self.refuse(request),
        }
    }

    fn refuse(&self, request: &Request) -> Option<Reason> {
        if !self.acl.allows(request.source) {
            return Some(Reason::AclDenies);
        }
        if self.hosts.is_empty() || !matches!(request.transport, Transport::Http | Transport::Https) {
            return None;
        }
        let host = request.header("host").map(host_name);
        let known = |h: &str| self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(h));
        (!host.is_some_and(known)).then_some(Reason::HostNotAllowed)
    }
}

/// `name`, `name:80`, `[2001:db8::1]:80` without the port.
fn host_name(host: &str) -> &str {
    let end = host.rfind(']').map_or(0, |i| i + 1);
    host.get(end..).and_then(|rest| rest.find(':')).and_then(|i| host.get(..end + i)).unwrap_or(host)
}

/// Loopback and the private prefixes (RFC 1918, RFC 4193, link-local) of this machine's own interfaces.
pub fn own_private_networks() -> Vec<IpNet> {
    let mut networks: Vec<IpNet> = ["127.0.0.0/8", "::1/128"].iter().filter_map(|n| n.parse().ok()).collect();
    networks.extend(crate::listen::interface_networks().into_iter().filter(|n| is_private(n.addr())).map(|n| n.trunc()));
    networks.sort();
    networks.dedup();
    networks
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn gate() -> Gate {
        Gate {
            acl: "0.0.0.0/0,!10.9.0.0/16".parse().unwrap(),
            hosts: vec!["prov.example".into()],
            trusted: vec!["10.0.0.0/8".parse().unwrap()],
            nat: vec!["10.5.0.0/16".parse().unwrap()],
        }
    }

    fn request(ip: &str, host: Option<&str>) -> Request {
        let mut request = Request::new(Transport::Http, ip.parse().unwrap());
        request.headers = host.map(|h| ("host".to_owned(), h.to_owned())).into_iter().collect();
        request
    }

    #[test]
    fn sees_trust_and_shared_addresses() {
        let gated = gate().check(&request("10.5.0.1", Some("prov.example")));
        assert_eq!(gated, Gated { trusted: true, nat: true, refused: None });
        assert!(!gate().check(&request("192.0.2.1", None)).trusted);
        assert!(gate().check(&request("::ffff:10.1.0.1", None)).trusted);
    }

    #[test]
    fn refuses_by_list_and_by_host() {
        assert_eq!(gate().check(&request("10.9.1.1", None)).refused, Some(Reason::AclDenies));
        assert_eq!(gate().check(&request("10.0.0.1", Some("evil.example"))).refused, Some(Reason::HostNotAllowed));
        assert_eq!(gate().check(&request("10.0.0.1", Some("PROV.example:8667"))).refused, None);
        assert_eq!(
            gate().check(&request("10.0.0.1", None)).refused,
            Some(Reason::HostNotAllowed),
            "leaving the header out is no way around"
        );
        assert_eq!(gate().check(&Request::new(Transport::Tftp, "10.0.0.1".parse().unwrap())).refused, None, "TFTP names no host");
    }

    #[test]
    fn host_names_lose_their_port() {
        assert_eq!(host_name("[2001:db8::1]:80"), "[2001:db8::1]");
        assert_eq!(host_name("[2001:db8::1]"), "[2001:db8::1]");
        assert_eq!(host_name("a:1"), "a");
        assert_eq!(host_name("]"), "]");
    }
}
