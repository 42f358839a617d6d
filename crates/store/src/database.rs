//! The database: which one, how its connections are made, and what its errors mean.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use offhook_core::Error;
use sqlx::{
    AnyConnection, AnyPool, ConnectOptions,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
};

/// How long a connection waits for a lock of another program (a backup, a shell).
const BUSY: &str = "10000";
const READERS: u32 = 4;
/// What a write-ahead log that once grew is cut back to, in bytes.
const LOG: &str = "67108864";

/// Where the database is and which dialect it speaks. Only embedded SQLite for now.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// The file of an embedded database.
    pub(crate) file: PathBuf,
    options: AnyConnectOptions,
}

impl Database {
    /// From `sqlite:FILE`, relative to the data directory.
    pub(crate) fn from_url(url: &str, data_dir: &Path) -> Result<Self, String> {
        let bad = || format!("store.url {url:?} is not known: write sqlite:FILE, relative to data_dir (default sqlite:offhook.db)");
        let name = url.strip_prefix("sqlite:").ok_or_else(bad)?;
        let name = name.strip_prefix("//").unwrap_or(name);
        if name.is_empty() || name.contains('?') || name.starts_with(":memory:") {
            return Err(bad());
        }
        let file = data_dir.join(name);
        install_default_drivers();
        let options = AnyConnectOptions::from_str(&format!("sqlite:{}?mode=rwc", percent_encoded(&file)))
            .map_err(|e| format!("store.url {url:?} is not usable: {e}"))?
            .disable_statement_logging();
        Ok(Self { file, options })
    }

    /// What stands for the tokens of the migrations.
    pub(crate) fn translate(&self, sql: &str) -> String {
        let lines =
            sql.lines().filter(|line| !line.starts_with("{{postgres}}")).map(|line| line.strip_prefix("{{sqlite}}").unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n").replace("{{blob}}", "BLOB")
    }

    /// What begins a transaction that will write: the lock is taken at once, for one that is taken later may be refused.
    pub(crate) fn begin(&self) -> &'static str {
        "BEGIN IMMEDIATE"
    }

    /// A connection that writes.
    pub(crate) async fn connect(&self) -> sqlx::Result<AnyConnection> {
        let mut conn = self.options.connect().await?;
        prepare(&mut conn, false).await?;
        Ok(conn)
    }

    /// Connections that only read.
    pub(crate) async fn readers(&self) -> sqlx::Result<AnyPool> {
        AnyPoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(10))
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|conn, _| Box::pin(prepare(conn, true)))
            .connect_with(self.options.clone())
            .await
    }

    /// Brings the write-ahead log home.
    pub(crate) async fn checkpoint(&self, conn: &mut AnyConnection) -> sqlx::Result<()> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(conn).await.map(drop)
    }
}

/// Full durability, foreign keys, patience; by statement, because options of the dialect cannot be given otherwise.
async fn prepare(conn: &mut AnyConnection, read_only: bool) -> sqlx::Result<()> {
    let pragmas =
        [("busy_timeout", BUSY), ("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "ON"), ("journal_size_limit", LOG)];
    for (name, value) in pragmas {
        pragma(conn, name, value).await?;
    }
    if read_only { pragma(conn, "query_only", "ON").await } else { Ok(()) }
}

async fn pragma(conn: &mut AnyConnection, name: &str, value: &str) -> sqlx::Result<()> {
    // Both are words of this file.
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {name} = {value}"))).fetch_all(conn).await.map(drop)
}

/// A path as it may stand in a URL: whatever is not plain becomes `%XX`.
fn percent_encoded(path: &Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    path.as_os_str().as_encoded_bytes().iter().map(|&b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// What a failed query means to the rest. Holds no value that was bound.
pub(crate) fn failed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::PoolTimedOut => Error::Unavailable("the database is too busy to answer".into()),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Error::Unavailable("the store is closed".into()),
        sqlx::Error::Io(e) => Error::Unavailable(format!("the database cannot be reached: {e}")),
        sqlx::Error::ColumnDecode { index, source } => Error::Internal(format!("column {index} cannot be read: {source}")),
        other if is_of_the_machine(&other) => Error::Unavailable(format!("the database cannot work now: {other}")),
        other => Error::Internal(format!("the database says: {other}")),
    }
}

/// Whether disk, locks or rights are at fault and not the query: result codes BUSY, LOCKED, READONLY, IOERR, FULL and
/// CANTOPEN, in whatever extended form (https://sqlite.org/rescode.html).
fn is_of_the_machine(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}

/// A broken unique key as a conflict in these words; anything else as it is.
pub(crate) fn conflict(words: impl FnOnce() -> String) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match error.as_database_error() {
        Some(e) if e.is_unique_violation() => Error::Conflict(words()),
        _ => failed(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_not_available_rather_than_broken() {
        let dir = tempfile::tempdir().unwrap();
        let mut conn = Database::from_url("sqlite:x.db", dir.path()).unwrap().connect().await.unwrap();
        sqlx::query("CREATE TABLE t (x TEXT)").execute(&mut conn).await.unwrap();
        pragma(&mut conn, "max_page_count", "8").await.unwrap();
        let full = sqlx::query("INSERT INTO t VALUES ($1)").bind("x".repeat(1_000_000)).execute(&mut conn).await.unwrap_err();
        assert!(matches!(failed(full), Error::Unavailable(_)));
        let wrong = sqlx::query("SELECT nothing FROM t").execute(&mut conn).await.unwrap_err();
        assert!(matches!(failed(wrong), Error::Internal(_)));
    }
}
