//! The schema's numbered steps, forward only, embedded in the program and checked at every start.

use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::{database::Database, key::hex};

/// Number, name and text of each step. A step that was released is never changed.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "first", include_str!("../migrations/0001_first.sql")),
    (2, "templates", include_str!("../migrations/0002_templates.sql")),
    (3, "packs", include_str!("../migrations/0003_packs.sql")),
    (4, "resources", include_str!("../migrations/0004_resources.sql")),
    (5, "uploads", include_str!("../migrations/0005_uploads.sql")),
    (6, "token_tenants", include_str!("../migrations/0006_token_tenants.sql")),
    (7, "history", include_str!("../migrations/0007_history.sql")),
    (8, "address_maps", include_str!("../migrations/0008_address_maps.sql")),
    (9, "idempotency_keys", include_str!("../migrations/0009_idempotency_keys.sql")),
    (10, "lists", include_str!("../migrations/0010_lists.sql")),
    (11, "nodes", include_str!("../migrations/0011_nodes.sql")),
];

const LOG: &str = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// Applies the steps that are missing, all or none.
///
/// # Errors
/// In words for the operator: a step that this program does not know, or one that differs from what was applied.
pub(crate) async fn migrate(database: &Database, conn: &mut AnyConnection, now: i64) -> Result<(), String> {
    migrate_to(database, conn, now, newest()).await
}

/// The newest step that this program knows.
pub(crate) fn newest() -> i64 {
    STEPS.last().map_or(0, |s| s.0)
}

/// The same up to a step.
///
/// # Errors
/// As [`migrate`].
pub(crate) async fn migrate_to(database: &Database, conn: &mut AnyConnection, now: i64, last: i64) -> Result<(), String> {
    database.begin(conn).await.map_err(said)?;
    match apply(database, conn, now, last).await {
        Ok(()) => run(conn, "COMMIT").await,
        Err(why) => {
            let _ = run(conn, "ROLLBACK").await;
            Err(why)
        }
    }
}

async fn apply(database: &Database, conn: &mut AnyConnection, now: i64, last: i64) -> Result<(), String> {
    run(conn, LOG).await?;
    let rows = sqlx::query("SELECT number, checksum FROM migrations ORDER BY number").fetch_all(&mut *conn).await.map_err(said)?;
    let applied: Vec<(i64, String)> = rows.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?))).collect::<sqlx::Result<_>>().map_err(said)?;
    let newest = newest();
    if let Some((number, _)) = applied.iter().find(|(n, _)| *n > newest) {
        return Err(format!(
            "the database has schema {number}, and this program knows none newer than {newest}: start the newer offhook that wrote it, or restore a backup made before the upgrade"
        ));
    }
    for &(number, name, sql) in STEPS.iter().filter(|s| s.0 <= last) {
        let sum = hex(&Sha256::digest(sql));
        match applied.iter().find(|(n, _)| *n == number) {
            Some((_, applied)) if *applied == sum => {}
            Some(_) => {
                return Err(format!(
                    "schema step {number} ({name}) of the database is not the one of this program: it was made by another build; start that one, or restore a backup"
                ));
            }
            None => {
                sqlx::raw_sql(AssertSqlSafe(database.translate(sql))).execute(&mut *conn).await.map_err(said)?;
                sqlx::query("INSERT INTO migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)")
                    .bind(number)
                    .bind(name)
                    .bind(sum)
                    .bind(now)
                    .execute(&mut *conn)
                    .await
                    .map_err(said)?;
            }
        }
    }
    Ok(())
}

async fn run(conn: &mut AnyConnection, sql: &'static str) -> Result<(), String> {
    sqlx::query(sql).execute(conn).await.map(drop).map_err(said)
}

fn said(error: sqlx::Error) -> String {
    format!("the database cannot be prepared: {error}")
}
