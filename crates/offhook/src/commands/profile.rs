//! `offhook profile`: settings that many devices share.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, document, history, more, none, nothing_to_set, owner, put, settings_table};
use crate::{
    assign::{self, Assignments, Of, Unset},
    client::{Client, Connection},
    failure::Outcome,
    output::{Output, items, member},
};

/// Settings that many devices share
#[derive(Args, Debug)]
#[command(after_help = "\
A profile is assigned to devices by name (offhook device set MAC --profile NAME),
or applies by itself to the family, model or firmware it matches.

Examples:
  offhook profile add reception display.text=\"Front desk\" --parent office
  offhook profile set office time.zone=Europe/Paris --file office.toml
  offhook profile add all-t46s --match-model T46S lines.1.codecs=pcma,g722")]
pub struct Profile {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List profiles
    List {
        /// Only those whose name or label holds this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Only those of a tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Show a profile and its settings
    Show(Which),
    /// Make a profile
    #[command(after_help = assign::HELP)]
    Add {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        trial: Trial,
    },
    /// Change a profile; every device that has it gets the change at its next fetch
    #[command(after_help = assign::HELP)]
    Set {
        #[command(flatten)]
        write: Write,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete a profile that nothing uses
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        guard: Guard,
    },
    /// What a profile was before: every version, and what it changed
    History {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        versions: history::Versions,
    },
    /// Make a profile what it was in an earlier version, also when it was deleted
    Restore {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        restore: history::Wanted,
    },
}

#[derive(Args, Debug)]
struct Which {
    /// Its name or id
    name: String,
    /// The tenant it belongs to; without one it is for all
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

#[derive(Args, Debug)]
struct Write {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    assignments: Assignments,
    #[command(flatten)]
    unset: Unset,
    /// For people
    #[arg(long)]
    label: Option<String>,
    /// A profile that comes before it; may be repeated, replaces the list
    #[arg(long = "parent", value_name = "NAME")]
    parents: Vec<String>,
    /// Apply by itself to devices of this pack
    #[arg(long, value_name = "PACK")]
    match_pack: Option<String>,
    /// Apply by itself to this family
    #[arg(long, value_name = "VENDOR")]
    match_vendor: Option<String>,
    /// Apply by itself to this model
    #[arg(long, value_name = "MODEL")]
    match_model: Option<String>,
    /// Apply by itself to this firmware, such as 66.86.0.0-66.87
    #[arg(long, value_name = "RANGE")]
    match_firmware: Option<String>,
}

impl Write {
    /// Everything but name, tenant, settings and unset.
    fn body(&self) -> Value {
        let mut body = document();
        put(&mut body, "label", self.label.clone());
        put(&mut body, "parents", (!self.parents.is_empty()).then(|| self.parents.clone()));
        let mut matches = document();
        put(&mut matches, "pack", self.match_pack.clone());
        put(&mut matches, "vendor", self.match_vendor.clone());
        put(&mut matches, "model", self.match_model.clone());
        put(&mut matches, "firmware", self.match_firmware.clone());
        put(&mut body, "match", Some(matches).filter(|m| *m != document()));
        body
    }
}

fn of_tenant(which: &Which) -> [(&'static str, Option<String>); 1] {
    [("tenant", which.tenant.clone())]
}

impl Profile {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { q, tenant, limit } => {
                let query = [("q", q), ("tenant", tenant)];
                let list = client.list(&["profiles"], &query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let row = |p| vec![member(p, "name"), owner(p), member(p, "parents"), matches(p), member(p, "label")];
                let rows = items(&list).iter().map(row).collect();
                out.table(
                    &["name", "tenant", "parents", "matches", "label"],
                    rows,
                    none(&query, "There are no profiles. Make one: offhook profile add NAME PATH=VALUE …"),
                )?;
                more(out, &list)
            }
            Verb::Show(which) => show(out, &client.get(&["profiles", &which.name], &[("tenant", which.tenant.clone())]).await?),
            Verb::Add { write, trial } => {
                trial.begin(out, &client);
                let change = write.assignments.read(Of::Settings)?;
                let mut body = write.body();
                body["name"] = json!(write.which.name);
                put(&mut body, "tenant", write.which.tenant.clone());
                put(&mut body, "settings", (!change.is_empty()).then(|| change.document()).transpose()?);
                put(&mut body, "unset", (!write.unset.is_empty()).then(|| write.unset.applied(&Value::Null)));
                show(out, &client.post(&["profiles"], &[], &body).await?)
            }
            Verb::Set { write, guard } => {
                guard.begin(out, &client);
                let (address, query) = (["profiles", write.which.name.as_str()], of_tenant(&write.which));
                let change = write.assignments.read(Of::Settings)?;
                let mut body = write.body();
                let needed = change.needs_current() || !write.unset.is_empty();
                let current = if needed { client.get(&address, &query).await? } else { document() };
                guard.read(&client, &current);
                let now = current.get("settings").cloned().unwrap_or_else(document);
                put(&mut body, "settings", (!change.is_empty()).then(|| change.patch(&now)).transpose()?);
                let unset = current.get("unset").cloned().unwrap_or_default();
                put(&mut body, "unset", (!write.unset.is_empty()).then(|| write.unset.applied(&unset)));
                if body == document() {
                    return Err(nothing_to_set("PATH=VALUE, --file, --clear or an option"));
                }
                show(out, &client.patch(&address, &query, &body).await?)
            }
            Verb::History { which, versions } => {
                let thing = history::Thing::of("profiles", &which.name, which.tenant.as_deref());
                history::show(out, &client, &thing, &versions).await
            }
            Verb::Restore { which, restore } => {
                let thing = history::Thing::of("profiles", &which.name, which.tenant.as_deref());
                history::restore(out, &client, &thing, &restore).await
            }
            Verb::Delete { which, guard } => {
                guard.begin(out, &client);
                client.delete(&["profiles", &which.name], &of_tenant(&which)).await?;
                out.done(&format!("Profile {}", which.name), "deleted")?;
                out.as_json(&json!({ "deleted": [which.name] })).map(drop)
            }
        }
    }
}

fn matches(profile: &Value) -> String {
    let facts = profile.get("match").and_then(Value::as_object).into_iter().flatten();
    facts.filter(|(_, v)| !v.is_null()).map(|(n, v)| format!("{n} {}", crate::output::shown(v))).collect::<Vec<_>>().join(", ")
}

fn show(out: &mut Output<'_>, profile: &Value) -> Outcome {
    if out.as_json(profile)? {
        return Ok(());
    }
    out.fields(&[
        ("Profile", member(profile, "name")),
        ("Label", member(profile, "label")),
        ("Tenant", owner(profile)),
        ("Parents", member(profile, "parents")),
        ("Matches", matches(profile)),
        ("Takes away", member(profile, "unset")),
    ])?;
    out.line("")?;
    settings_table(out, profile.get("settings").unwrap_or(&Value::Null), "It sets nothing.")
}
