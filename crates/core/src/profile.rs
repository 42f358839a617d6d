//! A profile: a named partial settings document that many devices share, assigned or matching by itself.

use crate::{
    Id,
    clock::Timestamp,
    settings::{Match, Path, Settings},
};

/// A profile as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its id.
    pub id: Id,
    /// Unique within its tenant, or among the global ones.
    pub name: String,
    /// The tenant it belongs to; none: every tenant may use it.
    pub tenant: Option<String>,
    /// Profiles that come before it, by name.
    pub parents: Vec<String>,
    /// Devices it applies to without being assigned.
    pub matches: Option<Match>,
    /// Its layer.
    pub settings: Settings,
    /// Setting paths that it takes away from lower layers.
    pub unset: Vec<Path>,
    /// For people.
    pub label: String,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
