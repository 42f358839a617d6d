//! The settings of telephones: one description of every field ([`field`], `model`) from which everything derives:
//! validation, JSON Schema, masking, reference documentation, merge and provenance.
//!
//! - [`Settings`] is a validated partial document; [`AccountValues`] the values of an account.
//! - [`compose`] merges [`Layer`]s to [`Effective`] settings that know where each value came from.
//! - Secrets are found by the description ([`Document::for_each_secret_mut`]), masked in everything for people, and
//!   derived where `"generate"` stands ([`derive_generated`]).
//!
//! Storing documents, finding the layers of a device and writing what a phone reads are done elsewhere.

mod address;
mod country;
mod describe;
mod document;
mod effective;
mod fault;
pub mod field;
mod format;
mod generate;
mod layer;
mod merge;
mod model;
mod named;
mod patch;
mod path;
mod profile;
mod reference;
mod schema;
mod secret;
#[cfg(test)]
mod tests;
mod text;
mod typed;
mod validate;
mod variable;
mod version;

pub use document::{AccountValues, Document, LineModel, Model, Scope, Settings, WholeModel};
pub use effective::{Effective, Explained, Leaf, Provenance};
pub use fault::Fault;
pub use format::{Format, is_host_name};
pub use generate::{Alphabet, GeneratedForm, derive_generated};
pub use layer::{Layer, LayerSource, built_in, while_pending};
pub use merge::compose;
pub use model::{field_at, field_paths};
pub use named::{Named, NamedKind};
pub use patch::apply_merge_patch;
pub use path::{Path, Segment};
pub use profile::{Match, MatchFacts, ProfileGraphError, linearise};
pub use reference::reference_markdown;
pub use schema::json_schema;
pub use secret::{GENERATED, MASK, RawSecrets, SEALED, fits};
pub use text::is_refused;
pub use typed::{typed, typed_as};
pub use validate::validate_unset;
pub use variable::{CallVariables, LineVariables, Variable, VariableContext, expand};
pub use version::compare_versions;
