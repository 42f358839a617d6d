//! The keys as pages: the commented default file, the effective configuration, and the documentation.

use std::fmt::Write;

use super::{
    key::{KEYS, Key, SECTIONS},
    load::Loaded,
};

const WIDTH: usize = 100;

/// A complete file: every key with its meaning, commented out at its default.
#[must_use]
pub fn default_file() -> String {
    let mut page = String::from(
        "# Configuration of Offhook. Every key stands here at its default, commented out: change what you need.\n\
         # An environment variable overrides a key: OFFHOOK_PHONES__HTTP__LISTEN='[\"0.0.0.0:8080\"]'.\n\
         # `offhook config check` checks this file; `offhook config show` tells what applies and why.\n",
    );
    for (section, about) in SECTIONS {
        page.push('\n');
        comment(&mut page, about);
        if !section.is_empty() {
            let _ = writeln!(page, "[{section}]");
        }
        for key in KEYS.iter().filter(|k| k.place().0 == *section) {
            page.push('\n');
            comment(&mut page, key.about);
            comment(&mut page, &format!("Allowed: {}.{}", key.allowed(), if key.reloads { " Read again on SIGHUP." } else { "" }));
            match key.default {
                Some(default) => {
                    let _ = writeln!(page, "#{} = {default}", key.place().1);
                }
                None => {
                    let _ = writeln!(page, "# Not set. Example:\n#{} = {}", key.place().1, key.example);
                }
            }
        }
    }
    page
}

/// The effective configuration as a file, with where each value came from.
#[must_use]
pub fn effective_file(loaded: &Loaded) -> String {
    let mut page = String::new();
    for (section, _) in SECTIONS {
        if !section.is_empty() {
            let _ = writeln!(page, "\n[{section}]");
        }
        let here: Vec<_> = loaded.entries.iter().filter(|e| e.key.place().0 == *section).collect();
        let line = |key: &Key, value: &str| format!("{} = {value}", key.place().1);
        let lines = here.iter().map(|e| match &e.value {
            Some(value) => line(e.key, &value.to_string()),
            None => format!("# {} is not set", e.key.place().1),
        });
        let lines: Vec<String> = lines.collect();
        let width = lines.iter().map(|l| l.chars().count()).max().unwrap_or(0).min(48);
        for (entry, line) in here.iter().zip(&lines) {
            let _ = match &entry.value {
                Some(_) => writeln!(page, "{line:width$}  # {}", entry.place),
                None => writeln!(page, "{line}"),
            };
        }
    }
    page
}

/// The reference part of `docs/configuration.md`.
#[must_use]
pub fn reference() -> String {
    let mut page = String::new();
    for (section, about) in SECTIONS {
        let title = if section.is_empty() { "Top of the file".to_owned() } else { format!("`[{section}]`") };
        let _ = writeln!(page, "### {title}\n\n{about}\n");
        for key in KEYS.iter().filter(|k| k.place().0 == *section) {
            let default = key.default.map_or_else(|| "not set".to_owned(), |d| format!("`{d}`"));
            let _ = writeln!(page, "**`{}`** · default {default}\n", key.place().1);
            let _ = writeln!(page, "{}\n", key.about);
            let again = if key.reloads { "SIGHUP reads it again" } else { "a change needs a restart" };
            let _ = writeln!(page, "Allowed: {}. Variable: `{}`; {again}.\n", key.allowed(), key.variable());
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn comment(page: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(page, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(page, "{line}");
}
