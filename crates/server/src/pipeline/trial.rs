//! Files as they are and as they would be with other overrides, side by side. Nothing is stored, and nothing is kept in the caches
//! that phones are served from.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::join_all;
use offhook_core::{
    Result,
    configuration::{Configuration, LayerSelector},
    device::Device,
    settings::Effective,
    template::{TemplateOverride, TemplateSet},
};
use offhook_packs::{
    Catalog, DeviceFacts, FirmwareShelf, Overlay, Pack, RenderError, RenderInput, Rendered, Route, ServerFacts, manifest::Source,
    sample_device,
};
use offhook_store::{Serving, selector_of};

use super::{Moment, Pipeline, authorize::needs_device, compose, make::Wanted, render};
use crate::sandbox::Failure;

/// Where a template fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateFault {
    /// The template, with its layer.
    pub template: String,
    /// From 1; 0 when unknown.
    pub line: usize,
    /// What stands there.
    pub snippet: String,
    /// What is wrong.
    pub message: String,
}

impl TemplateFault {
    /// What is wrong with the text of an override by itself.
    pub fn of_syntax(one: &TemplateOverride) -> Option<Self> {
        match offhook_packs::check_syntax(one) {
            Err(RenderError::Template { template, line, snippet, message }) => Some(Self { template, line, snippet, message }),
            _ => None,
        }
    }
}

/// What became of a file: bytes, or nothing where the phone gets none now.
pub type Outcome = Result<Option<Vec<u8>>, TemplateFault>;

/// One file before and after.
#[derive(Debug)]
pub struct Tried {
    /// Id of the pack.
    pub pack: String,
    /// Its name in the pack.
    pub file: String,
    /// As phones ask for it.
    pub path: String,
    /// As it is.
    pub before: Outcome,
    /// As it would be.
    pub after: Outcome,
    /// Both with secrets masked, where they differ.
    masked: Option<(Outcome, Outcome)>,
}

impl Tried {
    /// Whether the phone would get something else.
    pub fn is_changed(&self) -> bool {
        self.before != self.after
    }

    /// As it is, for people.
    pub fn shown_before(&self) -> String {
        shown(self.masked.as_ref().map_or(&self.before, |m| &m.0))
    }

    /// As it would be, for people.
    pub fn shown_after(&self) -> String {
        shown(self.masked.as_ref().map_or(&self.after, |m| &m.1))
    }
}

fn shown(outcome: &Outcome) -> String {
    let bytes: &[u8] = match outcome {
        Ok(Some(bytes)) => bytes,
        _ => &[],
    };
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => text.replace("\r\n", "\n"),
        // A file in an eight-bit charset: latin-1 is near enough for the eye.
        Cow::Owned(_) => bytes.iter().map(|b| char::from(*b)).collect::<String>().replace("\r\n", "\n"),
    }
}

/// Two moments that differ in nothing but the overrides.
pub struct Trial {
    pipeline: Pipeline,
    before: Side,
    after: Side,
    /// Files of no device, which many devices share: by pack, file, path and what selects their layers.
    shared: HashMap<(String, usize, String, LayerSelector), Arc<Tried>>,
    /// By pack.
    samples: HashMap<String, Arc<Vec<Sample>>>,
}

/// By pack and tenant; none where nothing lies over the pack.
type Overlays = HashMap<(String, String), Option<Arc<Overlay>>>;

/// One of the two.
struct Side {
    moment: Moment,
    overlays: Mutex<Overlays>,
}

impl Side {
    fn new(moment: Moment) -> Self {
        Self { moment, overlays: Mutex::default() }
    }

    fn overlay(&self, pack: &Pack, tenant: &str) -> Option<Arc<Overlay>> {
        let mut overlays = self.overlays.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (pack.key(), tenant.to_owned());
        overlays.entry(key).or_insert_with(|| Overlay::new(pack, tenant, &self.moment.configuration.templates).map(Arc::new)).clone()
    }
}

impl Pipeline {
    /// Beside today's overrides these.
    pub fn trial(&self, templates: TemplateSet) -> Trial {
        let (before, mut after) = (self.0.moment(), self.0.moment());
        let configuration = Configuration::clone(&before.configuration).with_templates(templates);
        after.configuration = Arc::new(configuration);
        Trial {
            pipeline: self.clone(),
            before: Side::new(before),
            after: Side::new(after),
            shared: HashMap::new(),
            samples: HashMap::new(),
        }
    }

    /// Beside today's packs these.
    pub fn pack_trial(&self, catalog: Arc<Catalog>) -> Trial {
        let (before, mut after) = (self.0.moment(), self.0.moment());
        after.packs.catalog = catalog;
        Trial {
            pipeline: self.clone(),
            before: Side::new(before),
            after: Side::new(after),
            shared: HashMap::new(),
            samples: HashMap::new(),
        }
    }

    /// Names of the files that a device asks a pack for.
    pub fn file_names(&self, device: &Device, pack: &Arc<Pack>) -> Vec<String> {
        if self.pack_of(device).is_none_or(|own| !Arc::ptr_eq(&own, pack)) {
            return Vec::new();
        }
        let facts = render::facts_of(device);
        pack.files_for(&facts).into_iter().map(|route| route.name).collect()
    }

    /// Id of the pack that serves a device.
    pub fn pack_id(&self, device: &Device) -> Option<String> {
        self.pack_of(device).map(|pack| pack.id().to_owned())
    }
}

impl Trial {
    /// Every file that a template makes for a device, before and after. Nothing for a device that no pack serves.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    pub async fn device(&mut self, device: &Device, reveal: bool) -> Result<Vec<Arc<Tried>>> {
        let Some(pack) = self.pipeline.pack_of(device) else { return Ok(Vec::new()) };
        let serving = self.pipeline.0.store.serving(device.clone(), &self.before.moment.configuration).await?;
        let server = self.pipeline.0.server_of(device);
        let mut tried = Vec::new();
        for route in pack.files_for(&render::device_facts(&serving)) {
            // An override may make a file that the pack has not, or has only as it is.
            if !matches!(route.source(), Source::Firmware | Source::Asset) {
                tried.push(self.file(&route, &serving, &server, reveal).await);
            }
        }
        Ok(tried)
    }

    /// Every file that a template makes for a device, before and after it is served by other packs, or by another one of them. None for
    /// a device that no pack would serve.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    pub async fn moved(&mut self, device: &Device, to: Option<&str>) -> Result<Option<Vec<Arc<Tried>>>> {
        let mut then = device.clone();
        if let Some(to) = to {
            then.pack = Some(to.to_owned());
        }
        let Some(pack) = super::inspect::choose(&self.after.moment.packs.catalog, &then) else { return Ok(None) };
        let own = super::inspect::choose(&self.before.moment.packs.catalog, device);
        let server = self.pipeline.0.server_of(device);
        let mut files: BTreeMap<String, (String, Outcome, Outcome)> = BTreeMap::new();
        for (pack, device, is_after) in own.map(|own| (own, device, false)).into_iter().chain([(pack.clone(), &then, true)]) {
            let side = if is_after { &self.after } else { &self.before };
            let serving = self.pipeline.0.store.serving(device.clone(), &side.moment.configuration).await?;
            for route in pack.files_for(&render::device_facts(&serving)) {
                if route.source() != Source::Template {
                    continue;
                }
                let made = self.alone(&route, &serving, (side, &server)).await;
                let file = files.entry(route.path.clone()).or_insert_with(|| (route.file_name().to_owned(), Ok(None), Ok(None)));
                *(if is_after { &mut file.2 } else { &mut file.1 }) = made;
            }
        }
        let tried = |(path, (file, before, after))| Arc::new(Tried { pack: pack.id().to_owned(), file, path, before, after, masked: None });
        Ok(Some(files.into_iter().map(tried).collect()))
    }

    /// One file, secrets masked.
    async fn alone(&self, route: &Route, serving: &Serving, (side, server): (&Side, &ServerFacts)) -> Outcome {
        let requester = selector_of(&serving.device);
        let replaced = render::is_replaced(route, &requester.tenant, &side.moment.configuration.templates);
        if needs_device(route, replaced) {
            return self.rendered(route, &requester, Some(serving), (side, server), false).await;
        }
        self.rendered(route, &compose::family(route, requester), None, (side, server), false).await
    }

    async fn file(&mut self, route: &Route, serving: &Serving, server: &ServerFacts, reveal: bool) -> Arc<Tried> {
        let requester = selector_of(&serving.device);
        let replaces = |side: &Side| render::is_replaced(route, &requester.tenant, &side.moment.configuration.templates);
        if needs_device(route, replaces(&self.before) || replaces(&self.after)) {
            let own = Some(serving);
            return Arc::new(self.tried(route, &requester, own, server, reveal).await);
        }
        let selector = compose::family(route, requester);
        let key = (route.pack.key(), route.file, route.path.clone(), selector.clone());
        if let Some(tried) = self.shared.get(&key) {
            return tried.clone();
        }
        let tried = Arc::new(self.tried(route, &selector, None, server, reveal).await);
        self.shared.insert(key, tried.clone());
        tried
    }

    async fn tried(&self, route: &Route, selector: &LayerSelector, own: Option<&Serving>, server: &ServerFacts, reveal: bool) -> Tried {
        let both = async |reveal| {
            let of = async |side| self.rendered(route, selector, own, (side, server), reveal).await;
            (of(&self.before).await, of(&self.after).await)
        };
        let (before, after) = both(true).await;
        let masked = if reveal || before == after { None } else { Some(both(false).await) };
        let file = route.file_name().to_owned();
        Tried { pack: route.pack.id().to_owned(), file, path: route.path.clone(), before, after, masked }
    }

    async fn rendered(
        &self,
        route: &Route,
        selector: &LayerSelector,
        own: Option<&Serving>,
        (side, server): (&Side, &ServerFacts),
        reveal: bool,
    ) -> Outcome {
        let overlay = side.overlay(&route.pack, &selector.tenant);
        let wanted = Wanted { route, selector, own, server, reveal, encrypt: false };
        outcome(self.pipeline.0.make_of(wanted, &side.moment, overlay.as_ref()).await.made)
    }
}

/// The bytes of what was rendered; a file that is not there now is no fault.
fn outcome(made: Result<Rendered, Failure>) -> Outcome {
    match made {
        Ok(rendered) => Ok(Some(rendered.bytes)),
        Err(failure) => fault(failure).map_or(Ok(None), Err),
    }
}

fn fault(failure: Failure) -> Option<TemplateFault> {
    match failure {
        Failure::Template(RenderError::Template { template, line, snippet, message }) => {
            Some(TemplateFault { template, line, snippet, message })
        }
        Failure::Template(_) => None,
        Failure::Busy => Some(TemplateFault {
            template: String::new(),
            line: 0,
            snippet: String::new(),
            message: "cannot be tried now: too many files of this tenant wait to be made".to_owned(),
        }),
    }
}

/// So many models are tried at once: while one is rendered in the tenant's process, the next is prepared in this one.
const AT_ONCE: usize = 2;

/// A model with sample settings, and what of its files fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Its name; empty: the generic one.
    pub model: String,
    /// Each with whether it fails in the same way as it is now.
    pub faults: Vec<(TemplateFault, bool)>,
}

/// For sample devices all firmware is stored.
struct Everything;

impl FirmwareShelf for Everything {
    fn has(&self, _name: &str) -> bool {
        true
    }
}

impl Trial {
    /// Tries every file of every model of a pack, or of one, with sample settings, as a phone of the tenant would get it, for as long as
    /// there is `time`; and how many models were left out. No tenant: an empty text.
    pub async fn samples(
        &mut self,
        pack: &Arc<Pack>,
        tenant: &str,
        only: Option<&str>,
        time: &(dyn Fn() -> bool + Sync),
    ) -> (Vec<Sampled>, usize) {
        let all = self.samples_of(pack);
        let wanted: Vec<(&Sample, Vec<Route>)> =
            all.iter().filter(|s| only.is_none_or(|name| s.model == name)).map(|s| (s, pack.files_for(&s.facts))).collect();
        let mut tried = Vec::new();
        for some in wanted.chunks(AT_ONCE).take_while(|_| time()) {
            tried.extend(join_all(some.iter().map(|(sample, routes)| self.sampled(routes, sample, tenant))).await);
            tokio::task::yield_now().await;
        }
        let left = wanted.len() - tried.len();
        (tried, left)
    }

    /// One device's file with sample settings of every model, as if a device of that model had it.
    pub async fn sample_file(&self, route: &Route, tenant: &str) -> Vec<Sampled> {
        let mut all = Vec::new();
        for mut sample in samples(&route.pack) {
            sample.facts.mac = route.mac.or(sample.facts.mac);
            sample.facts.serial = route.serial.clone().or(sample.facts.serial);
            all.push(self.sampled(std::slice::from_ref(route), &sample, tenant).await);
        }
        all
    }

    /// Made once for all that is tried.
    fn samples_of(&mut self, pack: &Arc<Pack>) -> Arc<Vec<Sample>> {
        self.samples.entry(pack.key()).or_insert_with(|| Arc::new(samples(pack).collect())).clone()
    }

    async fn sampled(&self, routes: &[Route], sample: &Sample, tenant: &str) -> Sampled {
        let mut faults = Vec::new();
        for route in routes {
            if let Some(fault) = self.sample_fault(route, sample, tenant, &self.after).await {
                // What it was matters only where it fails: whether it failed then.
                let before = self.sample_fault(route, sample, tenant, &self.before).await;
                let standing = before.as_ref() == Some(&fault);
                faults.push((fault, standing));
            }
        }
        Sampled { model: sample.model.clone(), faults }
    }

    async fn sample_fault(&self, route: &Route, sample: &Sample, tenant: &str, side: &Side) -> Option<TemplateFault> {
        let server = ServerFacts::new("http://192.0.2.1:8667");
        // Without a tenant's overrides; no tenant has an empty name.
        let overlay = side.overlay(&route.pack, tenant);
        let tenant = if tenant.is_empty() { "default" } else { tenant };
        let begun = {
            let input = RenderInput {
                device: &sample.facts,
                tenant,
                server: &server,
                settings: &sample.settings,
                shelf: &Everything,
                resources: &side.moment.resources(&self.pipeline.0.stored, tenant),
                encryption_key: None,
                names: side.moment.configuration.address_maps.names(tenant),
                overlay: overlay.as_ref(),
            };
            route.pack.begin(route, &input)
        };
        self.pipeline.0.try_out(tenant, begun).await.err().and_then(fault)
    }
}

/// A made-up device of one model.
struct Sample {
    model: String,
    facts: DeviceFacts,
    settings: Effective,
}

/// One for each model of a pack, the generic one first.
fn samples(pack: &Arc<Pack>) -> impl Iterator<Item = Sample> {
    let models = std::iter::once(pack.model(None)).chain(pack.models());
    models.map(|model| {
        let (facts, settings) = sample_device(pack, model);
        Sample { model: model.name.clone(), facts, settings }
    })
}
