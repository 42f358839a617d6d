//! Tokens: who calls, and the making and revoking of tokens.

use std::sync::Arc;

use offhook_core::{
    Error, Id, Result,
    token::{Role, Token},
};

use offhook_store::NewToken;
use serde_json::Value;

use super::{
    App, Caller,
    fields::Fields,
    page::{self, Listed, Part},
};

/// The caller that shows this text as a token; none when it is unknown, revoked or expired.
pub async fn authenticate(app: &App, text: &str) -> Result<Option<Caller>> {
    let token = app.store.verify_token(text).await?;
    Ok(token.map(|t| Caller {
        token: t.id,
        label: t.label.into(),
        role: t.role,
        tenants: t.tenants.map(Arc::new),
        from: None,
        dry_run: false,
    }))
}

/// One page of the tokens that reach no further than the caller's, in the order they were made.
pub async fn list(app: &App, role: Option<Role>, part: &Part) -> Result<Listed<Token>> {
    let fits = |t: &Token| role.is_none_or(|r| t.role == r);
    page::cut(app.store.tokens().await?.into_iter().filter(fits), |t| t.id.to_string(), part)
}

/// What a role may be called.
pub const ROLES: &str = "admin, operator, installer or read-only";

/// Makes a token from `{label, role, tenants, expires_at}`. Its text is given this once. Without tenants it is for those of who makes it.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<(Token, String)> {
    who.may_write()?;
    let mut fields = Fields::of(document)?;
    let now = app.clock.now();
    let label = fields.text("label").unwrap_or_default();
    fields.require("role");
    let role = fields.read("role", ROLES, |v| v.as_str().and_then(Role::parse));
    let named = fields.peek("tenants").is_some_and(|v| !v.is_null());
    let tenants = fields.texts("tenants", |_| Ok(()));
    // Whoever is for some tenants makes tokens for these.
    let tenants = if named { Some(tenants.into_iter().collect()) } else { who.tenants_filter().cloned() };
    let expires_at = fields.read("expires_at", "a time in the future in RFC 3339, such as 2030-01-01T00:00:00Z", |v| {
        v.as_str().and_then(offhook_core::clock::Timestamp::parse).filter(|t| *t > now)
    });
    fields.check()?;
    app.store.create_token_for(NewToken { label, role: role.unwrap_or(Role::ReadOnly), tenants, expires_at }).await
}

/// Revokes a token. The last admin token that is still valid stays: nobody could make another.
pub async fn revoke(app: &App, who: &Caller, id: &str) -> Result<()> {
    who.may_write()?;
    let id = Id::parse(id).ok_or_else(|| Error::not_found("token", id))?;
    app.store.revoke_token(id).await
}
