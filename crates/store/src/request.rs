//! The request log: a bounded table of what phones asked and what was decided.

use std::net::IpAddr;

use offhook_core::{
    Id, Result,
    clock::Timestamp,
    request::Transport,
    trace::{Decision, Reason, Trace},
};
use serde::{Deserialize, Serialize};

use crate::{
    Page, Store,
    database::{Dialect, failed},
    loading,
    page::Clauses,
    row,
    writer::Tx,
};

/// One request of a phone, with its trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its id; ids grow with time.
    pub id: Id,
    /// When it came.
    pub at: Timestamp,
    /// From where (after trusted proxies).
    pub ip: IpAddr,
    /// How.
    pub transport: Transport,
    /// `GET`, `HEAD`, `RRQ` …
    pub method: String,
    /// The path or file name.
    pub path: String,
    /// The User-Agent.
    pub user_agent: Option<String>,
    /// HTTP status, or the one that a TFTP answer amounts to.
    pub status: u16,
    /// Bytes of the answer's body; of what came, when the phone sent something.
    pub bytes: u64,
    /// Microseconds from request to answer.
    pub took_us: u64,
    /// The device that asked.
    pub device: Option<Id>,
    /// The tenant it resolved to.
    pub tenant: Option<String>,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// What each step saw.
    pub trace: Trace,
}

/// Which requests.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
    /// Of this device.
    pub device: Option<Id>,
    /// Of this tenant.
    pub tenant: Option<String>,
}

impl Store {
    /// The newest requests that fit, newest first; `before` goes on after the last id of the page before.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn requests(&self, filter: &RequestFilter, limit: u32, before: Option<Id>) -> Result<Vec<RequestRecord>> {
        let mut clauses = Clauses::new();
        clauses.within("tenant", self.reach());
        if let Some(device) = filter.device {
            clauses.and("device = ?", device.to_string());
        }
        if let Some(tenant) = &filter.tenant {
            clauses.and("tenant = ?", tenant.as_str());
        }
        if let Some(before) = before {
            clauses.and("id < ?", before.to_string());
        }
        let page = Page { sort: (), descending: true, cursor: None, limit };
        let rows = clauses.page("SELECT id, record FROM requests", "id", "requests", &page, &self.shared.readers).await?;
        Ok(rows.listed(|r| row::json(r, "record"), |_| Ok(((), String::new())))?.items)
    }

    /// One request of the log.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn request(&self, id: Id) -> Result<Option<RequestRecord>> {
        let query = sqlx::query("SELECT record FROM requests WHERE id = $1").bind(id.to_string());
        let found = query.fetch_optional(&self.shared.readers).await.map_err(failed)?;
        let record: Option<RequestRecord> = found.map(|r| row::json(&r, "record")).transpose()?;
        Ok(record.filter(|r| self.reach().owns(r.tenant.as_deref())))
    }
}

/// Writes one row.
pub(crate) async fn log(tx: &mut Tx, record: &RequestRecord) -> Result<()> {
    let done = sqlx::query("INSERT INTO requests (id, device, tenant, record) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING")
        .bind(record.id.to_string())
        .bind(record.device.map(|d| d.to_string()))
        .bind(&record.tenant)
        .bind(row::to_json(record)?)
        .execute(&mut tx.conn)
        .await
        .map_err(failed)?;
    tx.logged += done.rows_affected();
    Ok(())
}

/// Keeps the newest rows. Done when a sixteenth too many are there, so that it costs little per row.
pub(crate) async fn trim(tx: &mut Tx) -> Result<()> {
    let keep = tx.shared.request_log_rows;
    // Other nodes add and take away too: what they did is counted as often.
    let recount = tx.shared.dialect == Dialect::Postgres && tx.logged > tx.counted + keep / 16;
    if recount {
        tx.logged = loading::logged(&mut tx.conn).await?;
        tx.counted = tx.logged;
    }
    if tx.logged <= if recount { keep } else { keep + keep / 16 } {
        return Ok(());
    }
    let oldest = "DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT $1)";
    let done = sqlx::query(oldest).bind((tx.logged - keep).cast_signed()).execute(&mut tx.conn).await.map_err(failed)?;
    tx.logged -= done.rows_affected().min(tx.logged);
    tx.counted = tx.logged;
    Ok(())
}
