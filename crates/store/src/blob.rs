//! Blobs: bytes kept as files below `data_dir/blobs`, named by their SHA-256, whole or not there.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use offhook_core::{Error, Result};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::{
    Shelf, Store,
    key::{hex, sync_folder},
    store::Shared,
};

/// The folder of blobs, and which of them are on their way to a row of the database.
pub(crate) struct Blobs {
    folder: PathBuf,
    held: Mutex<HashMap<String, usize>>,
}

impl Blobs {
    /// Opens the folder: what an interrupted upload left, and what nothing refers to, goes.
    pub(crate) fn open(folder: &Path, shelf: &Shelf) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let used = path.file_name().and_then(|n| n.to_str()).is_some_and(|name| shelf.iter().any(|f| f.sha256 == name));
            if !used {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), held: Mutex::default() })
    }

    /// Where the bytes of that sum lie.
    pub(crate) fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the bytes if nothing refers to them and nobody is about to. The shelf is looked at only when nobody can come
    /// between: who holds the bytes gives them free after the shelf has them.
    pub(crate) fn sweep(&self, sha256: &str, shelf: impl FnOnce() -> Arc<Shelf>) {
        let held = self.held();
        let unused = !held.contains_key(sha256) && !shelf().iter().any(|f| f.sha256 == sha256);
        if unused && let Err(error) = fs::remove_file(self.path(sha256)) {
            tracing::warn!(%error, sha256, "a blob that nothing uses could not be removed");
        }
    }
}

/// Bytes on their way into the store; dropped before it is finished, nothing remains.
pub struct BlobWriter {
    shared: Arc<Shared>,
    file: tokio::fs::File,
    part: Part,
    sum: Sha256,
    written: u64,
}

/// A file that goes unless it was given its name.
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            let _ = fs::remove_file(path);
        }
    }
}

impl BlobWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// `Unavailable` when the disk does not take them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(disk)?;
        self.sum.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes came so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes the bytes durable under their name.
    ///
    /// # Errors
    /// `Unavailable` when the disk does not take them.
    pub async fn finish(mut self) -> Result<Blob> {
        self.file.flush().await.map_err(disk)?;
        self.file.sync_all().await.map_err(disk)?;
        let sha256 = hex(&self.sum.finalize());
        let blobs = &self.shared.blobs;
        {
            let mut held = blobs.held();
            if let Some(part) = &self.part.0 {
                fs::rename(part, blobs.path(&sha256)).map_err(disk)?;
                self.part.0 = None;
            }
            *held.entry(sha256.clone()).or_default() += 1;
        }
        let blob = Blob { shared: self.shared.clone(), sha256, size: self.written };
        sync_folder(&blobs.folder).map_err(disk)?;
        Ok(blob)
    }
}

/// Durable bytes that nothing refers to yet; dropped before something does, they are removed.
pub struct Blob {
    shared: Arc<Shared>,
    sha256: String,
    size: u64,
}

impl Blob {
    /// SHA-256, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        let blobs = &self.shared.blobs;
        {
            let mut held = blobs.held();
            if let Some(n) = held.get_mut(&self.sha256) {
                *n -= 1;
                if *n == 0 {
                    held.remove(&self.sha256);
                }
            }
        }
        blobs.sweep(&self.sha256, || self.shared.shelf());
    }
}

impl Store {
    /// Begins a blob.
    ///
    /// # Errors
    /// `Unavailable` when the disk does not take it.
    pub async fn new_blob(&self) -> Result<BlobWriter> {
        let mut name = [0u8; 16];
        self.shared.entropy.fill(&mut name);
        let path = self.shared.blobs.path(&format!("{}.part", hex(&name)));
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await.map_err(disk)?;
        Ok(BlobWriter { shared: self.shared.clone(), file, part: Part(Some(path)), sum: Sha256::new(), written: 0 })
    }
}

fn disk(error: io::Error) -> Error {
    Error::Unavailable(format!("the data directory's disk says: {error}"))
}
