//! The walk itself: one request through the six steps, with the trace of it. What a real request leaves behind and what a
//! simulation shows are made of the same walk.

use std::{sync::Arc, time::Instant};

use offhook_core::{
    Error,
    clock::Timestamp,
    configuration::LayerSelector,
    device::{Device, LastFetch, State},
    request::{Request, Transport},
    settings::Effective,
    sighting::{FileKind, Sighting},
    trace::{Decision, FileSeen, Reason, Says, Step, Trace},
};
use offhook_packs::{DeviceFacts, Route, ServerFacts, manifest::Source};
use offhook_store::{Seen as SeenRow, Serving, selector_of};

use super::{
    Answer, Inner, Pipeline, RequestEntry, Simulation,
    authorize::{Asked, authorize, needs_device},
    compose,
    gate::Gated,
    identify::{self, Seen},
    render::{self, Key, Made},
    resolve::{Mode, Resolved, last_seen, resolve},
};

/// How a walk differs from that of a phone's request.
#[derive(Clone, Copy)]
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
    pub resolved: Option<Resolved>,
    pub decision: Decision,
    pub reason: Reason,
    pub made: Option<Arc<Made>>,
    pub answer: Answer,
    pub trace: Trace,
}

/// An answer that still has to be sent; [`Answered::finish`] then writes what happened.
pub struct Answered {
    pipeline: Pipeline,
    request: Request,
    walked: Walked,
    gated_nat: bool,
    server_url: String,
    at: Timestamp,
    began: Instant,
}

impl Answered {
    /// What the phone gets.
    pub fn answer(&self) -> &Answer {
        &self.walked.answer
    }

    /// It was sent: with this status (of HTTP, or what a TFTP answer amounts to), so many bytes, and the phone `has` the whole file now
    /// or not.
    pub fn finish(self, method: &str, status: u16, bytes: u64, has: bool) {
        let Inner { recorder, metrics, .. } = &*self.pipeline.0;
        let device = self.walked.resolved.as_ref().and_then(|r| r.serving.as_ref()).map(|s| s.device.clone());
        // Who may not ask at all leaves nothing at the device that it names.
        let outsider = matches!(self.walked.reason, Reason::Stranger | Reason::AclDenies | Reason::HostNotAllowed);
        let stored = device.as_ref().filter(|_| !outsider);
        let entry = RequestEntry {
            // Of the moment it ended: who follows the log resumes after the last id that was told.
            id: recorder.next_id(self.pipeline.0.clock.now()),
            at: self.at,
            ip: self.request.source,
            transport: self.request.transport,
            method: method.to_owned(),
            path: bounded(self.request.path.as_deref().unwrap_or_default()),
            user_agent: self.request.user_agent().map(bounded),
            status,
            bytes,
            took_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            device: device.as_ref().map(|d| d.id),
            tenant: self.walked.resolved.as_ref().map(|r| r.tenant.clone()),
            decision: self.walked.decision,
            reason: self.walked.reason.clone(),
            trace: self.walked.trace.clone(),
        };
        metrics.request(&entry);
        let row = stored.map(|d| self.seen_row(d, has)).unwrap_or_default();
        recorder.record(entry, row);
    }

    /// What the request leaves in its device. Evidence counts only when the phone got what it asked for.
    fn seen_row(&self, device: &Device, has: bool) -> SeenRow {
        let allowed = self.walked.decision == Decision::Allowed;
        let told = self.walked.resolved.as_ref().map(|r| r.told.clone()).filter(|_| allowed).unwrap_or_default();
        SeenRow {
            device: Some(device.id),
            last_seen: Some(last_seen(&self.request, self.at)),
            owns_address: !self.gated_nat,
            vendor: told.vendor,
            model: told.model,
            firmware: told.firmware,
            serial: told.serial,
            pack: told.pack,
            fetch: self.fetch(device).filter(|_| has),
            request: None,
        }
    }

    /// The configuration of the phone, fetched. A file without credentials, such as a dial plan of its own, is not what tells
    /// whether the phone is up to date.
    fn fetch(&self, device: &Device) -> Option<LastFetch> {
        let (made, route) = (self.walked.made.as_ref()?, self.walked.resolved.as_ref()?.route.as_ref()?);
        let device_file = route.kind() == FileKind::Device && route.credentials() && route.source() == Source::Template;
        (device_file && device.state == State::Ready).then(|| LastFetch {
            at: self.at,
            generation: device.generation,
            layers_tag: self.pipeline.0.store.configuration().layers_tag(&selector_of(device)),
            hash: made.file.etag.to_string(),
            path: route.name.clone(),
            server_url: self.server_url.clone(),
        })
    }
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
        if gated.trusted && walked.decision == Decision::Allowed {
            let by_address = walked
                .sighting
                .evidence
                .iter()
                .any(|e| e.field == offhook_core::sighting::Field::Mac && e.from == offhook_core::sighting::From::Learnt);
            if !by_address {
                self.0.learnt.remember(&walked.sighting, request.source, !gated.nat);
            }
        }
        Answered { pipeline: self.clone(), gated_nat: gated.nat, server_url: server.url, request, walked, at, began }
    }

    /// A method that phones may not use.
    pub fn refuse_method(&self, request: Request) -> Answered {
        let gated = self.0.rules().gate.check(&request);
        let walked = Walked::early(Reason::MethodNotAllowed, Answer::MethodNotAllowed, &gated);
        Answered {
            pipeline: self.clone(),
            gated_nat: gated.nat,
            server_url: String::new(),
            request,
            walked,
            at: self.0.clock.now(),
            began: Instant::now(),
        }
    }

    /// Walks a made-up request; nothing is stored or logged. Secrets are masked in the bytes unless `reveal`.
    pub async fn simulate(&self, request: Request, use_learnt: bool, reveal: bool) -> Simulation {
        let walk = Walk { mode: Mode::Simulated, use_learnt, reveal };
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
        let catalog = self.catalog();
        let seen = identify::identify(&catalog, request, gated, walk.use_learnt.then_some(&self.learnt));
        watch.lap(Says::Identify { evidence: seen.sighting.evidence.clone() });
        let asked = (request, gated, &seen);
        let resolved = resolve(&self.store, &self.devices, &catalog, &self.rules().arrivals, asked, (walk.mode, now, self.new_id())).await;
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(error) => return unavailable(seen, &error, watch),
        };
        watch.lap(says_resolved(request, &resolved));
        let (mut decision, mut reason) = match refused {
            Some(reason) => (Decision::Refused, reason),
            None => decide(request, gated, &seen, &resolved),
        };
        watch.lap(Says::Authorize { decision, reason: reason.clone() });
        let mut made = None;
        if let (Decision::Allowed, Some(route)) = (decision, &resolved.route) {
            match self.make(route, &resolved, server, walk.reveal, &mut watch).await {
                Ok(file) => made = Some(file),
                Err(why) => (decision, reason) = (Decision::Refused, why),
            }
        }
        let answer = made.as_ref().map_or(Answer::NotFound, |m| Answer::File(m.file.clone()));
        Walked { sighting: seen.sighting, resolved: Some(resolved), decision, reason, made, answer, trace: Trace { steps: watch.steps } }
    }

    /// Composes and renders, or takes the file from memory.
    async fn make(
        &self,
        route: &Route,
        resolved: &Resolved,
        server: &ServerFacts,
        reveal: bool,
        watch: &mut Stopwatch,
    ) -> Result<Arc<Made>, Reason> {
        let result = self.file(route, resolved.serving.as_deref(), &resolved.tenant, server, reveal).await;
        let (layers, says) = match &result {
            Ok((made, cached)) => {
                let render = Says::Render {
                    template: made.template.clone(),
                    bytes: made.file.body.len() as u64,
                    cached: *cached,
                    notes: made.notes.len(),
                    failed: None,
                };
                (made.layers.clone(), render)
            }
            Err(why) => {
                let render = Says::Render { template: String::new(), bytes: 0, cached: false, notes: 0, failed: Some(why.clone()) };
                (Vec::new(), render)
            }
        };
        if !layers.is_empty() {
            watch.lap(Says::Compose { layers });
        }
        watch.lap(says);
        result.map(|(made, _)| made)
    }

    /// One file of a pack for a device, or for its family; and whether it was held in memory.
    pub(super) async fn file(
        &self,
        route: &Route,
        serving: Option<&Serving>,
        tenant: &str,
        server: &ServerFacts,
        reveal: bool,
    ) -> Result<(Arc<Made>, bool), Reason> {
        if route.source() == Source::Firmware {
            let file = self.files.firmware(&self.store, &route.name).await?;
            return Ok((Arc::new(Made { template: route.name.clone(), file, notes: Vec::new(), layers: Vec::new() }), true));
        }
        let own = needs_device(route);
        let device = serving.filter(|_| own).map(|s| &s.device);
        let selector = match serving {
            Some(s) if own => selector_of(&s.device),
            Some(s) => LayerSelector { profiles: Vec::new(), ..selector_of(&s.device) },
            None => LayerSelector { tenant: tenant.to_owned(), ..LayerSelector::default() },
        };
        let key = Key {
            device: device.map(|d| (d.id, d.generation)),
            selector,
            epochs: self.epochs(),
            file: (route.pack.id().to_owned(), route.file, route.path.clone()),
            server_url: server.url.clone(),
        };
        if reveal && let Some(made) = self.files.held(&key) {
            self.metrics.rendered_hits.inc();
            return Ok((made, true));
        }
        self.metrics.rendered_misses.inc();
        let made = Arc::new(self.render(route, &key.selector, serving, server, reveal)?);
        if reveal {
            self.files.hold(key, made.clone());
        }
        Ok((made, false))
    }

    /// Composes and renders one file.
    fn render(
        &self,
        route: &Route,
        selector: &LayerSelector,
        serving: Option<&Serving>,
        server: &ServerFacts,
        reveal: bool,
    ) -> Result<Made, Reason> {
        let own = needs_device(route);
        let configuration = self.store.configuration();
        let catalog = self.catalog();
        let composed = match serving {
            Some(serving) if own => compose::of_device(&configuration, serving, &route.pack, server, &self.generate_key),
            _ => compose::of_family(&configuration, selector, &route.pack, server),
        };
        let mut effective: Effective = composed.effective;
        let pending = serving.is_some_and(|s| s.device.state == State::Pending);
        if !route.credentials() || pending {
            effective.without_secrets(catalog.raw_secrets());
        } else if !reveal {
            effective.mask(catalog.raw_secrets());
        }
        let facts = match serving {
            Some(serving) if own => render::device_facts(serving),
            Some(serving) => family_facts(&serving.device),
            None => DeviceFacts { model: route.model.clone(), ..DeviceFacts::default() },
        };
        let shelf = self.store.shelf();
        let bare = render::bare(route, &facts, &selector.tenant, server, &effective, &shelf).inspect_err(|why| {
            if let Reason::TemplateFailed { error } = why {
                self.metrics.template_failures.inc();
                tracing::error!(pack = route.pack.id(), error, "a template failed");
            }
        })?;
        let owner = format!("{} {} {} {}", facts.id, route.pack.id(), route.path, server.url);
        let changed = render::newest(serving.filter(|_| own), self.shared_change(), &*self.clock);
        let file = self.files.file(&owner, bare.bytes.into(), &bare.content_type, changed);
        let notes = composed.notes.into_iter().chain(bare.notes).collect();
        Ok(Made { file, template: bare.template, notes, layers: composed.layers })
    }
}

/// What a common or model file may know of the requester.
fn family_facts(device: &Device) -> DeviceFacts {
    DeviceFacts { model: device.model.clone(), vendor: device.vendor.clone(), firmware: device.firmware.clone(), ..DeviceFacts::default() }
}

fn decide(request: &Request, gated: &Gated, seen: &Seen, resolved: &Resolved) -> (Decision, Reason) {
    if request.path.is_none() || matches!(request.transport, Transport::Dhcp | Transport::Pnp) {
        return (Decision::Refused, Reason::NoFile);
    }
    authorize(&Asked {
        trusted: gated.trusted,
        device: resolved.serving.as_ref().map(|s| &*s.device),
        route: resolved.route.as_ref(),
        conflict: seen.conflict,
        no_device: resolved.no_device.as_ref(),
        other_pack: resolved.other_pack,
    })
}

fn says_resolved(request: &Request, resolved: &Resolved) -> Says {
    Says::Resolve {
        tenant: resolved.tenant.clone(),
        by: resolved.by,
        device: resolved.found.clone(),
        pack: resolved.pack.as_ref().map(|p| p.id().to_owned()),
        file: resolved.route.as_ref().map(|route| file_seen(request, route)),
        cached: resolved.cached,
    }
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

fn unavailable(seen: Seen, error: &Error, mut watch: Stopwatch) -> Walked {
    tracing::error!(%error, "the store does not answer");
    let reason = Reason::StoreUnavailable;
    watch.lap(Says::Authorize { decision: Decision::Refused, reason: reason.clone() });
    Walked {
        sighting: seen.sighting,
        resolved: None,
        decision: Decision::Refused,
        reason,
        made: None,
        answer: Answer::Busy,
        trace: Trace { steps: watch.steps },
    }
}
