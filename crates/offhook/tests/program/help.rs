//! The help of every command is kept as a text file, so that a change of it is read. `OFFHOOK_BLESS=1 cargo test -p
//! offhook` writes them anew.

use std::{collections::BTreeSet, fs};

use crate::{kept, run, stdout};

/// Names that stand under `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|l| *l != "Commands:").skip(1);
    let named = lines.take_while(|l| !l.is_empty()).filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    named.filter_map(|l| l.split_whitespace().next()).filter(|n| *n != "help").map(str::to_owned).collect()
}

/// The help of a command and of all below it.
fn collect(path: &[String], found: &mut Vec<(String, String)>) {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    let help = stdout(&output);
    let name = if path.is_empty() { "offhook".to_owned() } else { format!("offhook-{}", path.join("-")) };
    for below in subcommands(&help) {
        collect(&[path, &[below]].concat(), found);
    }
    found.push((format!("{name}.txt"), help));
}

#[test]
fn the_help_of_every_command_is_as_it_was_read() {
    let mut found = Vec::new();
    collect(&[], &mut found);
    assert!(found.len() > 40, "only {} commands", found.len());
    let bless = std::env::var_os("OFFHOOK_BLESS").is_some();
    for (name, help) in &found {
        assert!(help.lines().all(|l| l.chars().count() <= 80), "{name} is wider than 80 columns:\n{help}");
        let file = kept().join(name);
        if bless {
            fs::write(&file, help).unwrap();
        }
        assert_eq!(&fs::read_to_string(&file).unwrap_or_default(), help, "{name} changed: read it, then OFFHOOK_BLESS=1");
    }
    let names: BTreeSet<&String> = found.iter().map(|(name, _)| name).collect();
    for file in fs::read_dir(kept()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "tests/help/{name} belongs to no command: delete it");
    }
}

#[test]
fn docs_name_every_command() {
    // A noun may have a dash in it, as the files have between words.
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md")).unwrap().replace('-', " ");
    let mut found = Vec::new();
    collect(&[], &mut found);
    for (name, _) in found {
        let command = name.trim_end_matches(".txt").replace('-', " ");
        assert!(page.contains(&command), "docs/cli.md does not name `{command}`");
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["completions", shell]);
        assert!(stdout(&output).contains("simulate"), "{shell}");
    }
    assert!(stdout(&run(&["--version"])).starts_with("offhook "));
}
