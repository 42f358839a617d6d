//! Template overrides: templates that people lay over those of a pack, for the whole site or for one tenant. Only what they are
//! and how they are found; compiling and rendering them is the packs' and the server's.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use crate::{Id, clock::Timestamp, token::Reach};

/// For whom an override holds. As text `site` or `tenant:<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every tenant.
    Site,
    /// One tenant, by name; comes before the site's.
    Tenant(String),
}

impl Scope {
    /// From `site` or `tenant:<name>`; `None` when it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "site" => Some(Self::Site),
            Some(("tenant", name)) if !name.is_empty() => Some(Self::Tenant(name.to_owned())),
            _ => None,
        }
    }

    /// The tenant, where it is one's.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::Site => None,
            Self::Tenant(name) => Some(name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site => f.write_str("site"),
            Self::Tenant(name) => write!(f, "tenant:{name}"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a scope is site or tenant:<name>"))
    }
}

/// An override as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateOverride {
    /// Its id.
    pub id: Id,
    /// For whom.
    pub scope: Scope,
    /// Id of the pack, without version: it holds for every version.
    pub pack: String,
    /// Name of the template: one of the pack (`base.tpl`), a model's (`T46S.tpl`), or a file's as phones ask for it with `.tpl` after it
    /// (`00085D2EECFB.cfg.tpl`). Unique with scope and pack, letter case ignored.
    pub name: String,
    /// The template.
    pub source: String,
    /// The name is that of one device's file: only that device's files can change by it, and the tag of the shared layers stays.
    pub device_file: bool,
    /// Version of the pack that it was made for.
    pub base_version: Option<String>,
    /// The pack's template of that name in that version; none where the pack has none.
    pub base_source: Option<String>,
    /// Who wrote it last: the label of a token, or `command line`.
    pub author: String,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl TemplateOverride {
    /// As traces and faults name it: `site/base.tpl`, `tenant:acme/base.tpl`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.scope, self.name)
    }
}

type Key = (Scope, String, String);

fn key(scope: &Scope, pack: &str, name: &str) -> Key {
    (scope.clone(), without_version(pack).to_owned(), name.to_lowercase())
}

/// The id of a pack that may be written `id@version`.
pub fn without_version(pack: &str) -> &str {
    pack.split('@').next().unwrap_or(pack)
}

/// All overrides of one moment. A clone is cheap; an edit makes a new set.
#[derive(Clone, Debug, Default)]
pub struct TemplateSet(BTreeMap<Key, Arc<TemplateOverride>>);

impl TemplateSet {
    /// Of these.
    pub fn new(overrides: impl IntoIterator<Item = TemplateOverride>) -> Self {
        Self(overrides.into_iter().map(|o| (key(&o.scope, &o.pack, &o.name), Arc::new(o))).collect())
    }

    /// All, by scope (the site first), pack and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TemplateOverride>> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one of exactly this scope, pack (a version after `@` does not count) and name, letter case ignored.
    pub fn find(&self, scope: &Scope, pack: &str, name: &str) -> Option<&Arc<TemplateOverride>> {
        self.0.get(&key(scope, pack, name))
    }

    /// Those of the site and of the tenants of a reach.
    pub fn within(&self, reach: &Reach) -> Self {
        let seen = |(scope, _, _): &&Key| reach.sees(scope.tenant());
        Self(self.0.keys().filter(seen).filter_map(|key| Some((key.clone(), self.0.get(key)?.clone()))).collect())
    }

    /// By id.
    pub fn get(&self, id: Id) -> Option<&Arc<TemplateOverride>> {
        self.iter().find(|o| o.id == id)
    }

    /// Those of one scope and pack, by name.
    pub fn of<'a>(&'a self, scope: &Scope, pack: &str) -> impl Iterator<Item = &'a Arc<TemplateOverride>> + use<'a> {
        let from = key(scope, pack, "");
        let (scope, pack) = (from.0.clone(), from.1.clone());
        self.0.range(from..).take_while(move |((s, p, _), _)| *s == scope && *p == pack).map(|(_, o)| o)
    }

    /// Those that can change what a tenant's phones of a pack get: the tenant's first, then the site's.
    pub fn over<'a>(&'a self, tenant: &str, pack: &str) -> impl Iterator<Item = &'a Arc<TemplateOverride>> + use<'a> {
        self.of(&Scope::Tenant(tenant.to_owned()), pack).chain(self.of(&Scope::Site, pack))
    }

    /// The set with this one added, or in the place of that of its scope, pack and name; for checks before a write.
    pub fn with(&self, one: TemplateOverride) -> Self {
        let mut set = self.clone();
        set.0.retain(|_, o| o.id != one.id);
        set.0.insert(key(&one.scope, &one.pack, &one.name), Arc::new(one));
        set
    }

    /// The set without this one.
    pub fn without(&self, id: Id) -> Self {
        let mut set = self.clone();
        set.0.retain(|_, o| o.id != id);
        set
    }

    /// Feeds what of the overrides all phones of a tenant and pack share into a hash: nothing where there is none, so that a tag made
    /// before there were overrides stays.
    pub(crate) fn tag(&self, tenant: &str, pack: &str, hash: &mut Sha256) {
        for one in self.over(tenant, pack).filter(|o| !o.device_file) {
            sha2::Digest::update(hash, format!("template {} {};", one.id, one.revision));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn one(n: u8, scope: &str, pack: &str, name: &str) -> TemplateOverride {
        let at = Timestamp::from_millis(0);
        TemplateOverride {
            id: Id::from_parts(at, [n; 10]),
            scope: Scope::parse(scope).unwrap(),
            pack: pack.into(),
            name: name.into(),
            source: String::new(),
            device_file: false,
            base_version: None,
            base_source: None,
            author: String::new(),
            revision: 1,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn scopes_are_text() {
        for text in ["site", "tenant:acme"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        assert!(["", "tenant", "tenant:", "Site", "site:x", "tenants:a"].iter().all(|t| Scope::parse(t).is_none()));
    }

    #[test]
    fn a_set_is_searched_by_scope_pack_and_name() {
        let set = TemplateSet::new([
            one(1, "site", "acme", "Base.tpl"),
            one(2, "tenant:a", "acme", "base.tpl"),
            one(3, "tenant:a", "acme-2", "base.tpl"),
            one(4, "tenant:b", "acme", "T46S.tpl"),
            one(5, "site", "acm", "base.tpl"),
        ]);
        let shown = |tenant: &str, pack: &str| set.over(tenant, pack).map(|o| o.shown()).collect::<Vec<_>>();
        assert_eq!(shown("a", "acme@1.0.0"), ["tenant:a/base.tpl", "site/Base.tpl"]);
        assert_eq!(shown("c", "acme"), ["site/Base.tpl"]);
        assert_eq!(shown("b", "other"), Vec::<String>::new());
        assert_eq!(set.find(&Scope::Site, "acme@2", "BASE.tpl").unwrap().id, one(1, "site", "", "").id);
        let renamed = set.with(one(1, "site", "acme", "other.tpl"));
        assert!(renamed.find(&Scope::Site, "acme", "base.tpl").is_none() && renamed.len() == 5);
        assert_eq!(set.without(one(2, "site", "", "").id).over("a", "acme").count(), 1);
    }
}
