//! `offhook import macs` and `offhook device import`: devices from lists and tables.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::{Trial, job::errors};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member},
    wait::{self, Waiting},
};

/// Devices from lists that are made elsewhere
#[derive(Args, Debug)]
pub struct Import {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Make a device of each MAC address of a list
    #[command(after_help = "\
One MAC address a line, in any spelling; model, label and profile may follow:

  # second floor
  00:15:65:aa:bb:cc
  001565AABBCD,T46S,\"Hall, left\",reception

What is there stays as it is: the same list may be imported again.")]
    Macs {
        /// The list
        file: PathBuf,
        /// The tenant that they belong to
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        #[command(flatten)]
        trial: Trial,
    },
}

impl Import {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.what {
            What::Macs { file, tenant, trial } => {
                trial.begin(out, &client);
                let answer = client.post_file(&["import", "macs"], &[("tenant", tenant)], &file, "text/plain").await?;
                if !out.as_json(&answer)? {
                    macs(out, &answer)?;
                }
                let count = |name: &str| answer.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
                match count("bad") + count("unknown_vendor") {
                    0 => Ok(()),
                    n => Err(Failure::Failed(format!("{n} lines gave no device; see above what to write"))),
                }
            }
        }
    }
}

fn macs(out: &mut Output<'_>, answer: &Value) -> Outcome {
    let rows = items(answer).iter().filter(|line| !["exists"].contains(&member(line, "outcome").as_str())).map(|line| {
        let outcome = member(line, "outcome").replace('_', " ");
        let says = match member(line, "message") {
            message if message.is_empty() => [member(line, "model"), member(line, "label")].join(" ").trim().to_owned(),
            message => message,
        };
        vec![member(line, "line"), member(line, "mac"), outcome, says]
    });
    let rows = rows.collect();
    out.table(&["line", "mac", "outcome", ""], rows, "Nothing new: every line is a device already.")?;
    let models = answer.get("models").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !models.is_empty() {
        let names: Vec<&str> = models.iter().filter_map(Value::as_str).collect();
        out.heading("Models to choose from")?;
        out.paragraph("  ", &names.join(", "))?;
    }
    let counts = answer.get("counts").and_then(Value::as_object).cloned().unwrap_or_default();
    let told: Vec<String> =
        counts.iter().filter(|(_, n)| n.as_u64() != Some(0)).map(|(name, n)| format!("{n} {}", name.replace('_', " "))).collect();
    let end = if out.dry { "; nothing is made" } else { "" };
    out.line(format!("{}{end}.", if told.is_empty() { "no lines".to_owned() } else { told.join(", ") }))
}

/// A table or documents of devices.
#[derive(Args, Debug)]
#[command(after_help = "\
A table has a row of column names: mac, model, label, location, tags, profiles,
tenant, state, pack, vendor, serial, uuid, firmware, and any setting by its path:

  mac,model,label,lines.1.account,lines.1.local_port
  00:15:65:aa:bb:cc,T46S,Front desk,1001,5062

Or one JSON document a line (.ndjson, .jsonl), as `offhook device show --json`
shows a device.")]
pub struct Devices {
    /// The file
    file: PathBuf,
    /// What becomes of devices that are there already
    #[arg(long, value_enum, default_value = "create")]
    mode: Mode,
    /// What the file is [default: by its name]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    waiting: Waiting,
}

/// What becomes of devices that are there already.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// They stay as they are
    Create,
    /// What the file says of them is changed
    Upsert,
}

/// What a file is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table
    Csv,
    /// One JSON document a line
    Ndjson,
}

impl Format {
    fn of(file: &Path) -> Outcome<Self> {
        match file.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv" | "txt") => Ok(Self::Csv),
            Some("ndjson" | "jsonl" | "json") => Ok(Self::Ndjson),
            _ => Err(Failure::Usage(format!("what is {}? Say --format csv or --format ndjson", file.display()))),
        }
    }

    fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

impl Devices {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        self.trial.begin(out, client);
        let format = self.format.map_or_else(|| Format::of(&self.file), Ok)?;
        let mode = match self.mode {
            Mode::Create => "create",
            Mode::Upsert => "upsert",
        };
        let query = [("mode", Some(mode.to_owned()))];
        let job = client.post_file(&["devices:import"], &query, &self.file, format.media()).await?;
        let Some(job) = self.waiting.follow(out, client, job).await? else { return Ok(()) };
        let count = |name: &str| job.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
        if !out.as_json(&job)? {
            errors(out, &job)?;
            let (created, changed, exists) = (count("created"), count("changed"), count("exists"));
            let end = if out.dry { "; nothing is written" } else { "" };
            out.line(format!("{created} created, {changed} changed, {exists} stay as they are{end}."))?;
        }
        wait::ended_well(&job)?;
        match count("failed") {
            0 => Ok(()),
            n => Err(Failure::Failed(format!("{n} lines failed; see above why"))),
        }
    }
}
