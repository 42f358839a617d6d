//! A pipeline with a store in a folder of its own, a clock that is moved by hand and the packs of two makers that nobody knows.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use offhook_core::{
    Mac,
    clock::{Clock, Entropy, Timestamp},
    device::Device,
    request::{Request, Transport},
    settings::{Scope, Settings},
    trace::Reason,
};
use offhook_packs::Catalog;
use offhook_store::{Store, StoreOptions};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    event::Metrics,
    pipeline::{Answer, Answered, Parts, Pipeline},
};

const ACME: &str = r#"
id = "acme"
version = "1.0.0"
name = "Acme desk phones"
ouis = ["02:00:5E"]
supports = ["lines.*.*", "display.text"]

[[identify]]
name = "agent"
from = "user_agent"
match = '''^Acme (?P<model>[A-Z]\d+) v(?P<version>[\d.]+)(?: (?P<mac>[0-9a-f:-]{12,17}))?$'''

[format.kv]
kind = "key-value"
separator = ":"
quote = "double"

[[file]]
name = "common"
path = "acme.cfg"
kind = "common"
format = "kv"
templates = ["common.tpl"]
[[file]]
name = "model"
path = "a{code:06}.cfg"
kind = "model"
format = "kv"
templates = ["common.tpl"]
[[file]]
name = "device"
path = "{mac}.cfg"
kind = "device"
credentials = true
shared = true
format = "kv"
templates = ["base.tpl"]
[[file]]
name = "boot"
path = "acme-{mac}.boot"
kind = "device"
format = "kv"
templates = ["common.tpl"]
[[file]]
name = "firmware"
pattern = '''acme-(?P<version>[\d.]+)\.bin'''
kind = "firmware"
source = "firmware"
"#;

const BETA: &str = r#"
id = "beta"
version = "1.0.0"
name = "Beta phones"
ouis = ["02:00:BE"]
supports = ["lines.*.*", "display.text"]

[[identify]]
name = "agent"
from = "user_agent"
match = '''^Beta (?P<model>\w+)/(?P<version>[\d.]+)$'''

[format.kv]
kind = "key-value"
separator = ":"
quote = "double"

[[file]]
name = "device"
path = "{mac}.cfg"
kind = "device"
credentials = true
shared = true
format = "kv"
templates = ["base.tpl"]
[[file]]
name = "own name"
path = "beta-{mac}.cfg"
kind = "device"
credentials = true
format = "kv"
templates = ["base.tpl"]
"#;

const BASE: &str = r#"pack: "PACK"
mac: "{{ device.MAC }}"
model: "{{ model.name }}"
text: "{{ settings.display.text }}"
{% for line in lines %}
line{{ line.n }}_user: "{{ line.username }}"
line{{ line.n }}_secret: "{{ line.password }}"
line{{ line.n }}_label: "{{ line.label }}"
{% endfor %}
"#;

const COMMON: &str = "pack: \"PACK\"\nmodel: \"{{ model.name }}\"\ntext: \"{{ settings.display.text }}\"\n";

fn write_pack(dir: &Path, id: &str, manifest: &str, models: &str) {
    let dir = dir.join(id);
    fs::create_dir_all(dir.join("templates")).unwrap();
    fs::write(dir.join("vendor.toml"), manifest).unwrap();
    fs::write(dir.join("models.toml"), models).unwrap();
    for (name, text) in [("base.tpl", BASE), ("common.tpl", COMMON)] {
        fs::write(dir.join("templates").join(name), text.replace("PACK", id)).unwrap();
    }
}

/// The two packs in a folder.
pub fn write_packs(dir: &Path) {
    write_pack(
        dir,
        "acme",
        ACME,
        "[generic]\naccounts = 2\n[models.A46]\ncodes = [46]\naccounts = 2\n[models.A48]\ncodes = [48]\naccounts = 2\n",
    );
    write_pack(dir, "beta", BETA, "[generic]\naccounts = 2\n[models.B1]\naccounts = 2\n");
}

pub struct HandClock(AtomicI64);

impl HandClock {
    pub fn forward(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let n = self.0.fetch_add(1, Ordering::SeqCst);
            *byte = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u8;
        }
    }
}

pub struct Place {
    pub pipeline: Pipeline,
    pub store: Store,
    pub clock: Arc<HandClock>,
    pub metrics: Arc<Metrics>,
    pub packs: tempfile::TempDir,
    stop: CancellationToken,
    writer: Mutex<Option<JoinHandle<()>>>,
    _dir: tempfile::TempDir,
}

pub fn config(dir: &Path, variables: &[(&str, &str)]) -> Config {
    let mut all = vec![("OFFHOOK_PHONES__TRUSTED_NETWORKS", "10.0.0.0/8")];
    all.extend(variables);
    Config::load(None, all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())), Some(dir), &[]).unwrap()
}

pub fn catalog(packs: &Path) -> Catalog {
    let (catalog, faults) = Catalog::load(Some(packs));
    assert!(faults.is_empty(), "{faults:?}");
    catalog
}

impl Place {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With `OFFHOOK_…` variables.
    pub async fn with(variables: &[(&str, &str)]) -> Self {
        let (dir, packs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_packs(packs.path());
        let config = config(dir.path(), variables);
        let clock = Arc::new(HandClock(AtomicI64::new(1_800_000_000_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
        let store = Store::open(StoreOptions::in_dir(dir.path()), clock.clone(), entropy.clone()).await.unwrap();
        let (stop, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let (pipeline, writer) = Pipeline::new(Parts {
            config: &config,
            store: store.clone(),
            catalog: catalog(packs.path()),
            http: &[SocketAddr::from(([10, 0, 0, 1], 8667))],
            metrics: metrics.clone(),
            clock: clock.clone(),
            entropy,
            stop: stop.clone(),
        });
        Self { pipeline, store, clock, metrics, packs, stop, writer: Mutex::new(Some(writer)), _dir: dir }
    }

    /// A request up to its answer.
    pub async fn ask(&self, ip: &str, path: &str, agent: &str) -> Answered {
        self.pipeline.answer(request(ip, path, agent)).await
    }

    /// A request to its end: the text of the file, and why.
    pub async fn get(&self, ip: &str, path: &str, agent: &str) -> (Option<String>, Reason) {
        let answered = self.ask(ip, path, agent).await;
        let text = text(&answered);
        let reason = answered.reason().clone();
        let (status, bytes) = (if text.is_some() { 200 } else { 404 }, text.as_ref().map_or(0, |t| t.len() as u64));
        answered.finish("GET", status, bytes, text.is_some());
        (text, reason)
    }

    /// Only the text of the file, which there is.
    pub async fn file(&self, ip: &str, path: &str, agent: &str) -> String {
        let (text, reason) = self.get(ip, path, agent).await;
        text.unwrap_or_else(|| panic!("{path}: {reason}"))
    }

    pub async fn device(&self, mac: &str) -> Option<Device> {
        self.pipeline.settle().await;
        self.store.device_by_mac(Mac::parse(mac).unwrap()).await.unwrap()
    }

    /// A ready device; `edit` says more of it.
    pub async fn ready(&self, mac: &str, settings: Value, edit: impl FnOnce(&mut Device) + Send + 'static) -> Device {
        let (mac, settings) = (Mac::parse(mac).unwrap(), self::settings(&settings));
        let made = self.store.create_device(move |d, _| {
            (d.mac, d.settings) = (Some(mac), settings);
            edit(d);
            Ok(())
        });
        made.await.unwrap()
    }

    pub async fn edit(&self, device: &Device, edit: impl FnOnce(&mut Device) + Send + 'static) -> Device {
        let changed = self.store.update_device(device.id, None, move |d, _| {
            edit(d);
            Ok(())
        });
        changed.await.unwrap()
    }

    pub async fn site(&self, settings: Value) {
        let settings = self::settings(&settings);
        self.store
            .update_site(None, move |s, _| {
                s.settings = settings;
                Ok(())
            })
            .await
            .unwrap();
    }

    pub async fn tenant(&self, name: &str, network: Option<&str>) {
        let (name, network) = (name.to_owned(), network.map(|n| n.parse().unwrap()));
        let made = self.store.create_tenant(move |t, _| {
            t.name = name;
            t.networks = network.into_iter().collect();
            Ok(())
        });
        made.await.unwrap();
    }

    /// Everything that was recorded is written, and the recorder has ended.
    pub async fn stop(&self) {
        self.stop.cancel();
        let writer = self.writer.lock().unwrap().take().unwrap();
        writer.await.unwrap();
    }
}

pub fn settings(value: &Value) -> Settings {
    Settings::validate(value, Scope::Device).unwrap()
}

pub fn request(ip: &str, path: &str, agent: &str) -> Request {
    let ip: IpAddr = ip.parse().unwrap();
    let mut request = Request::new(if agent.is_empty() { Transport::Tftp } else { Transport::Http }, ip);
    request.path = Some(path.to_owned());
    request.local = Some(SocketAddr::from(([10, 0, 0, 1], 69)));
    if !agent.is_empty() {
        request.headers.push(("user-agent".into(), agent.into()));
    }
    request
}

pub fn text(answered: &Answered) -> Option<String> {
    match answered.answer() {
        Answer::File(file) => Some(String::from_utf8(file.body.to_vec()).unwrap()),
        _ => None,
    }
}
