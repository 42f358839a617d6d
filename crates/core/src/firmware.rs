//! Firmware: files, bytes stored once and served under the names that packs know; and whether a version is offered to a phone.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use crate::{Id, clock::Timestamp, settings::compare_versions};

/// A firmware file as it is stored; its bytes lie in the blob store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// Its id.
    pub id: Id,
    /// The name phones ask for, without folders. Unique, letter case ignored.
    pub name: String,
    /// The pack it belongs to.
    pub pack: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// When it was added.
    pub created_at: Timestamp,
}

/// Whether the firmware that the settings want is offered to a phone. [`fmt::Display`] says it to a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Offer {
    /// The version that is wanted, as the settings name it.
    pub version: String,
    /// Why it is offered, or not.
    #[serde(flatten)]
    pub because: Because,
}

/// Why firmware is offered, or not. Versions are as the phone spells them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum Because {
    /// Offered: nothing tells what the phone runs.
    RunsUnknown,
    /// Offered: the phone runs an older one.
    RunsOlder {
        /// What it runs.
        runs: String,
    },
    /// Offered by the policy `exact`: the phone runs another one.
    RunsAnother {
        /// What it runs.
        runs: String,
    },
    /// Not offered: the phone runs it already.
    RunsIt {
        /// What it runs.
        runs: String,
    },
    /// Not offered by the policy `upgrade`: the phone runs a newer one.
    RunsNewer {
        /// What it runs.
        runs: String,
    },
    /// Not offered: the policy is `never`.
    Never,
    /// Not offered: files of it are not stored.
    Missing {
        /// Their names.
        files: Vec<String>,
    },
}

impl Offer {
    /// Decides by the policy (`never`, `upgrade`; every other one and none offer whatever differs). `runs`: what the phone reports. `wanted`: the
    /// part of `version` that is to be compared with it.
    pub fn decide(version: &str, wanted: &str, policy: Option<&str>, runs: Option<&str>, missing: &[String]) -> Self {
        let upgrade = policy == Some("upgrade");
        let because = match runs {
            _ if policy == Some("never") => Because::Never,
            _ if !missing.is_empty() => Because::Missing { files: missing.to_vec() },
            None => Because::RunsUnknown,
            Some(runs) => {
                let order = compare_versions(runs, wanted);
                let runs = runs.to_owned();
                match (order, same_version(&runs, wanted)) {
                    (_, true) => Because::RunsIt { runs },
                    (Ordering::Less, _) => Because::RunsOlder { runs },
                    (Ordering::Equal, _) if upgrade => Because::RunsIt { runs },
                    (Ordering::Greater, _) if upgrade => Because::RunsNewer { runs },
                    _ => Because::RunsAnother { runs },
                }
            }
        };
        Self { version: version.to_owned(), because }
    }

    /// Whether it is.
    pub fn offered(&self) -> bool {
        matches!(self.because, Because::RunsUnknown | Because::RunsOlder { .. } | Because::RunsAnother { .. })
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, because } = self;
        match because {
            Because::RunsUnknown => write!(f, "firmware {version} is offered: nothing tells what the phone runs"),
            Because::RunsOlder { runs } => write!(f, "firmware {version} is offered: the phone runs the older {runs}"),
            Because::RunsAnother { runs } => write!(f, "firmware {version} is offered: the phone runs {runs}"),
            Because::RunsIt { runs } => write!(f, "firmware {version} is not offered: the phone runs {runs} already"),
            Because::RunsNewer { runs } => write!(f, "firmware {version} is not offered: the phone runs the newer {runs}"),
            Because::Never => write!(f, "firmware {version} is not offered: provisioning.firmware.policy is never"),
            Because::Missing { files } => write!(f, "firmware {version} is not offered: not stored are {}", files.join(", ")),
        }
    }
}

/// Whether two spellings mean one version: the same numbers and letters, whatever stands between (`8-12-00`, `8.12(00)`).
fn same_version(a: &str, b: &str) -> bool {
    parts(a) == parts(b)
}

/// Numbers without leading zeros, and words in lower case.
fn parts(version: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last = None;
    for c in version.chars() {
        let kind = (c.is_ascii_digit(), c.is_alphanumeric());
        match parts.last_mut().filter(|_| last == Some(kind)) {
            Some(part) if kind.1 => part.extend(c.to_lowercase()),
            _ if kind.1 => parts.push(c.to_lowercase().collect()),
            _ => {}
        }
        last = Some(kind);
    }
    let plain = |p: String| if p.bytes().all(|b| b == b'0') { "0".to_owned() } else { p.trim_start_matches('0').to_owned() };
    parts.into_iter().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(wanted: &str, policy: Option<&str>, runs: Option<&str>) -> bool {
        Offer::decide(wanted, wanted, policy, runs, &[]).offered()
    }

    #[test]
    fn policies() {
        for (policy, runs, is) in [
            (Some("never"), Some("66.85.0.1"), false),
            (Some("never"), None, false),
            (Some("upgrade"), Some("66.85.0.1"), true),
            (Some("upgrade"), Some("66.86.0.20"), false),
            (Some("upgrade"), Some("66.87.0.1"), false),
            (Some("upgrade"), None, true),
            (Some("exact"), Some("66.87.0.1"), true),
            (Some("exact"), Some("66.86.0.20"), false),
            (Some("exact"), Some("66.86.0.20a"), true),
            (Some("upgrade"), Some("66.86.0.20a"), false),
            (None, Some("66.87.0.1"), true),
            (Some("ask"), Some("66.85.0.1"), true),
        ] {
            assert_eq!(offered("66.86.0.20", policy, runs), is, "{policy:?} {runs:?}");
        }
    }

    #[test]
    fn spellings_of_one_version() {
        for runs in ["8.12.00", "8-12-0", "8.12(00)", "08.12.00"] {
            assert!(!offered("8-12-00", Some("exact"), Some(runs)), "{runs}");
        }
        assert!(offered("8-12-00", Some("upgrade"), Some("7.5.2")));
        assert!(same_version("7.5(2)S", "7-5-2s") && !same_version("7.5.2", "7.5.2SR1"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let offer = Offer::decide("8-12-00", "8-12-00", None, None, &["a.sb2".to_owned()]);
        assert!(!offer.offered());
        assert_eq!(offer.to_string(), "firmware 8-12-00 is not offered: not stored are a.sb2");
    }
}
