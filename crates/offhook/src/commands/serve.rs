//! `offhook serve`: logging, the server itself, and what is printed when it is up.

use std::{fmt::Write, io, path::Path};

use clap::Args;
use offhook_server::{
    config::Config,
    serve::{self, Started},
};
use tracing_subscriber::EnvFilter;

use super::config::Given;
use crate::failure::{Failure, Outcome};

/// Run the server
#[derive(Args, Debug)]
#[command(after_help = "\
Without any configuration it serves phones of the private networks of this
machine and keeps everything in ./offhook-data. TFTP's port 69 needs root or
CAP_NET_BIND_SERVICE; another one is set as below. SIGHUP reads configuration
and packs again; SIGTERM lets transfers end, then stops.

Examples:
  offhook serve --config /etc/offhook/offhook.toml
  OFFHOOK_PHONES__TFTP__LISTEN=0.0.0.0:6969 offhook serve
  offhook serve --role phones --data-dir /var/lib/offhook")]
pub struct Serve {
    #[command(flatten)]
    given: Given,
}

impl Serve {
    /// Runs until a signal ends it.
    pub async fn run(self) -> Outcome {
        let sources = self.given.sources();
        let config = sources.load().map_err(|faults| Failure::Failed(faults.to_string()))?.config;
        log(&config)?;
        let up = |started: &Started| {
            let program = std::env::current_exe().unwrap_or_default();
            eprintln!("{}", greeting(&config, started, &program));
        };
        serve::run(sources, up).await.map_err(|error| Failure::Failed(error.to_string()))
    }
}

/// To standard error, so that standard output is free.
fn log(config: &Config) -> Outcome {
    let filter = EnvFilter::try_new(&config.log.level).map_err(|e| Failure::Failed(format!("log.level: {e}")))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if config.log.json {
        log.json().init();
    } else {
        log.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).with_target(false).init();
    }
    Ok(())
}

/// What a person needs once this program runs.
fn greeting(config: &Config, started: &Started, program: &Path) -> String {
    let list = |addresses: &[std::net::SocketAddr], scheme: &str| {
        addresses.iter().map(|a| format!("{scheme}://{a}")).collect::<Vec<_>>().join("  ")
    };
    let listeners = &started.listeners;
    let mut text = format!("\nOffhook {} is up.\n\n", env!("CARGO_PKG_VERSION"));
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<18}{value}");
        }
    };
    row("Phones, HTTP", list(&listeners.http, "http"));
    row("Phones, TFTP", list(&listeners.tftp, "tftp"));
    row("Administrators", list(&listeners.admin, "http"));
    if config.roles.phones {
        let trusted = started.trusted_networks.join(", ");
        row("Trusted networks", if trusted.is_empty() { "none: no phone gets a file".to_owned() } else { trusted });
    }
    row("Phone families", started.packs.join(", "));
    if config.roles.admin {
        let new = if started.new_token { " (new)" } else { "" };
        row("Admin token", format!("{}{new}", config.token_file().display()));
    }
    if config.roles.admin {
        text.push_str("\nIn another shell:\n");
        if let Some(folder) = program.parent().filter(|folder| !is_found_in(folder)) {
            let _ = writeln!(text, "  export PATH={}:$PATH", folder.display());
        }
        if !matches!(config.data_dir.as_os_str().to_str(), Some("./offhook-data" | "offhook-data")) {
            let _ = writeln!(text, "  export OFFHOOK_DATA_DIR={}", config.data_dir.display());
        }
        text.push_str(
            "  offhook requests --follow       what phones ask, and why they get it or not\n  \
               offhook device list             the phones that showed up\n  \
               offhook device add --help       your first phone\n",
        );
    }
    text
}

/// Whether a shell finds what stands in that folder.
fn is_found_in(folder: &Path) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|p| p == folder))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook_server::serve::Listeners;

    use super::*;

    #[test]
    fn the_greeting_says_where_everything_is() {
        let config = Config::load(None, std::iter::empty(), None, &[]).unwrap();
        let started = Started {
            listeners: Listeners {
                admin: vec!["127.0.0.1:8666".parse().unwrap()],
                http: vec!["0.0.0.0:8667".parse().unwrap()],
                tftp: vec![],
            },
            trusted_networks: vec!["127.0.0.0/8".into(), "10.0.0.0/8".into()],
            new_token: true,
            packs: vec!["acme 1.0.0".into()],
        };
        let text = greeting(&config, &started, Path::new("/nowhere/bin/offhook"));
        for expected in [
            "http://127.0.0.1:8666",
            "http://0.0.0.0:8667",
            "127.0.0.0/8, 10.0.0.0/8",
            "offhook-data/admin.token (new)",
            "export PATH=/nowhere/bin:$PATH\n",
            "offhook requests --follow",
        ] {
            assert!(text.contains(expected), "{expected} not in {text}");
        }
        assert!(!text.contains("TFTP"), "{text}");
    }
}
