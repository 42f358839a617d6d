//! The audit log: who did what. Writes tell of themselves in the store; what is no write (an order to phones, a look at secrets) is told here.

use offhook_core::{Error, Id, Mac, Result, device::Device};
use offhook_store::Note;
pub use offhook_store::{AuditEntry, AuditFilter, By as Who, FieldChange};

use super::{
    App, Caller,
    page::{Listed, Page},
};

/// What an entry or a version is asked for by: an id, a MAC address in any spelling, or a name.
pub fn about(filter: &mut AuditFilter, key: &str) {
    match (Id::parse(key), Mac::parse(key)) {
        (Some(id), _) => filter.subject = Some(id.to_string()),
        (None, Some(mac)) => filter.name = Some(mac.to_string()),
        (None, None) => filter.name = Some(key.to_owned()),
    }
}

/// One page of the entries that fit, newest first.
pub async fn list(app: &App, filter: &AuditFilter, page: &Page<()>) -> Result<Listed<AuditEntry>> {
    app.store.audit(filter, page).await
}

/// One entry.
pub async fn read(app: &App, key: &str) -> Result<AuditEntry> {
    let found = match Id::parse(key) {
        Some(id) => app.store.audit_entry(id).await?,
        None => None,
    };
    found.ok_or_else(|| Error::not_found("audit entry", key))
}

impl App {
    /// Tells that somebody looks at secrets, before they are shown: what cannot be told is not shown.
    pub(super) async fn revealing(&self, reveal: bool, device: Option<&Device>, what: &str) -> Result<()> {
        if !reveal {
            return Ok(());
        }
        match device {
            Some(device) => self.told_of(device, "reveal", what).await,
            None => {
                let tenant = self.store.reach().only().map(str::to_owned);
                let (noun, name) = tenant.as_ref().map_or(("site", "site"), |tenant| ("tenant", tenant));
                let (subject, name) = (name.to_owned(), name.to_owned());
                self.store.note(Note { action: "reveal", noun, subject, name, tenant, detail: what.to_owned() }).await
            }
        }
    }

    /// Tells that somebody did something with a device that is no write.
    pub(super) async fn told_of(&self, device: &Device, action: &'static str, detail: &str) -> Result<()> {
        let name = device.mac.map(|m| m.to_string()).or_else(|| device.serial.clone()).or_else(|| device.uuid.clone());
        let (subject, name, tenant) = (device.id.to_string(), name.unwrap_or_default(), Some(device.tenant.clone()));
        self.store.note(Note { action, noun: "device", subject, name, tenant, detail: detail.to_owned() }).await
    }

    /// Tells that somebody started long work. Of one tenant when the caller is for one alone.
    pub(super) async fn told_job(&self, who: &Caller, action: &'static str, kind: &str, subject: &str, detail: String) -> Result<()> {
        let tenant = who.tenants.as_ref().filter(|own| own.len() == 1).and_then(|own| own.first().cloned());
        self.store.note(Note { action, noun: "job", subject: kind.to_owned(), name: subject.to_owned(), tenant, detail }).await
    }
}
