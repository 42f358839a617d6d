//! What a rendering needs and gives.

use std::fmt;

use offhook_core::{Mac, device::State, settings::Effective};

use crate::Note;

/// What is known of the device a file is made for. In common and model files only model, vendor and firmware are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Its id as text; empty when there is none.
    pub id: String,
    /// MAC address.
    pub mac: Option<Mac>,
    /// Serial number.
    pub serial: Option<String>,
    /// For people.
    pub label: String,
    /// For people.
    pub location: String,
    /// Model, canonical or alias.
    pub model: Option<String>,
    /// Family.
    pub vendor: Option<String>,
    /// Firmware version it reported.
    pub firmware: Option<String>,
    /// None stands for a device that is ready.
    pub state: Option<State>,
}

/// Where files of this server are reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// Without slash at the end.
    pub url: String,
    /// Scheme of the URL.
    pub scheme: String,
    /// Host of the URL, without brackets.
    pub host: String,
    /// Port of the URL, or that of the scheme.
    pub port: u16,
}

impl ServerFacts {
    /// Of a URL like `http://192.0.2.1:8667`. What is no URL gives empty parts.
    pub fn new(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let authority = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
        let (host, port) = match authority.strip_prefix('[').and_then(|a| a.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => authority.split_once(':').map_or((authority, None), |(h, p)| (h, Some(p))),
        };
        let default = match scheme {
            "https" => 443,
            "tftp" => 69,
            _ => 80,
        };
        let port = port.and_then(|p| p.parse().ok()).unwrap_or(default);
        Self { url: url.to_owned(), scheme: scheme.to_owned(), host: host.to_owned(), port }
    }
}

/// Which firmware files are stored.
pub trait FirmwareShelf {
    /// Whether a file of that name is stored, letter case ignored.
    fn has(&self, name: &str) -> bool;
}

/// A shelf with nothing on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFirmware;

impl FirmwareShelf for NoFirmware {
    fn has(&self, _name: &str) -> bool {
        false
    }
}

/// What a file is made of.
pub struct RenderInput<'a> {
    /// The device.
    pub device: &'a DeviceFacts,
    /// Name of the tenant.
    pub tenant: &'a str,
    /// This server.
    pub server: &'a ServerFacts,
    /// Effective settings, variables expanded, passwords derived. Secrets are taken out here for files without credentials.
    pub settings: &'a Effective,
    /// Stored firmware.
    pub shelf: &'a dyn FirmwareShelf,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What the phone gets.
    pub bytes: Vec<u8>,
    /// MIME type.
    pub content_type: String,
    /// The template that made it, or the static file.
    pub template: String,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderError {
    /// There is none now; firmware files that are missing, if that is why.
    Absent {
        /// Names of firmware files that are not stored.
        missing: Vec<String>,
    },
    /// The bytes are a stored firmware file of the route's name, not made here.
    Firmware,
    /// The template failed.
    Template {
        /// Its name in the pack.
        template: String,
        /// From 1; 0 when unknown.
        line: usize,
        /// That line of the template.
        snippet: String,
        /// What is wrong.
        message: String,
    },
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { missing } if missing.is_empty() => f.write_str("the file does not exist"),
            Self::Absent { missing } => write!(f, "firmware is not stored: {}", missing.join(", ")),
            Self::Firmware => f.write_str("the file is stored firmware"),
            Self::Template { template, line, snippet, message } => write!(f, "{template}:{line}: {message}: {snippet}"),
        }
    }
}

impl std::error::Error for RenderError {}
