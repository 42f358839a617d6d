//! What requests leave behind: last seen, evidence, addresses, fetches and the request log, written in batches off the path.

use offhook_core::{
    Id, Result,
    device::{LastFetch, LastSeen},
};

use crate::{RequestRecord, Store};

/// What one request leaves behind. A device that is gone meanwhile is passed over.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The device that asked, if it is one.
    pub device: Option<Id>,
    /// Becomes its last-seen unless a newer one is stored.
    pub last_seen: Option<LastSeen>,
    /// The address is its own (the source is outside the NAT networks): it is taken from every other device.
    pub owns_address: bool,
    /// Family, as this request tells; stored when none is.
    pub vendor: Option<String>,
    /// Model, as this request tells. A pinned model stays, and this becomes `reported_model`.
    pub model: Option<String>,
    /// Firmware version, as this request tells.
    pub firmware: Option<String>,
    /// Serial number, as this request tells; stored when none is.
    pub serial: Option<String>,
    /// The pack that served it. A pinned pack stays.
    pub pack: Option<String>,
    /// A complete fetch of its own file, made of the device **as the evidence above makes it** and of the layers of
    /// [`crate::selector_of`] that device; `generation` is that of the device that was read.
    pub fetch: Option<LastFetch>,
    /// The row of the request log.
    pub request: Option<RequestRecord>,
}

impl Store {
    /// Writes what requests left behind, in order, as one write.
    pub async fn record(&self, seen: Vec<Seen>) -> Result<()> {
        todo!()
    }
}
