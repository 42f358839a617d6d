//! What can be done with a data folder while no server runs on it: saving it, filling it from a backup, moving it to another database.
//! Each opens the store, so that a server that runs after all keeps it out, and closes it.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use offhook_store::{Manifest, Moved, Progress, Store, adopt_key, move_to};
use tokio::sync::mpsc;

use crate::{
    config::{Config, Sources},
    serve::{ServeError, SystemClock, SystemEntropy, store_options},
};

fn failed(error: impl std::fmt::Display) -> ServeError {
    ServeError::Start(error.to_string())
}

/// A store that is there; where nothing is, none is made.
fn existing(config: &Config) -> Result<(), ServeError> {
    let embedded = config.store.url.starts_with("sqlite:");
    let file = config.database_file();
    if embedded && !file.exists() {
        return Err(failed(format!(
            "there is no store: {} does not exist. Name its folder with --data-dir, or its configuration with --config",
            file.display()
        )));
    }
    Ok(())
}

async fn open(config: &Config) -> Result<Store, ServeError> {
    Store::open(store_options(config), Arc::new(SystemClock), Arc::new(SystemEntropy)).await.map_err(failed)
}

/// Where a file is written until it is whole.
struct Part {
    path: PathBuf,
    whole: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.whole {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A file that only its owner may read, and that has its name only when it is whole: for archives.
pub struct Whole {
    file: fs::File,
    part: Part,
    name: PathBuf,
}

impl Whole {
    /// Begins it. What has that name already is left alone.
    ///
    /// # Errors
    /// In words: it exists, or the folder cannot be written.
    pub fn begin(name: &Path) -> Result<Self, String> {
        if name.exists() {
            return Err(format!("{} exists already: name another file", name.display()));
        }
        let mut path = name.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.map_err(|e| format!("{} cannot be written: {e}", path.display()))?;
        Ok(Self { file, part: Part { path, whole: false }, name: name.to_owned() })
    }

    /// Appends.
    ///
    /// # Errors
    /// In words: the disk does not take it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.file.write_all(bytes).map_err(|e| format!("{} cannot be written: {e}", self.part.path.display()))
    }

    /// Makes it durable and gives it its name.
    ///
    /// # Errors
    /// In words: the disk does not take it.
    pub fn finish(mut self) -> Result<(), String> {
        let named = self.file.sync_all().and_then(|()| fs::rename(&self.part.path, &self.name));
        self.part.whole = named.is_ok();
        named.map_err(|e| format!("{} cannot be written: {e}", self.name.display()))
    }
}

/// Saves everything of the data folder in a file. `told`: bytes written so far.
///
/// # Errors
/// For people: the configuration, the store, a server that runs, the file.
pub async fn backup(sources: &Sources, file: &Path, with_key: bool, mut told: impl FnMut(u64)) -> Result<Manifest, ServeError> {
    let config = sources.load()?.config;
    existing(&config)?;
    let mut out = Whole::begin(file).map_err(failed)?;
    let store = open(&config).await?;
    let (send, mut pieces) = mpsc::channel(8);
    let saved = store.clone();
    let saving = async move { saved.backup(with_key, &send).await };
    let writing = async {
        let mut bytes = 0;
        while let Some(piece) = pieces.recv().await {
            let piece = piece.map_err(failed)?;
            out.write(&piece).map_err(failed)?;
            bytes += piece.len() as u64;
            told(bytes);
        }
        Ok::<_, ServeError>(out)
    };
    let (manifest, out) = tokio::join!(saving, writing);
    let _ = store.close().await;
    let (manifest, out) = (manifest.map_err(failed)?, out?);
    out.finish().map_err(failed)?;
    Ok(manifest)
}

/// Puts everything of an archive in the place of everything in the data folder, which is made when it is not there. `told`: rows so far, of so
/// many.
///
/// # Errors
/// For people; nothing is changed then.
pub async fn restore(sources: &Sources, file: &Path, told: impl FnMut(u64)) -> Result<Manifest, ServeError> {
    let config = sources.load()?.config;
    adopt_key(file, &store_options(&config)).map_err(failed)?;
    let store = open(&config).await?;
    let progress = Progress::default();
    let restored = followed(store.restore(file, progress.clone()), &progress, told).await;
    let _ = store.close().await;
    restored.map(|r| r.manifest).map_err(failed)
}

/// Copies everything to another database and compares both.
///
/// # Errors
/// For people; the store is left as it is.
pub async fn migrate(sources: &Sources, to: &str, told: impl FnMut(u64)) -> Result<Moved, ServeError> {
    let config = sources.load()?.config;
    existing(&config)?;
    let progress = Progress::default();
    let moving = move_to(store_options(&config), to, Arc::new(SystemClock), Arc::new(SystemEntropy), progress.clone());
    followed(moving, &progress, told).await.map_err(failed)
}

async fn followed<T>(work: impl Future<Output = T>, progress: &Progress, mut told: impl FnMut(u64)) -> T {
    let mut look = tokio::time::interval(Duration::from_millis(200));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = look.tick() => told(progress.load(Ordering::Relaxed)),
        }
    }
}
