//! core
pub mod settings;
