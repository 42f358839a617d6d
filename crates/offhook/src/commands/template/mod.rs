//! `offhook template`: the texts that files are made of, and what the site or a tenant puts in their place.

mod edit;
mod folder;
mod report;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Trial, at_least_one, document, history, more, put};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member},
};

/// Templates: look at those of packs, and put your own in their place
#[derive(Args, Debug)]
#[command(after_help = "\
A pack's template is never changed: an override of the same name takes its place,
for the whole site or for one tenant. A model has <model>.tpl, one phone its file
with .tpl: 001565aabbcc.cfg.tpl. What breaks a phone's file is not saved.
docs/templates.md tells it all.

Examples:
  offhook template list --pack acme
  offhook template edit acme base.tpl
  offhook template put acme T46S.tpl --tenant branch
  offhook template edit acme 001565aabbcc.cfg.tpl --from base.tpl
  offhook template diff acme base.tpl
  offhook template pull templates; offhook template push templates")]
pub struct Template {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List overrides; with --pack the pack's own templates too
    List(List),
    /// Print a template: the tenant's, else the site's, else the pack's
    Show {
        #[command(flatten)]
        which: Which,
        /// The pack's own, whatever stands in its place
        #[arg(long, conflicts_with_all = ["site", "tenant"])]
        original: bool,
    },
    /// Open an override in your editor, check it, show what phones would get, save
    Edit(edit::Edit),
    /// Save a file as an override, when everything that it touches still renders
    Put {
        #[command(flatten)]
        file: File,
        /// Only when this revision is the stored one; 0: only when there is none
        #[arg(long, value_name = "N")]
        revision: Option<u64>,
    },
    /// Tell what a file would do as an override; nothing is saved
    Check {
        #[command(flatten)]
        file: File,
        /// Do not mask secrets in what phones would get
        #[arg(long)]
        reveal: bool,
    },
    /// Copy overrides to another pack or scope
    Copy(Copy),
    /// Delete overrides; phones get the pack's own again
    Delete {
        /// The pack
        pack: String,
        /// Names, from `offhook template list`
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        layer: Layer,
        #[command(flatten)]
        trial: Trial,
    },
    /// What an override was before: every version, and what it changed
    History {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        versions: history::Versions,
    },
    /// Make an override what it was in an earlier version, also when it was deleted
    Restore {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        restore: history::Wanted,
    },
    /// Show what an override changes, and what the pack changed since
    Diff(Which),
    /// Take in what the pack changed since an override was made
    Merge(edit::Merge),
    /// Write all overrides into a folder, to be kept in git
    Pull(folder::Pull),
    /// Save what was changed in a folder
    Push(folder::Push),
}

/// Whose override.
#[derive(Args, Clone, Debug, Default)]
struct Layer {
    /// That of a tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// That of the whole site; this is meant where nothing is said
    #[arg(long, conflicts_with = "tenant")]
    site: bool,
}

impl Layer {
    /// As the API names it.
    fn scope(&self) -> String {
        self.tenant.as_ref().map_or_else(|| "site".to_owned(), |t| format!("tenant:{t}"))
    }
}

#[derive(Args, Clone, Debug)]
struct Which {
    /// The pack
    pack: String,
    /// Name of the template, such as base.tpl, T46S.tpl, 001565aabbcc.cfg.tpl
    name: String,
    #[command(flatten)]
    layer: Layer,
}

#[derive(Args, Debug)]
struct File {
    /// The pack
    pack: String,
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Name of the template [default: that of the file]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    layer: Layer,
}

#[derive(Args, Debug)]
struct List {
    /// Those of a pack, its own among them
    #[arg(long)]
    pack: Option<String>,
    #[command(flatten)]
    layer: Layer,
    /// Only overrides under which the pack changed
    #[arg(long)]
    stale: bool,
    /// Only names that hold this text
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// Most lines
    #[arg(long, default_value_t = 200, value_parser = at_least_one())]
    limit: usize,
}

#[derive(Args, Debug)]
struct Copy {
    /// The pack that has them
    from: String,
    /// The pack that gets them
    to: String,
    /// Only these [default: all overrides]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    layer: Layer,
    /// Copy to this tenant [default: the scope that each has]
    #[arg(long, value_name = "NAME")]
    to_tenant: Option<String>,
    /// Copy to the whole site
    #[arg(long, conflicts_with = "to_tenant")]
    to_site: bool,
    /// Copy the pack's own templates instead of overrides
    #[arg(long, conflicts_with_all = ["site", "tenant"], requires = "names")]
    original: bool,
    /// Put them in place of those that are there
    #[arg(long)]
    overwrite: bool,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Template {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List(wanted) => list(out, &client, wanted).await,
            Verb::Show { which, original } => show(out, &client, &which, original).await,
            Verb::Edit(edit) => edit.run(out, &client).await,
            Verb::Put { file, revision } => save(out, &client, &file, revision).await,
            Verb::Check { file, reveal } => check(out, &client, &file, reveal).await,
            Verb::Copy(copy) => copied(out, &client, copy).await,
            Verb::Delete { pack, names, layer, trial } => delete(out, &client, &pack, &names, &layer, trial).await,
            Verb::History { which, versions } => {
                let thing = history::Thing::template(&which.layer.scope(), &which.pack, &which.name);
                history::show(out, &client, &thing, &versions).await
            }
            Verb::Restore { which, restore } => {
                let thing = history::Thing::template(&which.layer.scope(), &which.pack, &which.name);
                history::restore(out, &client, &thing, &restore).await
            }
            Verb::Diff(which) => {
                let template = client.get(&address(&which.layer.scope(), &which.pack, &which.name), &[]).await?;
                report::difference(out, &template)
            }
            Verb::Merge(merge) => merge.run(out, &client).await,
            Verb::Pull(pull) => pull.run(out, &client).await,
            Verb::Push(push) => push.run(out, &client).await,
        }
    }
}

/// Where the API has a template.
fn address<'a>(scope: &'a str, pack: &'a str, name: &'a str) -> [&'a str; 4] {
    ["templates", scope, pack, name]
}

/// A template that there may be.
async fn find(client: &Client, scope: &str, pack: &str, name: &str) -> Outcome<Option<Value>> {
    client.find(&address(scope, pack, name)).await
}

async fn list(out: &mut Output<'_>, client: &Client, wanted: List) -> Outcome {
    let List { pack, layer, stale, q, limit } = wanted;
    let scope = match (&layer.tenant, layer.site, &pack) {
        (None, false, Some(_)) if !stale => None,
        (None, false, _) => Some("overrides".to_owned()),
        _ => Some(layer.scope()),
    };
    let query = [("pack", pack), ("scope", scope), ("q", q), ("stale", stale.then(|| "true".to_owned()))];
    let list = client.list(&["templates"], &query, limit).await?;
    if out.as_json(&list)? {
        return Ok(());
    }
    let row = |t: &Value| vec![member(t, "name"), member(t, "pack"), member(t, "scope"), member(t, "revision"), remark(t)];
    let rows = items(&list).iter().map(row).collect();
    let none =
        if stale { "No pack changed under an override." } else { "There are no overrides. Make one: offhook template edit PACK NAME" };
    out.table(&["name", "pack", "scope", "revision", "remark"], rows, none)?;
    more(out, &list)
}

/// What a list says of a template besides its name.
fn remark(template: &Value) -> String {
    let flag = |name: &str| template.get(name).and_then(Value::as_bool).unwrap_or(false);
    let mut told = Vec::new();
    if member(template, "scope") != "pack" {
        if member(template, "pack_version").is_empty() {
            told.push("the pack is not installed".to_owned());
        } else if flag("stale") {
            told.push("the pack changed since".to_owned());
        }
        match member(template, "replaces").as_str() {
            "" => {}
            what => told.push(format!("replaces the {what}'s")),
        }
    }
    match member(template, "model").as_str() {
        "" => {}
        model => told.push(format!("model {model}")),
    }
    told.extend(items(&template.get("devices").cloned().unwrap_or_default()).iter().map(report::device));
    told.join("; ")
}

async fn show(out: &mut Output<'_>, client: &Client, which: &Which, original: bool) -> Outcome {
    let Which { pack, name, layer } = which;
    let asked = layer.site || layer.tenant.is_some();
    let mut scopes = vec![layer.scope()];
    if !asked || layer.tenant.is_some() {
        scopes.extend(["site".to_owned(), "pack".to_owned()]);
    }
    if original {
        scopes = vec!["pack".to_owned()];
    }
    scopes.dedup();
    let (last, before) = scopes.split_last().map_or(("pack", &[][..]), |(l, b)| (l.as_str(), b));
    let mut found = None;
    for scope in before {
        if found.is_none() {
            found = find(client, scope, pack, name).await?;
        }
    }
    let template = match found {
        Some(template) => template,
        None => client.get(&address(last, pack, name), &[]).await?,
    };
    if out.as_json(&template)? {
        return Ok(());
    }
    out.bytes(source_of(&template).as_bytes())
}

fn source_of(template: &Value) -> &str {
    template.get("source").and_then(Value::as_str).unwrap_or_default()
}

impl File {
    /// The change that it would be, as the API takes it.
    fn change(&self) -> Outcome<Value> {
        let source = read(&self.path)?;
        let own = || self.path.file_name().map(|n| n.to_string_lossy().into_owned()).filter(|n| n != "-");
        let name = self.name.clone().or_else(own);
        let name = name.ok_or_else(|| Failure::Usage("say which template it is: --name NAME".to_owned()))?;
        Ok(json!({ "scope": self.layer.scope(), "pack": self.pack, "name": name, "source": source }))
    }
}

/// The text of a file, or of standard input.
fn read(path: &Path) -> Outcome<String> {
    let failed = |e: std::io::Error| Failure::Failed(format!("{} cannot be read: {e}", path.display()));
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    fs::read_to_string(path).map_err(failed)
}

async fn save(out: &mut Output<'_>, client: &Client, file: &File, revision: Option<u64>) -> Outcome {
    let mut change = file.change()?;
    put(&mut change, "revision", revision);
    let answer = client.post(&["templates:apply"], &[], &json!({ "changes": [change] })).await?;
    if out.as_json(&answer)? {
        return Ok(());
    }
    report::saved(out, &answer)
}

async fn check(out: &mut Output<'_>, client: &Client, file: &File, reveal: bool) -> Outcome {
    let mut body = document();
    body["changes"] = json!([file.change()?]);
    body["reveal"] = json!(reveal);
    let answer = client.post(&["templates:check"], &[], &body).await?;
    if !out.as_json(&answer)? {
        report::checked(out, &answer)?;
    }
    if report::is_good(&answer) { Ok(()) } else { Err(Failure::Failed("it would not be saved".to_owned())) }
}

async fn copied(out: &mut Output<'_>, client: &Client, copy: Copy) -> Outcome {
    let (mut from, mut to) = (json!({ "pack": copy.from }), json!({ "pack": copy.to }));
    let asked = copy.layer.site || copy.layer.tenant.is_some();
    let scope = if copy.original { Some("pack".to_owned()) } else { asked.then(|| copy.layer.scope()) };
    put(&mut from, "scope", scope);
    let there = copy.to_tenant.map(|t| format!("tenant:{t}")).or_else(|| (copy.to_site || copy.original).then(|| "site".to_owned()));
    put(&mut to, "scope", there);
    let mut body = json!({ "from": from, "to": to, "overwrite": copy.overwrite, "dry_run": copy.dry_run });
    put(&mut body, "names", (!copy.names.is_empty()).then_some(copy.names));
    let answer = client.post(&["templates:copy"], &[], &body).await?;
    if out.as_json(&answer)? {
        return Ok(());
    }
    report::copied(out, &answer, copy.dry_run)
}

async fn delete(out: &mut Output<'_>, client: &Client, pack: &str, names: &[String], layer: &Layer, trial: Trial) -> Outcome {
    let scope = layer.scope();
    let changes: Vec<Value> = names.iter().map(|name| json!({ "scope": scope, "pack": pack, "name": name, "source": null })).collect();
    // What a deletion would do is a check of it.
    out.dry = trial.dry_run;
    let call = if trial.dry_run { "templates:check" } else { "templates:apply" };
    let answer = client.post(&[call], &[], &json!({ "changes": changes })).await?;
    if out.as_json(&answer)? {
        return Ok(());
    }
    if trial.dry_run { report::checked(out, &answer) } else { report::saved(out, &answer) }
}

/// `base.tpl of yealink, for the site`
fn title(scope: &str, pack: &str, name: &str) -> String {
    let whose = match scope.split_once(':') {
        Some((_, tenant)) => format!("for tenant {tenant}"),
        None if scope == "pack" => "its own".to_owned(),
        None => "for the site".to_owned(),
    };
    format!("{name} of {pack}, {whose}")
}
