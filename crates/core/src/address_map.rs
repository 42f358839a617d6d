//! Address maps: names that stand in rendered files in place of addresses, so that only a DNS record changes when a server moves.
//! What they mean in a tenant, and where an address stands in a text. Which settings are looked at is said in [`crate::settings`].

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
    sync::Arc,
};

use sha2::{Digest, Sha256};

use crate::{Id, clock::Timestamp};

/// An address map as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressMap {
    /// Its id.
    pub id: Id,
    /// The tenant whose files it concerns; none: every tenant's that has none of its own for the address.
    pub tenant: Option<String>,
    /// The address, an IPv4 address mapped into IPv6 as IPv4.
    pub address: IpAddr,
    /// The host name that takes its place.
    pub name: String,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Why an address cannot be mapped; none: it can.
pub fn bad_address(address: IpAddr) -> Option<&'static str> {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    (address.is_unspecified() || address.is_multicast() || broadcast)
        .then_some("is no address of a host: files name it where they mean every address, or a group")
}

/// All address maps of one moment. Replaced as a whole like the configuration that holds them.
#[derive(Clone, Debug, Default)]
pub struct AddressMaps {
    all: Vec<AddressMap>,
    /// What holds where a tenant has none of its own.
    global: Arc<AddressNames>,
    tenants: BTreeMap<String, Arc<AddressNames>>,
}

impl AddressMaps {
    /// Of these, in any order.
    pub fn new(mut all: Vec<AddressMap>) -> Self {
        all.sort_by(|a, b| (&a.tenant, a.address).cmp(&(&b.tenant, b.address)));
        let of = |tenant: Option<&str>| -> BTreeMap<IpAddr, (Id, u64, String)> {
            let own = all.iter().filter(|m| m.tenant.as_deref() == tenant);
            own.map(|m| (m.address, (m.id, m.revision, m.name.clone()))).collect()
        };
        let global = of(None);
        let mut tenants: BTreeMap<String, Arc<AddressNames>> = BTreeMap::new();
        for tenant in all.iter().filter_map(|m| m.tenant.as_ref()) {
            if !tenants.contains_key(tenant) {
                let mut names = global.clone();
                names.extend(of(Some(tenant)));
                tenants.insert(tenant.clone(), Arc::new(AddressNames::of(names)));
            }
        }
        Self { global: Arc::new(AddressNames::of(global)), tenants, all }
    }

    /// All of them: the global ones first, by address.
    pub fn iter(&self) -> impl Iterator<Item = &AddressMap> {
        self.all.iter()
    }

    /// What addresses are called in a tenant: its own over the global ones.
    pub fn names(&self, tenant: &str) -> &Arc<AddressNames> {
        self.tenants.get(tenant).unwrap_or(&self.global)
    }

    /// When a map that a tenant sees was last changed.
    pub fn newest(&self, tenant: &str) -> Option<Timestamp> {
        let seen = self.all.iter().filter(|m| m.tenant.as_deref().is_none_or(|t| t == tenant));
        seen.map(|m| m.updated_at).max()
    }
}

/// What addresses are called in one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressNames {
    names: BTreeMap<IpAddr, String>,
    digest: [u8; 32],
}

impl<const N: usize> From<[(IpAddr, &str); N]> for AddressNames {
    /// For tests and trials.
    fn from(names: [(IpAddr, &str); N]) -> Self {
        Self { names: names.into_iter().map(|(a, n)| (a.to_canonical(), n.to_owned())).collect(), digest: [0; 32] }
    }
}

impl AddressNames {
    fn of(maps: BTreeMap<IpAddr, (Id, u64, String)>) -> Self {
        let mut hash = Sha256::new();
        for (address, (id, revision, _)) in &maps {
            hash.update(format!("{address} {id} {revision};"));
        }
        Self { names: maps.into_iter().map(|(a, (_, _, name))| (a, name)).collect(), digest: hash.finalize().into() }
    }

    /// Whether no address has a name: then nothing need be looked at.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Changes with anything in it.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The name of an address.
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        self.names.get(&address.to_canonical()).map(String::as_str)
    }

    /// The name of the address that a text is, alone or in brackets.
    pub fn name_of(&self, text: &str) -> Option<(IpAddr, &str)> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        let address: IpAddr = bare.parse().ok()?;
        self.name(address).map(|name| (address.to_canonical(), name))
    }

    /// The text with names in place of the addresses that `found` gives, and these addresses. None: nothing changes.
    pub fn replaced(&self, text: &str, found: impl IntoIterator<Item = Found>) -> Option<(String, Vec<IpAddr>)> {
        let mut out = String::new();
        let (mut addresses, mut from) = (Vec::new(), 0);
        for Found { at, address } in found {
            if let Some(name) = self.name(address) {
                out.push_str(text.get(from..at.start)?);
                out.push_str(name);
                from = at.end;
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        if addresses.is_empty() {
            return None;
        }
        out.push_str(text.get(from..)?);
        Some((out, addresses))
    }
}

/// An address in a text, with the brackets around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// The address.
    pub address: IpAddr,
}

/// A character that would make an address beside it a part of something longer.
fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Every address that stands in a text as a token of its own: `1.1.1.1` in `sip:1.1.1.1:5060`, not in `11.1.1.1`, `1.1.1.1.2`,
/// `fw-1.1.1.1.rom` or the network `1.1.1.0/24`. IPv6 addresses in any spelling, with or without brackets.
pub fn tokens(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let begins = bytes.get(at).is_some_and(|b| b.is_ascii_hexdigit() || *b == b':');
        if !begins || !may_begin(text, at) {
            at += 1;
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        match address_at(rest) {
            Some((length, address)) if may_end(text, at, at + length, address) => {
                found.push(with_brackets(text, at..at + length, address));
                at += length;
            }
            Some((length, _)) => at += length,
            None => at += 1,
        }
    }
    found
}

/// Whether what stands before a place lets an address begin there.
fn may_begin(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let Some(last) = before.chars().next_back() else { return true };
    // In an escaped URL the address may follow an escape: %2F1.1.1.1.
    let escape = before.len().checked_sub(3).and_then(|from| before.get(from..));
    let escaped = escape.is_some_and(|e| e.starts_with('%') && e.bytes().skip(1).all(|b| b.is_ascii_hexdigit()));
    !joins(last) || escaped
}

/// Whether what stands behind an address lets it end there.
fn may_end(text: &str, start: usize, end: usize, address: IpAddr) -> bool {
    let mut behind = text.get(end..).unwrap_or_default().chars();
    match behind.next() {
        None => true,
        // The end of a sentence, or the dot of the root.
        Some('.') => behind.next().is_none_or(|c| !joins(c)),
        Some('/') => !is_network(text.get(..start).unwrap_or_default(), behind.as_str(), address),
        // An IPv6 address with a zone (RFC 4007) is of one link only.
        Some('%') => address.is_ipv4(),
        Some(c) => !joins(c),
    }
}

/// `/24` behind an address that is no host of a URL.
fn is_network(before: &str, behind: &str, address: IpAddr) -> bool {
    let digits = behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let bits = behind.get(..digits).and_then(|d| d.parse::<u8>().ok());
    let most = if address.is_ipv4() { 32 } else { 128 };
    let ends = behind.get(digits..).and_then(|rest| rest.chars().next()).is_none_or(|c| !joins(c) && c != '/');
    bits.is_some_and(|b| b <= most) && ends && !before.ends_with("//") && !before.ends_with('@')
}

/// The longest address at the beginning of a text, and its length.
fn address_at(text: &str) -> Option<(usize, IpAddr)> {
    let run = |fits: fn(&u8) -> bool| text.bytes().take_while(fits).count();
    let v6 = text.get(..run(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')))?;
    let v6 = v6.strip_suffix('.').unwrap_or(v6);
    for whole in [v6, v6.strip_suffix(':').unwrap_or(v6)] {
        if let Ok(address) = whole.parse::<Ipv6Addr>() {
            return Some((whole.len(), IpAddr::V6(address).to_canonical()));
        }
    }
    let v4 = text.get(..run(|b| b.is_ascii_digit() || *b == b'.'))?;
    let v4 = v4.strip_suffix('.').unwrap_or(v4);
    v4.parse::<Ipv4Addr>().ok().map(|address| (v4.len(), IpAddr::V4(address)))
}

fn with_brackets(text: &str, at: Range<usize>, address: IpAddr) -> Found {
    let opened = text.get(..at.start).is_some_and(|t| t.ends_with('['));
    let closed = text.get(at.end..).is_some_and(|t| t.starts_with(']'));
    // Brackets belong to IPv6 addresses only (RFC 3986 section 3.2.2); others are the text's own.
    let inside = text.get(at.clone()).is_some_and(|t| t.contains(':'));
    let at = if opened && closed && inside { at.start - 1..at.end + 1 } else { at };
    Found { at, address }
}

/// Every address that is the host of a URL in a text (`scheme://`, `sip:`, `sips:`), or stands as a token in its query. Paths are left
/// alone: versions stand there.
pub fn in_urls(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (start, opaque) in beginnings(text) {
        let rest = text.get(start..).unwrap_or_default();
        let url = until(rest, |c| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>'));
        let authority = until(url, |c| if opaque { matches!(c, ';' | '?' | ',') } else { matches!(c, '/' | '?' | '#' | '\\') });
        let host = authority.rfind('@').map_or(0, |at| at + 1);
        found.extend(host_at(text, start + host, start + authority.len()));
        if let Some(query) = url.find('?') {
            let inside = tokens(url.get(query..).unwrap_or_default());
            let moved = |f: Found| Found { at: f.at.start + start + query..f.at.end + start + query, ..f };
            found.extend(inside.into_iter().map(moved));
        }
    }
    found.sort_by_key(|f| f.at.start);
    found.dedup_by_key(|f| f.at.start);
    found
}

/// Every address behind an `@`, as in `1001@192.0.2.1`.
pub fn behind_at(text: &str) -> Vec<Found> {
    tokens(text).into_iter().filter(|f| text.get(..f.at.start).is_some_and(|t| t.ends_with('@'))).collect()
}

/// The address of `host`, `host:port`, `user@host:port`.
pub fn in_authority(text: &str) -> Vec<Found> {
    let host = text.rfind('@').map_or(0, |at| at + 1);
    host_at(text, host, text.len()).into_iter().collect()
}

/// Where authorities begin, and whether the URL is one of SIP (RFC 3261 section 19.1.1), which has no `//`.
fn beginnings(text: &str) -> Vec<(usize, bool)> {
    let hierarchical = text.match_indices("://").map(|(at, s)| (at + s.len(), false));
    let opaque = text.match_indices(':').filter_map(|(at, _)| {
        let scheme = text.get(..at)?.rsplit(|c: char| !c.is_alphanumeric()).next()?;
        let sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
        (sip && !text.get(at + 1..)?.starts_with("//")).then_some((at + 1, true))
    });
    hierarchical.chain(opaque).collect()
}

/// The address that a host between two places is, a port behind it left alone.
fn host_at(text: &str, start: usize, end: usize) -> Option<Found> {
    let authority = text.get(start..end)?;
    let length = match authority.strip_prefix('[') {
        Some(v6) => v6.find(']')? + 2,
        None if authority.matches(':').count() > 1 => authority.len(),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let bare = authority.get(..length)?.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = bare.strip_suffix('.').unwrap_or(bare).parse().ok()?;
    Some(Found { at: start..start + length, address: address.to_canonical() })
}

fn until(text: &str, ends: impl Fn(char) -> bool) -> &str {
    text.find(ends).and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn names() -> AddressNames {
        AddressNames::from([
            ("1.1.1.1".parse().unwrap(), "pbx.example"),
            ("2001:db8::1".parse().unwrap(), "six.example"),
            ("10.0.0.1".parse().unwrap(), "ten.example"),
        ])
    }

    fn by(find: fn(&str) -> Vec<Found>, text: &str) -> String {
        names().replaced(text, find(text)).map_or_else(|| text.to_owned(), |(t, _)| t)
    }

    #[test]
    fn tokens_are_addresses_of_their_own() {
        for (text, wanted) in [
            ("1.1.1.1", "pbx.example"),
            ("a=1.1.1.1;b=[2001:DB8:0::1]:5060", "a=pbx.example;b=six.example:5060"),
            (
                "sip:x@1.1.1.1:5060 <1.1.1.1> \"1.1.1.1\" ask 1.1.1.1.",
                "sip:x@pbx.example:5060 <pbx.example> \"pbx.example\" ask pbx.example.",
            ),
            ("2001:db8::1, ::ffff:1.1.1.1 %2F1.1.1.1%2F", "six.example, pbx.example %2Fpbx.example%2F"),
            ("http://1.1.1.1/24 //1.1.1.1/x 1.1.1.1/x", "http://pbx.example/24 //pbx.example/x pbx.example/x"),
        ] {
            assert_eq!(by(tokens, text), wanted);
        }
        for text in [
            "11.1.1.10 1.1.1.12 11.1.1.1 1.1.1.1.2 2.1.1.1.1 v1.1.1.1 fw-1.1.1.1.rom 1.1.1.1_2 1.1.1.1-rc é1.1.1.1",
            "1.1.1.1/32 1.1.1.1/8, 2001:db8::1/64 2001:db8::11 64:ff9b::1.1.1.1 01.1.1.1 1.1.1 a2001:db8::1 2001:db8::1%eth0",
            "00:15:65:01:01:01 10:20:30 ::",
        ] {
            assert_eq!(by(tokens, text), text);
        }
    }

    #[test]
    fn hosts_of_urls_are_replaced_and_paths_are_not() {
        for (text, wanted) in [
            ("http://1.1.1.1:5555/fw/1.1.1.1/x.rom", "http://pbx.example:5555/fw/1.1.1.1/x.rom"),
            ("https://u:p@1.1.1.1/x?h=1.1.1.1&v=1.1.1.12", "https://u:p@pbx.example/x?h=pbx.example&v=1.1.1.12"),
            ("ldap://[2001:db8::1]/ and sip:a@1.1.1.1;user=phone", "ldap://six.example/ and sip:a@pbx.example;user=phone"),
            ("SIPS:1.1.1.1:5061", "SIPS:pbx.example:5061"),
            ("call 1.1.1.1 gossip:1.1.1.1 1001@1.1.1.1", "call 1.1.1.1 gossip:1.1.1.1 1001@1.1.1.1"),
        ] {
            assert_eq!(by(in_urls, text), wanted);
        }
        assert_eq!(by(behind_at, "1001@1.1.1.1 1.1.1.1"), "1001@pbx.example 1.1.1.1");
        assert_eq!(by(in_authority, "u:p@1.1.1.1:8080"), "u:p@pbx.example:8080");
        assert_eq!(by(in_authority, "[2001:db8::1]:80"), "six.example:80");
    }

    #[test]
    fn a_tenants_map_wins_over_the_global_one() {
        let at = Timestamp::from_millis(0);
        let map = |n: u8, tenant: Option<&str>, address: &str, name: &str| AddressMap {
            id: Id::from_parts(at, [n; 10]),
            tenant: tenant.map(str::to_owned),
            address: address.parse().unwrap(),
            name: name.into(),
            revision: 1,
            created_at: at,
            updated_at: at,
        };
        let maps = AddressMaps::new(vec![
            map(1, Some("a"), "1.1.1.1", "a.example"),
            map(2, None, "1.1.1.1", "all.example"),
            map(3, None, "2.2.2.2", "two.example"),
        ]);
        let name = |tenant: &str, address: &str| maps.names(tenant).name(address.parse().unwrap()).map(str::to_owned);
        assert_eq!(name("a", "1.1.1.1").as_deref(), Some("a.example"));
        assert_eq!(name("a", "2.2.2.2").as_deref(), Some("two.example"));
        assert_eq!(name("b", "::ffff:1.1.1.1").as_deref(), Some("all.example"));
        assert_eq!(name("b", "3.3.3.3"), None);
        assert_ne!(maps.names("a").digest(), maps.names("b").digest());
    }

    proptest! {
        #[test]
        fn nothing_but_the_address_is_replaced(
            before in "[a-z0-9.:/@ \\[\\]=%é-]{0,12}", address in "(1\\.1\\.1\\.1|10\\.0\\.0\\.1|2001:db8::1|1\\.1\\.1\\.12)", behind in "[a-z0-9.:/@ \\[\\];%é-]{0,12}",
        ) {
            let text = format!("{before}{address}{behind}");
            for find in [tokens, in_urls, behind_at, in_authority] {
                let found = find(&text);
                prop_assert!(found.windows(2).all(|w| w[0].at.end <= w[1].at.start), "{text} {found:?}");
                prop_assert!(found.iter().all(|f| text.get(f.at.clone()).is_some()));
                let replaced = by(find, &text);
                // What was replaced is gone for good.
                prop_assert_eq!(by(find, &replaced), replaced.clone(), "{}", text);
            }
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,40}") {
            for find in [tokens, in_urls, behind_at, in_authority] {
                let _ = by(find, &text);
            }
        }
    }
}
