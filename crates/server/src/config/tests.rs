//! Faults with their lines, the environment, precedence, and the pages made of the keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{path::Path, time::Duration};

use super::*;

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("offhook.toml");
    std::fs::write(&path, text).unwrap();
    (dir, Sources { file: Some(path), ..Sources::default() })
}

fn loaded(text: &str) -> Config {
    let (_dir, sources) = file(text);
    sources.load().unwrap_or_else(|e| panic!("{e}")).config
}

/// The message without the folder's name.
fn faults(text: &str) -> String {
    let (dir, sources) = file(text);
    let message = sources.load().unwrap_err().to_string();
    message.replace(&format!("{}/", dir.path().display()), "")
}

fn with_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Sources { variables, ..Sources::default() }.load().map(|l| l.config)
}

#[test]
fn nothing_said_gives_the_contracts_defaults() {
    let c = Config::load(None, std::iter::empty(), None, &[]).unwrap();
    assert_eq!(c.data_dir, Path::new("./offhook-data"));
    assert!(c.roles.phones && c.roles.admin);
    assert_eq!(c.store.url, "sqlite:offhook.db");
    assert_eq!(c.key_file(), Path::new("secret.key"));
    assert_eq!(c.database_file(), Path::new("./offhook-data/offhook.db"));
    assert_eq!(c.packs_dir(), Path::new("./offhook-data/packs"));
    assert_eq!(c.admin.listen, ["127.0.0.1:8666".parse().unwrap()]);
    assert!(!c.admin.insecure);
    assert_eq!(c.phones.public_url, None);
    assert_eq!(c.phones.trusted_networks, TrustedNetworks::Auto);
    assert_eq!((c.phones.policy, c.phones.auto_create), (Policy::Lan, AutoCreate::Pending));
    assert_eq!(c.phones.http_listen, ["0.0.0.0:8667".parse().unwrap()]);
    assert_eq!(c.phones.tftp_listen, ["0.0.0.0:69".parse().unwrap()]);
    assert_eq!(c.limits.pending_age, Duration::from_secs(7 * 86_400));
    assert_eq!(c.limits.rendered_cache, 64 << 20);
    assert_eq!(c.log.level, "info");
}

#[test]
fn a_whole_file_is_read() {
    let c = loaded(
        r#"
        data_dir = "/var/lib/offhook"
        roles = ["phones"]
        [store]
        url = "sqlite:other.db"
        key_file = "/etc/offhook/key"
        [admin]
        listen = ["0.0.0.0:1"]
        insecure = true
        [phones]
        public_url = "http://prov.example:8667/"
        trusted_networks = ["10.1.2.3/8", "::1"]
        auto_create = "off"
        acl = "0.0.0.0/0,!10.20.30.0/24"
        hosts = ["Prov.Example.", "2001:db8::1"]
        trusted_proxies = ["10.0.0.2"]
        nat_networks = []
        http.listen = ["[::1]:0"]
        tftp = { listen = [] }
        [limits]
        http_idle = "2m"
        firmware_size = "1GiB"
        pending = 500
        [log]
        level = "info,offhook_server=debug"
        json = true
        "#,
    );
    assert_eq!(c.roles, Roles { phones: true, admin: false });
    assert_eq!(c.key_file(), Path::new("/etc/offhook/key"));
    assert_eq!(c.phones.public_url.as_deref(), Some("http://prov.example:8667"));
    assert_eq!(c.phones.trusted_networks, TrustedNetworks::List(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]));
    assert_eq!(c.phones.hosts, ["prov.example", "[2001:db8::1]"]);
    assert!(!c.phones.acl.allows("10.20.30.9".parse().unwrap()));
    assert!(c.phones.tftp_listen.is_empty());
    assert_eq!(c.limits.http_idle, Duration::from_secs(120));
    assert_eq!(c.limits.firmware_size, 1 << 30);
    assert!(c.log.json);
}

#[test]
fn every_fault_is_told_at_once_with_its_line_and_what_is_allowed() {
    let message = faults(
        "data_dir = \"x\"\n\
         role = [\"phones\"]\n\
         [phones]\n\
         polcy = \"lan\"\n\
         policy = \"strict\"\n\
         listen = [\"0.0.0.0:80\"]\n\
         trusted_networks = [\"10.0.0.0/33\", \"lan\"]\n\
         http = \"0.0.0.0:80\"\n\
         [phones.https]\n\
         listen = []\n\
         [limits]\n\
         pending = \"many\"\n\
         http_idle = 30\n\
         drain = \"1m\"\n\
         [store]\n\
         url = \"mysql://user:pw@host/db\"\n",
    );
    assert!(message.starts_with("the configuration has 11 faults:\n"), "{message}");
    for expected in [
        "offhook.toml:2: role\n      there is no such key; did you mean roles?\n      at the top stand: data_dir, roles, store,",
        "offhook.toml:4: phones.polcy\n      there is no such key; did you mean policy?",
        "offhook.toml:5: phones.policy = \"strict\"\n      there is no \"strict\"\n      allowed: \"lan\"",
        "offhook.toml:6: phones.listen\n      there is no such key; did you mean listen in [phones.http]?",
        "offhook.toml:7: phones.trusted_networks = [\"10.0.0.0/33\", \"lan\"]\n      \"10.0.0.0/33\" is neither an address",
        "\"lan\" is neither an address",
        "offhook.toml:8: phones.http = \"0.0.0.0:80\"\n      this is a table: write [phones.http]",
        "offhook.toml:9: phones.https\n      there is no such key; did you mean http?",
        "offhook.toml:12: limits.pending = \"many\"\n      this is text, not a whole number\n      allowed: a whole number from 1 to 1000000",
        "offhook.toml:13: limits.http_idle = 30\n      this is a number, not a time with its unit\n      allowed: a time from 1s to 1h",
        "offhook.toml:14: limits.drain = \"1m\"\n      it is too large\n      allowed: a time from 0s to 9s",
        "the URL begins with sqlite: or postgres://",
    ] {
        assert!(message.contains(expected), "{expected}\n--- not in ---\n{message}");
    }
    assert!(message.contains("mysql://…@host/db") && !message.contains("pw"), "a password in a message: {message}");
}

#[test]
fn broken_toml_is_told_beside_other_faults() {
    let message = faults("roles = [\"cook\"]\n[phones\npolicy = \"lan\"\n[log]\njson = maybe\n");
    assert!(
        message
            .contains("offhook.toml:1: roles = [\"cook\"]\n      there is no \"cook\"\n      allowed: a list of \"phones\" and \"admin\""),
        "{message}"
    );
    assert!(message.contains("offhook.toml:2") && message.contains("this is not TOML"), "{message}");
    assert!(message.contains("offhook.toml:5"), "{message}");
}

#[test]
fn a_file_that_is_missing_says_so() {
    let sources = Sources { file: Some("/nowhere/offhook.toml".into()), ..Sources::default() };
    let message = sources.load().unwrap_err().to_string();
    assert!(message.contains("/nowhere/offhook.toml\n      cannot be read:"), "{message}");
}

#[test]
fn every_key_has_a_variable_that_goes_before_the_file() {
    let (_dir, mut sources) = file("[log]\nlevel = \"warn\"\n");
    sources.variables = vec![("OFFHOOK_LOG__LEVEL".into(), "debug".into())];
    assert_eq!(sources.load().unwrap().config.log.level, "debug");
    for key in KEYS {
        let value = Sources { variables: vec![(key.variable(), key.example.into())], ..Sources::default() };
        match value.load() {
            Ok(loaded) => {
                let entry = loaded.entries.iter().find(|e| e.key.path == key.path).unwrap();
                assert_eq!(entry.place, Place::Variable(key.variable()));
            }
            Err(faults) => panic!("{}: {faults}", key.path),
        }
    }
}

#[test]
fn variables_take_toml_bare_values_and_comma_lists() {
    let c = with_variables(&[
        ("OFFHOOK_PHONES__HTTP__LISTEN", r#"["127.0.0.1:0"]"#),
        ("OFFHOOK_PHONES__TFTP__LISTEN", "127.0.0.1:0, [::1]:0"),
        ("OFFHOOK_DATA_DIR", "/tmp/x y"),
        ("OFFHOOK_ROLES", "phones"),
        ("OFFHOOK_PHONES__TRUSTED_NETWORKS", "10.0.0.0/8,127.0.0.0/8"),
        ("OFFHOOK_PHONES__HOSTS", ""),
        ("OFFHOOK_LIMITS__PENDING", "700"),
        ("OFFHOOK_LOG__JSON", "true"),
        ("OFFHOOK_PHONES__ACL", "!10.0.0.0/8"),
    ])
    .unwrap();
    assert_eq!(c.phones.http_listen, ["127.0.0.1:0".parse().unwrap()]);
    assert_eq!(c.phones.tftp_listen, ["127.0.0.1:0".parse().unwrap(), "[::1]:0".parse().unwrap()]);
    assert_eq!(c.data_dir, Path::new("/tmp/x y"));
    assert!(c.roles.phones && !c.roles.admin);
    assert!(matches!(c.phones.trusted_networks, TrustedNetworks::List(l) if l.len() == 2));
    assert!(c.phones.hosts.is_empty());
    assert_eq!(c.limits.pending, 700);
    assert!(c.log.json && !c.phones.acl.allows("10.0.0.1".parse().unwrap()));
}

#[test]
fn faults_of_variables_name_the_variable() {
    let message = with_variables(&[
        ("OFFHOOK_LIMITS__PENDNG", "7"),
        ("OFFHOOK_LIMITS__REQUESTS", "0"),
        ("OFFHOOK_DATADIR", "x"),
        ("OFFHOOK_PHONES__HTTPS__LISTEN", "x"),
        ("OFFHOOK_LOG__JSON", "perhaps"),
        // Not ours: the command line's, and what containers are given.
        ("OFFHOOK_URL", "http://x"),
        ("OFFHOOK_TOKEN", "x"),
        ("OFFHOOK_PORT", "tcp://10.0.0.1:80"),
        ("OFFHOOK_SERVICE_HOST", "10.0.0.1"),
    ])
    .unwrap_err();
    assert_eq!(message.0.len(), 5, "{message}");
    let message = message.to_string();
    assert!(message.contains("OFFHOOK_LIMITS__PENDNG\n      there is no such key; did you mean OFFHOOK_LIMITS__PENDING?"), "{message}");
    assert!(message.contains("OFFHOOK_LIMITS__REQUESTS: 0\n      it is too small\n      allowed: a whole number from 1"), "{message}");
    assert!(message.contains("OFFHOOK_DATADIR\n      there is no such key; did you mean OFFHOOK_DATA_DIR?"), "{message}");
    assert!(message.contains("OFFHOOK_LOG__JSON: \"perhaps\"\n      this is text, not true or false"), "{message}");
}

#[test]
fn options_go_before_everything() {
    let (_dir, mut sources) = file("data_dir = \"a\"\nroles = [\"admin\"]\n");
    sources.variables = vec![("OFFHOOK_DATA_DIR".into(), "b".into())];
    (sources.data_dir, sources.roles) = (Some("c".into()), vec!["phones".into()]);
    let loaded = sources.load().unwrap();
    assert_eq!(loaded.config.data_dir, Path::new("c"));
    assert_eq!(loaded.config.roles, Roles { phones: true, admin: false });
    let page = effective_file(&loaded);
    assert!(page.starts_with("data_dir = \"c\"      # --data-dir\nroles = [\"phones\"]  # --role\n"), "{page}");
    sources.roles = vec!["cdr".into()];
    assert!(sources.load().unwrap_err().to_string().contains("--role: [\"cdr\"]\n      there is no \"cdr\""));
}

#[test]
fn an_open_admin_address_has_to_be_wanted() {
    let message = faults("[admin]\nlisten = [\"127.0.0.1:1\", \"0.0.0.0:8666\"]\n");
    assert!(message.contains("offhook.toml:2: admin.listen"), "{message}");
    assert!(message.contains("0.0.0.0:8666 is not a loopback address") && message.contains("admin.insecure = true"), "{message}");
    assert!(loaded("[admin]\nlisten = [\"0.0.0.0:8666\"]\ninsecure = true\n").admin.insecure);
    assert!(!loaded("roles = [\"phones\"]\n[admin]\nlisten = [\"0.0.0.0:8666\"]\n").roles.admin);
}

#[test]
fn keys_that_contradict_each_other_are_refused_with_the_reason() {
    for (text, expected) in [
        ("[phones]\ntrusted_networks = []\n", "nothing would ever be created"),
        ("roles = []\n", "without a role does nothing"),
        ("[admin]\nlisten = []\n", "the role \"admin\" needs an address"),
        ("[phones]\nhttp.listen = []\ntftp.listen = []\n", "the role \"phones\" needs an address"),
        ("[phones.http]\nlisten = [\"0.0.0.0:8666\"]\n", "phones and administrators never share"),
        ("[phones.tftp]\nlisten = [\"0.0.0.0:69\", \"0.0.0.0:69\"]\n", "stands here twice"),
    ] {
        let message = faults(text);
        assert!(message.starts_with("the configuration has a fault:") && message.contains(expected), "{text}: {message}");
    }
    assert_eq!(loaded("[phones]\ntrusted_networks = []\nauto_create = \"off\"\n").phones.auto_create, AutoCreate::Off);
}

#[test]
fn urls_that_phones_could_not_use_are_refused() {
    for bad in ["prov.example", "ftp://x", "http://", "http://u:p@x/", "http://x/?a", "http://x/#a", "http://a b"] {
        let message = faults(&format!("[phones]\npublic_url = {bad:?}\n"));
        assert!(message.contains("phones.public_url") && message.contains("allowed: an http:// or https:// URL"), "{message}");
    }
    let remote = loaded("[store]\nurl = \"postgres://user:hidden@host/db\"\n");
    assert_eq!(remote.store.url, "postgres://user:hidden@host/db");
    assert!(!format!("{remote:?}").contains("hidden"));
    for bad in ["sqlite:", "sqlite::memory:", "sqlite:a?mode=ro", "offhook.db", "postgres://u@h", "postgres://h/d?password=x"] {
        assert!(faults(&format!("[store]\nurl = {bad:?}\n")).contains("store.url"), "{bad}");
    }
}

#[test]
fn the_default_file_is_complete_and_says_the_defaults() {
    let page = default_file();
    assert!(page.lines().all(|l| l.chars().count() <= 120), "a line is too long");
    let same = |text: &str| format!("{:?}", loaded(text));
    assert_eq!(same(&page), same(""));
    // With every default uncommented it says the same; a key that has none shows an example.
    let is_key = |line: &str| KEYS.iter().any(|k| k.default.is_some() && line.starts_with(&format!("#{} = ", k.place().1)));
    let open: Vec<&str> = page.lines().map(|l| if is_key(l) { &l[1..] } else { l }).collect();
    assert_eq!(same(&open.join("\n")), same(""));
    for key in KEYS {
        assert!(page.contains(&format!("\n#{} = ", key.place().1)), "{}", key.path);
    }
}

#[test]
fn what_is_in_effect_can_be_loaded_again() {
    let (_dir, mut sources) = file("[phones]\nacl = \"!10.0.0.0/8\"\n");
    sources.variables = vec![("OFFHOOK_LIMITS__PENDING".into(), "9".into())];
    let first = sources.load().unwrap();
    let page = effective_file(&first);
    assert!(page.contains("OFFHOOK_LIMITS__PENDING") && page.contains("offhook.toml:2") && page.contains("# default"), "{page}");
    assert_eq!(format!("{:?}", loaded(&page)), format!("{:?}", first.config));
}

/// `OFFHOOK_BLESS=1 cargo test -p offhook-server` writes the page anew.
#[test]
fn the_documentation_is_made_of_the_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once("<!-- reference -->\n").expect("docs/configuration.md has the mark of the reference");
    let wanted = format!("{head}<!-- reference -->\n\n{}", reference());
    if std::env::var_os("OFFHOOK_BLESS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    assert!(
        page == wanted || std::env::var_os("OFFHOOK_BLESS").is_some(),
        "docs/configuration.md is old: run the test with OFFHOOK_BLESS=1"
    );
}

#[test]
fn examples_of_the_documentation_are_valid() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap();
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 2, "the page has examples");
    for example in examples {
        loaded(example);
    }
}
