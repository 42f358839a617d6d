//! Who may what: the tenants of a caller and the rules that a use case asks. Which roles may call an operation at all is declared at the
//! operation and enforced in front of it (`api/roles.rs`); here is what needs to know the thing that is called for.
//!
//! What a caller sees of other tenants ([`Reach`]: nothing) is kept by the store: the handle that a use case works with shows, counts and
//! changes only what is of the caller's tenants, and shows what is no tenant's. So most use cases have nothing to ask here.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use offhook_core::{
    Error, Id, Result,
    device::{Device, State},
    tenant,
    token::{Reach, Role},
};
use serde_json::Value;

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
        self.reach().scope(said)
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

    /// Refuses what an installer may not change of a device: he approves and assigns.
    ///
    /// # Errors
    /// [`Error::Refused`] that names the field.
    pub fn may_patch(&self, device: &Device, patch: &Value) -> Result<()> {
        if self.role != Role::Installer {
            return Ok(());
        }
        match beyond_installing(device, patch) {
            None => Ok(()),
            Some(field) => Err(Error::Refused(format!(
                "{field}: a token with the role installer may approve a pending device (state ready) and change its label, location, tags, \
                 profiles, model, and settings.lines.<n>.account and .label; this needs the role admin or operator"
            ))),
        }
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

/// The first field of a patch that is not an installer's.
fn beyond_installing(device: &Device, patch: &Value) -> Option<String> {
    let fields = patch.as_object()?;
    for (field, value) in fields {
        match field.as_str() {
            "label" | "location" | "tags" | "profiles" | "model" => {}
            "state" if value == State::Ready.as_str() && device.state != State::Disabled => {}
            "state" if value == device.state.as_str() => {}
            "settings" => {
                let beyond = beyond_lines(value);
                if beyond.is_some() {
                    return beyond;
                }
            }
            other => return Some(other.chars().take(64).collect()),
        }
    }
    None
}

/// The first setting of a patch that is not which account a line has, or what stands beside its key.
fn beyond_lines(settings: &Value) -> Option<String> {
    let path =
        |names: &[&str]| ["settings"].iter().chain(names).map(|n| n.chars().take(64).collect::<String>()).collect::<Vec<_>>().join(".");
    let Some(settings) = settings.as_object() else { return Some(path(&[])) };
    for (name, lines) in settings {
        let Some(lines) = lines.as_object().filter(|_| name == "lines") else { return Some(path(&[name])) };
        for (n, line) in lines {
            let Some(line) = line.as_object() else { return Some(path(&["lines", n])) };
            if let Some(field) = line.keys().find(|field| !matches!(field.as_str(), "account" | "label")) {
                return Some(path(&["lines", n, field]));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook_core::clock::Timestamp;
    use serde_json::json;

    use super::*;

    fn device(state: State) -> Device {
        let at = Timestamp::from_millis(0);
        Device { state, ..Device::new(Id::from_parts(at, [0; 10]), at) }
    }

    #[test]
    fn an_installer_approves_and_assigns_and_nothing_else() {
        let (pending, disabled) = (device(State::Pending), device(State::Disabled));
        let good = json!({
            "state": "ready", "label": "x", "location": null, "tags": [], "profiles": ["p"], "model": "T1",
            "settings": { "lines": { "1": { "account": "a", "label": "A" }, "2": { "account": null } } }
        });
        assert_eq!(beyond_installing(&pending, &good), None);
        for (patch, field) in [
            (json!({ "state": "disabled" }), "state"),
            (json!({ "state": null }), "state"),
            (json!({ "pack": "x" }), "pack"),
            (json!({ "tenant": "x" }), "tenant"),
            (json!({ "settings": null }), "settings"),
            (json!({ "settings": { "lines": null } }), "settings.lines"),
            (json!({ "settings": { "lines": { "1": null } } }), "settings.lines.1"),
            (json!({ "settings": { "lines": { "1": { "account": "a", "password": "x" } } } }), "settings.lines.1.password"),
            (json!({ "settings": { "access": {} } }), "settings.access"),
        ] {
            assert_eq!(beyond_installing(&pending, &patch).as_deref(), Some(field), "{patch}");
        }
        assert_eq!(beyond_installing(&disabled, &json!({ "state": "ready" })).as_deref(), Some("state"));
        assert_eq!(beyond_installing(&disabled, &json!({ "state": "disabled" })), None);
    }
}
