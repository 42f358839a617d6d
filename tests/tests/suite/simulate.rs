//! What simulation tells of made-up requests: each shared table row that the packs keep, negatives too, by API and by the
//! command line.

use std::fs;

use offhook_tests::{Server, root};
use serde_json::{Value, json};

/// The rows of a pack's table.
fn rows(pack: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join("vendors").join(pack).join("tests/identify.toml")).unwrap();
    let table: toml::Table = toml::from_str(&text).unwrap();
    serde_json::to_value(table).unwrap()["case"].as_array().unwrap().clone()
}

/// The body of `POST /simulate` for a row.
fn question(row: &Value) -> Value {
    let mut headers = row["headers"].as_object().cloned().unwrap_or_default();
    if let Some(agent) = row["user_agent"].as_str() {
        headers.insert("user-agent".into(), json!(agent));
    }
    let mut body = json!({ "transport": "http", "headers": headers });
    if let Some(path) = row["path"].as_str() {
        let query = row["query"].as_str().map(|q| format!("?{q}")).unwrap_or_default();
        body["path"] = json!(format!("{path}{query}"));
    }
    if let Some(class) = row["option60"].as_str() {
        body["options"] = json!({ "60": class });
    }
    if let Some(subject) = row["certificate"].as_str() {
        body["certificate_subject"] = json!(subject);
    }
    body
}

/// What differs between a row and the answer.
fn differences(row: &Value, told: &Value) -> Vec<String> {
    let lower = |v: &Value| v.as_str().unwrap_or_default().to_lowercase();
    let mut wrong = Vec::new();
    let fields =
        [("vendor", "vendor"), ("model", "model"), ("version", "firmware"), ("mac", "mac"), ("serial", "serial"), ("uuid", "uuid")];
    for (column, field) in fields {
        // A path tells people of a model; as a fact it counts only where the row says so.
        let asked = column != "model" || row["path"].is_null() || !row["model"].is_null();
        let said = &told["sighting"][field];
        if asked && lower(&row[column]) != lower(said) {
            wrong.push(format!("{field}: must be {}, is {said}", row[column]));
        }
        if lower(&row[column]).is_empty() && asked && !said.is_null() {
            wrong.push(format!("{field}: must be null, is {said}"));
        }
    }
    if row["path"].is_null() {
        if !told["file"].is_null() {
            wrong.push(format!("file without a path: {}", told["file"]));
        }
    } else {
        let kind = told["file"]["kind"].as_str().unwrap_or("other");
        if kind != row["kind"].as_str().unwrap_or("other") {
            wrong.push(format!("kind: must be {}, is {kind}", row["kind"]));
        }
        if told["file"]["credentials"].as_bool().unwrap_or(false) != row["credentials"].as_bool().unwrap_or(false) {
            wrong.push(format!("credentials: must be {}, is {}", row["credentials"], told["file"]["credentials"]));
        }
    }
    wrong
}

fn every_row(pack: &str, least: usize) {
    let (server, rows) = (Server::start(), rows(pack));
    assert!(rows.len() >= least, "{} rows", rows.len());
    let faults: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let wrong = differences(row, &server.post("/simulate", &question(row)));
            (!wrong.is_empty()).then(|| format!("{row}\n    {}", wrong.join("\n    ")))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {} rows:\n{}", faults.len(), rows.len(), faults.join("\n"));
    assert_eq!(server.get("/devices")["items"], json!([]), "a simulation stores nothing");
    assert_eq!(server.get("/requests")["items"], json!([]), "a simulation is no request");
}

#[test]
fn every_row_of_yealink() {
    every_row("yealink", 90);
}

#[test]
fn every_row_of_the_7940_and_7960() {
    every_row("cisco-7940-7960-sip", 40);
}

#[test]
fn the_command_line_says_the_same() {
    let server = Server::start();
    let rows: Vec<Value> = [rows("yealink"), rows("cisco-7940-7960-sip")].concat();
    // A row of each sort that the options can say.
    let plain = |r: &&Value| r["query"].is_null() && !r["option60"].as_str().unwrap_or_default().contains('\0');
    let sort = |r: &&Value| ["user_agent", "path", "option60", "certificate"].iter().position(|f| !r[f].is_null());
    for wanted in 0..4 {
        for row in rows.iter().filter(plain).filter(|r| sort(r) == Some(wanted)).take(3) {
            let mut arguments = vec!["simulate".to_owned(), "--json".to_owned()];
            for (field, option) in
                [("user_agent", "--user-agent"), ("path", "--path"), ("option60", "--option60"), ("certificate", "--certificate-subject")]
            {
                if let Some(value) = row[field].as_str() {
                    arguments.push(format!("{option}={value}"));
                }
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let output = server.cli(&arguments);
            let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {arguments:?} {output:?}"));
            assert_eq!(differences(row, &said), [""; 0], "{row}");
        }
    }
}

#[test]
fn what_is_no_phone_tells_nothing() {
    let server = Server::start();
    let agents = [
        "curl/8.5.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
        "Wget/1.21.3",
        "python-requests/2.31.0",
        "friendly-scanner",
        "sipvicious",
        "Nmap Scripting Engine; https://nmap.org/book/nse.html",
        "masscan/1.3",
        "",
        "Linksys/SPA942",
        "\u{fffd}\u{1}yealink\u{0}",
    ];
    for agent in agents {
        let told = server.post("/simulate", &json!({ "transport": "http", "path": "/", "headers": { "user-agent": agent } }));
        nothing(agent, &told);
    }
    for class in ["MSFT 5.0", "android-dhcp-13", "udhcp 1.36.1", "PXEClient:Arch:00000:UNDI:002001", "dhcpcd-9.4.1:Linux", ""] {
        let told = server.post("/simulate", &json!({ "transport": "dhcp", "options": { "60": class } }));
        nothing(class, &told);
        assert_eq!((&told["file"], &told["answer"]), (&Value::Null, &Value::Null), "{class}");
    }
    let paths = [
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/..\\..\\boot.ini",
        "/config.yaml",
        "/.htpasswd",
        "/.ssh/id_rsa",
        "/index.php?id=1'",
        "/cgi-bin/luci",
        "/api/v1/devices",
        "/metrics",
    ];
    for path in paths {
        for transport in ["http", "tftp"] {
            let told = server.post("/simulate", &json!({ "transport": transport, "path": path }));
            nothing(path, &told);
            assert_eq!(told["answer"]["status"], 404, "{path}");
            assert_eq!(told["authorization"]["decision"], "refused", "{path}");
        }
    }
}

fn nothing(asked: &str, told: &Value) {
    for field in ["mac", "vendor", "model", "firmware", "serial", "uuid"] {
        assert_eq!(told["sighting"][field], Value::Null, "{asked:?}: {field}");
    }
    assert_eq!(told["device"], Value::Null, "{asked:?}");
    assert!(matches!(told["file"]["kind"].as_str(), None | Some("other")), "{asked:?}: {}", told["file"]);
    assert_ne!(told["file"]["credentials"], json!(true), "{asked:?}");
}
