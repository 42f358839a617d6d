//! The rules of `ARCHITECTURE.md`, read off the tree. A rule that must be broken is changed there first, then here.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use offhook_tests::{
    files_below, root,
    source::{Source, product, words},
};
use serde_json::Value;

// ---- who may depend on what ----------------------------------------------------------------------------------------

/// The packages that a build needs: name -> names of its dependencies without those for tests.
struct Packages(BTreeMap<String, BTreeSet<String>>);

impl Packages {
    fn read() -> Self {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        // One platform: of the others not everything was downloaded.
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &platform])
            .current_dir(root())
            .output()
            .expect("cargo metadata runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let names: BTreeMap<_, _> = metadata["packages"].as_array().unwrap().iter().map(|p| (text(&p["id"]), text(&p["name"]))).collect();
        let mut packages = BTreeMap::<String, BTreeSet<String>>::new();
        for node in metadata["resolve"]["nodes"].as_array().unwrap() {
            let needed = node["deps"].as_array().unwrap().iter().filter(|d| {
                let kinds = d["dep_kinds"].as_array().unwrap();
                kinds.iter().any(|k| k["kind"].is_null())
            });
            let of = packages.entry(names[&text(&node["id"])].clone()).or_default();
            of.extend(needed.map(|d| names[&text(&d["pkg"])].clone()));
        }
        Self(packages)
    }

    fn direct(&self, name: &str) -> &BTreeSet<String> {
        self.0.get(name).unwrap_or_else(|| panic!("there is no package {name}"))
    }

    fn all_below(&self, name: &str) -> BTreeSet<String> {
        let (mut found, mut open) = (BTreeSet::new(), vec![name.to_owned()]);
        while let Some(next) = open.pop() {
            open.extend(self.direct(&next).iter().filter(|n| found.insert((*n).clone())).cloned());
        }
        found
    }

    /// Packages of this repository that depend on one whose name begins so.
    fn that_name(&self, beginning: &str) -> BTreeSet<&str> {
        let ours = self.0.iter().filter(|(name, _)| name.starts_with("offhook"));
        ours.filter(|(_, needs)| needs.iter().any(|n| n.starts_with(beginning))).map(|(name, _)| name.as_str()).collect()
    }
}

/// Beginnings of the names of runtimes, databases, network and TLS libraries.
const IMPURE: [&str; 20] = [
    "tokio",
    "async-",
    "smol",
    "mio",
    "futures",
    "socket2",
    "libc",
    "hyper",
    "axum",
    "reqwest",
    "sqlx",
    "rusqlite",
    "libsqlite3",
    "diesel",
    "postgres",
    "rustls",
    "openssl",
    "native-tls",
    "aws-lc",
    "ring",
];

#[test]
fn the_domain_and_the_codecs_are_pure() {
    let packages = Packages::read();
    let allowed = BTreeMap::from([
        ("offhook-core", ["hmac", "ipnet", "jiff", "serde", "serde_json", "sha2", "thiserror", "unicode-normalization", "uuid"].as_slice()),
        ("offhook-proto", &["thiserror"]),
    ]);
    for (name, small) in allowed {
        let direct: Vec<_> = packages.direct(name).iter().filter(|d| !small.contains(&d.as_str())).collect();
        assert!(direct.is_empty(), "{name} depends on {direct:?}; if they are small and pure, list them here and in docs/dependencies.md");
        let mut below = packages.all_below(name);
        // It comes with the random source that uuid can have, which is not called.
        below.remove("libc");
        let impure: Vec<_> = below.into_iter().filter(|d| IMPURE.iter().any(|i| d.starts_with(i))).collect();
        assert!(impure.is_empty(), "{name} pulls in {impure:?}");
    }
}

#[test]
fn one_crate_each_for_the_database_and_the_template_engine() {
    let packages = Packages::read();
    let only = |library: &str, owner: Option<&str>| {
        assert_eq!(packages.that_name(library), owner.into_iter().collect(), "{library}: who may depend on it");
    };
    only("sqlx", Some("offhook-store"));
    only("minijinja", Some("offhook-packs"));
    for tls in ["rustls", "tokio-rustls", "webpki"] {
        only(tls, Some("offhook-server"));
    }
    for tls in ["openssl", "tokio-openssl", "native-tls", "aws-lc"] {
        only(tls, None);
    }
    assert!(packages.that_name("ring").is_subset(&BTreeSet::from(["offhook-server"])), "signatures are the server's");
    only("offhook-proto", Some("offhook-server"));
}

#[test]
fn listeners_do_not_reach_into_the_store() {
    let listener = |s: &Source| ["http", "tftp", "api"].iter().any(|l| s.is_in(&format!("crates/server/src/{l}")));
    let listeners: Vec<_> = product().into_iter().filter(listener).collect();
    assert!(listeners.len() > 10, "the listeners have moved; this rule must move with them");
    let found: Vec<_> = listeners.iter().flat_map(|s| s.lines_with(|line| line.contains("offhook_store"))).collect();
    assert!(found.is_empty(), "a listener calls the pipeline or a use case of app/:\n{}", found.join("\n"));
}

#[test]
fn one_module_names_the_tls_library() {
    let names = |line: &str| ["rustls", "webpki"].iter().any(|l| line.contains(l));
    let found: Vec<_> = product().into_iter().filter(|s| !s.is_in("crates/server/src/tls.rs")).flat_map(|s| s.lines_with(names)).collect();
    assert!(found.is_empty(), "only crates/server/src/tls.rs speaks TLS:\n{}", found.join("\n"));
}

#[test]
fn dependencies_are_explained() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let ours = |name: &String| name.starts_with("offhook-");
    let used: BTreeSet<_> = manifest["workspace"]["dependencies"].as_table().unwrap().keys().filter(|n| !ours(n)).cloned().collect();
    let page = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let first_cells = page.lines().filter_map(|l| l.strip_prefix("| `")?.split(" | ").next());
    let explained: BTreeSet<_> = first_cells.flat_map(|c| c.split(", ")).map(|n| n.trim_matches('`').to_owned()).collect();
    assert_eq!(used, explained, "[workspace.dependencies] and docs/dependencies.md list the same crates");
}

// ---- vendors are data ----------------------------------------------------------------------------------------------

/// Families of telephones: those that have a pack, and those that may get one.
const FAMILIES: [&str; 52] = [
    "2n",
    "aastra",
    "acrobits",
    "akuvox",
    "alcatel",
    "algo",
    "audiocodes",
    "avaya",
    "bria",
    "cisco",
    "counterpath",
    "cyberdata",
    "digium",
    "doro",
    "escene",
    "fanvil",
    "flyingvoice",
    "gigaset",
    "grandstream",
    "groundwire",
    "htek",
    "innovaphone",
    "jitsi",
    "konftel",
    "linksys",
    "linphone",
    "mitel",
    "norphonic",
    "obihai",
    "openscape",
    "openstage",
    "panasonic",
    "patton",
    "polycom",
    "sangoma",
    "siemens",
    "sipnetic",
    "sipura",
    "smartnode",
    "snom",
    "spectralink",
    "swissvoice",
    "technicolor",
    "temporis",
    "thomson",
    "unify",
    "vtech",
    "xorcom",
    "yealink",
    "yeastar",
    "zenitel",
    "zoiper",
];

/// Words of the packs at hand: their ids, and the vendors that their manifests name.
fn vendor_words() -> BTreeSet<String> {
    let mut found: BTreeSet<String> = FAMILIES.iter().map(|f| (*f).to_owned()).collect();
    for file in files_below(&root().join("vendors")).iter().filter(|f| f.ends_with("vendor.toml")) {
        let manifest: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        let id = manifest["id"].as_str().unwrap();
        found.extend([id.to_owned(), id.split('-').next().unwrap().to_owned()]);
        found.insert(manifest["vendor"].as_str().unwrap().to_lowercase());
        let other = manifest.get("oui_vendors").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
        found.extend(other.filter_map(|v| Some(v.as_str()?.to_lowercase())));
    }
    found
}

#[test]
fn no_vendor_is_named_in_code() {
    let vendors = vendor_words();
    assert!(vendors.contains("cisco-7940-7960-sip"), "the packs are read");
    let names_one = |line: &str| {
        let lower = line.to_lowercase();
        words(line).iter().any(|w| vendors.contains(w)) || vendors.iter().any(|v| v.contains('-') && lower.contains(v.as_str()))
    };
    let mut found: Vec<_> = product().iter().flat_map(|s| s.lines_with(names_one)).collect();
    for file in files_below(&root().join("crates")).into_iter().filter(|f| f.extension().is_some_and(|e| e == "sql")) {
        let text = std::fs::read_to_string(&file).unwrap();
        found.extend(text.lines().filter(|l| names_one(l)).map(|l| format!("{}: {l}", file.display())));
    }
    assert!(found.is_empty(), "what is peculiar to a vendor is data of its pack:\n{}", found.join("\n"));
    assert!(!root().join("web").exists(), "web/ is here now: this rule holds for it too");
}

// ---- clock and chance are parameters -------------------------------------------------------------------------------

#[test]
fn clock_and_chance_come_from_outside() {
    // What reads the machine, and the files that may: where its clock and randomness enter, stopwatches, and the key of a hash.
    let doors: [(&str, &[&str]); 9] = [
        ("SystemTime::now", &[]),
        (
            "Instant::now",
            &[
                "crates/server/src/pipeline/walk.rs",
                "crates/server/src/sandbox/mod.rs",
                "crates/server/src/sync/mod.rs",
                "crates/server/src/tftp/driver.rs",
            ],
        ),
        ("Timestamp::now", &["crates/server/src/serve.rs"]),
        ("Zoned::now", &[]),
        ("now_v7", &[]),
        ("new_v4", &[]),
        ("rand::", &["crates/server/src/index.rs", "crates/server/src/serve.rs"]),
        // A system call that the limited process may make.
        ("getrandom", &["crates/server/src/sandbox/confine.rs"]),
        ("RandomState", &["crates/server/src/tftp/driver.rs"]),
    ];
    let sources = product();
    for (call, files) in doors {
        let with: BTreeMap<_, _> = sources.iter().filter(|s| s.code.contains(call)).map(|s| (s.path.to_str().unwrap(), s)).collect();
        let strangers = with.iter().filter(|(path, _)| !files.contains(path));
        let found: Vec<_> = strangers.flat_map(|(_, s)| s.lines_with(|l| l.contains(call))).collect();
        assert!(found.is_empty(), "take a Clock or an Entropy as a parameter:\n{}", found.join("\n"));
        let idle: Vec<_> = files.iter().filter(|f| !with.contains_key(**f)).collect();
        assert!(idle.is_empty(), "{idle:?} no longer calls {call}; take it off the list");
    }
}

// ---- every file says what it is ------------------------------------------------------------------------------------

#[test]
fn every_source_file_says_what_lives_there() {
    let folders = ["crates", "tests", "bench"].map(|f| root().join(f));
    let files = folders.iter().filter(|f| f.exists()).flat_map(|f| files_below(f));
    let silent: Vec<_> =
        files.filter(|f| f.extension().is_some_and(|e| e == "rs") && !std::fs::read_to_string(f).unwrap().starts_with("//! ")).collect();
    assert!(silent.is_empty(), "the first line is a `//!` that says what the file is for: {silent:#?}");
}
