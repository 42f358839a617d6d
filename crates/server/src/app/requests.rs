//! What phones asked lately, and what they ask now.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use offhook_core::{Error, Id, Result};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{App, Caller, page::Listed};
use crate::pipeline::{RequestEntry, RequestFilter};

/// How many older requests are read at once.
const CHUNK: usize = 500;
/// So many of the newest that the log told are remembered: more than can wait to be told live.
const TOLD: usize = 10_000;

/// One page of the requests that fit, newest first. The cursor is the id of the last one.
pub async fn list(app: &App, filter: &RequestFilter) -> Result<Listed<Arc<RequestEntry>>> {
    let filter = &RequestFilter { reach: app.store.reach().clone(), ..filter.clone() };
    let items = app.pipeline.requests(filter).await?;
    let mut next_cursor = None;
    if items.len() >= filter.limit
        && let Some(last) = items.last().map(|r| r.id)
    {
        let older = RequestFilter { before: Some(last), limit: 1, ..filter.clone() };
        next_cursor = app.pipeline.requests(&older).await?.first().map(|_| last.to_string());
    }
    Ok(Listed { items, next_cursor })
}

/// The request of that id, as far as the log reaches back.
pub async fn read(app: &App, key: &str) -> Result<Arc<RequestEntry>> {
    let found = match Id::parse(key) {
        Some(id) => app.pipeline.request(id, app.store.reach()).await?,
        None => None,
    };
    found.ok_or_else(|| Error::not_found("request", key))
}

/// Requests as they come, each once and in order, until the server stops or the caller's token ends. With `filter.after` those that came since then
/// are told first; a reader that falls behind is caught up from the log.
pub fn follow(app: &App, who: &Caller, mut filter: RequestFilter) -> impl Stream<Item = Arc<RequestEntry>> + Send + use<> {
    let live = app.pipeline.follow_requests();
    let after = filter.after.take();
    filter.reach = app.store.reach().clone();
    let missed = after.is_some();
    // A reader that has been told nothing yet and falls behind is caught up from here, not from the beginning of the log.
    let last = Some(after.unwrap_or_else(|| Id::new(&*app.clock, &*app.entropy)));
    let start = Follow {
        app: app.clone(),
        last,
        filter,
        live,
        waiting: Vec::new(),
        newest: Vec::new(),
        chunks: Vec::new(),
        told: BTreeSet::new(),
        missed,
    };
    let (store, token) = (app.store.clone(), who.token);
    stream::unfold(start, Follow::next).take_until(Box::pin(async move { store.token_ended(token).await }))
}

struct Follow {
    app: App,
    filter: RequestFilter,
    live: Receiver<Arc<RequestEntry>>,
    /// The newest request that was told.
    last: Option<Id>,
    /// What the log told when it was last read: it may come a second time, live.
    told: BTreeSet<Id>,
    /// Older ones that are still to be told, newest first.
    waiting: Vec<Arc<RequestEntry>>,
    /// The newest of them, which come last.
    newest: Vec<Arc<RequestEntry>>,
    /// Where in the log the chunks between begin, the oldest last: they are read one by one, so that a long log is never held whole.
    chunks: Vec<Id>,
    missed: bool,
}

impl Follow {
    async fn next(mut self) -> Option<(Arc<RequestEntry>, Self)> {
        loop {
            if self.missed {
                self.missed = false;
                self.told.clear();
                self.find_chunks().await;
            }
            if let Some(entry) = self.waiting.pop() {
                self.last = self.last.max(Some(entry.id));
                return Some((entry, self));
            }
            if let Some(before) = self.chunks.pop() {
                let chunk = self.chunk(Some(before)).await;
                self.tell(chunk);
                continue;
            }
            if !self.newest.is_empty() {
                let chunk = std::mem::take(&mut self.newest);
                self.tell(chunk);
                continue;
            }
            let closing = self.app.closing.clone();
            let received = tokio::select! {
                () = closing.cancelled() => return None,
                received = self.live.recv() => received,
            };
            match received {
                Ok(entry) if self.filter.fits(&entry) && !self.told.contains(&entry.id) => {
                    self.last = self.last.max(Some(entry.id));
                    return Some((entry, self));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.missed = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Looks where in the log that begins which is newer than the last one told; keeps the newest chunk and the places of the others.
    async fn find_chunks(&mut self) {
        self.chunks.clear();
        self.newest = self.chunk(None).await;
        let mut last = (self.newest.len(), self.newest.last().map(|r| r.id));
        while let (CHUNK, Some(before)) = last
            && (self.chunks.len() + 1) * CHUNK < self.app.config.limits.request_log
        {
            let chunk = self.chunk(Some(before)).await;
            if !chunk.is_empty() {
                self.chunks.push(before);
            }
            last = (chunk.len(), chunk.last().map(|r| r.id));
        }
    }

    /// Those just before a place, newest first; none that was told already.
    async fn chunk(&self, before: Option<Id>) -> Vec<Arc<RequestEntry>> {
        let filter = RequestFilter { after: self.last, before, limit: CHUNK, ..self.filter.clone() };
        self.app.pipeline.requests(&filter).await.unwrap_or_default()
    }

    fn tell(&mut self, chunk: Vec<Arc<RequestEntry>>) {
        self.told.extend(chunk.iter().map(|entry| entry.id));
        while self.told.len() > TOLD {
            self.told.pop_first();
        }
        self.waiting = chunk;
    }
}
