//! After the answer: what happened goes into the request log, to those who follow it, and in batches into the store. Never
//! on the request's path: when more comes than can be written, the log loses entries and says how many; of what requests tell of
//! devices the newest is kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use offhook_core::{
    Error, Id,
    clock::{Entropy, Timestamp},
};
use offhook_store::{Seen, Store};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{RequestEntry, RequestFilter};
use crate::event::Metrics;

/// Entries on their way to the store; more are dropped and counted.
const QUEUE: usize = 16_384;
/// Devices whose newest request waits where the queue has no room.
const LATE: usize = 65_536;
/// Log rows written per [`DELAY`]; of a storm the newest are kept.
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
    Entry(Arc<RequestEntry>, Option<Box<Seen>>),
    /// Everything before is to be written now.
    Settle(oneshot::Sender<()>),
}

/// The sending side, shared by all requests.
pub struct Recorder {
    queue: mpsc::Sender<Item>,
    /// Somebody waits for what is in the queue.
    hurry: Notify,
    recent: Mutex<VecDeque<Arc<RequestEntry>>>,
    /// What the queue, or the store, had no room for.
    late: Mutex<HashMap<Id, Seen>>,
    followers: broadcast::Sender<Arc<RequestEntry>>,
    /// Milliseconds of the newest id, and how many ids there were.
    newest: Mutex<(i64, u32)>,
    /// Ends ids: another process never gives the same ones.
    salt: [u8; 3],
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// The recorder and the task that writes; the task ends after `stop` when all is written.
    pub fn start(
        store: Store,
        metrics: Arc<Metrics>,
        entropy: &dyn Entropy,
        stop: CancellationToken,
    ) -> (Arc<Self>, tokio::task::JoinHandle<()>) {
        let (queue, entries) = mpsc::channel(QUEUE);
        let (followers, _) = broadcast::channel(FOLLOW);
        let mut salt = [0; 3];
        entropy.fill(&mut salt);
        let (recent, late, newest) = Default::default();
        let recorder = Arc::new(Self { queue, hurry: Notify::new(), recent, late, followers, newest, salt, metrics });
        let writer = tokio::spawn(write(recorder.clone(), store, entries, stop));
        (recorder, writer)
    }

    /// An id of this moment that sorts after all earlier ones, also within a millisecond and when the clock was put back.
    fn next_id(&self, now: Timestamp) -> Id {
        let mut newest = guard(&self.newest);
        *newest = (newest.0.max(now.as_millis()), newest.1.wrapping_add(1));
        let [a, b, c, d] = newest.1.to_be_bytes();
        let [x, y, z] = self.salt;
        Id::from_parts(Timestamp::from_millis(newest.0), [0, 0, 0, a, b, c, d, x, y, z])
    }

    /// Takes one entry, of a request that ends `now`: ids grow in the order in which entries are told.
    pub fn record(&self, now: Timestamp, entry: impl FnOnce(Id) -> RequestEntry, seen: Seen) {
        let entry = {
            let mut recent = guard(&self.recent);
            let entry = Arc::new(entry(self.next_id(now)));
            if recent.len() >= RECENT {
                recent.pop_front();
            }
            recent.push_back(entry.clone());
            if self.followers.receiver_count() > 0 {
                let _ = self.followers.send(entry.clone());
            }
            entry
        };
        self.metrics.request(&entry);
        let seen = seen.device.is_some().then(|| Box::new(seen));
        if let Err(refused) = self.queue.try_send(Item::Entry(entry, seen)) {
            self.metrics.request_log_dropped.inc();
            if let Item::Entry(_, Some(seen)) = refused.into_inner() {
                self.keep_late(*seen);
            }
        }
    }

    /// Bounded: a device more than fits loses this sighting, not its place among devices.
    fn keep_late(&self, seen: Seen) {
        let mut late = guard(&self.late);
        let Some(id) = seen.device else { return };
        let room = late.len() < LATE;
        match late.get_mut(&id) {
            Some(older) => merge(older, seen),
            None if room => drop(late.insert(id, seen)),
            None => {}
        }
    }

    /// Waits until what was recorded before is stored, so that a person sees what just happened.
    pub async fn settle(&self) {
        let (done, written) = oneshot::channel();
        let settled = async {
            if self.queue.send(Item::Settle(done)).await.is_ok() {
                self.hurry.notify_one();
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
        let recent = guard(&self.recent);
        let found: Vec<_> = recent.iter().rev().filter(|e| filter.fits(e)).take(filter.limit).cloned().collect();
        let oldest = recent.front().map(|e| e.id);
        let whole = found.len() == filter.limit || filter.after.zip(oldest).is_some_and(|(after, oldest)| after >= oldest);
        (found, whole)
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write(recorder: Arc<Recorder>, store: Store, mut queue: mpsc::Receiver<Item>, stop: CancellationToken) {
    let mut items = Vec::new();
    loop {
        let stopped = tokio::select! {
            biased;
            first = queue.recv() => first.map(|item| items.push(item)).is_none(),
            () = stop.cancelled() => true,
        };
        if !stopped && !matches!(items.last(), Some(Item::Settle(_))) {
            // Entries gather in the queue, without waking anybody for each.
            tokio::select! {
                () = tokio::time::sleep(DELAY) => {}
                () = recorder.hurry.notified() => {}
                () = stop.cancelled() => {}
            }
        }
        while items.len() < 2 * QUEUE
            && let Ok(item) = queue.try_recv()
        {
            items.push(item);
        }
        // What was late is newer than all that was in the queue then: it must not be written before any of that.
        let late = if queue.is_empty() { std::mem::take(&mut *guard(&recorder.late)) } else { HashMap::new() };
        flush(&recorder, &store, &mut items, late).await;
        if stopped && queue.is_empty() {
            return;
        }
    }
}

async fn flush(recorder: &Recorder, store: &Store, items: &mut Vec<Item>, late: HashMap<Id, Seen>) {
    let (mut log, mut devices, mut waiting) = (Vec::new(), Devices::default(), Vec::new());
    for item in items.drain(..) {
        match item {
            Item::Settle(done) => waiting.push(done),
            Item::Entry(entry, seen) => {
                log.push(entry);
                if let Some(seen) = seen {
                    devices.add(*seen);
                }
            }
        }
    }
    for seen in late.into_values() {
        devices.add(seen);
    }
    // Of a storm the newest rows are kept; what it tells of devices is written whole.
    let surplus = log.len().saturating_sub(ROWS_PER_BATCH);
    recorder.metrics.request_log_dropped.inc_by(surplus as u64);
    let log = log.into_iter().skip(surplus).map(|e| Seen { request: Some(RequestEntry::clone(&e)), ..Seen::default() });
    let devices = devices.in_order();
    let rows = devices.iter().cloned().chain(log).collect();
    if let Err(error) = store.record(rows).await {
        recorder.metrics.record_failures.inc();
        tracing::warn!(%error, "what phones asked could not be written; they are served all the same");
        if matches!(error, Error::Unavailable(_)) {
            devices.into_iter().for_each(|seen| recorder.keep_late(seen));
        }
    }
    for done in waiting {
        let _ = done.send(());
    }
}

/// What a batch tells of devices, once for each.
#[derive(Default)]
struct Devices(HashMap<Id, Seen>);

impl Devices {
    fn add(&mut self, seen: Seen) {
        match seen.device.and_then(|id| self.0.get_mut(&id)) {
            Some(older) => merge(older, seen),
            None => drop(seen.device.map(|id| self.0.insert(id, seen))),
        }
    }

    /// The newest last: it owns an address that several had.
    fn in_order(self) -> Vec<Seen> {
        let mut all: Vec<Seen> = self.0.into_values().collect();
        all.sort_by_key(|seen| seen.last_seen.as_ref().map(|l| l.at));
        all
    }
}

/// Two requests of one device as one; the same that the store would make of both, one after the other.
fn merge(one: &mut Seen, other: Seen) {
    let at = |s: &Seen| s.last_seen.as_ref().map(|l| l.at);
    let (older, newer) = if at(&other) >= at(one) { (std::mem::take(one), other) } else { (other, std::mem::take(one)) };
    // Another family: what was told of the one before is past.
    let moved = newer.pack.is_some() && newer.vendor.is_some() && newer.vendor != older.vendor;
    let past = |fact: Option<String>| fact.filter(|_| !moved);
    let fetched = |s: &Seen| s.fetch.as_ref().map(|f| f.at);
    let newest_fetch = if fetched(&newer) >= fetched(&older) { newer.fetch } else { older.fetch };
    *one = Seen {
        device: newer.device,
        last_seen: newer.last_seen.or(older.last_seen),
        owns_address: newer.owns_address,
        vendor: past(older.vendor).or(newer.vendor),
        model: newer.model.or(past(older.model)),
        firmware: newer.firmware.or(past(older.firmware)),
        serial: older.serial.or(newer.serial),
        pack: newer.pack.or(older.pack),
        fetch: newest_fetch,
        request: None,
    };
}
