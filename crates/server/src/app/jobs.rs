//! Jobs: long work that a person started and may look at or stop. In memory, so many and no more; what a job did is in the store,
//! what it told is gone when the server stops.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::FutureExt;
use offhook_core::{
    Error, Id, Result,
    clock::{Clock, Entropy, Timestamp},
    token::{Reach, Role},
};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    App, Caller,
    page::{self, Listed, Part},
};

/// How many jobs run at once; the others wait in the order they came.
const RUNNING: usize = 2;
/// How many may wait or run.
const OPEN: usize = 64;
/// How many that ended are remembered.
const ENDED: usize = 256;
/// How many errors of one job are kept, and the longest of them in characters.
const ERRORS: usize = 100;
const ERROR_TEXT: usize = 2000;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for its turn.
    Queued,
    /// Is at work.
    Running,
    /// Did what it was asked.
    Done,
    /// Could not; the last error says why.
    Failed,
    /// Was stopped by a person or by the end of the server.
    Cancelled,
}

impl State {
    /// Its name outside.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled].into_iter().find(|s| s.name() == name)
    }

    /// Whether nothing of it will change any more.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// So many are done.
    pub done: u64,
    /// Of so many, when that is known.
    pub total: Option<u64>,
    /// What is counted: `bytes`, `devices` …; empty before the work knows.
    pub unit: &'static str,
}

/// One thing that went wrong in a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobError {
    /// What it is about: a device, a file; may be empty.
    pub subject: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// A job as it stands.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: Id,
    /// What kind of work, as `pack-install`.
    pub kind: &'static str,
    /// What it works on, for people.
    pub subject: String,
    /// Where it stands.
    pub state: State,
    /// How far it is.
    pub progress: Progress,
    /// What was counted under way: `changed`, `skipped` …
    pub counts: BTreeMap<&'static str, u64>,
    /// What went wrong, the first ones.
    pub errors: Vec<JobError>,
    /// How many more errors there were.
    pub more_errors: u64,
    /// What came of it, when it is done.
    pub result: Value,
    /// The token that asked for it; none: the server itself.
    pub by: Option<Id>,
    /// Whose things it may touch: seen by tokens that reach as far.
    pub reach: Reach,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// All jobs of this process, as somebody sees them: those that reach no further. A cheap clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
    by: Option<Id>,
    reach: Reach,
}

struct Inner {
    jobs: Mutex<VecDeque<(Job, CancellationToken)>>,
    turns: Arc<Semaphore>,
    closing: CancellationToken,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What the work of a job tells of itself. A cheap clone.
#[derive(Clone)]
pub struct Reporter {
    jobs: Jobs,
    id: Id,
    token: CancellationToken,
}

impl Reporter {
    /// How far it is.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: &'static str) {
        self.jobs.with(self.id, |job| job.progress = Progress { done, total, unit });
    }

    /// So many more of what is counted under that name.
    pub fn count(&self, name: &'static str, more: u64) {
        self.jobs.with(self.id, |job| {
            let count = job.counts.entry(name).or_default();
            *count = count.saturating_add(more);
        });
    }

    /// Something went wrong; the work may go on.
    pub fn error(&self, subject: impl Into<String>, message: impl Into<String>) {
        let (subject, message): (String, String) = (subject.into(), message.into());
        self.jobs.with(self.id, |job| job.tell(subject, &message));
    }

    /// Cancelled when the job is to stop. Work that waits is dropped by itself; work on another thread has to look.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// The id of the job.
    pub fn id(&self) -> Id {
        self.id
    }
}

impl Job {
    fn tell(&mut self, subject: String, message: &str) {
        if self.errors.len() < ERRORS {
            self.errors.push(JobError { subject, message: message.chars().take(ERROR_TEXT).collect() });
        } else {
            self.more_errors = self.more_errors.saturating_add(1);
        }
    }
}

impl Jobs {
    /// None yet. `closing` cancels all.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, closing: CancellationToken) -> Self {
        let inner = Inner { jobs: Mutex::default(), turns: Arc::new(Semaphore::new(RUNNING)), closing, clock, entropy };
        Self { inner: Arc::new(inner), by: None, reach: Reach::ALL }
    }

    /// The same, acting for a token: what it starts is its own, and it sees what reaches no further than itself.
    #[must_use]
    pub fn by(&self, token: Id, reach: Reach) -> Self {
        Self { inner: self.inner.clone(), by: Some(token), reach }
    }

    /// Starts work, now or when its turn comes. What it gives becomes the job's result; its error the job's last one. A cancelled
    /// job's future is dropped where it waits.
    ///
    /// # Errors
    /// [`Error::Full`] when too many wait already.
    pub fn start<F, W>(&self, kind: &'static str, subject: impl Into<String>, work: W) -> Result<Job>
    where
        W: FnOnce(Reporter) -> F,
        F: Future<Output = Result<Value>> + Send + 'static,
    {
        let token = self.inner.closing.child_token();
        let job = Job {
            id: Id::new(&*self.inner.clock, &*self.inner.entropy),
            kind,
            subject: subject.into(),
            state: State::Queued,
            progress: Progress::default(),
            counts: BTreeMap::new(),
            errors: Vec::new(),
            more_errors: 0,
            result: Value::Null,
            by: self.by,
            reach: self.reach.clone(),
            created_at: self.inner.clock.now(),
            started_at: None,
            ended_at: None,
        };
        {
            let mut jobs = self.lock();
            if jobs.iter().filter(|(job, _)| !job.state.is_end()).count() >= OPEN {
                return Err(Error::Full(format!("{OPEN} jobs wait or run already: see /jobs, cancel some or wait")));
            }
            jobs.push_back((job.clone(), token.clone()));
            forget_old(&mut jobs);
        }
        let work = work(Reporter { jobs: self.clone(), id: job.id, token: token.clone() });
        tokio::spawn(self.clone().run(job.id, token, work));
        Ok(job)
    }

    async fn run(self, id: Id, token: CancellationToken, work: impl Future<Output = Result<Value>> + Send) {
        let in_turn = async {
            let _turn = self.inner.turns.acquire().await;
            let now = self.inner.clock.now();
            self.with(id, |job| (job.state, job.started_at) = (State::Running, Some(now)));
            AssertUnwindSafe(work).catch_unwind().await
        };
        let outcome = tokio::select! {
            biased;
            () = token.cancelled() => None,
            outcome = in_turn => Some(outcome.unwrap_or_else(|_| Err(Error::Internal("the work of the job broke off".to_owned())))),
        };
        let now = self.inner.clock.now();
        self.with(id, |job| {
            job.ended_at = Some(now);
            match outcome {
                Some(Ok(result)) => (job.state, job.result) = (State::Done, result),
                Some(Err(error)) => {
                    job.state = State::Failed;
                    told(job, error);
                }
                None => job.state = State::Cancelled,
            }
        });
        forget_old(&mut self.lock());
    }

    /// The job of that id.
    pub fn get(&self, id: Id) -> Option<Job> {
        self.lock().iter().map(|(job, _)| job).find(|job| job.id == id && self.sees(job)).cloned()
    }

    /// All jobs that are seen, the oldest first.
    pub fn all(&self) -> Vec<Job> {
        self.lock().iter().map(|(job, _)| job).filter(|job| self.sees(job)).cloned().collect()
    }

    fn sees(&self, job: &Job) -> bool {
        self.reach.covers(&job.reach)
    }

    /// Stops a job that waits or runs, and forgets one that ended. None: there is no such job.
    pub fn cancel(&self, id: Id) -> Option<()> {
        let mut jobs = self.lock();
        let place = jobs.iter().position(|(job, _)| job.id == id && self.sees(job))?;
        match jobs.get(place) {
            Some((job, token)) if !job.state.is_end() => token.cancel(),
            _ => drop(jobs.remove(place)),
        }
        Some(())
    }

    fn with(&self, id: Id, change: impl FnOnce(&mut Job)) {
        if let Some((job, _)) = self.lock().iter_mut().find(|(job, _)| job.id == id) {
            change(job);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Job, CancellationToken)>> {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error as the last of the job; each fault of what was sent by itself.
fn told(job: &mut Job, error: Error) {
    // The reason of the end is always kept.
    if job.errors.len() >= ERRORS {
        job.errors.truncate(ERRORS.saturating_sub(1));
        job.more_errors = job.more_errors.saturating_add(1);
    }
    match error {
        Error::Invalid(faults) => faults.into_iter().for_each(|f| job.tell(f.field, &f.message)),
        Error::Internal(why) => {
            tracing::error!(%why, job = %job.id, kind = job.kind, "a job failed by a fault of the server");
            job.tell(String::new(), "the fault is in the server; its log says more");
        }
        other => job.tell(String::new(), &other.to_string()),
    }
}

fn forget_old(jobs: &mut VecDeque<(Job, CancellationToken)>) {
    let mut too_many = jobs.iter().filter(|(job, _)| job.state.is_end()).count().saturating_sub(ENDED);
    jobs.retain(|(job, _)| {
        let goes = too_many > 0 && job.state.is_end();
        too_many -= usize::from(goes);
        !goes
    });
}

/// Which jobs.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// In this state.
    pub state: Option<State>,
    /// Of this kind.
    pub kind: Option<String>,
}

/// One page of the jobs, the newest first.
pub fn list(app: &App, filter: &JobFilter, mut part: Part) -> Result<Listed<Job>> {
    let fits = |job: &Job| filter.state.is_none_or(|s| s == job.state) && filter.kind.as_ref().is_none_or(|k| k == job.kind);
    part.descending = true;
    page::cut(app.jobs.all().into_iter().filter(fits), |job| job.id.to_string(), &part)
}

/// The job of that id.
pub fn read(app: &App, key: &str) -> Result<Job> {
    Id::parse(key).and_then(|id| app.jobs.get(id)).ok_or_else(|| Error::not_found("job", key))
}

/// Stops a job, or forgets one that ended. Who is no admin may do that to jobs of the same token.
pub async fn cancel(app: &App, who: &Caller, key: &str) -> Result<()> {
    who.may_write()?;
    let job = read(app, key)?;
    if job.by != Some(who.token) && who.role != Role::Admin {
        return Err(Error::Refused("somebody else started this job: it needs a token with the role admin".to_owned()));
    }
    if who.dry_run {
        return Ok(());
    }
    app.told_job(who, if job.state.is_end() { "delete" } else { "cancel" }, job.kind, &job.subject, format!("job {}", job.id)).await?;
    app.jobs.cancel(job.id).ok_or_else(|| Error::not_found("job", key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::sync::atomic::{AtomicU64, Ordering};

    use serde_json::json;
    use tokio::sync::oneshot;

    use super::*;

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_000_000)
        }
    }

    struct Counting(AtomicU64);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            let n = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            let start = buffer.len() - n.len();
            buffer[start..].copy_from_slice(&n);
        }
    }

    fn jobs() -> Jobs {
        Jobs::new(Arc::new(Fixed), Arc::new(Counting(AtomicU64::new(1))), CancellationToken::new())
    }

    async fn ended(jobs: &Jobs, id: Id) -> Job {
        loop {
            match jobs.get(id) {
                Some(job) if job.state.is_end() => return job,
                Some(_) => tokio::task::yield_now().await,
                None => panic!("the job is gone"),
            }
        }
    }

    #[tokio::test]
    async fn what_a_job_tells_is_seen() {
        let jobs = jobs();
        let (go, wait) = oneshot::channel::<()>();
        let started = jobs.start("test", "x", |report| async move {
            report.progress(1, Some(2), "devices");
            report.count("changed", 2);
            report.error("a", "odd");
            wait.await.unwrap();
            Ok(json!({"n": 1}))
        });
        let id = started.unwrap().id;
        while jobs.get(id).unwrap().progress.done == 0 {
            tokio::task::yield_now().await;
        }
        let job = jobs.get(id).unwrap();
        assert_eq!((job.state, job.progress), (State::Running, Progress { done: 1, total: Some(2), unit: "devices" }));
        go.send(()).unwrap();
        let job = ended(&jobs, id).await;
        assert_eq!((job.state, job.counts["changed"], &job.result), (State::Done, 2, &json!({"n": 1})));
        assert_eq!(job.errors, [JobError { subject: "a".into(), message: "odd".into() }]);
        assert!(job.started_at.is_some() && job.ended_at.is_some());
    }

    #[tokio::test]
    async fn failures_and_panics_are_told() {
        let jobs = jobs();
        let id = jobs.start("test", "x", |_| async { Err(Error::invalid("f", "wrong")) }).unwrap().id;
        let job = ended(&jobs, id).await;
        assert_eq!((job.state, job.errors[0].subject.as_str(), job.errors[0].message.as_str()), (State::Failed, "f", "wrong"));
        let id = jobs.start("test", "x", |_| async { panic!("boom") }).unwrap().id;
        assert_eq!(ended(&jobs, id).await.state, State::Failed);
    }

    #[tokio::test]
    async fn a_cancelled_job_is_dropped_where_it_waits_also_before_its_turn() {
        let jobs = jobs();
        let forever = |_| std::future::pending();
        let ids: Vec<Id> = (0..4).map(|_| jobs.start("test", "x", forever).unwrap().id).collect();
        while jobs.all().iter().filter(|j| j.state == State::Running).count() < RUNNING {
            tokio::task::yield_now().await;
        }
        assert_eq!(jobs.get(ids[3]).unwrap().state, State::Queued);
        for id in ids.iter().rev() {
            jobs.cancel(*id).unwrap();
            assert_eq!(ended(&jobs, *id).await.state, State::Cancelled);
        }
        // A second time forgets it.
        jobs.cancel(ids[0]).unwrap();
        assert!(jobs.get(ids[0]).is_none() && jobs.cancel(ids[0]).is_none());
        // The turns are free again.
        let id = jobs.start("test", "x", |_| async { Ok(Value::Null) }).unwrap().id;
        assert_eq!(ended(&jobs, id).await.state, State::Done);
    }

    #[tokio::test]
    async fn the_end_of_the_server_cancels_all() {
        let jobs = jobs();
        let id = jobs.start("test", "x", |_| std::future::pending()).unwrap().id;
        jobs.inner.closing.cancel();
        assert_eq!(ended(&jobs, id).await.state, State::Cancelled);
    }

    #[tokio::test]
    async fn so_many_and_no_more() {
        let jobs = jobs();
        for _ in 0..OPEN {
            jobs.start("test", "x", |_| std::future::pending()).unwrap();
        }
        assert!(matches!(jobs.start("test", "x", |_| std::future::pending()), Err(Error::Full(_))));
        for job in jobs.all() {
            jobs.cancel(job.id).unwrap();
            ended(&jobs, job.id).await;
        }
        for _ in 0..ENDED + 10 {
            let id = jobs.start("test", "x", |_| async { Ok(Value::Null) }).unwrap().id;
            ended(&jobs, id).await;
        }
        assert!(jobs.all().len() <= ENDED + 1, "{}", jobs.all().len());
    }

    #[tokio::test]
    async fn errors_are_bounded_and_the_last_one_is_kept() {
        let jobs = jobs();
        let work = |report: Reporter| async move {
            (0..500).for_each(|n| report.error(n.to_string(), "x".repeat(5000)));
            Err(Error::Conflict("the end".to_owned()))
        };
        let id = jobs.start("test", "x", work).unwrap().id;
        let job = ended(&jobs, id).await;
        assert_eq!((job.errors.len(), job.more_errors), (ERRORS, 401));
        assert_eq!(job.errors.last().unwrap().message, "the end");
        assert_eq!(job.errors[0].message.len(), ERROR_TEXT);
    }
}
