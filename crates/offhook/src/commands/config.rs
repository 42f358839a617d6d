//! `offhook config`: checking, showing and writing configuration files, without a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use offhook_server::config::{Sources, default_file, effective_file};
use serde_json::json;

use crate::{
    failure::{Failure, Outcome},
    output::Output,
};

/// Check, show and write configuration
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  offhook config default > offhook.toml
  offhook config check --config offhook.toml
  OFFHOOK_LOG__LEVEL=debug offhook config show --config offhook.toml")]
pub struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Tell every fault of the configuration, or that there is none
    Check {
        #[command(flatten)]
        given: Given,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what applies, and where each value comes from
    Show {
        #[command(flatten)]
        given: Given,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a complete file: every key with its meaning, at its default
    Default,
}

/// Where a configuration comes from.
#[derive(Args, Debug, Clone, Default)]
pub struct Given {
    /// The configuration file; every key can also be a variable
    #[arg(long, value_name = "FILE", env = "OFFHOOK_CONFIG", hide_env = true)]
    pub config: Option<PathBuf>,
    /// The folder of store, key and token [default: ./offhook-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What this process does: phones, admin; may be repeated [default: both]
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
}

impl Given {
    /// With the environment of this process.
    pub fn sources(&self) -> Sources {
        let variables = std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.to_string_lossy().into_owned())));
        Sources { file: self.config.clone(), variables: variables.collect(), data_dir: self.data_dir.clone(), roles: self.roles.clone() }
    }
}

impl Config {
    /// Does it.
    pub fn run(self, out: &mut Output<'_>) -> Outcome {
        match self.verb {
            Verb::Default => out.line(default_file()),
            Verb::Check { given, json } => {
                given.sources().load().map_err(|faults| Failure::Failed(faults.to_string()))?;
                out.json = json;
                if out.as_json(&json!({ "ok": true }))? { Ok(()) } else { out.line("The configuration is good.") }
            }
            Verb::Show { given, json } => {
                let loaded = given.sources().load().map_err(|faults| Failure::Failed(faults.to_string()))?;
                if !json {
                    return out.line(effective_file(&loaded));
                }
                let entry = |e: &offhook_server::config::Entry| json!({ "key": e.key.path, "value": e.value.as_ref().map(ToString::to_string), "from": e.place.to_string() });
                out.json_line(&json!(loaded.entries.iter().map(entry).collect::<Vec<_>>()))
            }
        }
    }
}
