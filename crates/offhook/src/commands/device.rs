//! `offhook device`: phones, base stations, adapters and door phones.

mod check;
mod fit;
mod many;
mod page;
mod show;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, document, history, import, more, none, nothing_to_set, put, requests};
use crate::{
    assign::{self, Assignments, Of, Unset},
    client::{Client, Connection, Query},
    failure::{Failure, Outcome},
    output::{Output, items, member},
};

/// Phones: list, add, set up, approve, and look at what they get
#[derive(Args, Debug)]
#[command(after_help = "\
A device is named by its MAC address, in any spelling, or by its id.

Examples:
  offhook device list --state pending
  offhook device add 00:15:65:aa:bb:cc --model T46S --label \"Front desk\" \\
      lines.1.account=1001
  offhook device set 001565aabbcc display.text=\"Front desk\" --profile reception
  offhook device approve 00-15-65-AA-BB-CC
  offhook device show 001565aabbcc")]
pub struct Device {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List devices
    List(List),
    /// Everything about one device: what it is, what it fetched, what to do
    Show(Which),
    /// Add a device; it is ready unless another state is given
    #[command(after_help = assign::HELP)]
    Add(Add),
    /// Change a device, or the pack of many
    #[command(after_help = assign::HELP)]
    Set(Change),
    /// Add or change devices from a table, or from a JSON document a line
    Import(import::Devices),
    /// Make phones read their files again, or restart
    Sync(many::Sync),
    /// Delete devices; phones that ask again are unknown ones
    Delete(Several),
    /// Make devices ready: pending or disabled ones get their files from now on
    Approve(Several),
    /// Answer devices like strangers from now on
    Disable(Several),
    /// Render every file of devices and tell what is wrong
    Check(check::Check),
    /// List every file that a device may ask for
    Files(Which),
    /// Print one file as the device gets it, secrets masked
    Cat {
        #[command(flatten)]
        which: Which,
        /// Its path, from `offhook device files` [default: its own file]
        path: Option<String>,
        /// Do not mask secrets
        #[arg(long)]
        reveal: bool,
    },
    /// Show every setting that applies, and the layer it comes from
    Settings {
        #[command(flatten)]
        which: Which,
        /// Only settings below this path, such as lines.1
        #[arg(value_name = "PATH")]
        below: Option<String>,
        /// Do not mask secrets
        #[arg(long)]
        reveal: bool,
    },
    /// List what a device sent (logs, settings of its own …), or print one of it
    Uploads {
        #[command(flatten)]
        which: Which,
        /// Print the newest file of that name, or the one of that id
        #[arg(long, value_name = "NAME", conflicts_with = "delete")]
        get: Option<String>,
        /// Delete the newest file of that name, or the one of that id
        #[arg(long, value_name = "NAME")]
        delete: Option<String>,
    },
    /// What a device was before: every version, and what it changed
    History {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        versions: history::Versions,
    },
    /// Make a device what it was in an earlier version, also when it was deleted
    Restore {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        restore: history::Wanted,
    },
    /// Show what a device asked for lately
    Requests {
        #[command(flatten)]
        which: Which,
        /// Show what each step saw and decided
        #[arg(long)]
        trace: bool,
        /// Most requests
        #[arg(long, default_value_t = 20, value_parser = at_least_one())]
        limit: usize,
    },
}

#[derive(Args, Debug)]
struct Which {
    /// MAC address, in any spelling, or id
    #[arg(value_name = "MAC")]
    device: String,
}

#[derive(Args, Debug)]
struct Several {
    /// MAC addresses, in any spelling, or ids
    #[arg(value_name = "MAC", required_unless_present = "fits", conflicts_with = "fits")]
    devices: Vec<String>,
    #[command(flatten)]
    fitting: fit::Fitting,
    #[command(flatten)]
    trial: Trial,
}

#[derive(Args, Debug)]
struct List {
    /// Only this state: pending, ready, disabled
    #[arg(long)]
    state: Option<String>,
    /// Only this family
    #[arg(long)]
    vendor: Option<String>,
    /// Only this model
    #[arg(long)]
    model: Option<String>,
    /// Only those that this pack serves
    #[arg(long)]
    pack: Option<String>,
    /// Only those with this profile
    #[arg(long)]
    profile: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only those of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Only those whose own file is this: never, current, outdated
    #[arg(long)]
    sync: Option<String>,
    /// Only those whose MAC, label, location or model holds this text
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,
    /// created_at, mac, label, model, last_seen or updated_at; - before it turns it
    #[arg(long)]
    sort: Option<String>,
    /// Most lines
    #[arg(long, default_value_t = 100, value_parser = at_least_one())]
    limit: usize,
}

#[derive(Args, Debug)]
struct Add {
    /// MAC address, in any spelling; not needed with --serial or --uuid
    #[arg(value_name = "MAC")]
    device: Option<String>,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    trial: Trial,
}

#[derive(Args, Debug)]
struct Change {
    /// MAC address, in any spelling, or id
    #[arg(value_name = "MAC")]
    device: Option<String>,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    fitting: fit::Fitting,
    #[command(flatten)]
    lists: fit::Lists,
    #[command(flatten)]
    guard: Guard,
    #[command(flatten)]
    mass: many::Mass,
}

#[derive(Args, Debug)]
struct Write {
    #[command(flatten)]
    assignments: Assignments,
    #[command(flatten)]
    unset: Unset,
    /// For people
    #[arg(long)]
    label: Option<String>,
    /// For people
    #[arg(long)]
    location: Option<String>,
    /// Its model, such as 7960; what the phone says otherwise is only shown
    #[arg(long)]
    model: Option<String>,
    /// Its family
    #[arg(long)]
    vendor: Option<String>,
    /// The pack that serves it, kept whatever the phone says; "auto" leaves it to the server
    #[arg(long)]
    pack: Option<String>,
    /// A profile; may be repeated, later wins, replaces the list
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<String>,
    /// No profiles
    #[arg(long, conflicts_with = "profiles")]
    no_profiles: bool,
    /// A tag; may be repeated, replaces the list
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// No tags
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    /// The tenant it belongs to
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// pending, ready or disabled
    #[arg(long)]
    state: Option<String>,
    /// Its serial number, for families that name their files by it
    #[arg(long)]
    serial: Option<String>,
    /// Its UUID, for softphones that name themselves by one
    #[arg(long)]
    uuid: Option<String>,
}

impl Write {
    /// The device, where the first word is none of the settings.
    fn of(mut self, first: Option<String>) -> (Option<String>, Self) {
        match first {
            Some(word) if word.contains('=') => {
                self.assignments.values.insert(0, word);
                (None, self)
            }
            device => (device, self),
        }
    }

    /// The patch that many devices get: without what needs to be known of each.
    fn for_many(&self) -> Outcome<Value> {
        let change = self.assignments.read(Of::Settings)?;
        if change.needs_current() || !self.unset.is_empty() {
            let way = "items of lists, --unset and --restore need one device each; write the whole list";
            return Err(Failure::Usage(way.to_owned()));
        }
        let mut body = self.body();
        put(&mut body, "settings", (!change.is_empty()).then(|| change.patch(&document())).transpose()?);
        Ok(body)
    }

    /// Everything but the settings and what is taken away.
    fn body(&self) -> Value {
        let mut body = document();
        for (name, value) in [
            ("label", &self.label),
            ("location", &self.location),
            ("model", &self.model),
            ("vendor", &self.vendor),
            ("tenant", &self.tenant),
            ("state", &self.state),
            ("serial", &self.serial),
            ("uuid", &self.uuid),
        ] {
            put(&mut body, name, value.clone());
        }
        match self.pack.as_deref() {
            Some("auto") => body["pack"] = Value::Null,
            pack => put(&mut body, "pack", pack),
        }
        for (name, list, none) in [("profiles", &self.profiles, self.no_profiles), ("tags", &self.tags, self.no_tags)] {
            put(&mut body, name, (none || !list.is_empty()).then(|| list.clone()));
        }
        body
    }
}

impl Device {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List(list) => list.run(out, &client).await,
            Verb::Show(which) => show(out, &client, &which.device).await,
            Verb::Add(Add { device, write, trial }) => {
                trial.begin(out, &client);
                let (device, write) = write.of(device);
                add(out, &client, device, &write).await
            }
            Verb::Set(Change { mass, write, guard, fitting, .. }) if mass.to_pack.is_some() => {
                let new = mass.to_pack.clone().unwrap_or_default();
                mass.run(out, &client, (write.pack.as_deref(), &new), fitting.waiting, guard.trial.dry_run).await
            }
            Verb::Set(Change { device, write, guard, fitting, lists, .. }) if fitting.is_given() => {
                let (device, write) = write.of(device);
                if device.is_some() || guard.revision.is_some() {
                    return Err(Failure::Usage("--where is instead of a MAC address, and has no --revision".to_owned()));
                }
                let mut action = lists.action();
                put(&mut action, "patch", Some(write.for_many()?).filter(|patch| *patch != document()));
                if action == document() {
                    return Err(nothing_to_set("PATH=VALUE, --file, --clear or an option"));
                }
                fitting.perform(out, &client, &action, "changed", guard.trial.dry_run).await
            }
            Verb::Set(Change { device, write, guard, .. }) => {
                guard.begin(out, &client);
                match write.of(device) {
                    (Some(device), write) => set(out, &client, &device, &write, guard).await,
                    (None, _) => Err(Failure::Usage(
                        "which device? Give its MAC address (offhook device list has them), or --where FIELD=VALUE for all that fit"
                            .to_owned(),
                    )),
                }
            }
            Verb::Import(import) => import.run(out, &client).await,
            Verb::Sync(sync) => sync.run(out, &client).await,
            Verb::Delete(several) if several.fitting.is_given() => {
                let dry_run = several.trial.dry_run;
                several.fitting.perform(out, &client, &json!({ "delete": true }), "deleted", dry_run).await
            }
            Verb::Delete(several) => {
                several.trial.begin(out, &client);
                for device in &several.devices {
                    client.delete(&["devices", device], &[]).await?;
                    out.done(device, "deleted")?;
                }
                out.as_json(&json!({ "deleted": several.devices })).map(|_| ())
            }
            Verb::Approve(several) => several.put_state(out, &client, "ready").await,
            Verb::Disable(several) => several.put_state(out, &client, "disabled").await,
            Verb::Check(check) => check.run(out, &client).await,
            Verb::Files(which) => {
                let files = client.get(&["devices", &which.device, "files"], &[]).await?;
                if out.as_json(&files)? { Ok(()) } else { page::files(out, &files) }
            }
            Verb::Cat { which, path, reveal } => {
                let path = match path {
                    Some(path) => path,
                    None => own_file(&client, &which.device).await?,
                };
                let mut segments = vec!["devices", which.device.as_str(), "files"];
                segments.extend(path.split('/').filter(|s| !s.is_empty()));
                let bytes = client.download(&segments, &[("reveal", reveal.then(|| "true".to_owned()))]).await?;
                out.bytes(&bytes)
            }
            Verb::Settings { which, below, reveal } => {
                let query: Query<'_> = &[("explain", Some("true".to_owned())), ("reveal", reveal.then(|| "true".to_owned()))];
                let explained = client.get(&["devices", &which.device, "settings"], query).await?;
                if out.as_json(&explained)? { Ok(()) } else { page::settings(out, &explained, below.as_deref().unwrap_or_default()) }
            }
            Verb::Uploads { which, get: Some(name), .. } => {
                let bytes = client.download(&["devices", &which.device, "uploads", &name], &[]).await?;
                out.bytes(&bytes)
            }
            Verb::Uploads { which, delete: Some(name), .. } => {
                client.delete(&["devices", &which.device, "uploads", &name], &[]).await?;
                out.done(&name, "deleted")?;
                out.as_json(&json!({ "deleted": [name] })).map(drop)
            }
            Verb::Uploads { which, .. } => {
                let list = client.list(&["devices", &which.device, "uploads"], &[], 500).await?;
                if out.as_json(&list)? { Ok(()) } else { page::uploads(out, &list) }
            }
            Verb::History { which, versions } => {
                history::show(out, &client, &history::Thing::of("devices", &which.device, None), &versions).await
            }
            Verb::Restore { which, restore } => {
                history::restore(out, &client, &history::Thing::of("devices", &which.device, None), &restore).await
            }
            Verb::Requests { which, trace, limit } => {
                let list = client.list(&["devices", &which.device, "requests"], &[], limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                requests::show(out, &list, trace, &[])?;
                more(out, &list)
            }
        }
    }
}

/// What is said when there is no device.
const NONE: &str = "There are no devices. Add one (offhook device add --help), or switch a phone on: it shows up as pending.";

impl List {
    async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        let query = [
            ("state", self.state),
            ("vendor", self.vendor),
            ("model", self.model),
            ("pack", self.pack),
            ("profile", self.profile),
            ("tag", self.tag),
            ("tenant", self.tenant),
            ("sync", self.sync),
            ("q", self.q),
            ("sort", self.sort),
        ];
        let list = client.list(&["devices"], &query, self.limit).await?;
        if out.as_json(&list)? {
            return Ok(());
        }
        out.now = client.now();
        page::list(out, items(&list), none(&query, NONE))?;
        more(out, &list)
    }
}

impl Several {
    async fn put_state(&self, out: &mut Output<'_>, client: &Client, state: &str) -> Outcome {
        if self.fitting.is_given() {
            let (action, what) = if state == "ready" { ("approve", "approved") } else { ("disable", "disabled") };
            let mut order = document();
            order[action] = json!(true);
            return self.fitting.perform(out, client, &order, what, self.trial.dry_run).await;
        }
        self.trial.begin(out, client);
        let mut changed = Vec::new();
        for device in &self.devices {
            let answer = client.patch(&["devices", device], &[], &json!({ "state": state })).await?;
            out.done(device, state)?;
            changed.push(answer);
        }
        if out.as_json(&json!({ "items": changed }))? {
            return Ok(());
        }
        match state {
            "ready" if !out.dry => out.line("It gets its own files at its next boot. See it happen: offhook requests --follow"),
            _ => Ok(()),
        }
    }
}

/// The path of the file that is made for this device alone: the one with its credentials, where there are several.
async fn own_file(client: &Client, device: &str) -> Outcome<String> {
    let files = client.get(&["devices", device, "files"], &[]).await?;
    let mut own: Vec<&Value> =
        items(&files).iter().filter(|f| member(f, "kind") == "device" && f.get("size").is_some_and(Value::is_u64)).collect();
    own.sort_by_key(|f| member(f, "credentials") != "true");
    let first = own.first().map(|f| member(f, "path"));
    first.ok_or_else(|| Failure::Failed(format!("it has no file of its own now\nSee why: offhook device files {device}")))
}

async fn add(out: &mut Output<'_>, client: &Client, mac: Option<String>, write: &Write) -> Outcome {
    if mac.is_none() && write.serial.is_none() && write.uuid.is_none() {
        let way = "which device? Give its MAC address, or for one that has none its --serial or --uuid";
        return Err(Failure::Usage(way.to_owned()));
    }
    let change = write.assignments.read(Of::Settings)?;
    let mut body = write.body();
    put(&mut body, "mac", mac.clone());
    put(&mut body, "settings", (!change.is_empty()).then(|| change.document()).transpose()?);
    put(&mut body, "unset", (!write.unset.is_empty()).then(|| write.unset.applied(&Value::Null)));
    let device = client.post(&["devices"], &[], &body).await.map_err(|failure| match (&failure, mac) {
        (Failure::Answered(no), Some(mac)) if no.status == 409 => {
            failure.with(&format!("If it is one of yours:\noffhook device show {mac}"))
        }
        _ => failure,
    })?;
    written(out, client, device).await
}

async fn set(out: &mut Output<'_>, client: &Client, device: &str, write: &Write, guard: Guard) -> Outcome {
    let change = write.assignments.read(Of::Settings)?;
    let address = ["devices", device];
    let mut body = write.body();
    let needed = change.needs_current() || !write.unset.is_empty();
    let current = if needed { client.get(&address, &[]).await? } else { document() };
    guard.read(client, &current);
    let settings = current.get("settings").cloned().unwrap_or_else(document);
    put(&mut body, "settings", (!change.is_empty()).then(|| change.patch(&settings)).transpose()?);
    let unset = current.get("unset").cloned().unwrap_or_default();
    put(&mut body, "unset", (!write.unset.is_empty()).then(|| write.unset.applied(&unset)));
    if body == document() {
        return Err(nothing_to_set("PATH=VALUE, --file, --clear or an option"));
    }
    let device = client.patch(&address, &[], &body).await?;
    written(out, client, device).await
}

/// The device as it is now; when it cannot be asked for more, as the server answered.
async fn written(out: &mut Output<'_>, client: &Client, device: Value) -> Outcome {
    if out.as_json(&device)? {
        return Ok(());
    }
    // What is only tried is nowhere to be asked for.
    let page = if out.dry { show::Page::of(device) } else { show::Page::short(client, device).await };
    out.now = client.now();
    page.print(out)
}

async fn show(out: &mut Output<'_>, client: &Client, key: &str) -> Outcome {
    let device = client.get(&["devices", key], &[]).await?;
    if out.as_json(&device)? {
        return Ok(());
    }
    let page = show::Page::read(client, device).await?;
    out.now = client.now();
    page.print(out)
}
