//! Idempotency keys: what a caller sent under a key is done once, and answered again as it was the first time.

use futures_util::FutureExt;
use offhook_core::{Error, Id, Result};

use crate::{Store, database::failed, row, writer::Tx};

/// How long an answer is kept, in milliseconds.
const KEPT: i64 = 24 * 3600 * 1000;
/// How long a key is taken by somebody who is not heard of any more.
const LEASE: i64 = 90 * 1000;
/// So many keys of one token at most.
const MOST: u64 = 100_000;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is new: the caller has it now, for a minute and a half or until it is told what came of it.
    Taken,
    /// Somebody is at work with it.
    Busy,
    /// It was used for another operation.
    Other,
    /// It was used before: the SHA-256 of the body, and the answer. None: the answer was too large to be kept.
    Answered {
        /// As it was given to [`Store::keep_answer`].
        body: String,
        /// The answer.
        answer: Option<String>,
    },
}

/// Whose key of which name.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// The caller.
    pub token: Id,
    /// The key.
    pub name: String,
}

impl IdempotencyKey {
    fn place(&self) -> String {
        format!("idempotency key {} {}", self.token, self.name)
    }
}

impl Store {
    /// Takes a key for an operation, or tells what became of it.
    ///
    /// # Errors
    /// `Full` when the token has too many keys; `Unavailable`.
    pub async fn take_key(&self, key: &IdempotencyKey, operation: &str) -> Result<KeyState> {
        let (key, operation) = (key.clone(), operation.to_owned());
        self.write(move |tx| take(tx, key, operation).boxed()).await
    }

    /// Keeps a taken key for longer.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn hold_key(&self, key: &IdempotencyKey) -> Result<()> {
        let key = key.clone();
        self.write(move |tx| hold(tx, key).boxed()).await
    }

    /// Keeps what came of a taken key for a day. No answer: it is too large.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn keep_answer(&self, key: &IdempotencyKey, body: &str, answer: Option<&str>) -> Result<()> {
        let (key, body, answer) = (key.clone(), body.to_owned(), answer.map(str::to_owned));
        self.write(move |tx| keep(tx, key, body, answer).boxed()).await
    }

    /// Gives a taken key free: nothing came of it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn drop_key(&self, key: &IdempotencyKey) -> Result<()> {
        let key = key.clone();
        self.write(move |tx| drop_one(tx, key).boxed()).await
    }
}

async fn take(tx: &mut Tx, key: IdempotencyKey, operation: String) -> Result<KeyState> {
    let now = tx.now.as_millis();
    sqlx::query("DELETE FROM idempotency_keys WHERE until <= $1").bind(now).execute(&mut tx.conn).await.map_err(failed)?;
    let found = sqlx::query("SELECT operation, body, answer FROM idempotency_keys WHERE token = $1 AND name = $2")
        .bind(key.token.to_string())
        .bind(&key.name)
        .fetch_optional(&mut tx.conn)
        .await
        .map_err(failed)?;
    if let Some(found) = found {
        if row::text(&found, "operation")? != operation {
            return Ok(KeyState::Other);
        }
        let body = row::text(&found, "body")?;
        return Ok(match row::maybe_text(&found, "answer")? {
            None => KeyState::Busy,
            Some(sealed) if sealed.is_empty() => KeyState::Answered { body, answer: None },
            Some(sealed) => KeyState::Answered { body, answer: Some(tx.shared.sealer.open(&key.place(), &sealed)?) },
        });
    }
    let count = sqlx::query("SELECT COUNT(*) AS n FROM idempotency_keys WHERE token = $1").bind(key.token.to_string());
    if row::number(&count.fetch_one(&mut tx.conn).await.map_err(failed)?, "n")? >= MOST {
        return Err(Error::Full(format!("this token has {MOST} idempotency keys of the last day: send fewer, or without a key")));
    }
    sqlx::query("INSERT INTO idempotency_keys (token, name, operation, body, until) VALUES ($1, $2, $3, '', $4)")
        .bind(key.token.to_string())
        .bind(&key.name)
        .bind(operation)
        .bind(now.saturating_add(LEASE))
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    Ok(KeyState::Taken)
}

async fn hold(tx: &mut Tx, key: IdempotencyKey) -> Result<()> {
    sqlx::query("UPDATE idempotency_keys SET until = $1 WHERE token = $2 AND name = $3 AND answer IS NULL")
        .bind(tx.now.as_millis().saturating_add(LEASE))
        .bind(key.token.to_string())
        .bind(key.name)
        .execute(&mut tx.conn)
        .await
        .map(drop)
        .map_err(failed)
}

async fn keep(tx: &mut Tx, key: IdempotencyKey, body: String, answer: Option<String>) -> Result<()> {
    let sealed = match answer {
        Some(answer) => tx.shared.sealer.seal(&key.place(), &answer, &*tx.shared.entropy)?,
        None => String::new(),
    };
    sqlx::query("UPDATE idempotency_keys SET until = $1, body = $2, answer = $3 WHERE token = $4 AND name = $5")
        .bind(tx.now.as_millis().saturating_add(KEPT))
        .bind(body)
        .bind(sealed)
        .bind(key.token.to_string())
        .bind(key.name)
        .execute(&mut tx.conn)
        .await
        .map(drop)
        .map_err(failed)
}

async fn drop_one(tx: &mut Tx, key: IdempotencyKey) -> Result<()> {
    let query = sqlx::query("DELETE FROM idempotency_keys WHERE token = $1 AND name = $2 AND answer IS NULL");
    query.bind(key.token.to_string()).bind(key.name).execute(&mut tx.conn).await.map(drop).map_err(failed)
}
