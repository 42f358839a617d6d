//! The database: which one, how its connections are made, and what its errors mean.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use offhook_core::Error;
use sqlx::{
    AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions, PgPool,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// How long a connection waits for a lock of another program (a backup, a shell).
const BUSY: &str = "10000";
const READERS: u32 = 4;
/// What a write-ahead log that once grew is cut back to, in bytes.
const LOG: &str = "67108864";
/// Memory for pages in KiB, of the writer and of each reader, taken as it is needed. With less, the many indexes of a million devices are
/// written to the log again and again within one transaction.
const WRITER_PAGES: &str = "-65536";
const READER_PAGES: &str = "-16384";
/// Pages in the log before it is brought home: what is written often is brought home once.
const CHECKPOINT: &str = "4000";
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The oldest version of PostgreSQL, as it tells it.
const OLDEST: u32 = 130_000;
/// The advisory lock of PostgreSQL that the one writer of all nodes holds: "offhook" in hexadecimal.
const WRITER: i64 = 0x6f_6666_686f_6f6b;
/// Notices are no news; a node whose machine vanished is noticed within half a minute.
const SESSION: &str = "SET application_name = 'offhook'; SET client_min_messages = warning; \
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;";
/// A node that stops in the middle of a write must not hold up the others for ever. What is acknowledged is durable whatever the server's
/// default; one that asks for more (a standby that has it too) stays.
const WRITING: &str = "SET idle_in_transaction_session_timeout = '20s'; SET lock_timeout = '10s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";
/// Queries of lists read by index what they show; where a disk finds pages anywhere about as quickly as in a row, that is what the planner is to
/// believe. They are short: nothing is to be compiled for them.
const READING: &str = "SET default_transaction_read_only = on; SET random_page_cost = 1.1; SET jit = off;";

/// Which dialect is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Embedded: a file, and no other node.
    Sqlite,
    /// A server that several nodes may share.
    Postgres,
}

/// Where the database is and which dialect it speaks.
#[derive(Clone)]
pub(crate) struct Database {
    /// What it speaks.
    pub(crate) dialect: Dialect,
    /// The file of an embedded database.
    pub(crate) file: Option<PathBuf>,
    /// What people are told it is: never a password.
    pub(crate) name: String,
    options: AnyConnectOptions,
}

impl Database {
    /// From `sqlite:FILE`, relative to the data directory, or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub(crate) fn from_url(url: &str, data_dir: &Path) -> Result<Self, String> {
        install_default_drivers();
        if url.starts_with("postgres:") || url.starts_with("postgresql:") { Self::postgres(url) } else { Self::sqlite(url, data_dir) }
    }

    fn sqlite(url: &str, data_dir: &Path) -> Result<Self, String> {
        let bad = || {
            "store.url is not known: write sqlite:FILE, relative to data_dir (default sqlite:offhook.db), or postgres://USER:PASSWORD@HOST/DATABASE"
                .to_owned()
        };
        let name = url.strip_prefix("sqlite:").ok_or_else(bad)?;
        let name = name.strip_prefix("//").unwrap_or(name);
        if name.is_empty() || name.contains('?') || name.starts_with(":memory:") {
            return Err(bad());
        }
        let file = data_dir.join(name);
        let options = AnyConnectOptions::from_str(&format!("sqlite:{}?mode=rwc", percent_encoded(&file)))
            .map_err(|e| format!("store.url {url:?} is not usable: {e}"))?
            .disable_statement_logging();
        Ok(Self { dialect: Dialect::Sqlite, name: format!("the database {}", file.display()), file: Some(file), options })
    }

    /// Nothing of the URL is repeated in errors: it may hold a password.
    fn postgres(url: &str) -> Result<Self, String> {
        let bad =
            |why: String| format!("store.url is no address of a PostgreSQL database: {why}; write postgres://USER:PASSWORD@HOST/DATABASE");
        let options = AnyConnectOptions::from_str(url).map_err(|_| bad("it is no URL".into()))?.disable_statement_logging();
        let server = PgConnectOptions::from_url(&options.database_url).map_err(|_| bad("a part of it is not known".into()))?;
        let database = server.get_database().filter(|d| !d.is_empty()).ok_or_else(|| bad("it names no database".into()))?;
        let place = server.get_socket().map_or_else(|| format!("{}:{}", server.get_host(), server.get_port()), |s| s.display().to_string());
        let name = format!("the PostgreSQL database {database:?} of user {:?} at {place}", server.get_username());
        Ok(Self { dialect: Dialect::Postgres, file: None, name, options })
    }

    /// Whether other nodes may write to it.
    pub(crate) fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// The text of a step of the schema in this dialect: `{{blob}}` is the type of bytes; a line that begins with `{{sqlite}}` or
    /// `{{postgres}}` is for that one alone. Texts are compared byte by byte in both, so that pages have one order.
    pub(crate) fn translate(&self, sql: &str) -> String {
        let (own, other, blob) = match self.dialect {
            Dialect::Sqlite => ("{{sqlite}}", "{{postgres}}", "BLOB"),
            Dialect::Postgres => ("{{postgres}}", "{{sqlite}}", "BYTEA"),
        };
        let lines = sql.lines().filter(|line| !line.starts_with(other)).map(|line| line.strip_prefix(own).unwrap_or(line));
        let sql = lines.collect::<Vec<_>>().join("\n").replace("{{blob}}", blob);
        match self.dialect {
            Dialect::Sqlite => sql,
            // `fetch`, the name of a column, is a reserved word.
            Dialect::Postgres => sql.replace(" TEXT", " TEXT COLLATE \"C\"").replace("    fetch ", "    \"fetch\" "),
        }
    }

    /// Whether the server can hold what is to be kept.
    ///
    /// # Errors
    /// In words for the operator.
    pub(crate) async fn check(&self, conn: &mut AnyConnection) -> Result<(), String> {
        if self.dialect == Dialect::Sqlite {
            return Ok(());
        }
        let facts = "SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding";
        let said = |e: sqlx::Error| format!("{} cannot be read: {e}", self.name);
        let (version, encoding): (String, String) = sqlx::query_as(facts).fetch_one(conn).await.map_err(said)?;
        if version.parse::<u32>().is_ok_and(|v| v < OLDEST) {
            return Err(format!("{} is of a server that is too old: PostgreSQL 13 or newer is needed", self.name));
        }
        if encoding != "UTF8" {
            return Err(format!("{} has the encoding {encoding}: make one with ENCODING 'UTF8'", self.name));
        }
        Ok(())
    }

    /// What begins a transaction that will write, and is the only one that does: the lock is taken at once, for one that is taken later
    /// may be refused (SQLite) or would let two decide on the same state (PostgreSQL, where it is one lock for all nodes). What is read
    /// behind the lock must be of after it, whatever isolation the database has by default.
    pub(crate) fn writing(&self) -> String {
        match self.dialect {
            Dialect::Sqlite => "BEGIN IMMEDIATE".to_owned(),
            Dialect::Postgres => {
                format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT 1 AS locked FROM pg_advisory_xact_lock({WRITER})")
            }
        }
    }

    /// Begins such a transaction.
    pub(crate) async fn begin(&self, conn: &mut AnyConnection) -> sqlx::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(self.writing())).execute(conn).await.map(drop)
    }

    /// Connections for what nodes tell each other: one that listens and one that tells.
    pub(crate) fn telling(&self) -> sqlx::Result<PgPool> {
        let server = PgConnectOptions::from_url(&self.options.database_url)?.disable_statement_logging();
        let options = PgPoolOptions::new().max_connections(2).idle_timeout(None).max_lifetime(None).acquire_timeout(PATIENCE);
        let prepared = options.after_connect(|conn, _| {
            let sql = format!("{SESSION} SET synchronous_commit = off;");
            Box::pin(async move { sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop) })
        });
        Ok(prepared.connect_lazy_with(server))
    }

    /// A connection that writes.
    pub(crate) async fn connect(&self) -> sqlx::Result<AnyConnection> {
        let opened = async {
            let mut conn = self.options.connect().await?;
            prepare(self.dialect, &mut conn, false).await?;
            Ok(conn)
        };
        tokio::time::timeout(PATIENCE, opened).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Connections that only read.
    pub(crate) async fn readers(&self) -> sqlx::Result<AnyPool> {
        let dialect = self.dialect;
        AnyPoolOptions::new()
            .max_connections(READERS)
            // Those of a server may have been cut since.
            .test_before_acquire(self.is_shared())
            .acquire_timeout(PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |conn, _| Box::pin(prepare(dialect, conn, true)))
            .connect_with(self.options.clone())
            .await
    }

    /// Brings the write-ahead log of an embedded database home.
    pub(crate) async fn checkpoint(&self, conn: &mut AnyConnection) -> sqlx::Result<()> {
        match self.dialect {
            Dialect::Sqlite => sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(conn).await.map(drop),
            Dialect::Postgres => Ok(()),
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// What every connection is told first.
async fn prepare(dialect: Dialect, conn: &mut AnyConnection, read_only: bool) -> sqlx::Result<()> {
    match dialect {
        Dialect::Sqlite => prepare_sqlite(conn, read_only).await,
        Dialect::Postgres => {
            let sql = format!("{SESSION} {}", if read_only { READING } else { WRITING });
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)
        }
    }
}

/// Full durability, foreign keys, patience; by statement, because options of the dialect cannot be given otherwise.
async fn prepare_sqlite(conn: &mut AnyConnection, read_only: bool) -> sqlx::Result<()> {
    let pragmas = [
        ("busy_timeout", BUSY),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("foreign_keys", "ON"),
        ("journal_size_limit", LOG),
        ("wal_autocheckpoint", CHECKPOINT),
        ("cache_size", if read_only { READER_PAGES } else { WRITER_PAGES }),
    ];
    for (name, value) in pragmas {
        pragma(conn, name, value).await?;
    }
    if read_only { pragma(conn, "query_only", "ON").await } else { Ok(()) }
}

async fn pragma(conn: &mut AnyConnection, name: &str, value: &str) -> sqlx::Result<()> {
    // Both are words of this file.
    sqlx::query(AssertSqlSafe(format!("PRAGMA {name} = {value}"))).fetch_all(conn).await.map(drop)
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

/// Whether disk, locks, rights or the server are at fault and not the query. SQLite's result codes BUSY, LOCKED, READONLY, IOERR,
/// FULL and CANTOPEN, in whatever extended form (https://sqlite.org/rescode.html); of PostgreSQL, whose codes have five characters
/// (Appendix A of its manual), the classes of connections, logins, conflicts between transactions, resources, operators and the
/// system, a transaction that may only read, and a lock that did not come.
fn is_of_the_machine(error: &sqlx::Error) -> bool {
    let Some(code) = error.as_database_error().and_then(|e| e.code()) else { return false };
    if code.len() == 5 {
        return ["08", "28", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
            || matches!(&*code, "25006" | "25P03" | "55P03");
    }
    code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
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

    #[tokio::test]
    async fn what_postgresql_acknowledges_is_durable_whatever_its_default() {
        let server = offhook_tests::postgres::Database::new();
        let database = Database::from_url(&server.url(), Path::new("")).unwrap();
        for (default, wanted) in [("off", "on"), ("remote_apply", "remote_apply")] {
            let set = format!("ALTER DATABASE %I SET synchronous_commit = ''{default}''");
            server.sql(&format!("DO $$ BEGIN EXECUTE format('{set}', current_database()); END $$"));
            let mut conn = database.connect().await.unwrap();
            let (kept,): (String,) = sqlx::query_as("SELECT current_setting('synchronous_commit')").fetch_one(&mut conn).await.unwrap();
            assert_eq!(kept, wanted);
        }
    }
}
