//! Template overrides. Reading them is reading [`crate::Store::configuration`], field `templates`.

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    configuration::Configuration,
    template::{Scope, TemplateOverride, TemplateSet},
};
use sqlx::AnyConnection;

use crate::{
    Store, What,
    database::failed,
    history,
    kept::Kept,
    row,
    text::{Faults, check_revision},
    writer::Tx,
};

/// Greatest size of one override, in bytes.
const LONGEST: usize = 512 << 10;
/// So many one scope may have over all packs.
const MOST: usize = 10_000;

/// What is saved as an override: made when its scope and pack have none of that name, else put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTemplate {
    /// For whom.
    pub scope: Scope,
    /// Id of the pack, without version.
    pub pack: String,
    /// Name of the template.
    pub name: String,
    /// The template.
    pub source: String,
    /// Whether the name is that of one device's file.
    pub device_file: bool,
    /// The devices whose file it is, where it is one's: they are outdated from now on. For all other overrides the tag of the layers
    /// says so.
    pub devices: Vec<Id>,
    /// Version of the pack that it was made for.
    pub base_version: Option<String>,
    /// The pack's template of that name in that version.
    pub base_source: Option<String>,
    /// Who writes.
    pub author: String,
}

impl Store {
    /// Saves an override. `if_match`: the revision that was read; 0 when there must be none yet; none when it does not matter. Saving what
    /// is stored already changes nothing.
    ///
    /// # Errors
    /// `Stale`; `Invalid` with fields for a name, tenant or source that cannot be; `Full` when the scope has too many.
    pub async fn put_template(&self, new: NewTemplate, if_match: Option<u64>) -> Result<TemplateOverride> {
        self.write(move |tx| put(tx, new, if_match).boxed()).await
    }

    /// Saves several at once, all or none, each as [`Store::put_template`] does. In the order given.
    ///
    /// # Errors
    /// As [`Store::put_template`].
    pub async fn put_templates(&self, new: Vec<(NewTemplate, Option<u64>)>) -> Result<Vec<TemplateOverride>> {
        self.write(move |tx| put_all(tx, new).boxed()).await
    }

    /// Saves and deletes several at once, all or none, each as [`Store::put_template`] and [`Store::delete_template`] do. Answers what is
    /// saved, in the order given.
    ///
    /// # Errors
    /// As those.
    pub async fn change_templates(
        &self,
        puts: Vec<(NewTemplate, Option<u64>)>,
        deletes: Vec<(Id, Option<u64>, Vec<Id>)>,
    ) -> Result<Vec<TemplateOverride>> {
        self.write(move |tx| change(tx, puts, deletes).boxed()).await
    }

    /// Deletes an override. `devices`: as in [`NewTemplate`].
    ///
    /// # Errors
    /// `NotFound`; `Stale`.
    pub async fn delete_template(&self, id: Id, if_match: Option<u64>, devices: Vec<Id>) -> Result<()> {
        self.write(move |tx| delete(tx, id, if_match, devices).boxed()).await
    }
}

async fn put_all(tx: &mut Tx, new: Vec<(NewTemplate, Option<u64>)>) -> Result<Vec<TemplateOverride>> {
    let mut saved = Vec::with_capacity(new.len());
    for (one, if_match) in new {
        saved.push(put(tx, one, if_match).await?);
    }
    Ok(saved)
}

async fn change(
    tx: &mut Tx,
    puts: Vec<(NewTemplate, Option<u64>)>,
    deletes: Vec<(Id, Option<u64>, Vec<Id>)>,
) -> Result<Vec<TemplateOverride>> {
    for (id, if_match, devices) in deletes {
        delete(tx, id, if_match, devices).await?;
    }
    put_all(tx, puts).await
}

async fn put(tx: &mut Tx, new: NewTemplate, if_match: Option<u64>) -> Result<TemplateOverride> {
    if new.scope == Scope::Site {
        tx.reach.may_write_in(None)?;
    }
    check(&new, tx)?;
    let templates = tx.configuration.templates.clone();
    let old = templates.find(&new.scope, &new.pack, &new.name);
    check_revision(if_match, old.map_or(0, |o| o.revision))?;
    if old.is_none() && templates.iter().filter(|o| o.scope == new.scope).count() >= MOST {
        return Err(Error::Full(format!("{} has {MOST} template overrides already: delete some first", new.scope)));
    }
    let brings_back = old.is_none() && tx.author.as_ref().is_some_and(|a| a.restores.is_some());
    let back = if brings_back { history::last_template(tx, &new.scope, &new.pack, &new.name).await? } else { None };
    let mut one = TemplateOverride {
        id: old.map(|o| o.id).or(back.as_ref().map(|b| b.id)).unwrap_or_else(|| tx.new_id()),
        scope: new.scope,
        pack: new.pack,
        name: new.name,
        source: new.source,
        device_file: new.device_file,
        base_version: new.base_version,
        base_source: new.base_source,
        author: new.author,
        revision: old.map(|o| o.revision).or(back.as_ref().map(|b| b.revision + 1)).unwrap_or(1),
        created_at: old.map(|o| o.created_at).or(back.as_ref().map(|b| b.created_at)).unwrap_or(tx.now),
        updated_at: old.map_or(tx.now, |o| o.updated_at),
    };
    if let Some(old) = old {
        let same = TemplateOverride { author: old.author.clone(), ..one.clone() };
        if same == **old {
            return Ok(same);
        }
        (one.revision, one.updated_at) = (old.revision + 1, tx.now);
    }
    write(tx, &one).await?;
    outdate(tx, &new.devices).await?;
    configure(tx, templates.with(one.clone())).await?;
    if back.is_some() {
        history::is_back(tx, &one.id.to_string()).await?;
    }
    tx.wrote(old.map(|o| &**o as &dyn Kept), Some(&one)).await?;
    Ok(one)
}

async fn delete(tx: &mut Tx, id: Id, if_match: Option<u64>, devices: Vec<Id>) -> Result<()> {
    let templates = tx.configuration.templates.clone();
    let old = templates.get(id).ok_or_else(|| Error::not_found("template override", id))?;
    tx.must_own("template override", id, old.scope.tenant())?;
    check_revision(if_match, old.revision)?;
    sqlx::query("DELETE FROM templates WHERE id = $1").bind(id.to_string()).execute(&mut tx.conn).await.map_err(failed)?;
    outdate(tx, &devices).await?;
    configure(tx, templates.without(id)).await?;
    tx.wrote(Some(&**old), None).await
}

async fn configure(tx: &mut Tx, templates: TemplateSet) -> Result<()> {
    let configuration = Configuration::clone(&tx.configuration).with_templates(templates);
    tx.configure(configuration).await
}

/// The file of these devices is made of something else now.
async fn outdate(tx: &mut Tx, devices: &[Id]) -> Result<()> {
    for id in devices {
        let update = sqlx::query("UPDATE devices SET generation = generation + 1 WHERE id = $1 RETURNING mac").bind(id.to_string());
        if let Some(found) = update.fetch_optional(&mut tx.conn).await.map_err(failed)? {
            let mac = crate::device::row::mac(&found)?;
            tx.changed(What::Device { id: *id, mac, former_mac: None }).await?;
        }
    }
    Ok(())
}

fn check(new: &NewTemplate, tx: &Tx) -> Result<()> {
    let mut faults = Faults::default();
    if let Some(tenant) = new.scope.tenant().filter(|t| !tx.has_tenant(t)) {
        faults.add("scope", format!("there is no tenant {tenant:?}"));
    }
    if new.pack.is_empty() || new.pack.contains('@') {
        faults.add("pack", "is the id of a pack, without version");
    }
    faults.text("name", &new.name);
    let bad = |part: &str| part.is_empty() || part.trim() != part || part == "." || part == "..";
    if new.name.starts_with('@') || new.name.contains('\\') || new.name.split('/').any(bad) {
        faults.add(
            "name",
            "is a template's name as base.tpl, T46S.tpl or 00085D2EECFB.cfg.tpl: it does not start with @ and has no empty, . or .. part",
        );
    }
    if new.source.len() > LONGEST {
        faults.add("source", format!("is longer than {LONGEST} bytes"));
    }
    // PostgreSQL takes it in no text.
    if new.source.contains('\0') {
        faults.add("source", "holds the character U+0000; a template is text");
    }
    faults.text("author", &new.author);
    faults.done()
}

async fn write(tx: &mut Tx, one: &TemplateOverride) -> Result<()> {
    sqlx::query(
        "INSERT INTO templates (id, scope, pack, name, name_key, source, device_file, base_version, base_source, author, revision, created_at, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
         source = excluded.source, device_file = excluded.device_file, base_version = excluded.base_version, \
         base_source = excluded.base_source, author = excluded.author, revision = excluded.revision, updated_at = excluded.updated_at",
    )
    .bind(one.id.to_string())
    .bind(one.scope.to_string())
    .bind(&one.pack)
    .bind(&one.name)
    .bind(one.name.to_lowercase())
    .bind(&one.source)
    .bind(i64::from(one.device_file))
    .bind(&one.base_version)
    .bind(&one.base_source)
    .bind(&one.author)
    .bind(one.revision.cast_signed())
    .bind(one.created_at.as_millis())
    .bind(one.updated_at.as_millis())
    .execute(&mut tx.conn)
    .await
    .map(drop)
    .map_err(failed)
}

/// All overrides.
pub(crate) async fn load(conn: &mut AnyConnection) -> Result<TemplateSet> {
    let rows = sqlx::query(
        "SELECT id, scope, pack, name, source, device_file, base_version, base_source, author, revision, created_at, updated_at FROM templates",
    );
    let rows = rows.fetch_all(conn).await.map_err(failed)?;
    let read = |r| {
        Ok(TemplateOverride {
            id: row::id(r, "id")?,
            scope: Scope::parse(&row::text(r, "scope")?).ok_or_else(|| row::unreadable("scope", "no scope"))?,
            pack: row::text(r, "pack")?,
            name: row::text(r, "name")?,
            source: row::text(r, "source")?,
            device_file: row::flag(r, "device_file")?,
            base_version: row::maybe_text(r, "base_version")?,
            base_source: row::maybe_text(r, "base_source")?,
            author: row::text(r, "author")?,
            revision: row::number(r, "revision")?,
            created_at: row::time(r, "created_at")?,
            updated_at: row::time(r, "updated_at")?,
        })
    };
    rows.iter().map(read).collect::<Result<Vec<_>>>().map(TemplateSet::new)
}
