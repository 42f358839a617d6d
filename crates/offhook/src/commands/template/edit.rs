//! `template edit` and `template merge`: an editor, a check, what phones would get, a question, a save. What was typed is never
//! lost: until it is saved it stands in a file that is named.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
};

use clap::Args;
use serde_json::{Value, json};

use super::{Which, address, find, put, report, source_of, title};
use crate::{
    client::Client,
    failure::{Failure, Outcome},
    output::{Output, items, member},
};

/// Options of `edit`.
#[derive(Args, Debug)]
#[command(after_help = "\
The editor is that of VISUAL, else EDITOR, else vi. It opens the override; where
there is none, a copy of the pack's template, or, for a name that the pack lacks,
a text that extends base.tpl.

Examples:
  offhook template edit acme base.tpl
  offhook template edit acme base.tpl --extend
  offhook template edit acme T46S.tpl --tenant branch
  offhook template edit acme 001565aabbcc.cfg.tpl --from T46S.tpl")]
pub struct Edit {
    #[command(flatten)]
    which: Which,
    /// Begin with a copy of this template
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// Begin with a text that extends the pack's template, and changes only blocks
    #[arg(long, conflicts_with = "from")]
    extend: bool,
    /// Save without asking
    #[arg(long)]
    yes: bool,
}

/// Options of `merge`.
#[derive(Args, Debug)]
pub struct Merge {
    #[command(flatten)]
    which: Which,
    /// Save without asking; where both changed the same lines the editor opens all the same
    #[arg(long)]
    yes: bool,
}

/// What is being written, and what stands there now.
struct Work {
    scope: String,
    which: Which,
    /// Revision that is stored; 0: none.
    revision: u64,
    /// Version of the pack that the new text is made for, where that changes.
    base_version: Option<String>,
    /// What is stored.
    stored: Option<String>,
    yes: bool,
}

impl Edit {
    pub(super) async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        if chosen().is_none() && !io::stdin().is_terminal() {
            let ways = "nobody is there to edit it: set VISUAL or EDITOR, or save a file of yours:\noffhook template put PACK FILE";
            return Err(Failure::Usage(ways.to_owned()));
        }
        let Self { which, from, extend, yes } = self;
        let scope = which.layer.scope();
        let there = find(client, &scope, &which.pack, &which.name).await?;
        let begin = match &there {
            Some(template) => source_of(template).to_owned(),
            None => beginning(client, &scope, &which, from.as_deref(), extend).await?,
        };
        let revision = there.as_ref().map_or(0, revision);
        let stored = there.as_ref().map(|t| source_of(t).to_owned());
        let work = Work { scope, which, revision, base_version: None, stored, yes };
        let draft = Draft::new(&work.which.name, &begin)?;
        draft.named(work.typed(out, client, &draft, true).await)
    }
}

impl Merge {
    pub(super) async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        let Self { which, yes } = self;
        let scope = which.layer.scope();
        let template = client.get(&address(&scope, &which.pack, &which.name), &[]).await?;
        let what = title(&scope, &which.pack, &which.name);
        if template.get("stale").and_then(Value::as_bool) != Some(true) {
            return out.paragraph("", &format!("{what}: the pack did not change under it, nothing is to be merged."));
        }
        let merged = member(&template, "report.clean") == "true";
        let text = template.pointer("/report/merged").and_then(Value::as_str).unwrap_or_default();
        let (from, to) = (member(&template, "base_version"), member(&template, "pack_version"));
        if !out.json {
            out.paragraph("", &format!("{what}: made for version {from} of the pack, which is {to} now."))?;
            let way = if merged { "The two go together." } else { "Both changed the same lines: decide between the markers." };
            out.line(way)?;
        }
        let work = Work { scope, revision: revision(&template), base_version: Some(to), stored: None, which, yes };
        let draft = Draft::new(&work.which.name, text)?;
        draft.named(work.typed(out, client, &draft, !merged).await)
    }
}

fn revision(template: &Value) -> u64 {
    template.get("revision").and_then(Value::as_u64).unwrap_or(0)
}

/// The text that a new override begins with.
async fn beginning(client: &Client, scope: &str, which: &Which, from: Option<&str>, extend: bool) -> Outcome<String> {
    let pack = &which.pack;
    if let Some(from) = from {
        for scope in [scope, "site"] {
            if let Some(template) = find(client, scope, pack, from).await? {
                return Ok(source_of(&template).to_owned());
            }
        }
        let template = client.get(&address("pack", pack, from), &[]).await?;
        return Ok(source_of(&template).to_owned());
    }
    match find(client, "pack", pack, &which.name).await? {
        Some(own) if extend => Ok(extending(&format!("@pack/{}", which.name), source_of(&own))),
        Some(own) => Ok(source_of(&own).to_owned()),
        None => {
            let base = client.get(&address("pack", pack, "base.tpl"), &[]).await?;
            Ok(extending("base.tpl", source_of(&base)))
        }
    }
}

/// A text that changes nothing yet: it extends another template, whose blocks it names.
fn extending(parent: &str, source: &str) -> String {
    let blocks: Vec<&str> = blocks(source);
    let known = match blocks.as_slice() {
        [] => "It has no blocks: to change it, copy it instead.".to_owned(),
        blocks => {
            format!("Its blocks: {}.\n   {{% block {} %}}{{{{ super() }}}} … {{% endblock %}} adds to one.", blocks.join(", "), blocks[0])
        }
    };
    format!("{{% extends \"{parent}\" %}}\n{{# Everything comes from {parent}, but for the blocks that are written here.\n   {known} #}}\n")
}

fn blocks(source: &str) -> Vec<&str> {
    let tags = source.split("{%").skip(1).filter_map(|t| t.trim_start_matches(['-', '+']).trim_start().strip_prefix("block "));
    let mut names: Vec<&str> = tags.filter_map(|t| t.split([' ', '%', '-']).find(|w| !w.is_empty())).collect();
    names.dedup();
    names
}

impl Work {
    /// Until the text is saved, or nobody goes on.
    async fn typed(&self, out: &mut Output<'_>, client: &Client, draft: &Draft, mut open: bool) -> Outcome<Done> {
        let mut refused: Option<String> = None;
        loop {
            if open {
                draft.edit()?;
            }
            open = true;
            let text = draft.text()?;
            if text.trim().is_empty() {
                out.line("It is empty: nothing is saved.")?;
                return Ok(Done::Dropped);
            }
            if self.stored.as_ref() == Some(&text) {
                out.line("Nothing is changed.")?;
                return Ok(Done::Dropped);
            }
            if refused.as_ref() == Some(&text) {
                return Err(Failure::Failed("nothing was corrected, so nothing is saved".to_owned()));
            }
            let checked = client.post(&["templates:check"], &[], &json!({ "changes": [self.change(&text)] })).await?;
            if !report::is_good(&checked) {
                if !out.json {
                    report::checked(out, &checked)?;
                }
                if io::stdin().is_terminal() && ask("Edit again? [Y/n] ")?.is_some_and(|a| a.starts_with(['n', 'N'])) {
                    return Err(Failure::Failed("it is not saved".to_owned()));
                }
                draft.write(&noted(&text, &checked, &self.which.name))?;
                refused = Some(text);
                continue;
            }
            if !self.yes {
                if !out.json {
                    report::checked(out, &checked)?;
                }
                match ask("Save? [y/N/e] ")?.as_deref() {
                    Some("y" | "Y" | "yes") => {}
                    Some("e" | "E") => continue,
                    _ => return Err(Failure::Failed("it is not saved".to_owned())),
                }
            }
            let answer = client.post(&["templates:apply"], &[], &json!({ "changes": [self.change(&text)] })).await?;
            if !out.as_json(&answer)? {
                report::saved(out, &answer)?;
            }
            return Ok(Done::Saved);
        }
    }

    fn change(&self, text: &str) -> Value {
        let Which { pack, name, .. } = &self.which;
        let mut change = json!({ "scope": self.scope, "pack": pack, "name": name, "source": text, "revision": self.revision });
        put(&mut change, "base_version", self.base_version.clone());
        change
    }
}

/// How it ended well.
#[derive(PartialEq, Eq)]
enum Done {
    Saved,
    /// There was nothing to save.
    Dropped,
}

/// Asks on the terminal; none at the end of the input.
fn ask(question: &str) -> Outcome<Option<String>> {
    eprint!("{question}");
    io::stderr().flush()?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer)?;
    if read == 0 {
        eprintln!();
    }
    Ok((read > 0).then(|| answer.trim().to_owned()))
}

/// How a note begins and ends that stands above a text that was refused.
const NOTE: (&str, &str) = ("{# offhook: this is not saved yet. These lines go by themselves.", "#}");

/// The text with what is wrong above it; line numbers are those of the text with the note.
fn noted(text: &str, checked: &Value, name: &str) -> String {
    let faults = checked.get("faults").map(items).unwrap_or_default();
    let height = 2 + faults.len() * 2;
    let mut note = vec![NOTE.0.to_owned()];
    for fault in faults {
        let template = member(fault, "template");
        let line = fault.get("line").and_then(Value::as_u64).unwrap_or(0);
        // Of this text, not of another that includes it: the note moved it down.
        let own = template.split_once('/').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(name));
        let line = if own { line + height as u64 } else { line };
        note.push(format!("   {template}, line {line}: {}", member(fault, "message")).replace("#}", "# }"));
        note.push(format!("       {}", member(fault, "snippet")).replace("#}", "# }"));
    }
    note.push(NOTE.1.to_owned());
    format!("{}\n{text}", note.join("\n"))
}

fn without_note(text: &str) -> &str {
    let end = format!("\n{}\n", NOTE.1);
    match text.strip_prefix(NOTE.0).and_then(|rest| rest.split_once(&end)) {
        Some((_, text)) => text,
        None => text,
    }
}

/// The file that the editor opens. It stays until its text is saved.
struct Draft {
    folder: PathBuf,
    file: PathBuf,
}

impl Draft {
    fn new(name: &str, text: &str) -> Outcome<Self> {
        let name = name.rsplit('/').next().filter(|n| !n.is_empty() && *n != "." && *n != "..").unwrap_or("template");
        let begin = std::env::temp_dir().join(format!("offhook-template-{}", std::process::id()));
        let mut folder = begin.clone();
        for n in 1..100 {
            match fs::DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {
                    let draft = Self { file: folder.join(name), folder };
                    draft.write(text)?;
                    return Ok(draft);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => folder = PathBuf::from(format!("{}-{n}", begin.display())),
                Err(e) => return Err(Failure::Failed(format!("{} cannot be made: {e}", folder.display()))),
            }
        }
        Err(Failure::Failed(format!("{}: too many of them; remove old ones", begin.display())))
    }

    fn write(&self, text: &str) -> Outcome {
        fs::write(&self.file, text).map_err(|e| Failure::Failed(format!("{} cannot be written: {e}", self.file.display())))
    }

    fn text(&self) -> Outcome<String> {
        let text = fs::read_to_string(&self.file).map_err(|e| Failure::Failed(format!("{} cannot be read: {e}", self.file.display())))?;
        Ok(without_note(&text).to_owned())
    }

    /// Runs the editor to its end.
    fn edit(&self) -> Outcome {
        run(&chosen().unwrap_or_else(|| "vi".to_owned()), &self.file)
    }

    /// Says where the text is when it is not saved.
    fn named(&self, ended: Outcome<Done>) -> Outcome {
        match ended {
            Ok(_) => {
                // Of what was saved nothing is lost.
                let _ = fs::remove_dir_all(&self.folder);
                Ok(())
            }
            Err(failure) => Err(failure.with(&format!("What you typed is kept in {}", self.file.display()))),
        }
    }
}

/// The editor that a person set.
fn chosen() -> Option<String> {
    ["VISUAL", "EDITOR"].into_iter().filter_map(|name| std::env::var(name).ok()).find(|editor| !editor.trim().is_empty())
}

/// The editor may be a command with options, as the shell reads it.
fn run(editor: &str, file: &Path) -> Outcome {
    let status = Command::new("sh").args(["-c", &format!("{editor} \"$@\""), editor]).arg(file).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Failed(format!("the editor `{editor}` failed ({status}); another is set with VISUAL or EDITOR"))),
        Err(e) => Err(Failure::Failed(format!("the editor `{editor}` does not start: {e}; set VISUAL or EDITOR"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_note_comes_and_goes() {
        let checked =
            json!({ "faults": [{ "template": "site/base.tpl", "line": 2, "message": "unknown #} filter", "snippet": "{{ x|nope }}" }] });
        let text = noted("a\n{{ x|nope }}\n", &checked, "base.tpl");
        assert!(text.lines().nth(5).unwrap().contains("nope") && text.contains("site/base.tpl, line 6: unknown # } filter"), "{text}");
        assert_eq!(without_note(&text), "a\n{{ x|nope }}\n");
        assert_eq!(without_note("{# mine #}\na"), "{# mine #}\na");
    }

    #[test]
    fn a_text_that_extends_names_the_blocks() {
        let text = extending("@pack/base.tpl", "{% block lines %}x{% endblock %}\n{%- block more -%}{% endblock %}");
        assert!(text.starts_with("{% extends \"@pack/base.tpl\" %}\n"), "{text}");
        assert!(text.contains("lines, more"), "{text}");
        assert!(extending("base.tpl", "x").contains("no blocks"));
    }
}
