//! Firmware that can be fetched: the entries of `firmware.toml` (and of an index), their checks, and the unpacking of what was fetched.
//! Downloading it is not done here.

mod unpack;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

pub use unpack::{UnpackError, unpack};

/// One `[[firmware]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmwareEntry {
    /// The pack it is for; in a pack's own `firmware.toml` not needed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pack: String,
    /// What `provisioning.firmware.version` takes.
    pub version: String,
    /// Only for these; empty: all.
    #[serde(default)]
    pub models: Vec<String>,
    /// For people.
    #[serde(default)]
    pub title: String,
    /// Where it can be fetched: http or https, without credentials.
    pub url: String,
    /// Bytes of the download.
    pub size: u64,
    /// SHA-256 of the download, hexadecimal.
    pub sha256: String,
    /// Names of the files that must be stored at the end.
    pub files: Vec<String>,
    /// How the files come out of the download, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpack: Vec<UnpackStep>,
}

/// One `[[firmware.unpack]]`: it works on all files that the step before left, the first one on the download.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnpackStep {
    /// What is done.
    pub op: UnpackOp,
    /// Of what comes out, only paths like these (`*` any text, letter case ignored); empty: everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub select: Vec<String>,
    /// Old name to new name, after the selection.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnpackOp {
    /// Each file is a zip archive: its files, without their folders.
    Zip,
    /// Each file is a tar archive, also one in gzip: likewise.
    Tar,
    /// Each file is one file in gzip; it loses the ending `.gz`.
    Gz,
    /// The files of `rename` are copied under the other name; the old one stays.
    Cp,
    /// Nothing but selecting and renaming.
    Select,
}

/// `firmware.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FirmwareFile {
    #[serde(default)]
    pub firmware: Vec<toml::Value>,
}

impl FirmwareEntry {
    /// Everything that is wrong with it: field, and what is allowed.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut fault = |field, message: &str| faults.push((field, message.to_owned()));
        if self.version.trim().is_empty() || self.version.chars().any(char::is_control) {
            fault("version", "is needed, as provisioning.firmware.version takes it");
        }
        let web = ["http://", "https://"].iter().find_map(|s| self.url.strip_prefix(s));
        match web.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default()) {
            Some(host) if !host.is_empty() && !host.contains('@') => {}
            _ => fault("url", "must be an http:// or https:// address without credentials"),
        }
        if self.size == 0 {
            fault("size", "is needed: the bytes of the download");
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
            fault("sha256", "must be the SHA-256 of the download, 64 hexadecimal digits");
        }
        if self.files.is_empty() {
            fault("files", "is needed: the names that must be stored at the end");
        }
        if self.unpack.is_empty() && self.files.len() > 1 {
            fault("files", "without [[firmware.unpack]] the download is the only file");
        }
        let mut names = HashSet::new();
        for file in &self.files {
            if !plain_name(file) {
                fault("files", &format!("{file:?} is no file name: write it without folders"));
            }
            if !names.insert(file.to_lowercase()) {
                fault("files", &format!("{file:?} stands twice (letter case does not count)"));
            }
        }
        for step in &self.unpack {
            if step.op == UnpackOp::Cp && (step.rename.is_empty() || !step.select.is_empty()) {
                fault("unpack", "cp copies what `rename` names: { \"old\" = \"new\" }, and selects nothing");
            }
            for (old, new) in &step.rename {
                if !plain_name(old) || !plain_name(new) {
                    fault("unpack", &format!("rename {old:?} = {new:?}: names have no folders"));
                }
            }
        }
        faults
    }

    /// Whether it is for that model.
    pub fn is_for(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|m| m.eq_ignore_ascii_case(model))
    }

    /// The last part of the address's path: what the download is called.
    pub fn download_name(&self) -> &str {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        path.rsplit('/').next().filter(|n| plain_name(n)).unwrap_or("download")
    }
}

/// A name without folders that a shelf can hold.
pub(crate) fn plain_name(name: &str) -> bool {
    let bad = |c: char| c == '/' || c == '\\' || c.is_control();
    !name.trim().is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(bad)
}
