//! `offhook site`: the settings below and above everything.

use clap::{Args, Subcommand};

use super::{Guard, document, history, nothing_to_set, settings_patch, settings_table};
use crate::{
    assign::{self, Assignments, Of},
    client::{Client, Connection},
    failure::Outcome,
    output::Output,
};

/// The settings of the whole site
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  offhook site show
  offhook site set time.zone=Europe/Paris time.ntp=ntp.example.com
  offhook site set --enforced access.web=off")]
pub struct Site {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Show the site's settings
    Show,
    /// Change the site's settings, which every phone has unless another layer says otherwise
    #[command(after_help = assign::HELP)]
    Set {
        #[command(flatten)]
        assignments: Assignments,
        /// Write the enforced settings, which go above every other layer
        #[arg(long)]
        enforced: bool,
        #[command(flatten)]
        guard: Guard,
    },
    /// What the site's settings were before: every version, and what it changed
    History(history::Versions),
    /// Make the site's settings what they were in an earlier version
    Restore(history::Wanted),
}

impl Site {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        let site = match self.verb {
            Verb::History(versions) => return history::show(out, &client, &history::Thing::site(), &versions).await,
            Verb::Restore(restore) => return history::restore(out, &client, &history::Thing::site(), &restore).await,
            Verb::Show => client.get(&["site"], &[]).await?,
            Verb::Set { assignments, enforced, guard } => {
                guard.begin(out, &client);
                let name = if enforced { "enforced" } else { "settings" };
                let patch = settings_patch(&client, &["site"], name, &assignments.read(Of::Settings)?, guard).await?;
                let patch = patch.ok_or_else(|| nothing_to_set("PATH=VALUE, --file or --clear"))?;
                let mut body = document();
                body[name] = patch;
                client.patch(&["site"], &[], &body).await?
            }
        };
        show(out, &site)
    }
}

/// Settings and enforced settings.
pub(super) fn show(out: &mut Output<'_>, value: &serde_json::Value) -> Outcome {
    if out.as_json(value)? {
        return Ok(());
    }
    let part = |name: &str| value.get(name).cloned().unwrap_or_default();
    let none = serde_json::json!({});
    settings_table(out, &part("settings"), "Nothing is set.")?;
    if part("enforced").is_object() && part("enforced") != none {
        out.heading("Enforced, above every other layer")?;
        settings_table(out, &part("enforced"), "")?;
    }
    Ok(())
}
