//! What things were before: their versions, what each changed, and bringing one back. A version comes back by the way of a `PUT`, so that
//! nothing comes back that could not be written today.

use offhook_core::{
    Error, Id, Mac, Result,
    device::{Device, State},
    template::Scope,
};
pub use offhook_store::{Deleted, DeletedFilter, FieldChange, Noun, Thing, Version};

use super::{
    App, Caller, accounts, devices,
    page::{Listed, Page},
    profiles, site,
    templates::{self, Refused},
    tenants,
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is.
    pub noun: Noun,
    /// Id or name; MAC address of a device, `scope/pack/name` of a template; anything for the site.
    pub key: String,
    /// The tenant that owns the one of that name.
    pub tenant: Option<String>,
}

/// A version, and what it differs in from another one.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The version.
    pub version: Version,
    /// What it is compared with; none: with nothing, it is the first.
    pub against: Option<u64>,
    /// The differences.
    pub changes: Vec<FieldChange>,
    /// Of a template: the texts beside each other.
    pub diff: Option<String>,
}

impl Shown {
    /// What it is a version of.
    pub fn noun(&self) -> Noun {
        self.version.thing.noun()
    }
}

impl Subject {
    /// Of a noun.
    pub fn of(noun: Noun, key: impl Into<String>, tenant: Option<String>) -> Self {
        Self { noun, key: key.into(), tenant }
    }

    /// A template override.
    pub fn template(scope: &Scope, pack: &str, name: &str) -> Self {
        Self::of(Noun::Template, format!("{scope}/{pack}/{name}"), None)
    }

    fn not_found(&self) -> Error {
        Error::not_found(self.noun.as_str(), &self.key)
    }

    /// The id of what is there; none: nothing is.
    async fn present(&self, app: &App) -> Result<Option<String>> {
        let tenant = self.tenant.as_deref();
        let found = match self.noun {
            Noun::Site => Ok("site".to_owned()),
            Noun::Device => match devices::find(app, &self.key).await {
                Ok(device) if self.is_the_phone_of_a_deleted_one(app, &device).await? => Err(self.not_found()),
                found => found.map(|d| d.id.to_string()),
            },
            Noun::Profile => profiles::read(app, &self.key, tenant).map(|p| p.id.to_string()),
            Noun::Account => accounts::read(app, &self.key, tenant).await.map(|a| a.id.to_string()),
            Noun::Tenant => tenants::read(app, &self.key).map(|t| t.id.to_string()),
            Noun::Template => self.override_id(app).ok_or_else(|| self.not_found()),
        };
        match found {
            Ok(id) => Ok(Some(id)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The phone of a deleted device goes on asking, and comes as an unknown one that nobody touched: by its address the deleted one is meant.
    async fn is_the_phone_of_a_deleted_one(&self, app: &App, device: &Device) -> Result<bool> {
        let untouched = device.state == State::Pending && device.revision == 1;
        Ok(untouched && Id::parse(&self.key).is_none() && self.deleted(app).await.is_ok())
    }

    fn override_id(&self, app: &App) -> Option<String> {
        let configuration = app.store.configuration();
        if let Some(id) = Id::parse(&self.key) {
            return configuration.templates.get(id).map(|o| o.id.to_string());
        }
        let (scope, rest) = self.key.split_once('/')?;
        let (pack, name) = rest.split_once('/')?;
        configuration.templates.find(&Scope::parse(scope)?, pack, name).map(|o| o.id.to_string())
    }

    /// The one that was deleted last, when nothing is there.
    async fn deleted(&self, app: &App) -> Result<Deleted> {
        let key = match self.noun {
            Noun::Device => Mac::parse(&self.key).map_or_else(|| self.key.clone(), |m| m.to_string()),
            Noun::Template => self.key.to_lowercase(),
            _ => self.key.clone(),
        };
        let found = app.store.deleted_named(self.noun, &key, self.tenant.as_deref()).await?;
        found.ok_or_else(|| self.not_found())
    }

    /// The id of what is there, else of what was deleted last.
    async fn id(&self, app: &App) -> Result<String> {
        match self.present(app).await? {
            Some(id) => Ok(id),
            None => Ok(self.deleted(app).await?.id),
        }
    }
}

/// Versions of a thing, newest first, each with what it changed; and where the next page begins. `below`: only lesser revisions.
pub async fn list(app: &App, subject: &Subject, below: Option<u64>, limit: u32) -> Result<(Vec<Shown>, Option<u64>)> {
    let id = subject.id(app).await?;
    let mut versions = app.store.versions(subject.noun, &id, below, limit).await?;
    if versions.is_empty() && below.is_none() {
        return Err(subject.not_found());
    }
    let earlier: Vec<Option<Version>> = (1..=versions.len()).map(|i| versions.get(i).cloned()).collect();
    let limit = limit as usize;
    let next = (versions.len() > limit).then(|| versions.get(limit - 1).map(|v| v.thing.revision())).flatten();
    versions.truncate(limit);
    let shown = |(version, before): (Version, Option<Version>)| {
        let before = before.map(|v| v.thing);
        let (changes, diff) = between(app, before.as_ref(), Some(&version.thing));
        Shown { version, against: before.map(|b| b.revision()), changes, diff }
    };
    Ok((versions.into_iter().zip(earlier).map(shown).collect(), next))
}

/// One version, and how it differs from another: what has to be done to that one to get this. `against`: its revision; else what is there now.
pub async fn read(app: &App, subject: &Subject, revision: u64, against: Option<u64>) -> Result<Shown> {
    let id = subject.id(app).await?;
    let version = version(app, subject, &id, revision).await?;
    let other = match against {
        Some(other) => Some(self::version(app, subject, &id, other).await?.thing),
        None => app.store.present(subject.noun, &id).await?,
    };
    let (changes, diff) = between(app, other.as_ref(), Some(&version.thing));
    Ok(Shown { version, against: other.map(|o| o.revision()), changes, diff })
}

async fn version(app: &App, subject: &Subject, id: &str, revision: u64) -> Result<Version> {
    let found = app.store.version(subject.noun, id, revision).await?;
    found.ok_or_else(|| Error::not_found("version", revision))
}

fn between(app: &App, before: Option<&Thing>, after: Option<&Thing>) -> (Vec<FieldChange>, Option<String>) {
    let catalog = app.pipeline.catalog();
    let mut changes = offhook_store::changes(before, after, catalog.raw_secrets());
    let texts = [before, after].into_iter().flatten().any(|t| matches!(t, Thing::Template(_)));
    let diff = texts.then(|| {
        changes.retain(|c| c.path != "source");
        let source = |thing: Option<&Thing>| match thing {
            Some(Thing::Template(one)) => (one.source.clone(), format!("{} revision {}", one.shown(), one.revision)),
            _ => (String::new(), "nothing".to_owned()),
        };
        let ((old, old_name), (new, new_name)) = (source(before), source(after));
        templates::unified(&old, &new, (&old_name, &new_name))
    });
    (changes, diff)
}

/// Brings a version back as a new revision, also of what was deleted; without a revision: of what was deleted the last one, else the one
/// before the present. Gives what is there now.
pub async fn restore(app: &App, who: &Caller, subject: &Subject, revision: Option<u64>, if_match: Option<u64>) -> Result<Shown, Refused> {
    who.may_write()?;
    let present = subject.present(app).await?;
    let gone = if present.is_none() { Some(subject.deleted(app).await?) } else { None };
    if let (Some(gone), Some(wanted)) = (&gone, if_match)
        && gone.revision != wanted
    {
        return Err(Error::Stale { revision: gone.revision }.into());
    }
    let id = present.or_else(|| gone.as_ref().map(|g| g.id.clone())).ok_or_else(|| subject.not_found())?;
    let revision = match (revision, &gone) {
        (Some(revision), _) => revision,
        (None, Some(gone)) => gone.revision,
        (None, None) => before_present(app, subject, &id).await?,
    };
    let version = version(app, subject, &id, revision).await?;
    let app = App { store: app.store.restoring(revision), ..app.clone() };
    put_back(&app, who, version.thing, gone.is_some(), if_match).await?;
    let now = if who.dry_run { None } else { app.store.present(subject.noun, &id).await? };
    let now = now.map_or(revision, |thing| thing.revision());
    // By its id: name and address may be others now.
    Ok(read(&app, &Subject::of(subject.noun, id, None), now, Some(revision)).await?)
}

async fn before_present(app: &App, subject: &Subject, id: &str) -> Result<u64> {
    let versions = app.store.versions(subject.noun, id, None, 2).await?;
    let before = versions.iter().find(|v| !v.present).map(|v| v.thing.revision());
    before.ok_or_else(|| Error::Conflict(format!("the {} {:?} has no earlier version", subject.noun.as_str(), subject.key)))
}

async fn put_back(app: &App, who: &Caller, thing: Thing, gone: bool, if_match: Option<u64>) -> Result<(), Refused> {
    let store = &app.store;
    match thing {
        Thing::Device(old) => {
            let reader = devices::Reader::of(app);
            let id = old.id;
            if gone {
                store.revive_device(id, move |device, _| reader.restore(device, &old, true)).await?;
            } else {
                store.update_device(id, if_match, move |device, _| reader.restore(device, &old, false)).await?;
            }
        }
        Thing::Profile(old) => {
            let id = old.id;
            if gone {
                store.revive_profile(id, move |profile, _| profiles::restore(profile, &old)).await?;
            } else {
                store.update_profile(id, if_match, move |profile, _| profiles::restore(profile, &old)).await?;
            }
        }
        Thing::Account(old) => {
            let id = old.id;
            if gone {
                store.revive_account(id, move |account, _| accounts::restore(account, &old)).await?;
            } else {
                store.update_account(id, if_match, move |account, _| accounts::restore(account, &old)).await?;
            }
        }
        Thing::Tenant(old) => {
            let (id, name) = (old.id, old.name.clone());
            if gone {
                store.revive_tenant(id, move |tenant, _| tenants::restore(tenant, &old)).await?;
            } else {
                store.update_tenant(&name, if_match, move |tenant, _| tenants::restore(tenant, &old)).await?;
            }
        }
        Thing::Site(old) => {
            store.update_site(if_match, move |site, _| site::restore(site, &old)).await?;
        }
        Thing::Template(old) => {
            let change = templates::Change {
                scope: old.scope,
                pack: old.pack,
                name: old.name,
                source: Some(old.source),
                revision: if gone { Some(0) } else { if_match },
                base_version: None,
                base: Some((old.base_version, old.base_source)),
            };
            templates::apply(app, who, vec![change]).await?;
        }
    }
    Ok(())
}

/// One page of what was deleted and can be brought back, what went last first.
pub async fn deleted(app: &App, filter: &DeletedFilter, page: &Page<()>) -> Result<Listed<Deleted>> {
    app.store.deleted(filter, page).await
}
