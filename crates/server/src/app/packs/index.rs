//! The signed index: fetched, its signature and age looked at, what it offers, and what of it is remembered.

use std::{sync::Arc, time::Duration};

use offhook_core::{
    Error, Result,
    clock::Timestamp,
    pack::{PackKey, compare_pack_versions},
};

use offhook_packs::firmware::FirmwareEntry;

use super::super::App;
use crate::{
    fetch::{FetchLimits, fetch},
    index::{Index, IndexPack},
};

/// Most bytes of an index.
const INDEX: u64 = 8 << 20;
/// Lists read the index again only after this.
const FRESH: Duration = Duration::from_secs(600);

/// What is remembered of the index that was taken last. After a restart it is fetched again.
#[derive(Debug, Default)]
pub struct Remembered {
    firmware: Arc<[FirmwareEntry]>,
    /// Nothing of it counts after this.
    expires: Timestamp,
    /// When a list last tried to read it.
    tried: Option<Timestamp>,
}

/// A pack that could be installed.
#[derive(Clone, Debug)]
pub struct Offer {
    /// As the index lists it.
    pub pack: IndexPack,
    /// The version that serves now; none: it is not installed.
    pub present: Option<String>,
    /// It is newer than what serves.
    pub newer: bool,
}

/// The index of the configuration, fetched; its firmware is remembered for [`known_firmware`].
///
/// # Errors
/// `Conflict` when none is configured, it cannot be had, or its signature is not that of the pinned key.
pub async fn index(app: &App) -> Result<Index> {
    let index = read(app).await?;
    remember(app, &index, &mut *app.packs.remembered_index().await)?;
    Ok(index)
}

/// Whether there is an index.
pub fn has_index(app: &App) -> bool {
    configured(app).is_ok()
}

/// The firmware that the index lists. It is fetched when that is ten minutes ago; when it cannot be had, what was taken last counts until it
/// expires, and the log says why. Nothing when no index is configured.
pub async fn known_firmware(app: &App) -> Arc<[FirmwareEntry]> {
    if !has_index(app) {
        return Arc::default();
    }
    // Held while fetching: whoever asks in the meantime gets the same answer.
    let mut remembered = app.packs.remembered_index().await;
    let now = app.clock.now();
    if remembered.tried.is_none_or(|at| at.plus(FRESH) < now) {
        remembered.tried = Some(now);
        let taken = match read(app).await {
            Ok(index) => remember(app, &index, &mut remembered),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            tracing::warn!(%error, "the index cannot be read; its firmware is listed as it was read last");
        }
    }
    if remembered.expires < now { Arc::default() } else { remembered.firmware.clone() }
}

fn remember(app: &App, index: &Index, remembered: &mut Remembered) -> Result<()> {
    let (base, _) = configured(app)?;
    let (firmware, faults) = index.firmware(base);
    for fault in faults {
        tracing::warn!(index = %index.serial, %fault, "firmware of the index is left out");
    }
    *remembered = Remembered { firmware: firmware.into(), expires: index.expires, tried: Some(app.clock.now()) };
    Ok(())
}

async fn read(app: &App) -> Result<Index> {
    let (url, key) = configured(app)?;
    let get = async |url: String, bytes| {
        let fetched =
            fetch(&url, FetchLimits::of(bytes), &app.config.data_dir, |_| {}).await.map_err(|e| Error::Conflict(e.to_string()))?;
        fetched.into_bytes().map_err(|e| Error::Unavailable(e.to_string()))
    };
    let bytes = get(url.to_owned(), INDEX).await?;
    let signature = get(format!("{url}.sig"), 1024).await?;
    let read = Index::read(&bytes, &String::from_utf8_lossy(&signature), key, app.clock.now());
    let index = read.map_err(|e| Error::Conflict(format!("{url}: {e}")))?;
    app.store.accept_index(url, index.serial).await?;
    Ok(index)
}

fn configured(app: &App) -> Result<(&str, &str)> {
    match (&app.config.packs.index, &app.config.packs.index_key) {
        (Some(url), Some(key)) => Ok((url, key)),
        (Some(_), None) => {
            Err(Error::Conflict("packs.index is set without packs.index_key: an index is taken only with a pinned key".into()))
        }
        (None, _) => Err(Error::Conflict(
            "no index is configured: set packs.index and packs.index_key, or install from a folder or an archive".into(),
        )),
    }
}

/// An address that an index gives, relative to its own.
pub fn address(app: &App, relative: &str) -> Result<String> {
    let (base, _) = configured(app)?;
    let joined = url::Url::parse(base).and_then(|base| base.join(relative));
    joined.map(String::from).map_err(|e| Error::Conflict(format!("the index gives {relative:?}, which is no address: {e}")))
}

/// What the index offers: the newest version of each pack; those at the end of their life only with `all`, or to who has them.
pub async fn offers(app: &App, all: bool) -> Result<Vec<Offer>> {
    let index = index(app).await?;
    let catalog = app.pipeline.catalog();
    let mut offers: Vec<Offer> = Vec::new();
    for pack in &index.packs {
        let newest = PackKey::of(&pack.id).choose(index.packs.iter().filter(|p| p.id == pack.id), |p| p.version.as_str());
        let present = catalog.pack(&pack.id).map(|p| p.version().to_owned());
        let shown = all || (newest == Some(pack) && (pack.status != "eol" || present.is_some()));
        if shown {
            let newer = present.as_deref().is_none_or(|p| compare_pack_versions(&pack.version, p).is_gt());
            offers.push(Offer { pack: pack.clone(), present, newer });
        }
    }
    Ok(offers)
}
