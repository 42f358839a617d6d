//! `/api/v1/tokens`

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook_core::token::{Role, Token};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    auth::By,
    body::Document,
    etag::created,
    listing::{List, Paging},
    params::{Key, NoParams, Params},
    problem::Problem,
};
use crate::app::{Caller, tokens};

/// What a token may do.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Everything, secrets too when asked for.
    Admin,
    /// The daily work: everything about phones and what they share, secrets too when asked for. No tokens, tenants, packs or site.
    Operator,
    /// Approves phones and assigns lines and profiles to them. Sees no secret.
    Installer,
    /// Reads everything, secrets masked; writes nothing.
    ReadOnly,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Operator => Self::Operator,
            Role::Installer => Self::Installer,
            Role::ReadOnly => Self::ReadOnly,
        }
    }
}

/// A token. Its text is never shown again after it was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// For people: what it is for.
    pub label: String,
    /// What it may do.
    pub role: RoleName,
    /// The tenants it is for; null: all of them, and what is no tenant's.
    pub tenants: Option<Vec<String>>,
    /// When it was made.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// When it ends by itself; null: never.
    #[schema(format = "date-time")]
    pub expires_at: Option<String>,
    /// Newest use, to the minute.
    #[schema(format = "date-time")]
    pub last_used_at: Option<String>,
}

/// A token that was just made.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewToken {
    /// The token.
    #[serde(flatten)]
    pub token: TokenView,
    /// Its text, shown this once: what goes into `Authorization: Bearer`.
    #[serde(rename = "token")]
    pub text: String,
}

/// A token that is to be made.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"label": "monitoring", "role": "read-only", "tenants": ["default"], "expires_at": "2030-01-01T00:00:00Z"}))]
pub struct TokenWrite {
    /// For people: what it is for.
    pub label: Option<String>,
    /// What it may do.
    pub role: RoleName,
    /// The tenants it is for. Left out: those of the token that makes it, which may be all.
    pub tenants: Option<Vec<String>>,
    /// When it ends by itself; left out: never.
    #[schema(format = "date-time")]
    pub expires_at: Option<String>,
}

/// Which tokens. They come in the order they were made.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// With this role.
    pub role: Option<RoleName>,
}

fn view(token: Token) -> TokenView {
    TokenView {
        id: token.id.to_string(),
        label: token.label,
        role: token.role.into(),
        tenants: token.tenants.map(|t| t.into_iter().collect()),
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.map(|t| t.to_string()),
        last_used_at: token.last_used_at.map(|t| t.to_string()),
    }
}

/// List tokens
#[utoipa::path(get, path = "/tokens", tag = "tokens", security(("token" = ["admin"])), params(Paging, TokenQuery),
    responses((status = 200, description = "One page.", body = List<TokenView>)))]
pub(super) async fn list(By(app): By, mut params: Params) -> Result<impl IntoResponse, Problem> {
    let paging = Paging::read(&mut params);
    let role = params.read("role", tokens::ROLES, Role::parse);
    let role = params.finish(role)?;
    Ok(Json(List::of(tokens::list(&app, role, &paging.part("id", false)).await?, view)))
}

/// Create a token
///
/// The answer holds its text, which is shown this once. Who is for some tenants makes tokens for these.
#[utoipa::path(post, path = "/tokens", tag = "tokens", security(("token" = ["admin"])), request_body = TokenWrite,
    responses((status = 201, description = "The token with its text.", body = NewToken)))]
pub(super) async fn create(By(app): By, who: Caller, _: NoParams, Document(document): Document) -> Result<Response, Problem> {
    let (token, text) = tokens::create(&app, &who, document).await?;
    // A token that was not made opens nothing.
    let text = if who.dry_run { String::new() } else { text };
    let location = format!("/api/v1/tokens/{}", token.id);
    Ok(created(&location, Json(NewToken { token: view(token), text })))
}

/// Revoke a token
///
/// The last valid admin token for all tenants cannot be revoked.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", security(("token" = ["admin"])), params(("id" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is revoked.")))]
pub(super) async fn revoke(By(app): By, who: Caller, Key(id): Key<String>, _: NoParams) -> Result<StatusCode, Problem> {
    tokens::revoke(&app, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
