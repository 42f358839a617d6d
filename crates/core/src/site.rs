//! The site: the one layer under all tenants, and the one above everything.

use crate::{clock::Timestamp, settings::Settings};

/// The site as it is stored. There is exactly one.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The lowest layer after the built-in one.
    pub settings: Settings,
    /// The highest layer of all.
    pub enforced: Settings,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
