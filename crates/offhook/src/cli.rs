//! The command line as a whole: nouns, then verbs.

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    commands::{
        account, address_map, asset, audit, backup, config, device, firmware, health, history, import, job, man, metrics, pack, phonebook,
        profile, requests, serve, simulate, site, status, template, tenant, token,
    },
    examples,
};

/// Provisions telephones: knows which phone asks, what it may have, and says so.
#[derive(Parser, Debug)]
#[command(
    name = "offhook",
    version,
    max_term_width = 80,
    propagate_version = false,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Begin:
  offhook serve                   run the server here, with everything it needs
  offhook status                  the server on one page
  offhook requests --follow       see what phones ask, and why they get it
  offhook device --help           your first phone
  offhook device show MAC         what it is, what it got, why not, what next

Commands find the server by --url and --token, then OFFHOOK_URL and
OFFHOOK_TOKEN, then the data folder of a server on this machine (--data-dir,
OFFHOOK_DATA_DIR, ./offhook-data).

Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 server not reachable."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The nouns.
#[derive(Subcommand, Debug)]
pub enum Command {
    Serve(serve::Serve),
    Config(config::Config),
    Device(Box<device::Device>),
    Import(import::Import),
    Profile(profile::Profile),
    Account(account::Account),
    AddressMap(address_map::AddressMap),
    Site(site::Site),
    Tenant(tenant::Tenant),
    Template(template::Template),
    Asset(asset::Asset),
    Phonebook(phonebook::Phonebook),
    Firmware(firmware::Firmware),
    Simulate(simulate::Simulate),
    Requests(requests::Requests),
    History(history::History),
    Audit(audit::Audit),
    Token(token::Token),
    Pack(pack::Pack),
    Job(job::Job),
    Health(health::Health),
    Status(status::Status),
    Metrics(metrics::Metrics),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Store(backup::Store),
    Completions(Completions),
    Man(man::Manual),
}

/// The whole command line, with the examples of every command.
pub fn command() -> clap::Command {
    examples::added(Cli::command())
}

/// What was typed.
///
/// # Errors
/// What is wrong with it; help and version, when these were asked for.
pub fn parse() -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command))
}

/// Print completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  offhook completions bash > /etc/bash_completion.d/offhook
  offhook completions zsh > \"${fpath[1]}/_offhook\"")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    fn parses(line: &str) -> bool {
        Cli::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn commands_of_the_documentation_parse() {
        for line in [
            "offhook serve --config f --data-dir d --role phones --role admin",
            "offhook config show --json",
            "offhook device list --state pending --limit 5 --json --url http://127.0.0.1:1 --token t",
            "offhook --version",
            "offhook device add 00:15:65:aa:bb:cc --model 7960 --label x lines.1.account=1001",
            "offhook device set 001565aabbcc display.text=x --unset keys.5 --restore keys.6 --clear time --profile a --profile b",
            "offhook device approve a b c",
            "offhook device approve --where state=pending --where model=x",
            "offhook device delete --where all --dry-run",
            "offhook device set --where tag=a display.text=x --add-tag b --remove-profile c --no-wait --yes",
            "offhook device import f.csv --mode upsert --dry-run",
            "offhook import macs f --tenant t --dry-run",
            "offhook device cat 001565aabbcc /001565aabbcc.cfg --reveal",
            "offhook device settings 001565aabbcc lines.1",
            "offhook profile set office time.zone=Europe/Paris --file s.json",
            "offhook site set --enforced access.web=off",
            "offhook tenant add branch --network 10.0.0.0/8 --network 11.0.0.0/8",
            "offhook account add 1001 password=- --shared",
            "offhook account list --unassigned",
            "offhook address-map set 192.0.2.1 x.example --tenant t --dry-run",
            "offhook asset add a.png --tenant t",
            "offhook phonebook contact add b Anna --work 1",
            "offhook firmware add a b --pack p",
            "offhook template list --pack p --stale --tenant t",
            "offhook template show p base.tpl --original",
            "offhook template edit p 001565aabbcc.cfg.tpl --tenant t --from base.tpl --yes",
            "offhook template put p base.tpl --name x.tpl --site --revision 0",
            "offhook template check p -",
            "offhook template copy old new base.tpl T46S.tpl --tenant a --to-site --overwrite --dry-run",
            "offhook template delete p a.tpl b.tpl --tenant t",
            "offhook template diff p base.tpl",
            "offhook template merge p base.tpl --yes",
            "offhook template pull d --overwrite",
            "offhook template push d --dry-run --delete",
            "offhook simulate --transport tftp --path x --ip ::1 --header a:b --header c:d --option60 x --certificate-subject y --use-learnt",
            "offhook requests --follow --device x",
            "offhook token create --label x --role read-only",
            "offhook completions zsh",
        ] {
            let parsed = Cli::try_parse_from(line.split(' '));
            let version = parsed.as_ref().err().is_some_and(|e| e.kind() == clap::error::ErrorKind::DisplayVersion);
            assert!(parsed.is_ok() || version, "{line}: {parsed:?}");
        }
        for line in [
            "offhook",
            "offhook device",
            "offhook device show",
            "offhook frobnicate",
            "offhook simulate --transport smoke",
            "offhook token create --role god",
        ] {
            assert!(!parses(line), "{line}");
        }
    }
}
