//! `offhook pack`: phone families; here what works without a server, in `shelf.rs` what asks one.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use offhook_packs::{Catalog, PackFault};
use serde_json::json;

use super::{author::Author, shelf::Shelf};
use crate::{
    failure::{Failure, Outcome},
    output::Output,
};

/// Phone families: list, install and upgrade them, check and test your own
#[derive(Args, Debug)]
#[command(after_help = "\
A pack is a folder of data: docs/packs.md tells how one is made. Servers have the
packs of the program, those of <data_dir>/packs (read at start and on SIGHUP), and
those that are installed while they run. check and test need no server.

Examples:
  offhook pack list
  offhook pack install packs/my-phone
  offhook pack install my-phone-2.1.0.tar.gz --dry-run --diff
  offhook pack upgrade --all
  offhook pack check packs/my-phone
  offhook pack test packs/my-phone --bless")]
pub struct Pack {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    #[command(flatten)]
    Author(Author),
    #[command(flatten)]
    Shelf(Shelf),
    /// Tell every fault of packs, and whether every model's files can be made
    Check {
        /// Packs, or folders of packs
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
        /// Print JSON, one line per pack
        #[arg(long)]
        json: bool,
    },
    /// Run the tests of packs: what is recognised, and the exact bytes of every case
    Test {
        /// Packs, or folders of packs
        #[arg(required = true, value_name = "DIR")]
        folders: Vec<PathBuf>,
        /// Write what is rendered as what is expected; read it before you keep it
        #[arg(long)]
        bless: bool,
        /// Print JSON, one line per pack
        #[arg(long)]
        json: bool,
    },
}

impl Pack {
    /// Does it.
    pub fn run(self, out: &mut Output<'_>) -> Outcome {
        match self.verb {
            Verb::Author(author) => author.run(out),
            Verb::Shelf(Shelf::List { dir, local, connection, .. }) if local || dir.is_some() => list(out, dir.as_deref(), connection.json),
            Verb::Shelf(shelf) => crate::ask(shelf.run(out)),
            Verb::Check { folders, json } => every(out, &folders, |out, pack| check(out, pack, json)),
            Verb::Test { folders, bless, json } => every(out, &folders, |out, pack| test(out, pack, bless, json)),
        }
    }
}

fn list(out: &mut Output<'_>, dir: Option<&Path>, as_json: bool) -> Outcome {
    let (catalog, faults) = Catalog::load(dir);
    let packs = catalog.packs();
    if as_json {
        let all = packs.iter().map(|p| json!({ "id": p.id(), "version": p.version(), "name": p.name(), "models": p.models().count() }));
        out.json_line(&json!(all.collect::<Vec<_>>()))?;
        return no_faults(&faults);
    }
    let rows = packs.iter().map(|p| vec![p.id().to_owned(), p.version().to_owned(), p.models().count().to_string(), p.name().to_owned()]);
    let rows = rows.collect();
    out.table(&["pack", "version", "models", "name"], rows, "There are no packs.")?;
    no_faults(&faults)
}

fn no_faults(faults: &[PackFault]) -> Outcome {
    if faults.is_empty() {
        return Ok(());
    }
    let told = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Err(Failure::Failed(format!("packs with faults are left out:\n{told}")))
}

/// Does it for each pack, and fails at the end when one failed.
fn every(out: &mut Output<'_>, folders: &[PathBuf], one: impl Fn(&mut Output<'_>, &Path) -> Outcome<bool>) -> Outcome {
    let packs = folders.iter().map(|folder| packs_in(folder)).collect::<Outcome<Vec<_>>>()?.concat();
    let mut bad = 0;
    for pack in &packs {
        bad += usize::from(!one(out, pack)?);
    }
    if bad == 0 { Ok(()) } else { Err(Failure::Failed(format!("{bad} of {} packs failed", packs.len()))) }
}

/// The folder itself when it is a pack, else the packs right under it.
fn packs_in(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let is_pack = |dir: &Path| dir.join("vendor.toml").is_file();
    if is_pack(folder) {
        return Ok(vec![folder.to_path_buf()]);
    }
    let below = std::fs::read_dir(folder).map_err(|e| Failure::Usage(format!("{} cannot be read: {e}", folder.display())))?;
    let mut packs: Vec<PathBuf> = below.filter_map(|entry| Some(entry.ok()?.path())).filter(|dir| is_pack(dir)).collect();
    packs.sort();
    if packs.is_empty() {
        return Err(Failure::Usage(format!("{} is no pack and holds none; a pack is a folder with a vendor.toml", folder.display())));
    }
    Ok(packs)
}

fn check(out: &mut Output<'_>, folder: &Path, as_json: bool) -> Outcome<bool> {
    let report = offhook_packs::check_pack(folder);
    let name = folder.display();
    if as_json {
        out.json_line(&json!({ "pack": name.to_string(), "report": report }))?;
        return Ok(report.faults.is_empty());
    }
    for fault in &report.faults {
        let line = out.bad(&fault.to_string());
        out.line(line)?;
    }
    match report.faults.len() {
        0 => {
            let good = out.good("good");
            out.line(format!("{name}: {good}; {} files of {} models were made and read back", report.files, report.models))?;
        }
        1 => out.line(format!("{name}: 1 fault"))?,
        n => out.line(format!("{name}: {n} faults"))?,
    }
    Ok(report.faults.is_empty())
}

fn test(out: &mut Output<'_>, folder: &Path, bless: bool, as_json: bool) -> Outcome<bool> {
    let report = offhook_packs::test_pack(folder, bless);
    let name = folder.display();
    if as_json {
        out.json_line(&json!({ "pack": name.to_string(), "report": report }))?;
        return Ok(report.failures.is_empty());
    }
    for failure in &report.failures {
        let line = out.bad(&failure.to_string());
        out.line(line)?;
    }
    for file in &report.written {
        out.line(format!("written: {file}"))?;
    }
    let failed = report.failures.len();
    out.line(format!("{name}: {} passed, {failed} failed", report.passed))?;
    if failed > 0 && !bless {
        out.line("Expected files are written anew by --bless; read them before you keep them.")?;
    }
    Ok(failed == 0)
}
