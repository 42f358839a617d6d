//! `offhook pack new|diff|schema`: what an author of packs begins with. No server is needed, but for what phones were seen asking.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use offhook_core::{Mac, trace::Reason};
use offhook_packs::author::{self, Asked, Draft, PackDiff, Syntax};
use serde_json::Value;

use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member},
};

/// Verbs of authors.
#[derive(Subcommand, Debug)]
pub enum Author {
    /// Make a new pack that works, to be filled in; or one of what a phone asked
    New(Box<New>),
    /// Tell what differs between two packs, and what phones would get otherwise
    Diff(Diff),
    /// Print the JSON Schema of vendor.toml, models.toml or a settings file
    Schema {
        /// vendor, models or settings
        #[arg(value_parser = ["vendor", "models", "settings"])]
        of: String,
    },
}

#[derive(Args, Debug)]
#[command(after_help = "\
A draft of what an unknown phone asked lets it boot once, looks at its requests,
and writes rules and files of them. Guesses are told; nothing is installed.

Examples:
  offhook pack new acme --name \"Acme desk phones\" --oui 02:00:5E
  offhook pack new acme --from-requests --ip 10.0.0.9")]
pub struct New {
    /// The pack's id, and the folder that is made: small letters, digits, dashes
    id: String,
    /// Where the folder is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Its name for people; else the id
    #[arg(long)]
    name: Option<String>,
    /// First three bytes of its phones' MACs, such as 02:00:5E
    #[arg(long, value_name = "OUI", conflicts_with = "from_requests")]
    oui: Vec<String>,
    /// How its files are written: key-value, ini, xml, json
    #[arg(long, value_name = "SYNTAX", default_value = "key-value", value_parser = ["key-value", "ini", "xml", "json"], conflicts_with = "from_requests")]
    syntax: String,
    /// Make it of what phones asked that no pack knows
    #[arg(long)]
    from_requests: bool,
    /// With --from-requests: only from this address
    #[arg(long, value_name = "ADDRESS", requires = "from_requests")]
    ip: Option<String>,
    /// With --from-requests: only with this text in the User-Agent
    #[arg(long, value_name = "TEXT", requires = "from_requests")]
    user_agent: Option<String>,
    /// With --from-requests: look at so many of the newest requests
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "from_requests")]
    look_at: usize,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  offhook pack diff acme packs/acme
  offhook pack diff packs/acme-1 packs/acme-2 --full")]
pub struct Diff {
    /// The older one: a folder, or the id of a built-in pack
    old: String,
    /// The newer one
    new: String,
    /// Print every line and every parameter that differs
    #[arg(long)]
    full: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Author {
    /// Does it.
    pub fn run(self, out: &mut Output<'_>) -> Outcome {
        match self {
            Self::New(new) => crate::ask(new.run(out)),
            Self::Diff(diff) => diff.run(out),
            Self::Schema { of } => {
                let schema = match of.as_str() {
                    "vendor" => offhook_packs::schema::vendor(),
                    "models" => offhook_packs::schema::models(),
                    _ => offhook_core::settings::json_schema("#"),
                };
                out.json_line(&schema)
            }
        }
    }
}

impl New {
    async fn run(self, out: &mut Output<'_>) -> Outcome {
        if !author::is_pack_id(&self.id) {
            return Err(Failure::Usage(format!("{:?} is no id of a pack: allowed are small letters, digits and dashes", self.id)));
        }
        let is_oui = |oui: &str| Mac::parse(&format!("{oui}000001")).or_else(|| Mac::parse(&format!("{oui}:00:00:01"))).is_some();
        if let Some(oui) = self.oui.iter().find(|oui| !is_oui(oui)) {
            return Err(Failure::Usage(format!("{oui:?} is no OUI: write the first three bytes of a MAC as 02:00:5E")));
        }
        let folder = self.dir.join(&self.id);
        if folder.exists() {
            return Err(Failure::Failed(format!("{} is there already: choose another --dir or id", folder.display())));
        }
        let name = self.name.clone().unwrap_or_else(|| self.id.clone());
        let draft = if self.from_requests {
            let asked = self.asked().await?;
            author::draft(&self.id, &name, &asked)
        } else {
            let syntax = Syntax::ALL.iter().find(|(word, _)| *word == self.syntax).map(|(_, s)| *s).unwrap_or_default();
            author::skeleton(&self.id, &name, &self.oui, syntax)
        };
        write(&folder, &draft)?;
        tell(out, &folder, &draft)
    }

    /// What phones asked that no pack knows, each once.
    async fn asked(&self) -> Outcome<Vec<Asked>> {
        let client = Client::new(&self.connection)?;
        let list = client.list(&["requests"], &[("ip", self.ip.clone())], self.look_at).await?;
        let unknown = Reason::UnknownFile.to_string();
        let chosen = |request: &&Value| {
            let agent = member(request, "user_agent");
            let ours = self.user_agent.as_ref().is_none_or(|text| agent.to_lowercase().contains(&text.to_lowercase()));
            // A person who names the phone wants all of it, also what some pack would know.
            ours && (self.ip.is_some() || self.user_agent.is_some() || member(request, "reason") == unknown)
        };
        let asked: Vec<Asked> = items(&list).iter().filter(chosen).map(asked).filter(|a| !a.path.is_empty()).collect();
        if asked.is_empty() {
            return Err(Failure::Failed(format!(
                "none of the newest {} requests is of a phone that no pack knows\nLet the phone start once, look at `offhook requests`, and name it with --ip or --user-agent.",
                self.look_at
            )));
        }
        Ok(asked)
    }
}

fn asked(request: &Value) -> Asked {
    let text = |name: &str| request.get(name).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    Asked { path: text("path").unwrap_or_default(), user_agent: text("user_agent") }
}

fn write(folder: &Path, draft: &Draft) -> Outcome {
    for (path, text) in &draft.files {
        let file = folder.join(path);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text));
        made.map_err(|e| Failure::Failed(format!("{} cannot be written: {e}", file.display())))?;
    }
    Ok(())
}

fn tell(out: &mut Output<'_>, folder: &Path, draft: &Draft) -> Outcome {
    let shown = folder.display();
    out.line(format!("{shown} is made: {} files.", draft.files.len()))?;
    for note in &draft.notes {
        out.paragraph("  ", &format!("note: {note}"))?;
    }
    let report = offhook_packs::check_pack(folder);
    for fault in &report.faults {
        let line = out.bad(&fault.to_string());
        out.line(line)?;
    }
    out.line("Next:")?;
    out.line(format!("  edit {shown}/vendor.toml, models.toml and templates/base.tpl"))?;
    out.line(format!("  offhook pack check {shown}"))?;
    out.line(format!("  offhook pack test {shown} --bless    writes what is rendered: read it"))?;
    if report.faults.is_empty() { Ok(()) } else { Err(Failure::Failed("the draft has faults: mend them first".to_owned())) }
}

impl Diff {
    fn run(self, out: &mut Output<'_>) -> Outcome {
        let diff = author::diff(&self.old, &self.new).map_err(|faults| {
            let told = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            Failure::Failed(format!("a pack cannot be read:\n{told}"))
        })?;
        if self.json {
            return out.json_line(&serde_json::to_value(&diff).unwrap_or_default());
        }
        out.line(format!("{} -> {}", diff.packs[0], diff.packs[1]))?;
        if diff.is_empty() {
            return out.line("Nothing differs.");
        }
        self.models(out, &diff)?;
        self.files(out, &diff)?;
        self.renderings(out, &diff)
    }

    fn models(&self, out: &mut Output<'_>, diff: &PackDiff) -> Outcome {
        for (what, models) in [("models added", &diff.models_added), ("models removed", &diff.models_removed)] {
            if !models.is_empty() {
                out.paragraph("", &format!("{what}: {}", models.join(", ")))?;
            }
        }
        Ok(())
    }

    fn files(&self, out: &mut Output<'_>, diff: &PackDiff) -> Outcome {
        if diff.files.is_empty() {
            return Ok(());
        }
        out.heading("Files of the pack")?;
        for file in &diff.files {
            let lines = |sign: char| file.patch.lines().filter(|l| l.starts_with(sign)).count();
            let count = if file.patch.is_empty() { String::new() } else { format!("  -{} +{} lines", lines('-'), lines('+')) };
            out.line(format!("{:8} {}{count}", file.change, file.path))?;
            if self.full {
                for line in file.patch.lines() {
                    out.line(line)?;
                }
            }
        }
        Ok(())
    }

    fn renderings(&self, out: &mut Output<'_>, diff: &PackDiff) -> Outcome {
        out.heading("What phones would get (a device with rich settings)")?;
        if diff.renderings.is_empty() {
            return out.line("The same as before.");
        }
        let mut files: BTreeMap<&str, usize> = BTreeMap::new();
        for rendering in &diff.renderings {
            *files.entry(&rendering.file).or_default() += rendering.models.len();
        }
        for rendering in &diff.renderings {
            let shown = match rendering.models.as_slice() {
                [one] => one.clone(),
                [one, ..] if !self.full => format!("{one} and {} more", rendering.models.len() - 1),
                all => all.join(", "),
            };
            out.paragraph("", &format!("{}: {} parameters differ for {shown}", rendering.file, rendering.values.len()))?;
            let most = if self.full { usize::MAX } else { 5 };
            for value in rendering.values.iter().take(most) {
                let text = |v: &Option<String>| v.clone().unwrap_or_else(|| "(absent)".to_owned());
                out.line(format!("  {}: {} -> {}", value.parameter, text(&value.old), text(&value.new)))?;
            }
            if rendering.values.len() > most {
                out.line(format!("  and {} more; --full tells them", rendering.values.len() - most))?;
            }
        }
        Ok(())
    }
}
