//! Moving everything from the database of a store into another, empty one, and comparing both by their contents.

use std::{collections::BTreeMap, sync::Arc, sync::atomic::Ordering};

use futures_util::TryStreamExt;
use offhook_core::{
    Error, Result,
    clock::{Clock, Entropy},
};

use crate::{
    OpenError, Progress, Store, StoreOptions,
    backup::{blobs, run},
    blob_table,
    database::{Database, failed},
    dump::{self, Filling, Sum, Summing, TABLES},
    migrations::migrate,
};

/// What was moved, and proved to be there: the same rows by the same sums in both databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Each table with its rows.
    pub tables: BTreeMap<String, Sum>,
    /// What the other database is called, without a password.
    pub to: String,
}

/// Copies everything of the store that `from` opens, which nobody else may have open, into the database `to`, which must be empty. The store
/// is left as it is.
///
/// # Errors
/// In words for the operator. The other database is then as empty as before, but for its schema.
pub async fn move_to(
    from: StoreOptions,
    to: &str,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    progress: Progress,
) -> Result<Moved, OpenError> {
    let target = Database::from_url(to, &from.data_dir).map_err(|e| OpenError(e.replace("store.url", "the address to move to")))?;
    if from.url == to || (target.file.is_some() && target.file == Database::from_url(&from.url, &from.data_dir).map_err(OpenError)?.file) {
        return Err(OpenError(format!("{} is the database that is in use: name another one", target.name)));
    }
    // Every copy is needed, and none may make room for another.
    let from = StoreOptions { blob_cache: u64::MAX, ..from };
    let store = Store::open(from, clock.clone(), entropy).await?;
    let moved = copy(&store, &target, &*clock, &progress).await;
    let _ = store.close().await;
    moved.map_err(|e| OpenError(e.to_string()))
}

async fn copy(store: &Store, target: &Database, clock: &dyn Clock, progress: &Progress) -> Result<Moved> {
    if let Some(file) = &target.file {
        crate::store::make_private(file).map_err(Error::Unavailable)?;
    }
    let cannot = |e: sqlx::Error| Error::Unavailable(format!("{} cannot be opened: {e}", target.name));
    let mut conn = target.connect().await.map_err(cannot)?;
    target.check(&mut conn).await.map_err(Error::Unavailable)?;
    migrate(target, &mut conn, clock.now().as_millis()).await.map_err(Error::Unavailable)?;
    target.begin(&mut conn).await.map_err(failed)?;
    for table in TABLES {
        if dump::sum(&mut conn, *table).await?.rows > 0 {
            return Err(Error::Conflict(format!(
                "{} is not empty: its table {} has rows. Name an empty database",
                target.name, table.name
            )));
        }
    }
    let mut source = store.snapshot().await?;
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let (mut filling, mut sum) = (Filling::default(), Summing::default());
        let mut lines = dump::lines(&mut source, *table);
        while let Some(line) = lines.try_next().await? {
            sum.add(&line);
            filling.add(&mut conn, *table, &line).await?;
            progress.fetch_add(1, Ordering::Relaxed);
        }
        drop(lines);
        filling.flush(&mut conn).await?;
        let (sum, there) = (sum.finish(), dump::sum(&mut conn, *table).await?);
        if there != sum {
            let why = format!("{} rows with the sum {} were read, {} with {} are there", sum.rows, sum.sha256, there.rows, there.sha256);
            return Err(Error::Internal(format!("the table {} is not the same in both databases ({why}): nothing was moved", table.name)));
        }
        tables.insert(table.name.to_owned(), sum);
    }
    // Bytes go into a database that nodes share; the folder of the data directory has them already for an embedded one.
    for (sha256, size) in blobs(&mut conn).await? {
        drop(store.open_blob(&sha256, size.cast_unsigned(), || format!("the stored file {sha256}")).await?);
        if target.is_shared() {
            blob_table::put(&mut conn, &store.shared.blobs.path(&sha256), &sha256, clock.now().as_millis()).await?;
            let there = blob_table::sum(&mut conn, &sha256).await?;
            if there != sha256 {
                return Err(Error::Internal(format!("the bytes of {sha256} are not the same in both: nothing was moved")));
            }
        }
    }
    run(&mut conn, "COMMIT").await?;
    target.checkpoint(&mut conn).await.map_err(failed)?;
    Ok(Moved { tables, to: target.name.clone() })
}
