//! `template pull` and `template push`: overrides as files of a folder, so that they can lie in git. Which revision a file was
//! written from is kept beside them; what both sides changed is told and never overwritten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{address, report, source_of};
use crate::{
    client::Client,
    failure::{Failure, Outcome},
    output::{Output, items, member},
};

/// Beside the files: what they were written from.
const STATE: &str = ".offhook-templates.json";
/// A folder may hold so many templates.
const MOST: usize = 100_000;

/// Options of `pull`.
#[derive(Args, Debug)]
#[command(after_help = "\
The folder gets site/PACK/NAME, tenants/TENANT/PACK/NAME and .offhook-templates.json,
which says what revision each file is of: keep it in git with the others.

Example:
  offhook template pull templates && git -C templates add -A")]
pub struct Pull {
    /// The folder; it is made when there is none
    folder: PathBuf,
    /// Write over files that were changed here
    #[arg(long)]
    overwrite: bool,
}

/// Options of `push`.
#[derive(Args, Debug)]
#[command(after_help = "\
All changes are checked together, then saved together or not at all. A template
that was changed on the server since the pull is a conflict: nothing is saved.

Example:
  offhook template push templates --dry-run")]
pub struct Push {
    /// The folder, as `offhook template pull` wrote it
    folder: PathBuf,
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// Delete overrides whose files are gone
    #[arg(long)]
    delete: bool,
}

/// What the files of a folder were written from.
#[derive(Default, Serialize, Deserialize)]
struct State {
    /// By the path of the file.
    templates: BTreeMap<String, Written>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    /// Revision of the override.
    revision: u64,
    /// SHA-256 of its text, hexadecimal.
    sha256: String,
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

impl State {
    fn read(folder: &Path) -> Outcome<Self> {
        let file = folder.join(STATE);
        match fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|e| Failure::Failed(format!("{} is damaged ({e}): restore it, or pull into another folder", file.display()))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(Failure::Failed(format!("{} cannot be read: {e}", file.display()))),
        }
    }

    fn write(&self, folder: &Path) -> Outcome {
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        write(&folder.join(STATE), &text)
    }
}

fn write(file: &Path, text: &str) -> Outcome {
    let parent = file.parent().map_or(Ok(()), fs::create_dir_all);
    let written = parent.and_then(|()| fs::write(file, text));
    written.map_err(|e| Failure::Failed(format!("{} cannot be written: {e}", file.display())))
}

/// The file of an override, below the folder. None for names that would lead elsewhere.
fn path_of(scope: &str, pack: &str, name: &str) -> Option<String> {
    let path = match scope.split_once(':') {
        Some((_, tenant)) if !tenant.contains('/') => format!("tenants/{tenant}/{pack}/{name}"),
        None => format!("site/{pack}/{name}"),
        Some(_) => return None,
    };
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    path.split('/').all(plain).then_some(path)
}

/// Scope, pack and name of a file; none for files that are no override's.
fn place_of(path: &str) -> Option<(String, String, String)> {
    let (scope, rest) = match path.split_once('/')? {
        ("site", rest) => ("site".to_owned(), rest),
        ("tenants", rest) => rest.split_once('/').map(|(tenant, rest)| (format!("tenant:{tenant}"), rest))?,
        _ => return None,
    };
    let (pack, name) = rest.split_once('/')?;
    Some((scope, pack.to_owned(), name.to_owned()))
}

/// The overrides' files of a folder with their texts. Hidden files and what editors leave behind are passed over.
fn files(folder: &Path) -> Outcome<BTreeMap<String, String>> {
    fn walk(folder: &Path, path: &str, found: &mut BTreeMap<String, String>) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if name.starts_with('.') || name.ends_with('~') || kind.is_symlink() || found.len() > MOST {
                continue;
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if kind.is_dir() {
                walk(&entry.path(), &path, found)?;
            } else if place_of(&path).is_some() {
                found.insert(path, fs::read_to_string(entry.path())?);
            }
        }
        Ok(())
    }
    let mut found = BTreeMap::new();
    for top in ["site", "tenants"] {
        let folder = folder.join(top);
        if folder.is_dir() {
            walk(&folder, top, &mut found).map_err(|e| Failure::Failed(format!("{} cannot be read: {e}", folder.display())))?;
        }
    }
    Ok(found)
}

/// The overrides of the server, by the path that their file has.
async fn stored(client: &Client) -> Outcome<BTreeMap<String, Value>> {
    let list = client.list(&["templates"], &[("scope", Some("overrides".to_owned()))], MOST).await?;
    let mut found = BTreeMap::new();
    for template in items(&list) {
        let (scope, pack, name) = (member(template, "scope"), member(template, "pack"), member(template, "name"));
        let path = path_of(&scope, &pack, &name)
            .ok_or_else(|| Failure::Failed(format!("{name:?} of {pack:?} for {scope:?} is no file name: it cannot be pulled")))?;
        found.insert(path, template.clone());
    }
    Ok(found)
}

fn revision(template: &Value) -> u64 {
    template.get("revision").and_then(Value::as_u64).unwrap_or(0)
}

impl Pull {
    pub(super) async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        let state = State::read(&self.folder)?;
        let there = stored(client).await?;
        let here = files(&self.folder)?;
        let changed_here = |path: &str| {
            let text = here.get(path);
            let was = state.templates.get(path);
            text.is_some_and(|t| was.is_none_or(|w| w.sha256 != sha256(t)))
        };
        let mut texts = BTreeMap::new();
        for (path, template) in &there {
            let (scope, pack, name) = (member(template, "scope"), member(template, "pack"), member(template, "name"));
            let same = |w: &Written| w.revision == revision(template) && here.get(path).is_some_and(|t| sha256(t) == w.sha256);
            if !state.templates.get(path).is_some_and(same) {
                let template = client.get(&address(&scope, &pack, &name), &[]).await?;
                texts.insert(path.clone(), (source_of(&template).to_owned(), revision(&template)));
            }
        }
        let lost = |path: &&String| changed_here(path) && texts.get(*path).is_none_or(|(text, _)| here.get(*path) != Some(text));
        let gone: Vec<&String> = state.templates.keys().filter(|p| !there.contains_key(*p)).collect();
        let conflicts: Vec<&String> = texts.keys().chain(gone.iter().copied()).filter(lost).collect();
        if !conflicts.is_empty() && !self.overwrite {
            return Err(changed_by_both("were changed here; the pull would write over them", &conflicts, "--overwrite does so"));
        }
        let mut after = State::default();
        let kept = state.templates.iter().filter(|(path, _)| there.contains_key(*path) && !texts.contains_key(*path));
        after.templates.extend(kept.map(|(p, w)| (p.clone(), w.clone())));
        for (path, (text, revision)) in &texts {
            write(&self.folder.join(path), text)?;
            after.templates.insert(path.clone(), Written { revision: *revision, sha256: sha256(text) });
        }
        let mut removed = Vec::new();
        for path in gone {
            let file = self.folder.join(path);
            if file.exists() {
                fs::remove_file(&file).map_err(|e| Failure::Failed(format!("{} cannot be removed: {e}", file.display())))?;
                removed.push(path.clone());
            }
        }
        fs::create_dir_all(&self.folder).map_err(|e| Failure::Failed(format!("{} cannot be made: {e}", self.folder.display())))?;
        after.write(&self.folder)?;
        let written: Vec<&String> = texts.keys().collect();
        if out.as_json(&json!({ "written": written, "removed": removed, "templates": there.len() }))? {
            return Ok(());
        }
        written.iter().try_for_each(|p| out.line(format!("written  {p}")))?;
        removed.iter().try_for_each(|p| out.line(format!("removed  {p}")))?;
        out.line(format!("{} holds {} overrides.", self.folder.display(), there.len()))
    }
}

fn changed_by_both(what: &str, paths: &[&String], way: &str) -> Failure {
    let list: Vec<String> = paths.iter().map(|p| format!("\n  {p}")).collect();
    Failure::Failed(format!("these {what}:{}\n{way}", list.concat()))
}

/// What a push would do.
#[derive(Default)]
struct Plan {
    /// As the API takes them.
    changes: Vec<Value>,
    /// `new`, `changed`, `deleted` and the path.
    told: Vec<(&'static str, String)>,
    /// Changed on the server since the pull.
    conflicts: Vec<String>,
    /// Their files are gone, and nobody said to delete them.
    left: Vec<String>,
}

fn plan(state: &State, here: &BTreeMap<String, String>, there: &BTreeMap<String, Value>, delete: bool) -> Plan {
    let mut plan = Plan::default();
    let paths: BTreeSet<&String> = here.keys().chain(state.templates.keys()).collect();
    for path in paths {
        let Some((scope, pack, name)) = place_of(path) else { continue };
        let was = state.templates.get(path);
        let (mine, theirs) = (here.get(path), there.get(path));
        if mine.is_some_and(|text| was.is_some_and(|w| w.sha256 == sha256(text))) {
            continue;
        }
        let (told, expected) = match (mine, was) {
            (Some(_), Some(was)) => ("changed", was.revision),
            (Some(_), None) => ("new", 0),
            (None, Some(_)) if theirs.is_none() => continue,
            (None, Some(_)) if !delete => {
                plan.left.push(path.clone());
                continue;
            }
            (None, Some(was)) => ("deleted", was.revision),
            (None, None) => continue,
        };
        if theirs.map_or(0, revision) != expected {
            plan.conflicts.push(path.clone());
            continue;
        }
        plan.changes.push(json!({ "scope": scope, "pack": pack, "name": name, "source": mine, "revision": expected }));
        plan.told.push((told, path.clone()));
    }
    plan
}

impl Push {
    pub(super) async fn run(self, out: &mut Output<'_>, client: &Client) -> Outcome {
        if !self.folder.is_dir() {
            return Err(Failure::Usage(format!("{} is no folder", self.folder.display())));
        }
        let mut state = State::read(&self.folder)?;
        let here = files(&self.folder)?;
        let plan = plan(&state, &here, &stored(client).await?, self.delete);
        if !plan.conflicts.is_empty() {
            let conflicts: Vec<&String> = plan.conflicts.iter().collect();
            let way = "Nothing is saved. Commit your files, take the server's with\n\
                       offhook template pull DIR --overwrite\n\
                       put your changes in again (git shows them), and push.";
            return Err(changed_by_both("were changed on the server since the pull", &conflicts, way));
        }
        if !out.json {
            plan.told.iter().try_for_each(|(what, path)| out.line(format!("{what:<8} {path}")))?;
            plan.left.iter().try_for_each(|path| out.line(format!("{:<8} {path} (its file is gone; --delete deletes it)", "stays")))?;
        }
        if plan.changes.is_empty() {
            return if out.as_json(&json!({ "items": [] }))? { Ok(()) } else { out.line("There is nothing to save.") };
        }
        let call = if self.dry_run { "templates:check" } else { "templates:apply" };
        let answer = client.post(&[call], &[], &json!({ "changes": plan.changes })).await?;
        if self.dry_run {
            if !out.as_json(&answer)? {
                report::checked(out, &answer)?;
            }
            let good = report::is_good(&answer);
            return if good { Ok(()) } else { Err(Failure::Failed("it would not be saved".to_owned())) };
        }
        for (change, saved) in plan.changes.iter().zip(answer.get("items").map(items).unwrap_or_default()) {
            let Some(path) = path_of(&member(change, "scope"), &member(change, "pack"), &member(change, "name")) else { continue };
            match change.get("source").and_then(Value::as_str) {
                Some(text) => state.templates.insert(path, Written { revision: revision(saved), sha256: sha256(text) }),
                None => state.templates.remove(&path),
            };
        }
        state.write(&self.folder)?;
        if out.as_json(&answer)? {
            return Ok(());
        }
        report::saved(out, &answer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_files_belong_together() {
        for (scope, pack, name, path) in
            [("site", "acme", "base.tpl", "site/acme/base.tpl"), ("tenant:north", "acme", "a/b.tpl", "tenants/north/acme/a/b.tpl")]
        {
            assert_eq!(path_of(scope, pack, name).as_deref(), Some(path));
            assert_eq!(place_of(path), Some((scope.into(), pack.into(), name.into())));
        }
        for (scope, name) in [("tenant:..", "x"), ("site", "../x"), ("site", "a//b"), ("site", "a\\b"), ("tenant:a/b", "x")] {
            assert_eq!(path_of(scope, "acme", name), None, "{scope} {name}");
        }
        for path in ["README.md", "site/x", "tenants/a/b"] {
            assert_eq!(place_of(path), None, "{path}");
        }
    }

    #[test]
    fn what_a_push_does() {
        let here: BTreeMap<String, String> =
            [("site/p/same", "1"), ("site/p/mine", "2"), ("site/p/both", "3"), ("site/p/new", "4"), ("site/p/taken", "5")]
                .map(|(p, t)| (p.into(), t.into()))
                .into();
        let was = |revision, text: &str| Written { revision, sha256: sha256(text) };
        let state = State {
            templates: [
                ("site/p/same".into(), was(1, "1")),
                ("site/p/mine".into(), was(1, "old")),
                ("site/p/both".into(), was(1, "old")),
                ("site/p/gone".into(), was(1, "x")),
                ("site/p/gone too".into(), was(1, "x")),
            ]
            .into(),
        };
        let there: BTreeMap<String, Value> =
            [("site/p/same", 2), ("site/p/mine", 1), ("site/p/both", 2), ("site/p/gone", 1), ("site/p/taken", 1)]
                .map(|(p, r)| (p.into(), json!({ "revision": r })))
                .into();
        let told = |plan: &Plan| plan.told.iter().map(|(w, p)| format!("{w} {p}")).collect::<Vec<_>>();
        let first = plan(&state, &here, &there, false);
        assert_eq!(told(&first), ["changed site/p/mine", "new site/p/new"]);
        assert_eq!((first.conflicts, first.left), (vec!["site/p/both".into(), "site/p/taken".into()], vec!["site/p/gone".into()]));
        let second = plan(&state, &here, &there, true);
        assert_eq!(told(&second), ["deleted site/p/gone", "changed site/p/mine", "new site/p/new"]);
        assert!(second.changes[0]["source"].is_null() && second.changes[2]["revision"] == 0);
    }
}
