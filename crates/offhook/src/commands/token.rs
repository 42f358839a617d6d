//! `offhook token`: who may use the API.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{document, put};
use crate::{
    client::{Client, Connection},
    failure::Outcome,
    output::{Output, items, member},
};

/// Make, list and revoke tokens of the API
#[derive(Args, Debug)]
#[command(after_help = "\
The first token is made at the first start, in <data_dir>/admin.token. It is
an admin's for all tenants; the last one of that kind cannot be revoked.

A token for some tenants sees, uses and changes what is of these. What is no
tenant's (global profiles, packs, firmware) it sees and uses; anything of
another tenant is for it as if it were not there.

Examples:
  offhook token create --label monitoring
  offhook token create --label van --role installer --tenant north
  offhook token create --role operator --tenant north --tenant south
  offhook token list
  offhook token revoke 0192f0c1-8a5e-7cc3-b0a4-4d2f6e7a9b10")]
pub struct Token {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a token; its text is shown this once
    Create {
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = Role::ReadOnly)]
        role: Role,
        /// For this tenant; several times for several. Left out: for all
        #[arg(long = "tenant", value_name = "TENANT")]
        tenants: Vec<String>,
        /// When it ends, such as 2030-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// List tokens, never their text
    List,
    /// End a token now
    Revoke {
        /// Its id, from `offhook token list`
        id: String,
    },
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Role {
    /// Everything, secrets too
    Admin,
    /// The daily work, secrets too; no tokens, tenants, packs or site
    Operator,
    /// Approves phones and assigns lines and profiles; sees no secret
    Installer,
    /// Reads everything but secrets, writes nothing
    ReadOnly,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Installer => "installer",
            Self::ReadOnly => "read-only",
        }
    }
}

impl Token {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::Create { label, role, tenants, expires } => {
                let mut body = document();
                put(&mut body, "label", Some(label));
                put(&mut body, "role", Some(role.as_str()));
                put(&mut body, "tenants", Some(tenants).filter(|t| !t.is_empty()));
                put(&mut body, "expires_at", expires);
                let made = client.post(&["tokens"], &[], &body).await?;
                if out.as_json(&made)? {
                    return Ok(());
                }
                out.line(member(&made, "token"))?;
                eprintln!("Keep it: it is not shown again. Use it with OFFHOOK_TOKEN or --token. Its id: {}", member(&made, "id"));
                Ok(())
            }
            Verb::List => {
                let list = client.list(&["tokens"], &[], 1000).await?;
                if out.as_json(&list)? {
                    return Ok(());
                }
                out.now = client.now();
                let row = |t| {
                    let last = member(t, "last_used_at");
                    vec![
                        member(t, "id"),
                        member(t, "role"),
                        tenants_of(t),
                        if last.is_empty() { "never".to_owned() } else { out.ago(&last) },
                        member(t, "expires_at").chars().take("2030-01-01".len()).collect(),
                        member(t, "label"),
                    ]
                };
                let rows = items(&list).iter().map(row).collect();
                out.table(&["id", "role", "tenants", "used", "expires", "label"], rows, "There are no tokens.")
            }
            Verb::Revoke { id } => {
                client.delete(&["tokens", &id], &[]).await?;
                out.done(&format!("Token {id}"), "revoked")?;
                out.as_json(&json!({ "revoked": [id] })).map(drop)
            }
        }
    }
}

/// `all`, or their names.
fn tenants_of(token: &Value) -> String {
    match token["tenants"].as_array() {
        None => "all".to_owned(),
        Some(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
    }
}
