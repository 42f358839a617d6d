//! Vendor packs: folders of data that teach Offhook a family of telephones. Loading and checking, identification,
//! templates with escaping by file format, and the runner of a pack's own tests. No family is named in this code; a new one is
//! a folder. The format is described in `docs/packs.md`.

mod address;
pub mod archive;
pub mod firmware;
pub mod manifest;
pub mod picture;
pub mod sandbox;

mod asset;
pub mod author;
mod catalog;
mod charset;
mod cipher;
mod dial;
mod dst;
mod dst_pattern;
mod engine;
mod fault;
mod files;
mod format;
mod identify;
mod image;
mod load;
mod models;
mod overlay;
mod pack;
mod package;
mod paths;
mod pattern;
mod referenced;
mod render;
mod resources;
mod rule;
mod runner;
pub mod schema;
mod support;
mod upload;
mod variant;

pub use asset::AssetPlan;
pub use catalog::{Catalog, Chosen, Sources};
pub use cipher::{Cipher, EncryptSpec};
pub use fault::{Note, PackFault};
pub use identify::{Identified, Learnt, MacConflict, Route};
pub use models::Model;
pub use overlay::{Overlay, check_syntax};
pub use pack::{Origin, Pack};
pub use package::Package;
pub use render::{DeviceFacts, FirmwareShelf, NoFirmware, Pending, RenderError, RenderInput, Rendered, Rendering, ServerFacts};
pub use resources::{AssetFacts, Part, Resources};
pub use runner::{CheckReport, TestFailure, TestReport, check_pack, sample_device, test_pack, test_pack_among};
