//! What the store promises, shown on real databases. Everything opens its store by `common::Place`, the one place that
//! chooses the database: `../postgres.rs` runs all of it once more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backup;
pub(crate) mod common;
mod configuration;
mod devices;
mod durability;
mod firmware;
mod history;
mod many;
mod nodes;
pub(crate) mod opening;
mod pending;
pub(crate) mod requests;
mod resources;
mod secrets;
mod templates;
mod tokens;
mod uploads;
