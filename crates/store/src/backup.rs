//! Backups of a running store, putting one back as one write, and moving everything to another database.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{FutureExt, TryStreamExt};
use offhook_core::{Error, Result, clock::Clock};
use sqlx::{AnyConnection, AssertSqlSafe};
use tokio::sync::mpsc;

use crate::{
    Blob, Note, OpenError, Store, StoreOptions, What,
    archive::{self, Found, Manifest, PIECE, Packer},
    blob::Row,
    blob_table,
    database::{Database, Dialect, failed},
    dump::{self, Filling, PASSING, Summing, TABLES, Table},
    key::{MasterKey, write_private},
    loading,
    migrations::{self, migrate_to},
    store::{KEY_CHECK, make_dir},
    writer::Tx,
};

/// Where pieces of a backup go; an error is the last.
pub type Sent = mpsc::Sender<Result<Vec<u8>>>;

/// Told how far long work is, in rows.
pub type Progress = Arc<AtomicU64>;

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the archive says of itself.
    pub manifest: Manifest,
}

/// A row on its way into a database.
type Line = Result<(Table, String)>;

/// Rows that may wait between reading and writing.
const WAITING: usize = 1024;

fn disk(error: std::io::Error) -> Error {
    Error::Unavailable(format!("the disk says: {error}"))
}

fn gone() -> Error {
    Error::Unavailable("nobody takes the backup any more".into())
}

impl Store {
    /// Sends an archive of everything as it is at this moment, piece by piece. Others read and write meanwhile.
    ///
    /// # Errors
    /// `Unavailable`; it is sent too, so that nobody takes what came until then for the whole.
    pub async fn backup(&self, with_key: bool, out: &Sent) -> Result<Manifest> {
        let done = self.pack(with_key, out).await;
        if let Err(error) = &done {
            let _ = out.send(Err(error.clone())).await;
        }
        done
    }

    async fn pack(&self, with_key: bool, out: &Sent) -> Result<Manifest> {
        let now = self.shared.clock.now();
        let (mut tx, blobs) = self.moment().await?;
        let key_check: String =
            sqlx::query_scalar("SELECT value FROM meta WHERE name = 'key_check'").fetch_one(&mut *tx).await.map_err(failed)?;
        let mut manifest = Manifest::new(now.to_string(), migrations::newest(), key_check, with_key);
        let mut packer = Packer::new(u64::try_from(now.as_millis() / 1000).unwrap_or_default());
        for table in TABLES {
            let (mut piece, mut number, mut sum) = (String::new(), 0, Summing::default());
            let mut lines = dump::lines(&mut tx, *table);
            while let Some(line) = lines.try_next().await? {
                sum.add(&line);
                piece.push_str(&line);
                piece.push('\n');
                if piece.len() >= PIECE {
                    number += 1;
                    packer.file(&format!("tables/{}/{number:06}.ndjson", table.name), piece.as_bytes()).map_err(disk)?;
                    piece.clear();
                    out.send(Ok(packer.take())).await.map_err(|_| gone())?;
                }
            }
            manifest.tables.insert(table.name.to_owned(), sum.finish());
            if !piece.is_empty() {
                packer.file(&format!("tables/{}/{:06}.ndjson", table.name, number + 1), piece.as_bytes()).map_err(disk)?;
            }
        }
        for blob in &blobs {
            match self.shared.dialect {
                Dialect::Sqlite => self.pack_file(blob, &mut packer, out).await?,
                Dialect::Postgres => pack_chunks(&mut tx, blob, &mut packer, out).await?,
            }
            manifest.blobs += 1;
            manifest.blob_bytes += blob.size();
        }
        drop(tx);
        if with_key {
            packer.key(self.shared.master()).map_err(disk)?;
        }
        let rest = packer.finish(&manifest).map_err(disk)?;
        out.send(Ok(rest)).await.map_err(|_| gone())?;
        Ok(manifest)
    }

    /// What is stored at this moment, and the bytes that its rows name: they stay until they are dropped. The writer takes it, so that no row
    /// goes between the two.
    async fn moment(&self) -> Result<(sqlx::Transaction<'static, sqlx::Any>, Vec<Blob>)> {
        let store = self.clone();
        let take = async move {
            let mut tx = store.snapshot().await?;
            let named = blobs(&mut tx).await?.into_iter();
            let held = named.map(|(sha256, size)| Blob::hold(&store.shared, sha256, size.cast_unsigned())).collect();
            Ok((tx, held))
        };
        self.write(move |_| take.boxed()).await
    }

    /// What is stored at this moment, for as long as the transaction is open.
    pub(crate) async fn snapshot(&self) -> Result<sqlx::Transaction<'static, sqlx::Any>> {
        match self.shared.dialect {
            Dialect::Sqlite => self.shared.readers.begin().await,
            Dialect::Postgres => self.shared.readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await,
        }
        .map_err(failed)
    }

    async fn pack_file(&self, blob: &Blob, packer: &mut Packer, out: &Sent) -> Result<()> {
        use tokio::io::AsyncReadExt;
        let (sha256, size) = (blob.sha256(), blob.size());
        let mut file = self.open_blob(sha256, size, || format!("the stored file {sha256}")).await?;
        packer.begin(&format!("blobs/{sha256}"), size).map_err(disk)?;
        let (mut buffer, mut left) = (vec![0; 64 << 10], size);
        while left > 0 {
            let read = file.read(&mut buffer).await.map_err(disk)?;
            if read == 0 {
                return Err(Error::Internal(format!("the stored file {sha256} became shorter while it was saved")));
            }
            left = left.saturating_sub(read as u64);
            packer.bytes(buffer.get(..read).unwrap_or_default()).map_err(disk)?;
            out.send(Ok(packer.take())).await.map_err(|_| gone())?;
        }
        packer.end(size).map_err(disk)
    }

    /// Looks at a whole archive without changing anything: whether it is complete, of a schema that this program knows, and of the key of
    /// this store.
    ///
    /// # Errors
    /// `Invalid` in words for a person: what is wrong with it, and what to do.
    pub async fn check_archive(&self, file: &Path) -> Result<Manifest> {
        let file = file.to_owned();
        let read = tokio::task::spawn_blocking(move || archive::read(&file, |_| Ok(())));
        let manifest = read.await.map_err(|_| Error::Internal("reading the archive panicked".into()))??;
        if manifest.schema > migrations::newest() {
            return Err(Error::invalid(
                "",
                format!(
                    "this backup is of schema {}, newer than {} of this program: restore it with the {} that made it, or a newer one",
                    manifest.schema,
                    migrations::newest(),
                    manifest.program
                ),
            ));
        }
        if self.shared.sealer.open(KEY_CHECK, &manifest.key_check).is_err() {
            let how = if manifest.with_key {
                "it holds its key: restore it without a server into a new data folder (offhook restore FILE --offline --data-dir NEW --yes)"
            } else {
                "put the key file that belongs to it (secret.key) into a new data folder and restore it there without a server (offhook restore FILE --offline --data-dir NEW --yes)"
            };
            return Err(Error::invalid(
                "",
                format!("this backup was written with another key, and its secrets would not open here: {how}"),
            ));
        }
        Ok(manifest)
    }

    /// Puts everything of an archive in the place of everything that is stored, as one write: whoever reads has all of before or all of the
    /// archive. The token of who calls stays, so that nobody locks himself out. `scratch`: a folder on a disk with room.
    ///
    /// # Errors
    /// As [`Store::check_archive`]; nothing is changed then.
    pub async fn restore(&self, file: &Path, progress: Progress) -> Result<Restored> {
        let manifest = self.check_archive(file).await?;
        let kept = self.keep_blobs(file).await?;
        let scratch = if manifest.schema < migrations::newest() {
            Some(Scratch::of(file, &manifest, self.shared.clock.as_ref()).await?)
        } else {
            None
        };
        let lines = match &scratch {
            Some(scratch) => scratch.lines(),
            None => lines_of(file.to_owned()),
        };
        let detail = format!("everything, as it was saved at {}", manifest.created_at);
        let here: HashSet<String> = kept.iter().map(|b| b.sha256().to_owned()).collect();
        self.write(move |tx| replace(tx, lines, here, detail, progress).boxed()).await?;
        drop(kept);
        Ok(Restored { manifest })
    }

    /// Takes the blobs of an archive into the store; those that no row names in the end go with what is returned.
    async fn keep_blobs(&self, file: &Path) -> Result<Vec<Blob>> {
        let (send, mut pieces) = mpsc::channel::<(String, Vec<u8>)>(16);
        let file = file.to_owned();
        let reading = tokio::task::spawn_blocking(move || {
            archive::read(&file, |found| {
                if let Found::Blob(sha256, size, bytes) = found {
                    let mut left = size;
                    while left > 0 {
                        let mut piece = vec![0; usize::try_from(left.min(256 << 10)).unwrap_or(1)];
                        bytes.read_exact(&mut piece).map_err(disk)?;
                        left -= piece.len() as u64;
                        send.blocking_send((sha256.clone(), piece)).map_err(|_| gone())?;
                    }
                    if size == 0 {
                        send.blocking_send((sha256, Vec::new())).map_err(|_| gone())?;
                    }
                }
                Ok(())
            })
        });
        let (mut kept, mut open) = (Vec::new(), None);
        while let Some((sha256, piece)) = pieces.recv().await {
            let (of, mut writer) = match open.take() {
                Some((of, writer)) if of == sha256 => (of, writer),
                before => {
                    finish(before, &mut kept).await?;
                    (sha256, self.new_blob().await?)
                }
            };
            writer.write(&piece).await?;
            open = Some((of, writer));
        }
        finish(open, &mut kept).await?;
        reading.await.map_err(|_| Error::Internal("reading the archive panicked".into()))??;
        Ok(kept)
    }
}

async fn finish(open: Option<(String, crate::BlobWriter)>, kept: &mut Vec<Blob>) -> Result<()> {
    if let Some((_, writer)) = open {
        kept.push(writer.finish().await?);
    }
    Ok(())
}

/// From the database and as of its moment: another node may have removed them since.
async fn pack_chunks(conn: &mut AnyConnection, blob: &Blob, packer: &mut Packer, out: &Sent) -> Result<()> {
    let (sha256, size) = (blob.sha256(), blob.size());
    packer.begin(&format!("blobs/{sha256}"), size).map_err(disk)?;
    let mut packed = 0;
    for number in 0i64.. {
        let Some(bytes) = blob_table::chunk(conn, sha256, number).await? else { break };
        packed += bytes.len() as u64;
        packer.bytes(&bytes).map_err(disk)?;
        out.send(Ok(packer.take())).await.map_err(|_| gone())?;
    }
    if packed != size {
        return Err(Error::Internal(format!("of the stored file {sha256} the database holds {packed} bytes instead of {size}")));
    }
    packer.end(size).map_err(disk)
}

/// Every blob that a row names, once, with its size.
pub(crate) async fn blobs(conn: &mut AnyConnection) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT sha256, MAX(size) FROM (SELECT sha256, size FROM firmware UNION ALL SELECT sha256, size FROM uploads \
        UNION ALL SELECT sha256, size FROM assets) AS named GROUP BY sha256 ORDER BY sha256";
    sqlx::query_as(sql).fetch_all(conn).await.map_err(failed)
}

/// The rows of an archive.
fn lines_of(file: PathBuf) -> mpsc::Receiver<Line> {
    let (send, lines) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let read = archive::read(&file, |found| match found {
            Found::Row(table, line) => send.blocking_send(Ok((table, line))).map_err(|_| gone()),
            _ => Ok(()),
        });
        if let Err(error) = read {
            let _ = send.blocking_send(Err(error));
        }
    });
    lines
}

/// A database of an older schema, brought up to date beside the store.
struct Scratch {
    database: Database,
    _folder: tempfile::TempDir,
}

impl Scratch {
    async fn of(file: &Path, manifest: &Manifest, clock: &dyn Clock) -> Result<Self> {
        let folder = tempfile::tempdir_in(file.parent().unwrap_or(Path::new("."))).map_err(disk)?;
        let database = Database::from_url("sqlite:scratch.db", folder.path()).map_err(Error::Internal)?;
        let mut conn = database.connect().await.map_err(failed)?;
        let now = clock.now().as_millis();
        migrate_to(&database, &mut conn, now, manifest.schema).await.map_err(Error::Internal)?;
        database.begin(&mut conn).await.map_err(failed)?;
        fill(&mut conn, lines_of(file.to_owned()), Progress::default()).await?;
        run(&mut conn, "COMMIT").await?;
        migrate_to(&database, &mut conn, now, migrations::newest()).await.map_err(Error::Internal)?;
        Ok(Self { database, _folder: folder })
    }

    fn lines(&self) -> mpsc::Receiver<Line> {
        let (send, lines) = mpsc::channel(WAITING);
        let database = self.database.clone();
        tokio::spawn(async move {
            let read = async {
                let mut conn = database.connect().await.map_err(failed)?;
                for table in TABLES {
                    let mut lines = dump::lines(&mut conn, *table);
                    while let Some(line) = lines.try_next().await? {
                        send.send(Ok((*table, line))).await.map_err(|_| gone())?;
                    }
                }
                Ok(())
            };
            if let Err(error) = read.await {
                let _ = send.send(Err(error)).await;
            }
        });
        lines
    }
}

pub(crate) async fn run(conn: &mut AnyConnection, sql: &'static str) -> Result<()> {
    sqlx::query(sql).execute(conn).await.map(drop).map_err(failed)
}

/// Writes rows as they come.
async fn fill(conn: &mut AnyConnection, mut lines: mpsc::Receiver<Line>, progress: Progress) -> Result<()> {
    let mut filling = Filling::default();
    while let Some(line) = lines.recv().await {
        let (table, line) = line?;
        filling.add(conn, table, &line).await?;
        progress.fetch_add(1, Ordering::Relaxed);
    }
    filling.flush(conn).await
}

/// Everything goes, the rows of the archive come, and memory is read anew.
async fn replace(tx: &mut Tx, lines: mpsc::Receiver<Line>, here: HashSet<String>, detail: String, progress: Progress) -> Result<()> {
    let before: Vec<String> = sqlx::query_scalar(loading::BLOBS).fetch_all(&mut tx.conn).await.map_err(failed)?;
    let kept = kept_token(tx).await?;
    let present = dump::tables(&mut tx.conn, tx.shared.dialect).await?;
    let passing = PASSING.iter().copied().filter(|name| present.iter().any(|p| p == name));
    for name in passing.chain(TABLES.iter().rev().map(|t| t.name)) {
        // Names of a list of this crate.
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {name}"))).execute(&mut tx.conn).await.map_err(failed)?;
    }
    fill(&mut tx.conn, lines, progress).await?;
    if let Some((table, id, line)) = kept {
        let there = sqlx::query("SELECT 1 FROM tokens WHERE id = $1").bind(id).fetch_optional(&mut tx.conn).await.map_err(failed)?;
        if there.is_none() {
            let mut filling = Filling::default();
            filling.add(&mut tx.conn, table, &line).await?;
            filling.flush(&mut tx.conn).await?;
        }
    }
    // What phones fetched since is not known any more: each counts as outdated until it asks again.
    run(&mut tx.conn, "UPDATE devices SET fetch_tag = 0 WHERE fetch_tag IS NOT NULL").await?;

    tx.layer_sets.clear();
    let packs = tx.configuration.packs.clone();
    let shared = tx.shared.clone();
    let held = loading::load(&mut tx.conn, &shared.sealer, &*shared.clock, &*shared.entropy).await?;
    if let Some(lost) = held.blobs.iter().find(|sha256| !here.contains(*sha256)) {
        return Err(Error::invalid("", format!("this is no whole backup: the bytes of {lost}, which a row names, are not in it")));
    }
    (tx.shelf, tx.library, tx.logged) = (Arc::new(held.shelf), Arc::new(held.library), held.logged);
    // First what comes: bytes that are in both must not go in between.
    tx.blobs.extend(held.blobs.into_iter().map(Row::Came));
    tx.blobs.extend(before.into_iter().map(Row::Went));
    tx.configuration = Arc::new(held.configuration.clone());
    tx.changed(What::Everything).await?;
    tx.configure(held.configuration.with_packs(packs)).await?;
    tx.note(&Note { action: "restore", noun: "store", subject: "store".into(), name: "everything".into(), tenant: None, detail }).await
}

/// Puts the key that an archive holds where a store that is about to be made will look for it. A folder that has a key or a database is left
/// as it is; whether a key was put there.
///
/// # Errors
/// In words for the operator: the archive is broken, or nobody has its key.
pub fn adopt_key(archive: &Path, options: &StoreOptions) -> Result<bool, OpenError> {
    let file = options.data_dir.join(&options.key_file);
    let database = Database::from_url(&options.url, &options.data_dir).map_err(OpenError)?;
    if file.exists() || database.file.is_some_and(|file| file.exists()) {
        return Ok(false);
    }
    let mut found = None;
    let read = archive::read(archive, |part| {
        if let Found::Key(text) = part {
            found = MasterKey::of_text(&text);
        }
        Ok(())
    });
    read.map_err(|e| OpenError(e.to_string()))?;
    let key = found.ok_or_else(|| {
        OpenError(format!("this backup does not hold its key, and without it no secret can be read: put the key file that belongs to it at {}, then try again", file.display()))
    })?;
    make_dir(&options.data_dir).map_err(OpenError)?;
    let written = write_private(&file, format!("{}\n", key.to_text()).as_bytes());
    written.map(|()| true).map_err(|e| OpenError(format!("{} cannot be written: {e}", file.display())))
}

/// The row of the token of who writes.
async fn kept_token(tx: &mut Tx) -> Result<Option<(Table, String, String)>> {
    let Some(author) = tx.author.clone() else { return Ok(None) };
    let Some(table) = dump::table_of("tokens") else { return Ok(None) };
    let id = author.token.to_string();
    let own = format!("\"id\":\"{id}\"");
    let mut tokens = dump::lines(&mut tx.conn, table);
    while let Some(line) = tokens.try_next().await? {
        if line.contains(&own) {
            return Ok(Some((table, id, line)));
        }
    }
    Ok(None)
}
