//! Several nodes on one database (PostgreSQL): what each tells and hears, and how long a write waits for the others.
//!
//! The table `changes` is the truth; notices only say that there is something in it. The writer task, which owns what is held in memory,
//! reads it at the beginning of each of its transactions, whenever a notice comes, once a second, and after each loss of a connection. A
//! node tells how far it is; a write is acknowledged when the others that live have taken it in, or after [`WAIT`].

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use offhook_core::Result;
use sqlx::{
    AnyConnection, AssertSqlSafe, PgPool,
    postgres::{PgListener, PgNotification},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::MissedTickBehavior,
};

use crate::{Change, Store, What, database::failed, loading, row, store::Shared, writer::Tx};

/// The longest that a write waits for other nodes.
const WAIT: Duration = Duration::from_secs(1);
/// How often a node tells that it lives, and looks without a notice.
pub(crate) const BEAT: Duration = Duration::from_secs(1);
/// Milliseconds after which a node that tells nothing counts no more.
const DEAD: i64 = 5_000;
/// Milliseconds after which it is forgotten.
const FORGOTTEN: i64 = 3_600_000;
/// How long one thing that is told may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Told of changes, with the newest.
const CHANGES: &str = "offhook_changes";
/// Told of changes that were taken in: node, newest.
const APPLIED: &str = "offhook_applied";
/// The database's clock, in milliseconds: those of the nodes may differ.
const NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";

/// This node among the others.
pub(crate) struct Nodes {
    me: String,
    /// There may be something to read.
    pub(crate) wake: Notify,
    told: Mutex<Told>,
    tell: Notify,
    /// How far the others are, as they told.
    applied: watch::Sender<HashMap<String, u64>>,
    /// Whom a write waited for in vain, and up to which change.
    late: Mutex<HashMap<String, u64>>,
    packs: Packs,
    end: watch::Sender<bool>,
}

/// What this node tells.
#[derive(Default)]
struct Told {
    applied: u64,
    /// The first change of packs that are not loaded yet: it is not told before they are.
    unloaded: Option<u64>,
}

/// Packs that others changed.
struct Packs {
    newest: watch::Sender<u64>,
    loaded: AtomicU64,
    /// Somebody loads them.
    wanted: AtomicBool,
}

/// What was read at the beginning of a transaction.
pub(crate) struct News {
    changes: Vec<Change>,
    /// The other nodes that live and are waited for.
    pub(crate) others: Vec<String>,
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Nodes {
    /// A node that joins those of the database; inside the transaction that reads what it starts with, so that every later write of
    /// another knows of it. `former`: what it was called before it ended, in whatever way: nobody need wait for that.
    pub(crate) async fn join(conn: &mut AnyConnection, me: String, former: &str, seq: u64) -> Result<Self> {
        let forget = format!("DELETE FROM nodes WHERE id = $1 OR beat < {NOW} - {FORGOTTEN}");
        sqlx::query(AssertSqlSafe(forget)).bind(former).execute(&mut *conn).await.map_err(failed)?;
        let join = format!("INSERT INTO nodes (id, beat, applied) VALUES ($1, {NOW}, $2)");
        sqlx::query(AssertSqlSafe(join)).bind(&me).bind(seq.cast_signed()).execute(conn).await.map_err(failed)?;
        Ok(Self {
            me,
            wake: Notify::new(),
            told: Mutex::new(Told { applied: seq, unloaded: None }),
            tell: Notify::new(),
            applied: watch::Sender::default(),
            late: Mutex::default(),
            packs: Packs { newest: watch::Sender::new(seq), loaded: AtomicU64::new(seq), wanted: AtomicBool::new(false) },
            end: watch::Sender::new(false),
        })
    }

    /// What stands behind `known`, and who else is there; in one answer with what `begin` begins.
    pub(crate) async fn news(&self, conn: &mut AnyConnection, begin: &str, known: u64) -> Result<News> {
        // The ids are of this program.
        let sql = format!(
            "{begin}; SELECT seq, noun, id FROM changes WHERE seq >= {known} \
             UNION ALL SELECT applied, 'node', id FROM nodes WHERE id <> '{}' AND beat > {NOW} - {DEAD} ORDER BY seq",
            self.me
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *conn).await.map_err(failed)?;
        let (mut changes, mut others) = (Vec::new(), HashMap::new());
        for found in &rows {
            // What `begin` answers has no such columns.
            let Ok(seq) = row::number(found, "seq") else { continue };
            let (noun, key) = (row::text(found, "noun")?, row::text(found, "id")?);
            if noun == "node" {
                others.insert(key, seq);
            } else {
                changes.push(Change { seq, what: What::read(&noun, &key) });
            }
        }
        // The newest known one is there, unless this node was away for too long, or the database is another.
        if known > 0 && changes.first().map(|c| c.seq) != Some(known) {
            let seq = loading::newest_change(conn).await?;
            return Ok(News { changes: vec![Change { seq, what: What::Everything }], others: self.waited_for(others) });
        }
        changes.retain(|c| c.seq > known);
        Ok(News { changes, others: self.waited_for(others) })
    }

    /// Those that are worth waiting for: who was late counts again when it has made up for that.
    fn waited_for(&self, others: HashMap<String, u64>) -> Vec<String> {
        let mut late = guard(&self.late);
        late.retain(|node, seq| others.get(node).is_some_and(|applied| applied < seq));
        let names = others.keys().filter(|node| !late.contains_key(*node)).cloned().collect();
        self.applied.send_modify(|applied| {
            // What was heard meanwhile may be newer than what was read.
            let newer = |node: &String, seq: u64| applied.get(node).map_or(seq, |a| seq.max(*a));
            *applied = others.into_iter().map(|(node, seq)| (node.clone(), newer(&node, seq))).collect();
        });
        names
    }

    /// Waits until these nodes have taken in a change, or for so long as a write waits.
    pub(crate) async fn wait_for(&self, others: &[String], seq: u64) {
        let mut applied = self.applied.subscribe();
        let have = |applied: &HashMap<String, u64>| others.iter().all(|o| applied.get(o).is_some_and(|a| *a >= seq));
        if tokio::time::timeout(WAIT, applied.wait_for(have)).await.is_ok() {
            return;
        }
        let applied = self.applied.borrow().clone();
        for other in others.iter().filter(|o| applied.get(*o).is_none_or(|a| *a < seq)) {
            tracing::warn!(node = %other, "a node has not taken in a change within a second; writes do not wait for it until it has");
            guard(&self.late).insert(other.clone(), seq);
        }
    }

    /// What makes a notice of a change that is committed.
    pub(crate) fn notice(&self, seq: u64) -> String {
        format!("NOTIFY {CHANGES}, '{seq}'")
    }

    /// Changes of others are in memory now.
    fn took_in(&self, changes: &[Change]) {
        let Some(last) = changes.last() else { return };
        let packs = |c: &&Change| matches!(c.what, What::Packs { .. } | What::Everything);
        let mut told = guard(&self.told);
        told.applied = last.seq;
        if self.packs.wanted.load(Ordering::SeqCst)
            && let Some(first) = changes.iter().find(packs)
        {
            told.unloaded.get_or_insert(first.seq);
            self.packs.newest.send_replace(last.seq);
        }
        drop(told);
        self.tell.notify_one();
    }

    fn loaded(&self, seq: u64) {
        let mut told = guard(&self.told);
        self.packs.loaded.store(seq, Ordering::SeqCst);
        let more = *self.packs.newest.borrow() > seq;
        told.unloaded = told.unloaded.filter(|_| more).map(|_| seq + 1);
        drop(told);
        self.tell.notify_one();
    }

    /// How far this node is.
    fn position(&self) -> u64 {
        let told = guard(&self.told);
        told.unloaded.map_or(told.applied, |first| first.saturating_sub(1).min(told.applied))
    }

    fn heard(&self, notification: &PgNotification) {
        let payload = notification.payload();
        if notification.channel() == CHANGES {
            self.wake.notify_one();
        } else if let Some((node, seq)) = payload.split_once(' ').and_then(|(node, seq)| Some((node, seq.parse::<u64>().ok()?))) {
            self.applied.send_modify(|applied| {
                applied.insert(node.to_owned(), seq);
            });
        }
    }

    /// The node leaves.
    pub(crate) fn leave(&self) {
        self.end.send_replace(true);
    }

    /// Hears and tells until the node leaves.
    pub(crate) fn start(self: &Arc<Self>, pool: PgPool) -> JoinHandle<()> {
        let listening = tokio::spawn(self.clone().listen(pool.clone()));
        let nodes = self.clone();
        tokio::spawn(async move {
            nodes.beat(&pool).await;
            listening.abort();
            let leave = sqlx::query("DELETE FROM nodes WHERE id = $1").bind(&nodes.me).execute(&pool);
            let _ = tokio::time::timeout(PATIENCE, leave).await;
            let _ = tokio::time::timeout(PATIENCE, pool.close()).await;
        })
    }

    async fn listen(self: Arc<Self>, pool: PgPool) {
        loop {
            if let Ok(mut listener) = PgListener::connect_with(&pool).await
                && listener.listen_all([CHANGES, APPLIED]).await.is_ok()
            {
                // Notices of the time without a connection are lost.
                self.wake.notify_one();
                while let Ok(Some(notification)) = listener.try_recv().await {
                    self.heard(&notification);
                }
                self.wake.notify_one();
            }
            tokio::time::sleep(BEAT / 4).await;
        }
    }

    async fn beat(&self, pool: &PgPool) {
        let beat = format!(
            "WITH told AS (INSERT INTO nodes (id, beat, applied) VALUES ($1, {NOW}, $2) \
             ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, applied = excluded.applied RETURNING id) \
             SELECT pg_notify('{APPLIED}', id || ' ' || CAST($2 AS TEXT)) FROM told"
        );
        let mut end = self.end.subscribe();
        let mut ticks = tokio::time::interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = end.wait_for(|ended| *ended) => return,
                _ = ticks.tick() => {}
                () = self.tell.notified() => {}
            }
            let query = sqlx::query(AssertSqlSafe(beat.clone())).bind(&self.me).bind(self.position().cast_signed());
            // One that fails is made up for by the next; that the database is away is told by who reads and writes.
            let _ = tokio::time::timeout(PATIENCE, query.execute(pool)).await;
        }
    }
}

/// Makes memory what it is after the changes of others; inside a transaction that sees them.
pub(crate) async fn take_in(tx: &mut Tx, nodes: &Nodes, changes: Vec<Change>) -> Result<()> {
    let Some(last) = changes.last().map(|c| c.seq) else { return Ok(()) };
    let any = |of: fn(&What) -> bool| changes.iter().any(|c| matches!(c.what, What::Everything) || of(&c.what));
    if any(|w| matches!(w, What::Configuration)) {
        let configuration = loading::configuration(&mut tx.conn, &tx.shared.sealer, last).await?;
        // Which packs are in use is each node's own.
        tx.configuration = Arc::new(configuration.with_packs(tx.configuration.packs.clone()));
    }
    if any(|w| matches!(w, What::Firmware { .. })) {
        tx.shelf = Arc::new(crate::firmware::load(&mut tx.conn).await?);
    }
    if any(|w| matches!(w, What::Library { .. })) {
        tx.library = Arc::new(loading::library(&mut tx.conn).await?);
    }
    tx.seen_up_to(last);
    tx.shared.publish(tx, &changes);
    nodes.took_in(&changes);
    Ok(())
}

impl News {
    /// The changes, taken out.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

/// Packs that another node changed; what it wrote counts as taken in here when this is dropped.
pub struct PacksChanged {
    shared: Arc<Shared>,
    seq: u64,
}

impl Drop for PacksChanged {
    fn drop(&mut self) {
        if let Some(nodes) = &self.shared.nodes {
            nodes.loaded(self.seq);
        }
    }
}

impl Store {
    /// Waits until another node installed or removed packs. They are to be loaded, and what this gives dropped after that: the other
    /// node's write is acknowledged then. Never comes where there is one node alone.
    pub async fn packs_changed(&self) -> PacksChanged {
        let Some(nodes) = &self.shared.nodes else { return std::future::pending().await };
        nodes.packs.wanted.store(true, Ordering::SeqCst);
        let mut newest = nodes.packs.newest.subscribe();
        let seq = newest.wait_for(|seq| *seq > nodes.packs.loaded.load(Ordering::SeqCst)).await.map(|seq| *seq);
        match seq {
            Ok(seq) => PacksChanged { shared: self.shared.clone(), seq },
            Err(_) => std::future::pending().await,
        }
    }
}
