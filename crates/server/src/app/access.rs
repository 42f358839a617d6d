//! Who may what: the tenants of a caller and the rules that a use case asks. Which roles may call an operation at all is declared at the
//! operation and enforced in front of it (`api/roles.rs`); here is what needs to know the thing that is called for.
//!
//! What a caller sees of other tenants ([`Reach`]: nothing) is kept by the store: the handle that a use case works with shows, counts and
//! changes only what is of the caller's tenants, and shows what is no tenant's. So most use cases have nothing to ask here.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use offhook_core::{
    Error, Id, Result, tenant,
    token::{Reach, Role},
};

/// Who calls a use case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token that was shown.
    pub token: Id,
    /// What the token is for, in a person's words.
    pub label: Arc<str>,
    /// What it may do.
    pub role: Role,
    /// The tenants it is for; none given: all, and what is no tenant's.
    pub tenants: Option<Arc<BTreeSet<String>>>,
    /// Where the call came from.
    pub from: Option<IpAddr>,
    /// Writes are only tried.
    pub dry_run: bool,
}

impl Caller {
    /// Whose things it sees and changes.
    pub fn reach(&self) -> Reach {
        Reach::of(self.tenants.clone())
    }

    /// Whether it is for all tenants, and for what is no tenant's.
    pub fn is_of_all(&self) -> bool {
        self.tenants.is_none()
    }

    /// The tenants that a list is to be limited to; none: all of them.
    pub fn tenants_filter(&self) -> Option<&BTreeSet<String>> {
        self.tenants.as_deref()
    }

    /// Whether it may know of a thing of this tenant. `None`: of no tenant, which everybody may know of.
    pub fn sees(&self, tenant: Option<&str>) -> bool {
        self.reach().sees(tenant)
    }

    /// Whether a thing of this tenant is its own. `None`: of no tenant, which is its own only when it is for all of them.
    pub fn owns(&self, tenant: Option<&str>) -> bool {
        self.reach().owns(tenant)
    }

    /// Refuses what it may not know of; see [`Reach::must_see`].
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn must_see(&self, noun: &'static str, key: &str, tenant: Option<&str>) -> Result<()> {
        self.reach().must_see(noun, key, tenant)
    }

    /// Refuses to make, change or delete a thing of a tenant that is not its own; see [`Reach::may_write_in`].
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Invalid`].
    pub fn may_write_in(&self, tenant: Option<&str>) -> Result<()> {
        self.reach().may_write_in(tenant)
    }

    /// Refuses what concerns all tenants at once: the site, packs, firmware files, metrics. `what` begins a sentence, as `this installs a pack`.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn must_be_of_all(&self, what: &str) -> Result<()> {
        self.reach().must_be_all(what)
    }

    /// The tenant of what it makes without saying whose: the token's, when it is for one alone, else `default`.
    pub fn home(&self) -> &str {
        self.tenants_filter().filter(|own| own.len() == 1).and_then(BTreeSet::first).map_or(tenant::DEFAULT, String::as_str)
    }

    /// The tenant of what may be a tenant's or nobody's: the one that is said; else the token's, when it is for one alone.
    pub fn scope(&self, said: Option<String>) -> Option<String> {
        said.or_else(|| self.reach().only().map(str::to_owned))
    }

    /// Whether it may ask for secrets in clear.
    pub fn reveals(&self) -> bool {
        matches!(self.role, Role::Admin | Role::Operator)
    }

    /// Refuses those who may not see secrets, when secrets are asked for.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn may_reveal(&self, reveal: bool) -> Result<()> {
        if !reveal || self.reveals() {
            return Ok(());
        }
        let role = self.role.as_str();
        Err(Error::Refused(format!("this shows secrets: it needs a token with the role admin or operator, this one is {role}")))
    }

    /// Refuses those who only read. The roles of an operation are checked before it is called; this is for what calls a use case another way.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub fn may_write(&self) -> Result<()> {
        match self.role {
            Role::ReadOnly => {
                Err(Error::Refused("this changes something: it needs a token that may write, this one is read-only".to_owned()))
            }
            Role::Admin | Role::Operator | Role::Installer => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn of(tenants: &[&str]) -> Caller {
        let own = || Arc::new(tenants.iter().map(|t| (*t).to_owned()).collect());
        let token = Id::parse("0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10").unwrap();
        let tenants = (!tenants.is_empty()).then(own);
        Caller { token, label: "".into(), role: Role::Operator, tenants, from: None, dry_run: false }
    }

    #[test]
    fn what_is_made_without_a_tenant_is_of_the_only_one() {
        assert_eq!((of(&["north"]).home(), of(&["north", "south"]).home(), of(&[]).home()), ("north", "default", "default"));
        assert_eq!(of(&["north"]).scope(None).as_deref(), Some("north"));
        assert_eq!((of(&["north", "south"]).scope(None), of(&[]).scope(None)), (None, None));
        assert_eq!(of(&["north"]).scope(Some("x".into())).as_deref(), Some("x"));
    }
}
