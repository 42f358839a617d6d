//! The pure domain of Offhook: what a device, a setting, a layer, a request and a trace are.
//!
//! Nothing here knows a runtime, a database, a socket, TLS, the wall clock or a phone maker. Everything is plain data
//! and pure functions, so that the pipeline, the store and the packs can be tested alone.

pub mod access;
pub mod account;
pub mod address_map;
pub mod asset;
pub mod clock;
pub mod configuration;
pub mod device;
pub mod error;
pub mod firmware;
pub mod id;
pub mod local_port;
pub mod mac;
pub mod near;
pub mod pack;
pub mod phonebook;
pub mod profile;
pub mod request;
pub mod settings;
pub mod sighting;
pub mod site;
pub mod template;
pub mod tenant;
pub mod token;
pub mod trace;
pub mod upload;

pub use error::{Error, Fault, Result};
pub use id::Id;
pub use mac::Mac;
