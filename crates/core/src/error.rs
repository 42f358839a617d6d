//! The one error of the domain: transport-free. Each edge (API, phone HTTP, TFTP, CLI) turns it into its own answer once.

use serde::{Deserialize, Serialize};

/// One thing wrong with what somebody sent: where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Path of the field: `settings.lines.1.label`, `mac`, or empty for the whole body.
    pub field: String,
    /// What is wrong and what is allowed. Never holds a secret's value.
    pub message: String,
}

impl Fault {
    /// A fault of one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl From<crate::settings::Fault> for Fault {
    fn from(f: crate::settings::Fault) -> Self {
        Self { field: f.path, message: f.message }
    }
}

/// What went wrong, in the domain's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// What was sent is wrong; every fault at once.
    #[error("{}", faults_text(.0))]
    Invalid(Vec<Fault>),
    /// There is no such thing, or none that the asker may know of.
    #[error("there is no {noun} {name:?}")]
    NotFound {
        /// `device`, `profile` …
        noun: &'static str,
        /// The id or name that was asked for.
        name: String,
    },
    /// It stands against something stored: a name in use, a MAC in use, a thing still used by others.
    #[error("{0}")]
    Conflict(String),
    /// The thing changed since it was read (`If-Match`).
    #[error("it was changed meanwhile: read it again (its revision is now {revision})")]
    Stale {
        /// The revision that is stored now.
        revision: u64,
    },
    /// Not allowed, and why, in words for the person who asked.
    #[error("{0}")]
    Refused(String),
    /// Too much of something: a table or a limit is full.
    #[error("{0}")]
    Full(String),
    /// The store or a part of the server cannot answer now. The text is for the log, not for strangers.
    #[error("not available now: {0}")]
    Unavailable(String),
    /// A fault of ours. The text is for the log, not for strangers.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Result of the domain.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// One fault of one field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Fault::new(field, message)])
    }

    /// Faults of a settings document that stands under a field: `settings.lines.1.label`.
    pub fn under(field: &str, faults: Vec<crate::settings::Fault>) -> Self {
        let place = |path: String| if path.is_empty() { field.to_owned() } else { format!("{field}.{path}") };
        Self::Invalid(faults.into_iter().map(|f| Fault::new(place(f.path), f.message)).collect())
    }

    /// No such thing.
    pub fn not_found(noun: &'static str, name: impl ToString) -> Self {
        Self::NotFound { noun, name: name.to_string() }
    }
}

fn faults_text(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(|f| if f.field.is_empty() { f.message.clone() } else { format!("{}: {}", f.field, f.message) })
        .collect::<Vec<_>>()
        .join("; ")
}
