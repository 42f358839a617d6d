//! Tokens: who calls, and the making and revoking of tokens.

use std::sync::Arc;

use offhook_core::{
    Error, Id, Result,
    token::{Role, Token},
};

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

/// One page of the tokens, in the order they were made.
pub async fn list(app: &App, role: Option<Role>, part: &Part) -> Result<Listed<Token>> {
    let fits = |t: &Token| role.is_none_or(|r| t.role == r);
    page::cut(app.store.tokens().await?.into_iter().filter(fits), |t| t.id.to_string(), part)
}

/// Makes a token from `{label, role, expires_at}`. Its text is given this once.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<(Token, String)> {
    who.may_write()?;
    let mut fields = Fields::of(document)?;
    let now = app.clock.now();
    let label = fields.text("label").unwrap_or_default();
    fields.require("role");
    let role = fields.read("role", "admin or read-only", |v| v.as_str().and_then(Role::parse));
    let expires_at = fields.read("expires_at", "a time in the future in RFC 3339, such as 2030-01-01T00:00:00Z", |v| {
        v.as_str().and_then(offhook_core::clock::Timestamp::parse).filter(|t| *t > now)
    });
    fields.check()?;
    app.store.create_token(&label, role.unwrap_or(Role::ReadOnly), expires_at).await
}

/// Revokes a token. The last admin token that is still valid stays: nobody could make another.
pub async fn revoke(app: &App, who: &Caller, id: &str) -> Result<()> {
    who.may_write()?;
    let id = Id::parse(id).ok_or_else(|| Error::not_found("token", id))?;
    app.store.revoke_token(id).await
}
