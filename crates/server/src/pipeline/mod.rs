//! The one story: every transport's request becomes a [`Request`] and walks six steps, each a module with one entry, a
//! plain input and a plain output.
//!
//! `gate` may this source ask? · `identify` what do its facts say it is? · `resolve` which tenant, device, pack, file? ·
//! `authorize` may it have this file? · `compose` which settings apply? · `render` which bytes? Then `record` writes what
//! happened, off the request's path. Nothing about a decision lives anywhere else.
#![allow(clippy::todo, unused_variables, missing_docs)]

use std::sync::Arc;

use bytes::Bytes;
use offhook_core::{
    Id, Result,
    clock::Timestamp,
    device::{Device, Sync},
    request::{Request, Transport},
    settings::Explained,
    sighting::{FileKind, Sighting},
    trace::{Decision, FileSeen, Reason, Trace},
};

/// What a phone gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A file.
    File(File),
    /// 404, TFTP error 1. The same to everybody, whatever the reason.
    NotFound,
    /// 405, TFTP error 2.
    MethodNotAllowed,
    /// 503, TFTP error 0: ask again later.
    Busy,
}

/// The file that is given.
#[derive(Clone, Debug)]
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

/// What `simulate` tells (contract, section 4).
#[derive(Clone, Debug)]
pub struct Simulation {
    pub sighting: Sighting,
    pub decision: Decision,
    pub reason: Reason,
    /// The stored device, or the pending one that a real request would make.
    pub device: Option<Device>,
    /// The file, classified even when the phone is unknown.
    pub file: Option<FileSeen>,
    /// The template that made it, when one did.
    pub template: Option<String>,
    pub answer: Answer,
    pub trace: Trace,
}

/// One file that a device may ask for.
#[derive(Clone, Debug)]
pub struct DeviceFile {
    /// As the phone asks for it, with a leading slash.
    pub path: String,
    pub kind: FileKind,
    pub credentials: bool,
    /// Its absence is normal.
    pub optional: bool,
    /// Bytes, when there is a file now.
    pub size: Option<u64>,
    /// Keyed hash, when there is a file now.
    pub hash: Option<String>,
    /// Why there is none.
    pub absent: Option<Reason>,
}

/// A file as a person sees it.
#[derive(Clone, Debug)]
pub struct Preview {
    pub bytes: Bytes,
    pub content_type: Arc<str>,
    pub template: String,
    /// What the family cannot express in it, and the like.
    pub notes: Vec<Note>,
}

/// Something a person should know of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The setting's path.
    pub path: String,
    pub message: String,
}

/// Every effective value with its layer, and what the family cannot express.
pub struct Explanation {
    pub values: Vec<Explained>,
    pub notes: Vec<Note>,
}

/// One request as the log keeps it.
#[derive(Clone, Debug)]
pub struct RequestEntry {
    /// Sorts by time; what a stream resumes after.
    pub id: Id,
    pub at: Timestamp,
    pub ip: std::net::IpAddr,
    pub transport: Transport,
    /// `GET`, `HEAD`, `RRQ` …
    pub method: String,
    pub path: String,
    pub user_agent: Option<String>,
    /// HTTP status, or the TFTP error code plus 1000; 200 for a whole TFTP transfer.
    pub status: u16,
    pub bytes: u64,
    pub took_us: u64,
    pub device: Option<Id>,
    pub tenant: Option<String>,
    pub decision: Decision,
    pub reason: Reason,
    pub trace: Arc<Trace>,
}

/// Which requests to read back.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    pub device: Option<Id>,
    pub tenant: Option<String>,
    pub ip: Option<std::net::IpAddr>,
    pub decision: Option<Decision>,
    /// Only those older than this one.
    pub before: Option<Id>,
    /// Only those newer than this one.
    pub after: Option<Id>,
    pub limit: usize,
}

/// The pipeline. A cheap clone.
#[derive(Clone)]
pub struct Pipeline {}

impl Pipeline {
    /// Walks a made-up request; nothing is stored or logged. Secrets are masked in the bytes unless `reveal`.
    pub async fn simulate(&self, request: Request, use_learnt: bool, reveal: bool) -> Simulation {
        todo!()
    }

    /// Every file this device may ask for.
    pub async fn files(&self, device: &Device) -> Result<Vec<DeviceFile>> {
        todo!()
    }

    /// One of its files, secrets masked unless `reveal`.
    pub async fn preview(&self, device: &Device, path: &str, reveal: bool) -> Result<Preview> {
        todo!()
    }

    /// Its effective settings, secrets masked (`reveal` shows them), each with its layer.
    pub async fn explain(&self, device: &Device, reveal: bool) -> Result<Explanation> {
        todo!()
    }

    /// Whether its last fetch had today's content, by comparing the real bytes.
    pub async fn sync(&self, device: &Device) -> Result<Sync> {
        todo!()
    }

    /// Whether it could ever fetch its file under the policy; an error says what to do. Called before approval.
    pub fn can_serve(&self, device: &Device) -> Result<()> {
        todo!()
    }

    /// The canonical model name and the family that pack knows for what a person typed: `7960`.
    /// An unknown model is an error that names the nearest ones.
    pub fn canonical_model(&self, pack_or_vendor: Option<&str>, model: &str) -> Result<String> {
        todo!()
    }

    /// The pack that would serve a device with these facts: what is chosen when a person names none.
    pub fn choose_pack(&self, device: &Device) -> Option<String> {
        todo!()
    }

    /// Whether a pack of that id (or `id@version`) is loaded; the error names those that are.
    pub fn check_pack(&self, pack: &str) -> Result<()> {
        todo!()
    }

    /// The pack whose firmware names hold this one.
    pub fn firmware_pack(&self, name: &str) -> Option<String> {
        todo!()
    }

    /// Recent requests, newest first: from memory, and from the store for older ones.
    pub async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Arc<RequestEntry>>> {
        todo!()
    }

    /// Requests from now on; a slow reader loses the oldest.
    pub fn follow_requests(&self) -> tokio::sync::broadcast::Receiver<Arc<RequestEntry>> {
        todo!()
    }
}
