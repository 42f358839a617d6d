//! Blobs in the database, where several nodes share it: in chunks, whole before a row anywhere names them, and gone with the last one.
//!
//! The row that names a blob is written by the one writer of all nodes, which looks whether the bytes are still there and else stores them
//! again from its own copy: so they may be collected at any time when no row names them.

use std::path::Path;

use offhook_core::Result;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    blob::{Row, disk},
    database::{Dialect, failed},
    key::hex,
    loading::BLOBS,
    store::Shared,
    writer::Tx,
};

/// Bytes of a chunk.
const CHUNK: u64 = 1 << 20;
/// Milliseconds after which bytes that no row names are nobody's who is about to write one.
const UNUSED: i64 = 86_400_000;

/// Stores the bytes of a file of the folder; inside a transaction.
pub(crate) async fn put(conn: &mut AnyConnection, file: &Path, sha256: &str, now: i64) -> Result<()> {
    let new = sqlx::query("INSERT INTO blobs (sha256, size, stored_at) VALUES ($1, 0, $2) ON CONFLICT (sha256) DO NOTHING");
    if new.bind(sha256).bind(now).execute(&mut *conn).await.map_err(failed)?.rows_affected() == 0 {
        let again = sqlx::query("UPDATE blobs SET stored_at = $1 WHERE sha256 = $2").bind(now).bind(sha256);
        return again.execute(conn).await.map(drop).map_err(failed);
    }
    let mut file = tokio::fs::File::open(file).await.map_err(disk)?;
    let mut size = 0;
    for number in 0i64.. {
        let mut chunk = Vec::new();
        (&mut file).take(CHUNK).read_to_end(&mut chunk).await.map_err(disk)?;
        if chunk.is_empty() {
            break;
        }
        size += chunk.len() as u64;
        let insert = sqlx::query("INSERT INTO blob_chunks (sha256, number, bytes) VALUES ($1, $2, $3)");
        insert.bind(sha256).bind(number).bind(chunk).execute(&mut *conn).await.map_err(failed)?;
    }
    let size = sqlx::query("UPDATE blobs SET size = $1 WHERE sha256 = $2").bind(size.cast_signed()).bind(sha256);
    size.execute(conn).await.map(drop).map_err(failed)
}

/// Stores bytes ahead of the row that is to name them.
pub(crate) async fn store(shared: &Shared, sha256: &str) -> Result<()> {
    let mut transaction = shared.readers.begin_with("BEGIN READ WRITE").await.map_err(failed)?;
    put(&mut transaction, &shared.blobs.path(sha256), sha256, shared.clock.now().as_millis()).await?;
    transaction.commit().await.map_err(failed)
}

/// Writes bytes of the database to a file; their sum.
pub(crate) async fn copy(shared: &Shared, sha256: &str, file: &mut tokio::fs::File) -> Result<String> {
    let mut sum = Sha256::new();
    for number in 0i64.. {
        let query = sqlx::query("SELECT bytes FROM blob_chunks WHERE sha256 = $1 AND number = $2").bind(sha256).bind(number);
        let Some(found) = query.fetch_optional(&shared.readers).await.map_err(failed)? else { break };
        let bytes: Vec<u8> = found.try_get(0).map_err(failed)?;
        sum.update(&bytes);
        file.write_all(&bytes).await.map_err(disk)?;
    }
    Ok(hex(&sum.finalize()))
}

/// A chunk, if there are so many.
pub(crate) async fn chunk(conn: &mut AnyConnection, sha256: &str, number: i64) -> Result<Option<Vec<u8>>> {
    let query = sqlx::query("SELECT bytes FROM blob_chunks WHERE sha256 = $1 AND number = $2").bind(sha256).bind(number);
    query.fetch_optional(conn).await.map_err(failed)?.map(|found| found.try_get(0).map_err(failed)).transpose()
}

/// The sum of what is stored under a name.
pub(crate) async fn sum(conn: &mut AnyConnection, sha256: &str) -> Result<String> {
    let mut sum = Sha256::new();
    for number in 0i64.. {
        let Some(bytes) = chunk(conn, sha256, number).await? else { break };
        sum.update(bytes);
    }
    Ok(hex(&sum.finalize()))
}

/// Before a commit: what is named is there, and what nothing names any more goes.
pub(crate) async fn settle(tx: &mut Tx) -> Result<()> {
    if tx.shared.dialect != Dialect::Postgres {
        return Ok(());
    }
    for row in tx.blobs.clone() {
        match row {
            Row::Came(sha256) => {
                let there = sqlx::query("SELECT sha256 FROM blobs WHERE sha256 = $1").bind(&sha256);
                if there.fetch_optional(&mut tx.conn).await.map_err(failed)?.is_none() {
                    let path = tx.shared.blobs.path(&sha256);
                    put(&mut tx.conn, &path, &sha256, tx.shared.clock.now().as_millis()).await?;
                }
            }
            Row::Went(sha256) => collect(&mut tx.conn, &sha256).await?,
        }
    }
    Ok(())
}

/// Takes bytes away unless a row names them.
async fn collect(conn: &mut AnyConnection, sha256: &str) -> Result<()> {
    let sql =
        format!("DELETE FROM blobs WHERE sha256 = $1 AND sha256 NOT IN (SELECT sha256 FROM ({BLOBS}) AS named WHERE named.sha256 = $1)");
    sqlx::query(AssertSqlSafe(sql)).bind(sha256).execute(conn).await.map(drop).map_err(failed)
}

/// The same outside of a write.
pub(crate) async fn collect_in_passing(shared: &Shared, sha256: &str) -> Result<()> {
    let mut transaction = shared.readers.begin_with("BEGIN READ WRITE").await.map_err(failed)?;
    collect(&mut transaction, sha256).await?;
    transaction.commit().await.map_err(failed)
}

/// At the start: takes away what no row has named for a day.
pub(crate) async fn collect_unused(conn: &mut AnyConnection, now: i64) -> Result<()> {
    let sql = format!("DELETE FROM blobs WHERE stored_at < $1 AND sha256 NOT IN ({BLOBS})");
    sqlx::query(AssertSqlSafe(sql)).bind(now - UNUSED).execute(conn).await.map(drop).map_err(failed)
}
