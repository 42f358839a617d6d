//! What a case says to be stored beside the firmware: assets by name and kind, phone books with their contacts.

use std::{collections::BTreeMap, sync::Arc};

use offhook_core::{
    Id,
    asset::AssetKind,
    clock::Timestamp,
    phonebook::{Contact, Phonebook},
};
use serde::Deserialize;

use crate::{AssetFacts, Resources};

/// `[phonebooks.<name>]` of a case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CasePhonebook {
    #[serde(default)]
    label: String,
    contacts: Vec<Contact>,
}

/// The stored things of a case. Sizes and sums of assets count for nothing in files.
pub(super) fn resources(assets: &BTreeMap<String, AssetKind>, books: &BTreeMap<String, CasePhonebook>) -> Arc<Resources> {
    let mut all = Resources::default();
    for (name, kind) in assets {
        all.add_asset(AssetFacts { name: name.clone(), kind: *kind, size: 1, sha256: "0".repeat(64) });
    }
    let at = Timestamp::from_millis(0);
    for (number, (name, book)) in (0u8..).zip(books) {
        all.add_phonebook(Arc::new(Phonebook {
            id: Id::from_parts(at, [number; 10]),
            name: name.clone(),
            tenant: None,
            label: book.label.clone(),
            contacts: book.contacts.iter().cloned().map(Contact::named).collect(),
            revision: 1,
            created_at: at,
            updated_at: at,
        }));
    }
    Arc::new(all)
}
