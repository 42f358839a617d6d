//! `offhook tenant`: owners of devices, accounts and profiles.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, document, history, more, nothing_to_set, put, settings_patch, site};
use crate::{
    assign::{self, Assignments, Of},
    client::{Client, Connection},
    failure::Outcome,
    output::{Output, items, member, rows},
};

/// Owners of devices, accounts and profiles
#[derive(Args, Debug)]
#[command(after_help = "\
The tenant \"default\" always exists and takes what no other claims.

Examples:
  offhook tenant add branch --network 10.20.0.0/16
  offhook tenant set branch locale.tones=FR
  offhook tenant list")]
pub struct Tenant {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List tenants
    List {
        /// Only those whose name holds this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Show a tenant and its settings
    Show {
        /// Its name
        name: String,
    },
    /// Make a tenant
    #[command(after_help = assign::HELP)]
    Add {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        trial: Trial,
    },
    /// Change a tenant
    #[command(after_help = assign::HELP)]
    Set {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete a tenant that owns nothing
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        guard: Guard,
    },
    /// What a tenant was before: every version, and what it changed
    History {
        /// Its name
        name: String,
        #[command(flatten)]
        versions: history::Versions,
    },
    /// Make a tenant what it was in an earlier version, also when it was deleted
    Restore {
        /// Its name
        name: String,
        #[command(flatten)]
        restore: history::Wanted,
    },
}

#[derive(Args, Debug)]
struct Write {
    /// Its name
    name: String,
    #[command(flatten)]
    assignments: Assignments,
    /// Unknown phones from this network become its own; may be repeated, replaces the list
    #[arg(long = "network", value_name = "NET")]
    networks: Vec<String>,
    /// Write the enforced settings, which go above those of profiles and devices
    #[arg(long)]
    enforced: bool,
}

impl Tenant {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { q, limit } => {
                let list = client.list(&["tenants"], &[("q", q)], limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                out.table(&["name", "networks"], rows(&json!(items(&list)), &["name", "networks"]), "There are no tenants.")?;
                more(out, &list)
            }
            Verb::Show { name } => show(out, &client.get(&["tenants", &name], &[]).await?),
            Verb::Add { write, trial } => {
                trial.begin(out, &client);
                let change = write.assignments.read(Of::Settings)?;
                let mut body = json!({ "name": write.name });
                put(&mut body, "networks", (!write.networks.is_empty()).then(|| write.networks.clone()));
                put(&mut body, write.layer(), (!change.is_empty()).then(|| change.document()).transpose()?);
                show(out, &client.post(&["tenants"], &[], &body).await?)
            }
            Verb::Set { write, guard } => {
                guard.begin(out, &client);
                let address = ["tenants", &write.name];
                let mut body = document();
                put(&mut body, "networks", (!write.networks.is_empty()).then(|| write.networks.clone()));
                let change = write.assignments.read(Of::Settings)?;
                put(&mut body, write.layer(), settings_patch(&client, &address, write.layer(), &change, guard).await?);
                if body == document() {
                    return Err(nothing_to_set("PATH=VALUE, --file, --clear or --network"));
                }
                show(out, &client.patch(&address, &[], &body).await?)
            }
            Verb::History { name, versions } => history::show(out, &client, &history::Thing::of("tenants", &name, None), &versions).await,
            Verb::Restore { name, restore } => history::restore(out, &client, &history::Thing::of("tenants", &name, None), &restore).await,
            Verb::Delete { name, guard } => {
                guard.begin(out, &client);
                client.delete(&["tenants", &name], &[]).await?;
                out.done(&format!("Tenant {name}"), "deleted")?;
                out.as_json(&json!({ "deleted": [name] })).map(drop)
            }
        }
    }
}

impl Write {
    fn layer(&self) -> &'static str {
        if self.enforced { "enforced" } else { "settings" }
    }
}

fn show(out: &mut Output<'_>, tenant: &Value) -> Outcome {
    if out.as_json(tenant)? {
        return Ok(());
    }
    out.fields(&[("Tenant", member(tenant, "name")), ("Networks", member(tenant, "networks"))])?;
    out.line("")?;
    site::show(out, tenant)
}
