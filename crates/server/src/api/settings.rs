//! The settings model as JSON Schema.

use axum::Json;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, RefOr, schema::Schema},
};

use super::{params::NoParams, problem::Problem};

/// Settings of a site, tenant, profile or device. Its schema is the model's own.
#[derive(Debug)]
pub struct Settings;

impl PartialSchema for Settings {
    fn schema() -> RefOr<Schema> {
        // A place for the model's schema, which takes it when the document is put together.
        RefOr::T(Schema::Object(Object::new()))
    }
}

impl ToSchema for Settings {}

/// The JSON Schema of settings
///
/// The same as `#/components/schemas/Settings` of this document, for editors and scripts.
#[utoipa::path(get, path = "/schemas/settings.json", tag = "settings", security(("token" = ["admin", "operator", "installer", "read-only"])), responses(
    (status = 200, description = "JSON Schema, draft 2020-12.", body = Object),
))]
pub(super) async fn schema(_: NoParams) -> Result<Json<Value>, Problem> {
    Ok(Json(offhook_core::settings::json_schema("#")))
}
