//! The TFTP listener over real sockets: with real clients (`clients`) and packet by packet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clients;
mod packets;
mod shelf;
mod stopping;
