//! What is said about packs and renderings to people: faults of a pack, notes of a rendering.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackFault {
    /// The pack's folder name.
    pub pack: String,
    /// File inside the pack.
    pub file: String,
    /// `line 12` or a field path as `file[3].format`; may be empty.
    pub place: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for PackFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pack, self.file)?;
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Something a person should know about a rendering: what the family cannot express, or was written as the nearest.
/// Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// Setting path; may be empty.
    pub path: String,
    /// What about it.
    pub message: String,
}

impl Note {
    /// A note on a path.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}
