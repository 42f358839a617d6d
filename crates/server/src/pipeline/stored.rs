//! Stored things in files of phones: what of assets and phone books a tenant's files may refer to, and assets as each model takes them.
//! What was made of an asset is kept by what it was made of.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use offhook_core::{configuration::LayerSelector, trace::Reason};
use offhook_packs::{
    AssetFacts, AssetPlan, Pack, RenderError, RenderInput, Resources, Route, ServerFacts,
    picture::{self, PictureTarget},
};
use offhook_store::{Library, Serving, Store};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::Semaphore;

use super::{
    Inner, Moment, compose,
    render::{self, Made, OnShelf},
};

/// Assets in memory, in bytes.
const CACHE: u64 = 64 << 20;
/// Pictures that are made at once: each may need a hundred megabytes for a moment.
const AT_ONCE: usize = 2;
/// How many tenants' views are held.
const VIEWS: usize = 1024;

/// What an asset's bytes are made of: their sum and what is made of them.
type Key = (String, Option<PictureTarget>);

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Bytes> for ByBytes {
    fn weight(&self, _: &Key, bytes: &Bytes) -> u64 {
        1024 + bytes.len() as u64
    }
}

/// Views of the library and made assets.
pub struct Stored {
    views: Cache<(u64, String), Arc<Resources>>,
    made: Cache<Key, Bytes, ByBytes>,
    work: Semaphore,
    /// The number under which views were last made.
    number: RwLock<u64>,
}

impl Stored {
    /// Empty.
    pub fn new() -> Self {
        Self {
            views: Cache::new(VIEWS),
            made: Cache::with_weighter(256, CACHE, ByBytes),
            work: Semaphore::new(AT_ONCE),
            number: RwLock::default(),
        }
    }

    /// What a tenant's files may refer to: its own things over the global ones. `number` counts the changes of the library.
    pub fn resources(&self, library: &Library, number: u64, tenant: &str) -> Arc<Resources> {
        let key = (number, tenant.to_owned());
        if let Some(view) = self.views.get(&key) {
            return view;
        }
        // Views of what was hold phone books that are gone.
        let mut last = self.number.write().unwrap_or_else(PoisonError::into_inner);
        if *last < number {
            self.views.clear();
            *last = number;
        }
        drop(last);
        let view = Arc::new(view(library, tenant));
        self.views.insert(key, view.clone());
        view
    }

    /// The bytes of a plan.
    async fn bytes(&self, store: &Store, plan: &AssetPlan) -> Result<Bytes, Reason> {
        let key = (plan.asset.sha256.clone(), plan.picture);
        let bytes = self.made.get_or_insert_async(&key, self.make(store, plan)).await?;
        match plan.max_bytes {
            Some(most) if bytes.len() as u64 > most => {
                let why = format!("{:?} has {} bytes as this model takes it; allowed are {most}", plan.asset.name, bytes.len());
                Err(Reason::AssetUnusable { why })
            }
            _ => Ok(bytes),
        }
    }

    async fn make(&self, store: &Store, plan: &AssetPlan) -> Result<Bytes, Reason> {
        let name = &plan.asset.name;
        let stored = match store.open_asset(name, &plan.asset.sha256, plan.asset.size).await {
            Ok(file) => super::render::read_whole(file, plan.asset.size).await,
            Err(error) => Err(error),
        };
        let stored = stored.map_err(|error| {
            tracing::error!(%error, name, "a stored asset cannot be read");
            Reason::StoreUnavailable
        })?;
        let Some(target) = plan.picture else { return Ok(stored.into()) };
        let _permit = self.work.acquire().await.map_err(|_| Reason::Overloaded)?;
        let made = tokio::task::spawn_blocking(move || picture::convert(&stored, &target)).await;
        let made = made.unwrap_or_else(|_| Err("the conversion broke off".to_owned()));
        made.map(Bytes::from).map_err(|why| Reason::AssetUnusable { why: format!("{name:?} {why}") })
    }
}

fn view(library: &Library, tenant: &str) -> Resources {
    let mut view = Resources::default();
    // The global ones come first: what is added later takes the name.
    let seen = |of: &Option<String>| of.as_deref().is_none_or(|t| t == tenant);
    for asset in library.assets().filter(|a| seen(&a.tenant)) {
        let (name, sha256) = (asset.name.clone(), asset.sha256.clone());
        view.add_asset(AssetFacts { name, kind: asset.kind, size: asset.size, sha256 });
    }
    for book in library.phonebooks().filter(|b| seen(&b.tenant)) {
        view.add_phonebook(book.clone());
    }
    view
}

impl Moment {
    /// What a tenant's files may refer to.
    pub(super) fn resources(&self, stored: &Stored, tenant: &str) -> Arc<Resources> {
        stored.resources(&self.library, self.numbers.2, tenant)
    }
}

impl Inner {
    /// The assets and phone books that a device's settings lead to.
    pub(super) fn referenced(&self, moment: &Moment, serving: &Serving, pack: &Arc<Pack>, server: &ServerFacts) -> Vec<Route> {
        let composed = compose::of_device(&moment.configuration, serving, pack, server, &self.generate_key);
        let resources = moment.resources(&self.stored, &serving.device.tenant);
        pack.referenced(&render::device_facts(serving), &composed.effective, &resources)
    }

    /// The file of an asset. One whose path does not name the asset is the asking device's own, where there is one.
    pub(super) async fn asset(
        &self,
        route: &Route,
        serving: Option<&Serving>,
        requester: LayerSelector,
        (moment, server): (&Moment, &ServerFacts),
    ) -> Result<Made, Reason> {
        let serving = serving.filter(|_| route.asset.is_none());
        let selector = if serving.is_some() { requester } else { compose::family(route, requester) };
        let resources = moment.resources(&self.stored, &selector.tenant);
        let plan = self.plan(route, serving, &selector, (moment, server), &resources)?;
        let bytes = self.stored.bytes(&self.store, &plan).await?;
        let owner = format!(
            "{} {} {} {}",
            selector.tenant,
            route.pack.id(),
            route.path,
            serving.map_or(String::new(), |s| s.device.id.to_string())
        );
        let changed = render::newest(None, self.shared_change(), &*self.clock);
        let file = self.files.file(&owner, bytes, &plan.content_type, changed);
        Ok(Made { template: plan.asset.name, file, notes: Vec::new(), layers: Vec::new(), layers_tag: 0, firmware: None })
    }

    fn plan(
        &self,
        route: &Route,
        serving: Option<&Serving>,
        selector: &LayerSelector,
        (moment, server): (&Moment, &ServerFacts),
        resources: &Arc<Resources>,
    ) -> Result<AssetPlan, Reason> {
        let composed = match serving {
            Some(serving) => compose::of_device(&moment.configuration, serving, &route.pack, server, &self.generate_key),
            None => compose::of_family(&moment.configuration, selector, &route.pack, server),
        };
        let facts = serving.map_or_else(|| super::make::family_facts(selector), render::device_facts);
        let names = moment.configuration.address_maps.names(&selector.tenant);
        let input = RenderInput {
            device: &facts,
            tenant: &selector.tenant,
            server: &server.named(names),
            settings: &composed.effective,
            shelf: &OnShelf(&moment.shelf),
            resources,
            encryption_key: None,
            names,
            overlay: None,
        };
        match route.pack.render(route, &input) {
            Err(RenderError::Asset(plan)) => Ok(*plan),
            Err(RenderError::AssetUnusable(why)) => Err(Reason::AssetUnusable { why }),
            _ => Err(render::absent(route, resources)),
        }
    }
}
