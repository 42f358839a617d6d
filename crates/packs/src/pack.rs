//! One loaded pack.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]

use std::sync::Arc;

use offhook_core::settings::{CallVariables, Effective, Path};

use crate::{
    DeviceFacts, Note, RenderError, RenderInput, Rendered, Route,
    manifest::{FileSpec, Head},
};

/// A pack that is in use.
#[derive(Debug)]
pub struct Pack {
    head: Head,
    files: Vec<FileSpec>,
}

/// One model of a family, or the generic one.
#[derive(Clone, Debug)]
pub struct Model {
    /// Canonical name; empty for the generic model.
    pub name: String,
}

impl Pack {
    pub fn id(&self) -> &str {
        &self.head.id
    }
    pub fn version(&self) -> &str {
        &self.head.version
    }
    /// For people.
    pub fn name(&self) -> &str {
        &self.head.name
    }
    /// The plain keys of the manifest.
    pub fn head(&self) -> &Head {
        &self.head
    }
    pub fn files(&self) -> &[FileSpec] {
        &self.files
    }
    /// All models by name, without the generic one.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        todo!();
        #[allow(unreachable_code)]
        std::iter::empty()
    }
    /// The model of that name or alias, else the generic one.
    pub fn model(&self, name: Option<&str>) -> &Model {
        todo!()
    }
    /// The canonical name of a name or alias; none when the pack does not know it.
    pub fn canonical_model(&self, name: &str) -> Option<&str> {
        todo!()
    }
    /// Every file that a device of these facts may ask for by a name that can be told. Needs a MAC for device files.
    pub fn files_for(self: &Arc<Self>, facts: &DeviceFacts) -> Vec<Route> {
        todo!()
    }
    /// The bytes of a file of this pack (source template or static).
    pub fn render(&self, route: &Route, input: &RenderInput<'_>) -> Result<Rendered, RenderError> {
        todo!()
    }
    /// Settings that are set and that the family cannot express.
    pub fn unsupported(&self, model: &Model, settings: &Effective) -> Vec<Note> {
        todo!()
    }
    /// Whether a stored firmware file of this name is one that phones of this pack ask for.
    pub fn firmware_match(&self, file_name: &str) -> bool {
        todo!()
    }
    /// Greatest length of a derived password at that path; none: the family has no say.
    pub fn generated_max(&self, path: &Path) -> Option<usize> {
        todo!()
    }
    /// The vendor's words for the variables of action URLs.
    pub fn call_variables(&self) -> CallVariables {
        todo!()
    }
    /// Whether a raw parameter of that name is a secret.
    pub fn is_secret_parameter(&self, name: &str) -> bool {
        todo!()
    }
}
