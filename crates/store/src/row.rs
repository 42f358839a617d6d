//! Reading columns of a row as values of the domain. A value that does not read is a fault of ours, never a panic.

use offhook_core::{
    Error, Id, Result,
    clock::Timestamp,
    settings::{Path, Settings},
};
use serde::de::DeserializeOwned;
use sqlx::{Row, any::AnyRow};

use crate::{database::failed, key::Sealer};

/// A text column.
pub(crate) fn text(row: &AnyRow, column: &str) -> Result<String> {
    row.try_get(column).map_err(failed)
}

/// A text column that may be empty of value.
pub(crate) fn maybe_text(row: &AnyRow, column: &str) -> Result<Option<String>> {
    row.try_get(column).map_err(failed)
}

/// A number.
pub(crate) fn number(row: &AnyRow, column: &str) -> Result<u64> {
    row.try_get::<i64, _>(column).map(i64::cast_unsigned).map_err(failed)
}

/// A number, or nothing.
pub(crate) fn maybe_number(row: &AnyRow, column: &str) -> Result<Option<u64>> {
    row.try_get::<Option<i64>, _>(column).map(|n| n.map(i64::cast_unsigned)).map_err(failed)
}

/// 0 or 1.
pub(crate) fn flag(row: &AnyRow, column: &str) -> Result<bool> {
    Ok(number(row, column)? != 0)
}

/// Milliseconds.
pub(crate) fn time(row: &AnyRow, column: &str) -> Result<Timestamp> {
    row.try_get(column).map(Timestamp::from_millis).map_err(failed)
}

/// Milliseconds, or nothing.
pub(crate) fn maybe_time(row: &AnyRow, column: &str) -> Result<Option<Timestamp>> {
    row.try_get::<Option<i64>, _>(column).map(|t| t.map(Timestamp::from_millis)).map_err(failed)
}

/// An id.
pub(crate) fn id(row: &AnyRow, column: &str) -> Result<Id> {
    Id::parse(&text(row, column)?).ok_or_else(|| unreadable(column, "no id"))
}

/// JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<T> {
    serde_json::from_str(&text(row, column)?).map_err(|e| unreadable(column, e))
}

/// JSON, or nothing.
pub(crate) fn maybe_json<T: DeserializeOwned>(row: &AnyRow, column: &str) -> Result<Option<T>> {
    let text = maybe_text(row, column)?;
    text.map(|t| serde_json::from_str(&t).map_err(|e| unreadable(column, e))).transpose()
}

/// Settings with their secrets opened; `place` is noun and id.
pub(crate) fn settings(row: &AnyRow, column: &str, place: &str, sealer: &Sealer) -> Result<Settings> {
    sealer.open_document(place, &text(row, column)?)
}

/// A list of setting paths.
pub(crate) fn paths(row: &AnyRow, column: &str) -> Result<Vec<Path>> {
    let list: Vec<String> = json(row, column)?;
    list.iter().map(|p| p.parse().map_err(|_| unreadable(column, "no setting path"))).collect()
}

/// Why a stored value does not read.
pub(crate) fn unreadable(column: &str, why: impl std::fmt::Display) -> Error {
    Error::Internal(format!("column {column} of the database cannot be read: {why}"))
}

/// JSON text of plain data.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal(format!("not writable as JSON: {e}")))
}

/// Setting paths as JSON text.
pub(crate) fn paths_json(paths: &[Path]) -> Result<String> {
    to_json(&paths.iter().map(ToString::to_string).collect::<Vec<_>>())
}
