//! A draft of a pack from what an unrecognised phone was seen asking: its headers become recognition rules, its paths files. Every guess
//! is noted; the draft can be checked and tested as it is.

use std::collections::{BTreeMap, BTreeSet};

use offhook_core::Mac;
use regex::Regex;

use super::{
    Draft, quoted,
    skeleton::{SUPPORTS, Syntax, case, readme},
};

/// One request that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// What was asked for, with a leading slash or not; a query is left out.
    pub path: String,
    /// The header of that name.
    pub user_agent: Option<String>,
}

/// A header in general: its rule, and what this one tells.
struct Agent {
    pattern: String,
    model: Option<String>,
    version: Option<String>,
    mac: Option<Mac>,
}

const MAC: &str = r"[0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){5}";
const VERSION: &str = r"\d+(?:\.\d+)+\w*";
const MODEL: &str = r"[A-Za-z]+-?\d+[A-Za-z0-9]*|\d{3,4}[A-Za-z]*";
/// Endings of names that images of firmware have.
const FIRMWARE: [&str; 13] = ["bin", "rom", "fw", "ld", "img", "zip", "sbn", "sb2", "loads", "z", "hex", "tar", "gz"];

/// A draft of the pack `id` of these requests. `name` is for people.
pub fn draft(id: &str, name: &str, asked: &[Asked]) -> Draft {
    let mut out = Draft::default();
    let asked: BTreeSet<&Asked> = asked.iter().collect();
    let mut agents: BTreeMap<&str, Agent> = BTreeMap::new();
    for agent in asked.iter().filter_map(|a| a.user_agent.as_deref()) {
        agents.entry(agent).or_insert_with(|| generalised(agent));
    }
    let models: BTreeSet<String> = agents.values().filter_map(|a| a.model.clone()).collect();
    let files = files(&asked, &models);
    let macs: BTreeSet<Mac> = agents.values().filter_map(|a| a.mac).chain(files.values().filter_map(|f| f.mac)).collect();
    let ouis: BTreeSet<String> = macs.iter().map(|m| m.to_string().get(..8).unwrap_or_default().to_uppercase()).collect();
    let device = files.iter().find(|(_, f)| f.kind == "device" && !f.firmware).map(|(p, _)| p.clone());
    let syntax = device.as_deref().map_or(Syntax::KeyValue, Syntax::of_ending);

    let mut vendor = format!("id = {}\nversion = \"0.1.0\"\nname = {}\nouis = [{}]\n{SUPPORTS}\n", quoted(id), quoted(name), list(&ouis));
    let patterns: BTreeSet<&str> = agents.values().map(|a| a.pattern.as_str()).collect();
    for (n, pattern) in patterns.iter().enumerate() {
        vendor.push_str(&format!("[[identify]]\nname = \"user agent {}\"\nfrom = \"user_agent\"\nmatch = '''{pattern}'''\n\n", n + 1));
    }
    vendor.push_str(&format!("[format.main]\n{}", syntax.format()));
    for (pattern, file) in &files {
        vendor.push_str(&file.section(pattern, Some(pattern) == device.as_ref()));
    }
    if device.is_none() {
        let ending = syntax.ending();
        vendor.push_str(&format!(
            "\n[[file]]\nname = \"device\"\npath = \"{{mac}}.{ending}\"\nkind = \"device\"\ncredentials = true\nshared = true\nformat = \"main\"\n"
        ));
        out.notes.push("no file with a MAC in its name was asked for: {mac} is a guess".to_owned());
    }
    if agents.is_empty() {
        out.notes.push("no request had a User-Agent (TFTP has none): only file names tell the family".to_owned());
    }
    if models.is_empty() {
        out.notes.push("no header tells a model: add a group (?P<model>…) where one stands".to_owned());
    }
    out.notes.push("parameter names in templates/base.tpl are invented: write the vendor's".to_owned());
    out.notes.push("files with source = \"none\" are known and never there: give those a template that the phone needs".to_owned());

    // A phone that says both, so that the case is one phone's.
    let whole = agents.values().find_map(|a| Some((a.mac?, a.model.clone()?)));
    let mac = whole.as_ref().map(|w| w.0).or(macs.first().copied()).map_or_else(|| "00:00:5e:00:53:01".to_owned(), |m| m.to_string());
    let first = whole.map(|w| w.1).or_else(|| models.first().cloned()).unwrap_or_default();
    for (path, text) in [
        ("vendor.toml", vendor),
        ("models.toml", model_list(&models, &files)),
        ("templates/base.tpl", syntax.template().to_owned()),
        ("tables/locales.toml", include_str!("templates/locales.toml").to_owned()),
        ("tests/identify.toml", identify(id, &agents)),
        ("tests/minimal/case.toml", case(&mac, &first, "")),
        ("README.md", readme(name)),
    ] {
        out.files.insert(path.to_owned(), text);
    }
    out
}

fn list(texts: &BTreeSet<String>) -> String {
    texts.iter().map(|t| quoted(t)).collect::<Vec<_>>().join(", ")
}

fn first(pattern: &str, text: &str) -> Option<(usize, usize)> {
    Regex::new(pattern).ok()?.find(text).map(|m| (m.start(), m.end()))
}

/// A MAC, a version and a model become groups, further versions any word; the rest is as it stands.
fn generalised(agent: &str) -> Agent {
    let agent: String = agent.chars().take(500).collect();
    let mut parts: Vec<(usize, usize, &str, String)> = Vec::new();
    for (name, pattern, group) in [
        ("mac", MAC, "(?P<mac>[0-9A-Fa-f:-]{12,17})"),
        ("version", VERSION, r"(?P<version>[\w.]+)"),
        ("model", MODEL, r"(?P<model>[\w-]+)"),
        ("more", VERSION, r"[\w.]+"),
    ] {
        // What stands apart as a word, outside of what is taken already.
        let free = |s: usize, e: usize, parts: &[(usize, usize, &str, String)]| parts.iter().all(|p| e <= p.0 || s >= p.1);
        let Ok(regex) = Regex::new(&format!(r"\b(?:{pattern})\b")) else { continue };
        let most = if name == "more" { 8 } else { 1 };
        let found: Vec<(usize, usize)> =
            regex.find_iter(&agent).map(|m| (m.start(), m.end())).filter(|(s, e)| free(*s, *e, &parts)).take(most).collect();
        parts.extend(found.into_iter().map(|(s, e)| (s, e, name, group.to_owned())));
    }
    parts.sort_by_key(|p| p.0);
    let told = |name: &str| parts.iter().find(|p| p.2 == name).and_then(|p| agent.get(p.0..p.1)).map(str::to_owned);
    let (mut pattern, mut at) = (String::from("^"), 0);
    for (start, end, _, group) in &parts {
        pattern.push_str(&literal(agent.get(at..*start).unwrap_or("")));
        pattern.push_str(group);
        at = *end;
    }
    pattern.push_str(&literal(agent.get(at..).unwrap_or("")));
    pattern.push('$');
    Agent { model: told("model"), version: told("version"), mac: told("mac").and_then(|m| Mac::parse(&m)), pattern }
}

/// As it stands; a quote of three or a letter beyond ASCII is any byte.
fn literal(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii() && c != '\'' && !c.is_control() { regex::escape(&c.to_string()) } else { ".+".to_owned() })
        .collect()
}

struct File {
    kind: &'static str,
    firmware: bool,
    mac: Option<Mac>,
    /// How the model is written in the name.
    model: Option<(String, String)>,
}

impl File {
    fn section(&self, pattern: &str, templated: bool) -> String {
        let name = pattern.replace(['{', '}'], "");
        let head = format!("\n[[file]]\nname = {}\npath = {}\nkind = \"{}\"\n", quoted(&name), quoted(pattern), self.kind);
        // What stands before the MAC may be any maker's word too.
        let shared = if ["{mac", "{MAC", "config", "cfg", "conf", "phone", "device", "default", "index", "settings"]
            .iter()
            .any(|w| pattern.starts_with(w))
        {
            "shared = true                             # other makers' phones ask for such names too\n"
        } else {
            ""
        };
        match (self.firmware, templated) {
            (true, _) => format!("{head}{shared}source = \"firmware\"\n"),
            (false, true) => format!("{head}credentials = true\n{shared}format = \"main\"\n"),
            (false, false) => format!(
                "{head}{shared}source = \"none\"                           # what is it for? Give it a template, or leave it\noptional = true\n"
            ),
        }
    }
}

/// By pattern of the path.
fn files(asked: &BTreeSet<&Asked>, models: &BTreeSet<String>) -> BTreeMap<String, File> {
    let mut out = BTreeMap::new();
    for asked in asked {
        let path = asked.path.split('?').next().unwrap_or("").trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let plain =
            |p: &&str| !p.is_empty() && *p != "." && *p != ".." && p.chars().all(|c| c.is_ascii_graphic() && !"\\{}\"'".contains(c));
        let Some(name) = parts.last().filter(|p| plain(p)) else { continue };
        let (mut pattern, mut mac) = ((*name).to_owned(), None);
        if let Some((start, end)) = first(MAC, name) {
            let found = &name[start..end];
            mac = Mac::parse(found);
            let separator = found.chars().find(|c| !c.is_ascii_hexdigit()).map(String::from).unwrap_or_default();
            let word = if found.chars().any(|c| c.is_ascii_uppercase()) { "MAC" } else { "mac" };
            if mac.is_some() {
                pattern = format!("{}{{{word}{separator}}}{}", &name[..start], &name[end..]);
            }
        }
        let mut model = None;
        for known in models {
            if let Some(at) = pattern.to_lowercase().find(&known.to_lowercase()).filter(|_| !pattern.contains("{model}"))
                && let Some(written) = pattern.get(at..at + known.len()).map(str::to_owned)
            {
                pattern.replace_range(at..at + known.len(), "{model}");
                model = Some((known.clone(), written));
            }
        }
        let ending = name.rsplit('.').next().unwrap_or("").to_ascii_lowercase();
        let firmware = mac.is_none() && FIRMWARE.contains(&ending.as_str());
        let kind = match (firmware, mac.is_some(), model.is_some()) {
            (true, ..) => "firmware",
            (_, true, _) => "device",
            (_, _, true) => "model",
            _ => "common",
        };
        out.entry(pattern).or_insert(File { kind, firmware, mac, model });
    }
    out
}

fn model_list(models: &BTreeSet<String>, files: &BTreeMap<String, File>) -> String {
    let mut out =
        "[defaults]\naccounts = 1                              # SIP accounts; also line_keys, memory_keys, modules …\n\n[generic]\n"
            .to_owned();
    for model in models {
        out.push_str(&format!("\n[models.{}]\n", quoted(model)));
        let written = files.values().filter_map(|f| f.model.as_ref()).find(|(m, w)| m == model && w != model);
        if let Some((_, written)) = written {
            out.push_str(&format!("file_model = {}\n", quoted(written)));
        }
    }
    out
}

fn identify(id: &str, agents: &BTreeMap<&str, Agent>) -> String {
    let mut out = String::new();
    for (text, agent) in agents.iter().filter(|(text, _)| text.len() <= 500) {
        out.push_str(&format!("[[case]]\nuser_agent = {}\nvendor = {}\n", quoted(text), quoted(id)));
        for (field, value) in
            [("model", agent.model.clone()), ("version", agent.version.clone()), ("mac", agent.mac.map(|m| m.to_string()))]
        {
            if let Some(value) = value {
                out.push_str(&format!("{field} = {}\n", quoted(&value)));
            }
        }
        out.push('\n');
    }
    out
}
