//! An API token: 256 random bits, of which only the SHA-256 is kept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Id, clock::Timestamp};

/// What every token's text begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "offhook_";

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything, secrets too when asked for.
    Admin,
    /// The daily work: everything about phones and what they share, secrets too when asked for. No tokens, tenants, packs or site.
    Operator,
    /// Approves phones and assigns lines and profiles to them. Sees no secret.
    Installer,
    /// Reads everything, secrets masked; writes nothing.
    ReadOnly,
}

impl Role {
    /// Every role, the one that may most first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Installer, Self::ReadOnly];

    /// `admin`, `operator`, `installer` or `read-only`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Installer => "installer",
            Self::ReadOnly => "read-only",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: Id,
    /// For people: what it is for.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// The tenants it is for; none given: all of them, and what is no tenant's (site, global profiles, packs …).
    pub tenants: Option<BTreeSet<String>>,
    /// SHA-256 of the token's text, lower-case hexadecimal. Never shown.
    #[serde(skip)]
    pub sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Newest use, to the minute.
    pub last_used_at: Option<Timestamp>,
}
