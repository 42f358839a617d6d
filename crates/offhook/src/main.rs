//! The `offhook` program: the server and the command line that talks to it. Deciding anything about phones is not done
//! here.

mod assign;
mod cli;
mod client;
mod commands;
mod examples;
mod explain;
mod failure;
mod layout;
mod output;
mod wait;

use std::{
    future::Future,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use tokio::runtime;

use crate::{
    cli::Command,
    failure::{Failure, Outcome},
    output::Output,
};

fn main() -> ExitCode {
    // Before anything else runs: what a tenant wrote is rendered in this process.
    if std::env::args_os().nth(1).is_some_and(|command| command == offhook_server::sandbox::COMMAND) {
        return offhook_server::sandbox::work().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    // Whoever asks for JSON gets failures so too, those of the command line itself among them.
    let json = std::env::args_os().any(|argument| argument == "--json");
    let ended = match cli::parse() {
        Ok(cli) => run(cli.command, &mut io::stdout().lock()),
        Err(error) if json && error.use_stderr() => Err(Failure::Usage(error.to_string().trim_end().to_owned())),
        Err(error) => error.exit(),
    };
    let Err(failure) = ended else { return ExitCode::SUCCESS };
    if let Some(text) = told(&failure, json, io::stderr().is_terminal()) {
        // Who closed standard error as well does not want to know.
        let _ = writeln!(io::stderr(), "{text}");
    }
    ExitCode::from(failure.code())
}

/// What is said of a failure, if anything.
fn told(failure: &Failure, json: bool, terminal: bool) -> Option<String> {
    if matches!(failure, Failure::NobodyListens) {
        return None;
    }
    if json {
        return serde_json::to_string_pretty(&failure.document()).ok();
    }
    let text = failure.to_string();
    let text = format!("offhook: {text}");
    Some(if terminal { output::folded(&text, output::columns()) } else { text })
}

fn run(command: Command, stdout: &mut dyn Write) -> Outcome {
    let mut text = Output::new(stdout);
    let out = &mut text;
    perform(command, out)?;
    out.finish()
}

fn perform(command: Command, out: &mut Output<'_>) -> Outcome {
    match command {
        Command::Serve(serve) => block(&mut runtime::Builder::new_multi_thread(), serve.run()),
        Command::Config(config) => config.run(out),
        Command::Pack(pack) => pack.run(out),
        Command::Completions(completions) => {
            let mut script = Vec::new();
            clap_complete::generate(completions.shell, &mut cli::command(), "offhook", &mut script);
            out.bytes(&script)
        }
        Command::Man(manual) => manual.run(out),
        Command::Status(status) => ask(status.run(out)),
        Command::Device(device) => ask(device.run(out)),
        Command::Import(import) => ask(import.run(out)),
        Command::Profile(profile) => ask(profile.run(out)),
        Command::Account(account) => ask(account.run(out)),
        Command::AddressMap(map) => ask(map.run(out)),
        Command::Site(site) => ask(site.run(out)),
        Command::Tenant(tenant) => ask(tenant.run(out)),
        Command::Template(template) => ask(template.run(out)),
        Command::Asset(asset) => ask(asset.run(out)),
        Command::Phonebook(phonebook) => ask(phonebook.run(out)),
        Command::Firmware(firmware) => ask(firmware.run(out)),
        Command::Simulate(simulate) => ask(simulate.run(out)),
        Command::Requests(requests) => ask(requests.run(out)),
        Command::History(history) => ask(history.run(out)),
        Command::Audit(audit) => ask(audit.run(out)),
        Command::Token(token) => ask(token.run(out)),
        Command::Job(job) => ask(job.run(out)),
        Command::Metrics(metrics) => ask(metrics.run(out)),
        Command::Health(health) => ask(health.run(out)),
        Command::Backup(backup) => ask(backup.run(out)),
        Command::Restore(restore) => ask(restore.run(out)),
        Command::Store(store) => ask(store.run(out)),
    }
}

/// A command that asks a server needs one thread.
fn ask(work: impl Future<Output = Outcome>) -> Outcome {
    block(&mut runtime::Builder::new_current_thread(), work)
}

fn block(builder: &mut runtime::Builder, work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = builder.enable_all().build().map_err(|e| Failure::Failed(format!("the runtime does not start: {e}")))?;
    runtime.block_on(work)
}
