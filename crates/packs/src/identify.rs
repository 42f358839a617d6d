//! What a request tells of the phone: one pass over the rules of all packs, with the evidence kept.

use std::{collections::HashMap, sync::Arc};

use offhook_core::{
    Mac,
    request::Request,
    settings::Effective,
    sighting::{Evidence, Field, FileKind, From, Sighting},
};
use regex::bytes::{RegexSet, RegexSetBuilder};

use crate::{
    Pack, Part,
    manifest::{Source, UploadSpec},
    pack::Groups,
    pattern::{normalise, spell},
    rule::{self, Input, Read, Rule},
};

/// Inputs longer than this tell nothing; no phone sends them.
const MAX_INPUT: usize = 1024;
/// Confidence of a file name that only one maker asks for.
const NAME: u8 = 70;
/// Confidence of an OUI.
const OUI: u8 = 30;
/// Confidence of what was learnt earlier.
const LEARNT: u8 = 50;

/// What was learnt earlier of the MAC or address that asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    /// MAC of the address (lease, ARP, earlier request).
    pub mac: Option<Mac>,
    /// Family.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Firmware version.
    pub firmware: Option<String>,
    /// DHCP option 60, bytes read as latin-1.
    pub option60: Option<String>,
}

/// What one request told.
#[derive(Clone, Debug, Default)]
pub struct Identified {
    /// Of the phone.
    pub sighting: Sighting,
    /// Files that the path may mean, best first.
    pub routes: Vec<Route>,
    /// Files of versions that serve only devices that are pinned to them.
    pub older: Vec<Route>,
    /// The best route's file belongs to another MAC than the phone's own.
    pub conflict: Option<MacConflict>,
}

/// A file of one MAC asked for by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacConflict {
    /// In the file's name or query.
    pub asked: Mac,
    /// What the phone says of itself in a header or certificate.
    pub says: Mac,
}

/// One file of one pack, as asked for or as made for a device.
#[derive(Clone, Debug)]
pub struct Route {
    /// The pack.
    pub pack: Arc<Pack>,
    /// Index into [`Pack::files`].
    pub file: usize,
    /// Path without leading slash, as asked (folders too) or as made.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// MAC in the name or query.
    pub mac: Option<Mac>,
    /// Model code in the name.
    pub code: Option<u64>,
    /// Model in the name.
    pub model: Option<String>,
    /// Serial number in the name.
    pub serial: Option<String>,
    /// Stored asset in the name.
    pub asset: Option<String>,
    /// Phone book in the name.
    pub phonebook: Option<String>,
    /// Which part of the phone book.
    pub part: Part,
}

impl Route {
    fn spec(&self) -> &crate::manifest::FileSpec {
        &self.pack.specs[self.file]
    }

    /// What the file is for.
    pub fn kind(&self) -> FileKind {
        self.spec().kind
    }

    /// Whether it holds credentials.
    pub fn credentials(&self) -> bool {
        self.spec().credentials
    }

    /// The key that the file is encrypted with, if these settings say one. They must still hold their secrets.
    pub fn encryption_key(&self, settings: &Effective) -> Option<String> {
        self.spec().encrypt.as_ref()?.key_in(settings)
    }

    /// Whether its absence is normal.
    pub fn optional(&self) -> bool {
        self.spec().optional
    }

    /// What the phone sends, when it writes.
    pub fn upload(&self) -> Option<&UploadSpec> {
        self.spec().upload.as_ref()
    }

    /// Where its bytes come from.
    pub fn source(&self) -> Source {
        self.spec().source
    }

    /// Whether a template can make it: its format is known and is text.
    pub fn is_text(&self) -> bool {
        self.pack.is_text(self.spec())
    }

    /// The file's name in the manifest.
    pub fn file_name(&self) -> &str {
        &self.spec().name
    }
}

/// The rules of one input, matched in one pass.
#[derive(Debug)]
struct RuleSet {
    set: RegexSet,
    rules: Vec<(usize, usize)>,
}

/// All rules of all packs.
#[derive(Debug)]
pub(crate) struct Recognition {
    packs: Vec<Arc<Pack>>,
    /// So many of the packs serve by themselves; the names of files of the others are known, nothing else of them.
    serving: usize,
    inputs: Vec<(Input, RuleSet)>,
    files: RuleSet,
    ouis: HashMap<[u8; 3], Vec<(usize, String)>>,
}

fn set(patterns: &[&str]) -> RegexSet {
    // Each was compiled alone before; a set too great for the limits tells nothing rather than fail.
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
        .build()
        .unwrap_or_else(|_| RegexSet::empty())
}

impl Recognition {
    /// `older`: versions that serve only devices that are pinned to them.
    pub fn new(packs: &[Arc<Pack>], older: Vec<Arc<Pack>>) -> Self {
        let mut by_input: Vec<(Input, Vec<(usize, usize)>)> = Vec::new();
        let mut ouis: HashMap<[u8; 3], Vec<(usize, String)>> = HashMap::new();
        let mut files = Vec::new();
        for (p, pack) in packs.iter().enumerate() {
            for (r, rule) in pack.rules.iter().enumerate() {
                match by_input.iter_mut().find(|(input, _)| *input == rule.input) {
                    Some((_, rules)) => rules.push((p, r)),
                    None => by_input.push((rule.input.clone(), vec![(p, r)])),
                }
            }
            for (oui, vendor) in &pack.ouis {
                ouis.entry(*oui).or_default().push((p, vendor.clone()));
            }
            files.extend((0..pack.files.len()).map(|f| (p, f)));
        }
        let serving = packs.len();
        let packs: Vec<Arc<Pack>> = packs.iter().cloned().chain(older).collect();
        for (p, pack) in packs.iter().enumerate().skip(serving) {
            files.extend((0..pack.files.len()).map(|f| (p, f)));
        }
        let rule_set = |rules: Vec<(usize, usize)>| {
            let patterns: Vec<&str> = rules.iter().map(|&(p, r)| packs[p].rules[r].source.as_str()).collect();
            RuleSet { set: set(&patterns), rules }
        };
        let inputs = by_input.into_iter().map(|(input, rules)| (input, rule_set(rules))).collect();
        let patterns: Vec<&str> = files.iter().map(|&(p, f): &(usize, usize)| packs[p].files[f].anchored.as_str()).collect();
        let files = RuleSet { set: set(&patterns), rules: files };
        Self { packs, serving, inputs, files, ouis }
    }

    pub fn identify(&self, request: &Request, learnt: Option<&Learnt>) -> Identified {
        let mut told = Told::default();
        let path = request.path.as_deref().and_then(normalise);
        for (input, set) in &self.inputs {
            let text = match input {
                Input::UserAgent => request.user_agent(),
                Input::Header(name) => request.header(name),
                Input::Path => path.as_deref(),
                Input::Query => request.query.as_deref(),
                Input::Option60 => request.option60.as_deref(),
                Input::Certificate => request.certificate_subject.as_deref(),
            };
            if let Some(text) = text {
                self.apply(set, text, input.from(), None, &mut told);
            }
        }
        if let Some(learnt) = learnt {
            self.learn(learnt, &mut told);
        }
        let (mut routes, older) = path.map_or_else(Default::default, |path| self.routes(&path, request, &mut told));
        let mac = told.mac();
        self.oui(mac, &routes, &mut told);
        self.rank(&mut routes, &told, mac, learnt);
        let says = told.best(Field::Mac, |e| !matches!(e.from, From::Path | From::Query | From::Learnt)).and_then(|e| Mac::parse(&e.value));
        let asked = routes.first().and_then(|r: &Ranked| r.route.mac);
        let conflict = asked.zip(says).filter(|(a, s)| a != s).map(|(asked, says)| MacConflict { asked, says });
        Identified { sighting: told.sighting(), routes: routes.into_iter().map(|r| r.route).collect(), older, conflict }
    }

    /// The rules of one input. A rule that refuses makes it tell nothing.
    fn apply(&self, set: &RuleSet, text: &str, from: From, cap: Option<u8>, told: &mut Told) {
        if text.len() > MAX_INPUT {
            return;
        }
        let bytes = rule::bytes(text);
        let matches = set.set.matches(&bytes);
        if !matches.matched_any() {
            return;
        }
        let rules = || matches.iter().filter_map(|i| set.rules.get(i)).map(|&(p, r)| (&self.packs[p], &self.packs[p].rules[r]));
        if rules().any(|(_, rule)| rule.refuse) {
            return;
        }
        for (pack, rule) in rules() {
            if let Some(read) = rule.read(&bytes) {
                told.add(pack, rule, read, from, cap);
            }
        }
    }

    fn learn(&self, learnt: &Learnt, told: &mut Told) {
        if let (Some(text), Some((_, set))) = (&learnt.option60, self.inputs.iter().find(|(i, _)| *i == Input::Option60)) {
            self.apply(set, text, From::Learnt, Some(LEARNT), told);
        }
        let mac = learnt.mac.map(|m| m.to_string());
        let fields =
            [(Field::Mac, &mac), (Field::Vendor, &learnt.vendor), (Field::Model, &learnt.model), (Field::Firmware, &learnt.firmware)];
        for (field, value) in fields {
            if let Some(value) = value {
                told.push(field, value.clone(), From::Learnt, "", "", LEARNT);
            }
        }
    }

    fn routes(&self, path: &str, request: &Request, told: &mut Told) -> (Vec<Ranked>, Vec<Route>) {
        let query = request.query.as_deref();
        let bytes = rule::bytes(path);
        let (mut routes, mut older, mut aside) = (Vec::new(), Vec::new(), Told::default());
        for &(p, f) in self.files.set.matches(&bytes).iter().filter_map(|i| self.files.rules.get(i)) {
            // What a phone may send and what it may ask for can have one name.
            if (self.packs[p].specs[f].source == Source::Upload) != request.writes {
                continue;
            }
            if p < self.serving {
                routes.extend(self.route(p, f, path, &bytes, query, told));
            } else {
                older.extend(self.route(p, f, path, &bytes, query, &mut aside).map(|ranked| ranked.route));
            }
        }
        if routes.is_empty() {
            // Only an older version knows the name: it still tells whose file it is.
            told.evidence.extend(aside.evidence.into_iter().filter(|e| matches!(e.field, Field::Mac | Field::Serial | Field::Uuid)));
        }
        (routes, older)
    }

    fn route(&self, p: usize, f: usize, path: &str, bytes: &[u8], query: Option<&str>, told: &mut Told) -> Option<Ranked> {
        let pack = &self.packs[p];
        let (file, spec) = (&pack.files[f], &pack.specs[f]);
        let captures = file.regex.captures(bytes)?;
        let in_query = match &file.query {
            Some((regex, groups)) => Some((regex.captures(query?.as_bytes())?, groups)),
            None => None,
        };
        let group = |which: fn(&Groups) -> Option<usize>| {
            let path = which(&file.groups).and_then(|g| captures.get(g)).map(|m| (m.as_bytes(), From::Path));
            path.or_else(|| in_query.as_ref().and_then(|(c, groups)| Some((c.get(which(groups)?)?.as_bytes(), From::Query))))
        };
        let text = |which| group(which).map(|(b, from)| (b.iter().map(|&b| char::from(b)).collect::<String>(), from));
        let mac = match group(|g| g.mac) {
            Some((bytes, from)) => Some((rule::mac(bytes)?, from)),
            None => None,
        };
        let mut model = text(|g| g.model).map(|(m, _)| m);
        if let Some(asked) = model.take() {
            model = match pack.models.find(&asked) {
                Some(known) => {
                    Some(pack.models.spelling(if known.file_model.eq_ignore_ascii_case(&asked) { known.name.clone() } else { asked }))
                }
                // A placeholder stands for known models only; an expression says itself what it means.
                None if file.path.is_some() => return None,
                None => Some(asked),
            };
        }
        let code = text(|g| g.code).and_then(|(c, _)| c.parse().ok());
        let serial = text(|g| g.serial);
        let phonebook = text(|g| g.phonebook).map(|(name, _)| name);
        let confidence = NAME + if file.exact { 2 } else { 0 };
        let (id, rule) = (pack.id(), spec.name.as_str());
        if !spec.shared {
            let vendor = spec.vendor.as_deref().unwrap_or(pack.vendor());
            told.push(Field::Vendor, vendor.to_lowercase(), From::Path, id, rule, confidence);
            for (field, value) in
                [(Field::Model, spec.model.clone().or_else(|| model.clone())), (Field::Firmware, text(|g| g.version).map(|v| v.0))]
            {
                if let Some(value) = value {
                    told.push(field, value, From::Path, id, rule, confidence);
                }
            }
        }
        if let Some((mac, from)) = mac {
            told.push(Field::Mac, spell(mac, Some(':'), false), from, id, rule, confidence);
        }
        for (field, value) in [(Field::Serial, serial.clone()), (Field::Uuid, text(|g| g.uuid))] {
            if let Some((value, from)) = value {
                told.push(field, value, from, id, rule, confidence);
            }
        }
        let route = Route {
            pack: Arc::clone(pack),
            file: f,
            path: path.to_owned(),
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            mac: mac.map(|m| m.0),
            code,
            model,
            serial: serial.map(|s| s.0),
            asset: text(|g| g.asset).map(|(name, _)| name),
            part: if phonebook.is_some() { Part::of_query(query, &spec.search) } else { Part::default() },
            phonebook,
        };
        Some(Ranked { route, literal: file.literal, shared: spec.shared, key: (0, false, false, 0) })
    }

    fn oui(&self, mac: Option<Mac>, routes: &[Ranked], told: &mut Told) {
        let mut macs: Vec<Mac> = mac.into_iter().chain(routes.iter().filter_map(|r| r.route.mac)).collect();
        macs.dedup();
        // What the phone itself says comes first; the OUI of a file's name only counts when there is nothing else.
        for mac in macs.into_iter().take(1) {
            for (p, vendor) in self.ouis.get(&mac.oui()).into_iter().flatten() {
                told.push(Field::Vendor, vendor.clone(), From::Oui, self.packs[*p].id(), "oui", OUI);
            }
        }
    }

    fn rank(&self, routes: &mut [Ranked], told: &Told, mac: Option<Mac>, learnt: Option<&Learnt>) {
        for ranked in routes.iter_mut() {
            let pack = &ranked.route.pack;
            let own = told.evidence.iter().filter(|e| e.pack == pack.id() && !matches!(e.from, From::Path | From::Query | From::Oui));
            let strong = own.map(|e| e.confidence).max().unwrap_or(0).max(learnt.map_or(0, |l| familiar(pack, l)));
            let oui = ranked.route.mac.or(mac).is_some_and(|m| pack.ouis.iter().any(|(o, _)| *o == m.oui()));
            ranked.key = (strong, !ranked.shared, oui, ranked.literal);
        }
        routes
            .sort_by(|a, b| b.key.cmp(&a.key).then_with(|| a.route.pack.id().cmp(b.route.pack.id())).then(a.route.file.cmp(&b.route.file)));
    }
}

/// How well a pack fits what was learnt.
fn familiar(pack: &Pack, learnt: &Learnt) -> u8 {
    let vendor = learnt.vendor.as_deref().is_some_and(|v| pack.is_vendor(v));
    let model = learnt.model.as_deref().is_some_and(|m| pack.models.find(m).is_some());
    match (vendor, model) {
        (true, true) => LEARNT,
        (true, false) => LEARNT - 10,
        _ => 0,
    }
}

struct Ranked {
    route: Route,
    literal: usize,
    shared: bool,
    /// Evidence besides the path, a name of one maker only, the OUI, how much is spelled out.
    key: (u8, bool, bool, usize),
}

/// Everything that a request told so far.
#[derive(Default)]
struct Told {
    evidence: Vec<Evidence>,
}

impl Told {
    fn push(&mut self, field: Field, value: String, from: From, pack: &str, rule: &str, confidence: u8) {
        self.evidence.push(Evidence { field, value, from, pack: pack.to_owned(), rule: rule.to_owned(), confidence });
    }

    fn add(&mut self, pack: &Pack, rule: &Rule, read: Read, from: From, cap: Option<u8>) {
        let confidence = cap.map_or(rule.confidence, |c| c.min(rule.confidence));
        let fields = [
            (Field::Vendor, read.vendor),
            (Field::Model, read.model.map(|m| pack.models.spelling(m))),
            (Field::Firmware, read.version),
            (Field::Serial, read.serial),
            (Field::Uuid, read.uuid),
            (Field::Mac, read.mac.map(|m| spell(m, Some(':'), false))),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                self.push(field, value, from, pack.id(), &rule.name, confidence);
            }
        }
    }

    /// The evidence of greatest confidence; the first of equals.
    fn best(&self, field: Field, which: impl Fn(&Evidence) -> bool) -> Option<&Evidence> {
        self.evidence
            .iter()
            .filter(|e| e.field == field && which(e))
            .reduce(|best, e| if e.confidence > best.confidence { e } else { best })
    }

    fn mac(&self) -> Option<Mac> {
        self.best(Field::Mac, |_| true).and_then(|e| Mac::parse(&e.value))
    }

    fn sighting(self) -> Sighting {
        let value = |field| self.best(field, |_| true).map(|e| e.value.clone());
        Sighting {
            mac: self.mac(),
            serial: value(Field::Serial),
            uuid: value(Field::Uuid),
            vendor: value(Field::Vendor),
            model: value(Field::Model),
            firmware: value(Field::Firmware),
            evidence: self.evidence,
        }
    }
}
