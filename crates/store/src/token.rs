//! API tokens: only their SHA-256 is kept.

use std::{collections::BTreeSet, path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    clock::Timestamp,
    token::{PREFIX, Role, Token},
};
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;

use crate::{
    Store, What,
    database::failed,
    key::{hex, write_private},
    row,
    text::Faults,
    writer::Tx,
};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const SELECT: &str = "SELECT id, label, role, tenants, sha256, created_at, expires_at, last_used_at FROM tokens";

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// For people: what it is for.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// The tenants it is for; none given: all.
    pub tenants: Option<BTreeSet<String>>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Makes a token for all tenants. The text is given this once and never again.
    ///
    /// # Errors
    /// `Invalid` for a label with control characters or an end that has passed.
    pub async fn create_token(&self, label: &str, role: Role, expires_at: Option<Timestamp>) -> Result<(Token, String)> {
        self.create_token_for(NewToken { label: label.to_owned(), role, tenants: None, expires_at }).await
    }

    /// Makes a token. The text is given this once and never again.
    ///
    /// # Errors
    /// `Invalid` for a label with control characters, an end that has passed, or a tenant that is not there.
    pub async fn create_token_for(&self, new: NewToken) -> Result<(Token, String)> {
        let text = self.new_text();
        let sha256 = sum(&text);
        let token = self.write(move |tx| insert(tx, new, sha256).boxed()).await?;
        Ok((token, text))
    }

    fn new_text(&self) -> String {
        let mut random = [0u8; 32];
        self.shared.entropy.fill(&mut random);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))
    }

    /// The valid token of that text; none when it is unknown, revoked or expired. Notes its use, to the minute.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn verify_token(&self, text: &str) -> Result<Option<Token>> {
        let query = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE sha256 = $1")));
        let found = query.bind(sum(text)).fetch_optional(&self.shared.readers).await.map_err(failed)?;
        let Some(token) = found.map(|r| read(&r)).transpose()? else { return Ok(None) };
        let now = self.shared.clock.now();
        if !valid(&token, now) {
            return Ok(None);
        }
        let this_minute = now.as_millis() - now.as_millis().rem_euclid(MINUTE);
        if token.last_used_at.is_none_or(|at| at.as_millis() < this_minute) {
            // Nobody waits for this; one that fails is no loss.
            let (store, id) = (self.clone(), token.id);
            tokio::spawn(async move { store.write(move |tx| note_use(tx, id, this_minute).boxed()).await });
        }
        Ok(Some(token))
    }

    /// Waits until a token ends: it is revoked, on whatever node, or expires.
    pub async fn token_ended(&self, id: Id) {
        let mut news = self.shared.tokens.subscribe();
        loop {
            news.borrow_and_update();
            let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1"));
            let found = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.shared.readers).await;
            let left = match found.map_err(failed).and_then(|row| row.map(|r| read(&r)).transpose()) {
                // It is looked at again when the database may be back.
                Err(_) => MINUTE,
                Ok(token) => {
                    let now = self.shared.clock.now();
                    let Some(token) = token.filter(|t| valid(t, now)) else { return };
                    // No longer than an hour: somebody may set the clock.
                    token.expires_at.map_or(HOUR, |end| (end.as_millis() - now.as_millis()).clamp(1, HOUR))
                }
            };
            tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(Duration::from_millis(left.unsigned_abs())) => {}
            }
        }
    }

    /// The tokens that reach no further, by the time they were made.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY id")))
            .fetch_all(&self.shared.readers)
            .await
            .map_err(failed)?
            .iter()
            .map(read)
            .filter(|token| token.as_ref().map_or(true, |t| self.reach().covers(&t.reach())))
            .collect()
    }

    /// Revokes a token. The last admin token that is still valid stays: nobody could make another.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for that one.
    pub async fn revoke_token(&self, id: Id) -> Result<()> {
        self.write(move |tx| revoke(tx, id).boxed()).await
    }

    /// Makes an admin token when there is none that is valid, and writes its text to the file (mode 0600).
    /// Says whether it did.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be written; no token is made then.
    pub async fn ensure_admin_token(&self, file: &Path) -> Result<bool> {
        let now = self.shared.clock.now();
        if self.tokens().await?.iter().any(|t| administers(t, now)) {
            return Ok(false);
        }
        let text = self.new_text();
        // The file first: were it the other way round, a stop between the two would leave a token that nobody knows.
        write_private(file, format!("{text}\n").as_bytes())
            .map_err(|e| Error::Unavailable(format!("the admin token's file {} cannot be written: {e}", file.display())))?;
        let (new, sha256) = (NewToken { label: "first start".into(), role: Role::Admin, tenants: None, expires_at: None }, sum(&text));
        self.write(move |tx| insert(tx, new, sha256).boxed()).await?;
        Ok(true)
    }
}

fn sum(text: &str) -> String {
    hex(&Sha256::digest(text))
}

fn valid(token: &Token, now: Timestamp) -> bool {
    token.expires_at.is_none_or(|end| now < end)
}

/// Whether it may make every other token.
fn administers(token: &Token, now: Timestamp) -> bool {
    token.role == Role::Admin && token.tenants.is_none() && valid(token, now)
}

async fn insert(tx: &mut Tx, new: NewToken, sha256: String) -> Result<Token> {
    let NewToken { label, role, tenants, expires_at } = new;
    let mut faults = Faults::default();
    faults.text("label", &label);
    if expires_at.is_some_and(|end| end <= tx.now) {
        faults.add("expires_at", "has passed already");
    }
    for (i, tenant) in tenants.iter().flatten().enumerate() {
        if !tx.has_tenant(tenant) {
            faults.add(format!("tenants[{i}]"), format!("there is no tenant {tenant:?}"));
        }
    }
    if tenants.is_none() {
        tx.reach.must_be_all("this token would be for all tenants")?;
    }
    if tenants.as_ref().is_some_and(BTreeSet::is_empty) {
        faults.add("tenants", "names no tenant: leave it out for all of them");
    }
    faults.done()?;
    let token = Token { id: tx.new_id(), label, role, tenants, sha256, created_at: tx.now, expires_at, last_used_at: None };
    sqlx::query("INSERT INTO tokens (id, label, role, sha256, created_at, expires_at, tenants) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(token.id.to_string())
        .bind(&token.label)
        .bind(role.as_str())
        .bind(&token.sha256)
        .bind(token.created_at.as_millis())
        .bind(expires_at.map(Timestamp::as_millis))
        .bind(token.tenants.as_ref().map(row::to_json).transpose()?)
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    tx.changed(What::Token { id: token.id }).await?;
    tx.wrote(None, Some(&token)).await?;
    Ok(token)
}

async fn note_use(tx: &mut Tx, id: Id, at: i64) -> Result<()> {
    let query = sqlx::query("UPDATE tokens SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)");
    query.bind(at).bind(id.to_string()).execute(&mut tx.conn).await.map(drop).map_err(failed)
}

async fn revoke(tx: &mut Tx, id: Id) -> Result<()> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY id"))).fetch_all(&mut tx.conn).await.map_err(failed)?;
    let (revoked, others): (Vec<Token>, Vec<Token>) =
        rows.iter().map(read).collect::<Result<Vec<_>>>()?.into_iter().partition(|t| t.id == id);
    let token = revoked.first().filter(|t| tx.reach.covers(&t.reach())).ok_or_else(|| Error::not_found("token", id))?;
    if administers(token, tx.now) && !others.iter().any(|t| administers(t, tx.now)) {
        return Err(Error::Conflict("this is the last valid admin token: make another one before it is revoked".into()));
    }
    sqlx::query("DELETE FROM tokens WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    tx.changed(What::Token { id }).await?;
    tx.wrote(Some(token), None).await
}

fn read(r: &AnyRow) -> Result<Token> {
    Ok(Token {
        id: row::id(r, "id")?,
        label: row::text(r, "label")?,
        role: Role::parse(&row::text(r, "role")?).ok_or_else(|| row::unreadable("role", "no role"))?,
        tenants: row::maybe_text(r, "tenants")?.map(|t| serde_json::from_str(&t).map_err(|e| row::unreadable("tenants", e))).transpose()?,
        sha256: row::text(r, "sha256")?,
        created_at: row::time(r, "created_at")?,
        expires_at: row::maybe_time(r, "expires_at")?,
        last_used_at: row::maybe_time(r, "last_used_at")?,
    })
}
