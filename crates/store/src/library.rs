//! What is held in memory of assets and phone books, by tenant and name, letter case ignored.

use std::{collections::BTreeMap, sync::Arc};

use offhook_core::{
    Id,
    asset::Asset,
    phonebook::Phonebook,
    settings::{Named, NamedKind},
    token::Reach,
};

/// Tenant (none: global) and name in small letters.
pub(crate) type Key = (Option<String>, String);

/// Assets and phone books of one moment. Replaced as a whole like the configuration; the things themselves are shared.
#[derive(Clone, Debug, Default)]
pub struct Library {
    pub(crate) assets: BTreeMap<Key, Arc<Asset>>,
    pub(crate) phonebooks: BTreeMap<Key, Arc<Phonebook>>,
}

pub(crate) fn key(tenant: Option<&str>, name: &str) -> Key {
    (tenant.map(str::to_owned), name.to_lowercase())
}

/// The tenant's own, else the global one.
fn meant<'a, T>(things: &'a BTreeMap<Key, Arc<T>>, tenant: Option<&str>, name: &str) -> Option<&'a Arc<T>> {
    let own = tenant.and_then(|t| things.get(&key(Some(t), name)));
    own.or_else(|| things.get(&key(None, name)))
}

impl Library {
    /// What of it is seen within a reach.
    pub(crate) fn within(&self, reach: &Reach) -> Self {
        fn seen<T>(things: &BTreeMap<Key, Arc<T>>, reach: &Reach) -> BTreeMap<Key, Arc<T>> {
            things.iter().filter(|((tenant, _), _)| reach.sees(tenant.as_deref())).map(|(k, v)| (k.clone(), v.clone())).collect()
        }
        Self { assets: seen(&self.assets, reach), phonebooks: seen(&self.phonebooks, reach) }
    }

    /// All assets, the global ones first, by name.
    pub fn assets(&self) -> impl Iterator<Item = &Arc<Asset>> {
        self.assets.values()
    }

    /// All phone books, the global ones first, by name.
    pub fn phonebooks(&self) -> impl Iterator<Item = &Arc<Phonebook>> {
        self.phonebooks.values()
    }

    /// The asset that a name means in a tenant: the tenant's own, else the global one.
    pub fn asset(&self, tenant: Option<&str>, name: &str) -> Option<&Arc<Asset>> {
        meant(&self.assets, tenant, name)
    }

    /// The phone book that a name or id means in a tenant: the tenant's own, else the global one.
    pub fn phonebook(&self, tenant: Option<&str>, name: &str) -> Option<&Arc<Phonebook>> {
        let seen = |b: &&Arc<Phonebook>| b.tenant.is_none() || b.tenant.as_deref() == tenant;
        let by_id = || Id::parse(name).and_then(|id| self.phonebooks.values().filter(seen).find(|b| b.id == id));
        meant(&self.phonebooks, tenant, name).or_else(by_id)
    }

    /// The id of what a name of a document means in a tenant.
    pub(crate) fn means(&self, tenant: Option<&str>, named: &Named) -> Option<Id> {
        match named.kind {
            NamedKind::Asset | NamedKind::Ringtone => self.asset(tenant, &named.name).map(|a| a.id),
            NamedKind::Phonebook => self.phonebook(tenant, &named.name).map(|b| b.id),
        }
    }

    /// Names of one kind that a tenant may use; without a tenant those of all.
    pub(crate) fn names(&self, tenant: Option<&str>, kind: NamedKind) -> Vec<&str> {
        let seen = |of: &Option<String>| tenant.is_none() || of.is_none() || of.as_deref() == tenant;
        let mut names: Vec<&str> = match kind {
            NamedKind::Asset | NamedKind::Ringtone => self.assets().filter(|a| seen(&a.tenant)).map(|a| a.name.as_str()).collect(),
            NamedKind::Phonebook => self.phonebooks().filter(|b| seen(&b.tenant)).map(|b| b.name.as_str()).collect(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }
}
