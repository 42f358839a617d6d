//! The suite of the store once more, on PostgreSQL: one text, two databases.

#[path = "store/main.rs"]
mod store;

use store::{common, opening, requests};
