//! An API token: 256 random bits, of which only the SHA-256 is kept.

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
    /// Reads everything, secrets masked; writes nothing.
    ReadOnly,
}

impl Role {
    /// `admin` or `read-only`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ReadOnly => "read-only",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::ReadOnly].into_iter().find(|r| r.as_str() == text)
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
