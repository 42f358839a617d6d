//! In whose name a write is made.

use std::net::IpAddr;

use offhook_core::Id;

/// Who writes. A write without one is the server's own: what phones tell, what a start puts in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The token that was shown.
    pub token: Id,
    /// What the token is for, in a person's words.
    pub label: String,
    /// Where the call came from.
    pub from: Option<IpAddr>,
    /// The write brings this earlier revision back.
    pub restores: Option<u64>,
}
