//! Accounts: SIP identities that lines refer to. In a document the account's own fields and the line values that it gives
//! stand side by side.

use offhook_core::{
    Error, Id, Result,
    account::Account,
    settings::{AccountValues, Document, MASK, Scope},
};
use offhook_store::Note;
pub use offhook_store::{AccountFilter, AccountSort};
use serde_json::{Map, Value, json};

use super::{
    App, Caller,
    fields::Fields,
    page::{Listed, Page},
};

/// What the server sets; passed over in a PUT.
const READ_ONLY: &[&str] = &["id", "revision", "created_at", "updated_at"];
/// The account's own fields; everything else is a line value.
const OWN: &[&str] = &["tenant", "name", "shared", "code"];

/// One page of the accounts that fit, by tenant and name.
pub async fn list(app: &App, filter: &AccountFilter, page: &Page<AccountSort>) -> Result<Listed<Account>> {
    app.store.accounts(filter, page).await
}

/// The account of that id, or of that name in a tenant.
pub async fn read(app: &App, key: &str, tenant: Option<&str>) -> Result<Account> {
    let found = match Id::parse(key) {
        Some(id) => app.store.account(id).await?,
        None => app.store.account_by_name(tenant.unwrap_or(app.store.reach().home()), key).await?,
    };
    found.ok_or_else(|| Error::not_found("account", key))
}

/// The same with its secrets, for who may see them. It is told who looked.
pub async fn reveal(app: &App, who: &Caller, key: &str, tenant: Option<&str>) -> Result<Account> {
    who.may_reveal(true)?;
    let account = read(app, key, tenant).await?;
    let (subject, name, tenant) = (account.id.to_string(), account.name.clone(), Some(account.tenant.clone()));
    app.store.note(Note { action: "reveal", noun: "account", subject, name, tenant, detail: String::new() }).await?;
    Ok(account)
}

/// Makes an account. Its name is its `username` unless said otherwise, and the other way round.
pub async fn create(app: &App, who: &Caller, document: Value) -> Result<Account> {
    who.may_write()?;
    app.store.create_account(move |account, _| fill(account, Fields::of(document)?, None)).await
}

/// Puts a whole new account in place of the old one. What is left out is empty; the tenant stays.
pub async fn replace(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>, document: Value) -> Result<Account> {
    who.may_write()?;
    let id = read(app, key, tenant).await?.id;
    app.store
        .update_account(id, if_match, move |account, _| {
            let mut fields = Fields::of(document)?;
            fields.pass_over(READ_ONLY);
            let old = account.values.clone();
            fill(account, fields, Some(&old))
        })
        .await
}

/// Changes what the patch names (RFC 7396).
pub async fn patch(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>, patch: Value) -> Result<Account> {
    who.may_write()?;
    let id = read(app, key, tenant).await?.id;
    app.store
        .update_account(id, if_match, move |account, _| {
            let Value::Object(patch) = patch else { return Err(Error::invalid("", "a JSON object is needed")) };
            let (own, values): (Map<_, _>, Map<_, _>) = patch.into_iter().partition(|(name, _)| OWN.contains(&name.as_str()));
            let mut fields = Fields::patched(writable(account), Value::Object(own), "")?;
            fill_own(account, &mut fields);
            let patched = account.values.patch(&Value::Object(values), Scope::Account);
            account.values = fields.settings_result("", patched);
            fields.check()
        })
        .await
}

/// Deletes an account that no line names.
pub async fn delete(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>) -> Result<()> {
    who.may_write()?;
    let id = read(app, key, tenant).await?.id;
    app.store.delete_account(id, if_match).await
}

fn writable(account: &Account) -> Map<String, Value> {
    let document = json!({ "tenant": account.tenant, "name": account.name, "shared": account.shared, "code": account.code });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// As an earlier version was.
pub(super) fn restore(account: &mut Account, old: &Account) -> Result<()> {
    let mut fields = Fields::of(Value::Object(writable(old)))?;
    fill_own(account, &mut fields);
    let written = Document::write(&Value::Object(old.values.tree().clone()), None, Scope::Account);
    account.values = fields.settings_result("", written);
    fields.check()
}

fn fill(account: &mut Account, mut fields: Fields, old: Option<&AccountValues>) -> Result<()> {
    let username = fields.peek("username").filter(|v| v.is_string()).cloned();
    if let Some(username) = &username {
        fields.or_insert("name", username);
    }
    fill_own(account, &mut fields);
    let mut values = fields.rest();
    if username.is_none() && !account.name.is_empty() {
        values.insert("username".to_owned(), account.name.as_str().into());
    }
    let written = Document::write(&Value::Object(values), old, Scope::Account);
    account.values = fields.settings_result("", written);
    fields.check()
}

fn fill_own(account: &mut Account, fields: &mut Fields) {
    fields.require("name");
    account.name = fields.name("name").unwrap_or_default();
    // Left out it stays: an account must not come to another tenant unasked.
    account.tenant = fields.word("tenant").unwrap_or_else(|| account.tenant.clone());
    account.shared = fields.flag("shared").unwrap_or(false);
    account.code = match (fields.word("code"), account.code.take()) {
        (Some(mask), old) if mask == MASK => {
            if old.is_none() {
                fields.fault("code", "the mask stands for a code that is stored, and there is none: write the code itself");
            }
            old
        }
        (code, _) => code,
    };
}
