//! The program as people and scripts meet it: help texts, exit codes, what is asked of a server and what is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answers;
mod help;
mod stub;

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

/// The program in an empty environment.
fn offhook(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.args(arguments).env_clear().current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn run(arguments: &[&str]) -> Output {
    offhook(arguments).output().unwrap()
}

/// With a text on standard input.
fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = offhook(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Where the help texts are kept.
fn kept() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/help"))
}
