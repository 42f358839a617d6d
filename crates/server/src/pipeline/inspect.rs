//! What people ask of the pipeline: which files a device has, what is in them and why, and what was asked lately. The same
//! steps as for a phone, without one.

use std::{net::IpAddr, sync::Arc};

use offhook_core::{
    Error, Id, Result,
    device::{Device, LastFetch, Sync},
    firmware::Because,
    local_port::AutoPort,
    sighting::FileKind,
    token::Reach,
    trace::Reason,
};
use offhook_packs::{Catalog, Pack, Route, ServerFacts, manifest::Source};
use offhook_store::{Serving, selector_of};
use tokio::sync::broadcast;

use super::{DeviceFile, Explanation, Inner, Moment, Note, Pipeline, Preview, RequestEntry, RequestFilter, compose, render};

/// How many older requests are read at once.
const CHUNK: usize = 256;

impl Pipeline {
    /// Every file this device may ask for.
    pub async fn files(&self, device: &Device) -> Result<Vec<DeviceFile>> {
        let (moment, serving, pack) = self.serving(device).await?;
        let server = self.0.server_of(device);
        let mut files = Vec::new();
        let routes = pack.files_for(&render::device_facts(&serving)).into_iter();
        for route in routes.chain(self.0.referenced(&moment, &serving, &pack, &server)) {
            let made = self.0.file(&route, Some(&serving), selector_of(device), (&moment, &server), true).await;
            let file = made.as_ref().ok().map(|(made, _)| &made.file);
            files.push(DeviceFile {
                path: format!("/{}", route.path),
                kind: route.kind(),
                credentials: route.credentials(),
                optional: route.optional(),
                stored: false,
                size: file.map(|f| f.body.len() as u64),
                hash: file.map(|f| f.etag.to_string()),
                absent: made.err(),
            });
        }
        let listed: Vec<String> = files.iter().map(|f| f.path.to_lowercase()).collect();
        files.extend(self.0.offered(&moment, &serving, &pack, &server).into_iter().filter(|f| !listed.contains(&f.path.to_lowercase())));
        Ok(files)
    }

    /// One of its files, secrets masked unless `reveal`.
    pub async fn preview(&self, device: &Device, path: &str, reveal: bool) -> Result<Preview> {
        let (moment, serving, pack) = self.serving(device).await?;
        let wanted = path.trim_start_matches('/');
        let mut routes = pack.files_for(&render::device_facts(&serving));
        routes.extend(self.0.referenced(&moment, &serving, &pack, &self.0.server_of(device)));
        let known = routes.into_iter().find(|r| r.path.eq_ignore_ascii_case(wanted));
        let route = known.or_else(|| self.recognised(device, &pack, wanted)).ok_or_else(|| Error::not_found("file", wanted))?;
        let made = self.0.file(&route, Some(&serving), selector_of(device), (&moment, &self.0.server_of(device)), reveal).await;
        let (made, _) = made.map_err(|why| Error::not_found("file", format!("{wanted} ({why})")))?;
        let file = &made.file;
        Ok(Preview {
            bytes: file.body.clone(),
            content_type: file.content_type.clone(),
            template: made.template.clone(),
            notes: made.notes.clone(),
        })
    }

    /// A file whose name cannot be told ahead (firmware, a language) but that the pack knows when it is asked for.
    fn recognised(&self, device: &Device, pack: &Arc<Pack>, path: &str) -> Option<Route> {
        let mut request = offhook_core::request::Request::new(offhook_core::request::Transport::Http, IpAddr::from([127, 0, 0, 1]));
        request.path = Some(format!("/{path}"));
        let found = self.catalog().identify(&request, None);
        found.routes.into_iter().chain(found.older).find(|r| r.pack.key() == pack.key() && r.mac.is_none_or(|m| Some(m) == device.mac))
    }

    /// Its effective settings, secrets masked unless `reveal`, each with its layer, and what its family cannot express.
    pub async fn explain(&self, device: &Device, reveal: bool) -> Result<Explanation> {
        let (moment, serving, pack) = self.serving(device).await?;
        let server = self.0.server_of(device);
        let composed = compose::of_device(&moment.configuration, &serving, &pack, &server, &self.0.generate_key);
        let raw_secrets = moment.packs.catalog.raw_secrets();
        let values = if reveal { composed.effective.explain_revealed() } else { composed.effective.explain(raw_secrets) };
        let mut notes = composed.notes;
        if let AutoPort::Held { address, port } = serving.auto_port {
            let behind = address.map_or_else(|| "the devices that were not seen yet".to_owned(), |a| format!("the devices behind {a}"));
            let says = |line: &u32| composed.effective.value(&format!("lines.{line}.local_port")).is_some_and(|v| *v == port);
            let lines = composed.effective.line_variables().into_keys().filter(says);
            let told = format!("{port} was chosen here: it is this device's own among {behind}");
            notes.extend(lines.map(|line| Note::new(format!("lines.{line}.local_port"), told.clone())));
        }
        let unsupported = pack.unsupported(pack.model(device.model.as_deref()), &composed.effective);
        notes.extend(unsupported.iter().cloned());
        for route in pack.files_for(&render::device_facts(&serving)) {
            if route.source() != Source::Template {
                continue;
            }
            match self.0.file(&route, Some(&serving), selector_of(device), (&moment, &server), true).await {
                Ok((made, _)) => notes.extend(made.notes.iter().cloned()),
                Err(Reason::NotOffered | Reason::FirmwareNotOffered { .. }) => {}
                Err(why) => notes.push(Note { path: String::new(), message: format!("{}: {why}", route.path) }),
            }
        }
        for route in self.0.referenced(&moment, &serving, &pack, &server).into_iter().filter(|r| r.source() == Source::Asset) {
            if let Err(why) = self.0.file(&route, Some(&serving), selector_of(device), (&moment, &server), true).await {
                notes.push(Note { path: String::new(), message: format!("{}: {why}", route.path) });
            }
        }
        // Of what is not written nothing more is to be said.
        notes.retain(|n| unsupported.contains(n) || unsupported.iter().all(|u| u.path != n.path));
        let offer = pack.firmware_offer(&render::device_facts(&serving), &composed.effective, &render::OnShelf(&moment.shelf));
        notes.extend(offer.map(|offer| Note::new("provisioning.firmware.version", offer.to_string())));
        notes.sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
        notes.dedup();
        Ok(Explanation { layers: composed.layers, values, notes })
    }

    /// Whether its last fetch had today's content, by comparing the real bytes.
    pub async fn sync(&self, device: &Device) -> Result<Sync> {
        let Some(fetch) = &device.last_fetch else { return Ok(Sync::Never) };
        let (moment, serving, pack) = self.serving(device).await?;
        let same = |r: &Route| r.name.eq_ignore_ascii_case(&fetch.path);
        let route = pack.files_for(&render::device_facts(&serving)).into_iter().find(same);
        let Some(route) = route else { return Ok(Sync::Outdated) };
        // The address in the file is that of the way the phone came, unless one is set.
        let server = ServerFacts::new(self.0.rules().public_url.as_ref().unwrap_or(&fetch.server_url));
        let today = self.0.file(&route, Some(&serving), selector_of(device), (&moment, &server), true).await;
        Ok(if today.is_ok_and(|(made, _)| *made.file.etag == *fetch.hash) { Sync::Current } else { Sync::Outdated })
    }

    /// Whether it could ever fetch its file under the policy; the error says what to do. Called before approval.
    pub fn can_serve(&self, device: &Device) -> Result<()> {
        if device.mac.is_none() && device.serial.is_none() {
            return Err(Error::invalid("mac", "a phone is known by its MAC address: give it one before it is made ready"));
        }
        if self.choose_pack(device).is_none() {
            let packs = self.pack_names();
            return Err(Error::invalid("pack", format!("nothing tells which pack serves this device: set pack (one of {packs}) or model")));
        }
        Ok(())
    }

    /// The canonical name of a model that a person typed (`7960`). The error names those that are near.
    pub fn canonical_model(&self, pack_or_vendor: Option<&str>, model: &str) -> Result<String> {
        let catalog = self.catalog();
        let fits = |pack: &Pack| pack_or_vendor.is_none_or(|p| names(pack, p));
        let packs: Vec<_> = catalog.packs().iter().filter(|p| fits(p)).collect();
        if let Some(name) = packs.iter().find_map(|p| p.canonical_model(model)) {
            return Ok(name.to_owned());
        }
        let mut near: Vec<&str> = packs.iter().flat_map(|p| p.models()).map(|m| m.name.as_str()).collect();
        near.sort_by_key(|name| distance(&name.to_ascii_lowercase(), &model.to_ascii_lowercase()));
        let near = near.into_iter().take(5).collect::<Vec<_>>().join(", ");
        Err(Error::invalid("model", format!("no pack knows a model {model:?}; near: {near}")))
    }

    /// The pack that serves a device with these facts: its own, else what its family, model or MAC tell.
    pub fn choose_pack(&self, device: &Device) -> Option<String> {
        choose(&self.catalog(), device).map(|p| p.id().to_owned())
    }

    /// The pack that serves a device with these facts.
    pub(super) fn pack_of(&self, device: &Device) -> Option<Arc<Pack>> {
        choose(&self.catalog(), device)
    }

    /// `id@version` of the pack that serves a device.
    pub fn pack_key(&self, device: &Device) -> Option<String> {
        self.pack_of(device).map(|pack| pack.key())
    }

    /// The family word of a pack.
    pub fn pack_vendor(&self, pack: &str) -> Option<String> {
        self.catalog().pack(pack).map(|p| p.head().vendor.clone())
    }

    /// Whether a pack of that id (or `id@version`) is loaded; the error names those that are.
    pub fn check_pack(&self, pack: &str) -> Result<()> {
        match self.catalog().pack(pack) {
            Some(_) => Ok(()),
            None => Err(Error::invalid("pack", format!("there is no pack {pack:?}; there are {}", self.pack_names()))),
        }
    }

    fn pack_names(&self) -> String {
        self.catalog().packs().iter().map(|p| p.id().to_owned()).collect::<Vec<_>>().join(", ")
    }

    /// The pack whose phones ask for firmware of this name.
    pub fn firmware_pack(&self, name: &str) -> Option<String> {
        self.catalog().packs().iter().find(|p| p.firmware_match(name)).map(|p| p.id().to_owned())
    }

    /// Waits until what phones asked so far is stored: called before a person is shown devices.
    pub async fn settle(&self) {
        self.0.recorder.settle().await;
    }

    /// Recent requests, newest first: from memory, and from the store for older ones.
    pub async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Arc<RequestEntry>>> {
        let (mut found, whole) = self.0.recorder.recent(filter);
        if whole {
            return Ok(found);
        }
        let stored = offhook_store::RequestFilter { device: filter.device, tenant: filter.tenant.clone() };
        let store = self.0.store.within(filter.reach.clone());
        let mut before = found.last().map(|e| e.id).or(filter.before);
        // The store knows device and tenant; the rest is sifted here, chunk by chunk.
        let chunk = filter.limit.max(CHUNK);
        loop {
            let older = store.requests(&stored, u32::try_from(chunk).unwrap_or(u32::MAX), before).await?;
            let end = older.len() < chunk || older.last().is_some_and(|e| filter.after.is_some_and(|after| e.id <= after));
            before = older.last().map(|e| e.id).or(before);
            found.extend(older.into_iter().filter(|e| filter.fits(e)).map(Arc::new).take(filter.limit - found.len()));
            if end || found.len() >= filter.limit {
                return Ok(found);
            }
        }
    }

    /// One request, as far as the log reaches back.
    pub async fn request(&self, id: Id, reach: &Reach) -> Result<Option<Arc<RequestEntry>>> {
        let all = RequestFilter { limit: usize::MAX, reach: reach.clone(), ..RequestFilter::default() };
        let (held, _) = self.0.recorder.recent(&all);
        if let Some(entry) = held.into_iter().find(|e| e.id == id) {
            return Ok(Some(entry));
        }
        let stored = self.0.store.within(reach.clone()).request(id).await?;
        Ok(stored.filter(|e| all.fits(e)).map(Arc::new))
    }

    /// Requests from now on; a slow reader loses the oldest.
    pub fn follow_requests(&self) -> broadcast::Receiver<Arc<RequestEntry>> {
        self.0.recorder.follow()
    }

    async fn serving(&self, device: &Device) -> Result<(Moment, Serving, Arc<Pack>)> {
        let moment = self.0.moment();
        let pack = choose(&moment.packs.catalog, device);
        let pack = pack.ok_or_else(|| match &device.pack {
            Some(pack) => Error::Conflict(Reason::PackMissing { pack: pack.clone() }.to_string()),
            None => Error::Conflict("nothing tells which pack serves this device: set its pack or model".into()),
        })?;
        let serving = self.0.store.serving(device.clone(), &moment.configuration).await?;
        // What people are shown is what the phone will get.
        let address = device.last_seen.as_ref().map(|s| s.ip).filter(|_| serving.auto_port == AutoPort::Wanted);
        let serving = Arc::unwrap_or_clone(self.0.with_port(Arc::new(serving), address).await);
        Ok((moment, serving, pack))
    }
}

impl Inner {
    /// The firmware images that its settings want and that it is offered, or would be were they stored.
    fn offered(&self, moment: &Moment, serving: &Serving, pack: &Pack, server: &ServerFacts) -> Vec<DeviceFile> {
        let facts = render::device_facts(serving);
        let composed = compose::of_device(&moment.configuration, serving, pack, server, &self.generate_key);
        let offer = pack.firmware_offer(&facts, &composed.effective, &render::OnShelf(&moment.shelf));
        let wanted = offer.filter(|o| o.offered() || matches!(o.because, Because::Missing { .. }));
        let names = wanted.and_then(|offer| pack.firmware_files(&offer.version, facts.model.as_deref())).unwrap_or_default();
        let file = |name: String| {
            let stored = moment.shelf.get(&name);
            DeviceFile {
                path: format!("/{name}"),
                kind: FileKind::Firmware,
                credentials: false,
                // A phone does well without: what is not stored is not offered.
                optional: true,
                stored: true,
                size: stored.map(|f| f.size),
                hash: stored.map(|f| f.sha256.clone()),
                absent: stored.is_none().then(|| Reason::FirmwareMissing { missing: vec![name] }),
            }
        };
        names.into_iter().map(file).collect()
    }

    /// Where this device reaches the server: as it last did, else on the interface of its network.
    pub(super) fn server_of(&self, device: &Device) -> ServerFacts {
        let fetched =
            device.last_fetch.as_ref().map(|LastFetch { server_url, .. }| server_url.clone()).filter(|_| self.rules().public_url.is_none());
        let seen = device.last_seen.as_ref().map_or(IpAddr::from([127, 0, 0, 1]), |s| s.ip);
        ServerFacts::new(&fetched.unwrap_or_else(|| self.server_url(crate::listen::local_address_for(seen))))
    }
}

/// A device's own pack; else the one that its family, its model and its MAC's block speak for most.
pub(super) fn choose(catalog: &Catalog, device: &Device) -> Option<Arc<Pack>> {
    if let Some(own) = device.pack.as_deref() {
        return catalog.pack(own).cloned();
    }
    let fits = |pack: &&Arc<Pack>| device.vendor.as_ref().is_none_or(|v| pack.is_vendor(v));
    let score = |pack: &Arc<Pack>| {
        let model = device.model.as_deref().is_some_and(|m| pack.canonical_model(m).is_some());
        let block = device.mac.is_some_and(|m| pack.has_oui(m));
        (u8::from(model) * 4) + (u8::from(device.vendor.is_some()) * 2) + u8::from(block)
    };
    // Of equal ones the first by name: the same answer every time.
    let best = catalog.packs().iter().filter(fits).map(|p| (score(p), p)).filter(|(s, _)| *s > 0).rev().max_by_key(|(s, _)| *s);
    best.map(|(_, pack)| pack.clone())
}

fn names(pack: &Pack, word: &str) -> bool {
    let id = word.split('@').next().unwrap_or(word);
    pack.id() == id || pack.head().vendor == word
}

/// Edit distance, for suggestions among a few hundred short names.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(32).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(32).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let next = (diagonal + usize::from(x != *y)).min(left + 1).min(*cell + 1);
            (diagonal, left) = (*cell, next);
            *cell = next;
        }
    }
    row.last().copied().unwrap_or(0)
}
