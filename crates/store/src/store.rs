//! The store itself: opening, what is held in memory, health and closing.

use std::{
    fs::{self, File},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::BoxFuture;
use offhook_core::{
    Error, Id, Result,
    clock::{Clock, Entropy},
    configuration::Configuration,
    settings::RawSecrets,
    token::Reach,
};
use sqlx::{AnyConnection, AnyPool};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Author, Change, HistoryLimits, Library, Shelf, What,
    blob::Blobs,
    blob_table,
    database::{Database, Dialect, failed},
    key::{MasterKey, Sealer, write_private},
    layers, loading,
    migrations::migrate,
    nodes::Nodes,
    writer::{self, Order, Tx},
};

/// Where the store lies and what it needs to know.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:FILE`, relative to `data_dir`; or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
    /// Where an embedded database, blobs and lock lie; made with mode 0700 when it does not exist.
    pub data_dir: PathBuf,
    /// The master key; made with mode 0600 at the first start. Relative to `data_dir`.
    pub key_file: PathBuf,
    /// Raw parameters that packs list as secret: sealed like the secrets of the model.
    pub raw_secrets: RawSecrets,
    /// How many of the newest requests the log keeps.
    pub request_log_rows: u64,
    /// Where the database holds the bytes of files: how many of them the data directory may have as copies.
    pub blob_cache: u64,
    /// How much of the past is kept.
    pub history: HistoryLimits,
}

impl StoreOptions {
    /// The usual names in a data directory: `offhook.db`, `secret.key`; 100,000 requests; the usual history.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            url: "sqlite:offhook.db".into(),
            data_dir: data_dir.into(),
            key_file: "secret.key".into(),
            raw_secrets: RawSecrets::default(),
            request_log_rows: 100_000,
            blob_cache: 4 << 30,
            history: HistoryLimits::default(),
        }
    }
}

impl std::fmt::Debug for StoreOptions {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions").field("data_dir", &self.data_dir).field("key_file", &self.key_file).finish_non_exhaustive()
    }
}

/// Why the store did not open, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// The store. Cheap to clone; all clones are the same one.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    author: Option<Arc<Author>>,
    reach: Reach,
    dry: bool,
}

type Hook = Box<dyn Fn(&[Change]) + Send + Sync>;

/// What all clones and the writer share.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sealer: Sealer,
    pub(crate) dialect: Dialect,
    pub(crate) readers: AnyPool,
    pub(crate) blobs: Blobs,
    /// The other nodes; none: this is the only one.
    pub(crate) nodes: Option<Arc<Nodes>>,
    pub(crate) request_log_rows: u64,
    pub(crate) blob_cache: u64,
    pub(crate) history: HistoryLimits,
    master: MasterKey,
    raw: RwLock<Arc<RawSecrets>>,
    configuration: RwLock<Arc<Configuration>>,
    shelf: RwLock<Arc<Shelf>>,
    library: RwLock<Arc<Library>>,
    hooks: RwLock<Vec<Hook>>,
    /// Told when a token was made or revoked.
    pub(crate) tokens: watch::Sender<()>,
    writer_failed: Mutex<Option<Error>>,
    lock: Mutex<Option<File>>,
}

impl Shared {
    pub(crate) fn configuration(&self) -> Arc<Configuration> {
        self.configuration.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn shelf(&self) -> Arc<Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn library(&self) -> Arc<Library> {
        self.library.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn raw_secrets(&self) -> Arc<RawSecrets> {
        self.raw.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// After a commit: what is in memory becomes what is on disk, and caches learn of it.
    pub(crate) fn publish(&self, tx: &Tx, changes: &[Change]) {
        *self.configuration.write().unwrap_or_else(PoisonError::into_inner) = tx.configuration.clone();
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = tx.shelf.clone();
        *self.library.write().unwrap_or_else(PoisonError::into_inner) = tx.library.clone();
        if changes.is_empty() {
            return;
        }
        if changes.iter().any(|change| matches!(change.what, What::Token { .. } | What::Everything)) {
            self.tokens.send_replace(());
        }
        for hook in self.hooks.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if catch_unwind(AssertUnwindSafe(|| hook(changes))).is_err() {
                tracing::error!("a cache failed to take in changes");
            }
        }
    }

    /// What became of the newest transaction, for health. Whether that is news.
    pub(crate) fn note_writer(&self, error: Option<&Error>) -> bool {
        let mut noted = guard(&self.writer_failed);
        let news = noted.is_some() != error.is_some();
        *noted = error.cloned();
        news
    }

    /// The key, for a backup that is asked to hold it.
    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Another process may open the store now.
    pub(crate) fn unlock(&self) {
        guard(&self.lock).take();
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Opens the store, or makes it when there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// In words for the operator: what is wrong with directory, key, database or another process, and what to do.
    pub async fn open(options: StoreOptions, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Store, OpenError> {
        open(options, clock, entropy).await.map_err(OpenError)
    }

    /// The same store, whose writes are made in this name.
    #[must_use]
    pub fn by(&self, author: Author) -> Self {
        Self { author: Some(Arc::new(author)), ..self.clone() }
    }

    /// The same store as somebody sees it who is for some tenants: nothing of another tenant is shown, counted or changed, and what is no
    /// tenant's is shown and not changed.
    #[must_use]
    pub fn within(&self, reach: Reach) -> Self {
        Self { reach, ..self.clone() }
    }

    /// Whose things this handle shows and changes.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The same store, whose writes are checked and answered as if they were made, and undone.
    #[must_use]
    pub fn dry(&self) -> Self {
        Self { dry: true, ..self.clone() }
    }

    /// The same store, whose writes bring an earlier revision back.
    #[must_use]
    pub fn restoring(&self, revision: u64) -> Self {
        let author = self.author.as_deref().cloned().map(|author| Arc::new(Author { restores: Some(revision), ..author }));
        Self { author, ..self.clone() }
    }

    /// Whether writes are made in somebody's name.
    pub(crate) fn has_author(&self) -> bool {
        self.author.is_some()
    }

    /// Whether writes are only tried.
    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// Replaces the list of raw parameters that are secret (packs were loaded again). Holds for later writes.
    pub fn set_raw_secrets(&self, raw: RawSecrets) {
        *self.shared.raw.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(raw);
    }

    /// Site, tenants and profiles, secrets in clear. Replaced as a whole, before the write that changed it is acknowledged.
    pub fn configuration(&self) -> Arc<Configuration> {
        let whole = self.shared.configuration();
        if self.reach.is_all() { whole } else { Arc::new(whole.within(&self.reach)) }
    }

    /// The names of stored firmware. Replaced as a whole like the configuration.
    pub fn shelf(&self) -> Arc<Shelf> {
        self.shared.shelf()
    }

    /// Calls the hook after each commit, before its writes are acknowledged, so that a cache can drop what changed.
    /// It must be quick and must not call the store.
    pub fn on_change(&self, hook: impl Fn(&[Change]) + Send + Sync + 'static) {
        self.shared.hooks.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(hook));
    }

    /// A key of 256 bits derived from the master key for one purpose (`"generate"`, `"hash"` …): HMAC-SHA-256 (RFC 2104)
    /// over the purpose. The master key itself never leaves the store.
    pub fn master_key_for(&self, purpose: &str) -> [u8; 32] {
        self.shared.master.derive(&format!("use: {purpose}"))
    }

    /// Whether reads and writes work now; the error says what does not.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn health(&self) -> Result<()> {
        if self.orders.is_closed() {
            return Err(Error::Unavailable("the store is closed".into()));
        }
        if let Some(error) = guard(&self.shared.writer_failed).clone() {
            return Err(error);
        }
        let read = sqlx::query("SELECT revision FROM site").fetch_one(&self.shared.readers);
        match tokio::time::timeout(Duration::from_secs(2), read).await {
            Ok(answer) => answer.map(drop).map_err(|e| Error::Unavailable(failed(e).to_string())),
            Err(_) => Err(Error::Unavailable("the database did not answer within 2 s".into())),
        }
    }

    /// Writes what waits, brings the write-ahead log home and gives the data directory free. Later writes are refused.
    ///
    /// # Errors
    /// When the log could not be brought home; nothing is lost by that.
    pub async fn close(&self) -> Result<()> {
        let (done, wait) = oneshot::channel();
        if self.orders.send(Order::Close(done)).await.is_err() {
            return Ok(());
        }
        wait.await.unwrap_or(Ok(()))
    }

    /// Hands work to the writer; see [`writer::write`].
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let by = (self.author.clone(), self.reach.clone());
        writer::write(&self.orders, by, self.dry, work).await
    }
}

async fn open(options: StoreOptions, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Store, String> {
    let dir = &options.data_dir;
    make_dir(dir)?;
    let lock = lock(dir)?;
    let database = Database::from_url(&options.url, dir)?;
    let key_file = dir.join(&options.key_file);
    // An embedded database is begun with the key; a shared one tells whether it has one.
    let own_key = match &database.file {
        Some(file) => {
            let stored = fs::metadata(file).is_ok_and(|m| m.len() > 0);
            let master = master_key(stored, &database, &key_file, &*entropy)?;
            make_private(file)?;
            Some(master)
        }
        None => None,
    };
    let cannot = |e: sqlx::Error| format!("{} cannot be opened: {e}", database.name);
    let mut conn = database.connect().await.map_err(cannot)?;
    database.check(&mut conn).await?;
    migrate(&database, &mut conn, clock.now().as_millis()).await?;

    // What is read and made at the start is of one moment, which other nodes do not write in.
    database.begin(&mut conn).await.map_err(cannot)?;
    let check = key_check(&mut conn).await.map_err(cannot)?;
    let master = match own_key {
        Some(master) => master,
        None => master_key(check.is_some(), &database, &key_file, &*entropy)?,
    };
    let sealer = Sealer::new(&master);
    check_key(&mut conn, check, &sealer, &key_file, &*entropy).await?;
    let held = loading::load(&mut conn, &sealer, &*clock, &*entropy).await.map_err(|e| e.to_string())?;
    layers::refresh(&mut conn).await.map_err(|e| e.to_string())?;
    let nodes = if database.is_shared() {
        blob_table::collect_unused(&mut conn, clock.now().as_millis()).await.map_err(|e| e.to_string())?;
        let me = Id::new(&*clock, &*entropy).to_string();
        let file = dir.join("node");
        let former = fs::read_to_string(&file).unwrap_or_default();
        write_private(&file, me.as_bytes()).map_err(|e| format!("{} cannot be written: {e}", file.display()))?;
        Some(Arc::new(Nodes::join(&mut conn, me, &former, held.seq).await.map_err(|e| e.to_string())?))
    } else {
        None
    };
    sqlx::query("COMMIT").execute(&mut conn).await.map_err(cannot)?;
    let telling = match &nodes {
        Some(nodes) => Some(nodes.start(database.telling().map_err(cannot)?)),
        None => None,
    };

    let shared = Arc::new(Shared {
        readers: database.readers().await.map_err(cannot)?,
        blobs: Blobs::open(&dir.join("blobs"), held.blobs).map_err(|e| format!("{}: {e}", dir.join("blobs").display()))?,
        request_log_rows: options.request_log_rows,
        blob_cache: options.blob_cache,
        history: options.history,
        clock,
        entropy,
        sealer,
        dialect: database.dialect,
        nodes,
        master,
        raw: RwLock::new(Arc::new(options.raw_secrets)),
        configuration: RwLock::new(Arc::new(held.configuration)),
        shelf: RwLock::new(Arc::new(held.shelf)),
        library: RwLock::new(Arc::new(held.library)),
        hooks: RwLock::default(),
        tokens: watch::Sender::new(()),
        writer_failed: Mutex::default(),
        lock: Mutex::new(Some(lock)),
    });
    let (orders, receiver) = mpsc::channel(writer::QUEUE);
    tokio::spawn(writer::run(Tx::new(conn, shared.clone(), held.seq, held.logged), database, receiver, telling));
    Ok(Store { shared, orders, author: None, reach: Reach::ALL, dry: false })
}

pub(crate) fn make_dir(dir: &Path) -> Result<(), String> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| format!("the data directory {} cannot be made: {e}; make it, or set data_dir", dir.display()))
}

/// Keeps a second process out for as long as the file is open; the kernel gives it free when this process ends in whatever way.
fn lock(dir: &Path) -> Result<File, String> {
    let path = dir.join("store.lock");
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|e| format!("{} cannot be opened: {e}", path.display()))?;
    file.try_lock().map(|()| file).map_err(|_| {
        format!("another offhook already runs on the data directory {}: stop it first, or give this one another data_dir", dir.display())
    })
}

/// The key in the file. `stored`: the database was written with one, and another would not do.
fn master_key(stored: bool, database: &Database, key_file: &Path, entropy: &dyn Entropy) -> Result<MasterKey, String> {
    match MasterKey::read(key_file)? {
        Some(key) => {
            if fs::metadata(key_file).is_ok_and(|m| m.permissions().mode() & 0o077 != 0) {
                tracing::warn!(file = %key_file.display(), "others than its owner may read the key file: chmod 600 it");
            }
            Ok(key)
        }
        None if stored => Err(format!(
            "{} is there but its key file {} is not, and without it no secret can be read: {}",
            database.name,
            key_file.display(),
            if database.is_shared() {
                "copy the key file of another node, or restore it from a backup"
            } else {
                "restore the key file from a backup (or, to begin anew, move the database away)"
            }
        )),
        None => MasterKey::create(key_file, entropy),
    }
}

/// The database's files get the mode of the first: its owner's alone.
pub(crate) fn make_private(file: &Path) -> Result<(), String> {
    let made = File::options().create(true).truncate(false).write(true).mode(0o600).open(file);
    made.map(drop).map_err(|e| format!("the database {} cannot be opened: {e}", file.display()))
}

pub(crate) const KEY_CHECK: &str = "meta key_check";

/// The value that was sealed at the first start.
async fn key_check(conn: &mut AnyConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT value FROM meta WHERE name = 'key_check'").fetch_optional(conn).await
}

/// It tells whether this is the key of this database.
async fn check_key(
    conn: &mut AnyConnection,
    stored: Option<String>,
    sealer: &Sealer,
    key_file: &Path,
    entropy: &dyn Entropy,
) -> Result<(), String> {
    match stored {
        Some(sealed) => match sealer.open(KEY_CHECK, &sealed) {
            Ok(_) => Ok(()),
            Err(_) => Err(format!(
                "the key in {} is not the one that this database was written with: restore the right key file from a backup, or copy that of another node",
                key_file.display()
            )),
        },
        None => {
            let sealed = sealer.seal(KEY_CHECK, "offhook", entropy).map_err(|e| e.to_string())?;
            let insert = sqlx::query("INSERT INTO meta (name, value) VALUES ('key_check', $1)").bind(sealed);
            insert.execute(conn).await.map(drop).map_err(|e| format!("the database cannot be written: {e}"))
        }
    }
}
