//! `/api/v1/address-maps`

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook_core::address_map::AddressMap;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::Document,
    etag::{IfMatch, Revision, Tagged, created},
    listing::{List, Paging, sort},
    params::{Key, NoParams, Owner, Params},
    problem::Problem,
};
use crate::app::{
    Caller,
    address_maps::{self, AddressMapFilter, Concerning, SORTS},
};

/// An address map: a name that stands in files in place of an address.
#[derive(Debug, Serialize, ToSchema)]
pub struct AddressMapView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// The tenant whose files it concerns; null: those of every tenant that has none of its own for the address.
    pub tenant: Option<String>,
    /// The address.
    pub address: String,
    /// The host name that takes its place.
    pub name: String,
    /// How many devices it concerns, of those that the token may know of; null in lists.
    pub devices: Option<u64>,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = "date-time")]
    pub updated_at: String,
}

/// What may be written of an address map.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"address": "192.0.2.1", "name": "pbx.example.com"}))]
pub struct AddressMapWrite {
    /// The tenant whose files it concerns; null: those of every tenant that has none of its own for the address.
    pub tenant: Option<String>,
    /// The IPv4 or IPv6 address of a host.
    pub address: String,
    /// The host name that takes its place.
    pub name: String,
}

/// Which address maps.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AddressMapQuery {
    /// The order: `address`, `name`, `created_at` or `updated_at`; `-` before it for the greatest first.
    #[param(pattern = "^-?(address|name|created_at|updated_at)$")]
    pub sort: Option<String>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: Option<bool>,
    /// Text that stands in address or name, letter case ignored.
    pub q: Option<String>,
}

fn view(map: &AddressMap, devices: Option<u64>) -> AddressMapView {
    AddressMapView {
        id: map.id.to_string(),
        tenant: map.tenant.clone(),
        address: map.address.to_string(),
        name: map.name.clone(),
        devices,
        revision: map.revision,
        created_at: map.created_at.to_string(),
        updated_at: map.updated_at.to_string(),
    }
}

fn tagged(of: &Concerning) -> Tagged<AddressMapView> {
    Tagged(StatusCode::OK, of.map.revision, view(&of.map, Some(of.devices)))
}

/// List address maps
#[utoipa::path(get, path = "/address-maps", tag = "address-maps", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(Paging, AddressMapQuery),
    responses((status = 200, description = "One page.", body = List<AddressMapView>)))]
pub(super) async fn list(By(app): By, who: Caller, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let (sort, descending) = sort(&mut params, SORTS);
    let filter = AddressMapFilter { tenant: params.text("tenant"), global: params.flag("global"), q: params.text("q") };
    let filter = params.finish(filter)?;
    let listed = address_maps::list(&app, &who, &filter, &paging.part(sort, descending))?;
    Ok(axum::Json(List::of(listed, |m| view(&m, None))))
}

/// Create an address map
///
/// From the next fetch on, every file of the tenant (of all, for a global one) has the name where the address stood. The answer says how
/// many devices that concerns; with `dry_run=true` nothing is made.
#[utoipa::path(post, path = "/address-maps", tag = "address-maps", security(("token" = ["admin", "operator"])), request_body = AddressMapWrite,
    responses((status = 201, description = "As it was made.", body = AddressMapView)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    let made = address_maps::create(&app, &who, document).await?;
    Ok(created(&format!("/api/v1/address-maps/{}", made.map.id), tagged(&made)))
}

/// One address map
#[utoipa::path(get, path = "/address-maps/{map}", tag = "address-maps", security(("token" = ["admin", "operator", "installer", "read-only"])),
    params(("map" = String, Path, description = "Id or address."), Owner),
    responses((status = 200, description = "The address map.", body = AddressMapView)))]
pub(super) async fn read(By(app): By, who: Caller, Key(map): Key<String>, Owner { tenant }: Owner) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&address_maps::read(&app, &who, &map, tenant.as_deref()).await?))
}

/// Replace an address map
#[utoipa::path(put, path = "/address-maps/{map}", tag = "address-maps", security(("token" = ["admin", "operator"])), request_body = AddressMapWrite,
    params(("map" = String, Path, description = "Id or address."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = AddressMapView)))]
pub(super) async fn replace(
    By(app): By,
    who: Caller,
    Key(map): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    Document(document): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&address_maps::replace(&app, &who, &map, tenant.as_deref(), if_match, document).await?))
}

/// Change an address map
#[utoipa::path(patch, path = "/address-maps/{map}", tag = "address-maps", security(("token" = ["admin", "operator"])),
    request_body(content = AddressMapWrite, content_type = "application/merge-patch+json"),
    params(("map" = String, Path, description = "Id or address."), Owner, Revision),
    responses((status = 200, description = "As it is now.", body = AddressMapView)))]
pub(super) async fn patch(
    By(app): By,
    who: Caller,
    Key(map): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
    Document(patch): Document,
) -> Result<impl IntoResponse, Problem> {
    Ok(tagged(&address_maps::patch(&app, &who, &map, tenant.as_deref(), if_match, patch).await?))
}

/// Delete an address map
#[utoipa::path(delete, path = "/address-maps/{map}", tag = "address-maps", security(("token" = ["admin", "operator"])),
    params(("map" = String, Path, description = "Id or address."), Owner, Revision),
    responses((status = 204, description = "It is gone: files name the address itself again.")))]
pub(super) async fn delete(
    By(app): By,
    who: Caller,
    Key(map): Key<String>,
    IfMatch(if_match): IfMatch,
    Owner { tenant }: Owner,
) -> Result<StatusCode, Problem> {
    address_maps::delete(&app, &who, &map, tenant.as_deref(), if_match).await?;
    Ok(StatusCode::NO_CONTENT)
}
