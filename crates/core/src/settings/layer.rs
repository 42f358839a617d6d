//! Layers of settings, lowest first, and the built-in one.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::{Serialize, Serializer};
use serde_json::json;

use super::document::Settings;
use super::generate;
use super::path::Path;

/// Where a layer comes from. In the order of the variants, later wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerSource {
    /// The built-in defaults.
    BuiltIn,
    /// The site.
    Site,
    /// A global profile that matches the phone.
    SiteProfile(Arc<str>),
    /// A tenant.
    Tenant(Arc<str>),
    /// A profile of the tenant that matches the phone.
    TenantProfile(Arc<str>),
    /// A profile that is assigned to the device, or a parent of one.
    Profile(Arc<str>),
    /// The device itself.
    Device,
    /// The mark that a device shows while it is pending, in place of its own settings.
    Pending,
    /// What a tenant enforces.
    TenantEnforced(Arc<str>),
    /// What the site enforces.
    SiteEnforced,
}

impl fmt::Display for LayerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Site => f.write_str("site"),
            Self::SiteProfile(name) => write!(f, "site profile {name}"),
            Self::Tenant(name) => write!(f, "tenant {name}"),
            Self::TenantProfile(name) => write!(f, "tenant profile {name}"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Device => f.write_str("device"),
            Self::Pending => f.write_str("pending"),
            Self::TenantEnforced(name) => write!(f, "enforced by tenant {name}"),
            Self::SiteEnforced => f.write_str("enforced by site"),
        }
    }
}

impl Serialize for LayerSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One layer. It is borrowed: a merge copies only values.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    /// Where it comes from.
    pub source: LayerSource,
    /// What it sets.
    pub settings: &'a Settings,
    /// What it takes away from the layers below it, before it sets its own.
    pub unset: &'a [Path],
}

/// The built-in defaults, which are the safe ones: only the servers of the lines are trusted, no direct IP calls, no
/// telnet, web pages over HTTPS only (where the family can), an administrator's password derived for each device.
pub fn built_in() -> &'static Settings {
    static BUILT_IN: LazyLock<Settings> = LazyLock::new(|| {
        let defaults = json!({
            "access": { "admin_password": generate::kept(1), "web": "https", "telnet": "off" },
            "security": { "trust_servers_only": true, "direct_ip_calls": false },
        });
        Settings::from_stored(defaults).unwrap_or_default()
    });
    &BUILT_IN
}

/// The layers of a device that nobody approved yet: built-in, site, tenant and what is enforced. Profiles have no place among
/// them, and where the device's own settings stood is a mark, on its idle screen and beside its first line key.
pub fn while_pending(mut layers: Vec<Layer<'_>>) -> Vec<Layer<'_>> {
    static MARK: LazyLock<Settings> = LazyLock::new(|| {
        let mark = json!({ "display": { "text": "UNPROV" }, "lines": { "1": { "label": "UNPROV" } } });
        Settings::from_stored(mark).unwrap_or_default()
    });
    layers.retain(|l| !matches!(l.source, LayerSource::SiteProfile(_) | LayerSource::TenantProfile(_) | LayerSource::Profile(_)));
    for layer in layers.iter_mut().filter(|l| l.source == LayerSource::Device) {
        *layer = Layer { source: LayerSource::Pending, settings: &MARK, unset: &[] };
    }
    layers
}
