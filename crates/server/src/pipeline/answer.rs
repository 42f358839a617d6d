//! What comes out of the pipeline, for phones and for people.

use std::{fmt, net::IpAddr, sync::Arc};

use bytes::Bytes;
use offhook_core::{
    Id,
    clock::Timestamp,
    device::Device,
    settings::Explained,
    sighting::{FileKind, Sighting},
    token::Reach,
    trace::{Decision, FileSeen, Reason, Trace},
};
use offhook_packs::Note;

use super::upload::Taking;

/// What a phone gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A file.
    File(File),
    /// 404, TFTP error 1. The same to everybody, whatever the reason.
    NotFound,
    /// The phone may send its file.
    Take(Taking),
    /// 405, TFTP error 2.
    MethodNotAllowed,
    /// 503, TFTP error 0: ask again later.
    Busy,
    /// 500, TFTP error 0: the phone may have the file, and it cannot be made. The phone keeps what it has.
    Failed,
}

/// The file that is given.
#[derive(Clone)]
pub struct File {
    /// Its bytes, shared.
    pub body: Bytes,
    /// For the Content-Type header.
    pub content_type: Arc<str>,
    /// Keyed hash of the bytes, lower-case hexadecimal; the ETag without its quotes.
    pub etag: Arc<str>,
    /// Newest change of anything it is made of.
    pub last_modified: Timestamp,
}

impl fmt::Debug for File {
    /// Without the bytes: they hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("bytes", &self.body.len()).field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

/// What `simulate` tells.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// What the request tells of the phone.
    pub sighting: Sighting,
    /// Whether the file is given.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// The stored device, or the pending one that a real request would make.
    pub device: Option<Device>,
    /// The file, classified even when the phone is unknown.
    pub file: Option<FileSeen>,
    /// The template that made it, when one did.
    pub template: Option<String>,
    /// What the phone would get.
    pub answer: Answer,
    /// What each step saw.
    pub trace: Trace,
}

/// One file that a device may ask for.
#[derive(Clone, Debug)]
pub struct DeviceFile {
    /// As the phone asks for it, with a leading slash.
    pub path: String,
    /// What it is for.
    pub kind: FileKind,
    /// Whether it holds credentials.
    pub credentials: bool,
    /// Its absence is normal.
    pub optional: bool,
    /// Its bytes are those of a stored image: nothing is rendered.
    pub stored: bool,
    /// Bytes, when there is a file now.
    pub size: Option<u64>,
    /// Keyed hash, when there is a file now.
    pub hash: Option<String>,
    /// Why there is none.
    pub absent: Option<Reason>,
}

/// A file as a person sees it.
#[derive(Clone)]
pub struct Preview {
    /// Secrets are masked unless they were asked for.
    pub bytes: Bytes,
    /// MIME type.
    pub content_type: Arc<str>,
    /// The template that made it.
    pub template: String,
    /// What the family cannot express in it, and the like.
    pub notes: Vec<Note>,
}

/// Every effective value with its layer, and what the family cannot express.
pub struct Explanation {
    /// The layers that hold something, lowest first.
    pub layers: Vec<String>,
    /// The values.
    pub values: Vec<Explained>,
    /// What a person should know of them.
    pub notes: Vec<Note>,
}

/// One request as the log keeps it.
pub type RequestEntry = offhook_store::RequestRecord;

/// Which requests to read back.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Whose requests; those of no tenant are seen by who is for all.
    pub reach: Reach,
    /// Of this device.
    pub device: Option<Id>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// From this address.
    pub ip: Option<IpAddr>,
    /// With this decision.
    pub decision: Option<Decision>,
    /// Only those older than this one.
    pub before: Option<Id>,
    /// Only those newer than this one.
    pub after: Option<Id>,
    /// At most so many.
    pub limit: usize,
}

impl RequestFilter {
    /// Whether an entry fits.
    pub fn fits(&self, entry: &RequestEntry) -> bool {
        self.reach.owns(entry.tenant.as_deref())
            && self.device.is_none_or(|d| entry.device == Some(d))
            && self.tenant.as_ref().is_none_or(|t| entry.tenant.as_ref() == Some(t))
            && self.ip.is_none_or(|ip| entry.ip == ip)
            && self.decision.is_none_or(|d| entry.decision == d)
            && self.before.is_none_or(|id| entry.id < id)
            && self.after.is_none_or(|id| entry.id > id)
    }
}
