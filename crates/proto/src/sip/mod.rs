//! As much of SIP as it takes to tell a phone to read its files again: a NOTIFY out of any dialog (RFC 3261, RFC 6665) over UDP, the
//! answers to it, and the client transaction between them.

mod message;
mod transaction;

pub use message::{Notify, Response};
pub use transaction::{Client, Next, T1, TIMEOUT};
