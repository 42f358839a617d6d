//! Firmware versions: how they compare, and ranges of them.

use std::cmp::Ordering;

/// Compares two versions by their groups of digits, from the left; letters and separators do not count, and a group
/// that is missing is 0 (`7.4.8a` is `7.4.8`, `10.1` is `10.1.0`).
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (a, b) = (groups(a), groups(b));
    compare(&a, &b, a.len().max(b.len()))
}

fn groups(version: &str) -> Vec<u64> {
    let digits = version.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty());
    // A group too long for a number is greater than every other.
    digits.map(|group| group.parse().unwrap_or(u64::MAX)).collect()
}

fn compare(a: &[u64], b: &[u64], groups: usize) -> Ordering {
    let group = |version: &[u64], at: usize| version.get(at).copied().unwrap_or(0);
    (0..groups).map(|at| group(a, at).cmp(&group(b, at))).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

/// A range of versions: `>=66.86`, `<66.80`, `66.80..66.86`, `66.80..`, `66.86`; several, joined by commas, must all
/// hold. A bound speaks of as many groups as it has: `66.86`, `<=66.86` and `66.80..66.86` hold for `66.86.0.15`,
/// `>66.86` does not.
#[derive(Clone, Debug)]
pub(super) struct VersionRange(Vec<Bound>);

/// Whether a version that compares so to a bound fits.
type Fits = fn(Ordering) -> bool;

#[derive(Clone, Debug)]
struct Bound {
    fits: Fits,
    version: Vec<u64>,
}

impl VersionRange {
    /// What a range may be, for people.
    pub(super) const ALLOWED: &str = "a range of versions such as >=66.86, <66.80, 66.80..66.86 or 66.86; several are joined by commas";

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bounds = Vec::new();
        for part in text.split(',').map(str::trim) {
            if let Some((low, high)) = part.split_once("..") {
                if low.is_empty() && high.is_empty() {
                    return None;
                }
                for (version, fits) in [(low, Ordering::is_ge as Fits), (high, Ordering::is_le)] {
                    if !version.is_empty() {
                        bounds.push(Bound { fits, version: bound(version)? });
                    }
                }
            } else {
                let operators: [(&str, Fits); 6] = [
                    (">=", Ordering::is_ge),
                    ("<=", Ordering::is_le),
                    (">", Ordering::is_gt),
                    ("<", Ordering::is_lt),
                    ("=", Ordering::is_eq),
                    ("", Ordering::is_eq),
                ];
                let (version, fits) = operators.iter().find_map(|(sign, fits)| Some((part.strip_prefix(sign)?, *fits)))?;
                bounds.push(Bound { fits, version: bound(version.trim_start())? });
            }
        }
        Some(Self(bounds))
    }

    pub(super) fn holds(&self, version: &str) -> bool {
        let version = groups(version);
        self.0.iter().all(|bound| (bound.fits)(compare(&version, &bound.version, bound.version.len())))
    }
}

fn bound(text: &str) -> Option<Vec<u64>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-()".contains(c);
    let groups = groups(text);
    (!groups.is_empty() && text.chars().all(allowed)).then_some(groups)
}
