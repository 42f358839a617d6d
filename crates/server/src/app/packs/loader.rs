//! From sources to the packs in use: the program's own, those of the folder and those of the store. Replacing them is one step for
//! phones: a request that is under way keeps what it began with.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use offhook_core::{Error, Result};
use offhook_packs::{Catalog, PackFault, Package, Sources};
use offhook_store::Store;

use super::index::Remembered;
use crate::pipeline::Pipeline;

/// Loads packs. A cheap clone.
#[derive(Clone)]
pub struct PackLoader(Arc<Inner>);

struct Inner {
    store: Store,
    folder: RwLock<PathBuf>,
    /// Unpacked archives by their SHA-256.
    unpacked: Mutex<HashMap<String, Arc<Package>>>,
    /// One change of the packs at a time.
    turn: tokio::sync::Mutex<()>,
    /// Of the index that was taken last.
    index: tokio::sync::Mutex<Remembered>,
}

impl PackLoader {
    /// Of a store and a folder, which need not exist.
    pub fn new(store: Store, folder: PathBuf) -> Self {
        let (unpacked, turn, index) = (Mutex::default(), tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { store, folder: RwLock::new(folder), unpacked, turn, index }))
    }

    /// Another folder from the next loading on.
    pub fn set_folder(&self, folder: PathBuf) {
        *self.0.folder.write().unwrap_or_else(PoisonError::into_inner) = folder;
    }

    /// Keeps others from changing the packs until it is dropped.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }

    pub(super) async fn remembered_index(&self) -> tokio::sync::MutexGuard<'_, Remembered> {
        self.0.index.lock().await
    }

    /// The packs of all sources, with what is wrong with those that are left out.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    pub async fn load(&self, previous: Option<Arc<Catalog>>) -> Result<(Catalog, Vec<PackFault>)> {
        self.load_with(previous, Change::default()).await
    }

    /// The same after a change that is not made yet.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_with(&self, previous: Option<Arc<Catalog>>, change: Change) -> Result<(Catalog, Vec<PackFault>)> {
        let mut faults = Vec::new();
        let mut installed = Vec::new();
        for row in self.0.store.installed_packs().await? {
            if change.drops(&row.pack, &row.version) {
                continue;
            }
            let held = self.0.unpacked.lock().unwrap_or_else(PoisonError::into_inner).get(&row.sha256).cloned();
            if let Some(package) = held {
                installed.push(package);
                continue;
            }
            let Some(archive) = self.0.store.pack_archive(&row).await? else { continue };
            match blocking(move || Package::read(&archive)).await? {
                Ok(package) => {
                    let package = Arc::new(package);
                    self.0.unpacked.lock().unwrap_or_else(PoisonError::into_inner).insert(row.sha256, package.clone());
                    installed.push(package);
                }
                Err(list) => faults.extend(list),
            }
        }
        installed.extend(change.add);
        let mut removed = self.0.store.removed_packs().await?;
        removed.extend(change.remove_built_in);
        if let Some(id) = change.restore {
            removed.remove(&id);
        }
        let folder = self.0.folder.read().unwrap_or_else(PoisonError::into_inner).clone();
        let (catalog, more) = blocking(move || {
            let previous = previous.as_deref();
            Catalog::of_sources(&Sources { folder: Some(&folder), installed: &installed, removed: Some(&removed), previous })
        })
        .await?;
        faults.extend(more);
        Ok((catalog, faults))
    }

    /// Loads, and makes it what phones get from the next request on.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn reload(&self, pipeline: &Pipeline) -> Result<()> {
        let (catalog, faults) = self.load(Some(pipeline.catalog())).await?;
        tell(&faults);
        self.put_in_use(pipeline, catalog).await
    }

    async fn put_in_use(&self, pipeline: &Pipeline, catalog: Catalog) -> Result<()> {
        let (secrets, digests) = (catalog.raw_secrets().clone(), catalog.digests());
        // First what files are made of, then the tag that says so: a device may seem outdated for a moment, never current.
        pipeline.set_catalog(catalog);
        self.0.store.use_packs(secrets, digests).await
    }
}

/// A change of the packs that is looked at before it is made.
#[derive(Debug, Default)]
pub struct Change {
    /// One more.
    pub add: Option<Arc<Package>>,
    /// A pack, in one version or all, less.
    pub drop: Option<(String, Option<String>)>,
    /// A built-in one less.
    pub remove_built_in: Option<String>,
    /// A removed built-in one again.
    pub restore: Option<String>,
}

impl Change {
    fn drops(&self, pack: &str, version: &str) -> bool {
        let replaced = self.add.as_ref().is_some_and(|p| p.id() == pack && p.version() == version);
        replaced || self.drop.as_ref().is_some_and(|(id, v)| id == pack && v.as_deref().is_none_or(|v| v == version))
    }
}

/// Faults into the log.
pub fn tell(faults: &[PackFault]) {
    for fault in faults {
        tracing::error!(%fault, "a pack, or a part of it, is left out");
    }
}

/// Work that takes the processor for long, away from the threads that answer phones.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal(format!("work on packs broke off: {e}")))
}
