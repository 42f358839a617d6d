//! Pages of lists: which part, in which order, and the opaque cursor to the next.
//!
//! Pages go by key, not by offset: a list that changes while it is read shows nothing twice and skips nothing that stays.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use offhook_core::{Error, Result, token::Reach};
use sqlx::{AnyPool, AssertSqlSafe, any::AnyRow};

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
#[derive(Clone)]
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

/// A piece of a query, put together from texts of this crate; each `?` stands for the next value, and every value is bound.
#[derive(Clone, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// A text with its values.
    pub(crate) fn new(text: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self { text: text.into(), values: values.into_iter().collect() }
    }

    /// A text in which each `?` stands for the same value.
    pub(crate) fn of(text: &str, value: impl Into<Value>) -> Self {
        Self { text: text.to_owned(), values: vec![value.into(); text.matches('?').count()] }
    }

    /// More of it.
    pub(crate) fn push(&mut self, more: Self) {
        self.text.push_str(&more.text);
        self.values.extend(more.values);
    }

    /// One behind the other.
    pub(crate) fn then(mut self, more: impl Into<Self>) -> Self {
        self.push(more.into());
        self
    }

    /// The rows it gives.
    pub(crate) async fn fetch(self, pool: &AnyPool) -> Result<Vec<AnyRow>> {
        let (text, values) = self.numbered();
        let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |q, v| match v {
            Value::Text(text) => q.bind(text),
            Value::Number(number) => q.bind(number),
        });
        query.fetch_all(pool).await.map_err(failed)
    }

    /// With `$1`, `$2` … in place of the marks.
    fn numbered(self) -> (String, Vec<Value>) {
        let mut parts = self.text.split('?');
        let first = parts.next().unwrap_or_default().to_owned();
        let text = parts.enumerate().fold(first, |text, (n, part)| format!("{text}${}{part}", n + 1));
        (text, self.values)
    }
}

impl From<&str> for Sql {
    fn from(text: &str) -> Self {
        Self::new(text, [])
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self::new(text, [])
    }
}

/// The conditions of a list.
#[derive(Clone)]
pub(crate) struct Clauses(Sql);

impl Clauses {
    pub(crate) fn new() -> Self {
        Self(" WHERE 1 = 1".into())
    }

    /// One more condition; each `?` stands for the value.
    pub(crate) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.and_sql(Sql::of(condition, value));
    }

    /// One more condition without a value.
    pub(crate) fn and_plain(&mut self, condition: &str) {
        self.and_sql(condition.into());
    }

    /// One more condition.
    pub(crate) fn and_sql(&mut self, condition: Sql) {
        self.0.push(Sql::from(" AND (").then(condition).then(")"));
    }

    /// Only rows of these tenants; those of no tenant for all tenants alone.
    pub(crate) fn within(&mut self, column: &str, reach: &Reach) {
        let Some(tenants) = reach.tenants() else { return };
        let values = tenants.iter().map(|t| Value::Text(t.clone()));
        match tenants.len() {
            0 => self.and_plain("1 = 0"),
            1 => self.and_sql(Sql::new(format!("{column} = ?"), values)),
            n => self.and_sql(Sql::new(format!("{column} IN ({})", vec!["?"; n].join(", ")), values)),
        }
    }

    /// All rows that fit, not by pages; `rest` stands behind the conditions.
    pub(crate) async fn all(self, select: &str, rest: &str, pool: &AnyPool) -> Result<Vec<AnyRow>> {
        Sql::from(select).then(self.0).then(format!(" {rest}")).fetch(pool).await
    }

    /// As a part of a query.
    pub(crate) fn sql(self) -> Sql {
        self.0
    }

    /// The rows after the cursor, one more than the page holds. `key` is an expression of text or number that is never
    /// NULL; equal ones go by id. `list` names list and order, so that a cursor is not taken for another's.
    pub(crate) async fn page<S>(self, select: &str, key: &str, list: &str, page: &Page<S>, pool: &AnyPool) -> Result<Rows> {
        self.page_in(Order { list, key, id: "id", few: false }, select, page, pool).await
    }

    /// The same. `order` is how the list goes; an index should hold it.
    pub(crate) async fn page_in<S>(self, order: Order<'_>, select: impl Into<Sql>, page: &Page<S>, pool: &AnyPool) -> Result<Rows> {
        let (limit, queries) = self.queries(&select.into(), order, page)?;
        let mut rows = Vec::new();
        for query in queries {
            let missing = limit + 1 - rows.len();
            if missing == 0 {
                break;
            }
            rows.extend(query.then(format!(" LIMIT {missing}")).fetch(pool).await?);
        }
        Ok(Rows { rows, limit, list: order.name(page) })
    }

    /// The queries of a page, without their limits; what the first leaves over is asked of the second.
    ///
    /// Behind a cursor come the rows with the same key and a greater id, then those with a greater key. As one condition (`a OR b`) no
    /// database finds the place in its index: each page would read all before it.
    pub(crate) fn queries<S>(self, select: &Sql, order: Order<'_>, page: &Page<S>) -> Result<(usize, Vec<Sql>)> {
        if page.limit == 0 || page.limit > MOST {
            return Err(Error::invalid("limit", format!("a page holds 1 to {MOST}")));
        }
        let (beyond, direction) = if page.descending { ("<", "DESC") } else { (">", "ASC") };
        let Order { key, id, few, .. } = order;
        let (by_id, by_key) = (format!(" ORDER BY {id} {direction}"), format!(" ORDER BY {key} {direction}, {id} {direction}"));
        let by = if key == id { &by_id } else { &by_key };
        let ended = |condition: Sql, by: &str| {
            let mut clauses = self.clone();
            clauses.and_sql(condition);
            select.clone().then(clauses.0).then(by)
        };
        let cursor = page.cursor.as_deref().map(|cursor| read_cursor(cursor, &order.name(page))).transpose()?;
        let queries = match cursor {
            None => vec![select.clone().then(self.0.clone()).then(by.as_str())],
            Some((_, last)) if key == id => vec![ended(Sql::of(&format!("{id} {beyond} ?"), last), by)],
            Some((after, last)) => {
                let same = Sql::new(format!("{key} = ? AND {id} {beyond} ?"), [after.clone(), last.into()]);
                let other = Sql::of(&format!("{key} {beyond} ?"), after);
                if few { vec![ended(other.then(" OR ").then(same), by)] } else { vec![ended(same, &by_id), ended(other, by)] }
            }
        };
        Ok((page.limit as usize, queries))
    }
}

/// How a list goes.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    /// Names list and order, so that a cursor is not taken for another's.
    pub(crate) list: &'a str,
    /// An expression of text or number that is never NULL.
    pub(crate) key: &'a str,
    /// What equal ones go by: the id. May be the key itself.
    pub(crate) id: &'a str,
    /// The rows are few and are sorted, instead of read from an index in this order.
    pub(crate) few: bool,
}

impl Order<'_> {
    fn name<S>(&self, page: &Page<S>) -> String {
        format!("{}{}", self.list, if page.descending { " descending" } else { "" })
    }
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
