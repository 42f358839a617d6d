//! Pages of lists: which part, in which order, and the opaque cursor to the next.
//!
//! Pages go by key, not by offset: a list that changes while it is read shows nothing twice and skips nothing that stays.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use offhook_core::{Error, Result, token::Reach};
use sqlx::{
    Any, AnyPool, AssertSqlSafe,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use crate::{database::failed, row};

const MOST: u32 = 1000;

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Page<S> {
    /// The order.
    pub sort: S,
    /// From the greatest to the least.
    pub descending: bool,
    /// `next_cursor` of the page before; none: the first page. A cursor of another order is refused.
    pub cursor: Option<String>,
    /// At most so many; 1 to 1000.
    pub limit: u32,
}

impl<S: Default> Default for Page<S> {
    fn default() -> Self {
        Self { sort: S::default(), descending: false, cursor: None, limit: 100 }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The things.
    pub items: Vec<T>,
    /// Where the next page begins; none: this is the last.
    pub next_cursor: Option<String>,
}

/// A value to compare with.
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A `WHERE` put together from texts of this crate; every value is bound.
pub(crate) struct Clauses {
    sql: String,
    values: Vec<Value>,
}

impl Clauses {
    pub(crate) fn new() -> Self {
        Self { sql: " WHERE 1 = 1".into(), values: Vec::new() }
    }

    /// One more condition; `?` stands for the value.
    pub(crate) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.and_plain(&condition.replace('?', &format!("${}", self.values.len())));
    }

    /// Only rows of these tenants; those of no tenant for all tenants alone.
    pub(crate) fn within(&mut self, column: &str, reach: &Reach) {
        let Some(tenants) = reach.tenants() else { return };
        let first = self.values.len() + 1;
        self.values.extend(tenants.iter().map(|t| Value::Text(t.clone())));
        let marks: Vec<String> = (first..=self.values.len()).map(|n| format!("${n}")).collect();
        match marks.as_slice() {
            [] => self.and_plain("1 = 0"),
            [one] => self.and_plain(&format!("{column} = {one}")),
            several => self.and_plain(&format!("{column} IN ({})", several.join(", "))),
        }
    }

    /// One more condition without a value.
    pub(crate) fn and_plain(&mut self, condition: &str) {
        self.sql.push_str(" AND (");
        self.sql.push_str(condition);
        self.sql.push(')');
    }

    /// How many rows fit; `select` counts them as `n`.
    pub(crate) async fn count(self, select: &str, pool: &AnyPool) -> Result<u64> {
        let sql = format!("{select}{}", self.sql);
        let counted = bound(sql, self.values).fetch_one(pool).await.map_err(failed)?;
        row::number(&counted, "n")
    }

    /// All rows that fit, not by pages; `rest` stands behind the conditions.
    pub(crate) async fn all(self, select: &str, rest: &str, pool: &AnyPool) -> Result<Vec<AnyRow>> {
        let sql = format!("{select}{} {rest}", self.sql);
        bound(sql, self.values).fetch_all(pool).await.map_err(failed)
    }

    /// The rows after the cursor, one more than the page holds. `key` is an expression of text or number that is never
    /// NULL; equal ones go by id. `list` names list and order, so that a cursor is not taken for another's.
    pub(crate) async fn page<S>(mut self, select: &str, key: &str, list: &str, page: &Page<S>, pool: &AnyPool) -> Result<Rows> {
        if page.limit == 0 || page.limit > MOST {
            return Err(Error::invalid("limit", format!("a page holds 1 to {MOST}")));
        }
        let list = format!("{list}{}", if page.descending { " descending" } else { "" });
        let (beyond, order) = if page.descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some(cursor) = &page.cursor {
            let (after, id) = read_cursor(cursor, &list)?;
            self.values.push(after);
            let at = self.values.len();
            self.values.push(Value::Text(id));
            self.and_plain(&format!("{key} {beyond} ${at} OR ({key} = ${at} AND id {beyond} ${})", at + 1));
        }
        let limit = page.limit as usize;
        let sql = format!("{select}{} ORDER BY {key} {order}, id {order} LIMIT {}", self.sql, limit + 1);
        Ok(Rows { rows: bound(sql, self.values).fetch_all(pool).await.map_err(failed)?, limit, list })
    }
}

/// A query put together from texts of this crate; what came from outside is bound.
fn bound<'q>(sql: String, values: Vec<Value>) -> Query<'q, Any, AnyArguments> {
    values.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |q, v| match v {
        Value::Text(text) => q.bind(text),
        Value::Number(number) => q.bind(number),
    })
}

/// The rows of a page and, perhaps, one of the next.
pub(crate) struct Rows {
    rows: Vec<AnyRow>,
    limit: usize,
    list: String,
}

impl Rows {
    /// Reads the page; `key` gives what the rows were ordered by, and the id.
    pub(crate) fn listed<T, K: serde::Serialize>(
        self,
        read: impl Fn(&AnyRow) -> Result<T>,
        key: impl Fn(&AnyRow) -> Result<(K, String)>,
    ) -> Result<Listed<T>> {
        let more = self.rows.len() > self.limit;
        let last = self.rows.iter().take(self.limit).next_back().filter(|_| more);
        let next_cursor = last.map(|r| key(r).and_then(|(k, id)| write_cursor(&self.list, &k, &id))).transpose()?;
        let items = self.rows.iter().take(self.limit).map(read).collect::<Result<_>>()?;
        Ok(Listed { items, next_cursor })
    }
}

/// One page of several lists of the same order, each read with the same page, from the greatest to the least.
pub(crate) fn merged<T, S, K: Ord + serde::Serialize>(
    list: &str,
    lists: Vec<Listed<T>>,
    page: &Page<S>,
    key: impl Fn(&T) -> (K, String),
) -> Result<Listed<T>> {
    let mut more = lists.iter().any(|l| l.next_cursor.is_some());
    let mut items: Vec<T> = lists.into_iter().flat_map(|l| l.items).collect();
    items.sort_by_key(|item| std::cmp::Reverse(key(item)));
    more |= items.len() > page.limit as usize;
    items.truncate(page.limit as usize);
    let last = items.last().filter(|_| more).map(key);
    let next_cursor = last.map(|(key, id)| write_cursor(&format!("{list} descending"), &key, &id)).transpose()?;
    Ok(Listed { items, next_cursor })
}

fn write_cursor(list: &str, key: &impl serde::Serialize, id: &str) -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(row::to_json(&(list, key, id))?))
}

fn read_cursor(cursor: &str, list: &str) -> Result<(Value, String)> {
    let bad = || Error::invalid("cursor", "this is no cursor of this list in this order: begin again without one");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (of, key, id): (String, serde_json::Value, String) = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if of != list {
        return Err(bad());
    }
    match key {
        serde_json::Value::String(text) => Ok((Value::Text(text), id)),
        serde_json::Value::Number(n) => Ok((Value::Number(n.as_i64().ok_or_else(bad)?), id)),
        _ => Err(bad()),
    }
}

/// A `LIKE` pattern for text that stands anywhere.
pub(crate) fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
