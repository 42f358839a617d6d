//! The one task that drives all listeners and transfers.
//!
//! All sockets hang on one epoll instance, which is itself registered at the runtime: under load one
//! wake-up serves many datagrams, and a transfer costs neither a task nor a timer of its own. Sessions
//! are a table, deadlines a heap; a look-up whose answer is ready at once is never spawned.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use offhook_proto::tftp::{Ending, ErrorCode, Mode, Packet, Reception, ReceptionEnd, Request, RequestOptions, encode_error};
use socket2::{MsgHdr, SockRef};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant as TokioInstant, sleep};
use tokio_util::sync::CancellationToken;

use super::receiving::Receiving;
use super::sending::{Scratch, Sending};
use super::sessions::{Session, SessionId, Sessions, State};
use super::sockets::transfer_socket;
use super::sys::{Control, Destination, Epoll, Events, Inbox};
use super::timers::Timers;
use super::{Dropped, ReadRequest, ReceiveHook, TftpAnswer, TftpLimits, TftpService, TransferEnd, TransferHook, TransferOutcome};

/// Events fetched at once.
const EVENTS: usize = 128;
/// Rounds of events before other tasks get a turn.
const ROUNDS: usize = 4;
/// Tokens from here on are listeners; no session gets there, for want of slots.
const LISTENERS: u64 = u64::MAX - 0xffff;
/// The most bytes of a datagram.
const GREATEST_DATAGRAM: usize = 65_536;
/// So many may write at once; others ask again.
const WRITERS: usize = 64;
/// Longest text of an ERROR packet, in bytes.
const MAX_MESSAGE: usize = 200;

/// An answer on its way from a look-up's task; none when the look-up panicked.
type Answered = (SessionId, Lookup, Option<TftpAnswer>);

/// What of a request is needed once its answer is there.
#[derive(Clone, Copy)]
struct Lookup {
    from: Origin,
    mode: Mode,
    options: RequestOptions,
    /// The size of the file, when the peer wants to write one and tells it.
    announced: Option<u64>,
    arrived: Duration,
}

/// The state of the task.
pub(super) struct Driver<S> {
    service: Arc<S>,
    limits: TftpLimits,
    epoch: Instant,
    epoll: Arc<Epoll>,
    /// Each with the address it is bound to.
    listeners: Vec<(UdpSocket, SocketAddr)>,
    sessions: Sessions,
    timers: Timers<SessionId>,
    fingerprints: RandomState,
    scratch: Scratch,
    /// A datagram with a block that somebody sends.
    block: Vec<u8>,
    answers: UnboundedSender<Answered>,
    answered: UnboundedReceiver<Answered>,
}

impl<S: TftpService> Driver<S> {
    pub(super) fn new(listeners: Vec<(UdpSocket, SocketAddr)>, limits: TftpLimits, service: Arc<S>) -> io::Result<Driver<S>> {
        let epoll = Epoll::new()?;
        for (token, (listener, _)) in (LISTENERS..).zip(&listeners) {
            epoll.add(listener, token)?;
        }
        let (answers, answered) = mpsc::unbounded_channel();
        Ok(Driver {
            service,
            limits,
            epoch: Instant::now(),
            epoll: Arc::new(epoll),
            listeners,
            sessions: Sessions::default(),
            timers: Timers::new(),
            fingerprints: RandomState::new(),
            scratch: Scratch::default(),
            block: vec![0; GREATEST_DATAGRAM],
            answers,
            answered,
        })
    }

    pub(super) async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        let epoll = Arc::clone(&self.epoll).watch()?;
        let mut events = Events::new(EVENTS);
        let mut inbox = Inbox::new();
        let mut alarm = pin!(sleep(Duration::ZERO));
        // Every new deadline is at least `min_wait` away. So an alarm that rings twice as often is never
        // late, and need not be set anew with every packet.
        let tick = (self.limits.transfer.min_wait / 2).max(Duration::from_millis(1));
        let mut armed = false;
        let mut told_to_stop = pin!(stop.cancelled());
        let mut stop_by = None;
        while stop_by.is_none() || self.sessions.len() > 0 {
            let deadline = self.timers.next().into_iter().chain(stop_by).min();
            if let Some(deadline) = deadline.filter(|_| !armed) {
                let at = deadline.min(self.now().saturating_add(tick));
                alarm.as_mut().reset(TokioInstant::from_std(self.epoch + at));
                armed = true;
            }
            tokio::select! {
                biased;
                () = told_to_stop.as_mut(), if stop_by.is_none() => {
                    stop_by = Some(self.now().saturating_add(self.limits.drain));
                    // A service manager may keep the socket: what comes now waits in it for the next process.
                    for (listener, _) in self.listeners.drain(..) {
                        let _ = self.epoll.remove(&listener);
                    }
                }
                Some((id, lookup, answer)) = self.answered.recv() => {
                    self.on_answer(id, lookup, answer);
                }
                guard = epoll.readable() => {
                    let mut guard = guard?;
                    for _ in 0..ROUNDS {
                        if self.epoll.ready(&mut events)? == 0 {
                            guard.clear_ready();
                            break;
                        }
                        self.on_events(&events, &mut inbox);
                    }
                }
                () = alarm.as_mut(), if armed => armed = false,
            }
            self.on_deadlines();
            if stop_by.is_some_and(|by| by <= self.now()) {
                self.cut_off();
            }
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn on_events(&mut self, events: &Events, inbox: &mut Inbox) {
        let mut index = 0;
        while let Some(token) = events.token(index) {
            index += 1;
            if token >= LISTENERS {
                self.on_listener((token - LISTENERS) as usize, inbox);
            } else {
                let id = SessionId::from_token(token);
                self.drive(id, Sending::on_readable);
                self.drive_receiving(id, Receiving::receive);
            }
        }
    }

    fn on_deadlines(&mut self) {
        if self.sessions.len() == 0 {
            self.timers.clear();
        }
        let now = self.now();
        while let Some((at, id)) = self.timers.due(now) {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if session.entered != Some(at) {
                continue;
            }
            session.entered = None;
            match session.state {
                // An ACK may have been waiting all the time, if this task was kept from running.
                State::Sending(_) => {
                    self.drive(id, |sending, now, scratch| sending.catch_up(now, scratch).or_else(|| sending.on_timeout(now, scratch)))
                }
                State::Receiving(_) => {
                    self.drive_receiving(id, |receiving, now, block| receiving.receive(now, block).or_else(|| receiving.on_timeout(now)))
                }
                State::LookingUp(_) => self.finish(id, TransferOutcome::Failed),
            }
        }
    }

    /// Lets a transfer do something, and does what follows from it.
    fn drive(&mut self, id: SessionId, what: impl FnOnce(&mut Sending, Duration, &mut Scratch) -> Option<Ending>) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let State::Sending(sending) = &mut session.state else { return };
        match what(sending, now, &mut self.scratch) {
            Some(Ending::Completed) => self.finish(id, TransferOutcome::Completed),
            Some(Ending::PeerError(code)) => self.finish(id, TransferOutcome::PeerError(code)),
            Some(Ending::TimedOut) => self.finish(id, TransferOutcome::TimedOut),
            None => {
                let deadline = sending.transfer().deadline();
                if let Some(at) = deadline.filter(|at| session.entered.is_none_or(|entered| *at < entered)) {
                    session.entered = Some(at);
                    self.timers.enter(at, id);
                }
            }
        }
    }

    /// The same of what somebody sends. The service has the file as soon as it is whole.
    fn drive_receiving(&mut self, id: SessionId, what: impl FnOnce(&mut Receiving, Duration, &mut [u8]) -> Option<ReceptionEnd>) {
        let now = self.now();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let State::Receiving(receiving) = &mut session.state else { return };
        let end = what(receiving, now, &mut self.block);
        if receiving.reception().complete()
            && let Some(done) = receiving.done.take()
        {
            let (bytes, took) = (receiving.reception().received(), now.saturating_sub(session.arrived));
            done(TransferEnd { outcome: TransferOutcome::Completed, bytes, repeated_blocks: 0, took }, receiving.content());
        }
        match end {
            Some(ReceptionEnd::Completed) => self.finish(id, TransferOutcome::Completed),
            Some(ReceptionEnd::PeerError(code)) => self.finish(id, TransferOutcome::PeerError(code)),
            Some(ReceptionEnd::TimedOut) => self.finish(id, TransferOutcome::TimedOut),
            Some(ReceptionEnd::TooLarge) => self.finish(id, TransferOutcome::TooLarge),
            None => {
                let deadline = receiving.reception().deadline();
                if let Some(at) = deadline.filter(|at| session.entered.is_none_or(|entered| *at < entered)) {
                    session.entered = Some(at);
                    self.timers.enter(at, id);
                }
            }
        }
    }

    fn finish(&mut self, id: SessionId, outcome: TransferOutcome) {
        let Some(session) = self.sessions.remove(id) else { return };
        match session.state {
            State::LookingUp(task) => {
                if let Some(task) = task {
                    task.abort();
                }
            }
            State::Receiving(mut receiving) => {
                if let Some(done) = receiving.done.take() {
                    let (bytes, took) = (receiving.reception().received(), self.epoch.elapsed().saturating_sub(session.arrived));
                    done(TransferEnd { outcome, bytes, repeated_blocks: 0, took }, Bytes::new());
                }
            }
            State::Sending(mut sending) => {
                if let Some(done) = sending.done.take() {
                    done(TransferEnd {
                        outcome,
                        bytes: sending.transfer().acknowledged(),
                        repeated_blocks: sending.transfer().repeated_blocks(),
                        took: self.epoch.elapsed().saturating_sub(session.arrived),
                    });
                }
            }
        }
    }

    /// The time to drain is over.
    fn cut_off(&mut self) {
        for id in self.sessions.ids() {
            match self.sessions.get_mut(id).map(|s| &s.state) {
                Some(State::Sending(sending)) => sending.abort("the server is stopping"),
                Some(State::Receiving(receiving)) if !receiving.reception().complete() => receiving.abort("the server is stopping"),
                _ => {}
            }
            self.finish(id, TransferOutcome::Stopped);
        }
    }

    fn on_listener(&mut self, listener: usize, inbox: &mut Inbox) {
        let Some((socket, bound)) = self.listeners.get(listener) else { return };
        let bound = Destination { local: bound.ip(), interface: 0, many: false };
        let count = inbox.receive(socket).unwrap_or(0);
        for index in 0..count {
            let Some(datagram) = inbox.datagram(index) else { continue };
            let destination = datagram.destination.unwrap_or(bound);
            if destination.many {
                self.service.dropped(datagram.peer, Dropped::Broadcast);
                continue;
            }
            let from = Origin { listener, destination, peer: datagram.peer };
            let bytes = if datagram.cut { &[] } else { datagram.bytes };
            self.on_datagram(from, bytes);
        }
    }

    fn on_datagram(&mut self, from: Origin, bytes: &[u8]) {
        let (request, writes) = match Packet::decode(bytes) {
            Ok(Packet::Read(request)) => (request, false),
            Ok(Packet::Write(request)) => (request, true),
            // Never answered, lest two servers answer each other for ever.
            Ok(Packet::Error { .. }) => return self.service.dropped(from.peer, Dropped::Malformed),
            Ok(_) | Err(_) => return self.refuse(from, Dropped::Malformed, ErrorCode::IllegalOperation, "not a TFTP request"),
        };
        let Some(mode) = Mode::parse(request.mode) else {
            return self.refuse(from, Dropped::Mode, ErrorCode::IllegalOperation, "the mode is not octet or netascii");
        };
        if request.name.is_empty() || request.name.len() > self.limits.max_name {
            return self.refuse(from, Dropped::Name, ErrorCode::IllegalOperation, "the file name is empty or too long");
        }
        let fingerprint = self.fingerprints.hash_one((bytes, from.destination.local, from.listener));
        if self.repeats(from.peer, fingerprint) {
            return;
        }
        if self.sessions.of_source(from.peer) >= self.limits.per_source {
            return self.service.dropped(from.peer, Dropped::OverSource);
        }
        if self.sessions.len() >= self.limits.total {
            return self.service.dropped(from.peer, Dropped::OverTotal);
        }
        if writes && self.sessions.receiving() >= WRITERS {
            return self.service.dropped(from.peer, Dropped::OverTotal);
        }
        self.look_up(from, fingerprint, mode, &request, writes);
    }

    /// Whether this is the request of the peer's running session. Any other request from its port ends
    /// that session.
    fn repeats(&mut self, peer: SocketAddr, fingerprint: u64) -> bool {
        let Some(id) = self.sessions.of_peer(peer) else { return false };
        self.drive(id, Sending::catch_up);
        self.drive_receiving(id, Receiving::receive);
        let now = self.now();
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let anew = match &session.state {
            State::LookingUp(_) => false,
            State::Receiving(receiving) => {
                let reception = receiving.reception();
                let silent = now.saturating_sub(reception.progress_at()) >= self.limits.started_anew;
                reception.complete() || (reception.proven() && silent)
            }
            State::Sending(sending) => {
                let transfer = sending.transfer();
                transfer.proven() && now.saturating_sub(transfer.progress_at()) >= self.limits.started_anew
            }
        };
        if session.request == fingerprint && !anew {
            self.drive(id, Sending::on_repeated_request);
            self.drive_receiving(id, |receiving, now, _| receiving.on_repeated_request(now));
            return true;
        }
        self.finish(id, TransferOutcome::Replaced);
        false
    }

    fn look_up(&mut self, from: Origin, fingerprint: u64, mode: Mode, request: &Request<'_>, writes: bool) {
        let arrived = self.now();
        let id =
            self.sessions.insert(Session { peer: from.peer, request: fingerprint, arrived, entered: None, state: State::LookingUp(None) });
        let announced = request.announced_size().filter(|_| writes);
        let lookup = Lookup { from, mode, options: request.known_options(), announced, arrived };
        let read = ReadRequest { name: request.name.to_vec(), mode, peer: from.peer, local: from.destination.local };
        let service = Arc::clone(&self.service);
        // A panic costs this request only.
        let mut answer = Box::pin(
            AssertUnwindSafe(async move { if writes { service.write(read).await } else { service.read(read).await } }).catch_unwind(),
        );
        // Tried once here; if it is not ready, a task goes on with it, whose waker takes this one's place.
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return self.on_answer(id, lookup, answer.ok());
        }
        let answers = self.answers.clone();
        let task = tokio::spawn(async move {
            // Nobody listens any more once the server has ended.
            let _ = answers.send((id, lookup, answer.await.ok()));
        });
        if let Some(session) = self.sessions.get_mut(id) {
            let give_up = arrived.saturating_add(self.limits.transfer.patience);
            session.state = State::LookingUp(Some(task.abort_handle()));
            session.entered = Some(give_up);
            self.timers.enter(give_up, id);
        }
    }

    fn on_answer(&mut self, id: SessionId, lookup: Lookup, answer: Option<TftpAnswer>) {
        let wanted = self.sessions.get_mut(id).is_some();
        match answer {
            Some(TftpAnswer::Content { bytes, done }) if wanted => self.begin(id, lookup, bytes, done),
            Some(TftpAnswer::Content { done, .. }) => never_began(done, TransferOutcome::Replaced, self.now(), lookup),
            Some(TftpAnswer::Accept { most, done }) if wanted => self.begin_receiving(id, lookup, most, done),
            Some(TftpAnswer::Accept { done, .. }) => never_came(done, TransferOutcome::Replaced, self.now(), lookup),
            Some(TftpAnswer::Error { code, message }) if wanted => {
                self.finish(id, TransferOutcome::Failed);
                self.send_error(lookup.from, code, &message);
            }
            Some(TftpAnswer::Error { .. }) => {}
            None => self.finish(id, TransferOutcome::Failed),
        }
    }

    fn begin(&mut self, id: SessionId, lookup: Lookup, content: Bytes, done: Option<TransferHook>) {
        let opened = transfer_socket(lookup.from.destination).and_then(|socket| {
            self.epoll.add(&socket, id.token())?;
            Ok(socket)
        });
        let Ok(socket) = opened else {
            never_began(done, TransferOutcome::Failed, self.now(), lookup);
            return self.finish(id, TransferOutcome::Failed);
        };
        let sending = Sending::new(socket, lookup.from.peer, content, lookup.mode, &self.limits.transfer, &lookup.options, done);
        if let Some(session) = self.sessions.get_mut(id) {
            session.state = State::Sending(Box::new(sending));
        }
        self.drive(id, Sending::start);
    }

    fn begin_receiving(&mut self, id: SessionId, lookup: Lookup, most: u64, done: ReceiveHook) {
        if lookup.announced.is_some_and(|size| size > most) {
            never_came(done, TransferOutcome::TooLarge, self.now(), lookup);
            self.finish(id, TransferOutcome::TooLarge);
            return self.send_error(lookup.from, ErrorCode::DiskFull, "the file is too large");
        }
        let opened = transfer_socket(lookup.from.destination).and_then(|socket| {
            self.epoll.add(&socket, id.token())?;
            Ok(socket)
        });
        let Ok(socket) = opened else {
            never_came(done, TransferOutcome::Failed, self.now(), lookup);
            return self.finish(id, TransferOutcome::Failed);
        };
        // In netascii a file is at most twice as long on its way.
        let travels = if lookup.mode == Mode::Netascii { most.saturating_mul(2) } else { most };
        let reception = Reception::new(&self.limits.transfer, &lookup.options, lookup.announced, travels);
        self.sessions.receives(id, Receiving::new(socket, lookup.from.peer, lookup.mode, reception, done));
        self.drive_receiving(id, |receiving, now, _| receiving.start(now));
    }

    fn refuse(&self, from: Origin, why: Dropped, code: ErrorCode, message: &str) {
        self.service.dropped(from.peer, why);
        self.send_error(from, code, message);
    }

    /// An ERROR from the listener's port, from the address that was asked. After the listeners are gone
    /// there is nothing to send it with, and the peer will ask again.
    fn send_error(&self, from: Origin, code: ErrorCode, message: &str) {
        let Some((socket, _)) = self.listeners.get(from.listener) else { return };
        let end = message.floor_char_boundary(MAX_MESSAGE);
        let packet = encode_error(code, message.get(..end).unwrap_or_default());
        let (to, control) = (from.peer.into(), Control::source(from.destination));
        let parts = [IoSlice::new(&packet)];
        let message = MsgHdr::new().with_addr(&to).with_buffers(&parts).with_control(control.bytes());
        // A lost ERROR is asked for again, like any lost packet.
        let _ = SockRef::from(socket).sendmsg(&message, 0);
    }
}

/// Who sent a datagram to which listener and address.
#[derive(Clone, Copy)]
struct Origin {
    listener: usize,
    destination: Destination,
    peer: SocketAddr,
}

/// Tells the service that its content was not sent.
fn never_began(done: Option<TransferHook>, outcome: TransferOutcome, now: Duration, lookup: Lookup) {
    if let Some(done) = done {
        done(TransferEnd { outcome, bytes: 0, repeated_blocks: 0, took: now.saturating_sub(lookup.arrived) });
    }
}

/// The same of what was to be written.
fn never_came(done: ReceiveHook, outcome: TransferOutcome, now: Duration, lookup: Lookup) {
    done(TransferEnd { outcome, bytes: 0, repeated_blocks: 0, took: now.saturating_sub(lookup.arrived) }, Bytes::new());
}
