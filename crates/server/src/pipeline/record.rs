//! After the answer: what happened goes into the request log, to those who follow it, and in batches into the store. Never
//! on the request's path: when more comes than can be written, the log loses entries and says how many.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use offhook_core::{Id, clock::Timestamp};
use offhook_store::{Seen, Store};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{RequestEntry, RequestFilter};
use crate::event::Metrics;

/// Entries on their way to the store; more are dropped and counted.
const QUEUE: usize = 16_384;
/// Entries written together.
const BATCH: usize = 1024;
/// Log rows written per batch; of a storm the newest are kept.
const ROWS_PER_BATCH: usize = 256;
/// How long an entry may wait for others, so that one commit serves many.
const DELAY: Duration = Duration::from_millis(200);
/// How long a person's question waits for what was recorded before it.
const SETTLE: Duration = Duration::from_secs(1);
/// Entries in memory.
const RECENT: usize = 4096;
/// What a slow follower may lag behind.
const FOLLOW: usize = 1024;

/// What comes through the queue.
enum Item {
    /// A request.
    Entry(Arc<RequestEntry>, Box<Seen>),
    /// Everything before is to be written now.
    Settle(oneshot::Sender<()>),
}

/// The sending side, shared by all requests.
pub struct Recorder {
    queue: mpsc::Sender<Item>,
    recent: Mutex<VecDeque<Arc<RequestEntry>>>,
    followers: broadcast::Sender<Arc<RequestEntry>>,
    counter: AtomicU32,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// The recorder and the task that writes; the task ends after `stop` when all is written.
    pub fn start(store: Store, metrics: Arc<Metrics>, stop: CancellationToken) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let (queue, entries) = mpsc::channel(QUEUE);
        let (followers, _) = broadcast::channel(FOLLOW);
        let recorder = Arc::new(Self { queue, recent: Mutex::default(), followers, counter: AtomicU32::new(0), metrics: metrics.clone() });
        (recorder, tokio::spawn(write(store, entries, metrics, stop)))
    }

    /// An id that sorts after all earlier ones, also within a millisecond.
    pub fn next_id(&self, at: Timestamp) -> Id {
        let mut random = [0; 10];
        let number = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        if let Some(place) = random.get_mut(3..7) {
            place.copy_from_slice(&number);
        }
        Id::from_parts(at, random)
    }

    /// Takes one entry.
    pub fn record(&self, entry: RequestEntry, seen: Seen) {
        let entry = Arc::new(entry);
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() >= RECENT {
                recent.pop_front();
            }
            recent.push_back(entry.clone());
        }
        if self.followers.receiver_count() > 0 {
            let _ = self.followers.send(entry.clone());
        }
        if self.queue.try_send(Item::Entry(entry, Box::new(seen))).is_err() {
            self.metrics.request_log_dropped.inc();
        }
    }

    /// Waits until what was recorded before is stored, so that a person sees what just happened.
    pub async fn settle(&self) {
        let (done, written) = oneshot::channel();
        let settled = async {
            if self.queue.send(Item::Settle(done)).await.is_ok() {
                let _ = written.await;
            }
        };
        let _ = tokio::time::timeout(SETTLE, settled).await;
    }

    /// Entries from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<RequestEntry>> {
        self.followers.subscribe()
    }

    /// What memory holds of them, newest first; and whether memory reaches back far enough for the answer to be whole.
    pub fn recent(&self, filter: &RequestFilter) -> (Vec<Arc<RequestEntry>>, bool) {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<_> = recent.iter().rev().filter(|e| filter.fits(e)).take(filter.limit).cloned().collect();
        let oldest = recent.front().map(|e| e.id);
        let whole = found.len() == filter.limit || filter.after.zip(oldest).is_some_and(|(after, oldest)| after >= oldest);
        (found, whole)
    }
}

async fn write(store: Store, mut queue: mpsc::Receiver<Item>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut items = Vec::with_capacity(BATCH);
    loop {
        let stopped = tokio::select! {
            biased;
            n = queue.recv_many(&mut items, BATCH) => n == 0,
            () = stop.cancelled() => true,
        };
        if stopped {
            while let Ok(item) = queue.try_recv() {
                items.push(item);
            }
        } else {
            let more = async { while wants_more(&items) && queue.recv_many(&mut items, BATCH).await > 0 {} };
            let _ = tokio::time::timeout(DELAY, more).await;
        }
        flush(&store, &mut items, &metrics).await;
        if stopped {
            return;
        }
    }
}

fn wants_more(items: &[Item]) -> bool {
    items.len() < BATCH && !items.iter().any(|i| matches!(i, Item::Settle(_)))
}

async fn flush(store: &Store, items: &mut Vec<Item>, metrics: &Metrics) {
    let (mut rows, mut waiting) = (Vec::with_capacity(items.len()), Vec::new());
    let mut surplus = items.iter().filter(|i| matches!(i, Item::Entry(..))).count().saturating_sub(ROWS_PER_BATCH);
    metrics.request_log_dropped.inc_by(surplus as u64);
    for item in items.drain(..) {
        match item {
            Item::Settle(done) => waiting.push(done),
            // Of a storm the newest rows are kept; what it tells of devices is written whole.
            Item::Entry(_, seen) if surplus > 0 => {
                surplus -= 1;
                rows.extend(seen.device.is_some().then_some(*seen));
            }
            Item::Entry(entry, seen) => rows.push(Seen { request: Some(RequestEntry::clone(&entry)), ..*seen }),
        }
    }
    if !rows.is_empty()
        && let Err(error) = store.record(rows).await
    {
        metrics.record_failures.inc();
        tracing::warn!(%error, "what phones asked could not be written; they are served all the same");
    }
    for done in waiting {
        let _ = done.send(());
    }
}
