//! Backups of everything while the server runs, and putting one back.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, pin_mut};
use offhook_core::{Error, Result};
pub use offhook_store::Manifest;
use offhook_store::{Note, Progress};
use serde_json::json;
use tempfile::NamedTempFile;
use tokio::{io::AsyncWriteExt, sync::mpsc};

use super::{App, Caller, jobs::Job};

/// Pieces that wait for a slow reader.
const WAITING: usize = 8;
/// Between two looks at how far a restore is.
const LOOK: Duration = Duration::from_millis(500);

/// Pieces of an archive as they come; an error is the last of them.
pub type Pieces = mpsc::Receiver<Result<Vec<u8>>>;

fn note(action: &'static str, detail: String) -> Note {
    Note { action, noun: "store", subject: "store".into(), name: "everything".into(), tenant: None, detail }
}

/// Begins a backup, one at a time.
///
/// # Errors
/// `Refused` to a token for some tenants, `Conflict` while another one is made.
pub async fn save(app: &App, who: &Caller, with_key: bool) -> Result<Pieces> {
    who.must_be_of_all("a backup holds what every tenant has")?;
    let turn = app.backups.clone().try_acquire_owned();
    let turn = turn.map_err(|_| Error::Conflict("another backup is being made: wait for its end".into()))?;
    app.store.note(note("backup", if with_key { "with the key" } else { "without the key" }.into())).await?;
    let (send, pieces) = mpsc::channel(WAITING);
    let store = app.store.clone();
    tokio::spawn(async move {
        if let Err(error) = store.backup(with_key, &send).await {
            tracing::warn!(%error, "a backup was not made");
        }
        drop(turn);
    });
    Ok(pieces)
}

/// Takes an archive whole and looks at it, then begins to put it in the place of everything. On trial it is only looked at.
///
/// # Errors
/// `Refused` to a token for some tenants; `Invalid` when it is no backup that can be put back here. Nothing is changed then.
pub async fn restore<E: std::fmt::Display>(
    app: &App,
    who: &Caller,
    pieces: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<(Manifest, Option<Job>)> {
    who.must_be_of_all("a backup replaces what every tenant has")?;
    let file = received(app, pieces).await?;
    let manifest = app.store.check_archive(file.path()).await?;
    if who.dry_run {
        return Ok((manifest, None));
    }
    let total = manifest.tables.values().map(|t| t.rows).sum();
    let (app_then, subject) = (app.clone(), format!("the backup of {}", manifest.created_at));
    let job = app.jobs.start("restore", subject, |report| async move {
        let _turn = app_then.packs.turn().await;
        let progress = Progress::default();
        let (store, counted) = (app_then.store.clone(), progress.clone());
        // By itself: once it writes, it ends, whatever becomes of the job.
        let mut work = tokio::spawn(async move { store.restore(file.path(), counted).await });
        let mut look = tokio::time::interval(LOOK);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                _ = look.tick() => report.progress(progress.load(Ordering::Relaxed), Some(total), "rows"),
            }
        };
        done.map_err(|_| Error::Internal("the restore broke off".into()))??;
        report.progress(total, Some(total), "rows");
        app_then.packs.reload(&app_then.pipeline).await?;
        Ok(json!({ "rows": total }))
    })?;
    Ok((manifest, Some(job)))
}

async fn received<E: std::fmt::Display>(app: &App, pieces: impl Stream<Item = Result<Bytes, E>> + Send) -> Result<NamedTempFile> {
    let disk = |e: std::io::Error| Error::Unavailable(format!("the data directory's disk says: {e}"));
    let file = tempfile::Builder::new().prefix("restore-").tempfile_in(&app.config.data_dir).map_err(disk)?;
    let mut out = tokio::fs::File::from_std(file.reopen().map_err(disk)?);
    pin_mut!(pieces);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|stopped| Error::invalid("", stopped.to_string()))?;
        out.write_all(&piece).await.map_err(disk)?;
    }
    out.flush().await.map_err(disk)?;
    Ok(file)
}
