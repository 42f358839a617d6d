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
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::{RequestEntry, RequestFilter};
use crate::event::Metrics;

/// Entries on their way to the store; more are dropped and counted.
const QUEUE: usize = 16_384;
/// Entries written together.
const BATCH: usize = 1024;
/// Log rows written per batch; of a storm the newest are kept.
const ROWS_PER_BATCH: usize = 256;
/// How long an entry may wait.
const DELAY: Duration = Duration::from_millis(200);
/// Entries in memory.
const RECENT: usize = 4096;
/// What a slow follower may lag behind.
const FOLLOW: usize = 1024;

/// The sending side, shared by all requests.
pub struct Recorder {
    queue: mpsc::Sender<(Arc<RequestEntry>, Seen)>,
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
        if self.queue.try_send((entry, seen)).is_err() {
            self.metrics.request_log_dropped.inc();
        }
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

async fn write(store: Store, mut entries: mpsc::Receiver<(Arc<RequestEntry>, Seen)>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let stopped = tokio::select! {
            biased;
            n = entries.recv_many(&mut batch, BATCH) => n == 0,
            () = stop.cancelled() => true,
        };
        if stopped {
            while let Ok(entry) = entries.try_recv() {
                batch.push(entry);
            }
        } else if batch.len() < BATCH {
            // Wait a little for others: one commit then serves many.
            let more = async { while batch.len() < BATCH && entries.recv_many(&mut batch, BATCH).await > 0 {} };
            let _ = tokio::time::timeout(DELAY, more).await;
        }
        flush(&store, &mut batch, &metrics).await;
        if stopped {
            return;
        }
    }
}

async fn flush(store: &Store, batch: &mut Vec<(Arc<RequestEntry>, Seen)>, metrics: &Metrics) {
    let surplus = batch.len().saturating_sub(ROWS_PER_BATCH);
    metrics.request_log_dropped.inc_by(surplus as u64);
    let rows =
        batch.drain(..).enumerate().map(|(i, (entry, seen))| Seen { request: (i >= surplus).then(|| RequestEntry::clone(&entry)), ..seen });
    let rows: Vec<Seen> = rows.filter(|s| s.request.is_some() || s.device.is_some()).collect();
    if rows.is_empty() {
        return;
    }
    if let Err(error) = store.record(rows).await {
        metrics.record_failures.inc();
        tracing::warn!(%error, "what phones asked could not be written; they are served all the same");
    }
}
