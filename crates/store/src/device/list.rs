//! Lists of devices: filters, orders, pages; with a million devices too.
//!
//! A page is read in one of three ways, none of which reads the table from end to end. When a filter fits few devices, an index finds
//! these and they are sorted. When the order is that of the ids and one filter is given, that filter's index has them in order. Else the
//! index of the order is walked from where the last page ended; it holds what is filtered by, so that only what is shown is read.

use offhook_core::{
    Error, Result,
    device::{Device, State, Sync},
    token::Reach,
};
use sqlx::{Row, any::AnyRow};

use super::search;
use crate::{
    Listed, Page, Store,
    database::{Dialect, failed},
    page::{Clauses, Order, Sql, Value},
    row::{number, text},
};

/// So many devices are few: sorting them costs about what a page of a walk may.
const FEW: u64 = 10_000;

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

impl DeviceFilter {
    /// The order that this one amounts to: those of one model are all alike by model.
    fn order(&self, sort: DeviceSort) -> DeviceSort {
        if sort == DeviceSort::Model && self.model.is_some() { DeviceSort::Created } else { sort }
    }
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

    /// The index that has all devices in this order, with what they are filtered by.
    fn index(self) -> &'static str {
        match self {
            Self::Created => "devices_by_id",
            Self::Mac => "devices_by_mac",
            Self::Label => "devices_by_label",
            Self::Model => "devices_by_model",
            Self::LastSeen => "devices_by_seen",
            Self::Updated => "devices_by_updated",
        }
    }
}

impl Store {
    /// One page of the devices that fit.
    ///
    /// # Errors
    /// `Invalid` for a limit beyond 1 to 1000 or a cursor that is not one of this list in this order.
    pub async fn devices(&self, filter: &DeviceFilter, page: &Page<DeviceSort>) -> Result<Listed<Device>> {
        self.devices_by(filter, page, FEW).await
    }

    async fn devices_by(&self, filter: &DeviceFilter, page: &Page<DeviceSort>, few: u64) -> Result<Listed<Device>> {
        let conditions = conditions(filter, self.reach(), self.shared.dialect);
        let sort = filter.order(page.sort);
        let way = self.way(&conditions, sort, few).await?;
        let name = format!("devices {}", page.sort.as_str());
        let (select, clauses, order) = query(&way, &conditions, sort, &name);
        let rows = clauses.page_in(order, select, page, &self.shared.readers).await?;
        rows.listed(|r| super::row::read(r, &self.shared.sealer), |r| Ok((sort_key(r)?, text(r, "id")?)))
    }

    /// How to read a list.
    async fn way(&self, conditions: &[Condition], sort: DeviceSort, few: u64) -> Result<Way> {
        match conditions {
            [only] if only.in_order && sort == DeviceSort::Created => return Ok(Way::ByFilter),
            _ => {}
        }
        for condition in conditions {
            let rows = condition.counted(few + 1).fetch(&self.shared.readers).await?;
            if rows.first().map(|r| number(r, "n")).transpose()?.is_some_and(|n| n <= few) {
                return Ok(Way::Few(condition.hits.clone()));
            }
        }
        Ok(Way::Walk(self.shared.dialect))
    }
}

/// How many devices fit.
pub(super) async fn count(store: &Store, filter: &DeviceFilter) -> Result<u64> {
    let conditions = conditions(filter, store.reach(), store.shared.dialect);
    let sql = match conditions.as_slice() {
        [only] => Sql::from("SELECT COUNT(DISTINCT device) AS n FROM (").then(only.hits.clone()).then(") AS hits"),
        _ => {
            let way = store.way(&conditions, DeviceSort::Created, FEW).await?;
            let (select, clauses, _) = query(&way, &conditions, DeviceSort::Created, "");
            Sql::from("SELECT COUNT(*) AS n FROM (").then(select).then(clauses.sql()).then(") AS fit")
        }
    };
    let rows = sql.fetch(&store.shared.readers).await?;
    rows.first().map_or(Ok(0), |r| number(r, "n"))
}

/// How a list is read.
enum Way {
    /// These few are sorted.
    Few(Sql),
    /// The index of the only filter has them in the order of the ids.
    ByFilter,
    /// The index of the order is walked.
    Walk(Dialect),
}

/// One filter.
struct Condition {
    /// What a device must fit.
    fits: Sql,
    /// The ids of the devices that may fit, found by an index; the column is `device`.
    hits: Sql,
    /// That index has them in the order of the ids.
    in_order: bool,
}

impl Condition {
    /// An own column that has an index.
    fn column(condition: &str, value: &str) -> Self {
        let fits = Sql::of(condition, value);
        let hits = Sql::from("SELECT id AS device FROM devices WHERE ").then(fits.clone());
        Self { fits, hits, in_order: true }
    }

    /// How many hits there are, as `n`; not counted beyond `most`.
    fn counted(&self, most: u64) -> Sql {
        let count = Sql::from("SELECT COUNT(*) AS n FROM (SELECT 1 FROM (").then(self.hits.clone());
        count.then(format!(") AS hits LIMIT {most}) AS counted"))
    }

    /// A row of another table that names the device.
    fn named(table: &str, column: &str, value: &str) -> Self {
        let fits = format!("EXISTS (SELECT 1 FROM {table} n WHERE n.{column} = ? AND n.device = devices.id)");
        let hits = format!("SELECT device FROM {table} WHERE {column} = ?");
        Self { fits: Sql::of(&fits, value), hits: Sql::of(&hits, value), in_order: false }
    }
}

/// What the filter asks, in the order in which it is likely that few fit.
fn conditions(filter: &DeviceFilter, reach: &Reach, dialect: Dialect) -> Vec<Condition> {
    let mut conditions = Vec::new();
    match filter.q.as_deref().map(|q| (q, search::mac(q))) {
        None => {}
        Some((_, Some(mac))) => conditions.push(Condition::column("mac = ?", &mac.to_string())),
        Some((q, None)) => conditions.push(Condition { fits: search::fits(q), hits: search::hits(q), in_order: false }),
    }
    let given = |value: &Option<String>, make: &dyn Fn(&str) -> Condition| value.as_deref().map(make);
    conditions.extend(given(&filter.tag, &|v| Condition::named("device_tags", "tag", v)));
    conditions.extend(given(&filter.profile, &|v| Condition::named("device_profiles", "profile", v)));
    conditions.extend(given(&filter.model, &|v| Condition::column("COALESCE(model, '') = ?", v)));
    conditions.extend(match (&filter.tenant, reach.tenants()) {
        (Some(tenant), None) => Some(Condition::column("tenant = ?", tenant)),
        (Some(tenant), Some(own)) => Some(of_tenants(own.get(tenant).into_iter().collect())),
        (None, own) => own.map(|own| of_tenants(own.iter().collect())),
    });
    conditions.extend(given(&filter.pack, &|v| Condition::column("pack = ?", v)));
    conditions.extend(given(&filter.any_version_of, &any_version_of));
    conditions.extend(given(&filter.vendor, &|v| Condition::column("vendor = ?", v)));
    conditions.extend(filter.state.map(|s| Condition::column("state = ?", s.as_str())));
    conditions.extend(filter.sync.map(|s| in_sync(s, dialect)));
    conditions
}

fn of_tenants(tenants: Vec<&String>) -> Condition {
    let condition = if tenants.is_empty() { "1 = 0".to_owned() } else { format!("tenant IN ({})", vec!["?"; tenants.len()].join(", ")) };
    let in_order = tenants.len() == 1;
    let fits = Sql::new(condition, tenants.into_iter().map(|t| Value::from(t.as_str())));
    let hits = Sql::from("SELECT id AS device FROM devices WHERE ").then(fits.clone());
    Condition { fits, hits, in_order }
}

/// The pack itself and what begins with its id and `@`, which `A` follows.
fn any_version_of(pack: &str) -> Condition {
    let hits =
        "SELECT id AS device FROM devices WHERE pack = ? UNION ALL SELECT id FROM devices WHERE pack >= ? || '@' AND pack < ? || 'A'";
    let fits = "pack = ? OR (pack >= ? || '@' AND pack < ? || 'A')";
    Condition { fits: Sql::of(fits, pack), hits: Sql::of(hits, pack), in_order: false }
}

fn in_sync(sync: Sync, dialect: Dialect) -> Condition {
    const TODAY: &str = "fetch_generation = generation AND EXISTS \
        (SELECT 1 FROM layer_sets l WHERE l.id = devices.layer_set AND l.layers_tag = devices.fetch_tag)";
    // Set by set, each by the index of what was fetched of it. PostgreSQL's planner, which cannot know how few are behind, would join all.
    let by_layers = |condition: &str| match dialect {
        Dialect::Sqlite => {
            format!(
                "SELECT devices.id AS device FROM layer_sets CROSS JOIN devices WHERE devices.layer_set = layer_sets.id AND {condition}"
            )
        }
        Dialect::Postgres => format!(
            "SELECT device FROM layer_sets CROSS JOIN LATERAL \
             (SELECT id AS device FROM devices WHERE layer_set = layer_sets.id AND {condition} OFFSET 0) AS of_set"
        ),
    };
    let (fits, hits) = match sync {
        Sync::Never => {
            ("fetch_generation IS NULL".to_owned(), "SELECT id AS device FROM devices WHERE fetch_generation IS NULL".to_owned())
        }
        Sync::Current => {
            (format!("fetch_generation IS NOT NULL AND {TODAY}"), by_layers("fetch_tag = layers_tag AND fetch_generation = generation"))
        }
        Sync::Outdated => (
            format!("fetch_generation IS NOT NULL AND NOT ({TODAY})"),
            // Both may be so of one device: what is in a set twice is in it once.
            format!(
                "SELECT id AS device FROM devices WHERE fetch_generation <> generation UNION ALL {} UNION ALL {}",
                by_layers("fetch_tag < layers_tag"),
                by_layers("fetch_tag > layers_tag")
            ),
        ),
    };
    Condition { fits: fits.into(), hits: hits.into(), in_order: sync == Sync::Never }
}

/// Select, conditions and order of a list that is read in this way.
fn query<'a>(way: &Way, conditions: &[Condition], sort: DeviceSort, name: &'a str) -> (Sql, Clauses, Order<'a>) {
    let columns = super::row::SELECT.strip_suffix(" FROM devices").unwrap_or(super::row::SELECT);
    let columns = format!("{columns}, {} AS sort_key FROM ", sort.key());
    let mut clauses = Clauses::new();
    let select = match way {
        Way::Few(hits) => {
            clauses.and_plain("devices.id = hits.device");
            let hits = Sql::from("WITH hits AS MATERIALIZED (SELECT DISTINCT device FROM (").then(hits.clone()).then(") AS found) ");
            hits.then(columns).then("hits CROSS JOIN devices")
        }
        Way::ByFilter => Sql::from(columns).then("devices"),
        Way::Walk(Dialect::Sqlite) => Sql::from(columns).then(format!("devices INDEXED BY {}", sort.index())),
        // Its planner has statistics, and no words to overrule it.
        Way::Walk(Dialect::Postgres) => Sql::from(columns).then("devices"),
    };
    for condition in conditions {
        clauses.and_sql(condition.fits.clone());
    }
    (select, clauses, Order { list: name, key: sort.key(), id: "devices.id", few: matches!(way, Way::Few(_)) })
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

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
