//! The trace of one request: what each step saw and decided, as enums. Text is made of it only when somebody reads it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Id, Mac,
    device::State,
    firmware::Offer,
    sighting::{Evidence, FileKind},
    upload::UploadKind,
};

/// What the pipeline decided about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The file is given.
    Allowed,
    /// Credentials are asked for.
    Challenged,
    /// The file is not given.
    Refused,
}

impl Decision {
    /// `allowed`, `challenged` or `refused`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Challenged => "challenged",
            Self::Refused => "refused",
        }
    }
}

/// Why. [`fmt::Display`] says it to a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// An approved device asks for its own file from a trusted network.
    OwnFile,
    /// The file holds no credentials and the source is trusted.
    NoCredentials,
    /// A pending device gets its own file, which holds no credentials.
    PendingFile,
    /// The access list denies the source.
    AclDenies,
    /// The Host header names a host that is not allowed.
    HostNotAllowed,
    /// The source is outside the trusted networks.
    Stranger,
    /// The device is disabled.
    Disabled,
    /// No device has this MAC and none is made for it.
    UnknownDevice,
    /// No device has this MAC, and the table of pending devices has no room for its network.
    PendingFull,
    /// No device belongs to this request, and the file is made for one.
    NoDevice,
    /// No pack knows a file of this name.
    UnknownFile,
    /// The file is one whose absence is normal, and there is none.
    NotOffered,
    /// The name belongs to one device and the request shows another.
    IdentityConflict {
        /// MAC in the file's name.
        asked: Mac,
        /// MAC that the phone says of itself.
        says: Mac,
    },
    /// The pack that serves the device does not know the file.
    OtherPack,
    /// The pack of the device, or the version that it is pinned to, is not there.
    PackMissing {
        /// The device's pack, as `id` or `id@version`.
        pack: String,
    },
    /// Firmware that the file stands for or names is not stored.
    FirmwareMissing {
        /// The names that are missing.
        missing: Vec<String>,
    },
    /// The file names the firmware that the settings want, which is not offered to this phone.
    FirmwareNotOffered {
        /// Why.
        offer: Offer,
    },
    /// An approved device sends a file that its pack takes.
    OwnUpload,
    /// A device that nobody has approved sends a file.
    PendingUpload,
    /// What was sent is greater than the pack or the server allows.
    UploadTooLarge {
        /// Most bytes.
        most: u64,
    },
    /// What was sent did not come whole, or not in time.
    UploadBroken,
    /// No asset of that name is stored for the tenant.
    AssetMissing {
        /// The name.
        name: String,
    },
    /// The stored asset cannot be given to this model.
    AssetUnusable {
        /// Why.
        why: String,
    },
    /// No phone book of that name is stored for the tenant.
    PhonebookMissing {
        /// The name.
        name: String,
    },
    /// Phone books are for approved devices.
    PendingDirectory,
    /// The template of the file failed; the log and the device's page have the line.
    TemplateFailed {
        /// Template, line and what is wrong.
        error: String,
    },
    /// The template of the file failed, and the phone got the file as it could last be made.
    LastGood {
        /// Template, line and what is wrong.
        error: String,
    },
    /// The server has more to do than it may take on.
    Overloaded,
    /// The store does not answer.
    StoreUnavailable,
    /// Phones may only read.
    MethodNotAllowed,
    /// A lease or subscription event: no file was asked for.
    NoFile,
    /// A simulation for somebody who is for some tenants, and the request is of none of them.
    OutOfReach,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnFile => f.write_str("the device is approved and asks for its own file from a trusted network"),
            Self::NoCredentials => f.write_str("the file holds no credentials and the source is in a trusted network"),
            Self::PendingFile => {
                f.write_str("the device is pending: it gets its own file without credentials; approve it to give it the real one")
            }
            Self::AclDenies => f.write_str("phones.acl denies this source"),
            Self::HostNotAllowed => f.write_str("the Host header is not one of phones.hosts"),
            Self::Stranger => f.write_str("the source is outside phones.trusted_networks: it gets the same answer for every file"),
            Self::Disabled => f.write_str("the device is disabled: it gets a stranger's answer"),
            Self::UnknownDevice => f.write_str("no device has this MAC, and phones.auto_create is off"),
            Self::PendingFull => f.write_str("no device has this MAC, and the pending table has no room for its network (limits.pending)"),
            Self::NoDevice => f.write_str("the file is made for one device, and nothing in the request tells which"),
            Self::UnknownFile => f.write_str("no pack knows a file of this name"),
            Self::NotOffered => f.write_str("phones ask for this file but it need not exist; its absence is normal"),
            Self::IdentityConflict { asked, says } => write!(f, "the file belongs to {asked}, but the phone says that it is {says}"),
            Self::OtherPack => f.write_str("the pack that serves this device has no such file"),
            Self::PackMissing { pack } => write!(
                f,
                "the pack of this device, {pack}, is not installed: install it (offhook pack install {pack}), or give the device another \
                 (offhook device set MAC --pack NAME)"
            ),
            Self::FirmwareMissing { missing } => {
                write!(f, "firmware is not stored: {} (offhook firmware add FILE)", missing.join(", "))
            }
            Self::FirmwareNotOffered { offer } => offer.fmt(f),
            Self::OwnUpload => f.write_str("the device is approved and sends a file that its pack takes"),
            Self::PendingUpload => f.write_str("the device is pending: nothing is taken from it; approve it first"),
            Self::UploadTooLarge { most } => {
                write!(f, "the file is greater than {most} bytes, the limit of its pack or limits.upload_size")
            }
            Self::UploadBroken => f.write_str("the file did not come whole, or not in time; nothing of it was kept"),
            Self::AssetMissing { name } => write!(f, "there is no asset {name:?} (offhook asset add)"),
            Self::AssetUnusable { why } => write!(f, "the asset cannot be given to this model: {why}"),
            Self::PhonebookMissing { name } => write!(f, "there is no phone book {name:?} (offhook phonebook add)"),
            Self::PendingDirectory => f.write_str("the device is pending: phone books are for approved devices"),
            Self::TemplateFailed { error } => write!(f, "the template failed: {error}"),
            Self::LastGood { error } => write!(f, "the template failed, and the last file that could be made was given: {error}"),
            Self::Overloaded => f.write_str("the server has too much to do; phones try again by themselves"),
            Self::StoreUnavailable => f.write_str("the store does not answer"),
            Self::MethodNotAllowed => f.write_str("phones may only GET, HEAD, PUT and POST"),
            Self::NoFile => f.write_str("no file was asked for"),
            Self::OutOfReach => f.write_str("neither a device nor a network of the tenants that this token is for belongs to this request"),
        }
    }
}

/// How the tenant was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantBy {
    /// The device belongs to it.
    Device,
    /// The source is in one of its networks.
    Network,
    /// Nothing told: the default tenant.
    Default,
}

/// What the look-up of the device gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "found")]
pub enum DeviceFound {
    /// It is stored.
    Known {
        /// Its id.
        id: Id,
        /// Its state.
        state: State,
    },
    /// It was not, and is stored as pending by this request (or would be, in a simulation).
    NewPending {
        /// The id it has now.
        id: Id,
    },
    /// There is none.
    None,
}

/// Which file was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// The path as asked.
    pub path: String,
    /// The pack that knows it.
    pub pack: String,
    /// The file's name in the pack's manifest.
    pub route: String,
    /// What it is for.
    pub kind: FileKind,
    /// Whether it holds credentials.
    pub credentials: bool,
}

/// What one step says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Says {
    /// May this source ask?
    Gate {
        /// The source is in a trusted network.
        trusted: bool,
        /// The source is in a network where phones share addresses.
        nat: bool,
        /// Why it may not.
        refused: Option<Reason>,
    },
    /// What do the facts say it is?
    Identify {
        /// Everything that was read.
        evidence: Vec<Evidence>,
    },
    /// Which tenant, device, pack, file?
    Resolve {
        /// The tenant.
        tenant: String,
        /// How it was told.
        by: TenantBy,
        /// The device.
        device: DeviceFound,
        /// The pack that serves it.
        pack: Option<String>,
        /// The file.
        file: Option<FileSeen>,
        /// Taken from memory, without asking the store.
        cached: bool,
    },
    /// May it have this file?
    Authorize {
        /// The decision.
        decision: Decision,
        /// Why.
        reason: Reason,
    },
    /// Which settings apply?
    Compose {
        /// The layers that hold something, lowest first.
        layers: Vec<String>,
    },
    /// Which bytes?
    Render {
        /// The template that made them, or the stored file.
        template: String,
        /// How many.
        bytes: u64,
        /// Taken from memory.
        cached: bool,
        /// What the family cannot express, and the like.
        notes: usize,
        /// Whether the firmware that the settings want is offered in them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        firmware: Option<Offer>,
        /// Why there are none.
        failed: Option<Reason>,
    },
    /// What did the phone send?
    Receive {
        /// The file as the phone calls it.
        file: String,
        /// What it is.
        kind: UploadKind,
        /// How many bytes came.
        bytes: u64,
        /// Why nothing of it was kept.
        failed: Option<Reason>,
    },
}

impl Says {
    /// The step's name.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Gate { .. } => "gate",
            Self::Identify { .. } => "identify",
            Self::Resolve { .. } => "resolve",
            Self::Authorize { .. } => "authorize",
            Self::Compose { .. } => "compose",
            Self::Render { .. } => "render",
            Self::Receive { .. } => "receive",
        }
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate { trusted, nat, refused } => match refused {
                Some(why) => write!(f, "refused: {why}"),
                None => write!(
                    f,
                    "{}{}",
                    if *trusted { "the source is in a trusted network" } else { "the source is in no trusted network" },
                    if *nat { ", where phones share addresses" } else { "" }
                ),
            },
            Self::Identify { evidence } => {
                if evidence.is_empty() {
                    return f.write_str("nothing tells what it is");
                }
                for (i, e) in evidence.iter().enumerate() {
                    let sep = if i > 0 { "; " } else { "" };
                    write!(f, "{sep}{} {} from {}", word(&e.field), e.value, word(&e.from).replace('_', " "))?;
                }
                Ok(())
            }
            Self::Resolve { tenant, device, pack, file, .. } => {
                write!(f, "tenant {tenant}, ")?;
                match device {
                    DeviceFound::Known { id, state } => write!(f, "device {id} ({})", state.as_str())?,
                    DeviceFound::NewPending { id } => write!(f, "new pending device {id}")?,
                    DeviceFound::None => f.write_str("no device")?,
                }
                if let Some(pack) = pack {
                    write!(f, ", pack {pack}")?;
                }
                match file {
                    Some(file) => {
                        write!(f, ", file {} ({})", file.route, file.kind.as_str())?;
                        if pack.as_ref().is_some_and(|p| *p != file.pack) { write!(f, " of pack {}", file.pack) } else { Ok(()) }
                    }
                    None => f.write_str(", no known file"),
                }
            }
            Self::Authorize { decision, reason } => write!(f, "{}: {reason}", decision.as_str()),
            Self::Receive { file, kind, bytes, failed } => match failed {
                Some(why) => write!(f, "{file} ({}) was not kept: {why}", kind.as_str()),
                None => write!(f, "{file} ({}), {bytes} bytes, kept", kind.as_str()),
            },
            Self::Compose { layers } => write!(f, "layers: {}", layers.join(" < ")),
            Self::Render { template, bytes, cached, notes, firmware, failed } => match failed {
                Some(why) if *bytes > 0 => write!(f, "{template}, {bytes} bytes: {why}"),
                Some(why) => write!(f, "no file: {why}"),
                None => {
                    write!(f, "{template}, {bytes} bytes{}", if *cached { ", from memory" } else { "" })?;
                    if *notes > 0 {
                        write!(f, ", {notes} notes")?;
                    }
                    if let Some(offer) = firmware {
                        write!(f, "; {offer}")?;
                    }
                    Ok(())
                }
            },
        }
    }
}

/// An enum's own serialised word.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One step with the time it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Microseconds.
    pub took_us: u32,
    /// What it says.
    #[serde(flatten)]
    pub says: Says,
}

/// Everything that happened to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trace {
    /// In order; a request that is refused early has few.
    pub steps: Vec<Step>,
}
