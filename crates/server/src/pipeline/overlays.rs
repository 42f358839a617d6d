//! What lies over a pack's templates for one tenant, kept for as long as the overrides stay what they are.

use std::sync::Arc;

use offhook_core::{Id, configuration::Configuration, template::Scope};
use offhook_packs::{Overlay, Pack};
use quick_cache::sync::Cache;

/// So many are kept; a compiled pack weighs some hundred kilobytes, of which an overlay shares all but what it changes.
const KEPT: usize = 256;

/// A pack of one loading, for one tenant. No tenant: one without overrides of its own, of which there may be many.
type Place = (String, String, u64, Option<String>);

/// The overrides that an overlay was made of, each with its revision.
type Made = Vec<(Id, u64)>;

/// The overlays in use.
pub(super) struct Overlays {
    /// By epoch of the configuration: what is asked for at each rendering.
    now: Cache<(u64, Place), Option<Arc<Overlay>>>,
    /// By the overrides themselves: other changes of the configuration leave them as they are.
    made: Cache<(Made, Place), Arc<Overlay>>,
}

impl Overlays {
    pub fn new() -> Self {
        Self { now: Cache::new(KEPT), made: Cache::new(KEPT) }
    }

    /// What lies over a pack for a tenant's phones; none when nothing does. `packs`: the number of the loading of the packs.
    pub fn over(&self, configuration: &Configuration, packs: u64, pack: &Pack, tenant: &str) -> Option<Arc<Overlay>> {
        let templates = &configuration.templates;
        if templates.is_empty() {
            return None;
        }
        let place = (pack.id().to_owned(), pack.version().to_owned(), packs, Some(tenant.to_owned()));
        let key = (configuration.epoch, place);
        if let Some(held) = self.now.get(&key) {
            return held;
        }
        let own = templates.of(&Scope::Tenant(tenant.to_owned()), pack.id()).next().is_some();
        let place = (key.1.0.clone(), key.1.1.clone(), packs, own.then(|| tenant.to_owned()));
        let of: Vec<_> = templates.over(tenant, pack.id()).map(|o| (o.id, o.revision)).collect();
        let overlay = (!of.is_empty()).then(|| {
            let made = || Overlay::new(pack, tenant, templates).map(Arc::new).ok_or(());
            self.made.get_or_insert_with(&(of, place), made).ok()
        });
        let overlay = overlay.flatten();
        self.now.insert(key, overlay.clone());
        overlay
    }
}
