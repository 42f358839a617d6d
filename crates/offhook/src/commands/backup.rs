//! `offhook backup`, `offhook restore`, `offhook store`: saving everything, putting it back, moving it to another database.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use futures_util::StreamExt;
use offhook_server::{
    config::Sources,
    offline::{self, Whole},
};
use serde_json::json;

use super::config::Given;
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, size},
    wait,
};

/// Without a server.
#[derive(Args, Debug, Clone, Default)]
pub struct Offline {
    /// Work on the data folder itself; no server may run on it
    #[arg(long)]
    offline: bool,
    /// With --offline: the configuration that says where everything is
    #[arg(long, value_name = "FILE", requires = "offline")]
    config: Option<PathBuf>,
}

fn sources(connection: &Connection, config: Option<PathBuf>) -> Sources {
    Given { config, data_dir: connection.data_dir.clone(), roles: Vec::new() }.sources()
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Draws how far it is, on a terminal.
fn draw(line: String) {
    if io::stderr().is_terminal() {
        let _ = wait::draw(&line);
    }
}

/// Save everything in one file
#[derive(Args, Debug)]
#[command(after_help = "\
The file holds every table and stored file as of one moment; a running server
goes on meanwhile. Secrets in it are sealed with the server's key: keep
secret.key apart from it, or take --with-key and keep the file like a key.
Only its owner may read the file.

Examples:
  offhook backup offhook-monday.tar.gz
  offhook backup --with-key /mnt/safe/offhook.tar.gz
  offhook backup --offline --data-dir /var/lib/offhook offhook.tar.gz")]
pub struct Backup {
    #[command(flatten)]
    connection: Connection,
    /// The file to write; it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put the key in too: whoever has the file can read every password
    #[arg(long)]
    with_key: bool,
    #[command(flatten)]
    offline: Offline,
}

impl Backup {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let mut bytes = 0;
        if self.offline.offline {
            let sources = sources(&self.connection, self.offline.config);
            offline::backup(&sources, &self.file, self.with_key, |n| {
                bytes = n;
                draw(format!("{} saved", size(n)));
            })
            .await
            .map_err(failed)?;
        } else {
            let mut file = Whole::begin(&self.file).map_err(failed)?;
            let client = Client::new(&self.connection)?;
            let query = [("with_key", self.with_key.then(|| "true".to_owned()))];
            let mut pieces = client.stream(&["backup"], &query, None).await?.bytes_stream();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|_| failed("the server broke off: its log says why. Nothing was kept"))?;
                file.write(&piece).map_err(failed)?;
                bytes += piece.len() as u64;
                draw(format!("{} saved", size(bytes)));
            }
            file.finish().map_err(failed)?;
        }
        draw(String::new());
        if out.as_json(&json!({ "file": self.file, "bytes": bytes, "with_key": self.with_key }))? {
            return Ok(());
        }
        out.line(format!("{}: {}.", self.file.display(), size(bytes)))?;
        out.line(if self.with_key {
            "It holds the key: whoever can read it can read every password."
        } else {
            "Its secrets open with the server's key only: keep secret.key too, elsewhere."
        })
    }
}

/// Put a backup in the place of everything that is stored
#[derive(Args, Debug)]
#[command(after_help = "\
The file is looked at as a whole first. Then everything is replaced at once:
phones get all of before or all of the backup. Tokens are those of the backup,
and the one that asks. A backup of another key is restored with --offline into
a new data folder.

Examples:
  offhook restore --dry-run offhook.tar.gz
  offhook restore --yes offhook.tar.gz
  offhook restore --yes --offline --data-dir /var/lib/new offhook.tar.gz")]
pub struct Restore {
    #[command(flatten)]
    connection: Connection,
    /// A file that `offhook backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Yes, replace everything that is stored
    #[arg(long)]
    yes: bool,
    /// Only look at the file
    #[arg(long, conflicts_with_all = ["yes", "offline"])]
    dry_run: bool,
    #[command(flatten)]
    offline: Offline,
}

impl Restore {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        if !self.yes && !self.dry_run {
            return Err(Failure::Usage(
                "this replaces every device, account and setting by those of the file: say --yes if it is to be done, or --dry-run to look at the file".into(),
            ));
        }
        if self.offline.offline {
            let sources = sources(&self.connection, self.offline.config);
            let manifest = offline::restore(&sources, &self.file, |rows| draw(format!("{rows} rows"))).await.map_err(failed)?;
            draw(String::new());
            let rows: u64 = manifest.tables.values().map(|t| t.rows).sum();
            if out.as_json(&json!({ "created_at": manifest.created_at, "rows": rows }))? {
                return Ok(());
            }
            return out.line(format!("Everything is as it was at {}: {rows} rows.", manifest.created_at));
        }
        let client = Client::new(&self.connection)?;
        let query = [("dry_run", self.dry_run.then(|| "true".to_owned()))];
        let answer = client.upload(&["restore"], &query, &self.file).await?;
        if self.dry_run {
            if out.as_json(&answer)? {
                return Ok(());
            }
            let text = |name: &str| crate::output::member(&answer, name);
            let fields = [
                ("made at", text("created_at")),
                ("by", text("program")),
                ("rows", text("rows")),
                (
                    "files",
                    format!(
                        "{}, {}",
                        text("files"),
                        size(answer.get("file_bytes").and_then(serde_json::Value::as_u64).unwrap_or_default())
                    ),
                ),
                ("with key", text("with_key")),
            ];
            out.fields(&fields)?;
            return out.line("It is whole and can be restored here.");
        }
        let job = wait::until_the_end(&client, answer).await?;
        wait::ended_well(&job)?;
        if out.as_json(&job)? {
            return Ok(());
        }
        out.line("Everything is as it was when the backup was made. Phones have it at their next fetch.")
    }
}

/// The database that everything is kept in
#[derive(Args, Debug)]
pub struct Store {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Copy everything to another, empty database, and compare both
    ///
    /// The server must be stopped. The old database is left as it is.
    #[command(after_help = "\
Examples:
  offhook store migrate --to postgres://offhook:PASSWORD@db.example/offhook
  offhook store migrate --config /etc/offhook/offhook.toml --to sqlite:new.db")]
    Migrate {
        /// postgres://USER:PASSWORD@HOST/DATABASE, or sqlite:FILE
        #[arg(long, value_name = "URL", env = "OFFHOOK_MIGRATE_TO", hide_env = true, hide_env_values = true)]
        to: String,
        /// The configuration that says what is in use now
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

impl Store {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let Verb::Migrate { to, config } = self.verb;
        let sources = sources(&self.connection, config);
        let moved = offline::migrate(&sources, &to, |rows| draw(format!("{rows} rows"))).await.map_err(failed)?;
        draw(String::new());
        if out.as_json(&json!({ "to": moved.to, "tables": moved.tables }))? {
            return Ok(());
        }
        let rows = moved.tables.iter().map(|(name, sum)| vec![name.clone(), sum.rows.to_string(), sum.sha256.chars().take(16).collect()]);
        out.table(&["table", "rows", "sum of both"], rows.collect(), "")?;
        out.line("")?;
        out.paragraph("", &format!("Everything is in {}, and is the same there. Use it by this line under [store] of the configuration (with its password), or by OFFHOOK_STORE__URL:", moved.to))?;
        out.line("")?;
        out.line(format!("  url = {:?}", without_password(&to)))
    }
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    match reqwest::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _ = parsed.set_password(Some("PASSWORD"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}
