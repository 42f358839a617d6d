//! A device: one phone, base station, adapter or door phone, known or merely seen.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    Id, Mac,
    clock::Timestamp,
    request::Transport,
    settings::{Path, Settings},
};

/// What may be done for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Seen, not approved: gets bootstrap files only.
    Pending,
    /// Gets its files.
    Ready,
    /// Gets a stranger's answer everywhere.
    Disabled,
}

impl State {
    /// `pending`, `ready` or `disabled`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Disabled => "disabled",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pending" => Some(Self::Pending),
            "ready" => Some(Self::Ready),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// Whether the last fetch of a device's own file had today's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// It never fetched its own file.
    Never,
    /// The last fetch had today's content.
    Current,
    /// Something that the file is made of changed since.
    Outdated,
}

/// The newest request of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSeen {
    /// When.
    pub at: Timestamp,
    /// From which address (after trusted proxies).
    pub ip: IpAddr,
    /// By which transport.
    pub transport: Transport,
    /// Which path or file name it asked for.
    pub path: String,
    /// Its User-Agent, when it sent one.
    pub user_agent: Option<String>,
}

/// What a device's last complete fetch of its own file was made of; compared with today's to tell [`Sync`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFetch {
    /// When.
    pub at: Timestamp,
    /// [`Device::generation`] then.
    pub generation: u64,
    /// The tag of its set of layers then (see the store).
    pub layers_tag: u64,
    /// Keyed hash of the bytes that were sent.
    pub hash: String,
    /// The name it asked for.
    pub path: String,
    /// The address of this server that was written into the file: the same file fetched by another way may differ in it.
    pub server_url: String,
}

/// A device as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id.
    pub id: Id,
    /// The name of the one tenant it belongs to.
    pub tenant: String,
    /// Unique over all tenants.
    pub mac: Option<Mac>,
    /// Serial number, for families that name their files by it.
    pub serial: Option<String>,
    /// For softphones that name themselves by a UUID.
    pub uuid: Option<String>,
    /// Family name, e.g. as the fact sheets write it, lower case.
    pub vendor: Option<String>,
    /// Canonical model name.
    pub model: Option<String>,
    /// A person chose `model`; what the phone says otherwise goes into `reported_model`.
    pub model_pinned: bool,
    /// What the phone calls itself where that differs from `model`.
    pub reported_model: Option<String>,
    /// Firmware version it last reported.
    pub firmware: Option<String>,
    /// The pack that serves it: `id` or `id@version`; none: chosen by score at each request.
    pub pack: Option<String>,
    /// A person chose `pack`: better evidence does not change it.
    pub pack_pinned: bool,
    /// What may be done for it.
    pub state: State,
    /// Assigned profiles by name, later wins.
    pub profiles: Vec<String>,
    /// Its own layer.
    pub settings: Settings,
    /// Setting paths that its layer takes away from lower layers.
    pub unset: Vec<Path>,
    /// For people.
    pub label: String,
    /// For people.
    pub location: String,
    /// For people and filters.
    pub tags: Vec<String>,
    /// The newest request.
    pub last_seen: Option<LastSeen>,
    /// The newest complete fetch of its own file.
    pub last_fetch: Option<LastFetch>,
    /// Grows by one with each change by a person; the ETag.
    pub revision: u64,
    /// Grows when a person or the phone's serial number changes what its files are made of, in its own row or in an account it uses. Family,
    /// model, firmware and pack as the phone tells them do not count: the tag of its layers holds them.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

impl Device {
    /// One of which nothing is known yet: of the tenant `default`, ready.
    pub fn new(id: Id, now: Timestamp) -> Self {
        Self {
            id,
            tenant: crate::tenant::DEFAULT.to_owned(),
            mac: None,
            serial: None,
            uuid: None,
            vendor: None,
            model: None,
            model_pinned: false,
            reported_model: None,
            firmware: None,
            pack: None,
            pack_pinned: false,
            state: State::Ready,
            profiles: Vec::new(),
            settings: Settings::default(),
            unset: Vec::new(),
            label: String::new(),
            location: String::new(),
            tags: Vec::new(),
            last_seen: None,
            last_fetch: None,
            revision: 1,
            generation: 1,
            created_at: now,
            updated_at: now,
        }
    }
}
