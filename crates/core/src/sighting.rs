//! What a request tells of the phone that sent it, and how well it is known.

use serde::{Deserialize, Serialize};

use crate::Mac;

/// What a file is for, not who may read it (the fact sheets' labelling rules).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// Configuration for all or for a family; ring lists, dial plans.
    Common,
    /// Configuration for one model or hardware code.
    Model,
    /// Configuration of one unit.
    Device,
    /// Images, boot code and small files that only name the image.
    Firmware,
    /// Phrases, dictionaries, tones of a locale.
    Language,
    /// Phone books.
    Directory,
    /// Everything else.
    Other,
}

impl FileKind {
    /// The lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::Model => "model",
            Self::Device => "device",
            Self::Firmware => "firmware",
            Self::Language => "language",
            Self::Directory => "directory",
            Self::Other => "other",
        }
    }
}

/// Which field of a sighting a piece of evidence speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// MAC address.
    Mac,
    /// Serial number.
    Serial,
    /// UUID.
    Uuid,
    /// Family.
    Vendor,
    /// Model.
    Model,
    /// Firmware version.
    Firmware,
}

/// Where a piece of evidence was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// The User-Agent header.
    UserAgent,
    /// Another header.
    Header,
    /// The path or file name.
    Path,
    /// The query.
    Query,
    /// DHCP option 60.
    Option60,
    /// The subject of a client certificate.
    Certificate,
    /// The first 24 bits of the MAC.
    Oui,
    /// What was seen before of this MAC or address.
    Learnt,
}

/// One fact, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it tells.
    pub field: Field,
    /// The value, normalised.
    pub value: String,
    /// Where it was read.
    pub from: From,
    /// The pack whose rule read it; empty when no pack was needed.
    pub pack: String,
    /// The rule: its name in the pack.
    pub rule: String,
    /// 0 to 100: how sure the rule is. The greatest per field wins.
    pub confidence: u8,
}

/// What one request tells of the phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Its MAC address.
    pub mac: Option<Mac>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Its UUID.
    pub uuid: Option<String>,
    /// Its family.
    pub vendor: Option<String>,
    /// Its model, canonical spelling.
    pub model: Option<String>,
    /// Its firmware version.
    pub firmware: Option<String>,
    /// Everything that was read, the winners among it.
    pub evidence: Vec<Evidence>,
}
