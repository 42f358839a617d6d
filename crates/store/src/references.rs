//! Which line names which account: kept in step with every document, so that what is unknown or in use is known.

use offhook_core::{Result, settings::Settings};
use sqlx::Row;

use crate::{AccountUses, What, database::failed, row, text::Faults, writer::Tx};

/// Who names accounts.
pub(crate) struct Holder<'a> {
    /// `device`, `profile`, `tenant` or `site`.
    pub(crate) noun: &'static str,
    /// Its id; `site` for the site.
    pub(crate) id: String,
    /// The tenant whose accounts it names; none: those of every tenant.
    pub(crate) tenant: Option<&'a str>,
}

/// The lines of a document that name an account: field path and name.
fn lines(field: &str, settings: &Settings) -> Vec<(String, String)> {
    let lines = settings.tree().get("lines").and_then(|l| l.as_object());
    let named = lines.into_iter().flatten().filter_map(|(n, line)| {
        let account = line.get("account")?.as_str()?;
        Some((format!("{field}.lines.{n}.account"), account.to_owned()))
    });
    named.collect()
}

/// Writes down which accounts the documents of a holder name.
///
/// # Errors
/// `Invalid` with the line's path for an account that does not exist, or is in use and not shared.
pub(crate) async fn refer(tx: &mut Tx, holder: &Holder<'_>, documents: &[(&str, &Settings)]) -> Result<()> {
    forget(tx, holder.noun, &holder.id).await?;
    let mut faults = Faults::default();
    for (field, account) in documents.iter().flat_map(|(field, settings)| lines(field, settings)) {
        match why_not(tx, holder, &account).await? {
            Some(why) => faults.add(field, why),
            None => note(tx, holder, &field, &account).await?,
        }
    }
    faults.done()
}

/// A holder is gone.
pub(crate) async fn forget(tx: &mut Tx, noun: &str, id: &str) -> Result<()> {
    let delete = sqlx::query("DELETE FROM account_uses WHERE noun = $1 AND holder = $2").bind(noun).bind(id);
    delete.execute(&mut tx.conn).await.map(drop).map_err(failed)
}

async fn note(tx: &mut Tx, holder: &Holder<'_>, field: &str, account: &str) -> Result<()> {
    sqlx::query("INSERT INTO account_uses (noun, holder, line, tenant, account) VALUES ($1, $2, $3, $4, $5)")
        .bind(holder.noun)
        .bind(&holder.id)
        .bind(field)
        .bind(holder.tenant.unwrap_or_default())
        .bind(account)
        .execute(&mut tx.conn)
        .await
        .map(drop)
        .map_err(failed)
}

async fn why_not(tx: &mut Tx, holder: &Holder<'_>, account: &str) -> Result<Option<String>> {
    let found = match holder.tenant {
        Some(tenant) => sqlx::query("SELECT shared FROM accounts WHERE name = $1 AND tenant = $2").bind(account).bind(tenant),
        None => sqlx::query("SELECT shared FROM accounts WHERE name = $1 ORDER BY shared LIMIT 1").bind(account),
    };
    let Some(found) = found.fetch_optional(&mut tx.conn).await.map_err(failed)? else {
        let whose = holder.tenant.map_or_else(|| "no tenant has".into(), |t| format!("tenant {t:?} has no"));
        return Ok(Some(format!("{whose} account {account:?}: add it first, or name one that exists")));
    };
    if row::flag(&found, "shared")? {
        return Ok(None);
    }
    if holder.noun != "device" {
        return Ok(Some(format!("every phone under this {} would use account {account:?}: set shared on the account", holder.noun)));
    }
    let used = uses(tx, holder.tenant.unwrap_or_default(), account).await?;
    let in_use = used != AccountUses::default();
    Ok(in_use.then(|| format!("account {account:?} is in use by another line: set shared on the account, or name another")))
}

/// How many lines name an account.
pub(crate) async fn uses(tx: &mut Tx, tenant: &str, account: &str) -> Result<AccountUses> {
    count_uses(&mut tx.conn, tenant, account).await
}

/// The same, on any connection.
pub(crate) async fn count_uses<'c>(
    conn: impl sqlx::Executor<'c, Database = sqlx::Any>,
    tenant: &str,
    account: &str,
) -> Result<AccountUses> {
    let rows = sqlx::query("SELECT noun, COUNT(*) FROM account_uses WHERE account = $1 AND (tenant = $2 OR tenant = '') GROUP BY noun")
        .bind(account)
        .bind(tenant)
        .fetch_all(conn)
        .await
        .map_err(failed)?;
    let mut uses = AccountUses::default();
    for found in &rows {
        let n = found.try_get::<i64, _>(1).map_err(failed)?.cast_unsigned();
        if row::text(found, "noun")? == "device" { uses.devices += n } else { uses.layers += n }
    }
    Ok(uses)
}

/// Some of what names an account, as people know it, for the refusal to delete it.
pub(crate) async fn users(tx: &mut Tx, tenant: &str, account: &str) -> Result<Vec<String>> {
    let rows = sqlx::query(
        "SELECT u.noun AS noun, u.holder AS holder, d.mac AS mac, d.label AS label FROM account_uses u LEFT JOIN devices d ON d.id = u.holder \
         WHERE u.account = $1 AND (u.tenant = $2 OR u.tenant = '') ORDER BY u.noun, u.holder LIMIT $3",
    );
    let rows = rows.bind(account).bind(tenant).bind(SHOWN_USERS).fetch_all(&mut tx.conn).await.map_err(failed)?;
    let configuration = tx.configuration.clone();
    let mut users = Vec::new();
    for found in &rows {
        let (noun, holder) = (row::text(found, "noun")?, row::text(found, "holder")?);
        users.push(match noun.as_str() {
            "device" => device_name(found, &holder)?,
            "profile" => {
                let profile = configuration.profiles().find(|p| p.id.to_string() == holder);
                format!("profile {}", profile.map_or(holder.as_str(), |p| &p.name))
            }
            "tenant" => {
                let tenant = configuration.tenants.values().find(|t| t.id.to_string() == holder);
                format!("tenant {}", tenant.map_or(holder.as_str(), |t| &t.name))
            }
            _ => noun,
        });
    }
    users.dedup();
    Ok(users)
}

/// How many users a refusal names.
pub(crate) const SHOWN_USERS: i64 = 5;

/// `device 00:15:65:aa:bb:cc (Front desk)`, by its id where it has no MAC.
pub(crate) fn device_name(found: &sqlx::any::AnyRow, id: &str) -> Result<String> {
    let mac = crate::device::row::mac(found)?.map_or_else(|| id.to_owned(), |m| m.to_string());
    let label = row::maybe_text(found, "label")?.filter(|l| !l.is_empty()).map(|l| format!(" ({l})")).unwrap_or_default();
    Ok(format!("device {mac}{label}"))
}

/// `a, b and 3 more`.
pub(crate) fn and_more(mut names: Vec<String>, all: u64) -> String {
    let more = all.saturating_sub(names.len() as u64);
    if more > 0 {
        return format!("{} and {more} more", names.join(", "));
    }
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{} and {last}", names.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// An account changed: the files of the devices that use it are made of something else now.
pub(crate) async fn touch_users(tx: &mut Tx, tenant: &str, account: &str) -> Result<()> {
    let users = sqlx::query(
        "SELECT DISTINCT d.id AS id, d.mac AS mac FROM account_uses u JOIN devices d ON d.id = u.holder WHERE u.noun = 'device' AND u.account = $1 AND u.tenant = $2",
    );
    let users = users.bind(account).bind(tenant).fetch_all(&mut tx.conn).await.map_err(failed)?;
    for user in &users {
        let (id, mac) = (row::id(user, "id")?, crate::device::row::mac(user)?);
        let update = sqlx::query("UPDATE devices SET generation = generation + 1 WHERE id = $1").bind(id.to_string());
        update.execute(&mut tx.conn).await.map_err(failed)?;
        tx.changed(What::Device { id, mac, former_mac: None }).await?;
    }
    if uses(tx, tenant, account).await?.layers == 0 {
        return Ok(());
    }
    let configuration = tx.configuration.clone();
    for (set, selector, _) in crate::layers::all(&mut tx.conn).await? {
        let names = |s: &Settings| s.accounts().any(|a| a == account);
        if selector.tenant == tenant && configuration.layers(&selector, None).iter().any(|l| names(l.settings)) {
            let update = sqlx::query("UPDATE devices SET generation = generation + 1 WHERE layer_set = $1").bind(set);
            update.execute(&mut tx.conn).await.map_err(failed)?;
        }
    }
    tx.changed(What::AllDevices).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_say_how_many_more() {
        let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(and_more(names(1), 1), "0");
        assert_eq!(and_more(names(3), 3), "0, 1 and 2");
        assert_eq!(and_more(names(2), 7), "0, 1 and 5 more");
    }
}
