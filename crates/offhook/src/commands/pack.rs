//! `offhook pack`: phone families, without a server.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use offhook_packs::Catalog;
use serde_json::json;

use crate::{
    failure::{Failure, Outcome},
    output::Output,
};

/// Phone families
#[derive(Args, Debug)]
#[command(after_help = "\
A pack is a folder of data: docs/packs.md tells how one is made. The server reads
more packs from <data_dir>/packs at start and on SIGHUP.

Examples:
  offhook pack list
  offhook pack list --dir /etc/offhook/packs")]
pub struct Pack {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List the packs of this program, and of a folder of more
    List {
        /// A folder of more packs
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Pack {
    /// Does it.
    pub fn run(self, out: &mut Output<'_>) -> Outcome {
        match self.verb {
            Verb::List { dir, json } => list(out, dir.as_deref(), json),
        }
    }
}

fn list(out: &mut Output<'_>, dir: Option<&Path>, as_json: bool) -> Outcome {
    let (catalog, faults) = match dir {
        Some(dir) => Catalog::load(Some(dir)),
        None => (Catalog::embedded(), Vec::new()),
    };
    if !faults.is_empty() {
        return Err(Failure::Failed(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")));
    }
    let packs = catalog.packs();
    if as_json {
        let all = packs.iter().map(|p| json!({ "id": p.id(), "version": p.version(), "name": p.name(), "models": p.models().count() }));
        return out.json_line(&json!(all.collect::<Vec<_>>()));
    }
    let rows = packs.iter().map(|p| vec![p.id().to_owned(), p.version().to_owned(), p.models().count().to_string(), p.name().to_owned()]);
    let rows = rows.collect();
    out.table(&["pack", "version", "models", "name"], rows, "There are no packs.")
}
