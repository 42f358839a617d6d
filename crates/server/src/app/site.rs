//! The site: the one layer under all tenants, and the one above everything.

use offhook_core::{
    Result,
    settings::{Document, Scope, Settings},
    site::Site,
};
use serde_json::{Value, json};

use super::{App, Caller, fields::Fields};

/// Why a token for some tenants has nothing to do with the site.
pub const FOR_ALL: &str = "the site is for every tenant";

/// What the server sets; passed over in a PUT.
const READ_ONLY: &[&str] = &["revision", "updated_at"];

/// The site.
pub fn read(app: &App, who: &Caller) -> Result<Site> {
    who.must_be_of_all(FOR_ALL)?;
    Ok(app.store.configuration().site.clone())
}

/// Puts a whole new site in place of the old one; what is left out is empty.
pub async fn replace(app: &App, who: &Caller, if_match: Option<u64>, document: Value) -> Result<Site> {
    who.may_write()?;
    who.must_be_of_all(FOR_ALL)?;
    app.store
        .update_site(if_match, move |site, _| {
            let mut fields = Fields::of(document)?;
            fields.pass_over(READ_ONLY);
            let settings = fields.settings("settings", Some(&site.settings), Scope::Site);
            let enforced = fields.settings("enforced", Some(&site.enforced), Scope::Site);
            fields.check()?;
            (site.settings, site.enforced) = (settings, enforced);
            Ok(())
        })
        .await
}

/// Changes what the patch names (RFC 7396).
pub async fn patch(app: &App, who: &Caller, if_match: Option<u64>, patch: Value) -> Result<Site> {
    who.may_write()?;
    who.must_be_of_all(FOR_ALL)?;
    app.store
        .update_site(if_match, move |site, _| {
            let mut fields = Fields::of(patch)?;
            let settings = patch_settings(&mut fields, "settings", &site.settings, Scope::Site);
            let enforced = patch_settings(&mut fields, "enforced", &site.enforced, Scope::Site);
            fields.check()?;
            (site.settings, site.enforced) = (settings, enforced);
            Ok(())
        })
        .await
}

/// As an earlier version was.
pub(super) fn restore(site: &mut Site, old: &Site) -> Result<()> {
    let mut fields = Fields::of(json!({ "settings": old.settings.tree(), "enforced": old.enforced.tree() }))?;
    let settings = fields.settings("settings", None, Scope::Site);
    let enforced = fields.settings("enforced", None, Scope::Site);
    fields.check()?;
    (site.settings, site.enforced) = (settings, enforced);
    Ok(())
}

/// A settings document as a patch leaves it: untouched when the patch does not name it, empty when it says `null`.
pub(super) fn patch_settings(fields: &mut Fields, name: &'static str, old: &Settings, scope: Scope) -> Settings {
    match fields.take(name) {
        None => old.clone(),
        Some(Value::Null) => Document::default(),
        Some(patch) => {
            let patched = old.patch(&patch, scope);
            fields.settings_result(name, patched)
        }
    }
}
