//! What a device sent: shown to people, never to phones.

use offhook_core::{Error, Id, Result, device::Device, upload::Upload};

use super::find;
use crate::app::{
    App, Caller,
    page::{self, Listed, Part},
};

/// One page of what a device sent.
pub async fn list(app: &App, device: &str, part: &Part) -> Result<Listed<Upload>> {
    let device = find(app, device).await?;
    page::cut(app.store.uploads(device.id).await?.into_iter(), |u| u.id.to_string(), part)
}

/// One of them with its bytes: by id, or the newest of a file's name. It may hold secrets.
pub async fn read(app: &App, who: &Caller, device: &str, key: &str) -> Result<(Upload, tokio::fs::File)> {
    who.may_reveal(true)?;
    let device = find(app, device).await?;
    let upload = one(app, &device, key).await?;
    app.revealing(true, Some(&device), &upload.file).await?;
    let file = app.store.open_upload(&upload).await?;
    Ok((upload, file))
}

/// Deletes one of them.
pub async fn delete(app: &App, who: &Caller, device: &str, key: &str) -> Result<()> {
    who.may_write()?;
    let device = find(app, device).await?;
    let upload = one(app, &device, key).await?;
    app.store.delete_upload(device.id, upload.id).await
}

async fn one(app: &App, device: &Device, key: &str) -> Result<Upload> {
    let all = app.store.uploads(device.id).await?;
    let fits = |u: &Upload| Id::parse(key).map_or(u.file.eq_ignore_ascii_case(key) || u.name.eq_ignore_ascii_case(key), |id| u.id == id);
    all.into_iter().find(fits).ok_or_else(|| Error::not_found("upload", key))
}
