//! `offhook account`: SIP identities that lines refer to.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, document, history, more, none, nothing_to_set, put, settings_table};
use crate::{
    assign::{Assignments, Of},
    client::{Client, Connection, Query},
    failure::Outcome,
    output::{Output, items, member},
};

/// SIP identities that lines refer to, so that a password is kept once
#[derive(Args, Debug)]
#[command(after_help = "\
A line takes an account by name: offhook device set MAC lines.1.account=1001

Examples:
  offhook account add 1001 display_name=\"Front desk\" password=- < secret.txt
  offhook account set 1001 'servers=[{\"host\":\"pbx.example.com\"}]'
  offhook account list --unassigned")]
pub struct Account {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List accounts
    List {
        /// Only those that no line names
        #[arg(long)]
        unassigned: bool,
        /// Only those whose name or number holds this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Only those of a tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Show an account
    Show {
        #[command(flatten)]
        which: Which,
        /// Show its secrets too, as the SIP server needs them
        #[arg(long)]
        reveal: bool,
    },
    /// Make an account; its name is its SIP user name unless `username` is set
    #[command(after_help = HELP)]
    Add {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        trial: Trial,
    },
    /// Change an account; every phone with a line of it gets the change
    #[command(after_help = HELP)]
    Set {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete an account that no line names
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        guard: Guard,
    },
    /// What an account was before: every version, and what it changed
    History {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        versions: history::Versions,
    },
    /// Make an account what it was in an earlier version, also when it was deleted
    Restore {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        restore: history::Wanted,
    },
}

const HELP: &str = "\
Values are those of a line, without lines.N in front:
  username auth_username password display_name number domain servers codecs …
  password=generate    made here; offhook account show NAME --reveal tells it
  password=-           from standard input: not seen in the shell's history
  password=@FILE       the text of a file
  number=null          takes the value away";

#[derive(Args, Debug)]
struct Which {
    /// Its name or id
    name: String,
    /// The tenant it belongs to [default: default]
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

#[derive(Args, Debug)]
struct Write {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    assignments: Assignments,
    /// Several lines may use it
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    shared: Option<bool>,
    /// The code that a person types on a phone to claim it
    #[arg(long)]
    code: Option<String>,
}

impl Account {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { unassigned, q, tenant, limit } => {
                let query: Query<'_> = &[("unassigned", unassigned.then(|| "true".to_owned())), ("q", q), ("tenant", tenant)];
                let list = client.list(&["accounts"], query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let row = |a| {
                    let shared = if member(a, "shared") == "true" { "shared" } else { "" };
                    vec![
                        member(a, "name"),
                        member(a, "number"),
                        member(a, "display_name"),
                        server(a),
                        shared.to_owned(),
                        member(a, "tenant"),
                    ]
                };
                let rows = items(&list).iter().map(row).collect();
                let said = if unassigned {
                    "Every account is used by a line."
                } else {
                    none(query, "There are no accounts. Make one: offhook account add NAME password=-")
                };
                out.table(&["name", "number", "display name", "server", "", "tenant"], rows, said)?;
                more(out, &list)
            }
            Verb::Show { which, reveal } => {
                let query: Query<'_> = &[("tenant", which.tenant.clone()), ("reveal", reveal.then(|| "true".to_owned()))];
                show(out, &client.get(&["accounts", &which.name], query).await?)
            }
            Verb::Add { write, trial } => {
                trial.begin(out, &client);
                let mut body = write.assignments.read(Of::Account)?.document()?;
                body["name"] = json!(write.which.name);
                put(&mut body, "tenant", write.which.tenant.clone());
                write.put_own(&mut body);
                show(out, &client.post(&["accounts"], &[], &body).await?)
            }
            Verb::Set { write, guard } => {
                guard.begin(out, &client);
                let (address, query) = (["accounts", write.which.name.as_str()], [("tenant", write.which.tenant.clone())]);
                let change = write.assignments.read(Of::Account)?;
                let current = if change.needs_current() { client.get(&address, &query).await? } else { document() };
                guard.read(&client, &current);
                let mut body = change.patch(&current)?;
                write.put_own(&mut body);
                if body == document() {
                    return Err(nothing_to_set("NAME=VALUE, --file, --clear, --shared or --code"));
                }
                show(out, &client.patch(&address, &query, &body).await?)
            }
            Verb::History { which, versions } => {
                let thing = history::Thing::of("accounts", &which.name, which.tenant.as_deref());
                history::show(out, &client, &thing, &versions).await
            }
            Verb::Restore { which, restore } => {
                let thing = history::Thing::of("accounts", &which.name, which.tenant.as_deref());
                history::restore(out, &client, &thing, &restore).await
            }
            Verb::Delete { which, guard } => {
                guard.begin(out, &client);
                client.delete(&["accounts", &which.name], &[("tenant", which.tenant.clone())]).await?;
                out.done(&format!("Account {}", which.name), "deleted")?;
                out.as_json(&json!({ "deleted": [which.name] })).map(drop)
            }
        }
    }
}

impl Write {
    fn put_own(&self, body: &mut Value) {
        put(body, "shared", self.shared);
        put(body, "code", self.code.clone());
    }
}

fn server(account: &Value) -> String {
    let first = account.get("servers").and_then(|s| s.get(0));
    first.map(|s| member(s, "host")).unwrap_or_default()
}

fn show(out: &mut Output<'_>, account: &Value) -> Outcome {
    if out.as_json(account)? {
        return Ok(());
    }
    out.fields(&[
        ("Account", member(account, "name")),
        ("Tenant", member(account, "tenant")),
        ("Shared", if member(account, "shared") == "true" { "several lines may use it".to_owned() } else { String::new() }),
        ("Code", member(account, "code")),
    ])?;
    out.line("")?;
    let mut values = account.clone();
    if let Some(map) = values.as_object_mut() {
        for own in ["id", "name", "tenant", "shared", "code", "revision", "created_at", "updated_at"] {
            map.shift_remove(own);
        }
    }
    settings_table(out, &values, "It has no values.")
}
