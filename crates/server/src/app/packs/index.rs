//! The signed index: fetched, its signature and age looked at, and what it offers.

use offhook_core::{
    Error, Result,
    pack::{PackKey, compare_pack_versions},
};

use super::super::App;
use crate::{
    fetch::{FetchLimits, fetch},
    index::{Index, IndexPack},
};

/// Most bytes of an index.
const INDEX: u64 = 8 << 20;

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

/// The index of the configuration.
///
/// # Errors
/// `Conflict` when none is configured, it cannot be had, or its signature is not that of the pinned key.
pub async fn index(app: &App) -> Result<Index> {
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
