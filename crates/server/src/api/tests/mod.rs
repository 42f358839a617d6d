//! The API as its users see it: the whole router in process, over a temporary store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod bulk;
mod devices;
mod documents;
mod firmware;
mod harness;
mod history;
mod imports;
mod jobs;
mod matrix;
mod openapi;
mod paging;
mod requests;
mod rules;
mod secrets;
mod shared;
mod templates;
