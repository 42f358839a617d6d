//! Tests of the settings model as a whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod contract;
mod documents;
mod generated;
mod layers;
mod paths;
mod profiles;
mod properties;
mod secrets;
mod values;
mod variables;

use serde_json::Value;

use super::{Fault, Scope, Settings};

/// The faults of a document in the scope of a device.
fn faults(value: &Value) -> Vec<Fault> {
    Settings::validate(value, Scope::Device).err().unwrap_or_default()
}

/// A document that is expected to be right.
fn settings(value: Value) -> Settings {
    match Settings::validate(&value, Scope::Device) {
        Ok(settings) => settings,
        Err(faults) => panic!("{faults:#?}"),
    }
}
