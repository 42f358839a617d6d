//! An API token: 256 random bits, of which only the SHA-256 is kept; what it may do, and for which tenants.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Error, Id, Result, clock::Timestamp, tenant::DEFAULT};

/// What every token's text begins with, so that a leaked one is recognised.
pub const PREFIX: &str = "offhook_";

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything, secrets too when asked for.
    Admin,
    /// The daily work: everything about phones and what they share, secrets too when asked for. No tokens, tenants, packs or site.
    Operator,
    /// Approves phones and assigns lines and profiles to them. Sees no secret.
    Installer,
    /// Reads everything, secrets masked; writes nothing.
    ReadOnly,
}

impl Role {
    /// Every role, the one that may most first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Installer, Self::ReadOnly];

    /// `admin`, `operator`, `installer` or `read-only`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Installer => "installer",
            Self::ReadOnly => "read-only",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// The tenants that somebody is for. Whatever is another tenant's does not exist for them: it is not found, not listed, not counted, and to
/// name it is the fault of naming something unknown. What is no tenant's (global profiles, site templates, packs …) they see and use, and
/// do not change. A cheap clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach(Option<Arc<BTreeSet<String>>>);

impl Reach {
    /// All tenants, and what is no tenant's.
    pub const ALL: Self = Self(None);

    /// These tenants; none given: all of them.
    pub fn of(tenants: Option<Arc<BTreeSet<String>>>) -> Self {
        Self(tenants)
    }

    /// Whether it is all tenants, and what is no tenant's.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// The tenants, unless it is all of them.
    pub fn tenants(&self) -> Option<&BTreeSet<String>> {
        self.0.as_deref()
    }

    /// The tenant, when it is one alone.
    pub fn only(&self) -> Option<&str> {
        self.tenants().filter(|own| own.len() == 1).and_then(|own| own.first()).map(String::as_str)
    }

    /// The tenant of what may be a tenant's or nobody's: the one that is said; else the only one.
    pub fn scope(&self, said: Option<String>) -> Option<String> {
        said.or_else(|| self.only().map(str::to_owned))
    }

    /// The tenant of what must have one, and was given none: the only one, else `default`.
    pub fn home(&self) -> &str {
        self.only().unwrap_or(DEFAULT)
    }

    /// Whether a thing of this tenant is seen. `None`: of no tenant, which everybody sees.
    pub fn sees(&self, tenant: Option<&str>) -> bool {
        tenant.is_none_or(|t| self.owns(Some(t)))
    }

    /// Whether a thing of this tenant is theirs. `None`: of no tenant, which is theirs only who are for all.
    pub fn owns(&self, tenant: Option<&str>) -> bool {
        match (self.tenants(), tenant) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(tenant)) => own.contains(tenant),
        }
    }

    /// Whether everything of the other is in this one.
    pub fn covers(&self, other: &Self) -> bool {
        match (self.tenants(), other.tenants()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.is_subset(own),
        }
    }

    /// Refuses what is not seen, with the very error of a thing that is not there. `key` is what was asked for.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn must_see(&self, noun: &'static str, key: impl ToString, tenant: Option<&str>) -> Result<()> {
        if self.sees(tenant) { Ok(()) } else { Err(Error::not_found(noun, key)) }
    }

    /// Refuses to make, change or delete a thing of a tenant that is not theirs; `None`: of no tenant.
    ///
    /// # Errors
    /// [`Error::Refused`] for what is no tenant's; for another tenant the [`Error::Invalid`] of one that is not there, at the field `tenant`.
    pub fn may_write_in(&self, tenant: Option<&str>) -> Result<()> {
        match tenant {
            _ if self.owns(tenant) => Ok(()),
            Some(tenant) => Err(Error::invalid("tenant", format!("there is no tenant {tenant:?}"))),
            None => self.must_be_all("this is for every tenant"),
        }
    }

    /// Refuses what concerns all tenants at once. `what` begins the sentence, as `this installs a pack`.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn must_be_all(&self, what: &str) -> Result<()> {
        let Some(own) = self.tenants() else { return Ok(()) };
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        Err(Error::Refused(format!("{what}: it needs a token for all tenants, this one is for {}", own.join(", "))))
    }
}

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id.
    pub id: Id,
    /// For people: what it is for.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// The tenants it is for; none given: all of them, and what is no tenant's (site, global profiles, packs …).
    pub tenants: Option<BTreeSet<String>>,
    /// SHA-256 of the token's text, lower-case hexadecimal. Never shown.
    #[serde(skip)]
    pub sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Newest use, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl Token {
    /// The tenants it is for.
    pub fn reach(&self) -> Reach {
        Reach::of(self.tenants.clone().map(Arc::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tenants: &[&str]) -> Reach {
        Reach::of(Some(Arc::new(tenants.iter().map(|t| (*t).to_owned()).collect())))
    }

    #[test]
    fn another_tenant_does_not_exist_and_what_is_nobodys_is_seen_only() {
        let north = of(&["north"]);
        assert!(north.sees(Some("north")) && north.sees(None) && !north.sees(Some("south")));
        assert!(north.owns(Some("north")) && !north.owns(None) && !north.owns(Some("south")));
        assert!(matches!(north.must_see("device", "x", Some("south")), Err(Error::NotFound { noun: "device", .. })));
        assert!(matches!(north.may_write_in(Some("south")), Err(Error::Invalid(_))));
        assert!(matches!(north.may_write_in(None), Err(Error::Refused(_))));
        assert!(Reach::ALL.sees(Some("south")) && Reach::ALL.owns(None) && Reach::ALL.may_write_in(None).is_ok());
    }

    #[test]
    fn who_covers_whom() {
        let (north, both) = (of(&["north"]), of(&["north", "south"]));
        assert!(Reach::ALL.covers(&both) && both.covers(&north) && north.covers(&north));
        assert!(!north.covers(&both) && !both.covers(&Reach::ALL));
        assert_eq!((north.only(), both.only(), Reach::ALL.only()), (Some("north"), None, None));
    }

    #[test]
    fn what_is_made_without_a_tenant_is_of_the_only_one() {
        let (north, both) = (of(&["north"]), of(&["north", "south"]));
        assert_eq!((north.home(), both.home(), Reach::ALL.home()), ("north", "default", "default"));
        assert_eq!((north.scope(None).as_deref(), both.scope(None), Reach::ALL.scope(None)), (Some("north"), None, None));
        assert_eq!(north.scope(Some("x".into())).as_deref(), Some("x"));
    }
}
