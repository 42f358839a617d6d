//! `offhook token`: who may use the API.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{document, put};
use crate::{
    client::{Client, Connection},
    failure::Outcome,
    output::{Output, items, member},
};

/// Make, list and revoke tokens of the API
#[derive(Args, Debug)]
#[command(after_help = "\
The first token is made at the first start, in <data_dir>/admin.token.

Examples:
  offhook token create --label monitoring
  offhook token create --label deployment --role admin
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
    /// Reads everything but secrets, writes nothing
    ReadOnly,
}

impl Token {
    /// Does it.
    pub async fn run(self, out: &mut Output<'_>) -> Outcome {
        out.json = self.connection.json;
        let client = Client::new(&self.connection)?;
        match self.verb {
            Verb::Create { label, role, expires } => {
                let role = if matches!(role, Role::Admin) { "admin" } else { "read-only" };
                let mut body = document();
                put(&mut body, "label", Some(label));
                put(&mut body, "role", Some(role));
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
                        if last.is_empty() { "never".to_owned() } else { out.ago(&last) },
                        member(t, "expires_at").chars().take("2030-01-01".len()).collect(),
                        member(t, "label"),
                    ]
                };
                let rows = items(&list).iter().map(row).collect();
                out.table(&["id", "role", "used", "expires", "label"], rows, "There are no tokens.")
            }
            Verb::Revoke { id } => {
                client.delete(&["tokens", &id], &[]).await?;
                out.done(&format!("Token {id}"), "revoked")?;
                out.as_json(&json!({ "revoked": [id] })).map(drop)
            }
        }
    }
}
