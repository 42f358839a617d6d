//! `offhook firmware`: files that phones load themselves with.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{at_least_one, more};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member, moment, size},
};

/// Firmware that phones fetch
#[derive(Args, Debug)]
#[command(after_help = "\
A phone gets firmware only when every file of it is stored; `offhook simulate`
and `offhook device check` name what is missing.

Examples:
  offhook firmware add P003-8-12-00.bin P003-8-12-00.sbn
  offhook firmware list
  offhook firmware remove P003-8-12-00.bin")]
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
        #[arg(long)]
        name: Option<String>,
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
    /// Remove files
    Remove {
        /// Names or ids
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
}

impl Firmware {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::Add { files, pack, name } => {
                if name.is_some() && files.len() > 1 {
                    return Err(Failure::Usage("--name is for one file".to_owned()));
                }
                let mut stored = Vec::new();
                for file in &files {
                    let own = file.file_name().map(|n| n.to_string_lossy().into_owned());
                    let name = name.clone().or(own).ok_or_else(|| Failure::Usage(format!("{} has no file name", file.display())))?;
                    let bytes = fs::read(file).map_err(|e| Failure::Failed(format!("{} cannot be read: {e}", file.display())))?;
                    let query = [("name", Some(name)), ("pack", pack.clone())];
                    let one = client.upload(&["firmware"], &query, bytes).await?;
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
                let list = client.list(&["firmware"], &[("pack", pack), ("q", q)], limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let row = |f: &serde_json::Value| {
                    let bytes = f.get("size").and_then(serde_json::Value::as_u64).unwrap_or(0);
                    vec![member(f, "name"), member(f, "pack"), size(bytes), moment(&member(f, "created_at"))]
                };
                let rows = items(&list).iter().map(row).collect();
                out.table(&["name", "pack", "size", "added (utc)"], rows, "No firmware is stored. Add some: offhook firmware add FILE")?;
                more(out, &list)
            }
            Verb::Remove { names } => {
                for name in &names {
                    client.delete(&["firmware", name], &[]).await?;
                    if !out.json {
                        out.line(format!("{name} is removed."))?;
                    }
                }
                out.as_json(&json!({ "removed": names }))?;
                Ok(())
            }
        }
    }
}
