//! The walk itself: one request through the six steps, with the trace of it. What a real request leaves behind and what a
//! simulation shows are made of the same walk.

use std::{net::IpAddr, sync::Arc, time::Instant};

use offhook_core::{
    Error,
    clock::Timestamp,
    configuration::LayerSelector,
    device::{Device, LastFetch, State},
    local_port::AutoPort,
    pack::PackKey,
    request::{Request, Transport},
    sighting::{FileKind, Sighting},
    template::TemplateSet,
    token::Reach,
    trace::{Decision, FileSeen, Reason, Says, Step, Trace},
};
use offhook_packs::{
    Route, ServerFacts,
    manifest::{Source, UploadSpec},
};
use offhook_store::{Seen as SeenRow, Serving, UploadLimits, selector_of};

use super::{
    Answer, Inner, Moment, Pipeline, RequestEntry, Simulation, Taking,
    authorize::{Asked, authorize, needs_device},
    compose,
    gate::Gated,
    identify::{self, Seen},
    make::{MadeOf, Wanted},
    render::{self, Key, Made},
    resolve::{Mode, Resolved, Told, last_seen, resolve},
};
use crate::sandbox::Failure;

/// How a walk differs from that of a phone's request.
#[derive(Clone)]
pub(super) struct Walk {
    /// Whether the store may be written.
    pub mode: Mode,
    /// Whether what was learnt before counts.
    pub use_learnt: bool,
    /// Whether secrets stand in the bytes.
    pub reveal: bool,
}

/// A request at its end.
pub(super) struct Walked {
    pub sighting: Sighting,
    /// The MAC is known only because the address was last this phone's.
    pub by_address: bool,
    pub resolved: Option<Resolved>,
    pub decision: Decision,
    pub reason: Reason,
    pub made: Option<Arc<Made>>,
    pub answer: Answer,
    pub trace: Trace,
}

/// An answer that still has to be sent; [`Answered::finish`] then writes what happened.
pub struct Answered {
    pub(super) pipeline: Pipeline,
    pub(super) request: Request,
    pub(super) walked: Walked,
    gated: Gated,
    server_url: String,
    at: Timestamp,
    pub(super) began: Instant,
}

impl Answered {
    /// What the phone gets.
    pub fn answer(&self) -> &Answer {
        &self.walked.answer
    }

    /// Why.
    pub fn reason(&self) -> &Reason {
        &self.walked.reason
    }

    /// Whether the phone sends a file instead of asking for one.
    pub fn writes(&self) -> bool {
        self.request.writes
    }

    /// What each step saw and decided.
    pub fn trace(&self) -> &Trace {
        &self.walked.trace
    }

    /// It was sent: with this status (of HTTP, or what a TFTP answer amounts to), so many bytes, and the phone `has` the whole file now
    /// or not.
    pub fn finish(self, method: &str, status: u16, bytes: u64, has: bool) {
        let row = self.seen_row(has);
        let Self { pipeline, request, walked, at, began, .. } = self;
        let Inner { recorder, clock, .. } = &*pipeline.0;
        let (device, tenant) = walked.resolved.map_or((None, None), |r| (r.serving.map(|s| s.device.id), Some(r.tenant)));
        let entry = |id| RequestEntry {
            id,
            at,
            ip: request.source,
            transport: request.transport,
            method: method.to_owned(),
            path: bounded(request.path.as_deref().unwrap_or_default()),
            user_agent: request.user_agent().map(bounded),
            status,
            bytes,
            took_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            device,
            tenant,
            decision: walked.decision,
            reason: walked.reason,
            trace: walked.trace,
        };
        recorder.record(clock.now(), entry, row);
    }

    /// What the request leaves in its device: nothing when it may not be believed. Evidence counts only when the phone got what it
    /// asked for.
    fn seen_row(&self, has: bool) -> SeenRow {
        let Walked { resolved: Some(resolved), decision, .. } = &self.walked else { return SeenRow::default() };
        let Some(serving) = &resolved.serving else { return SeenRow::default() };
        if !self.gated.believed() || resolved.conflict.is_some() {
            return SeenRow::default();
        }
        let told = if *decision == Decision::Allowed { resolved.told.clone() } else { Told::default() };
        SeenRow {
            device: Some(serving.device.id),
            last_seen: Some(last_seen(&self.request, self.at)),
            owns_address: !self.gated.nat,
            vendor: told.vendor,
            model: told.model,
            firmware: told.firmware,
            serial: told.serial,
            pack: told.pack,
            fetch: if has { self.fetch(&serving.device) } else { None },
            request: None,
        }
    }

    fn fetch(&self, device: &Device) -> Option<LastFetch> {
        let (made, route) = (self.walked.made.as_ref()?, self.walked.resolved.as_ref()?.route.as_ref()?);
        (device.state == State::Ready && tells_sync(route)).then(|| LastFetch {
            at: self.at,
            generation: device.generation,
            layers_tag: made.layers_tag,
            hash: made.file.etag.to_string(),
            path: route.name.clone(),
            server_url: self.server_url.clone(),
        })
    }
}

/// Whether having this file means having the device's configuration: its own file, the one with credentials where there is one.
fn tells_sync(route: &Route) -> bool {
    let own = |kind, source| kind == FileKind::Device && source == Source::Template;
    let better = || route.pack.files().iter().any(|f| own(f.kind, f.source) && f.credentials);
    own(route.kind(), route.source()) && (route.credentials() || !better())
}

/// What a stranger sends is kept only so long.
fn bounded(text: &str) -> String {
    text.chars().take(512).collect()
}

impl Pipeline {
    /// Answers a phone.
    pub async fn answer(&self, request: Request) -> Answered {
        let walk = Walk { mode: Mode::Live, use_learnt: true, reveal: true };
        let began = Instant::now();
        let at = self.0.clock.now();
        let server = self.0.server_for(&request);
        let gated = self.0.rules().gate.check(&request);
        let walked = match self.0.work.try_acquire() {
            Ok(_permit) => self.0.walk(&request, &gated, &server, walk, at).await,
            Err(_) => {
                self.0.metrics.busy.inc();
                Walked::early(Reason::Overloaded, Answer::Busy, &gated)
            }
        };
        if gated.believed() && walked.decision == Decision::Allowed && !walked.by_address {
            self.0.learnt.remember(&walked.sighting, request.source, !gated.nat);
        }
        Answered { pipeline: self.clone(), gated, server_url: server.url, request, walked, at, began }
    }

    /// A method that phones may not use.
    pub fn refuse_method(&self, request: Request) -> Answered {
        let gated = self.0.rules().gate.check(&request);
        let walked = Walked::early(Reason::MethodNotAllowed, Answer::MethodNotAllowed, &gated);
        Answered {
            pipeline: self.clone(),
            gated,
            server_url: String::new(),
            request,
            walked,
            at: self.0.clock.now(),
            began: Instant::now(),
        }
    }

    /// Walks a made-up request; nothing is stored or logged. Secrets are masked in the bytes unless `reveal`.
    /// `reach`: for whom; a phone or a network of another tenant is as one that nobody knows.
    pub async fn simulate(&self, request: Request, reach: Reach, use_learnt: bool, reveal: bool) -> Simulation {
        let use_learnt = use_learnt && (reach.is_all() || self.0.knows_within(&request, &reach).await);
        let walk = Walk { mode: Mode::Simulated { reach }, use_learnt, reveal };
        let server = self.0.server_for(&request);
        let gated = self.0.rules().gate.check(&request);
        let walked = self.0.walk(&request, &gated, &server, walk, self.0.clock.now()).await;
        let resolved = walked.resolved.as_ref();
        Simulation {
            device: resolved.and_then(|r| r.serving.as_ref()).map(|s| Device::clone(&s.device)),
            file: resolved.and_then(|r| r.route.as_ref()).map(|route| file_seen(&request, route)),
            template: walked.made.as_ref().map(|m| m.template.clone()),
            sighting: walked.sighting,
            decision: walked.decision,
            reason: walked.reason,
            answer: walked.answer,
            trace: walked.trace,
        }
    }
}

impl Walked {
    fn early(reason: Reason, answer: Answer, gated: &Gated) -> Self {
        let says = Says::Gate { trusted: gated.trusted, nat: gated.nat, refused: Some(reason.clone()) };
        Self {
            sighting: Sighting::default(),
            by_address: false,
            resolved: None,
            decision: Decision::Refused,
            reason,
            made: None,
            answer,
            trace: Trace { steps: vec![Step { took_us: 0, says }] },
        }
    }
}

/// The trace with the time since the last step.
struct Stopwatch {
    since: Instant,
    steps: Vec<Step>,
}

impl Stopwatch {
    fn new() -> Self {
        Self { since: Instant::now(), steps: Vec::with_capacity(6) }
    }

    fn lap(&mut self, says: Says) {
        let now = Instant::now();
        let took = now.duration_since(self.since).as_micros();
        self.steps.push(Step { took_us: u32::try_from(took).unwrap_or(u32::MAX), says });
        self.since = now;
    }
}

impl Inner {
    /// The six steps.
    pub(super) async fn walk(&self, request: &Request, gated: &Gated, server: &ServerFacts, walk: Walk, now: Timestamp) -> Walked {
        let mut watch = Stopwatch::new();
        let Gated { trusted, nat, refused } = gated.clone();
        watch.lap(Says::Gate { trusted, nat, refused: refused.clone() });
        let moment = self.moment();
        let catalog = &*moment.packs.catalog;
        let mut seen = identify::identify(catalog, request, gated, walk.use_learnt.then_some(&self.learnt));
        if walk.use_learnt && identify::asks_the_address(&seen, gated) && self.learnt.forgot(request.source) {
            self.recall(request.source).await;
            identify::by_address(&mut seen, request, gated, &self.learnt);
        }
        watch.lap(Says::Identify { evidence: Vec::new() });
        let shared = (&*moment.configuration, catalog);
        let asked = (request, gated, &seen);
        let resolved = resolve(&self.devices, shared, &self.rules().arrivals, asked, (&walk.mode, now, self.new_id())).await;
        // The evidence goes into the trace; only a simulation shows it a second time.
        let evidence = match walk.mode {
            Mode::Live => std::mem::take(&mut seen.sighting.evidence),
            Mode::Simulated { .. } => seen.sighting.evidence.clone(),
        };
        if let Some(Step { says, .. }) = watch.steps.last_mut() {
            *says = Says::Identify { evidence };
        }
        let mut resolved = match resolved {
            Ok(resolved) => resolved,
            Err(error) => return unavailable(seen, &error, watch),
        };
        if !walk.mode.sees(&resolved.tenant) {
            return out_of_reach(seen, resolved, watch);
        }
        watch.lap(says_resolved(request, &resolved));
        let (mut decision, mut reason) = match refused {
            Some(reason) => (Decision::Refused, reason),
            None => decide(request, gated, &resolved, (seen.by_address, &moment.configuration.templates)),
        };
        watch.lap(Says::Authorize { decision, reason: reason.clone() });
        let (mut made, mut take) = (None, None);
        if let (Decision::Allowed, Mode::Live, Some(serving)) = (decision, &walk.mode, &resolved.serving) {
            resolved.serving = Some(self.with_port(serving.clone(), Some(request.source)).await);
        }
        if let (Decision::Allowed, Some(route), Some(upload)) = (decision, &resolved.route, resolved.route.as_ref().and_then(Route::upload))
        {
            take = resolved.serving.as_ref().map(|s| self.taking(s.device.id, route, upload));
        } else if let (Decision::Allowed, Some(route)) = (decision, &resolved.route) {
            let requester = match &resolved.serving {
                Some(serving) => selector_of(&serving.device),
                None => selector_of_sighting(&resolved.tenant, route, &seen.sighting),
            };
            let serving = resolved.serving.as_deref();
            match self.make(route, serving, requester, (&moment, server), walk.reveal, &mut watch).await {
                Ok((file, None)) => made = Some(file),
                Ok((file, Some(kept))) => (made, reason) = (Some(file), kept),
                Err(why) => (decision, reason) = (Decision::Refused, why),
            }
        }
        let answer = match (&made, take, &reason) {
            (Some(made), ..) => Answer::File(made.file.clone()),
            (None, Some(taking), _) => Answer::Take(taking),
            // It may have the file: a phone that is told that there is none could go on without its configuration.
            (None, None, Reason::TemplateFailed { .. }) => Answer::Failed,
            (None, None, Reason::Overloaded) => Answer::Busy,
            (None, None, _) => Answer::NotFound,
        };
        let Seen { sighting, by_address, .. } = seen;
        Walked { sighting, by_address, resolved: Some(resolved), decision, reason, made, answer, trace: Trace { steps: watch.steps } }
    }

    /// The device with a port of its own behind this address, where it asks for one. Without the store it keeps what it has.
    pub(super) async fn with_port(&self, serving: Arc<Serving>, address: Option<IpAddr>) -> Arc<Serving> {
        let holds = |of: Option<IpAddr>| address.is_none() || of == address.map(|a| a.to_canonical());
        match serving.auto_port {
            AutoPort::Unused => return serving,
            AutoPort::Held { address: of, .. } if holds(of) => return serving,
            AutoPort::Held { .. } | AutoPort::Wanted => {}
        }
        match self.store.hold_local_port(serving.device.id, address).await {
            Ok((auto_port, generation)) => {
                let device = Arc::new(Device { generation, ..Device::clone(&serving.device) });
                Arc::new(Serving { device, auto_port, accounts: serving.accounts.clone() })
            }
            Err(error) => {
                tracing::warn!(%error, "no port could be set aside for a device");
                serving
            }
        }
    }

    /// What may be taken of an upload, by its pack and by the server.
    fn taking(&self, device: offhook_core::Id, route: &Route, upload: &UploadSpec) -> Taking {
        let caps = self.rules().uploads;
        let most = upload.max_bytes.min(caps.file).min(caps.device).min(caps.total);
        let limits = UploadLimits { versions: upload.keep, device: caps.device, total: caps.total };
        Taking { device, name: upload.name.clone(), file: route.name.clone(), kind: upload.kind, most, limits }
    }

    /// Whether the phone that a request tells, or the one that last spoke from its address, is a device within a reach.
    async fn knows_within(&self, request: &Request, reach: &Reach) -> bool {
        let told = self.catalog().identify(request, None).sighting.mac;
        if told.is_none() && self.learnt.forgot(request.source) {
            self.recall(request.source).await;
        }
        let Some(mac) = told.or_else(|| self.learnt.owner(request.source)) else { return false };
        matches!(self.store.within(reach.clone()).device_by_mac(mac).await, Ok(Some(_)))
    }

    /// Memory is lost at a restart: the store knows who last spoke from an address.
    async fn recall(&self, ip: IpAddr) {
        match self.store.device_by_ip(ip).await {
            Ok(device) => self.learnt.recall(ip, device.as_ref()),
            Err(error) => tracing::warn!(%error, "the store does not tell whose an address is"),
        }
    }

    /// Composes and renders, or takes the file from memory. What cannot be made now is the last that could, while it is held, with the
    /// reason.
    async fn make(
        &self,
        route: &Route,
        serving: Option<&Serving>,
        requester: LayerSelector,
        of: (&Moment, &ServerFacts),
        reveal: bool,
        watch: &mut Stopwatch,
    ) -> Result<(Arc<Made>, Option<Reason>), Reason> {
        let result = self.file(route, serving, requester.clone(), of, reveal).await;
        let result = match result {
            Ok((made, cached)) => Ok((made, cached, None)),
            Err(Reason::TemplateFailed { error }) if reveal => {
                let held = self.files.last_good(&key(route, serving, requester, of));
                held.map(|made| (made, true, Some(Reason::LastGood { error: error.clone() }))).ok_or(Reason::TemplateFailed { error })
            }
            Err(why) => Err(why),
        };
        let render = match &result {
            Ok((made, cached, kept)) => Says::Render {
                template: made.template.clone(),
                bytes: made.file.body.len() as u64,
                cached: *cached,
                notes: made.notes.len(),
                firmware: made.firmware.clone(),
                failed: kept.clone(),
            },
            Err(why) => {
                Says::Render { template: String::new(), bytes: 0, cached: false, notes: 0, firmware: None, failed: Some(why.clone()) }
            }
        };
        if let Ok((made, ..)) = &result
            && !made.layers.is_empty()
        {
            watch.lap(Says::Compose { layers: made.layers.clone() });
        }
        watch.lap(render);
        result.map(|(made, _, kept)| (made, kept))
    }

    /// One file of a pack for a device, or for its family; and whether it was held in memory. `requester`: what is known of who asks.
    pub(super) async fn file(
        &self,
        route: &Route,
        serving: Option<&Serving>,
        requester: LayerSelector,
        (moment, server): (&Moment, &ServerFacts),
        reveal: bool,
    ) -> Result<(Arc<Made>, bool), Reason> {
        if route.source() == Source::Firmware {
            let file = self.files.firmware(&self.store, &moment.shelf, &route.name).await?;
            return Ok((
                Arc::new(Made { template: route.name.clone(), file, notes: Vec::new(), firmware: None, layers: Vec::new(), layers_tag: 0 }),
                true,
            ));
        }
        if route.source() == Source::Asset {
            return Ok((Arc::new(self.asset(route, serving, requester, (moment, server)).await?), false));
        }
        let key = key(route, serving, requester, (moment, server));
        let serving = serving.filter(|_| key.device.is_some());
        if reveal && let Some(made) = self.files.held(&key) {
            self.metrics.rendered_hits.inc();
            return Ok((made, true));
        }
        self.metrics.rendered_misses.inc();
        let made = Arc::new(self.render(route, &key.selector, serving, (moment, server), reveal).await?);
        if reveal {
            self.files.hold(key, made.clone());
        }
        Ok((made, false))
    }

    /// Composes and renders one file: a device's own, or, without one, a family's.
    async fn render(
        &self,
        route: &Route,
        selector: &LayerSelector,
        own: Option<&Serving>,
        (moment, server): (&Moment, &ServerFacts),
        reveal: bool,
    ) -> Result<Made, Reason> {
        let overlay = self.overlays.over(&moment.configuration, moment.packs.number, &route.pack, &selector.tenant);
        // What a person looks at stays readable.
        let wanted = Wanted { route, selector, own, server, reveal, encrypt: reveal };
        let MadeOf { made, mut notes, layers, device, resources } = self.make_of(wanted, moment, overlay.as_ref()).await;
        let made = made.map_err(|failure| match failure {
            Failure::Template(why) => render::reason(why, route, &resources),
            Failure::Busy => Reason::Overloaded,
        });
        let made = made.inspect_err(|why| {
            if let Reason::TemplateFailed { error } = why {
                self.metrics.template_failures.inc();
                tracing::error!(pack = route.pack.id(), error, "a template failed");
            }
        })?;
        let owner = format!("{device} {} {} {}", route.pack.id(), render::place(route), server.url);
        let changed = render::newest(own, self.shared_change(), &*self.clock);
        let file = self.files.file(&owner, made.bytes.into(), &made.content_type, changed);
        notes.extend(made.notes);
        let layers_tag = moment.configuration.layers_tag(selector);
        Ok(Made { file, template: made.template, notes, firmware: made.firmware, layers, layers_tag })
    }
}

/// What a file is made of.
fn key(route: &Route, serving: Option<&Serving>, requester: LayerSelector, (moment, server): (&Moment, &ServerFacts)) -> Key {
    let replaced = render::is_replaced(route, &requester.tenant, &moment.configuration.templates);
    let serving = serving.filter(|_| needs_device(route, replaced));
    Key {
        device: serving.map(|s| (s.device.id, s.device.generation)),
        selector: if serving.is_some() { requester } else { compose::family(route, requester) },
        numbers: moment.numbers,
        file: (*route.pack.digest(), route.file, render::place(route), route.code),
        server_url: server.url.clone(),
    }
}

/// What selects the layers for a phone that is no device: what it tells in this request.
fn selector_of_sighting(tenant: &str, route: &Route, sighting: &Sighting) -> LayerSelector {
    let Sighting { vendor, model, firmware, .. } = sighting.clone();
    let model = model.map(|m| route.pack.canonical_model(&m).map_or(m.clone(), str::to_owned));
    LayerSelector { tenant: tenant.to_owned(), vendor, model, firmware, ..LayerSelector::default() }
}

fn decide(request: &Request, gated: &Gated, resolved: &Resolved, (by_address, templates): (bool, &TemplateSet)) -> (Decision, Reason) {
    if request.path.is_none() || matches!(request.transport, Transport::Dhcp | Transport::Pnp) {
        return (Decision::Refused, Reason::NoFile);
    }
    let device = resolved.serving.as_ref().map(|s| &*s.device);
    authorize(&Asked {
        trusted: gated.trusted,
        device,
        route: resolved.route.as_ref(),
        conflict: resolved.conflict,
        no_device: resolved.no_device.as_ref(),
        other_pack: resolved.other_pack,
        replaced: resolved.route.as_ref().is_some_and(|route| render::is_replaced(route, &resolved.tenant, templates)),
        missing_pack: device.and_then(|d| d.pack.as_deref()).filter(|_| resolved.pack.is_none()),
        by_address,
    })
}

fn says_resolved(request: &Request, resolved: &Resolved) -> Says {
    Says::Resolve {
        tenant: resolved.tenant.clone(),
        by: resolved.by,
        device: resolved.found.clone(),
        pack: resolved.pack.as_ref().map(|p| pinned(resolved).unwrap_or_else(|| p.id().to_owned())),
        file: resolved.route.as_ref().map(|route| file_seen(request, route)),
        cached: resolved.cached,
    }
}

/// The very version, where the device is pinned to one.
fn pinned(resolved: &Resolved) -> Option<String> {
    let key = resolved.serving.as_ref()?.device.pack.as_deref()?;
    let pack = resolved.pack.as_ref()?;
    PackKey::of(key).version.filter(|_| PackKey::of(key).id == pack.id()).map(|_| pack.key())
}

/// The file as traces and simulations tell it.
fn file_seen(request: &Request, route: &Route) -> FileSeen {
    FileSeen {
        path: request.path.clone().unwrap_or_default(),
        pack: route.pack.id().to_owned(),
        route: route.file_name().to_owned(),
        kind: route.kind(),
        credentials: route.credentials(),
    }
}

/// What the request tells by itself, and nothing of whose it is.
fn out_of_reach(seen: Seen, resolved: Resolved, mut watch: Stopwatch) -> Walked {
    let (decision, reason) = (Decision::Refused, Reason::OutOfReach);
    watch.lap(Says::Authorize { decision, reason: reason.clone() });
    Walked {
        sighting: seen.sighting,
        by_address: seen.by_address,
        resolved: Some(Resolved { serving: None, ..resolved }),
        decision,
        reason,
        made: None,
        answer: Answer::NotFound,
        trace: Trace { steps: watch.steps },
    }
}

fn unavailable(seen: Seen, error: &Error, mut watch: Stopwatch) -> Walked {
    tracing::error!(%error, "the store does not answer");
    let reason = Reason::StoreUnavailable;
    watch.lap(Says::Authorize { decision: Decision::Refused, reason: reason.clone() });
    Walked {
        sighting: seen.sighting,
        by_address: seen.by_address,
        resolved: None,
        decision: Decision::Refused,
        reason,
        made: None,
        answer: Answer::Busy,
        trace: Trace { steps: watch.steps },
    }
}
