//! Assets: files that settings refer to, taken in as a stream and kept under a name.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use offhook_core::{
    Error, Id, Result,
    asset::{Asset, AssetKind, HEAD, good_name},
    token::Reach,
};
use offhook_packs::picture;
use offhook_store::{Blob, NewAsset, Note};

use super::{
    App, Caller,
    page::{self, Listed, Part},
};

/// Orders of the list.
pub const SORTS: &[&str] = &["name", "kind", "size", "created_at", "updated_at"];

/// Which assets.
#[derive(Clone, Debug, Default)]
pub struct AssetFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Only those of no tenant.
    pub global: bool,
    /// Of this kind.
    pub kind: Option<AssetKind>,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// One page of the assets that fit.
pub fn list(app: &App, filter: &AssetFilter, part: &Part) -> Result<Listed<Arc<Asset>>> {
    let library = app.store.library();
    let fits = |a: &&Arc<Asset>| {
        filter.tenant.as_ref().is_none_or(|t| a.tenant.as_ref() == Some(t))
            && !(filter.global && a.tenant.is_some())
            && filter.kind.is_none_or(|k| a.kind == k)
            && filter.q.as_deref().is_none_or(|q| page::holds(&a.name, q))
    };
    let key = |a: &Arc<Asset>| match part.sort {
        "kind" => format!("{} {}", a.kind.as_str(), a.id),
        "size" => format!("{:020} {}", a.size, a.id),
        "created_at" => format!("{} {}", a.created_at, a.id),
        "updated_at" => format!("{} {}", a.updated_at, a.id),
        _ => format!("{}\0{}", a.name.to_lowercase(), a.id),
    };
    page::cut(library.assets().filter(fits).cloned(), key, part)
}

/// The asset of that id, or of that name, letter case ignored: of the tenant when one is said, else the global one, else the only one.
pub fn read(app: &App, key: &str, tenant: Option<&str>) -> Result<Arc<Asset>> {
    let library = app.store.library();
    let found = library.assets().filter(|a| fits((a.id, &a.name, a.tenant.as_deref()), key, tenant)).cloned().collect();
    the_one("asset", key, found, |a: &Arc<Asset>| a.tenant.is_none())
}

/// Whether a thing of a scope is what a key means.
pub(super) fn fits((id, name, of): (Id, &str, Option<&str>), key: &str, tenant: Option<&str>) -> bool {
    match Id::parse(key) {
        Some(wanted) => id == wanted,
        None => name.eq_ignore_ascii_case(key) && (tenant.is_none() || of == tenant),
    }
}

/// Of several of one name the global one.
pub(super) fn the_one<T>(noun: &'static str, key: &str, mut found: Vec<T>, is_global: impl Fn(&T) -> bool) -> Result<T> {
    let at = found.iter().position(is_global).or((found.len() == 1).then_some(0));
    match at {
        Some(at) => Ok(found.swap_remove(at)),
        None if found.is_empty() => Err(Error::not_found(noun, key)),
        None => Err(Error::Conflict(format!("several tenants have {noun} {key:?}: say which one with tenant=NAME, or use its id"))),
    }
}

/// Takes a file in. The name is checked before a byte is read. More than `limits.asset_size` is an [`Error::Full`], and nothing of it
/// remains.
pub async fn add(
    app: &App,
    who: &Caller,
    name: &str,
    tenant: Option<&str>,
    bytes: impl Stream<Item = Result<Bytes>> + Unpin,
) -> Result<Asset> {
    who.may_write()?;
    good_name(name).map_err(|why| Error::invalid("name", why))?;
    let tenant = who.reach().scope(tenant.map(str::to_owned));
    let tenant = tenant.as_deref();
    who.may_write_in(tenant)?;
    let library = app.store.within(Reach::ALL).library();
    if library.assets().any(|a| a.tenant.as_deref() == tenant && a.name.eq_ignore_ascii_case(name)) {
        return Err(Error::Conflict(format!("there is an asset {name:?} already: replace it, or choose another name")));
    }
    let most = app.config.limits.assets;
    if library.assets().count() >= most {
        return Err(Error::Conflict(format!("there are {most} assets already (limits.assets): delete some first")));
    }
    let (kind, blob) = take(app, bytes).await?;
    app.store.add_asset(NewAsset { name: name.to_owned(), tenant: tenant.map(str::to_owned), kind }, blob).await
}

/// Puts another file in place of an asset's.
pub async fn replace(
    app: &App,
    who: &Caller,
    key: &str,
    tenant: Option<&str>,
    if_match: Option<u64>,
    bytes: impl Stream<Item = Result<Bytes>> + Unpin,
) -> Result<Asset> {
    who.may_write()?;
    let asset = read(app, key, tenant)?;
    who.may_write_in(asset.tenant.as_deref())?;
    if if_match.is_some_and(|wanted| wanted != asset.revision) {
        return Err(Error::Stale { revision: asset.revision });
    }
    let (kind, blob) = take(app, bytes).await?;
    app.store.replace_asset(asset.id, if_match, kind, blob).await
}

/// Deletes an asset that nothing names.
pub async fn delete(app: &App, who: &Caller, key: &str, tenant: Option<&str>, if_match: Option<u64>) -> Result<()> {
    who.may_write()?;
    let id = read(app, key, tenant)?.id;
    app.store.delete_asset(id, if_match).await
}

/// Its bytes as they were uploaded. They may hold the key of a certificate: only who may write may have them.
pub async fn contents(app: &App, who: &Caller, key: &str, tenant: Option<&str>) -> Result<(Arc<Asset>, tokio::fs::File)> {
    who.may_reveal(true)?;
    let asset = read(app, key, tenant)?;
    let (subject, name, tenant) = (asset.id.to_string(), asset.name.clone(), asset.tenant.clone());
    app.store.note(Note { action: "reveal", noun: "asset", subject, name, tenant, detail: "contents".to_owned() }).await?;
    let file = app.store.open_asset(&asset.name, &asset.sha256, asset.size).await?;
    Ok((asset, file))
}

/// Bytes into a blob, and what they are. A picture whose head cannot be read, or that is too large to be worked on, is refused.
async fn take(app: &App, mut bytes: impl Stream<Item = Result<Bytes>> + Unpin) -> Result<(AssetKind, Blob)> {
    let most = app.config.limits.asset_size;
    let mut blob = app.store.new_blob().await?;
    let mut head = Vec::with_capacity(HEAD);
    while let Some(bytes) = bytes.next().await {
        let bytes = bytes?;
        blob.write(&bytes).await?;
        head.extend(bytes.iter().take(HEAD - head.len()));
        if blob.written() > most {
            return Err(Error::Full(format!("the file is larger than limits.asset_size ({most} bytes)")));
        }
    }
    if blob.written() == 0 {
        return Err(Error::invalid("", "the file is empty"));
    }
    let kind = AssetKind::sniff(&head);
    if matches!(kind, AssetKind::Png | AssetKind::Bmp)
        && let Err(why) = picture::size(&head)
    {
        return Err(Error::invalid("", format!("the picture {why}")));
    }
    Ok((kind, blob.finish().await?))
}
