//! `offhook tenant`: owners of devices, accounts and profiles.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{at_least_one, document, more, put, settings_patch, site};
use crate::{
    assign::{self, Assignments, Of},
    client::{Client, Connection},
    failure::{Failure, Outcome},
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
    Add(Write),
    /// Change a tenant
    #[command(after_help = assign::HELP)]
    Set(Write),
    /// Delete a tenant that owns nothing
    Delete {
        /// Its name
        name: String,
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
            Verb::List { limit } => {
                let list = client.list(&["tenants"], &[], limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                out.table(&["name", "networks"], rows(&json!(items(&list)), &["name", "networks"]), "There are no tenants.")?;
                more(out, &list)
            }
            Verb::Show { name } => show(out, &client.get(&["tenants", &name], &[]).await?),
            Verb::Add(write) => {
                let change = write.assignments.read(Of::Settings)?;
                let mut body = json!({ "name": write.name });
                put(&mut body, "networks", (!write.networks.is_empty()).then(|| write.networks.clone()));
                put(&mut body, write.layer(), (!change.is_empty()).then(|| change.document()).transpose()?);
                show(out, &client.post(&["tenants"], &[], &body).await?)
            }
            Verb::Set(write) => {
                let address = ["tenants", &write.name];
                let mut body = document();
                put(&mut body, "networks", (!write.networks.is_empty()).then(|| write.networks.clone()));
                let change = write.assignments.read(Of::Settings)?;
                put(&mut body, write.layer(), settings_patch(&client, &address, write.layer(), &change).await?);
                if body == document() {
                    return Err(Failure::Usage("nothing to set: give PATH=VALUE, --file, --clear or --network".to_owned()));
                }
                show(out, &client.patch(&address, &[], &body).await?)
            }
            Verb::Delete { name } => {
                client.delete(&["tenants", &name], &[]).await?;
                if out.as_json(&json!({ "deleted": name }))? { Ok(()) } else { out.line(format!("Tenant {name} is deleted.")) }
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
