//! What the store promises, shown on a real database. Everything opens its store by `common::Place`, the one place that
//! would choose another database.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;
mod configuration;
mod devices;
mod durability;
mod firmware;
mod history;
mod many;
mod opening;
mod pending;
mod requests;
mod resources;
mod secrets;
mod templates;
mod tokens;
mod uploads;
