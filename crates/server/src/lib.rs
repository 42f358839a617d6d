//! The running server: listeners, the pipeline that every request of a phone walks, the use cases behind the API, and
//! the wiring of them.
//!
//! A listener calls the [`pipeline`] or a use case in [`app`], never the store.

pub mod activation;
pub mod api;
pub mod app;
pub mod config;
pub mod event;
pub mod fetch;
pub mod http;
pub mod index;
pub mod json;
pub mod listen;
pub mod offline;
pub mod pipeline;
pub mod sandbox;
pub mod serve;
pub mod sync;
pub mod tftp;
pub mod tls;
