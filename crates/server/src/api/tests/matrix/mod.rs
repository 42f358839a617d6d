//! Every operation of the API, called by every role, for the own tenant, for another one and for all: generated from the OpenAPI document, so
//! that a new operation cannot escape. What is not declared is refused; another tenant's is as if it were not there, word for word; no
//! answer holds a word of another tenant, or a secret that was not asked for.

mod table;
mod world;

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use offhook_core::token::Role;
use serde_json::{Value, json};

use self::{
    table::{Row, alternative, parameter, row},
    world::{Caller, Side, World, reach, world},
};
use super::harness::Answer;
use crate::api::openapi::document;

/// One operation of the document.
struct Operation {
    method: String,
    path: String,
    roles: BTreeSet<String>,
    query: BTreeSet<String>,
}

fn operations() -> Vec<Operation> {
    let paths = document()["paths"].as_object().unwrap();
    let of = |path: &String, method: &String, o: &Value| {
        let roles = o["security"].as_array().unwrap().iter().filter_map(|a| a["token"][0].as_str().map(str::to_owned)).collect();
        let parameters = o["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let query = parameters.iter().filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap().to_owned()).collect();
        Operation { method: method.to_uppercase(), path: path.clone(), roles, query }
    };
    let all = paths.iter().flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, o)| of(path, method, o)));
    // Open to everybody, and nothing of a tenant in it.
    all.filter(|o| o.path != "/healthz" && o.path != "/readyz").collect()
}

/// A call as it is written down: `<name>` stands for a word of a side, `<own.name>` for one of the callers' tenant.
#[derive(Clone, Debug)]
struct Template {
    path: String,
    query: Vec<String>,
    body: Option<(&'static str, String)>,
}

impl Template {
    fn filled(&self, own: &Side, side: &Side) -> (String, Option<(&'static str, String)>) {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query.join("&")) };
        let fill = |text: &str| filled(text, own, side);
        (fill(&format!("{}{query}", self.path)), self.body.as_ref().map(|(kind, text)| (*kind, fill(text))))
    }
}

fn filled(text: &str, own: &Side, side: &Side) -> String {
    let mut text = text.to_owned();
    for (name, word) in own {
        text = text.replace(&format!("<own.{name}>"), word);
    }
    for (name, word) in side {
        text = text.replace(&format!("<{name}>"), word);
    }
    assert!(!text.contains('<') || text.contains("<?xml"), "{text}: a word is missing");
    text
}

/// Parameters of the query that name something, and what.
const FILTERS: [(&str, &str); 11] = [
    ("tenant", "<tenant>"),
    ("device", "<device>"),
    ("profile", "<profile_name>"),
    ("tag", "<tag>"),
    ("q", "<label>"),
    ("ip", "<ip>"),
    ("subject", "<device>"),
    ("token", "<token>"),
    ("scope", "<scope>"),
    ("after", "<request>"),
    ("name", "<template>"),
];

/// Those that name nothing that is a tenant's.
const NAMELESS: [&str; 30] = [
    "limit",
    "cursor",
    "sort",
    "dry_run",
    "reveal",
    "explain",
    "global",
    "unassigned",
    "kind",
    "noun",
    "action",
    "since",
    "until",
    "state",
    "vendor",
    "model",
    "pack",
    "sync",
    "decision",
    "stale",
    "role",
    "revision",
    "against",
    "format",
    "replace",
    "mode",
    "force",
    "all",
    "refresh",
    "with_key",
];

/// Every way in which an operation is tried.
fn templates(operation: &Operation, row: &Row) -> Vec<Template> {
    let name = format!("{} {}", operation.method, operation.path);
    let (mut path, mut other) = (operation.path.clone(), operation.path.clone());
    let mut by_name = Vec::new();
    for part in operation.path.split('/').filter_map(|p| p.split_once('{').map(|(_, p)| p.split('}').next().unwrap_or_default())) {
        let word = parameter(&operation.path, part).unwrap_or_else(|| panic!("{name}: no word for the parameter {part}: add one"));
        path = path.replace(&format!("{{{part}}}"), word);
        let (word, query) = alternative(&operation.path, part).unwrap_or((word, None));
        other = other.replace(&format!("{{{part}}}"), word);
        by_name.extend(query.map(str::to_owned));
    }
    let query: Vec<String> = row.query.iter().map(|q| (*q).to_owned()).collect();
    let bodies: Vec<Option<(&'static str, String)>> =
        if row.bodies.is_empty() { vec![None] } else { row.bodies.iter().map(|b| Some((row.kind, (*b).to_owned()))).collect() };
    let mut all: Vec<Template> = bodies.into_iter().map(|body| Template { path: path.clone(), query: query.clone(), body }).collect();
    let first = all[0].clone();
    if other != path {
        all.push(Template { path: other, query: [query.clone(), by_name].concat(), ..first.clone() });
    }
    for asked in &operation.query {
        match FILTERS.iter().find(|(filter, _)| filter == asked) {
            Some((filter, word)) if operation.method == "GET" && !query.iter().any(|q| q.starts_with(&format!("{filter}="))) => {
                all.push(Template { query: [query.clone(), vec![format!("{filter}={word}")]].concat(), ..first.clone() });
            }
            Some(_) => {}
            None => assert!(NAMELESS.contains(&asked.as_str()), "{name}: no word for the parameter {asked}: add one"),
        }
    }
    all
}

/// What an answer says, with the words of the request as their names, and without what differs from call to call.
fn anonymous(answer: &Answer, side: &Side) -> String {
    let mut text = answer.text();
    let mut words: Vec<(&&str, &String)> = side.iter().collect();
    words.sort_by_key(|(_, word)| std::cmp::Reverse(word.len()));
    for (name, word) in words {
        text = text.replace(word.as_str(), &format!("<{name}>"));
    }
    format!("{} {}", answer.status.as_u16(), without_ids(&steady(&text)))
}

/// Without times that a step took.
fn steady(text: &str) -> String {
    let mut parts = text.split("\"took_us\":");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + "\"took_us\":" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Ids are as random as they come.
fn without_ids(text: &str) -> String {
    let is_id = |part: &str| offhook_core::Id::parse(part).is_some();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match rest.get(..36).filter(|part| is_id(part)) {
            Some(_) => {
                out.push_str("<id>");
                rest = &rest[36..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

impl World {
    async fn call(&self, caller: &Caller, method: &str, asked: &(String, Option<(&'static str, String)>)) -> Answer {
        self.send(caller, method, asked, true).await
    }

    async fn send(&self, caller: &Caller, method: &str, (path, body): &(String, Option<(&'static str, String)>), dry: bool) -> Answer {
        let writes = if method == "GET" || !dry {
            ""
        } else if path.contains('?') {
            "&dry_run=true"
        } else {
            "?dry_run=true"
        };
        let mut request =
            Request::builder().method(method).uri(format!("{path}{writes}")).header("authorization", format!("Bearer {}", caller.text));
        if let Some((kind, _)) = body {
            request = request.header("content-type", *kind);
        }
        let body = body.as_ref().map_or_else(Body::empty, |(_, text)| Body::from(text.clone()));
        let request = request.body(body).unwrap_or_else(|e| panic!("{method} {path}: {e}"));
        if path.contains("/requests/stream") {
            return self.server.send_for_the_head(request).await;
        }
        self.server.send(request).await
    }

    /// Words of the other tenant that are in an answer and were not in the question.
    fn told_of_the_other(&self, answer: &Answer, asked: &(String, Option<(&'static str, String)>)) -> Option<String> {
        let asked = format!("{} {}", asked.0, asked.1.as_ref().map_or("", |(_, b)| b));
        // A job of these callers tells what they sent earlier.
        let echo = format!("there is no tenant \\\"{}\\\"", self.other["tenant"]);
        let text = format!("{} {:?}", answer.text().replace(&echo, ""), answer.headers);
        let bare = |mac: &String| mac.replace(':', "");
        let words = self.other.values().cloned().chain([bare(&self.other["mac"])]).filter(|w| !asked.contains(w.as_str()));
        let mut words: Vec<String> = words.collect();
        // A file that is asked for by its name tells the address itself.
        words.retain(|w| w != &self.other["mac"] || !asked.contains(&bare(w)));
        if !asked.contains(&self.other["tenant"]) {
            words.push(self.other["tenant"].clone());
        }
        words.into_iter().find(|w| text.to_lowercase().contains(&w.to_lowercase()))
    }

    /// A job that this caller started, for its tenant or for another.
    fn with_a_job(&self, side: &Side, caller: &Caller, foreign: bool) -> Side {
        let mut side = side.clone();
        if side["tenant"] != self.nobody["tenant"] {
            let reach = if foreign { reach(&side["tenant"]) } else { caller.reach(&self.own) };
            let jobs = self.server.app.jobs.by(caller.id, reach);
            let label = side["label"].clone();
            side.insert("job", jobs.start("test", label, |_| async { Ok(Value::Null) }).unwrap().id.to_string());
        }
        side
    }
}

#[tokio::test]
async fn every_operation_for_every_role_and_tenant() {
    let world = world().await;
    let mut faults = Vec::new();
    let (mut calls, mut compared) = (0, 0);
    for operation in operations() {
        let name = format!("{} {}", operation.method, operation.path);
        let row = row(
            &operation.method,
            &operation.path,
            document()["paths"][&operation.path][operation.method.to_lowercase()].get("requestBody").is_some(),
        );
        let row = row.unwrap_or_else(|| panic!("{name} is not in the table: add a row with its body"));
        for (n, template) in templates(&operation, &row).iter().enumerate() {
            for caller in &world.callers {
                let who = format!("{name} ({n}) by {} of {}", caller.role.as_str(), if caller.limited { "one" } else { "all" });
                let own = if operation.path.contains("{job}") { world.with_a_job(&world.own, caller, false) } else { world.own.clone() };
                let asked = template.filled(&world.own, &own);
                let answer = world.call(caller, &operation.method, &asked).await;
                calls += 1;
                let status = answer.status.as_u16();
                if !operation.roles.contains(caller.role.as_str()) {
                    if status != 403 {
                        faults.push(format!("{who}: {status}, though the role is not declared"));
                    }
                    continue;
                }
                let of_all = caller.limited && row.of_all;
                let fields = caller.role == Role::Installer && row.beyond_installers.contains(&n);
                let good = match status {
                    403 => of_all || fields,
                    _ if of_all || fields => false,
                    200..400 | 409 => true,
                    status => row.also.contains(&status),
                };
                if !good {
                    faults.push(format!("{who}: {status} {}", answer.text()));
                }
                let reveals = caller.role == Role::Admin || caller.role == Role::Operator;
                let shows_secrets = reveals && (operation.path.ends_with("/contents") || operation.path.ends_with("/uploads/{upload}"));
                if !shows_secrets && [&world.own["secret"], "site-secret", "471147"].iter().any(|s| answer.text().contains(*s)) {
                    faults.push(format!("{who}: a secret is shown: {}", answer.text()));
                }
                if !caller.limited {
                    continue;
                }
                if let Some(word) = world.told_of_the_other(&answer, &asked) {
                    faults.push(format!("{who}: tells {word:?} of the other tenant: {}", answer.text()));
                }
                // What is another's is as if it were not there.
                let other =
                    if operation.path.contains("{job}") { world.with_a_job(&world.other, caller, true) } else { world.other.clone() };
                let (foreign, unknown) = (template.filled(&world.own, &other), template.filled(&world.own, &world.nobody));
                if foreign == unknown {
                    continue;
                }
                compared += 1;
                let answer = world.call(caller, &operation.method, &foreign).await;
                let (is, would) =
                    (anonymous(&answer, &other), anonymous(&world.call(caller, &operation.method, &unknown).await, &world.nobody));
                if is != would {
                    faults.push(format!("{who}: another tenant's is not as if it were not there:\n  {is}\n  {would}"));
                }
                if let Some(word) = world.told_of_the_other(&answer, &foreign) {
                    faults.push(format!("{who}: asked for another's, tells {word:?}: {}", answer.text()));
                }
                if answer.status.as_u16() < 400 && operation.method != "GET" && !row.harmless {
                    faults.push(format!("{who}: another's, yet {}: {}", answer.status, answer.text()));
                }
            }
        }
    }
    let shown: Vec<String> = faults.iter().take(40).map(|f| f.chars().take(700).collect()).collect();
    assert!(faults.is_empty(), "{} faults of {calls} calls:\n{}", faults.len(), shown.join("\n"));
    assert!(calls > 1000 && compared > 300, "{calls} {compared}");
}

/// What became of a write in the audit log.
enum Told {
    /// It is there.
    Yes,
    /// It was done, and is not there.
    No,
    /// It was not done.
    Undone,
}

impl World {
    /// An operation tried and done by an admin. Tried, it leaves nothing in the audit log; done, it is told there, without a secret.
    async fn does(&self, operation: &Operation, name: &str) -> Told {
        let row = row(&operation.method, &operation.path, true).unwrap_or_else(|| row(&operation.method, &operation.path, false).unwrap());
        let admin = self.callers.iter().find(|c| !c.limited && c.role == Role::Admin).unwrap();
        let mut own = if operation.path.contains("{job}") { self.with_a_job(&self.own, admin, false) } else { self.own.clone() };
        if name == "POST /templates:copy" {
            own.insert("scope", self.other["scope"].clone());
        }
        let (path, body) = templates(operation, &row).remove(0).filled(&self.own, &own);
        let path = path.replace("?dry_run=true", "");
        let asked = (path, body.map(|(kind, text)| (kind, text.replace("\"dry_run\": true", "\"dry_run\": false"))));
        let log = async || self.server.get("/audit?limit=1000").await.expect(200)["items"].as_array().unwrap().clone();
        let before = log().await;
        self.send(admin, &operation.method, &asked, true).await;
        assert_eq!(log().await.len(), before.len(), "{name}: it was only tried");
        let answer = self.send(admin, &operation.method, &asked, false).await;
        if !answer.status.is_success() {
            assert_eq!(log().await.len(), before.len(), "{name}: it failed: {}", answer.text());
            return Told::Undone;
        }
        if name == "POST /devices:import" {
            self.server.ended(&answer.expect(202)).await;
        }
        let after = log().await;
        let new = &after[..after.len() - before.len()];
        for entry in new {
            assert_eq!(entry["by"]["label"], "admin of all", "{name}: {entry}");
            assert!(entry["at"].is_string() && entry["subject"] != "" && entry["noun"] != "", "{name}: {entry}");
        }
        let told = json!(after).to_string();
        assert!(![&own["secret"], "site-secret", "471147"].iter().any(|s| told.contains(*s)), "{name}: a secret is told: {told}");
        if new.is_empty() { Told::No } else { Told::Yes }
    }
}

#[tokio::test]
async fn every_write_is_told_when_it_is_done() {
    let mut undone = Vec::new();
    let mut shared = world().await;
    let mut writing: Vec<Operation> = operations().into_iter().filter(|o| o.query.contains("dry_run")).collect();
    // What takes things away comes last.
    writing.sort_by_key(|o| (o.method == "DELETE", std::cmp::Reverse(o.path.len())));
    for operation in writing {
        let name = format!("{} {}", operation.method, operation.path.strip_prefix("/api/v1").unwrap_or(&operation.path));
        if matches!(shared.does(&operation, &name).await, Told::Yes) {
            continue;
        }
        // One before it may have done the same, or have used or taken what it needs.
        shared = world().await;
        if operation.method == "DELETE" && !operation.path.contains("/devices/") {
            shared.server.delete(&format!("/devices/{}", shared.own["device"])).await.expect(204);
        }
        match shared.does(&operation, &name).await {
            Told::Yes => {}
            Told::No => panic!("{name} is not told"),
            Told::Undone => undone.push(name),
        }
    }
    // These need another world, and have tests of their own.
    undone.sort();
    let known = [
        "DELETE /packs/{pack}",
        "DELETE /tenants/{tenant}",
        "POST /firmware:fetch",
        "POST /firmware:unpack",
        "POST /packs",
        "POST /restore",
    ];
    assert_eq!(undone, known);
}

#[tokio::test]
async fn who_may_see_no_secret_may_not_ask_for_one() {
    let world = world().await;
    let revealing: Vec<Operation> = operations().into_iter().filter(|o| o.query.contains("reveal")).collect();
    assert!(revealing.len() >= 2);
    for operation in revealing {
        let row = row(&operation.method, &operation.path, false).unwrap();
        let mut template = templates(&operation, &row).remove(0);
        template.query.push("reveal=true".to_owned());
        for caller in &world.callers {
            let asked = template.filled(&world.own, &world.own);
            let answer = world.call(caller, &operation.method, &asked).await;
            let may = matches!(caller.role, Role::Admin | Role::Operator);
            assert_eq!(answer.status.as_u16(), if may { 200 } else { 403 }, "{} {}", caller.role.as_str(), operation.path);
            assert_eq!(answer.text().contains(&world.own["secret"]), may, "{} {}", caller.role.as_str(), operation.path);
        }
    }
}

#[tokio::test]
async fn counts_leave_the_other_tenant_out() {
    let world = world().await;
    let limited = world.callers.iter().find(|c| c.limited && c.role == Role::Admin).unwrap();
    let all = world.callers.iter().find(|c| !c.limited && c.role == Role::Admin).unwrap();
    let count = async |caller: &Caller, path: &str| {
        let answer = world.server.call_as(&caller.text, "GET", &format!("/api/v1{path}"), None).await.expect(200);
        answer["items"].as_array().map_or_else(|| answer["devices"].as_u64().unwrap() as usize, Vec::len)
    };
    for (path, own, both) in [
        ("/devices", 1, 7),
        ("/tenants", 1, 3),
        ("/profiles", 2, 3),
        ("/accounts", 1, 2),
        ("/assets", 1, 2),
        ("/phonebooks", 1, 2),
        ("/jobs", 1, 2),
        ("/requests", 1, 2),
        ("/templates?scope=tenant:bremen", 0, 1),
        ("/packs/yealink", 1, 7),
    ] {
        assert_eq!((count(limited, path).await, count(all, path).await), (own, both), "{path}");
    }
    // Pages of a list are whole pages of what is seen.
    let page = world.server.call_as(&limited.text, "GET", "/api/v1/devices?limit=1", None).await.expect(200);
    assert_eq!(page["next_cursor"], json!(null), "{page}");
}
