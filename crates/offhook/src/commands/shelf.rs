//! `offhook pack`: the packs of a server, and the index that some may run for others.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use offhook_core::clock::Clock;
use offhook_packs::Package;
use offhook_server::index::{Index, IndexPack, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    client::{Client, Connection},
    commands::Trial,
    failure::{Failure, Outcome},
    output::{Output, items, member, size},
    wait::{self, Waiting},
};

/// What is asked of a server's packs.
#[derive(Subcommand, Debug)]
pub enum Shelf {
    /// List the packs that a server uses, or could install
    List {
        #[command(flatten)]
        connection: Connection,
        /// What the index offers instead
        #[arg(long)]
        installable: bool,
        /// Of the index: every version, and packs at the end of their life
        #[arg(long)]
        all: bool,
        /// Without a server: the packs of this program
        #[arg(long, conflicts_with = "installable")]
        local: bool,
        /// Without a server: and those of a folder of packs
        #[arg(long, value_name = "DIR", conflicts_with = "installable")]
        dir: Option<PathBuf>,
    },
    /// Everything about one pack of a server
    Show {
        #[command(flatten)]
        connection: Connection,
        /// ID, or ID@VERSION
        #[arg(value_name = "PACK")]
        pack: String,
    },
    /// Install a pack while the server runs: from a folder, an archive or the index
    Install {
        #[command(flatten)]
        connection: Connection,
        /// A pack's folder, an archive of it, or ID or ID@VERSION of the index
        #[arg(value_name = "PACK")]
        pack: String,
        #[command(flatten)]
        how: How,
    },
    /// Upgrade packs to the newest version of the index
    Upgrade {
        #[command(flatten)]
        connection: Connection,
        /// The pack
        #[arg(value_name = "ID", required_unless_present = "all")]
        pack: Option<String>,
        /// All that the index has newer ones of
        #[arg(long, conflicts_with = "pack")]
        all: bool,
        #[command(flatten)]
        how: How,
    },
    /// Take packs away; overrides of their templates stay
    Uninstall {
        #[command(flatten)]
        connection: Connection,
        /// ID: all its versions; ID@VERSION: one
        #[arg(value_name = "PACK", required = true)]
        packs: Vec<String>,
        /// Also when devices need it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        trial: Trial,
    },
    /// List the models of a server's pack
    Models {
        #[command(flatten)]
        connection: Connection,
        /// ID, or ID@VERSION
        #[arg(value_name = "PACK")]
        pack: String,
    },
    /// List the files that phones of a server's pack ask for
    Files {
        #[command(flatten)]
        connection: Connection,
        /// ID, or ID@VERSION
        #[arg(value_name = "PACK")]
        pack: String,
    },
    /// For who runs an index of packs: make a key, an index, a signature
    #[command(subcommand)]
    Index(Issue),
}

/// How packs are changed.
#[derive(Args, Debug)]
pub struct How {
    /// Also when devices would fail by it
    #[arg(long)]
    force: bool,
    /// Only tell what would change
    #[arg(long)]
    dry_run: bool,
    /// Show what changes in the files of devices
    #[arg(long)]
    diff: bool,
    #[command(flatten)]
    waiting: Waiting,
}

/// Running an index.
#[derive(Subcommand, Debug)]
pub enum Issue {
    /// Make a key that signs; prints the public key for packs.index_key
    Keygen {
        /// The file of the secret key; it must not exist
        #[arg(value_name = "FILE")]
        key: PathBuf,
    },
    /// Make index.json of the archives and packs of a folder, and sign it
    Build {
        /// A folder of archives (tar.gz, zip) and of packs' folders
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// The file of the secret key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// How long the index holds
        #[arg(long, value_name = "DAYS", default_value_t = 90)]
        days: u32,
    },
    /// Sign an index: writes FILE.sig
    Sign {
        /// The index
        #[arg(value_name = "FILE")]
        index: PathBuf,
        /// The file of the secret key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

impl Shelf {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        match self {
            Self::List { connection, installable, all, .. } => list(out, &connection, installable, all).await,
            Self::Show { connection, pack } => show(out, &connection, &pack).await,
            Self::Install { connection, pack, how } => install(out, &connection, &pack, &how).await,
            Self::Upgrade { connection, pack, how, .. } => upgrade(out, &connection, pack, &how).await,
            Self::Uninstall { connection, packs, force, trial } => uninstall(out, &connection, &packs, force, trial).await,
            Self::Models { connection, pack } => {
                let columns = ["name", "accounts", "aliases"];
                table(out, &connection, &["packs", &pack, "models"], &columns, "It knows no models.").await
            }
            Self::Files { connection, pack } => {
                let columns = ["name", "path", "kind", "source", "credentials"];
                table(out, &connection, &["packs", &pack, "files"], &columns, "It has no files.").await
            }
            Self::Index(issue) => issue.run(out),
        }
    }
}

async fn table(out: &mut Output<'_>, connection: &Connection, of: &[&str], columns: &[&str], none: &str) -> Outcome {
    out.json = connection.json;
    let list = Client::new(connection)?.get(of, &[]).await?;
    if out.as_json(&list)? { Ok(()) } else { out.table(columns, crate::output::rows(&list, columns), none) }
}

async fn list(out: &mut Output<'_>, connection: &Connection, installable: bool, all: bool) -> Outcome {
    out.json = connection.json;
    let client = Client::new(connection)?;
    if installable {
        let list = client.get(&["packs", "installable"], &[("all", all.then(|| "true".to_owned()))]).await?;
        if out.as_json(&list)? {
            return Ok(());
        }
        let row = |p: &Value| {
            let newer = if member(p, "newer") == "true" { "newer" } else { "" };
            vec![member(p, "id"), member(p, "version"), member(p, "present"), newer.to_owned(), member(p, "status"), member(p, "name")]
        };
        let rows = items(&list).iter().map(row).collect();
        return out.table(&["pack", "version", "here", "", "status", "name"], rows, "The index offers nothing.");
    }
    let list = client.list(&["packs"], &[], 10_000).await?;
    if out.as_json(&list)? {
        return Ok(());
    }
    let row = |p: &Value| {
        let serving = if member(p, "serving") == "true" { "serves" } else { "pinned only" };
        let marks = if member(p, "status") == "eol" { format!("{serving}, eol") } else { serving.to_owned() };
        vec![member(p, "id"), member(p, "version"), marks, member(p, "source"), member(p, "models"), member(p, "devices")]
    };
    let rows = items(&list).iter().map(row).collect();
    out.table(&["pack", "version", "state", "source", "models", "devices"], rows, "There are no packs.")
}

async fn show(out: &mut Output<'_>, connection: &Connection, pack: &str) -> Outcome {
    out.json = connection.json;
    let client = Client::new(connection)?;
    let shown = client.get(&["packs", pack], &[]).await?;
    if out.as_json(&shown)? {
        return Ok(());
    }
    out.now = client.now();
    let serves = if member(&shown, "serving") == "true" { "all its devices" } else { "only devices that are pinned to it" };
    let installed = Some(member(&shown, "installed_at")).filter(|t| !t.is_empty()).map(|t| out.when(&t)).unwrap_or_default();
    let by = Some(member(&shown, "installed_by")).filter(|label| !label.is_empty()).map(|label| format!("who has token {label:?}"));
    out.fields(&[
        ("pack", member(&shown, "id")),
        ("version", member(&shown, "version")),
        ("name", member(&shown, "name")),
        ("family", member(&shown, "vendor")),
        ("status", member(&shown, "status")),
        ("source", member(&shown, "source")),
        ("installed", installed),
        ("by", by.unwrap_or_default()),
        ("serves", serves.to_owned()),
        ("models", member(&shown, "models")),
        ("devices", member(&shown, "devices")),
        ("overrides", member(&shown, "overrides")),
        ("digest", member(&shown, "digest")),
    ])
}

async fn install(out: &mut Output<'_>, connection: &Connection, pack: &str, how: &How) -> Outcome {
    out.json = connection.json;
    let client = Client::new(connection)?;
    let query = how.query();
    let path = Path::new(pack);
    let job = if path.is_dir() {
        let told = |faults: Vec<offhook_packs::PackFault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let archive = Package::of_folder(path).map_err(|faults| Failure::Failed(format!("{pack} is not right:\n{}", told(faults))))?;
        client.post_bytes(&["packs"], &query, archive).await?
    } else if path.is_file() {
        let archive = fs::read(path).map_err(|e| Failure::Failed(format!("{pack} cannot be read: {e}")))?;
        client.post_bytes(&["packs"], &query, archive).await?
    } else if pack.contains(['/', '\\']) || pack.ends_with(".gz") || pack.ends_with(".zip") {
        return Err(Failure::Usage(format!("there is no folder and no file {pack}")));
    } else {
        let (id, version) = pack.split_once('@').map_or((pack, None), |(id, version)| (id, Some(version)));
        client.post(&["packs"], &query, &json!({ "id": id, "version": version })).await?
    };
    finish(out, &client, job, how).await
}

async fn upgrade(out: &mut Output<'_>, connection: &Connection, pack: Option<String>, how: &How) -> Outcome {
    out.json = connection.json;
    let client = Client::new(connection)?;
    let packs = match pack {
        Some(pack) => vec![pack],
        None => {
            let offers = client.get(&["packs", "installable"], &[]).await?;
            let newer = |p: &&Value| member(p, "newer") == "true" && !member(p, "present").is_empty();
            items(&offers).iter().filter(newer).map(|p| member(p, "id")).collect()
        }
    };
    if packs.is_empty() && !out.json {
        return out.line("All packs are the newest that the index has.");
    }
    for pack in packs {
        let job = client.post(&["packs", &pack, "upgrade"], &how.query(), &json!({})).await?;
        finish(out, &client, job, how).await?;
    }
    Ok(())
}

async fn finish(out: &mut Output<'_>, client: &Client, job: Value, how: &How) -> Outcome {
    let Some(job) = how.waiting.follow(out, client, job).await? else { return Ok(()) };
    if out.as_json(&job)? {
        return wait::ended_well(&job);
    }
    wait::ended_well(&job)?;
    let result = job.get("result").cloned().unwrap_or_default();
    let (id, version) = (member(&result, "id"), member(&result, "version"));
    match (member(&result, "installed").as_str(), member(&result, "serving").as_str()) {
        ("true", "true") => out.line(format!("{id} {version} is installed and serves from now on."))?,
        ("true", _) => {
            out.line(format!("{id} {version} is installed beside a newer one."))?;
            out.line(format!("It serves devices that are pinned to it: offhook device set MAC --pack {id}@{version}"))?;
        }
        _ if how.dry_run => out.line(format!("{id} {version} would be installed."))?,
        _ => return out.line(format!("{id} {version} is there already.")),
    }
    told(out, &result, how.diff)?;
    stale(out, &result)
}

/// The overrides under which the pack changed, each with what shows both changes.
fn stale(out: &mut Output<'_>, result: &Value) -> Outcome {
    let overrides = result.get("stale").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if overrides.is_empty() {
        return Ok(());
    }
    out.line(format!("Under {} overrides the pack's template is another now. Look at each:", overrides.len()))?;
    for one in overrides {
        let scope = member(one, "scope");
        let of = scope.strip_prefix("tenant:").map(|t| format!(" --tenant {t}")).unwrap_or_default();
        out.line(format!("  offhook template merge {} {}{of}", member(one, "pack"), member(one, "name")))?;
    }
    Ok(())
}

/// What a check of devices saw.
pub fn told(out: &mut Output<'_>, result: &Value, diff: bool) -> Outcome {
    let count = |name: &str| result.pointer(&format!("/check/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let list = |name: &str| result.pointer(&format!("/check/{name}")).and_then(Value::as_array).cloned().unwrap_or_default();
    if count("devices") == 0 {
        return Ok(());
    }
    out.line(format!("{} devices, {} rendered, {} get something else.", count("devices"), count("rendered"), count("changed")))?;
    for fault in list("faults") {
        let place = format!("{}:{}", member(&fault, "template"), member(&fault, "line"));
        let line = out.bad(&format!("{place}: {} ({} devices)", member(&fault, "message"), member(&fault, "devices")));
        out.line(line)?;
    }
    for change in list("changes") {
        out.line(format!("  {}: {} devices, as {}", member(&change, "file"), member(&change, "devices"), member(&change, "examples")))?;
        if diff {
            let text = change.get("diff").and_then(Value::as_str).unwrap_or_default();
            text.lines().try_for_each(|l| out.line(format!("    {}", crate::output::safe(l))))?;
        }
    }
    Ok(())
}

impl How {
    fn query(&self) -> [(&'static str, Option<String>); 2] {
        let yes = |flag: bool| flag.then(|| "true".to_owned());
        [("force", yes(self.force)), ("dry_run", yes(self.dry_run))]
    }
}

async fn uninstall(out: &mut Output<'_>, connection: &Connection, packs: &[String], force: bool, trial: Trial) -> Outcome {
    out.json = connection.json;
    let client = Client::new(connection)?;
    trial.begin(out, &client);
    for pack in packs {
        client.delete(&["packs", pack], &[("force", force.then(|| "true".to_owned()))]).await?;
        out.done(pack, "taken away; overrides of its templates stay")?;
    }
    out.as_json(&json!({ "deleted": packs })).map(drop)
}

impl Issue {
    fn run(self, out: &mut Output<'_>) -> Outcome {
        match self {
            Self::Keygen { key } => {
                let made = SigningKey::generate().map_err(Failure::Failed)?;
                write_secret(&key, &made.text())?;
                out.line(made.public())
            }
            Self::Build { folder, key, days } => build(out, &folder, &read_key(&key)?, days),
            Self::Sign { index, key } => {
                let bytes = fs::read(&index).map_err(|e| Failure::Failed(format!("{} cannot be read: {e}", index.display())))?;
                sign(out, &index, &bytes, &read_key(&key)?)
            }
        }
    }
}

fn write_secret(file: &Path, text: &str) -> Outcome {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let made = fs::File::options().write(true).create_new(true).mode(0o600).open(file);
    let written = made.and_then(|mut f| writeln!(f, "{text}"));
    written.map_err(|e| Failure::Failed(format!("{} cannot be written: {e}", file.display())))
}

fn read_key(file: &Path) -> Outcome<SigningKey> {
    let text = fs::read_to_string(file).map_err(|e| e.to_string());
    text.and_then(|t| SigningKey::parse(&t)).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))
}

fn sign(out: &mut Output<'_>, index: &Path, bytes: &[u8], key: &SigningKey) -> Outcome {
    let file = PathBuf::from(format!("{}.sig", index.display()));
    fs::write(&file, format!("{}\n", key.sign(bytes)))
        .map_err(|e| Failure::Failed(format!("{} cannot be written: {e}", file.display())))?;
    out.line(format!("{} is written; servers need packs.index_key = {:?}", file.display(), key.public()))
}

fn build(out: &mut Output<'_>, folder: &Path, key: &SigningKey, days: u32) -> Outcome {
    let cannot = |e: std::io::Error| Failure::Failed(format!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).map_err(cannot)?.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    for dir in paths.clone().into_iter().filter(|p| p.join("vendor.toml").is_file()) {
        let archive =
            Package::of_folder(&dir).map_err(|f| Failure::Failed(f.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
        let package = read(&dir, &archive)?;
        let file = folder.join(format!("{}-{}.tar.gz", package.id(), package.version()));
        fs::write(&file, archive).map_err(cannot)?;
        if !paths.contains(&file) {
            paths.push(file);
        }
    }
    let file = folder.join("index.json");
    let before = fs::read(&file).ok().and_then(|b| serde_json::from_slice::<Index>(&b).ok());
    let (serial, firmware) = before.map_or((1, Vec::new()), |b| (b.serial.saturating_add(1), b.firmware));
    let firmware = listed_firmware(folder)?.unwrap_or(firmware);
    // Firmware may lie beside the packs.
    let is_firmware = |p: &Path| firmware.iter().any(|f| p.file_name().is_some_and(|n| n.to_str() == f.get("url").and_then(Value::as_str)));
    let is_archive = |p: &&PathBuf| p.to_str().is_some_and(|n| n.ends_with(".tar.gz") || n.ends_with(".zip") || n.ends_with(".tgz"));
    let mut packs = Vec::new();
    for file in paths.iter().filter(is_archive).filter(|p| !is_firmware(p)) {
        let archive = fs::read(file).map_err(cannot)?;
        let package = read(file, &archive)?;
        packs.push(IndexPack {
            id: package.id().to_owned(),
            version: package.version().to_owned(),
            name: package.name().to_owned(),
            status: package.status().to_owned(),
            url: file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
            size: archive.len() as u64,
            sha256: Sha256::digest(&archive).iter().map(|b| format!("{b:02x}")).collect(),
        });
    }
    let created = offhook_server::serve::SystemClock.now();
    let expires = created.plus(std::time::Duration::from_secs(u64::from(days) * 86_400));
    let index = Index { serial, created, expires, packs, firmware };
    let (_, faults) = index.firmware("https://packs.example/index.json");
    if !faults.is_empty() {
        return Err(Failure::Failed(format!("{}:\n{}", folder.display(), faults.join("\n"))));
    }
    let text = serde_json::to_string_pretty(&index).map_err(|e| Failure::Failed(e.to_string()))? + "\n";
    fs::write(&file, &text).map_err(cannot)?;
    out.line(format!(
        "{}: number {serial}, {} packs, {} in all",
        file.display(),
        index.packs.len(),
        size(index.packs.iter().map(|p| p.size).sum())
    ))?;
    sign(out, &file, text.as_bytes(), key)
}

/// The `[[firmware]]` of `firmware.toml` beside the archives, as JSON; none when there is no such file.
fn listed_firmware(folder: &Path) -> Outcome<Option<Vec<Value>>> {
    let wrong = |e: String| Failure::Failed(format!("firmware.toml: {e}"));
    let file = folder.join("firmware.toml");
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).map_err(|e| wrong(e.to_string()))?;
    let mut document: serde_json::Map<String, Value> = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    let entries = document.remove("firmware").unwrap_or_default();
    if let Some(other) = document.keys().next() {
        return Err(wrong(format!("{other} is not known; it holds [[firmware]]")));
    }
    match entries {
        Value::Array(entries) => Ok(Some(entries)),
        _ => Err(wrong("firmware must be written as [[firmware]]".to_owned())),
    }
}

fn read(from: &Path, archive: &[u8]) -> Outcome<Package> {
    let told = |faults: Vec<offhook_packs::PackFault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Package::read(archive).map_err(|faults| Failure::Failed(format!("{}:\n{}", from.display(), told(faults))))
}
