//! Tenants' templates are rendered by processes of their own: this program once more, shut in by itself before it reads anything. Here
//! they are started, spoken with and ended. A process serves one tenant and never another; whatever a template does to it, its
//! request gets a failure and everybody else goes on.

mod confine;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use offhook_packs::{
    RenderError,
    sandbox::{Heard, Job, LONGEST, MarkedText},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::Semaphore,
    time::timeout,
};

/// The hidden command that this program is started with.
pub const COMMAND: &str = "render-worker";

/// What a rendering may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// On the wall clock, from the order to the last byte.
    pub time: Duration,
    /// Processes at once, over all tenants.
    pub processes: usize,
    /// Renderings of one tenant that may wait for its process.
    pub waiting: usize,
    /// Renderings after which a process is replaced by a fresh one.
    pub uses: u32,
    /// How long a file that took its process with it is not tried again, unless what it is made of changes.
    pub rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(5), processes: 16, waiting: 128, uses: 1000, rest: Duration::from_secs(30) }
    }
}

/// Why nothing was rendered.
#[derive(Debug)]
pub enum Failure {
    /// The template's fault.
    Template(RenderError),
    /// More waits than may.
    Busy,
}

/// The processes, at most one for each tenant.
pub struct Sandbox {
    program: PathBuf,
    limits: Limits,
    running: Semaphore,
    seats: Mutex<HashMap<String, Arc<Seat>>>,
}

/// A tenant's place.
struct Seat {
    process: tokio::sync::Mutex<Option<Process>>,
    waiting: AtomicUsize,
    resting: Mutex<Vec<Resting>>,
    used: Mutex<Instant>,
}

impl Default for Seat {
    fn default() -> Self {
        Self { process: Default::default(), waiting: Default::default(), resting: Default::default(), used: Mutex::new(Instant::now()) }
    }
}

/// A file that took its process with it.
struct Resting {
    order: u64,
    until: Instant,
    message: String,
}

/// One process, ended when it is dropped.
struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    uses: u32,
}

/// How a conversation ended without an answer.
enum Lost {
    Late,
    Dead(Option<std::process::ExitStatus>),
}

/// The first message of a rendering: overlay, template and context, and a number that only equal ones share.
struct Order {
    message: Vec<u8>,
    number: u64,
}

impl Order {
    fn new(job: &Job) -> Self {
        let message = job.order();
        let mut hasher = DefaultHasher::new();
        hasher.write(&message);
        Self { number: hasher.finish(), message }
    }
}

/// One more that waits, for as long as this is held.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file of the running program, also when another has taken its place on the disk since.
fn this_program() -> PathBuf {
    let own = Path::new("/proc/self/exe");
    if own.exists() { own.to_owned() } else { std::env::current_exe().unwrap_or_else(|_| own.to_owned()) }
}

impl Sandbox {
    /// Starts processes of this program when they are needed.
    pub fn new(limits: Limits) -> Self {
        Self::of(this_program(), limits)
    }

    /// Starts processes of another program.
    fn of(program: PathBuf, limits: Limits) -> Self {
        Self { program, running: Semaphore::new(limits.processes), limits, seats: Mutex::default() }
    }

    /// Renders for a tenant.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn render(&self, tenant: &str, job: &Job) -> Result<MarkedText, Failure> {
        let seat = guard(&self.seats).entry(tenant.to_owned()).or_default().clone();
        let order = Order::new(job);
        if let Some(message) = seat.rests(&order) {
            return Err(Failure::Template(job.failed(message)));
        }
        let waits = Waiting(&seat.waiting);
        if waits.0.fetch_add(1, Ordering::SeqCst) >= self.limits.waiting {
            return Err(Failure::Busy);
        }
        // Only so long: a process that somebody else's template holds is ended by then.
        let turn = async {
            let process = seat.process.lock().await;
            Some((process, self.running.acquire().await.ok()?))
        };
        let Ok(Some((mut process, _running))) = timeout(self.limits.time * 2, turn).await else { return Err(Failure::Busy) };
        // While it waited, another request may have found the template out.
        if let Some(message) = seat.rests(&order) {
            return Err(Failure::Template(job.failed(message)));
        }
        *guard(&seat.used) = Instant::now();
        self.converse(&mut process, &seat, (job, &order)).await
    }

    /// A process that served before may end at something that an earlier rendering left: then a fresh one is tried, once.
    async fn converse(&self, place: &mut Option<Process>, seat: &Seat, (job, order): (&Job, &Order)) -> Result<MarkedText, Failure> {
        loop {
            // Taken out, so that a conversation that is broken off ends its process.
            let mut process = match place.take() {
                Some(process) => process,
                None => self.start().map_err(|e| Failure::Template(job.failed(format!("the helper process does not start: {e}"))))?,
            };
            let fresh = process.uses == 0;
            process.uses += 1;
            let answer = match timeout(self.limits.time, process.ask(job, order)).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(_)) => Err(Lost::Dead(process.end().await)),
                Err(_) => Err(Lost::Late),
            };
            match answer {
                Ok(answer) => {
                    if process.uses < self.limits.uses {
                        *place = Some(process);
                    }
                    return answer.map_err(Failure::Template);
                }
                Err(Lost::Dead(_)) if !fresh => {}
                Err(lost) => {
                    let message = self.message(&lost);
                    seat.rest(order, &message, self.limits.rest);
                    return Err(Failure::Template(job.failed(message)));
                }
            }
        }
    }

    fn start(&self) -> io::Result<Process> {
        self.make_room();
        let mut command = Command::new(&self.program);
        command.arg(COMMAND).env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Process { child, input, output, uses: 0 }),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Ends the processes that were idle longest, until there is room for one more.
    fn make_room(&self) {
        let mut seats = guard(&self.seats);
        let mut idle: Vec<(Instant, String)> = seats.iter().map(|(tenant, seat)| (*guard(&seat.used), tenant.clone())).collect();
        idle.sort();
        let mut alive = seats.values().filter(|s| s.process.try_lock().map_or(true, |p| p.is_some())).count();
        for (_, tenant) in idle {
            if alive < self.limits.processes {
                break;
            }
            let gone = seats.get(&tenant).is_some_and(|s| s.process.try_lock().is_ok_and(|mut p| p.take().is_some()));
            if gone {
                alive -= 1;
                if seats.get(&tenant).is_some_and(|s| s.waiting.load(Ordering::SeqCst) == 0) {
                    seats.remove(&tenant);
                }
            }
        }
    }

    fn message(&self, lost: &Lost) -> String {
        let signal = |status: &std::process::ExitStatus| std::os::unix::process::ExitStatusExt::signal(status);
        match lost {
            Lost::Late => format!("takes longer than {} s (an endless loop?)", self.limits.time.as_secs()),
            Lost::Dead(status) => match status.as_ref().and_then(signal) {
                Some(libc::SIGABRT) => format!("takes more than {} MiB of memory", confine::MEMORY >> 20),
                Some(libc::SIGXCPU | libc::SIGKILL) => "takes too much time of the processor".to_owned(),
                Some(signal) => format!("ended its process (signal {signal})"),
                None => "ended its process".to_owned(),
            },
        }
    }
}

impl Seat {
    fn rests(&self, order: &Order) -> Option<String> {
        let now = Instant::now();
        let mut resting = guard(&self.resting);
        resting.retain(|r| r.until > now);
        resting.iter().find(|r| r.order == order.number).map(|r| r.message.clone())
    }

    fn rest(&self, order: &Order, message: &str, rest: Duration) {
        let mut resting = guard(&self.resting);
        if resting.len() < 1000 {
            resting.push(Resting { order: order.number, until: Instant::now() + rest, message: message.to_owned() });
        }
    }
}

impl Process {
    async fn ask(&mut self, job: &Job, order: &Order) -> io::Result<Result<MarkedText, RenderError>> {
        self.input.write_all(&order.message).await?;
        loop {
            let mut length = [0; 4];
            self.output.read_exact(&mut length).await?;
            let length = u32::from_be_bytes(length) as usize;
            if length > LONGEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut message = vec![0; length];
            self.output.read_exact(&mut message).await?;
            match job.hear(&message)? {
                Heard::Reply(reply) => self.input.write_all(&reply).await?,
                Heard::Done(answer) => return Ok(answer),
            }
        }
    }

    /// How it ended; ends it if it did not.
    async fn end(&mut self) -> Option<std::process::ExitStatus> {
        match timeout(Duration::from_millis(500), self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => None,
        }
    }
}

/// The hidden command: shuts this process in and renders what it is told to, until its input ends. Nothing else may run in it.
///
/// # Errors
/// When the process cannot be shut in, or input or output fail.
pub fn work() -> io::Result<()> {
    confine::confine()?;
    offhook_packs::sandbox::work(io::stdin(), io::stdout())
}
