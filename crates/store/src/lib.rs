//! Everything that Offhook keeps: the one place that knows the database.
//!
//! A [`Store`] is a cheap clone. Reads go to a pool of connections; writes go to one writer task, which takes the waiting
//! ones together into one durable transaction and acknowledges a write only when it is on disk **and** the values held in
//! memory ([`Store::configuration`], [`Store::shelf`]) are those after it. One file per noun; what decides about phones
//! lives elsewhere.

mod account;
mod address_map;
mod archive;
mod asset;
mod audit;
mod author;
mod backup;
mod blob;
mod blob_table;
mod change;
mod compare;
mod database;
mod device;
mod dump;
mod firmware;
mod history;
mod idempotency;
mod kept;
mod key;
mod layers;
mod library;
mod loading;
mod local_port;
mod migrations;
mod moving;
mod naming;
mod nodes;
mod pack;
mod page;
mod phonebook;
mod profile;
mod references;
mod request;
mod row;
mod seen;
mod site;
mod store;
mod template;
mod tenant;
mod text;
mod token;
mod upload;
mod writer;

pub use account::{AccountFilter, AccountSort, AccountUses};
pub use archive::Manifest;
pub use asset::NewAsset;
pub use audit::{AuditEntry, AuditFilter, By, Note};
pub use author::Author;
pub use backup::{Progress, Restored, Sent, adopt_key};
pub use blob::{Blob, BlobWriter};
pub use change::{Change, What};
pub use compare::FieldChange;
pub use device::{
    DeviceEdit, DeviceFilter, DeviceKey, DeviceSort, Serving, WrittenDevice,
    pending::{NewPending, PendingLimits, PendingOutcome},
    selector_of,
};
pub use dump::Sum;
pub use firmware::Shelf;
pub use history::{Deleted, DeletedFilter, HistoryLimits, Noun, Thing, Version, changes};
pub use idempotency::{IdempotencyKey, KeyState};
pub use library::Library;
pub use moving::{Moved, move_to};
pub use nodes::PacksChanged;
pub use pack::NewPack;
pub use page::{Listed, Page};
pub use request::{RequestFilter, RequestRecord};
pub use seen::Seen;
pub use store::{OpenError, Store, StoreOptions};
pub use template::NewTemplate;
pub use token::NewToken;
pub use upload::{NewUpload, UploadLimits};
