//! Names of assets and phone books in settings: unknown ones are refused when they are written, and what is in use is not deleted. The
//! documents themselves say what they name; nothing is kept beside them.

use std::collections::HashSet;

use offhook_core::{
    Error, Id, Result, near,
    settings::{AccountValues, Named, NamedKind, Settings},
};
use sqlx::Row;

use crate::{
    database::failed,
    library::Library,
    page::pattern,
    references::{SHOWN_USERS, and_more, device_name},
    row,
    text::Faults,
    writer::Tx,
};

/// How many names near to an unknown one are told.
const NEAR: usize = 5;

/// Refuses names that mean nothing, but for those that stood there before. `tenant`: whose documents; none: every tenant's.
///
/// # Errors
/// `Invalid` with the path of each name, and names that are near.
pub(crate) fn check(tx: &Tx, tenant: Option<&str>, before: &[&Settings], documents: &[(&str, &Settings)]) -> Result<()> {
    let known: HashSet<String> = before.iter().flat_map(|s| s.named()).map(|n| n.name).collect();
    let mut faults = Faults::default();
    for (field, settings) in documents {
        // What a phone has by itself is not known here.
        for named in settings.named().iter().filter(|n| n.kind != NamedKind::Ringtone && !known.contains(&n.name)) {
            if !exists(tx, tenant, named) {
                faults.add(format!("{field}.{}", named.path), unknown(&tx.library, tenant, named));
            }
        }
    }
    faults.done()
}

/// In documents of every tenant a name may mean something of any.
fn exists(tx: &Tx, tenant: Option<&str>, named: &Named) -> bool {
    let tenants = || tx.configuration.tenants.keys().map(|t| Some(t.as_str()));
    tx.library.means(tenant, named).is_some() || (tenant.is_none() && tenants().any(|t| tx.library.means(t, named).is_some()))
}

fn unknown(library: &Library, tenant: Option<&str>, named: &Named) -> String {
    let (noun, command) = match named.kind {
        NamedKind::Phonebook => ("phone book", "phonebook add"),
        NamedKind::Asset | NamedKind::Ringtone => ("asset", "asset add"),
    };
    let near = near::nearest(&named.name, library.names(tenant, named.kind), NEAR);
    let what = if near.is_empty() { "there is none yet".to_owned() } else { format!("near: {}", near.join(", ")) };
    format!("there is no {noun} {:?} ({what}): store it first (offhook {command}), or write an absolute URL", named.name)
}

/// Fine when nothing means this asset or phone book (id, noun, name, tenant) by its name.
///
/// # Errors
/// `Conflict` that names the users.
pub(crate) async fn unused(tx: &mut Tx, thing: (Id, &'static str, &str, Option<&str>), what: &str) -> Result<()> {
    let (_, noun, name, _) = thing;
    let users = users(tx, thing).await?;
    if users.is_empty() {
        return Ok(());
    }
    let all = users.len() as u64;
    let shown = users.into_iter().take(usize::try_from(SHOWN_USERS).unwrap_or(usize::MAX)).collect();
    Err(Error::Conflict(format!("the {noun} {name:?} {what}: it is used by {}", and_more(shown, all))))
}

/// Everything that names a thing, as people know it.
async fn users(tx: &mut Tx, (id, _, name, owner): (Id, &str, &str, Option<&str>)) -> Result<Vec<String>> {
    let (configuration, library) = (tx.configuration.clone(), tx.library.clone());
    let means = |tenant: Option<&str>, named: &Named| library.means(tenant, named) == Some(id);
    let uses = |tenant: Option<&str>, settings: &Settings| settings.named().iter().any(|n| means(tenant, n));
    // A document of every tenant means the thing in the tenant that owns it.
    let by_all = |settings: &Settings| uses(owner, settings);
    let mut users = Vec::new();
    if [&configuration.site.settings, &configuration.site.enforced].into_iter().any(by_all) {
        users.push("site".to_owned());
    }
    for tenant in configuration.tenants.values() {
        if [&tenant.settings, &tenant.enforced].into_iter().any(|s| uses(Some(&tenant.name), s)) {
            users.push(format!("tenant {}", tenant.name));
        }
    }
    for profile in configuration.profiles() {
        let of = profile.tenant.as_deref();
        if if of.is_some() { uses(of, &profile.settings) } else { by_all(&profile.settings) } {
            users.push(format!("profile {}", profile.name));
        }
    }
    users.extend(accounts(tx, (id, name), &means).await?);
    users.extend(devices(tx, (id, name), &uses).await?);
    Ok(users)
}

/// Rows whose document holds the name or the id as a text; what they mean is looked at with care.
fn holding<'a>(sql: &'static str, (id, name): (Id, &str)) -> sqlx::query::Query<'a, sqlx::Any, sqlx::any::AnyArguments> {
    // As SQLite folds: LOWER of a parameter would follow the locale of a PostgreSQL, that of a column does not.
    let name = format!("\"{name}\"").to_ascii_lowercase();
    sqlx::query(sql).bind(pattern(&name)).bind(pattern(&id.to_string()))
}

async fn accounts(tx: &mut Tx, thing: (Id, &str), means: &(dyn Fn(Option<&str>, &Named) -> bool + Sync)) -> Result<Vec<String>> {
    const SQL: &str = "SELECT id, tenant, name, document FROM accounts WHERE LOWER(document) LIKE $1 ESCAPE '\\' OR document LIKE $2 ESCAPE '\\' ORDER BY tenant, name";
    let mut users = Vec::new();
    for found in &holding(SQL, thing).fetch_all(&mut tx.conn).await.map_err(failed)? {
        let (id, tenant) = (row::text(found, "id")?, row::text(found, "tenant")?);
        let values: AccountValues = tx.shared.sealer.open_document(&format!("account {id}"), &row::text(found, "document")?)?;
        if values.named().iter().any(|n| means(Some(&tenant), n)) {
            users.push(format!("account {}", row::text(found, "name")?));
        }
    }
    Ok(users)
}

async fn devices(tx: &mut Tx, thing: (Id, &str), uses: &(dyn Fn(Option<&str>, &Settings) -> bool + Sync)) -> Result<Vec<String>> {
    const SQL: &str = "SELECT id, mac, label, tenant, settings FROM devices WHERE LOWER(settings) LIKE $1 ESCAPE '\\' OR settings LIKE $2 ESCAPE '\\' ORDER BY id";
    let mut users = Vec::new();
    for found in &holding(SQL, thing).fetch_all(&mut tx.conn).await.map_err(failed)? {
        let (id, tenant) = (row::text(found, "id")?, row::text(found, "tenant")?);
        // Names are no secrets: the document need not be opened.
        let tree = serde_json::from_str(&found.try_get::<String, _>("settings").map_err(failed)?);
        let settings = tree.ok().and_then(|tree| Settings::from_stored(tree).ok());
        if settings.is_some_and(|s| uses(Some(&tenant), &s)) {
            users.push(device_name(found, &id)?);
        }
    }
    Ok(users)
}
