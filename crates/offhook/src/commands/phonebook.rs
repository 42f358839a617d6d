//! `offhook phonebook`: contacts that phones show in their directories.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Guard, Trial, at_least_one, document, more, none, nothing_to_set, owner, put};
use crate::{
    client::{Client, Connection},
    failure::{Failure, Outcome},
    output::{Output, items, member, moment},
};

/// Contacts that phones show in their directories, each family in its own form
#[derive(Args, Debug)]
#[command(after_help = "\
A phone loads the phone books that its settings name:
  offhook site set 'directory.phonebooks=[{\"name\":\"company\"}]'

Examples:
  offhook phonebook add company --label \"Company\"
  offhook phonebook import company people.csv
  offhook phonebook contact add company \"Anna Berg\" --work 1001 --mobile 0170
  offhook phonebook export company --format vcard > company.vcf")]
pub struct Phonebook {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args, Debug)]
struct Which {
    /// Its name or id
    name: String,
    /// The tenant it belongs to
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Csv,
    Vcard,
}

impl Form {
    fn word(self) -> String {
        match self {
            Self::Csv => "csv",
            Self::Vcard => "vcard",
        }
        .to_owned()
    }
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List phone books
    List {
        /// Only those of a tenant
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Only those whose name or label holds this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Most lines
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Show a phone book and its contacts
    Show {
        #[command(flatten)]
        which: Which,
        /// Only contacts that hold this text
        #[arg(long, value_name = "TEXT")]
        q: Option<String>,
        /// Most contacts
        #[arg(long, default_value_t = 100, value_parser = at_least_one())]
        limit: usize,
    },
    /// Make a phone book
    Add {
        /// Its name: letters, digits and . _ -
        name: String,
        /// What phones show in their menus
        #[arg(long)]
        label: Option<String>,
        /// For one tenant only; without it every tenant may use it
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        /// Contacts as CSV or vCards; - reads standard input
        #[arg(long, value_name = "FILE")]
        import: Option<PathBuf>,
        #[command(flatten)]
        trial: Trial,
    },
    /// Change name or label
    Set {
        #[command(flatten)]
        which: Which,
        /// Another name, while no setting says the old one
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// What phones show in their menus
        #[arg(long)]
        label: Option<String>,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete a phone book that no setting names
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        guard: Guard,
    },
    /// Read contacts from CSV or vCards
    #[command(after_help = "\
The first row of CSV names the columns:
  name first_name last_name company email groups work mobile home fax other
Nothing is written when a line is wrong.")]
    Import {
        #[command(flatten)]
        which: Which,
        /// The file; - reads standard input
        file: PathBuf,
        /// In place of the contacts that are there, not after them
        #[arg(long)]
        replace: bool,
        /// What the file is; without it the text tells
        #[arg(long)]
        format: Option<Form>,
        #[command(flatten)]
        guard: Guard,
    },
    /// Print all contacts
    Export {
        #[command(flatten)]
        which: Which,
        /// In which form
        #[arg(long, default_value = "csv")]
        format: Form,
    },
    /// Add or delete single contacts
    Contact {
        #[command(subcommand)]
        verb: ContactVerb,
    },
}

#[derive(Subcommand, Debug)]
enum ContactVerb {
    /// Add a contact
    Add {
        /// The phone book
        phonebook: String,
        /// What phones show
        name: String,
        /// Numbers at work
        #[arg(long, value_name = "NUMBER")]
        work: Vec<String>,
        /// Mobile numbers
        #[arg(long, value_name = "NUMBER")]
        mobile: Vec<String>,
        /// Numbers at home
        #[arg(long, value_name = "NUMBER")]
        home: Vec<String>,
        /// Company
        #[arg(long)]
        company: Option<String>,
        /// E-mail address
        #[arg(long)]
        email: Option<String>,
        /// Groups it is shown in
        #[arg(long, value_name = "GROUP")]
        group: Vec<String>,
        /// The tenant of the phone book
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        #[command(flatten)]
        guard: Guard,
    },
    /// Delete the contacts of a name
    #[command(alias = "remove")]
    Delete {
        /// The phone book
        phonebook: String,
        /// The name as phones show it
        name: String,
        /// The tenant of the phone book
        #[arg(long, value_name = "NAME")]
        tenant: Option<String>,
        #[command(flatten)]
        guard: Guard,
    },
}

fn bytes_of(file: &Path) -> Outcome<Vec<u8>> {
    let read = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    read.map_err(|e| Failure::Failed(format!("{} cannot be read: {e}", file.display())))
}

impl Phonebook {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::List { tenant, q, limit } => {
                let query = [("tenant", tenant), ("q", q)];
                let list = client.list(&["phonebooks"], &query, limit).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                let row = |b: &Value| {
                    let changed = moment(&member(b, "updated_at"));
                    vec![member(b, "name"), owner(b), member(b, "count"), changed, member(b, "label")]
                };
                let rows = items(&list).iter().map(row).collect();
                let said = none(&query, "There are no phone books. Make one: offhook phonebook add NAME");
                out.table(&["name", "tenant", "contacts", "changed (utc)", "label"], rows, said)?;
                more(out, &list)
            }
            Verb::Show { which, q, limit } => show(out, &client.get(&["phonebooks", &which.name], &tenant(&which)).await?, q, limit),
            Verb::Add { name, label, tenant, import, trial } => {
                trial.begin(out, &client);
                // What cannot be read makes no phone book.
                let contacts = import.as_deref().map(bytes_of).transpose()?;
                let mut body = document();
                body["name"] = json!(name);
                put(&mut body, "label", label);
                put(&mut body, "tenant", tenant);
                let book = client.post(&["phonebooks"], &[], &body).await?;
                let id = member(&book, "id");
                let Some(bytes) = contacts.filter(|_| !trial.dry_run) else { return said(out, &book, &name, "made") };
                match client.post_bytes(&["phonebooks", &id, "import"], &[], bytes).await {
                    Ok(done) => imported(out, &done),
                    Err(failure) => {
                        client.delete(&["phonebooks", &id], &[]).await?;
                        Err(failure)
                    }
                }
            }
            Verb::Set { which, rename, label, guard } => {
                guard.begin(out, &client);
                let mut body = document();
                put(&mut body, "name", rename);
                put(&mut body, "label", label);
                if body == document() {
                    return Err(nothing_to_set("--rename or --label"));
                }
                let book = client.patch(&["phonebooks", &which.name], &tenant(&which), &body).await?;
                said(out, &book, &member(&book, "name"), "changed")
            }
            Verb::Delete { which, guard } => {
                guard.begin(out, &client);
                client.delete(&["phonebooks", &which.name], &tenant(&which)).await?;
                out.done(&format!("Phone book {}", which.name), "deleted")?;
                out.as_json(&json!({ "deleted": [which.name] })).map(drop)
            }
            Verb::Import { which, file, replace, format, guard } => {
                guard.begin(out, &client);
                let query =
                    [("tenant", which.tenant.clone()), ("replace", replace.then(|| "true".to_owned())), ("format", format.map(Form::word))];
                imported(out, &client.post_bytes(&["phonebooks", &which.name, "import"], &query, bytes_of(&file)?).await?)
            }
            Verb::Export { which, format } => {
                let query = [("tenant", which.tenant.clone()), ("format", Some(format.word()))];
                out.bytes(&client.download(&["phonebooks", &which.name, "export"], &query).await?)
            }
            Verb::Contact { verb } => contact(&client, out, verb).await,
        }
    }
}

fn tenant(which: &Which) -> [(&'static str, Option<String>); 1] {
    [("tenant", which.tenant.clone())]
}

async fn contact(client: &Client, out: &mut Output<'_>, verb: ContactVerb) -> Outcome {
    let (ContactVerb::Add { phonebook, tenant, guard, .. } | ContactVerb::Delete { phonebook, tenant, guard, .. }) = &verb;
    guard.begin(out, client);
    let (address, query) = (["phonebooks", phonebook.as_str()], [("tenant", tenant.clone())]);
    let current = client.get(&address, &query).await?;
    guard.read(client, &current);
    let mut contacts = current.get("contacts").and_then(Value::as_array).cloned().unwrap_or_default();
    let (subject, participle) = match &verb {
        ContactVerb::Add { name, work, mobile, home, company, email, group, .. } => {
            let of = |kind: &str, numbers: &[String]| numbers.iter().map(|n| json!({ "type": kind, "number": n })).collect::<Vec<_>>();
            let numbers = [of("work", work), of("mobile", mobile), of("home", home)].concat();
            contacts.push(json!({ "name": name, "company": company, "email": email, "groups": group, "numbers": numbers }));
            (name.clone(), "added")
        }
        ContactVerb::Delete { name, .. } => {
            let before = contacts.len();
            contacts.retain(|c| c.get("name").and_then(Value::as_str) != Some(name.as_str()));
            if contacts.len() == before {
                return Err(Failure::Failed(format!("{phonebook} has no contact {name:?}: offhook phonebook show {phonebook}")));
            }
            let gone = before - contacts.len();
            (if gone == 1 { name.clone() } else { format!("{name} ({gone} contacts)") }, "deleted")
        }
    };
    let book = client.patch(&address, &query, &json!({ "contacts": contacts })).await?;
    said(out, &book, &subject, participle)
}

fn said(out: &mut Output<'_>, value: &Value, subject: &str, participle: &str) -> Outcome {
    out.done(subject, participle)?;
    out.as_json(value).map(drop)
}

fn imported(out: &mut Output<'_>, done: &Value) -> Outcome {
    if out.as_json(done)? {
        return Ok(());
    }
    let (name, count) = (member(done, "phonebook.name"), member(done, "phonebook.count"));
    out.line(format!("{} contacts are read; {name} has {count} now.", member(done, "read")))?;
    let ignored: Vec<&str> = done.get("ignored").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if !ignored.is_empty() {
        out.paragraph("", &format!("Columns that mean nothing here: {}.", ignored.join(", ")))?;
    }
    Ok(())
}

fn show(out: &mut Output<'_>, book: &Value, q: Option<String>, limit: usize) -> Outcome {
    if out.as_json(book)? {
        return Ok(());
    }
    out.fields(&[
        ("Phone book", member(book, "name")),
        ("Label", member(book, "label")),
        ("Tenant", owner(book)),
        ("Contacts", member(book, "count")),
        ("Changed", moment(&member(book, "updated_at"))),
    ])?;
    out.line("")?;
    let contacts: Vec<Value> = book.get("contacts").and_then(Value::as_array).cloned().unwrap_or_default();
    let parsed: Vec<offhook_core::phonebook::Contact> = serde_json::from_value(Value::Array(contacts)).unwrap_or_default();
    let found = offhook_core::phonebook::search::find(&parsed, q.as_deref().unwrap_or_default());
    let row = |c: &&offhook_core::phonebook::Contact| {
        let numbers = c.numbers.iter().map(|n| format!("{} {}", n.kind, n.number)).collect::<Vec<_>>().join(", ");
        vec![c.name.clone(), c.company.clone(), numbers]
    };
    let rows = found.iter().take(limit).map(row).collect();
    out.table(&["contact", "company", "numbers"], rows, "There are no such contacts.")?;
    if found.len() > limit {
        out.line("")?;
        out.line("There are more: narrow the list with --q, or raise --limit.")?;
    }
    Ok(())
}
