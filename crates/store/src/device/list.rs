//! Lists of devices: filters, orders, pages.

use offhook_core::{
    Error, Mac, Result,
    device::{Device, State, Sync},
    token::Reach,
};
use sqlx::{Row, any::AnyRow};

use crate::{
    Listed, Page, Store,
    database::failed,
    page::{Clauses, pattern},
    row::text,
};

/// Which devices. Every field given must fit.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// In this state.
    pub state: Option<State>,
    /// Of this family.
    pub vendor: Option<String>,
    /// Of this model.
    pub model: Option<String>,
    /// Served by this pack, exactly as stored.
    pub pack: Option<String>,
    /// Served by this pack, whatever version they are pinned to.
    pub any_version_of: Option<String>,
    /// With this profile assigned.
    pub profile: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// In step with today's content, or not.
    pub sync: Option<Sync>,
    /// Text that stands, letter case ignored, in MAC (any spelling of a whole one), label, model, location or last address.
    pub q: Option<String>,
}

/// Orders of device lists. Devices without the value come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceSort {
    /// By the time they were made.
    #[default]
    Created,
    /// By MAC address.
    Mac,
    /// By label.
    Label,
    /// By model.
    Model,
    /// By the newest request.
    LastSeen,
    /// By the newest change of a person.
    Updated,
}

impl DeviceSort {
    const ALL: [Self; 6] = [Self::Created, Self::Mac, Self::Label, Self::Model, Self::LastSeen, Self::Updated];

    /// `created_at`, `mac`, `label`, `model`, `last_seen`, `updated_at`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Mac => "mac",
            Self::Label => "label",
            Self::Model => "model",
            Self::LastSeen => "last_seen",
            Self::Updated => "updated_at",
        }
    }

    /// The order of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// What it orders by; never NULL. Ids grow with the time they were made.
    fn key(self) -> &'static str {
        match self {
            Self::Created => "devices.id",
            Self::Mac => "COALESCE(mac, '')",
            Self::Label => "LOWER(label)",
            Self::Model => "COALESCE(model, '')",
            Self::LastSeen => "COALESCE(seen_at, 0)",
            Self::Updated => "updated_at",
        }
    }
}

impl Store {
    /// One page of the devices that fit.
    ///
    /// # Errors
    /// `Invalid` for a limit beyond 1 to 1000 or a cursor that is not one of this list in this order.
    pub async fn devices(&self, filter: &DeviceFilter, page: &Page<DeviceSort>) -> Result<Listed<Device>> {
        let select = super::row::SELECT.replace(" FROM devices", &format!(", {} AS sort_key FROM devices", page.sort.key()));
        let list = format!("devices {}", page.sort.as_str());
        let rows = clauses(filter, self.reach()).page(&select, page.sort.key(), &list, page, &self.shared.readers).await?;
        rows.listed(|r| super::row::read(r, &self.shared.sealer), |r| Ok((sort_key(r)?, text(r, "id")?)))
    }
}

pub(super) fn clauses(filter: &DeviceFilter, reach: &Reach) -> Clauses {
    let mut clauses = Clauses::new();
    clauses.within("tenant", reach);
    let equal = [
        ("tenant = ?", filter.tenant.as_deref()),
        ("state = ?", filter.state.map(State::as_str)),
        ("vendor = ?", filter.vendor.as_deref()),
        ("model = ?", filter.model.as_deref()),
        ("pack = ?", filter.pack.as_deref()),
        ("devices.id IN (SELECT device FROM device_profiles WHERE profile = ?)", filter.profile.as_deref()),
        ("devices.id IN (SELECT device FROM device_tags WHERE tag = ?)", filter.tag.as_deref()),
    ];
    for (condition, value) in equal {
        if let Some(value) = value {
            clauses.and(condition, value);
        }
    }
    if let Some(pack) = filter.any_version_of.as_deref() {
        clauses.and("pack = ? OR SUBSTR(pack, 1, LENGTH(?) + 1) = ? || '@'", pack);
    }
    const TODAY: &str = "fetch_generation = generation AND EXISTS \
        (SELECT 1 FROM layer_sets WHERE layer_sets.id = devices.layer_set AND layer_sets.layers_tag = devices.fetch_tag)";
    match filter.sync {
        None => {}
        Some(Sync::Never) => clauses.and_plain("fetch_generation IS NULL"),
        Some(Sync::Current) => clauses.and_plain(&format!("fetch_generation IS NOT NULL AND {TODAY}")),
        Some(Sync::Outdated) => clauses.and_plain(&format!("fetch_generation IS NOT NULL AND NOT ({TODAY})")),
    }
    match filter.q.as_deref().map(|q| (q, Mac::parse(q))) {
        None => {}
        Some((_, Some(mac))) => clauses.and("mac = ?", mac.to_string()),
        Some((q, None)) => clauses.and(
            "search LIKE ? ESCAPE '\\' OR LOWER(COALESCE(model, '')) LIKE ? ESCAPE '\\' OR COALESCE(seen_ip, '') LIKE ? ESCAPE '\\'",
            pattern(&q.to_lowercase()),
        ),
    }
    clauses
}

/// A text or a number, as the order has it.
fn sort_key(r: &AnyRow) -> Result<serde_json::Value> {
    if let Ok(text) = r.try_get::<String, _>("sort_key") {
        return Ok(text.into());
    }
    r.try_get::<i64, _>("sort_key").map(Into::into).map_err(|e| match failed(e) {
        Error::Internal(why) => Error::Internal(format!("order of the list: {why}")),
        other => other,
    })
}
