//! Codecs and state machines of the protocols that Offhook speaks.
//!
//! Everything here is pure: bytes and times go in, values come out. No socket, no clock, no
//! runtime, and nothing of our other crates.

pub mod sip;
pub mod tftp;
