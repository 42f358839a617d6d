//! The whole pipeline in process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod change;
mod cost;
mod evidence;
mod mixing;
mod place;
mod strangers;
