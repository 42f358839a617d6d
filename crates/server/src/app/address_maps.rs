//! Address maps: names that stand in files in place of addresses.

use std::net::IpAddr;

use offhook_core::{Error, Id, Result, address_map::AddressMap};
use serde_json::{Map, Value, json};

use super::{
    App, Caller,
    fields::Fields,
    page::{self, Listed, Part},
};

/// What the server sets; passed over in a PUT.
const READ_ONLY: &[&str] = &["id", "devices", "revision", "created_at", "updated_at"];

/// Orders of the list.
pub const SORTS: &[&str] = &["address", "name", "created_at", "updated_at"];

/// Which address maps.
#[derive(Clone, Debug, Default)]
pub struct AddressMapFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: bool,
    /// Text that stands in address or name, letter case ignored.
    pub q: Option<String>,
}

/// An address map, and how many devices of those that the caller sees it concerns.
#[derive(Clone, Debug)]
pub struct Concerning {
    /// The address map.
    pub map: AddressMap,
    /// How many devices.
    pub devices: u64,
}

/// One page of the address maps that the caller sees.
pub fn list(app: &App, who: &Caller, filter: &AddressMapFilter, part: &Part) -> Result<Listed<AddressMap>> {
    let configuration = app.store.configuration();
    let fits = |m: &&AddressMap| {
        who.sees(m.tenant.as_deref())
            && filter.tenant.as_ref().is_none_or(|t| m.tenant.as_ref() == Some(t))
            && !(filter.global && m.tenant.is_some())
            && filter.q.as_deref().is_none_or(|q| page::holds(&m.name, q) || page::holds(&m.address.to_string(), q))
    };
    let key = |m: &AddressMap| match part.sort {
        "name" => format!("{}\0{}", m.name, m.id),
        "created_at" => format!("{} {}", m.created_at, m.id),
        "updated_at" => format!("{} {}", m.updated_at, m.id),
        _ => format!("{}\0{}", in_order(m.address), m.id),
    };
    page::cut(configuration.address_maps.iter().filter(fits).cloned(), key, part)
}

/// A text that orders addresses as numbers, IPv4 before IPv6.
fn in_order(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("4{:08x}", u32::from(v4)),
        IpAddr::V6(v6) => format!("6{:032x}", u128::from(v6)),
    }
}

/// The address map of that id, or of that address: of the tenant when one is said, else the global one, else the only one.
pub async fn read(app: &App, who: &Caller, key: &str, tenant: Option<&str>) -> Result<Concerning> {
    let map = find(app, who, key, tenant)?;
    concerning(app, who, map, None).await
}

fn find(app: &App, who: &Caller, key: &str, tenant: Option<&str>) -> Result<AddressMap> {
    let configuration = app.store.configuration();
    let address = key.parse::<IpAddr>().ok().map(|a| a.to_canonical());
    let fits = |m: &&AddressMap| {
        who.sees(m.tenant.as_deref())
            && match Id::parse(key) {
                Some(id) => m.id == id,
                None => Some(m.address) == address && (tenant.is_none() || m.tenant.as_deref() == tenant),
            }
    };
    let found: Vec<&AddressMap> = configuration.address_maps.iter().filter(fits).collect();
    match found.as_slice() {
        [] => Err(Error::not_found("address map", key)),
        [one] => Ok((*one).clone()),
        several => match several.iter().find(|m| m.tenant.is_none()) {
            Some(global) => Ok((*global).clone()),
            None => Err(Error::Conflict(format!(
                "several tenants have an address map for {key}: say which one with tenant=NAME, or use its id"
            ))),
        },
    }
}

/// Makes an address map.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<Concerning> {
    who.may_write()?;
    let caller = who.clone();
    let map = app.store.create_address_map(move |map, _| fill(&caller, map, Fields::of(document)?)).await?;
    concerning(app, who, map, None).await
}

/// Puts a whole new address map in place of the old one.
pub async fn replace(
    app: &App,
    who: &Caller,
    key: &str,
    tenant: Option<&str>,
    if_match: Option<u64>,
    document: Value,
) -> Result<Concerning> {
    let old = own(app, who, key, tenant)?;
    let caller = who.clone();
    let map = app
        .store
        .update_address_map(old.id, if_match, move |map, _| {
            let mut fields = Fields::of(document)?;
            fields.pass_over(READ_ONLY);
            fill(&caller, map, fields)
        })
        .await?;
    concerning(app, who, map, Some(old)).await
}

/// Changes what the patch names (RFC 7396).
pub async fn patch(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>, patch: Value) -> Result<Concerning> {
    let old = own(app, who, key, tenant)?;
    let caller = who.clone();
    let map = app
        .store
        .update_address_map(old.id, if_match, move |map, _| fill(&caller, map, Fields::patched(writable(map), patch, "")?))
        .await?;
    concerning(app, who, map, Some(old)).await
}

/// Deletes an address map. Files name the address itself again.
pub async fn delete(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>) -> Result<()> {
    let id = own(app, who, key, tenant)?.id;
    app.store.delete_address_map(id, if_match).await
}

/// One that the caller may change.
fn own(app: &App, who: &Caller, key: &str, tenant: Option<&str>) -> Result<AddressMap> {
    who.may_write()?;
    let map = find(app, who, key, tenant)?;
    who.may_write_in(map.tenant.as_deref())?;
    Ok(map)
}

/// A map that moved concerns those whom it concerned, too.
async fn concerning(app: &App, who: &Caller, map: AddressMap, before: Option<AddressMap>) -> Result<Concerning> {
    let maps: Vec<&AddressMap> = before.iter().chain([&map]).collect();
    let devices = app.store.devices_of_address_maps(&maps, &|tenant| who.sees(Some(tenant))).await?;
    Ok(Concerning { map, devices })
}

fn writable(map: &AddressMap) -> Map<String, Value> {
    match json!({ "tenant": map.tenant, "address": map.address.to_string(), "name": map.name }) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn fill(who: &Caller, map: &mut AddressMap, mut fields: Fields) -> Result<()> {
    fields.require("address");
    fields.require("name");
    let tenant = who.scope(fields.word("tenant"));
    let address = fields.read("address", "an IPv4 or IPv6 address", |v| v.as_str()?.parse::<IpAddr>().ok());
    let name = fields.word("name");
    fields.check()?;
    who.may_write_in(tenant.as_deref())?;
    map.tenant = tenant;
    map.address = address.unwrap_or(map.address);
    map.name = name.unwrap_or_default();
    Ok(())
}
