//! Blobs: bytes kept as files below `data_dir/blobs`, named by their SHA-256, whole or not there.
//!
//! Where several nodes share a database the bytes are in it ([`crate::blob_table`]), and the folder is a bounded copy: filled when they are
//! asked for, checked by their sum, and given up for others.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use offhook_core::{Error, Result};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::{
    Store, blob_table,
    database::Dialect,
    key::{hex, sync_folder},
    store::Shared,
};

/// How the names of files end that are not whole yet.
const PART: &str = ".part";

/// The folder of blobs, and who needs which of them.
pub(crate) struct Blobs {
    folder: PathBuf,
    users: Mutex<HashMap<String, Users>>,
    /// Copies whose sum was found right by this process.
    checked: Mutex<HashSet<String>>,
}

/// Who needs a blob.
#[derive(Default)]
struct Users {
    /// Those that are about to write a row, and backups.
    held: usize,
    /// Rows of the database.
    rows: usize,
}

impl Blobs {
    /// Opens the folder. `rows`: the sum that each row of the database names. What an interrupted upload left, and what no row
    /// names, goes.
    pub(crate) fn open(folder: &Path, rows: Vec<String>) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut users = HashMap::<String, Users>::new();
        for sha256 in rows {
            users.entry(sha256).or_default().rows += 1;
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !path.file_name().and_then(|n| n.to_str()).is_some_and(|name| users.contains_key(name)) {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder: folder.to_owned(), users: Mutex::new(users), checked: Mutex::default() })
    }

    /// Where the bytes of that sum lie.
    pub(crate) fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(sha256)
    }

    /// After a commit: rows that name a blob came and went. Bytes that nothing needs any more are removed.
    pub(crate) fn committed(&self, rows: &[Row]) {
        for row in rows {
            match row {
                Row::Came(sha256) => drop(self.change(sha256, |u| u.rows += 1)),
                Row::Went(sha256) => drop(self.change(sha256, |u| u.rows = u.rows.saturating_sub(1))),
            }
        }
    }

    /// Gives up the copies that were used longest ago until all have at most so many bytes; none that somebody is about to store.
    fn make_room(&self, most: u64) -> io::Result<()> {
        let mut copies = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let (Ok(about), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) else { continue };
            if !name.ends_with(PART) {
                copies.push((about.accessed()?, about.len(), name));
            }
        }
        copies.sort();
        let mut all: u64 = copies.iter().map(|c| c.1).sum();
        for (_, size, name) in copies {
            if all <= most {
                break;
            }
            let users = self.users();
            if users.get(&name).is_none_or(|u| u.held == 0) {
                fs::remove_file(self.path(&name))?;
                all -= size;
            }
        }
        Ok(())
    }

    fn is_checked(&self, sha256: &str) -> bool {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(sha256)
    }

    fn check(&self, sha256: &str) {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256.to_owned());
    }

    fn users(&self) -> MutexGuard<'_, HashMap<String, Users>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts anew; nobody can come between that and the removal. Whether the bytes went.
    fn change(&self, sha256: &str, change: impl FnOnce(&mut Users)) -> bool {
        let mut users = self.users();
        let of = users.entry(sha256.to_owned()).or_default();
        change(of);
        if of.held + of.rows == 0 {
            users.remove(sha256);
            match fs::remove_file(self.path(sha256)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, sha256, "a blob that nothing uses could not be removed");
                }
                _ => {}
            }
            return true;
        }
        false
    }
}

/// What a write does to the rows that name a blob of this sum.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    /// One more.
    Came(String),
    /// One less.
    Went(String),
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
            let mut users = blobs.users();
            if let Some(part) = &self.part.0 {
                fs::rename(part, blobs.path(&sha256)).map_err(disk)?;
                self.part.0 = None;
            }
            users.entry(sha256.clone()).or_default().held += 1;
        }
        let blob = Blob { shared: self.shared.clone(), sha256, size: self.written };
        sync_folder(&blobs.folder).map_err(disk)?;
        blobs.check(&blob.sha256);
        if self.shared.dialect == Dialect::Postgres {
            blob_table::store(&self.shared, &blob.sha256).await?;
        }
        Ok(blob)
    }
}

/// Durable bytes that nothing need refer to; dropped while nothing does, they are removed.
pub struct Blob {
    shared: Arc<Shared>,
    sha256: String,
    size: u64,
}

impl Blob {
    /// Keeps bytes that a row names, whatever becomes of the row. Only the writer may ask, for nothing goes meanwhile.
    pub(crate) fn hold(shared: &Arc<Shared>, sha256: String, size: u64) -> Self {
        shared.blobs.users().entry(sha256.clone()).or_default().held += 1;
        Self { shared: shared.clone(), sha256, size }
    }

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
        let unused = self.shared.blobs.change(&self.sha256, |u| u.held = u.held.saturating_sub(1));
        if unused
            && self.shared.dialect == Dialect::Postgres
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (shared, sha256) = (self.shared.clone(), self.sha256.clone());
            // One that fails is made up for at a start.
            runtime.spawn(async move { blob_table::collect_in_passing(&shared, &sha256).await });
        }
    }
}

impl Store {
    /// The bytes of a blob, for reading. `what` names them in the error.
    ///
    /// # Errors
    /// `Internal` when they are gone or not as many as were stored.
    pub(crate) async fn open_blob(&self, sha256: &str, size: u64, what: impl Fn() -> String) -> Result<tokio::fs::File> {
        let lost =
            |why: String| Error::Internal(format!("the bytes of {} are not what was stored ({why}): delete it and add it again", what()));
        if self.shared.dialect == Dialect::Postgres {
            self.copy_blob(sha256, size).await.map_err(|e| if matches!(e, Error::Internal(_)) { lost(e.to_string()) } else { e })?;
        }
        let file = tokio::fs::File::open(self.shared.blobs.path(sha256)).await.map_err(|e| lost(e.to_string()))?;
        let found = file.metadata().await.map_err(|e| lost(e.to_string()))?.len();
        if found == size { Ok(file) } else { Err(lost(format!("{found} bytes instead of {size}"))) }
    }

    /// Makes sure that the folder has a right copy of bytes of the database.
    async fn copy_blob(&self, sha256: &str, size: u64) -> Result<()> {
        let blobs = &self.shared.blobs;
        let path = blobs.path(sha256);
        let there = tokio::fs::metadata(&path).await.is_ok_and(|m| m.len() == size);
        if there && blobs.is_checked(sha256) {
            return Ok(());
        }
        if there && sum_of(path).await.is_ok_and(|sum| sum == sha256) {
            blobs.check(sha256);
            return Ok(());
        }
        let (mut file, mut part) = self.new_part().await?;
        let sum = blob_table::copy(&self.shared, sha256, &mut file).await?;
        if sum != sha256 {
            return Err(Error::Internal("the database holds other bytes".into()));
        }
        file.flush().await.map_err(disk)?;
        if let Some(part) = part.0.take() {
            fs::rename(part, blobs.path(sha256)).map_err(disk)?;
        }
        blobs.check(sha256);
        let (shared, most) = (self.shared.clone(), self.shared.blob_cache);
        let room = tokio::task::spawn_blocking(move || shared.blobs.make_room(most)).await;
        if let Ok(Err(error)) = room {
            tracing::warn!(%error, "old copies of stored files could not be removed");
        }
        Ok(())
    }

    /// A file that has no name yet.
    async fn new_part(&self) -> Result<(tokio::fs::File, Part)> {
        let mut name = [0u8; 16];
        self.shared.entropy.fill(&mut name);
        let path = self.shared.blobs.path(&format!("{}{PART}", hex(&name)));
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await.map_err(disk)?;
        Ok((file, Part(Some(path))))
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// `Unavailable` when the disk does not take it.
    pub async fn new_blob(&self) -> Result<BlobWriter> {
        let (file, part) = self.new_part().await?;
        Ok(BlobWriter { shared: self.shared.clone(), file, part, sum: Sha256::new(), written: 0 })
    }
}

/// SHA-256 of a file.
async fn sum_of(path: PathBuf) -> io::Result<String> {
    let sum = move || {
        let (mut file, mut sum) = (fs::File::open(path)?, Sha256::new());
        let mut buffer = vec![0; 1 << 16];
        loop {
            match io::Read::read(&mut file, &mut buffer)? {
                0 => return Ok(hex(&sum.finalize())),
                n => sum.update(buffer.get(..n).unwrap_or_default()),
            }
        }
    };
    tokio::task::spawn_blocking(sum).await.unwrap_or_else(|e| Err(io::Error::other(e)))
}

pub(crate) fn disk(error: io::Error) -> Error {
    Error::Unavailable(format!("the data directory's disk says: {error}"))
}
