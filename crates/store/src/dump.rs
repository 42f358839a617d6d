//! Tables as rows in a form that no database owns: the one list of tables that a backup holds, reading them in one moment, filling them
//! again, and sums by which two databases are compared.
//!
//! A row is one line of JSON: an object of its columns, sorted by name. Numbers and texts are JSON's own, NULL is null, bytes are
//! `{"base64": "…"}`.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use offhook_core::{Error, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sqlx::{
    AnyConnection, AssertSqlSafe, Column, Row, ValueRef,
    any::{AnyRow, AnyTypeInfoKind},
};

use crate::{database::failed, key::hex};

/// A table and the columns that order its rows: its primary key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    order: &'static str,
}

const fn table(name: &'static str, order: &'static str) -> Table {
    Table { name, order }
}

/// What a backup holds, each after those that it refers to.
pub(crate) const TABLES: &[Table] = &[
    table("meta", "name"),
    table("site", "id"),
    table("tenants", "id"),
    table("profiles", "id"),
    table("accounts", "id"),
    table("account_uses", "noun, holder, line"),
    table("address_maps", "id"),
    table("layer_sets", "id"),
    table("devices", "id"),
    table("device_tags", "tag, device"),
    table("device_profiles", "profile, device"),
    table("device_search", "device"),
    table("local_ports", "device"),
    table("templates", "id"),
    table("firmware", "id"),
    table("assets", "id"),
    table("phonebooks", "id"),
    table("packs", "pack, version"),
    table("removed_packs", "pack"),
    table("pack_indexes", "url"),
    table("uploads", "id"),
    table("tokens", "id"),
    table("requests", "id"),
    table("audit", "id"),
    table("history", "subject, revision"),
];

/// What belongs to one database or one moment: its schema, what its nodes tell each other, answers that may be asked for again. Bytes of
/// blobs go beside the tables.
#[cfg(test)]
const LEFT_OUT: &[&str] = &["migrations", "changes", "nodes", "blobs", "blob_chunks", "idempotency_keys"];

/// Tables that are about the moment before and are emptied when everything is replaced.
pub(crate) const PASSING: &[&str] = &["idempotency_keys"];

/// The table of that name, if a backup holds it.
pub(crate) fn table_of(name: &str) -> Option<Table> {
    TABLES.iter().copied().find(|t| t.name == name)
}

/// How many rows, and what they are.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sum {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over their lines, each ended by a line feed; lower-case hexadecimal.
    pub sha256: String,
}

/// A sum that grows line by line.
#[derive(Clone, Default)]
pub(crate) struct Summing {
    rows: u64,
    sum: Sha256,
}

impl Summing {
    pub(crate) fn add(&mut self, line: &str) {
        self.rows += 1;
        self.sum.update(line);
        self.sum.update("\n");
    }

    pub(crate) fn finish(self) -> Sum {
        Sum { rows: self.rows, sha256: hex(&self.sum.finalize()) }
    }
}

/// A table in the order of its key, line by line.
pub(crate) fn lines(conn: &mut AnyConnection, table: Table) -> BoxStream<'_, Result<String>> {
    let sql = format!("SELECT * FROM {} ORDER BY {}", table.name, table.order);
    sqlx::query(AssertSqlSafe(sql)).fetch(conn).map(|row| line_of(&row.map_err(failed)?)).boxed()
}

/// What a table holds.
pub(crate) async fn sum(conn: &mut AnyConnection, table: Table) -> Result<Sum> {
    let (mut lines, mut sum) = (lines(conn, table), Summing::default());
    while let Some(line) = lines.try_next().await? {
        sum.add(&line);
    }
    Ok(sum.finish())
}

fn line_of(row: &AnyRow) -> Result<String> {
    let mut columns: Vec<(&str, Value)> = Vec::with_capacity(row.columns().len());
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at).map_err(failed)?;
        let value = match raw.type_info().kind() {
            _ if raw.is_null() => Value::Null,
            AnyTypeInfoKind::Text => row.try_get::<String, _>(at).map_err(failed)?.into(),
            AnyTypeInfoKind::Blob => json!({ "base64": STANDARD.encode(row.try_get::<Vec<u8>, _>(at).map_err(failed)?) }),
            AnyTypeInfoKind::Real | AnyTypeInfoKind::Double => row.try_get::<f64, _>(at).map_err(failed)?.into(),
            AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt => {
                row.try_get::<i64, _>(at).map_err(failed)?.into()
            }
            other => return Err(Error::Internal(format!("column {} has the type {other:?}, which no backup knows", column.name()))),
        };
        columns.push((column.name(), value));
    }
    columns.sort_by_key(|(name, _)| *name);
    Ok(Value::Object(columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()).to_string())
}

/// So many rows, and so many values, go into one statement at most.
const ROWS: usize = 100;
const VALUES: usize = 2000;

/// Fills tables line by line. Rows of one table whose columns and NULLs are the same go in together.
#[derive(Default)]
pub(crate) struct Filling {
    table: &'static str,
    /// Column names; whether a value is there.
    shape: Vec<(String, bool)>,
    rows: Vec<Vec<Value>>,
}

impl Filling {
    /// Takes a row, and writes those that wait when it does not go with them.
    pub(crate) async fn add(&mut self, conn: &mut AnyConnection, table: Table, line: &str) -> Result<()> {
        let unreadable = || Error::invalid("", format!("a row of the table {} is no JSON object", table.name));
        let row: Map<String, Value> = serde_json::from_str(line).map_err(|_| unreadable())?;
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if row.keys().any(|name| !plain(name)) {
            return Err(unreadable());
        }
        let same = self.table == table.name && self.shape.iter().map(|(n, v)| (n, *v)).eq(row.iter().map(|(n, v)| (n, !v.is_null())));
        if !same || self.rows.len() >= ROWS || self.rows.len() * self.shape.len() >= VALUES {
            self.flush(conn).await?;
        }
        if !same {
            self.table = table.name;
            self.shape = row.iter().map(|(name, value)| (name.clone(), !value.is_null())).collect();
        }
        self.rows.push(row.into_iter().filter(|(_, value)| !value.is_null()).map(|(_, value)| value).collect());
        Ok(())
    }

    /// Writes what waits.
    pub(crate) async fn flush(&mut self, conn: &mut AnyConnection) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let mut next = 0;
        let mut place = |there: &bool| {
            if *there {
                next += 1;
                format!("${next}")
            } else {
                // Bound, it would need a type.
                "NULL".to_owned()
            }
        };
        let values: Vec<String> =
            rows.iter().map(|_| format!("({})", self.shape.iter().map(|(_, there)| place(there)).collect::<Vec<_>>().join(", "))).collect();
        let columns: Vec<String> = self.shape.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        // Names are of the list above or were looked at; values are bound.
        let sql = format!("INSERT INTO {} ({}) VALUES {}", self.table, columns.join(", "), values.join(", "));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in rows.into_iter().flatten() {
            query = match value {
                Value::String(text) => query.bind(text),
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => query.bind(whole),
                    None => query.bind(number.as_f64().unwrap_or_default()),
                },
                Value::Object(bytes) => {
                    let text = bytes.get("base64").and_then(Value::as_str).unwrap_or_default();
                    query.bind(
                        STANDARD
                            .decode(text)
                            .map_err(|_| Error::invalid("", format!("bytes of the table {} are not base64", self.table)))?,
                    )
                }
                other => return Err(Error::invalid("", format!("a row of the table {} holds {other}", self.table))),
            };
        }
        let done = query.execute(conn).await;
        done.map(drop).map_err(|e| match failed(e) {
            Error::Internal(why) => Error::invalid("", format!("the table {} does not take a row of the archive: {why}", self.table)),
            other => other,
        })
    }
}

/// The tables that a database has. Names of both dialects' own tables are left out.
pub(crate) async fn tables(conn: &mut AnyConnection, dialect: crate::database::Dialect) -> Result<Vec<String>> {
    let sql = match dialect {
        crate::database::Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
        crate::database::Dialect::Postgres => {
            "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
    };
    sqlx::query_scalar(sql).fetch_all(conn).await.map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{database::Database, migrations::migrate};

    use super::*;

    async fn empty() -> (tempfile::TempDir, AnyConnection) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::from_url("sqlite:x.db", dir.path()).unwrap();
        let mut conn = database.connect().await.unwrap();
        migrate(&database, &mut conn, 0).await.unwrap();
        (dir, conn)
    }

    #[tokio::test]
    async fn every_table_is_dumped_or_left_out_on_purpose() {
        let (_dir, mut conn) = empty().await;
        for name in tables(&mut conn, crate::database::Dialect::Sqlite).await.unwrap() {
            let listed = table_of(&name).is_some();
            let left_out = LEFT_OUT.contains(&name.as_str());
            assert!(listed != left_out, "the table {name}: list it in TABLES (a backup holds it) or in LEFT_OUT, not in both");
        }
        for table in TABLES {
            assert!(sum(&mut conn, *table).await.is_ok(), "{} is not a table", table.name);
        }
    }

    #[tokio::test]
    async fn rows_come_back_as_they_were() {
        let (_dir, mut conn) = empty().await;
        sqlx::raw_sql("CREATE TABLE meta2 (name TEXT, whole BIGINT, part DOUBLE PRECISION, bytes BLOB); DROP TABLE meta; ALTER TABLE meta2 RENAME TO meta")
            .execute(&mut conn)
            .await
            .unwrap();
        let table = table_of("meta").unwrap();
        let lines = [
            r#"{"bytes":{"base64":"AP8="},"name":"a","part":1.5,"whole":-9223372036854775808}"#,
            r#"{"bytes":null,"name":"b \u0001\n\"Ä","part":2.0,"whole":null}"#,
            r#"{"bytes":{"base64":""},"name":"c","part":null,"whole":1}"#,
        ];
        let mut filling = Filling::default();
        for line in lines {
            filling.add(&mut conn, table, line).await.unwrap();
        }
        filling.flush(&mut conn).await.unwrap();
        let found: Vec<String> = super::lines(&mut conn, table).try_collect().await.unwrap();
        assert_eq!(found, lines);
        assert_eq!(sum(&mut conn, table).await.unwrap().rows, 3);

        for bad in ["[]", r#"{"name\"; DROP TABLE x":"y"}"#, r#"{"name":[1]}"#, r#"{"bytes":{"base64":"?"}}"#, r#"{"nowhere":"x"}"#] {
            let refused = match filling.add(&mut conn, table, bad).await {
                Ok(()) => filling.flush(&mut conn).await,
                refused => refused,
            };
            assert!(matches!(refused, Err(Error::Invalid(_))), "{bad}: {refused:?}");
        }
    }
}
