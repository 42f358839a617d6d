//! The request log: a bounded table of what phones asked and what was decided.

use std::net::IpAddr;

use offhook_core::{
    Id, Result,
    clock::Timestamp,
    request::Transport,
    trace::{Decision, Reason, Trace},
};
use serde::{Deserialize, Serialize};

use crate::Store;

/// One request of a phone, with its trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its id; ids grow with time.
    pub id: Id,
    /// When it came.
    pub at: Timestamp,
    /// From where (after trusted proxies).
    pub ip: IpAddr,
    /// How.
    pub transport: Transport,
    /// `GET`, `HEAD`, `RRQ` …
    pub method: String,
    /// The path or file name.
    pub path: String,
    /// The User-Agent.
    pub user_agent: Option<String>,
    /// HTTP status, or the one that a TFTP answer amounts to.
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: u64,
    /// Microseconds from request to answer.
    pub took_us: u64,
    /// The device that asked.
    pub device: Option<Id>,
    /// The tenant it resolved to.
    pub tenant: Option<String>,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// What each step saw.
    pub trace: Trace,
}

/// Which requests.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Of this device.
    pub device: Option<Id>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

impl Store {
    /// The newest requests that fit, newest first; `before` goes on after the last id of the page before.
    pub async fn requests(&self, filter: &RequestFilter, limit: u32, before: Option<Id>) -> Result<Vec<RequestRecord>> {
        todo!()
    }

    /// One request of the log.
    pub async fn request(&self, id: Id) -> Result<Option<RequestRecord>> {
        todo!()
    }
}
