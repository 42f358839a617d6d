//! Accounts: SIP identities that lines refer to.

use std::collections::HashMap;

use futures_util::FutureExt;
use offhook_core::{Error, Id, Result, account::Account, configuration::Configuration, settings::AccountValues};
use serde_json::Value;
use sqlx::any::AnyRow;

use crate::{
    Listed, Noun, Page, Store, Thing, What,
    database::{Dialect, conflict, failed},
    history,
    key::Sealer,
    page::{Clauses, pattern},
    references::{and_more, count_uses, touch_users, users, uses},
    row,
    text::{Faults, check_revision, together},
    writer::Tx,
};

const SELECT: &str = "SELECT id, tenant, name, document, shared, code, revision, created_at, updated_at FROM accounts";

/// What lists go by, and an index has with all that they are filtered by.
const ORDER: &str = "tenant || '/' || name";

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// That no line names.
    pub unassigned: bool,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// Orders of account lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountSort {
    /// By tenant and name.
    #[default]
    Name,
    /// By the time they were made.
    Created,
    /// By the newest change.
    Updated,
}

impl AccountSort {
    const ALL: [Self; 3] = [Self::Name, Self::Created, Self::Updated];

    /// `name`, `created_at`, `updated_at`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created_at",
            Self::Updated => "updated_at",
        }
    }

    /// The order of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

/// How many lines name an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountUses {
    /// Lines of devices.
    pub devices: u64,
    /// Lines of profiles, tenants and the site.
    pub layers: u64,
}

impl Store {
    /// Makes an account. `fill` gets an empty one (new id, the reach's only tenant or `default`).
    ///
    /// # Errors
    /// `Conflict` when its tenant has one of that name.
    pub async fn create_account(&self, fill: impl FnOnce(&mut Account, &Configuration) -> Result<()> + Send + 'static) -> Result<Account> {
        self.write(move |tx| create(tx, fill).boxed()).await
    }

    /// Changes an account. One in use keeps its name and tenant; one that several lines use stays shared.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Conflict`; `Invalid`.
    pub async fn update_account(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Account, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Account> {
        self.write(move |tx| update(tx, id, if_match, edit).boxed()).await
    }

    /// Brings a deleted account back under its id, as a new revision. `edit` gets it as it was when it was deleted.
    ///
    /// # Errors
    /// `NotFound` when it was not deleted, or too long ago; else as [`Store::create_account`].
    pub async fn revive_account(
        &self,
        id: Id,
        edit: impl FnOnce(&mut Account, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Account> {
        self.write(move |tx| revive(tx, id, edit).boxed()).await
    }

    /// Deletes an account; one in use is a `Conflict` that tells by how many.
    ///
    /// # Errors
    /// `NotFound`; `Stale`; `Conflict`.
    pub async fn delete_account(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match).boxed()).await
    }

    /// The account of that id.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn account(&self, id: Id) -> Result<Option<Account>> {
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1"));
        let found = sqlx::query(sql).bind(id.to_string()).fetch_optional(&self.shared.readers).await.map_err(failed)?;
        let account = found.map(|r| read(&r, &self.shared.sealer)).transpose()?;
        Ok(account.filter(|a| self.reach().sees(Some(&a.tenant))))
    }

    /// The account of that name in a tenant.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn account_by_name(&self, tenant: &str, name: &str) -> Result<Option<Account>> {
        if !self.reach().sees(Some(tenant)) {
            return Ok(None);
        }
        Ok(self.accounts_named(tenant, &[name]).await?.remove(name))
    }

    /// The accounts of these names in a tenant; those that do not exist are missing.
    pub(crate) async fn accounts_named(&self, tenant: &str, names: &[&str]) -> Result<HashMap<String, Account>> {
        let marks: Vec<String> = (0..names.len()).map(|i| format!("${}", i + 2)).collect();
        let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE tenant = $1 AND name IN ({})", marks.join(", ")));
        let query = names.iter().fold(sqlx::query(sql).bind(tenant.to_owned()), |q, name| q.bind((*name).to_owned()));
        let rows = query.fetch_all(&self.shared.readers).await.map_err(failed)?;
        rows.iter().map(|r| read(r, &self.shared.sealer).map(|a| (a.name.clone(), a))).collect()
    }

    /// One page of the accounts that fit, by tenant and name.
    ///
    /// # Errors
    /// `Invalid` for a cursor that is not one of this list.
    pub async fn accounts(&self, filter: &AccountFilter, page: &Page<AccountSort>) -> Result<Listed<Account>> {
        let mut clauses = Clauses::new();
        clauses.within("tenant", self.reach());
        match filter.tenant.as_deref().or(self.reach().only()) {
            // The part of the order that is this tenant's: no name of a tenant has a slash, and 0 follows it.
            Some(tenant) if page.sort == AccountSort::Name => clauses.and(&format!("{ORDER} > ? || '/' AND {ORDER} < ? || '0'"), tenant),
            Some(tenant) => clauses.and("tenant = ?", tenant),
            None => {}
        }
        if filter.unassigned {
            clauses.and_plain(
                "NOT EXISTS (SELECT 1 FROM account_uses u WHERE u.account = accounts.name AND (u.tenant = accounts.tenant OR u.tenant = ''))",
            );
        }
        if let Some(q) = &filter.q {
            // See naming.rs for the case.
            clauses.and("LOWER(name) LIKE ? ESCAPE '\\'", pattern(&q.to_ascii_lowercase()));
        }
        let (by, index) = match page.sort {
            AccountSort::Name => (ORDER, "accounts_by_name"),
            AccountSort::Created => ("created_at", "accounts_by_created"),
            AccountSort::Updated => ("updated_at", "accounts_by_updated"),
        };
        let select = match self.shared.dialect {
            Dialect::Sqlite => format!("{SELECT} INDEXED BY {index}"),
            Dialect::Postgres => SELECT.to_owned(),
        };
        let list = format!("account {}", page.sort.as_str());
        let rows = clauses.page(&select, by, &list, page, &self.shared.readers).await?;
        let key = |r: &AnyRow| {
            let key: Value = match page.sort {
                AccountSort::Name => format!("{}/{}", row::text(r, "tenant")?, row::text(r, "name")?).into(),
                AccountSort::Created => row::time(r, "created_at")?.as_millis().into(),
                AccountSort::Updated => row::time(r, "updated_at")?.as_millis().into(),
            };
            Ok((key, row::text(r, "id")?))
        };
        rows.listed(|r| read(r, &self.shared.sealer), key)
    }

    /// Who uses an account.
    ///
    /// # Errors
    /// `Unavailable` when the database does not answer.
    pub async fn account_uses(&self, account: &Account) -> Result<AccountUses> {
        count_uses(&self.shared.readers, &account.tenant, &account.name).await
    }
}

async fn stored(tx: &mut Tx, id: Id) -> Result<Account> {
    let sql = sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1"));
    let found = sqlx::query(sql).bind(id.to_string()).fetch_optional(&mut tx.conn).await.map_err(failed)?;
    let account = read(&found.ok_or_else(|| Error::not_found("account", id))?, &tx.shared.sealer)?;
    tx.must_own("account", id, Some(&account.tenant))?;
    Ok(account)
}

async fn create(tx: &mut Tx, fill: impl FnOnce(&mut Account, &Configuration) -> Result<()>) -> Result<Account> {
    let id = tx.new_id();
    let mut account = Account {
        id,
        tenant: tx.reach.home().to_owned(),
        name: String::new(),
        values: AccountValues::default(),
        shared: false,
        code: None,
        revision: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    let filled = fill(&mut account, &tx.configuration);
    (account.id, account.revision, account.created_at, account.updated_at) = (id, 1, tx.now, tx.now);
    let account = put(tx, account, filled).await?;
    tx.wrote(None, Some(&account)).await?;
    Ok(account)
}

async fn update(
    tx: &mut Tx,
    id: Id,
    if_match: Option<u64>,
    edit: impl FnOnce(&mut Account, &Configuration) -> Result<()>,
) -> Result<Account> {
    let old = stored(tx, id).await?;
    check_revision(if_match, old.revision)?;
    let mut account = old.clone();
    let edited = edit(&mut account, &tx.configuration);
    (account.id, account.revision, account.created_at, account.updated_at) = (old.id, old.revision, old.created_at, old.updated_at);
    if edited.is_ok() && account == old {
        return Ok(account);
    }
    if edited.is_ok() && (&account.tenant, &account.name) != (&old.tenant, &old.name) {
        unused(tx, &old, "keeps its name and tenant").await?;
    }
    (account.revision, account.updated_at) = (old.revision + 1, tx.now);
    let account = put(tx, account, edited).await?;
    tx.wrote(Some(&old), Some(&account)).await?;
    Ok(account)
}

async fn revive(tx: &mut Tx, id: Id, edit: impl FnOnce(&mut Account, &Configuration) -> Result<()>) -> Result<Account> {
    let Thing::Account(old) = history::last_of(tx, Noun::Account, id).await? else { return Err(Error::not_found("account", id)) };
    let mut account = Account::clone(&old);
    let edited = edit(&mut account, &tx.configuration);
    (account.id, account.revision, account.created_at, account.updated_at) = (id, old.revision + 1, old.created_at, tx.now);
    let account = put(tx, account, edited).await?;
    history::is_back(tx, &id.to_string()).await?;
    tx.wrote(None, Some(&account)).await?;
    Ok(account)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>) -> Result<()> {
    let old = stored(tx, id).await?;
    check_revision(if_match, old.revision)?;
    unused(tx, &old, "cannot be deleted").await?;
    sqlx::query("DELETE FROM accounts WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    tx.changed(What::Account { id }).await?;
    tx.wrote(Some(&old), None).await
}

async fn unused(tx: &mut Tx, account: &Account, what: &str) -> Result<()> {
    let used = uses(tx, &account.tenant, &account.name).await?;
    if used == AccountUses::default() {
        return Ok(());
    }
    let users = and_more(users(tx, &account.tenant, &account.name).await?, used.devices + used.layers);
    Err(Error::Conflict(format!("the account {:?} {what}: it is used by {users}", account.name)))
}

/// Checks and writes an account; `found` is what was found wrong with it already.
async fn put(tx: &mut Tx, mut account: Account, found: Result<()>) -> Result<Account> {
    let mut random = [0; 32];
    tx.shared.entropy.fill(&mut random);
    account.values.make_generated(&random);
    let mut faults = Faults::default();
    faults.name("name", &account.name);
    faults.maybe_text("code", account.code.as_ref());
    if !tx.has_tenant(&account.tenant) {
        faults.add("tenant", format!("there is no tenant {:?}", account.tenant));
    }
    let used = uses(tx, &account.tenant, &account.name).await?;
    if !account.shared && (used.layers > 0 || used.devices > 1) {
        faults.add("shared", format!("{} lines use this account: it has to be shared", used.devices + used.layers));
    }
    together([found, faults.done()])?;
    let id = account.id.to_string();
    let code = account.code.as_ref().map(|c| tx.shared.sealer.seal(&format!("account {id} code"), c, &*tx.shared.entropy));
    sqlx::query(
        "INSERT INTO accounts (id, tenant, name, document, shared, code, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, name = excluded.name, document = excluded.document, shared = excluded.shared, \
         code = excluded.code, revision = excluded.revision, updated_at = excluded.updated_at",
    )
    .bind(&id)
    .bind(&account.tenant)
    .bind(&account.name)
    .bind(tx.seal(&format!("account {id}"), &account.values)?)
    .bind(i64::from(account.shared))
    .bind(code.transpose()?)
    .bind(account.revision.cast_signed())
    .bind(account.created_at.as_millis())
    .bind(account.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map_err(conflict(|| format!("the tenant {:?} has an account {:?} already", account.tenant, account.name)))?;
    tx.changed(What::Account { id: account.id }).await?;
    if used != AccountUses::default() {
        touch_users(tx, &account.tenant, &account.name).await?;
    }
    Ok(account)
}

fn read(r: &AnyRow, sealer: &Sealer) -> Result<Account> {
    let id = row::id(r, "id")?;
    let code = row::maybe_text(r, "code")?;
    Ok(Account {
        id,
        tenant: row::text(r, "tenant")?,
        name: row::text(r, "name")?,
        values: sealer.open_document(&format!("account {id}"), &row::text(r, "document")?)?,
        shared: row::flag(r, "shared")?,
        code: code.map(|c| sealer.open(&format!("account {id} code"), &c)).transpose()?,
        revision: row::number(r, "revision")?,
        created_at: row::time(r, "created_at")?,
        updated_at: row::time(r, "updated_at")?,
    })
}
