//! Everything that devices share, as one immutable value: site, tenants, profiles and template overrides, and the order in which they lie
//! under and over a device. Small enough to be held in memory by every node; replaced as a whole when any part changes.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    address_map::AddressMaps,
    clock::Timestamp,
    pack::PackDigests,
    profile::Profile,
    settings::{Layer, LayerSource, MatchFacts, Path, ProfileGraphError, Settings, built_in, linearise},
    site::Site,
    template::TemplateSet,
    tenant::Tenant,
    token::Reach,
};

/// Site, tenants and profiles of one moment.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Grows with each change of any part.
    pub epoch: u64,
    /// The one site.
    pub site: Site,
    /// Tenants by name.
    pub tenants: BTreeMap<String, Tenant>,
    /// Overrides of the packs' templates.
    pub templates: Arc<TemplateSet>,
    /// What the packs in use hold.
    pub packs: Arc<PackDigests>,
    /// Names that take the place of addresses.
    pub address_maps: Arc<AddressMaps>,
    profiles: BTreeMap<(Option<String>, String), Profile>,
}

/// What selects the layers of a device: devices with equal selectors have the same layers under and over their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerSelector {
    /// The tenant.
    pub tenant: String,
    /// Assigned profiles in order.
    pub profiles: Vec<String>,
    /// The pack that serves it.
    pub pack: Option<String>,
    /// Its family.
    pub vendor: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its firmware version.
    pub firmware: Option<String>,
}

impl Configuration {
    /// Of these parts, without template overrides.
    pub fn new(epoch: u64, site: Site, tenants: Vec<Tenant>, profiles: Vec<Profile>) -> Self {
        Self {
            epoch,
            site,
            tenants: tenants.into_iter().map(|t| (t.name.clone(), t)).collect(),
            templates: Arc::default(),
            packs: Arc::default(),
            address_maps: Arc::default(),
            profiles: profiles.into_iter().map(|p| ((p.tenant.clone(), p.name.clone()), p)).collect(),
        }
    }

    /// The same with these template overrides; for a write, and for checks before one.
    pub fn with_templates(mut self, templates: impl Into<Arc<TemplateSet>>) -> Self {
        self.templates = templates.into();
        self
    }

    /// The same with these packs.
    pub fn with_packs(mut self, packs: impl Into<Arc<PackDigests>>) -> Self {
        self.packs = packs.into();
        self
    }

    /// The same with these address maps.
    pub fn with_address_maps(mut self, maps: impl Into<Arc<AddressMaps>>) -> Self {
        self.address_maps = maps.into();
        self
    }

    /// What of it is seen within a reach: the site, and of tenants, profiles, overrides and address maps those that are of it or of no tenant.
    pub fn within(&self, reach: &Reach) -> Self {
        let profiles = self.profiles.iter().filter(|(_, p)| reach.sees(p.tenant.as_deref()));
        let tenants = self.tenants.iter().filter(|(name, _)| reach.sees(Some(name)));
        let maps = self.address_maps.iter().filter(|m| reach.sees(m.tenant.as_deref()));
        Self {
            epoch: self.epoch,
            site: self.site.clone(),
            tenants: tenants.map(|(name, tenant)| (name.clone(), tenant.clone())).collect(),
            templates: Arc::new(self.templates.within(reach)),
            packs: self.packs.clone(),
            address_maps: Arc::new(AddressMaps::new(maps.cloned().collect())),
            profiles: profiles.map(|(key, profile)| (key.clone(), profile.clone())).collect(),
        }
    }

    /// All profiles, the global ones first, by name.
    pub fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// The profile that a name means in a tenant: the tenant's own, else the global one.
    pub fn profile(&self, tenant: Option<&str>, name: &str) -> Option<&Profile> {
        let own = tenant.and_then(|t| self.profiles.get(&(Some(t.to_owned()), name.to_owned())));
        own.or_else(|| self.profiles.get(&(None, name.to_owned())))
    }

    /// The profiles as they would be with this one added or replaced; for checks before a write.
    pub fn with_profile(&self, profile: Profile) -> Self {
        let mut other = self.clone();
        other.profiles.retain(|_, p| p.id != profile.id);
        other.profiles.insert((profile.tenant.clone(), profile.name.clone()), profile);
        other
    }

    /// A profile list with its parents, each after them. Names that mean nothing are left out: their write was refused.
    pub fn with_parents<'a>(&'a self, tenant: Option<&str>, names: &'a [String]) -> Result<Vec<&'a Profile>, ProfileGraphError> {
        let names: Vec<&str> = names.iter().map(String::as_str).filter(|n| self.profile(tenant, n).is_some()).collect();
        let parents = |name: &str| self.profile(tenant, name).map(|p| p.parents.as_slice());
        Ok(linearise(&names, &parents)?.into_iter().filter_map(|n| self.profile(tenant, n)).collect())
    }

    /// The layers of one device, lowest first: built-in < site < matching site profiles < tenant < matching tenant
    /// profiles < assigned profiles < device < enforced of the tenant < enforced of the site. Without a device of its own
    /// (common and model files) leave `device` out and the assigned profiles empty.
    pub fn layers<'a>(&'a self, selector: &'a LayerSelector, device: Option<(&'a Settings, &'a [Path])>) -> Vec<Layer<'a>> {
        let tenant_name = selector.tenant.as_str();
        let tenant = self.tenants.get(tenant_name);
        let name: Arc<str> = tenant_name.into();
        let mut layers = vec![bare(LayerSource::BuiltIn, built_in()), bare(LayerSource::Site, &self.site.settings)];
        layers.extend(self.matching(None, selector).map(|p| of(LayerSource::SiteProfile(p.name.as_str().into()), p)));
        if let Some(tenant) = tenant {
            layers.push(bare(LayerSource::Tenant(name.clone()), &tenant.settings));
        }
        layers.extend(self.matching(Some(tenant_name), selector).map(|p| of(LayerSource::TenantProfile(p.name.as_str().into()), p)));
        let assigned = self.with_parents(Some(tenant_name), &selector.profiles).unwrap_or_default();
        layers.extend(assigned.into_iter().map(|p| of(LayerSource::Profile(p.name.as_str().into()), p)));
        if let Some((settings, unset)) = device {
            layers.push(Layer { source: LayerSource::Device, settings, unset });
        }
        if let Some(tenant) = tenant {
            layers.push(bare(LayerSource::TenantEnforced(name), &tenant.enforced));
        }
        layers.push(bare(LayerSource::SiteEnforced, &self.site.enforced));
        layers
    }

    /// Changes when anything in the layers of these devices changes, the device's own excepted; and differs for devices of another
    /// pack, family, model or firmware: their files are made of these too.
    pub fn layers_tag(&self, selector: &LayerSelector) -> u64 {
        // Stored beside devices, so it must be the same in every build: no hash of the standard library.
        let mut hash = Sha256::new();
        for fact in [&selector.pack, &selector.vendor, &selector.model, &selector.firmware] {
            // A length that no text has stands for none.
            hash.update(fact.as_ref().map_or(u64::MAX, |f| f.len() as u64).to_be_bytes());
            hash.update(fact.as_deref().unwrap_or_default());
        }
        hash.update(self.site.revision.to_be_bytes());
        if let Some(tenant) = self.tenants.get(&selector.tenant) {
            hash.update(format!("{} {};", tenant.id, tenant.revision));
        }
        for profile in self.members(selector) {
            hash.update(format!("{} {};", profile.id, profile.revision));
        }
        if let Some(pack) = &selector.pack {
            hash.update(self.packs.get(pack).unwrap_or(&[0; 32]));
            self.templates.tag(&selector.tenant, pack, &mut hash);
        }
        let names = self.address_maps.names(&selector.tenant);
        if !names.is_empty() {
            hash.update(names.digest());
        }
        let first = hash.finalize().iter().take(8).fold(0u64, |tag, &byte| tag << 8 | u64::from(byte));
        // The store keeps it as a signed 64-bit number; one bit less spares everybody the conversion.
        first >> 1
    }

    /// Everything that the files of these devices are made of with when it was last changed, the devices themselves, their accounts and
    /// packs excepted: noun, name, moment. A profile that comes twice is told twice.
    pub fn parts(&self, selector: &LayerSelector) -> Vec<(&'static str, String, Timestamp)> {
        let tenant = self.tenants.get(&selector.tenant).map(|t| ("tenant", t.name.clone(), t.updated_at));
        let profiles = self.members(selector).into_iter().map(|p| ("profile", p.name.clone(), p.updated_at));
        let pack = selector.pack.as_deref().unwrap_or_default();
        let templates = self.templates.over(&selector.tenant, pack).map(|t| ("template", t.shown(), t.updated_at));
        let names = self.address_maps.iter().filter(|m| m.tenant.as_deref().is_none_or(|t| t == selector.tenant));
        let names = names.map(|m| ("address-map", m.address.to_string(), m.updated_at));
        let site = ("site", String::new(), self.site.updated_at);
        [site].into_iter().chain(tenant).chain(profiles).chain(templates).chain(names).collect()
    }

    /// The newest change of anything in the layers of these devices, the device's own excepted.
    pub fn newest_change(&self, selector: &LayerSelector) -> Timestamp {
        let tenant = self.tenants.get(&selector.tenant).map(|t| t.updated_at);
        let profiles = self.members(selector).into_iter().map(|p| p.updated_at);
        let pack = selector.pack.as_deref().unwrap_or_default();
        let templates = self.templates.over(&selector.tenant, pack).map(|t| t.updated_at);
        let names = self.address_maps.newest(&selector.tenant);
        profiles.chain(templates).chain(tenant).chain(names).fold(self.site.updated_at, Timestamp::max)
    }

    fn members<'a>(&'a self, selector: &'a LayerSelector) -> Vec<&'a Profile> {
        let tenant = Some(selector.tenant.as_str());
        let assigned = self.with_parents(tenant, &selector.profiles).unwrap_or_default();
        self.matching(None, selector).chain(self.matching(tenant, selector)).chain(assigned).collect()
    }

    /// Profiles of exactly this scope that match by themselves, the less specific first, then by name.
    fn matching<'a>(&'a self, tenant: Option<&str>, selector: &LayerSelector) -> impl Iterator<Item = &'a Profile> + use<'a> {
        let facts = MatchFacts {
            pack: selector.pack.as_deref().map(|p| p.split('@').next().unwrap_or(p)),
            vendor: selector.vendor.as_deref(),
            model: selector.model.as_deref(),
            firmware: selector.firmware.as_deref(),
        };
        let fits = |p: &&Profile| p.tenant.as_deref() == tenant && p.matches.as_ref().is_some_and(|m| m.matches(&facts));
        let mut found: Vec<&Profile> = self.profiles.values().filter(fits).collect();
        found.sort_by_key(|p| (p.matches.as_ref().map_or(0, |m| m.specificity()), &p.name));
        found.into_iter()
    }
}

fn bare(source: LayerSource, settings: &Settings) -> Layer<'_> {
    Layer { source, settings, unset: &[] }
}

fn of(source: LayerSource, profile: &Profile) -> Layer<'_> {
    Layer { source, settings: &profile.settings, unset: &profile.unset }
}
