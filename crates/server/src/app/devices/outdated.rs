//! Why a device's last fetch is not today's file: what changed since. Told from when each thing was last changed, so it needs no record of
//! its own; what went away (a deleted override, say) leaves no date and is told as unknown.

use offhook_core::{
    Result,
    clock::Timestamp,
    device::{Device, Sync},
};
use offhook_store::selector_of;

use crate::app::App;

/// Something that changed after the last fetch of a device's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `device`, `account`, `profile`, `tenant`, `site`, `template`, `address-map`, `pack`; `unknown` where nothing has a date.
    pub noun: &'static str,
    /// Its name, where it has one.
    pub name: String,
    /// When.
    pub at: Option<Timestamp>,
}

/// What changed since the last fetch, the newest first; nothing for a device that is not outdated.
pub(super) async fn causes(app: &App, device: &Device, sync: Sync) -> Result<Vec<Cause>> {
    let Some(fetch) = device.last_fetch.as_ref().filter(|_| sync == Sync::Outdated) else { return Ok(Vec::new()) };
    let configuration = app.store.configuration();
    let selector = selector_of(device);
    let mut dated: Vec<(&'static str, String, Timestamp)> = Vec::new();
    if fetch.generation != device.generation {
        dated.push(("device", String::new(), device.updated_at));
        let serving = app.store.serving(device.clone(), &configuration).await?;
        dated.extend(serving.accounts.values().map(|a| ("account", a.name.clone(), a.updated_at)));
    }
    if fetch.layers_tag != configuration.layers_tag(&selector) {
        dated.extend(configuration.parts(&selector));
        let own = |pack: &str| selector.pack.as_deref().is_some_and(|p| p.split('@').next() == Some(pack));
        let installed = app.store.installed_packs().await?.into_iter().filter(|p| own(&p.pack));
        dated.extend(installed.map(|p| ("pack", format!("{}@{}", p.pack, p.version), p.installed_at)));
    }
    dated.retain(|(.., at)| *at > fetch.at);
    dated.sort_by(|a, b| (b.2, a.0, &a.1).cmp(&(a.2, b.0, &b.1)));
    dated.dedup();
    if dated.is_empty() {
        return Ok(vec![Cause { noun: "unknown", name: String::new(), at: None }]);
    }
    Ok(dated.into_iter().map(|(noun, name, at)| Cause { noun, name, at: Some(at) }).collect())
}
