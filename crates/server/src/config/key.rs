//! Every key of the configuration, described once: parsing, the commented default file, `config show` and the
//! documentation are made of this table. A key whose function does not exist is not here, and so is unknown.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::{
    AutoCreate, Config, Policy, TrustedNetworks,
    value::{Value, duration_text, size_text},
};

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its full name: `phones.http.listen`.
    pub path: &'static str,
    /// Its default as TOML; none: it is not set.
    pub default: Option<&'static str>,
    /// Another value it might have, as TOML.
    pub example: &'static str,
    /// What it does, for people.
    pub about: &'static str,
    /// Read again on SIGHUP; else it needs a restart.
    pub reloads: bool,
    pub(super) take: Take,
}

/// What a key wants, and where it goes.
#[derive(Debug)]
pub(super) enum Take {
    Flag(fn(&mut Config, bool)),
    Whole(RangeInclusive<u64>, fn(&mut Config, u64)),
    Duration(RangeInclusive<u64>, fn(&mut Config, Duration)),
    Size(RangeInclusive<u64>, fn(&mut Config, u64)),
    Addresses(fn(&mut Config, Vec<SocketAddr>)),
    Networks(fn(&mut Config, Vec<IpNet>)),
    Word(&'static [&'static str], fn(&mut Config, &str)),
    Words(&'static [&'static str], fn(&mut Config, &[String])),
    Text(&'static str, fn(&mut Config, &str) -> Result<(), String>),
    Hosts(fn(&mut Config, Vec<String>)),
    AutoOrNetworks(fn(&mut Config, TrustedNetworks)),
}

impl Key {
    /// The environment variable that overrides it: `OFFHOOK_PHONES__HTTP__LISTEN`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("OFFHOOK_{}", self.path.to_uppercase().replace('.', "__"))
    }

    /// The table it stands in (`phones.http`, empty for the top) and its name there.
    #[must_use]
    pub fn place(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }

    /// What may stand there, for people.
    #[must_use]
    pub fn allowed(&self) -> String {
        match &self.take {
            Take::Flag(_) => "true or false".to_owned(),
            Take::Whole(range, _) => format!("a whole number from {} to {}", range.start(), range.end()),
            Take::Duration(range, _) => {
                let (least, most) = (duration_text(*range.start()), duration_text(*range.end()));
                format!("a time from {least} to {most}, in s, m, h or d, such as {}", self.example)
            }
            Take::Size(range, _) => {
                let (least, most) = (size_text(*range.start()), size_text(*range.end()));
                format!("a size from {least} to {most}, in B, KiB, MiB or GiB, such as {}", self.example)
            }
            Take::Addresses(_) => format!("a list of IP addresses with ports (port 0: any free one), such as {}", self.example),
            Take::Networks(_) => format!("a list of networks or single addresses, such as {}", self.example),
            Take::Word(words, _) => quoted(words, " or "),
            Take::Words(words, _) => format!("a list of {}", quoted(words, " and ")),
            Take::Text(allowed, _) => format!("{allowed}, such as {}", self.example),
            Take::Hosts(_) => format!("a list of host names or addresses without port, such as {}", self.example),
            Take::AutoOrNetworks(_) => format!("\"auto\", or a list of networks or single addresses, such as {}", self.example),
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.take, Take::Addresses(_) | Take::Networks(_) | Take::Words(..) | Take::Hosts(_))
    }

    /// Reads a value and puts it where it belongs. The error says what is wrong with it.
    pub(super) fn set(&self, config: &mut Config, value: &Value) -> Result<(), String> {
        match &self.take {
            Take::Flag(put) => put(config, value.flag()?),
            Take::Whole(range, put) => put(config, within(range, value.whole()?)?),
            Take::Duration(range, put) => put(config, Duration::from_secs(within(range, value.duration()?.as_secs())?)),
            Take::Size(range, put) => put(config, within(range, value.size()?)?),
            Take::Addresses(put) => put(config, value.addresses()?),
            Take::Networks(put) => put(config, value.networks()?),
            Take::Word(words, put) => put(config, &one_of(words, value.text()?)?),
            Take::Words(words, put) => put(config, &value.each(|word| one_of(words, word))?),
            Take::Text(_, put) => put(config, value.text()?)?,
            Take::Hosts(put) => put(config, value.each(host)?),
            Take::AutoOrNetworks(put) => put(config, trusted(value)?),
        }
        Ok(())
    }
}

fn within(range: &RangeInclusive<u64>, n: u64) -> Result<u64, String> {
    match n {
        n if n < *range.start() => Err("it is too small".to_owned()),
        n if n > *range.end() => Err("it is too large".to_owned()),
        n => Ok(n),
    }
}

fn quoted(words: &[&str], between: &str) -> String {
    words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(between)
}

fn one_of(words: &[&str], word: &str) -> Result<String, String> {
    words.contains(&word).then(|| word.to_owned()).ok_or_else(|| format!("there is no {word:?}"))
}

fn host(text: &str) -> Result<String, String> {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::Ipv6Addr>();
    match address {
        Ok(address) => Ok(format!("[{address}]")),
        Err(_) if !name.is_empty() && name.len() <= 253 && name.chars().all(good) => Ok(name),
        Err(_) => Err(format!("{text:?} is no host name")),
    }
}

fn trusted(value: &Value) -> Result<TrustedNetworks, String> {
    match value {
        Value::Text(text) if text == "auto" => Ok(TrustedNetworks::Auto),
        // A variable may hold a bare comma list.
        Value::Text(text) => Value::of_variable(text, true).networks().map(TrustedNetworks::List),
        other => other.networks().map(TrustedNetworks::List),
    }
}

fn public_url(text: &str) -> Result<String, String> {
    let url: axum::http::Uri = text.parse().map_err(|_| format!("{text:?} is no URL"))?;
    let host = url.host().unwrap_or_default();
    let scheme = url.scheme_str().unwrap_or_default();
    if !matches!(scheme, "http" | "https") || host.is_empty() {
        return Err("it needs http:// or https:// and a host".to_owned());
    }
    if url.authority().is_some_and(|a| a.as_str().contains('@')) {
        return Err("a user or password has no place in it: every phone would show it".to_owned());
    }
    if url.query().is_some() || text.contains('#') {
        return Err("it ends before any ? or #".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn store_url(text: &str) -> Result<String, String> {
    if let Some(rest) = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        return postgres(rest).map(|()| text.to_owned());
    }
    let file = text.strip_prefix("sqlite:").ok_or("the URL begins with sqlite: or postgres://")?;
    let file = file.strip_prefix("//").unwrap_or(file);
    if file.is_empty() || file.ends_with('/') || file.contains(['?', '#']) || file.contains(":memory:") {
        return Err("after sqlite: stands the name of a file, and nothing else".to_owned());
    }
    Ok(format!("sqlite:{file}"))
}

/// What stands after `postgres://`. A password stands before the host and nowhere else: that is where it is masked.
fn postgres(rest: &str) -> Result<(), String> {
    let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
    if options.split('&').any(|o| o.to_ascii_lowercase().starts_with("password")) {
        return Err("the password stands before the host: postgres://USER:PASSWORD@HOST/DATABASE".to_owned());
    }
    match place.split_once('/') {
        Some((_, database)) if !database.is_empty() => Ok(()),
        _ => Err("it names no database: postgres://USER:PASSWORD@HOST/DATABASE".to_owned()),
    }
}

fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',') {
        let (target, level) = part.trim().rsplit_once('=').unwrap_or(("", part.trim()));
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        if !LEVELS.contains(&level) || !target.chars().all(good) {
            return Err(format!("{part:?} is no level"));
        }
    }
    Ok(text.to_owned())
}

/// The tables of the file in their order, with what each is about.
pub const SECTIONS: &[(&str, &str)] = &[
    ("", "The process as a whole."),
    ("store", "Where devices, profiles and accounts are kept."),
    ("admin", "The administrators' side: REST API, health and metrics. Phones never reach it."),
    ("phones", "The phones' side, whatever they come by."),
    ("phones.http", "Phones that fetch over HTTP."),
    ("phones.tftp", "Phones that fetch over TFTP."),
    ("packs", "Phone families."),
    ("limits", "How much of everything. The defaults serve a site of ten thousand phones."),
    ("history", "Earlier versions of devices, profiles, template overrides, accounts, tenants and the site."),
    ("audit", "Who changed what."),
    ("log", "What is written to standard error."),
];

/// Every key, in the order of the file.
pub static KEYS: &[Key] = &[
    Key {
        path: "data_dir",
        default: Some(r#""./offhook-data""#),
        example: r#""/var/lib/offhook""#,
        about: "The folder of the store, its key, the admin token and listeners.json. It is made when it is missing.",
        reloads: false,
        take: Take::Text("the path of a folder", |c, v| {
            if v.is_empty() {
                return Err("it is empty".to_owned());
            }
            c.data_dir = PathBuf::from(v);
            Ok(())
        }),
    },
    Key {
        path: "roles",
        default: Some(r#"["phones", "admin"]"#),
        example: r#"["phones"]"#,
        about: "Which sides this process has. One that faces strangers need not even contain the administrators' side.",
        reloads: false,
        take: Take::Words(&["phones", "admin"], |c, roles| {
            c.roles.phones = roles.iter().any(|r| r == "phones");
            c.roles.admin = roles.iter().any(|r| r == "admin");
        }),
    },
    Key {
        path: "store.url",
        default: Some(r#""sqlite:offhook.db""#),
        example: r#""postgres://offhook:PASSWORD@db.example.com/offhook""#,
        about: "The database. Embedded: sqlite: and a file, relative to data_dir. PostgreSQL, which several nodes may share: \
                postgres://USER:PASSWORD@HOST/DATABASE; see postgresql.md.",
        reloads: false,
        take: Take::Text("sqlite: and the name of a file, or postgres://USER:PASSWORD@HOST/DATABASE", |c, v| {
            store_url(v).map(|v| c.store.url = v)
        }),
    },
    Key {
        path: "store.key_file",
        default: None,
        example: r#""/etc/offhook/secret.key""#,
        about: "The key that secrets in the store are encrypted with, relative to data_dir. Not set: secret.key in data_dir. \
                Back it up apart from the store; a store without its key does not open.",
        reloads: false,
        take: Take::Text("the path of a file", |c, v| {
            if v.is_empty() {
                return Err("it is empty".to_owned());
            }
            c.store.key_file = Some(PathBuf::from(v));
            Ok(())
        }),
    },
    Key {
        path: "store.blob_cache",
        default: Some(r#""4GiB""#),
        example: r#""20GiB""#,
        about: "With PostgreSQL the bytes of firmware, assets and uploads are in the database: so many of them may lie in data_dir/blobs \
                as copies. The embedded store keeps them there, without this limit.",
        reloads: false,
        take: Take::Size(1 << 20..=1 << 44, |c, v| c.store.blob_cache = v),
    },
    Key {
        path: "admin.listen",
        default: Some(r#"["127.0.0.1:8666"]"#),
        example: r#"["127.0.0.1:8666", "[::1]:8666"]"#,
        about: "Where the REST API, /healthz, /readyz and /metrics listen.",
        reloads: false,
        take: Take::Addresses(|c, v| c.admin.listen = v),
    },
    Key {
        path: "admin.insecure",
        default: Some("false"),
        example: "true",
        about: "Allow plain HTTP on an admin address that is not loopback. Tokens then cross the network readable: only behind \
                a proxy that speaks TLS, or on a network of administrators alone.",
        reloads: false,
        take: Take::Flag(|c, v| c.admin.insecure = v),
    },
    Key {
        path: "phones.public_url",
        default: None,
        example: r#""http://prov.example.com:8667""#,
        about: "What files for phones point to. Not set: the port of the HTTP listener on the address that the phone reached.",
        reloads: true,
        take: Take::Text("an http:// or https:// URL", |c, v| public_url(v).map(|v| c.phones.public_url = Some(v))),
    },
    Key {
        path: "phones.trusted_networks",
        default: Some(r#""auto""#),
        example: r#"["10.0.0.0/8", "192.168.1.0/24"]"#,
        about: "Networks whose phones may have their files on their MAC address alone. \"auto\": loopback and the private \
                networks of this machine's own interfaces; they are printed at start.",
        reloads: true,
        take: Take::AutoOrNetworks(|c, v| c.phones.trusted_networks = v),
    },
    Key {
        path: "phones.policy",
        default: Some(r#""lan""#),
        example: r#""lan""#,
        about: "What a file with credentials demands. \"lan\": it goes to its own phone, on MAC alone, from trusted networks; to \
                nobody from elsewhere.",
        reloads: false,
        take: Take::Word(&["lan"], |c, _| c.phones.policy = Policy::Lan),
    },
    Key {
        path: "phones.auto_create",
        default: Some(r#""pending""#),
        example: r#""off""#,
        about: "What becomes of an unknown phone of a known family in a trusted network. \"pending\": it is listed for approval \
                and gets bootstrap files without credentials. \"off\": nothing, it is answered like a stranger.",
        reloads: true,
        take: Take::Word(&["off", "pending"], |c, v| {
            c.phones.auto_create = if v == "off" { AutoCreate::Off } else { AutoCreate::Pending };
        }),
    },
    Key {
        path: "phones.acl",
        default: Some(r#""""#),
        example: r#""0.0.0.0/0,!10.20.30.0/24""#,
        about: "Who may ask at all, in order: the last rule that matches wins, ! denies, no match allows. A list that denies all \
                of IPv4 and does not mention IPv6 denies that too. Empty: everybody.",
        reloads: true,
        take: Take::Text("addresses and networks with commas between, ! before what is denied", |c, v| {
            v.parse().map(|acl| c.phones.acl = acl)
        }),
    },
    Key {
        path: "phones.hosts",
        default: Some("[]"),
        example: r#"["prov.example.com", "10.0.0.5"]"#,
        about: "Host names that phones may ask for over HTTP. Empty: any.",
        reloads: true,
        take: Take::Hosts(|c, v| c.phones.hosts = v),
    },
    Key {
        path: "phones.trusted_proxies",
        default: Some("[]"),
        example: r#"["10.0.0.2"]"#,
        about: "Proxies whose Forwarded and X-Forwarded-For headers tell where a phone is.",
        reloads: true,
        take: Take::Networks(|c, v| c.phones.trusted_proxies = v),
    },
    Key {
        path: "phones.nat_networks",
        default: Some("[]"),
        example: r#"["203.0.113.7"]"#,
        about: "Sources where several phones share one address: there an address never tells which phone asks.",
        reloads: true,
        take: Take::Networks(|c, v| c.phones.nat_networks = v),
    },
    Key {
        path: "phones.http.listen",
        default: Some(r#"["0.0.0.0:8667"]"#),
        example: r#"["0.0.0.0:8667", "[::]:8667"]"#,
        about: "Where HTTP for phones listens. Empty: nowhere.",
        reloads: false,
        take: Take::Addresses(|c, v| c.phones.http_listen = v),
    },
    Key {
        path: "phones.tftp.listen",
        default: Some(r#"["0.0.0.0:69"]"#),
        example: r#"["0.0.0.0:6969"]"#,
        about: "Where TFTP for phones listens. Phones ask port 69, which needs root or CAP_NET_BIND_SERVICE. Empty: nowhere.",
        reloads: false,
        take: Take::Addresses(|c, v| c.phones.tftp_listen = v),
    },
    Key {
        path: "packs.dir",
        default: Some(r#""packs""#),
        example: r#""/etc/offhook/packs""#,
        about: "A folder of more packs, relative to data_dir, read at start and on SIGHUP. Of one version it goes before an \
                installed and a built-in one; the newest version of a pack serves.",
        reloads: true,
        take: Take::Text("the path of a folder", |c, v| {
            if v.is_empty() {
                return Err("it is empty".to_owned());
            }
            c.packs.dir = PathBuf::from(v);
            Ok(())
        }),
    },
    Key {
        path: "packs.index",
        default: None,
        example: r#""https://packs.example.com/index.json""#,
        about: "A signed index of packs and firmware that can be installed; its signature is beside it with .sig at the end. Not set: none.",
        reloads: false,
        take: Take::Text("an http:// or https:// URL", |c, v| public_url(v).map(|v| c.packs.index = Some(v))),
    },
    Key {
        path: "packs.index_key",
        default: None,
        example: r#""11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=""#,
        about: "The public key that the index is signed with, as `offhook pack index keygen` prints it. Anything signed with another is refused.",
        reloads: false,
        take: Take::Text("an Ed25519 public key in base64", |c, v| {
            c.packs.index_key = Some(v.to_owned());
            Ok(())
        }),
    },
    Key {
        path: "limits.tftp_transfers",
        default: Some("16384"),
        example: "1000",
        about: "TFTP transfers at once in all. More are not answered; phones ask again by themselves.",
        reloads: false,
        take: Take::Whole(1..=60_000, |c, v| c.limits.tftp_transfers = count(v)),
    },
    Key {
        path: "limits.tftp_transfers_per_source",
        default: Some("2048"),
        example: "100",
        about: "TFTP transfers at once from one address. Generous, because a whole office may sit behind one.",
        reloads: false,
        take: Take::Whole(1..=60_000, |c, v| c.limits.tftp_transfers_per_source = count(v)),
    },
    Key {
        path: "limits.http_connections",
        default: Some("8192"),
        example: "1000",
        about: "Open HTTP connections of phones in all.",
        reloads: false,
        take: Take::Whole(1..=1_000_000, |c, v| c.limits.http_connections = count(v)),
    },
    Key {
        path: "limits.http_idle",
        default: Some(r#""30s""#),
        example: r#""2m""#,
        about: "An HTTP connection on which nothing is asked for this long is closed.",
        reloads: false,
        take: Take::Duration(1..=3600, |c, v| c.limits.http_idle = v),
    },
    Key {
        path: "limits.requests",
        default: Some("2048"),
        example: "500",
        about: "Requests of phones being answered at once. More get 503, or no answer over TFTP; phones ask again by themselves.",
        reloads: false,
        take: Take::Whole(1..=1_000_000, |c, v| c.limits.requests = count(v)),
    },
    Key {
        path: "limits.pending",
        default: Some("10000"),
        example: "500",
        about: "Pending devices in all. When the table is full, new phones are answered like strangers; nobody is pushed out.",
        reloads: true,
        take: Take::Whole(1..=1_000_000, |c, v| c.limits.pending = count(v)),
    },
    Key {
        path: "limits.pending_per_network",
        default: Some("512"),
        example: "50",
        about: "Pending devices of one source network (/24 of IPv4, /64 of IPv6).",
        reloads: true,
        take: Take::Whole(1..=1_000_000, |c, v| c.limits.pending_per_network = count(v)),
    },
    Key {
        path: "limits.pending_age",
        default: Some(r#""7d""#),
        example: r#""12h""#,
        about: "A pending device that asks for nothing this long is forgotten.",
        reloads: true,
        take: Take::Duration(60..=31_536_000, |c, v| c.limits.pending_age = v),
    },
    Key {
        path: "limits.request_log",
        default: Some("10000"),
        example: "100000",
        about: "Requests that are kept with their traces, for `offhook requests`. The oldest go first.",
        reloads: false,
        take: Take::Whole(100..=1_000_000, |c, v| c.limits.request_log = count(v)),
    },
    Key {
        path: "limits.rendered_cache",
        default: Some(r#""64MiB""#),
        example: r#""512MiB""#,
        about: "Memory for files that were rendered and may be asked for again.",
        reloads: false,
        take: Take::Size(1 << 20..=1 << 36, |c, v| c.limits.rendered_cache = v),
    },
    Key {
        path: "limits.device_cache",
        default: Some("20000"),
        example: "100000",
        about: "Devices held in memory: about 2 KiB each.",
        reloads: false,
        take: Take::Whole(100..=10_000_000, |c, v| c.limits.device_cache = count(v)),
    },
    Key {
        path: "limits.firmware_size",
        default: Some(r#""256MiB""#),
        example: r#""1GiB""#,
        about: "The largest firmware file that can be added.",
        reloads: false,
        take: Take::Size(1 << 10..=1 << 34, |c, v| c.limits.firmware_size = v),
    },
    Key {
        path: "limits.upload_size",
        default: Some(r#""4MiB""#),
        example: r#""1MiB""#,
        about: "The largest file that a phone may send; its pack may allow less.",
        reloads: true,
        take: Take::Size(1..=1 << 30, |c, v| c.limits.upload_size = v),
    },
    Key {
        path: "limits.uploads",
        default: Some(r#""512MiB""#),
        example: r#""2GiB""#,
        about: "What phones sent, of all of them together. The oldest make room.",
        reloads: true,
        take: Take::Size(1 << 10..=1 << 40, |c, v| c.limits.uploads = v),
    },
    Key {
        path: "limits.uploads_per_device",
        default: Some(r#""16MiB""#),
        example: r#""64MiB""#,
        about: "What one device sent. The oldest make room.",
        reloads: true,
        take: Take::Size(1 << 10..=1 << 36, |c, v| c.limits.uploads_per_device = v),
    },
    Key {
        path: "limits.asset_size",
        default: Some(r#""16MiB""#),
        example: r#""64MiB""#,
        about: "The largest asset (logo, ring tone, certificate) that can be added.",
        reloads: false,
        take: Take::Size(1 << 10..=1 << 30, |c, v| c.limits.asset_size = v),
    },
    Key {
        path: "limits.assets",
        default: Some("2000"),
        example: "10000",
        about: "Assets in all.",
        reloads: false,
        take: Take::Whole(1..=100_000, |c, v| c.limits.assets = count(v)),
    },
    Key {
        path: "limits.drain",
        default: Some(r#""8s""#),
        example: r#""3s""#,
        about: "After SIGTERM running transfers may go on for this long. The process ends within ten seconds.",
        reloads: false,
        take: Take::Duration(0..=9, |c, v| c.limits.drain = v),
    },
    Key {
        path: "history.versions",
        default: Some("100"),
        example: "20",
        about: "Replaced versions that are kept of one thing. The oldest go first.",
        reloads: false,
        take: Take::Whole(1..=100_000, |c, v| c.history.versions = v),
    },
    Key {
        path: "history.age",
        default: Some(r#""730d""#),
        example: r#""90d""#,
        about: "A version that was replaced this long ago is forgotten, and so is what was deleted this long ago.",
        reloads: false,
        take: Take::Duration(3600..=315_360_000, |c, v| c.history.age = v),
    },
    Key {
        path: "audit.age",
        default: Some(r#""730d""#),
        example: r#""365d""#,
        about: "An entry of the audit log that is this old is forgotten.",
        reloads: false,
        take: Take::Duration(3600..=315_360_000, |c, v| c.audit.age = v),
    },
    Key {
        path: "audit.rows",
        default: Some("1000000"),
        example: "100000",
        about: "Entries of the audit log. The oldest go first.",
        reloads: false,
        take: Take::Whole(1000..=100_000_000, |c, v| c.audit.rows = v),
    },
    Key {
        path: "log.level",
        default: Some(r#""info""#),
        example: r#""info,offhook_server=debug""#,
        about: "How much is logged, of the whole or of parts.",
        reloads: false,
        take: Take::Text("off, error, warn, info, debug or trace, or a list of part=level", |c, v| log_level(v).map(|v| c.log.level = v)),
    },
    Key {
        path: "log.json",
        default: Some("false"),
        example: "true",
        about: "One JSON object per line, for machines.",
        reloads: false,
        take: Take::Flag(|c, v| c.log.json = v),
    },
];

/// Ranges keep it far below what an address space holds.
fn count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// The key of that full name.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// Whether a table of that name holds keys.
pub(super) fn is_section(path: &str) -> bool {
    SECTIONS.iter().any(|(name, _)| *name == path)
}

/// What to say of a name that is no key: the nearest one, and what the table has.
pub(super) fn unknown(path: &str) -> String {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let known: Vec<&str> = children(section);
    let mut text = "there is no such key".to_owned();
    let near = known.iter().map(|k| (distance(name, k), *k)).min().filter(|(d, k)| *d <= k.len().max(3) / 3);
    let same_name = || KEYS.iter().filter(|k| k.place().1 == name);
    let elsewhere = same_name().find(|k| k.place().0.starts_with(section)).or_else(|| same_name().next());
    match (near, elsewhere) {
        (Some((_, near)), _) => text.push_str(&format!("; did you mean {near}?")),
        (None, Some(key)) => text.push_str(&format!("; did you mean {} in [{}]?", key.place().1, key.place().0)),
        (None, None) => {}
    }
    match (section, known.is_empty()) {
        (_, true) => text,
        ("", _) => format!("{text}\nat the top stand: {}", known.join(", ")),
        (section, _) => format!("{text}\n[{section}] has: {}", known.join(", ")),
    }
}

/// Keys and tables right under a table.
fn children(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for key in KEYS {
        let rest = if section.is_empty() { Some(key.path) } else { key.path.strip_prefix(section).and_then(|r| r.strip_prefix('.')) };
        let name = rest.map(|r| r.split('.').next().unwrap_or(r));
        names.extend(name.filter(|n| !names.contains(n)));
    }
    names
}

/// Least number of letters to add, drop or change, letter case ignored.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        for (slot, y) in row.iter_mut().skip(1).zip(&b) {
            let here = (corner + usize::from(x != *y)).min(*slot + 1).min(left + 1);
            (corner, left) = (*slot, here);
            *slot = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
