//! Vendor packs as the rest of the program sees them: their keys and versions, and those that were installed into the store. What a
//! pack holds is the business of the packs' crate.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::clock::Timestamp;

/// `id`, or `id@version` where the version may be cut after any of its numbers: `acme@2` is the newest 2.x.y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackKey<'a> {
    /// The pack.
    pub id: &'a str,
    /// The version, or its beginning; none: the one that serves by default.
    pub version: Option<&'a str>,
}

impl<'a> PackKey<'a> {
    /// Reads a key.
    pub fn of(text: &'a str) -> Self {
        let (id, version) = text.split_once('@').map_or((text, None), |(id, version)| (id, Some(version)));
        Self { id, version }
    }

    /// Of some versions of this pack, the one that the key means: without a version the newest that is no preview, else the newest
    /// that begins so.
    pub fn choose<T>(self, versions: impl IntoIterator<Item = T>, version_of: impl Fn(&T) -> &str) -> Option<T> {
        let fits = |found: &T| self.version.is_none_or(|wanted| begins(version_of(found), wanted));
        let rank = |found: &T| {
            let preview = self.version.is_none() && version_of(found).contains('-');
            (!preview, version_of(found).to_owned())
        };
        let newer = |a: &T, b: &T| {
            let ((a_fit, a), (b_fit, b)) = (rank(a), rank(b));
            a_fit.cmp(&b_fit).then_with(|| compare_pack_versions(&a, &b))
        };
        versions.into_iter().filter(fits).max_by(newer)
    }
}

fn begins(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The numbers of a pack's version: exactly three, then perhaps `-pre` or `+build`.
pub fn pack_version_numbers(text: &str) -> Option<[u64; 3]> {
    let core = text.split(['-', '+']).next()?;
    let mut numbers = core.split('.').map(|n| n.parse().ok());
    let out = [numbers.next()??, numbers.next()??, numbers.next()??];
    numbers.next().is_none().then_some(out)
}

/// By their numbers; a preview (`2.0.0-beta`) comes before its release.
pub fn compare_pack_versions(a: &str, b: &str) -> Ordering {
    let pre = |v: &str| v.split_once('-').map(|(_, pre)| pre.to_owned());
    let by_numbers = pack_version_numbers(a).cmp(&pack_version_numbers(b));
    by_numbers.then_with(|| match (pre(a), pre(b)) {
        (None, None) => a.cmp(b),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => a.cmp(&b),
    })
}

/// A pack that a person installed: it lies in the store, so that every node has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledPack {
    /// The pack's id.
    pub pack: String,
    /// Its version.
    pub version: String,
    /// Where it came from: empty for an archive that was sent, else the address of the index.
    pub origin: String,
    /// SHA-256 of the archive, lower-case hexadecimal.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// Who did: the label of a token.
    pub installed_by: String,
}

/// What the packs in use hold, one digest for each version: part of what a device's files are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackDigests(BTreeMap<String, Vec<(String, [u8; 32])>>);

impl PackDigests {
    /// Of id, version and digest.
    pub fn new(packs: impl IntoIterator<Item = (String, String, [u8; 32])>) -> Self {
        let mut all: BTreeMap<String, Vec<(String, [u8; 32])>> = BTreeMap::new();
        for (id, version, digest) in packs {
            all.entry(id).or_default().push((version, digest));
        }
        Self(all)
    }

    /// That of the pack which a key means.
    pub fn get(&self, key: &str) -> Option<&[u8; 32]> {
        let key = PackKey::of(key);
        key.choose(self.0.get(key.id)?, |(version, _)| version).map(|(_, digest)| digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen<'a>(key: &str, versions: &[&'a str]) -> Option<&'a str> {
        PackKey::of(key).choose(versions.iter().copied(), |v| v)
    }

    #[test]
    fn a_key_means_the_newest_that_fits() {
        let versions = ["1.2.0", "1.10.0", "2.0.0-beta", "1.9.9"];
        assert_eq!(chosen("a", &versions), Some("1.10.0"), "a preview serves only who asks for it");
        assert_eq!(chosen("a@2", &versions), Some("2.0.0-beta"));
        assert_eq!(chosen("a@1", &versions), Some("1.10.0"));
        assert_eq!(chosen("a@1.2", &versions), Some("1.2.0"));
        assert_eq!(chosen("a@1.1", &versions), None, "1.1 is not the beginning of 1.10");
        assert_eq!(chosen("a@2.0.0", &versions), None);
        assert_eq!(chosen("a@2.0.0-beta", &versions), Some("2.0.0-beta"));
        assert_eq!(chosen("a", &["1.0.0-x"]), Some("1.0.0-x"));
        assert_eq!(chosen("a@", &versions), None);
    }

    #[test]
    fn versions_are_ordered() {
        let mut versions = ["2.0.0", "1.9.0", "2.0.0-rc", "1.10.0", "2.0.0-beta"];
        versions.sort_by(|a, b| compare_pack_versions(a, b));
        assert_eq!(versions, ["1.9.0", "1.10.0", "2.0.0-beta", "2.0.0-rc", "2.0.0"]);
        assert_eq!(pack_version_numbers("1.2"), None);
        assert_eq!(pack_version_numbers("1.2.3.4"), None);
        assert_eq!(pack_version_numbers("1.2.x"), None);
    }

    #[test]
    fn digests_are_found_by_key() {
        let digests = PackDigests::new([("a".into(), "1.0.0".into(), [1; 32]), ("a".into(), "2.0.0".into(), [2; 32])]);
        assert_eq!(digests.get("a"), Some(&[2; 32]));
        assert_eq!(digests.get("a@1"), Some(&[1; 32]));
        assert_eq!(digests.get("b"), None);
    }
}
