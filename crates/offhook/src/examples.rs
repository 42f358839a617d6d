//! Examples of every command, and what comes next, below its help and in its man page. They stand in one file, so that they are written
//! and read together; a test parses each of them.

use clap::Command;

const TEXT: &str = include_str!("examples.txt");

/// What is shown below a command: its examples, and what comes next.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown<'t> {
    /// Words of the command, without the program.
    path: &'t str,
    /// Lines with their indent.
    examples: Vec<&'t str>,
    /// Sentences.
    next: Vec<&'t str>,
}

fn all(text: &str) -> Vec<Shown<'_>> {
    let mut found: Vec<Shown<'_>> = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        match (line.strip_prefix("  "), found.last_mut()) {
            (Some(rest), Some(shown)) => match rest.strip_prefix("> ") {
                Some(next) => shown.next.push(next),
                None => shown.examples.push(line),
            },
            _ => found.push(Shown { path: line, ..Shown::default() }),
        }
    }
    found
}

/// The command with examples below the help of everything in it.
pub fn added(command: Command) -> Command {
    all(TEXT).iter().fold(command, |command, shown| at(command, shown.path, shown))
}

fn at(command: Command, path: &str, shown: &Shown<'_>) -> Command {
    let (first, rest) = path.split_once(' ').unwrap_or((path, ""));
    if command.find_subcommand(first).is_none() {
        return command;
    }
    command.mut_subcommand(first, |below| if rest.is_empty() { with(below, shown) } else { at(below, rest, shown) })
}

fn with(command: Command, shown: &Shown<'_>) -> Command {
    let before = command.get_after_help().map(|text| format!("{text}\n\n")).unwrap_or_default();
    // What a command says of itself goes before.
    if before.contains("Example") {
        return command;
    }
    let mut text = before;
    text.push_str(if shown.examples.len() == 1 { "Example:\n" } else { "Examples:\n" });
    text.push_str(&shown.examples.join("\n"));
    for next in &shown.next {
        text.push_str(&format!("\n\n{next}"));
    }
    command.after_help(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli;

    /// As a shell splits a line: blanks, quotes.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
        for c in line.chars() {
            match (c, quote) {
                (q @ ('"' | '\''), None) => quote = Some(q),
                (c, Some(q)) if c == q => quote = None,
                (' ', None) => words.push(std::mem::take(&mut word)),
                (c, _) => word.push(c),
            }
        }
        words.push(word);
        words.retain(|w| !w.is_empty());
        words
    }

    /// Every command with its path; those that only hold others too.
    fn walk(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        found.push((path.to_owned(), command.clone()));
        for below in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
            walk(below, format!("{path} {}", below.get_name()).trim(), found);
        }
    }

    fn commands() -> Vec<(String, Command)> {
        let mut found = Vec::new();
        walk(&cli::command(), "", &mut found);
        found
    }

    #[test]
    fn every_command_teaches() {
        let mut wrong = Vec::new();
        for (path, command) in commands().into_iter().skip(1) {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            if about.is_empty() || about.lines().count() > 1 || about.ends_with('.') {
                wrong.push(format!("{path}: one line says what it is for, without a full stop: {about:?}"));
            }
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if !after.contains("Example") {
                wrong.push(format!("{path}: no examples: write some into examples.txt"));
            }
            // Prose is wrapped; what is to be copied is not.
            let wide = after.lines().find(|l| l.starts_with(' ') && l.chars().count() > 80);
            wrong.extend(wide.map(|l| format!("{path}: wider than 80 columns: {l}")));
            for argument in command.get_arguments().filter(|a| !a.is_hide_set()) {
                if argument.get_help().is_none_or(|h| h.to_string().is_empty()) {
                    wrong.push(format!("{path}: {} says nothing", argument.get_id()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Verbs that show or change data speak JSON.
    #[test]
    fn what_shows_data_knows_json() {
        let verbs = [
            "list",
            "show",
            "add",
            "set",
            "delete",
            "check",
            "files",
            "settings",
            "requests",
            "uploads",
            "status",
            "assignments",
            "catalogue",
        ];
        let mut built = cli::command();
        built.build();
        let mut found = Vec::new();
        walk(&built, "", &mut found);
        for (path, command) in found {
            let verb = path.split(' ').next_back().unwrap_or_default();
            let is_noun = command.has_subcommands();
            if verbs.contains(&verb) && !is_noun && !path.starts_with("config ") {
                assert!(command.get_arguments().any(|a| a.get_id() == "json"), "{path} has no --json");
            }
        }
    }

    /// What changes something can be tried first.
    #[test]
    fn what_writes_can_be_tried() {
        for (path, command) in commands().into_iter().filter(|(_, c)| !c.has_subcommands()) {
            let verb = path.split(' ').next_back().unwrap_or_default();
            if ["add", "set", "delete", "approve", "disable", "import", "assign", "unassign", "install", "upgrade", "uninstall", "restore"]
                .contains(&verb)
            {
                let has = command.get_arguments().any(|a| a.get_id() == "dry_run");
                // What is stored as a file is not undone so.
                assert!(has || path == "firmware add", "{path} has no --dry-run");
            }
        }
    }

    #[test]
    fn every_example_is_a_command() {
        let known: Vec<String> = commands().into_iter().map(|(path, _)| path).collect();
        let mut seen = 0;
        for (path, command) in commands() {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
            for line in after.lines().map(str::trim_start).filter(|l| l.starts_with("offhook ")) {
                let line = line.split(" > ").next().unwrap().split(" < ").next().unwrap().split("  ").next().unwrap();
                let line = line.split(" && ").next().unwrap().split("; ").next().unwrap();
                let line = &line.replace("$(date +%F)", "2026-11-21");
                if line.contains('…') {
                    continue;
                }
                let parsed = cli::command().try_get_matches_from(words(line));
                let told = parsed.as_ref().err().filter(|e| e.use_stderr());
                assert!(told.is_none(), "{path}: {line}\n{}", told.unwrap());
                seen += 1;
            }
        }
        assert!(seen > 120, "only {seen}");
        for shown in all(TEXT) {
            assert!(known.iter().any(|k| k == shown.path), "there is no `offhook {}`", shown.path);
            assert!(!shown.examples.is_empty(), "{}", shown.path);
        }
    }
}
