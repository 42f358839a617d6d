//! The API as its users see it: the whole router in process, over a temporary store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod openapi;
