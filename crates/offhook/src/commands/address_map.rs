//! `offhook address-map`: names in place of addresses.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, more, none, owner, put};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member},
};

/// Names that stand in files in place of addresses
#[derive(Args, Debug)]
#[command(after_help = "\
Settings and templates may name an address that stands for a server; phones get
the name, and when the server moves only its DNS record changes. A tenant's map
goes before the one for all. Every file has the name from its next fetch on.

Examples:
  offhook address-map add 192.0.2.1 pbx.example.com
  offhook address-map add 192.0.2.1 sip.branch.example --tenant branch
  offhook address-map set 192.0.2.1 pbx2.example.com --dry-run")]
pub struct AddressMap {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List address maps
    List {
        /// Only those whose address or name holds this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Only those of a tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Show an address map and how many devices it concerns
    Show(Which),
    /// Give an address a name
    Add {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        trial: Trial,
    },
    /// Give an address another name
    Set {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete an address map: files name the address itself again
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        guard: Guard,
    },
}

#[derive(Args, Debug)]
struct Which {
    /// The address, or the id of the map
    address: String,
    /// The tenant it is for; without one it is for all
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

impl Which {
    fn query(&self) -> [(&'static str, Option<String>); 1] {
        [("tenant", self.tenant.clone())]
    }
}

#[derive(Args, Debug)]
struct Write {
    #[command(flatten)]
    which: Which,
    /// The host name that takes its place
    name: String,
}

impl AddressMap {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { q, tenant, limit } => {
                let query = [("q", q), ("tenant", tenant)];
                let list = client.list(&["address-maps"], &query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let rows = items(&list).iter().map(|m| vec![member(m, "address"), member(m, "name"), owner(m)]).collect();
                let said = none(&query, "No address has a name. Give one: offhook address-map add ADDRESS NAME");
                out.table(&["address", "name", "tenant"], rows, said)?;
                more(out, &list)
            }
            Verb::Show(which) => show(out, &client.get(&["address-maps", &which.address], &which.query()).await?),
            Verb::Add { write, trial } => {
                trial.begin(out, &client);
                let mut body = json!({ "address": write.which.address, "name": write.name });
                put(&mut body, "tenant", write.which.tenant.clone());
                show(out, &client.post(&["address-maps"], &[], &body).await?)
            }
            Verb::Set { write, guard } => {
                guard.begin(out, &client);
                let address = ["address-maps", write.which.address.as_str()];
                if write.name.is_empty() {
                    return Err(Failure::Usage("nothing to set: give a host name".to_owned()));
                }
                show(out, &client.patch(&address, &write.which.query(), &json!({ "name": write.name })).await?)
            }
            Verb::Delete { which, guard } => {
                guard.begin(out, &client);
                let address = ["address-maps", which.address.as_str()];
                let map = client.get(&address, &which.query()).await?;
                client.delete(&["address-maps", &member(&map, "id")], &[]).await?;
                if out.as_json(&json!({ "deleted": [member(&map, "address")], "devices": map.get("devices") }))? {
                    return Ok(());
                }
                out.done(&format!("The address map for {}", member(&map, "address")), "deleted")?;
                out.line(format!("It concerns {}.", devices(&map)))
            }
        }
    }
}

fn devices(map: &Value) -> String {
    match member(map, "devices").as_str() {
        "1" => "1 device".to_owned(),
        n => format!("{n} devices"),
    }
}

fn show(out: &mut Output<'_>, map: &Value) -> Outcome {
    if out.as_json(map)? {
        return Ok(());
    }
    out.fields(&[("Address", member(map, "address")), ("Name", member(map, "name")), ("Tenant", owner(map)), ("Concerns", devices(map))])
}
