//! The whole pipeline in process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod change;
mod cost;
mod decisions;
mod evidence;
mod mixing;
mod place;
mod strangers;
