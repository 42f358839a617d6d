//! `offhook firmware`: files that phones load themselves with.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Trial, at_least_one, more, none};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member, moment, size},
    wait::{Waiting, ended_well},
};

/// Firmware that phones fetch
#[derive(Args, Debug)]
#[command(after_help = "\
A phone gets firmware only when every file of it is stored; `offhook simulate`
and `offhook device check` name what is missing, and why it is offered or not.

Examples:
  offhook firmware add P003-8-12-00.bin P003-8-12-00.sbn
  offhook firmware add --unpack --pack acme release.zip
  offhook firmware catalogue --model X1
  offhook firmware fetch 1.2.3 --pack acme
  offhook firmware assign 1.2.3 --pack acme --model X1 --policy upgrade
  offhook firmware assignments
  offhook firmware delete P003-8-12-00.bin")]
pub struct Firmware {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Store files under the names that phones ask for
    Add {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The pack they belong to; without it the name tells
        #[arg(long)]
        pack: Option<String>,
        /// Store a single file under another name
        #[arg(long, conflicts_with = "unpack")]
        name: Option<String>,
        /// The files are archives (zip, tar, tar.gz): store what phones ask for
        #[arg(long)]
        unpack: bool,
    },
    /// List what can be fetched, and what of it is stored
    Catalogue {
        /// Only that of a pack
        #[arg(long)]
        pack: Option<String>,
        /// Only for this model
        #[arg(long)]
        model: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Fetch from where the catalogue says, and store all files of it
    Fetch {
        /// The version, as the catalogue spells it
        version: String,
        /// The pack that lists it
        #[arg(long)]
        pack: String,
        /// Where a version is listed for several groups of models: one of them
        #[arg(long)]
        model: Option<String>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Show one file
    Show {
        /// Its name or id
        name: String,
    },
    /// Say which phones are to run a version
    Assign {
        /// The version
        version: String,
        #[command(flatten)]
        whom: Whom,
        /// When it is offered: never, upgrade (only to older ones), exact (whenever it differs) or ask
        #[arg(long, value_parser = ["never", "upgrade", "exact", "ask"])]
        policy: Option<String>,
        #[command(flatten)]
        trial: Trial,
    },
    /// Take back what was assigned
    Unassign {
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        trial: Trial,
    },
    /// List which firmware is for whom
    Assignments {
        /// Only for a pack
        #[arg(long)]
        pack: Option<String>,
        /// Only of a tenant
        #[arg(long)]
        tenant: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// List what is stored
    List {
        /// Only that of a pack
        #[arg(long)]
        pack: Option<String>,
        /// Only names that hold this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Delete files
    #[command(alias = "remove")]
    Delete {
        /// Names or ids
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        trial: Trial,
    },
}

#[derive(Args, Debug)]
struct Whom {
    /// Phones of this pack
    #[arg(long, required_unless_present = "profile", conflicts_with = "profile")]
    pack: Option<String>,
    /// Only these models of it
    #[arg(long = "model", value_name = "MODEL", requires = "pack")]
    models: Vec<String>,
    /// Only phones of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Instead of a pack: whoever has this profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Whom {
    fn document(self) -> Value {
        json!({ "pack": self.pack, "models": self.models, "tenant": self.tenant, "profile": self.profile })
    }
}

impl Firmware {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::Add { files, pack, unpack: true, .. } => unpack(out, &client, &files, pack).await,
            Verb::Catalogue { pack, model, limit } => {
                let list = client.list(&["firmware", "catalogue"], &[("pack", pack), ("model", model)], limit).await?;
                if out.as_json(&list)? { Ok(()) } else { catalogue(out, &list) }
            }
            Verb::Fetch { version, pack, model, waiting } => {
                let document = json!({ "pack": pack, "version": version, "model": model });
                let job = client.post(&["firmware:fetch"], &[], &document).await?;
                let Some(job) = waiting.follow(out, &client, job).await? else { return Ok(()) };
                ended_well(&job)?;
                if out.as_json(&job)? {
                    return Ok(());
                }
                let files = job.pointer("/result/files").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                files.iter().try_for_each(|f| out.line(format!("{} is stored.", member(f, "name"))))?;
                out.line(format!("Say who is to run it: offhook firmware assign {version} --pack {pack}"))
            }
            Verb::Show { name } => {
                let one = client.get(&["firmware", &name], &[]).await?;
                if out.as_json(&one)? {
                    return Ok(());
                }
                out.fields(&[
                    ("Name", member(&one, "name")),
                    ("Pack", member(&one, "pack")),
                    ("Size", size(number(&one, "size"))),
                    ("SHA-256", member(&one, "sha256")),
                    ("Added", moment(&member(&one, "created_at"))),
                    ("Id", member(&one, "id")),
                ])
            }
            Verb::Assign { version, whom, policy, trial } => {
                trial.begin(out, &client);
                let mut document = whom.document();
                (document["version"], document["policy"]) = (json!(version), json!(policy));
                let assigned = client.post(&["firmware:assign"], &[], &document).await?;
                if out.as_json(&assigned)? { Ok(()) } else { told(out, &assigned) }
            }
            Verb::Unassign { whom, trial } => {
                trial.begin(out, &client);
                let done = client.post(&["firmware:unassign"], &[], &whom.document()).await?;
                if out.as_json(&done)? {
                    return Ok(());
                }
                out.line(format!("No firmware is assigned any more by: {}.", member(&done, "profiles")))
            }
            Verb::Assignments { pack, tenant, limit } => {
                let list = client.list(&["firmware", "assignments"], &[("pack", pack), ("tenant", tenant)], limit).await?;
                if out.as_json(&list)? { Ok(()) } else { assignments(out, &list) }
            }
            Verb::Add { files, pack, name, .. } => {
                if name.is_some() && files.len() > 1 {
                    return Err(Failure::Usage("--name is for one file".to_owned()));
                }
                let mut stored = Vec::new();
                for file in &files {
                    let own = file.file_name().map(|n| n.to_string_lossy().into_owned());
                    let name = name.clone().or(own).ok_or_else(|| Failure::Usage(format!("{} has no file name", file.display())))?;
                    let query = [("name", Some(name)), ("pack", pack.clone())];
                    let one = client.upload(&["firmware"], &query, file).await?;
                    if !out.json {
                        let bytes = one.get("size").and_then(serde_json::Value::as_u64).unwrap_or(0);
                        out.line(format!("{} is stored for {} ({}).", member(&one, "name"), member(&one, "pack"), size(bytes)))?;
                    }
                    stored.push(one);
                }
                out.as_json(&json!({ "items": stored }))?;
                Ok(())
            }
            Verb::List { pack, q, limit } => {
                let query = [("pack", pack), ("q", q)];
                let list = client.list(&["firmware"], &query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let row = |f: &serde_json::Value| {
                    let bytes = f.get("size").and_then(serde_json::Value::as_u64).unwrap_or(0);
                    vec![member(f, "name"), member(f, "pack"), size(bytes), moment(&member(f, "created_at"))]
                };
                let rows = items(&list).iter().map(row).collect();
                out.table(
                    &["name", "pack", "size", "added (utc)"],
                    rows,
                    none(&query, "No firmware is stored. Add some: offhook firmware add FILE"),
                )?;
                more(out, &list)
            }
            Verb::Delete { names, trial } => {
                trial.begin(out, &client);
                for name in &names {
                    client.delete(&["firmware", name], &[]).await?;
                    out.done(name, "deleted")?;
                }
                out.as_json(&json!({ "deleted": names })).map(drop)
            }
        }
    }
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or(0)
}

async fn unpack(out: &mut Output<'_>, client: &Client, files: &[PathBuf], pack: Option<String>) -> Outcome {
    let mut all = Vec::new();
    for file in files {
        let one = client.upload(&["firmware:unpack"], &[("pack", pack.clone())], file).await?;
        if !out.json {
            for stored in items(&one) {
                out.line(format!(
                    "{} is stored for {} ({}).",
                    member(stored, "name"),
                    member(stored, "pack"),
                    size(number(stored, "size"))
                ))?;
            }
            let skipped = one.get("skipped").and_then(Value::as_array).map_or(0, Vec::len);
            if skipped > 0 {
                out.line(format!("{skipped} other files of {} are no firmware that phones ask for.", file.display()))?;
            }
        }
        all.push(one);
    }
    out.as_json(&json!({ "items": all })).map(drop)
}

fn catalogue(out: &mut Output<'_>, list: &Value) -> Outcome {
    let row = |e: &Value| {
        let missing = e.get("missing").and_then(Value::as_array).map_or(0, Vec::len);
        let files = e.get("files").and_then(Value::as_array).map_or(0, Vec::len);
        let stored = match missing {
            0 => "yes".to_owned(),
            n if n == files => "no".to_owned(),
            n => format!("{n} of {files} missing"),
        };
        let bytes = size(number(e, "size"));
        vec![member(e, "version"), member(e, "pack"), member(e, "models"), bytes, stored, member(e, "source"), member(e, "title")]
    };
    let rows = items(list).iter().map(row).collect();
    let none =
        "No pack and no index lists firmware that can be fetched. Get the files from the maker and add them: offhook firmware add FILE";
    out.table(&["version", "pack", "models", "size", "stored", "source", "title"], rows, none)?;
    more(out, list)
}

fn assignments(out: &mut Output<'_>, list: &Value) -> Outcome {
    let row = |a: &Value| {
        let by = [member(a, "profile"), member(a, "layer")].into_iter().find(|t| !t.is_empty()).unwrap_or_default();
        let missing = a.get("missing").and_then(Value::as_array).map_or(0, Vec::len);
        let stored = if missing > 0 { format!("{missing} missing") } else { "yes".to_owned() };
        vec![member(a, "version"), member(a, "policy"), member(a, "pack"), member(a, "model"), member(a, "tenant"), by, stored]
    };
    let rows = items(list).iter().map(row).collect();
    let none = "No firmware is assigned to anybody. Assign some: offhook firmware assign VERSION --pack PACK";
    out.table(&["version", "policy", "pack", "model", "tenant", "by", "stored"], rows, none)?;
    more(out, list)
}

/// What an assignment did.
fn told(out: &mut Output<'_>, assigned: &Value) -> Outcome {
    for a in items(assigned) {
        let whom = match (member(a, "pack"), member(a, "model")) {
            (pack, _) if pack.is_empty() => "whoever has it".to_owned(),
            (pack, model) if model.is_empty() => format!("all phones of {pack}"),
            (pack, model) => format!("{model} of {pack}"),
        };
        out.paragraph("", &format!("Profile {}: {} for {whom}.", member(a, "profile"), member(a, "version")))?;
        let missing = member(a, "missing");
        if !missing.is_empty() {
            out.paragraph("  ", &format!("Not stored yet, so it is offered to nobody: {missing} (offhook firmware add FILE)"))?;
        }
    }
    Ok(())
}
