//! `offhook asset`: files that settings refer to.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, more, none, owner};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member, moment, size},
};

/// Files that settings refer to: logos, ring tones, wallpapers, certificates
#[derive(Args, Debug)]
#[command(after_help = "\
A setting takes an asset by its name; each phone gets it as its model wants it.

Examples:
  offhook asset add logo.png
  offhook asset add hall.png --name wallpaper --tenant acme
  offhook device set MAC display.logo=logo.png
  offhook asset replace logo.png new.png
  offhook asset get logo.png > copy.png")]
pub struct Asset {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args, Debug)]
struct Which {
    /// Its name or id
    name: String,
    /// The tenant it belongs to
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List what is stored
    List {
        /// Only those of a tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Only those of a kind, such as png or wav
        #[arg(long)]
        kind: Option<String>,
        /// Only names that hold this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Store files under names that settings can say
    Add {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Store a single file under another name
        #[arg(long)]
        name: Option<String>,
        /// For one tenant only; without it every tenant may use it
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        #[command(flatten)]
        trial: Trial,
    },
    /// Show what is known of an asset
    Show(Which),
    /// Print an asset's bytes
    Get {
        #[command(flatten)]
        which: Which,
        /// Write them into a file instead
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Put another file in place of an asset's
    Replace {
        #[command(flatten)]
        which: Which,
        /// The file
        file: PathBuf,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete assets that no setting names
    #[command(alias = "remove")]
    Delete {
        /// Names or ids
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// The tenant they belong to
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        #[command(flatten)]
        trial: Trial,
    },
}

fn bytes_of(file: &PathBuf) -> Outcome<Vec<u8>> {
    fs::read(file).map_err(|e| Failure::Failed(format!("{} cannot be read: {e}", file.display())))
}

fn size_of(asset: &Value) -> String {
    size(asset.get("size").and_then(Value::as_u64).unwrap_or(0))
}

impl Asset {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { tenant, kind, q, limit } => {
                let query = [("tenant", tenant), ("kind", kind), ("q", q)];
                let list = client.list(&["assets"], &query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let row = |a: &Value| vec![member(a, "name"), owner(a), member(a, "kind"), size_of(a), moment(&member(a, "updated_at"))];
                let rows = items(&list).iter().map(row).collect();
                let said = none(&query, "No asset is stored. Add some: offhook asset add FILE");
                out.table(&["name", "tenant", "kind", "size", "changed (utc)"], rows, said)?;
                more(out, &list)
            }
            Verb::Add { files, name, tenant, trial } => {
                trial.begin(out, &client);
                add(&client, out, &files, name, tenant).await
            }
            Verb::Show(which) => show(out, &client.get(&["assets", &which.name], &[("tenant", which.tenant.clone())]).await?),
            Verb::Get { which, output } => {
                let query = [("tenant", which.tenant.clone())];
                let bytes = client.download(&["assets", &which.name, "contents"], &query).await?;
                match output {
                    Some(file) => {
                        fs::write(&file, bytes).map_err(|e| Failure::Failed(format!("{} cannot be written: {e}", file.display())))
                    }
                    None => out.bytes(&bytes),
                }
            }
            Verb::Replace { which, file, guard } => {
                guard.begin(out, &client);
                let query = [("tenant", which.tenant.clone())];
                let asset = client.put_bytes(&["assets", &which.name, "contents"], &query, bytes_of(&file)?).await?;
                if !out.as_json(&asset)? {
                    out.done(&member(&asset, "name"), &format!("replaced ({}, {})", member(&asset, "kind"), size_of(&asset)))?;
                    out.line("Phones have it when they load it again, at the latest when they start.")?;
                }
                Ok(())
            }
            Verb::Delete { names, tenant, trial } => {
                trial.begin(out, &client);
                for name in &names {
                    client.delete(&["assets", name], &[("tenant", tenant.clone())]).await?;
                    out.done(name, "deleted")?;
                }
                out.as_json(&json!({ "deleted": names })).map(drop)
            }
        }
    }
}

async fn add(client: &Client, out: &mut Output<'_>, files: &[PathBuf], name: Option<String>, tenant: Option<String>) -> Outcome {
    if name.is_some() && files.len() > 1 {
        return Err(Failure::Usage("--name is for one file".to_owned()));
    }
    let mut stored = Vec::new();
    for file in files {
        let own = file.file_name().map(|n| n.to_string_lossy().into_owned());
        let name = name.clone().or(own).ok_or_else(|| Failure::Usage(format!("{} has no file name", file.display())))?;
        let query = [("name", Some(name)), ("tenant", tenant.clone())];
        let one = client.post_bytes(&["assets"], &query, bytes_of(file)?).await?;
        out.done(&member(&one, "name"), &format!("stored ({}, {})", member(&one, "kind"), size_of(&one)))?;
        stored.push(one);
    }
    out.as_json(&json!({ "items": stored }))?;
    Ok(())
}

fn show(out: &mut Output<'_>, asset: &Value) -> Outcome {
    if out.as_json(asset)? {
        return Ok(());
    }
    out.fields(&[
        ("Asset", member(asset, "name")),
        ("Tenant", owner(asset)),
        ("Kind", format!("{} ({})", member(asset, "kind"), member(asset, "content_type"))),
        ("Size", size_of(asset)),
        ("SHA-256", member(asset, "sha256")),
        ("Revision", member(asset, "revision")),
        ("Changed", moment(&member(asset, "updated_at"))),
        ("Id", member(asset, "id")),
    ])
}
