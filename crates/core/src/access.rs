//! Who may ask: ordered access lists and lists of networks.
//!
//! What a device may have under a policy is decided by the pipeline; here is only the arithmetic of addresses.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// An IPv4 address that came in an IPv6 coat (`::ffff:a.b.c.d`) without the coat.
pub fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// Whether any of the networks holds the address.
pub fn any_contains(networks: &[IpNet], ip: IpAddr) -> bool {
    let ip = canonical(ip);
    networks.iter().any(|n| n.contains(&ip))
}

/// An ordered access list: `0.0.0.0/0,!10.20.30.0/24`. The last rule that matches wins, `!` denies, no match allows.
/// A list that denies all of IPv4 and says nothing of IPv6 denies IPv6 too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acl {
    rules: Vec<(bool, IpNet)>,
}

impl Acl {
    /// Whether the address may ask.
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = canonical(ip);
        if ip.is_ipv6() && !self.rules.iter().any(|(_, n)| matches!(n, IpNet::V6(_))) {
            return !self.denies_all_v4();
        }
        self.rules.iter().rev().find(|(_, n)| n.contains(&ip)).is_none_or(|(allow, _)| *allow)
    }

    fn denies_all_v4(&self) -> bool {
        self.rules.iter().any(|(allow, n)| !allow && matches!(n, IpNet::V4(n) if n.prefix_len() == 0))
    }
}

impl FromStr for Acl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let rules = text.split(',').map(|item| {
            let item = item.trim();
            let (allow, net) = item.strip_prefix('!').map_or((true, item), |rest| (false, rest));
            parse_net(net).map(|n| (allow, n)).map_err(|why| format!("rule {item:?}: {why}"))
        });
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (allow, net)) in self.rules.iter().enumerate() {
            write!(f, "{}{}{net}", if i > 0 { "," } else { "" }, if *allow { "" } else { "!" })?;
        }
        Ok(())
    }
}

/// A network `10.0.0.0/8`, or one address. Host bits are cleared.
pub fn parse_net(text: &str) -> Result<IpNet, String> {
    let bad = || format!("{text:?} is neither an address (10.0.0.9, 2001:db8::1) nor a network (10.0.0.0/8, 2001:db8::/32)");
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(net.trunc());
    }
    text.parse::<IpAddr>().map(IpNet::from).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn allows(acl: &str, ip: &str) -> bool {
        acl.parse::<Acl>().unwrap().allows(ip.parse().unwrap())
    }

    #[test]
    fn last_match_wins() {
        let only_some = "!0.0.0.0/0,10.20.30.0/24,1.2.3.4";
        assert!(allows(only_some, "10.20.30.7") && allows(only_some, "1.2.3.4"));
        assert!(!allows(only_some, "1.2.3.5") && !allows(only_some, "10.20.31.1"));
        let all_but = "0.0.0.0/0,!10.20.30.0/24,!1.2.3.4";
        assert!(!allows(all_but, "10.20.30.7") && !allows(all_but, "1.2.3.4"));
        assert!(allows(all_but, "8.8.8.8"));
    }

    #[test]
    fn ipv6_is_not_a_way_around() {
        assert!(!allows("!0.0.0.0/0,10.0.0.0/8", "2001:db8::1"));
        assert!(!allows("!0.0.0.0/0,10.0.0.0/8", "::ffff:11.0.0.1"));
        assert!(allows("!0.0.0.0/0,10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(allows("", "2001:db8::1"));
        assert!(allows("!0.0.0.0/0,2001:db8::/32", "2001:db8::1"));
        assert!(allows("!0.0.0.0/0,!::/0,2001:db8::/32", "2001:db8::1") && !allows("!0.0.0.0/0,!::/0,2001:db8::/32", "2001:db9::1"));
    }

    #[test]
    fn bad_rules_say_which() {
        for bad in ["10.0.0.0/33", "!!1.2.3.4", "1.2.3.4,,5.6.7.8", "localhost"] {
            assert!(bad.parse::<Acl>().unwrap_err().contains("rule"), "{bad}");
        }
    }
}
