//! What things were before: the verbs `history` and `restore` of every noun that has versions, and `offhook history`, which lists what was
//! deleted.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, at_least_one, leaves, more};
use crate::{
    client::{Client, Connection, Query},
    failure::{Failure, Outcome},
    output::{Output, items, member, wrap},
};

/// What was deleted and can be brought back
#[derive(Args, Debug)]
#[command(after_help = "\
Devices, profiles, accounts, tenants, the site and template overrides keep their
earlier versions. What one thing was before is told by its noun:
  offhook device history 001565aabbcc       every version, and what it changed
  offhook device history 001565aabbcc 3     one version whole
  offhook device restore 001565aabbcc 3     make it so again

Examples:
  offhook history deleted
  offhook history deleted --noun device
  offhook device restore 001565aabbcc")]
pub struct History {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List what was deleted, what went last first
    Deleted {
        /// Only such: device, profile, account, tenant or template
        #[arg(long)]
        noun: Option<String>,
        /// Only what was of a tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
}

impl History {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        let Verb::Deleted { noun, tenant, limit } = self.verb;
        let list = client.list(&["deleted"], &[("noun", noun), ("tenant", tenant)], limit).await?;
        if out.as_json(&list)? {
            return Ok(());
        }
        out.now = client.now();
        let row = |gone: &Value| {
            let at = out.ago(&member(gone, "at"));
            vec![member(gone, "name"), member(gone, "noun"), super::owner(gone), at, by(gone)]
        };
        let rows = items(&list).iter().map(row).collect();
        out.table(&["name", "what", "tenant", "deleted", "by"], rows, "Nothing was deleted that could be brought back.")?;
        if let Some(gone) = items(&list).first() {
            out.line("")?;
            out.line(format!("Bring one back: {}", command(gone)))?;
        }
        more(out, &list)
    }
}

/// `offhook device restore 00:15:65:aa:bb:cc`
fn command(gone: &Value) -> String {
    let (noun, name) = (member(gone, "noun"), member(gone, "name"));
    let tenant = gone.get("tenant").and_then(Value::as_str).map(|t| format!(" --tenant {t}"));
    match noun.as_str() {
        "template" => {
            let mut parts = name.splitn(3, '/').skip(1);
            let (pack, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            format!("offhook template restore {pack} {name}{}", tenant.unwrap_or_default())
        }
        "profile" | "account" => format!("offhook {noun} restore {name}{}", tenant.unwrap_or_default()),
        _ => format!("offhook {noun} restore {name}"),
    }
}

/// Which versions are shown.
#[derive(Args, Debug, Clone)]
pub struct Versions {
    /// Show this version whole, and how it differs from the present
    #[arg(value_name = "REVISION")]
    pub revision: Option<u64>,
    /// Compare it with this version instead of the present
    #[arg(long, value_name = "REVISION", requires = "revision")]
    pub against: Option<u64>,
    /// Most versions
    #[arg(long, default_value_t = 20, value_parser = at_least_one())]
    pub limit: usize,
}

/// Which version comes back.
#[derive(Args, Debug, Clone)]
pub struct Wanted {
    /// The version [default: the one before the present; of what was deleted the last]
    #[arg(value_name = "REVISION")]
    pub version: Option<u64>,
    #[command(flatten)]
    pub guard: Guard,
}

/// The thing whose versions are meant.
pub struct Thing<'a> {
    /// The noun in the API: `devices`.
    noun: &'static str,
    /// Its key; none: there is one alone.
    key: Option<&'a str>,
    query: Vec<(&'static str, Option<String>)>,
}

impl<'a> Thing<'a> {
    /// The thing of that name or id, in a tenant.
    pub fn of(noun: &'static str, key: &'a str, tenant: Option<&str>) -> Self {
        Self { noun, key: Some(key), query: vec![("tenant", tenant.map(str::to_owned))] }
    }

    /// The site.
    pub fn site() -> Self {
        Self { noun: "site", key: None, query: Vec::new() }
    }

    /// A template override.
    pub fn template(scope: &str, pack: &str, name: &'a str) -> Self {
        let query = vec![("scope", Some(scope.to_owned())), ("pack", Some(pack.to_owned())), ("name", Some(name.to_owned()))];
        Self { noun: "templates", key: Some(name), query }
    }

    fn is_template(&self) -> bool {
        self.noun == "templates"
    }

    fn segments(&self, rest: &[&'a str]) -> Vec<&'a str> {
        std::iter::once(self.noun).chain(self.key).chain(["history"]).chain(rest.iter().copied()).collect()
    }

    async fn list(&self, client: &Client, limit: usize) -> Outcome<Value> {
        if self.is_template() {
            return client.list(&["templates:history"], &self.query, limit).await;
        }
        client.list(&self.segments(&[]), &self.query, limit).await
    }

    async fn version(&self, client: &Client, revision: u64, against: Option<u64>) -> Outcome<Value> {
        let mut query = self.query.clone();
        query.push(("against", against.map(|a| a.to_string())));
        let revision = revision.to_string();
        if self.is_template() {
            query.push(("revision", Some(revision)));
            return client.get(&["templates:version"], &query).await;
        }
        let mut segments: Vec<&str> = self.segments(&[]);
        segments.push(&revision);
        client.get(&segments, &query).await
    }

    async fn bring_back(&self, client: &Client, revision: u64) -> Outcome<Value> {
        let none: Query<'_> = &[];
        if self.is_template() {
            let mut body: Value = self.query.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            body["revision"] = revision.into();
            return client.change(&["templates:restore"], none, &body).await;
        }
        let revision = revision.to_string();
        let mut segments: Vec<&str> = self.segments(&[]);
        segments.extend([revision.as_str(), "restore"]);
        client.change(&segments, &self.query, &Value::Null).await
    }
}

/// Shows the versions of a thing, or one of them.
pub async fn show(out: &mut Output<'_>, client: &Client, thing: &Thing<'_>, wanted: &Versions) -> Outcome {
    if let Some(revision) = wanted.revision {
        let version = thing.version(client, revision, wanted.against).await?;
        out.now = client.now();
        return one(out, &version);
    }
    let list = thing.list(client, wanted.limit).await?;
    if out.as_json(&list)? {
        return Ok(());
    }
    out.now = client.now();
    for (n, version) in items(&list).iter().enumerate() {
        if n > 0 {
            out.line("")?;
        }
        head(out, version)?;
        match version.get("against").and_then(Value::as_u64) {
            None => out.paragraph("  ", "The first version that is known.")?,
            Some(_) => differences(out, version, "Nothing that is shown here changed.")?,
        }
    }
    more(out, &list)
}

fn one(out: &mut Output<'_>, version: &Value) -> Outcome {
    if out.as_json(version)? {
        return Ok(());
    }
    head(out, version)?;
    let document = version.get("document").cloned().unwrap_or_default();
    for (path, value) in leaves(&document).into_iter().filter(|(path, _)| path != "source") {
        long(out, "  ", &format!("{path} = {value}"))?;
    }
    if let Some(source) = document.get("source").and_then(Value::as_str) {
        out.line("")?;
        source.lines().try_for_each(|l| out.line(l))?;
    }
    let Some(against) = version.get("against").and_then(Value::as_u64).filter(|a| Some(*a) != version["revision"].as_u64()) else {
        return Ok(());
    };
    out.heading(&format!("From revision {against} to this one"))?;
    differences(out, version, "They are the same.")
}

/// `Revision 3, now · 3 min ago · Anna from 10.0.0.9`
fn head(out: &mut Output<'_>, version: &Value) -> Outcome {
    let present = if version.get("present").and_then(Value::as_bool) == Some(true) { " (now)" } else { "" };
    let title = out.strong(&format!("Revision {}{present}", member(version, "revision")));
    let who = Some(by(version)).filter(|b| !b.is_empty()).map(|b| format!(", {b}")).unwrap_or_default();
    let told = format!("{title}, {}{who}", out.when(&member(version, "at")));
    out.long_line(&told)
}

/// `Anna from 10.0.0.9`
pub fn by(value: &Value) -> String {
    match (member(value, "by.label"), member(value, "by.from")) {
        (label, from) if from.is_empty() => label,
        (label, from) => format!("{label} from {from}"),
    }
}

/// The text diff of a template, and what changed field by field.
fn differences(out: &mut Output<'_>, version: &Value, none: &str) -> Outcome {
    let diff = version.get("diff").and_then(Value::as_str).unwrap_or_default();
    let changes = version.get("changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if diff.is_empty() && changes.is_empty() {
        return out.paragraph("  ", none);
    }
    self::changes(out, changes)?;
    diff.lines().try_for_each(|line| {
        let painted = painted(out, line, line);
        out.line(format!("  {painted}"))
    })
}

/// Each field with what stood there and what stands there: `- label: a`, `+ label: b`.
pub fn changes(out: &mut Output<'_>, changes: &[Value]) -> Outcome {
    for change in changes {
        let path = member(change, "path");
        let (before, after) = (change.get("before").unwrap_or(&Value::Null), change.get("after").unwrap_or(&Value::Null));
        if before == after {
            long(out, "  ", &format!("~ {path}: {} (changed)", crate::output::shown(before)))?;
            continue;
        }
        for (sign, value) in [("-", before), ("+", after)] {
            if !value.is_null() {
                long(out, "  ", &format!("{sign} {path}: {value}"))?;
            }
        }
    }
    Ok(())
}

/// A line that may be longer than the screen: what follows stands below its beginning.
fn long(out: &mut Output<'_>, indent: &str, line: &str) -> Outcome {
    let width = out.width.saturating_sub(indent.len() + 4).max(20);
    for (n, part) in wrap(line, width).into_iter().enumerate() {
        let painted = painted(out, line, &part);
        out.line(format!("{indent}{}{painted}", if n > 0 { "    " } else { "" }))?;
    }
    Ok(())
}

fn painted(out: &Output<'_>, line: &str, part: &str) -> String {
    match line.as_bytes().first() {
        Some(b'+') => out.good(part),
        Some(b'-') => out.bad(part),
        _ => part.to_owned(),
    }
}

/// Brings a version back.
pub async fn restore(out: &mut Output<'_>, client: &Client, thing: &Thing<'_>, wanted: &Wanted) -> Outcome {
    wanted.guard.begin(out, client);
    let revision = match wanted.version {
        Some(revision) => revision,
        None => last(client, thing).await?,
    };
    let now = thing.bring_back(client, revision).await?;
    if out.as_json(&now)? {
        return Ok(());
    }
    out.done(&member(&now, "name"), &format!("as it was in revision {revision}"))?;
    let left = now.get("changes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !left.is_empty() {
        out.line("Only this differs:")?;
        changes(out, left)?;
    }
    Ok(())
}

/// The version before the present; of what was deleted the last one.
async fn last(client: &Client, thing: &Thing<'_>) -> Outcome<u64> {
    let list = thing.list(client, 2).await?;
    let earlier = items(&list).iter().find(|v| v.get("present").and_then(Value::as_bool) == Some(false));
    earlier.and_then(|v| v.get("revision")).and_then(Value::as_u64).ok_or_else(|| {
        let name = items(&list).first().map(|v| member(v, "name")).unwrap_or_default();
        Failure::Failed(format!("{name} has no earlier version: nothing can be brought back"))
    })
}
