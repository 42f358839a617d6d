//! The one writer. Waiting writes are taken together into one transaction, each in its savepoint, so that a failing one
//! takes no other along; after one commit the values in memory are replaced, the caches told, and all are acknowledged.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use offhook_core::{Error, Id, Result, clock::Timestamp, configuration::Configuration, token::Reach};
use sqlx::{AnyConnection, AssertSqlSafe};
use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};

use crate::{
    Author, Change, Library, Shelf, What,
    blob::Row,
    database::{Database, failed},
    nodes::{self, Nodes},
    store::Shared,
};

/// The most writes of one transaction: bounds how long the first of them waits.
const BATCH: usize = 256;
/// How long a look for what other nodes wrote may take.
const LOOK: Duration = Duration::from_secs(5);
/// Writes that may wait before the next one has to wait outside.
pub(crate) const QUEUE: usize = 1024;

/// What a write works with.
pub(crate) struct Tx {
    /// The connection, inside the transaction.
    pub(crate) conn: AnyConnection,
    /// The moment of this write.
    pub(crate) now: Timestamp,
    /// Who makes this write; none: the server itself.
    pub(crate) author: Option<Arc<Author>>,
    /// Whose things this write may touch.
    pub(crate) reach: Reach,
    /// The configuration as earlier writes of the transaction left it; a write that changes it replaces it.
    pub(crate) configuration: Arc<Configuration>,
    /// Firmware names, likewise.
    pub(crate) shelf: Arc<Shelf>,
    /// Assets and phone books, likewise.
    pub(crate) library: Arc<Library>,
    /// Key, clock, limits.
    pub(crate) shared: Arc<Shared>,
    /// Rows of the request log.
    pub(crate) logged: u64,
    /// How many those were when they were counted.
    pub(crate) counted: u64,
    /// Sets of layers that surely have a row.
    pub(crate) layer_sets: HashSet<String>,
    /// Rows that name a blob and came or went.
    pub(crate) blobs: Vec<Row>,
    /// The millisecond of the newest entry of the audit log, and how many it had before.
    pub(crate) told: (i64, u32),
    changes: Vec<Change>,
    seq: u64,
}

/// What can be undone in memory when a savepoint is.
pub(crate) struct Mark {
    configuration: Arc<Configuration>,
    shelf: Arc<Shelf>,
    library: Arc<Library>,
    changes: usize,
    blobs: usize,
    logged: u64,
    seq: u64,
}

impl Tx {
    /// At the start: what was just read.
    pub(crate) fn new(conn: AnyConnection, shared: Arc<Shared>, seq: u64, logged: u64) -> Self {
        let (configuration, shelf, library) = (shared.configuration(), shared.shelf(), shared.library());
        Self {
            conn,
            now: shared.clock.now(),
            author: None,
            reach: Reach::ALL,
            configuration,
            shelf,
            library,
            shared,
            logged,
            counted: logged,
            layer_sets: HashSet::new(),
            blobs: Vec::new(),
            told: (0, 0),
            changes: Vec::new(),
            seq,
        }
    }

    /// Whether the writer knows of a tenant of that name.
    pub(crate) fn has_tenant(&self, name: &str) -> bool {
        self.configuration.tenants.contains_key(name) && self.reach.sees(Some(name))
    }

    /// Refuses to touch a stored thing that is not the writer's: another tenant's is not there, and what is no tenant's stays.
    pub(crate) fn must_own(&self, noun: &'static str, key: impl ToString, tenant: Option<&str>) -> Result<()> {
        self.reach.must_see(noun, key, tenant)?;
        self.reach.may_write_in(tenant)
    }

    /// A new id.
    pub(crate) fn new_id(&self) -> Id {
        Id::new(&*self.shared.clock, &*self.shared.entropy)
    }

    /// Notes a change, in the database too.
    pub(crate) async fn changed(&mut self, what: What) -> Result<u64> {
        self.seq += 1;
        sqlx::query("INSERT INTO changes (seq, noun, id) VALUES ($1, $2, $3)")
            .bind(self.seq.cast_signed())
            .bind(what.noun())
            .bind(what.key())
            .execute(&mut self.conn)
            .await
            .map_err(failed)?;
        self.changes.push(Change { seq: self.seq, what });
        Ok(self.seq)
    }

    /// Changes of others, up to this one, are in memory now.
    pub(crate) fn seen_up_to(&mut self, seq: u64) {
        self.seq = seq;
    }

    /// The newest change before this transaction, and now.
    pub(crate) fn seqs(&self) -> (u64, u64) {
        (self.changes.first().map_or(self.seq, |c| c.seq.saturating_sub(1)), self.seq)
    }

    /// Begins a part of a write that may fail by itself. Parts do not lie within each other.
    pub(crate) async fn begin_part(&mut self) -> Result<Mark> {
        self.run("SAVEPOINT part").await?;
        Ok(self.mark())
    }

    /// Ends a part: nothing of it stays, in memory neither, unless it is kept.
    pub(crate) async fn end_part(&mut self, part: Mark, keep: bool) -> Result<()> {
        if !keep {
            self.back_to(part);
            self.run("ROLLBACK TO SAVEPOINT part").await?;
        }
        self.run("RELEASE SAVEPOINT part").await
    }

    fn mark(&self) -> Mark {
        Mark {
            configuration: self.configuration.clone(),
            shelf: self.shelf.clone(),
            library: self.library.clone(),
            changes: self.changes.len(),
            blobs: self.blobs.len(),
            logged: self.logged,
            seq: self.seq,
        }
    }

    fn back_to(&mut self, mark: Mark) {
        self.configuration = mark.configuration;
        self.shelf = mark.shelf;
        self.library = mark.library;
        self.changes.truncate(mark.changes);
        self.blobs.truncate(mark.blobs);
        self.logged = mark.logged;
        self.seq = mark.seq;
        self.layer_sets.clear();
    }

    async fn run(&mut self, sql: &'static str) -> Result<()> {
        sqlx::query(sql).execute(&mut self.conn).await.map(drop).map_err(failed)
    }
}

/// Tells the waiting caller whether its write is durable.
type Acknowledge = Box<dyn FnOnce(Result<()>) + Send>;
/// A write: says whether it is to be kept, and how to acknowledge it.
type Job = Box<dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, (bool, Acknowledge)> + Send>;

/// What the writer is asked.
pub(crate) enum Order {
    /// One write.
    Write(Job),
    /// Finish, bring the log home, end.
    Close(oneshot::Sender<Result<()>>),
}

/// Hands a write to the writer and waits until it is durable; a dry one until it is undone.
pub(crate) async fn write<T, F>(
    orders: &mpsc::Sender<Order>,
    (author, reach): (Option<Arc<Author>>, Reach),
    dry: bool,
    work: F,
) -> Result<T>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    let (send, receive) = oneshot::channel();
    let job: Job = Box::new(move |tx| {
        async move {
            (tx.author, tx.reach) = (author, reach);
            let caught = AssertUnwindSafe(async { work(tx).await }).catch_unwind().await;
            let result = caught.unwrap_or_else(|_| Err(Error::Internal("a write panicked; nothing of it was stored".into())));
            let keep = result.is_ok() && !dry;
            let acknowledge: Acknowledge = Box::new(move |durable| {
                let _ = send.send(result.and_then(|value| durable.map(|()| value)));
            });
            (keep, acknowledge)
        }
        .boxed()
    });
    orders.send(Order::Write(job)).await.map_err(|_| closed())?;
    receive.await.unwrap_or_else(|_| Err(closed()))
}

fn closed() -> Error {
    Error::Unavailable("the store takes no writes: it was closed, or its database failed".into())
}

/// Runs until it is told to close or every handle of the store is gone. `telling`: what tells other nodes of this one.
pub(crate) async fn run(mut tx: Tx, database: Database, mut orders: mpsc::Receiver<Order>, telling: Option<JoinHandle<()>>) {
    let mut closing = None;
    let mut waiting_for_others = JoinSet::new();
    let shared = tx.shared.clone();
    while closing.is_none() {
        let mut waiting = Vec::new();
        let count = tokio::select! {
            count = orders.recv_many(&mut waiting, BATCH) => count,
            () = news(shared.nodes.as_deref()) => {
                look(&mut tx, &database).await;
                continue;
            }
        };
        if count == 0 {
            break;
        }
        let mut jobs = Vec::with_capacity(waiting.len());
        for order in waiting {
            match order {
                Order::Write(job) => jobs.push(job),
                Order::Close(done) => {
                    orders.close();
                    closing = Some(done);
                }
            }
        }
        if !jobs.is_empty() {
            batch(&mut tx, &database, jobs, &mut waiting_for_others).await;
        }
        while waiting_for_others.try_join_next().is_some() {}
    }
    while let Some(order) = orders.recv().await {
        match order {
            Order::Write(job) => batch(&mut tx, &database, vec![job], &mut waiting_for_others).await,
            Order::Close(done) => drop(done.send(Ok(()))),
        }
    }
    while waiting_for_others.join_next().await.is_some() {}
    let end = database.checkpoint(&mut tx.conn).await.map_err(failed);
    let _ = sqlx::Connection::close(tx.conn).await;
    if let Some(nodes) = &shared.nodes {
        nodes.leave();
    }
    if let Some(telling) = telling {
        let _ = telling.await;
    }
    if let Some(done) = closing {
        shared.readers.close().await;
        shared.unlock();
        let _ = done.send(end);
    }
}

/// Comes when another node may have written something.
async fn news(nodes: Option<&Nodes>) {
    match nodes {
        None => std::future::pending().await,
        Some(nodes) => drop(tokio::time::timeout(nodes::BEAT, nodes.wake.notified()).await),
    }
}

/// Takes in what other nodes wrote, and finds out whether the database is there.
async fn look(tx: &mut Tx, database: &Database) {
    let mut result = looked(tx).await;
    if result.is_err() {
        // The connection may be at fault alone.
        result = match database.connect().await {
            Ok(fresh) => {
                tx.conn = fresh;
                looked(tx).await
            }
            Err(error) => Err(failed(error)),
        };
    }
    let result = result.map_err(|error| Error::Unavailable(format!("the database cannot be reached: {error}")));
    if tx.shared.note_writer(result.as_ref().err()) {
        match &result {
            Ok(()) => tracing::info!("the database is there again"),
            Err(error) => tracing::error!(%error, "what is in memory is served on; writes are refused"),
        }
    }
}

async fn looked(tx: &mut Tx) -> Result<()> {
    let Some(nodes) = tx.shared.nodes.clone() else { return Ok(()) };
    let look = async {
        let mut news = nodes.news(&mut tx.conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", tx.seq).await?;
        nodes::take_in(tx, &nodes, news.changes()).await?;
        tx.run("COMMIT").await
    };
    let late = || Err(Error::Unavailable("it does not answer".into()));
    tokio::time::timeout(LOOK, look).await.unwrap_or_else(|_| late())
}

async fn batch(tx: &mut Tx, database: &Database, jobs: Vec<Job>, waiting_for_others: &mut JoinSet<()>) {
    let mut acknowledgements = Vec::with_capacity(jobs.len());
    let others = match begin(tx, database).await {
        Ok(others) => others,
        Err(error) => {
            tracing::error!(%error, "no transaction could be begun; its writes were refused");
            tx.shared.note_writer(Some(&error));
            start_over(tx, database).await;
            return;
        }
    };
    let before = tx.mark();
    let result = transaction(tx, jobs, &mut acknowledgements, !others.is_empty()).await;
    let (changes, blobs) = (std::mem::take(&mut tx.changes), std::mem::take(&mut tx.blobs));
    let mut failed_transaction = false;
    match &result {
        Ok(()) => {
            tx.shared.publish(tx, &changes);
            tx.shared.blobs.committed(&blobs);
        }
        Err(error) => {
            tracing::error!(%error, "a transaction failed; its writes were refused");
            tx.back_to(before);
            failed_transaction = true;
        }
    }
    tx.shared.note_writer(result.as_ref().err());
    let acknowledge = move || acknowledgements.into_iter().for_each(|acknowledge| acknowledge(result.clone()));
    match (changes.last(), tx.shared.nodes.clone()) {
        (Some(last), Some(nodes)) if !others.is_empty() => {
            let seq = last.seq;
            // The next transaction does not wait for that.
            waiting_for_others.spawn(async move {
                nodes.wait_for(&others, seq).await;
                acknowledge();
            });
        }
        _ => acknowledge(),
    }
    if failed_transaction {
        start_over(tx, database).await;
    }
}

/// Nothing of a transaction that failed is left: another connection, when there is one to be had.
async fn start_over(tx: &mut Tx, database: &Database) {
    let _ = tx.run("ROLLBACK").await;
    match database.connect().await {
        Ok(fresh) => tx.conn = fresh,
        Err(error) => tracing::error!(%error, "the database cannot be reached"),
    }
}

/// Begins a transaction; memory is what the database holds then. Gives the other nodes.
async fn begin(tx: &mut Tx, database: &Database) -> Result<Vec<String>> {
    let Some(nodes) = tx.shared.nodes.clone() else {
        return database.begin(&mut tx.conn).await.map(|()| Vec::new()).map_err(|e| unavailable(failed(e)));
    };
    let writing = database.writing();
    let mut news = nodes.news(&mut tx.conn, &writing, tx.seq).await;
    if news.is_err() {
        // The connection may have been cut since; nothing is lost by another.
        tx.conn = database.connect().await.map_err(|e| unavailable(failed(e)))?;
        news = nodes.news(&mut tx.conn, &writing, tx.seq).await;
    }
    let mut news = news.map_err(unavailable)?;
    // Others may have taken away what had a row.
    tx.layer_sets.clear();
    nodes::take_in(tx, &nodes, news.changes()).await.map_err(unavailable)?;
    Ok(news.others)
}

/// The writes and the end of a transaction that was begun.
async fn transaction(tx: &mut Tx, jobs: Vec<Job>, acknowledgements: &mut Vec<Acknowledge>, others: bool) -> Result<()> {
    for job in jobs {
        let mark = tx.mark();
        tx.now = tx.shared.clock.now();
        tx.run("SAVEPOINT job").await.map_err(unavailable)?;
        let (keep, acknowledge) = job(tx).await;
        acknowledgements.push(acknowledge);
        if !keep {
            tx.back_to(mark);
            tx.run("ROLLBACK TO SAVEPOINT job").await.map_err(unavailable)?;
        }
        tx.run("RELEASE SAVEPOINT job").await.map_err(unavailable)?;
    }
    crate::blob_table::settle(tx).await.map_err(unavailable)?;
    crate::change::trim(tx).await.map_err(unavailable)?;
    match tx.shared.nodes.clone().filter(|_| others && !tx.changes.is_empty()) {
        Some(nodes) => {
            let sql = format!("{}; COMMIT", nodes.notice(tx.seq));
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut tx.conn).await.map(drop).map_err(|e| unavailable(failed(e)))
        }
        None => tx.run("COMMIT").await.map_err(unavailable),
    }
}

/// A transaction that fails as a whole is nobody's mistake who wrote.
fn unavailable(error: Error) -> Error {
    Error::Unavailable(format!("the write could not be made durable (is the disk full, the database away?): {error}"))
}
