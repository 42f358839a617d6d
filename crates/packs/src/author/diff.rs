//! What differs between two packs: their files, and what a phone of each model would get.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;

use crate::{Pack, PackFault, files::PackFiles, load::load, runner};

/// A file of the pack itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Path below the pack's folder.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub change: &'static str,
    /// Unified difference of a text that changed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub patch: String,
}

/// One parameter of a rendered file. What is absent is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Value {
    /// Its name.
    pub parameter: String,
    /// What the older pack writes.
    pub old: Option<String>,
    /// What the newer pack writes.
    pub new: Option<String>,
}

/// The same change of a file of some models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendering {
    /// Name of the `[[file]]`.
    pub file: String,
    /// The models whose file changes so.
    pub models: Vec<String>,
    /// Parameters that change.
    pub values: Vec<Value>,
}

/// The difference of two packs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PackDiff {
    /// `id version` of both.
    pub packs: [String; 2],
    /// Models that only the newer one knows.
    pub models_added: Vec<String>,
    /// Models that only the older one knows.
    pub models_removed: Vec<String>,
    /// Files of the packs, their tests left out.
    pub files: Vec<FileChange>,
    /// What phones of a model would get otherwise, for a device with rich settings.
    pub renderings: Vec<Rendering>,
}

impl PackDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.renderings.is_empty()
    }
}

/// Compares two packs.
pub(crate) fn compare(old: &PackFiles, new: &PackFiles) -> Result<PackDiff, Vec<PackFault>> {
    let (a, b) = (Arc::new(load(old)?), Arc::new(load(new)?));
    let names = |pack: &Pack| pack.models().map(|m| m.name.clone()).collect::<BTreeSet<_>>();
    let (models_a, models_b) = (names(&a), names(&b));
    Ok(PackDiff {
        packs: [&a, &b].map(|p| format!("{} {}", p.id(), p.version())),
        models_added: models_b.difference(&models_a).cloned().collect(),
        models_removed: models_a.difference(&models_b).cloned().collect(),
        files: file_changes(old, new),
        renderings: renderings(&a, &b, models_a.intersection(&models_b)),
    })
}

fn file_changes(old: &PackFiles, new: &PackFiles) -> Vec<FileChange> {
    let paths: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
    let change = |path: &String| {
        let (change, patch) = match (old.files.get(path), new.files.get(path)) {
            (Some(a), Some(b)) if a == b => return None,
            (Some(a), Some(b)) => ("changed", patch(a, b)),
            (None, _) => ("added", String::new()),
            (_, None) => ("removed", String::new()),
        };
        Some(FileChange { path: path.clone(), change, patch })
    };
    paths.into_iter().filter_map(change).collect()
}

fn patch(a: &[u8], b: &[u8]) -> String {
    match (std::str::from_utf8(a), std::str::from_utf8(b)) {
        (Ok(a), Ok(b)) => diffy::create_patch(a, b).to_string().lines().skip(2).map(|l| format!("{l}\n")).collect(),
        _ => String::new(),
    }
}

type Parameters = BTreeMap<String, String>;

fn renderings<'a>(a: &Arc<Pack>, b: &Arc<Pack>, models: impl Iterator<Item = &'a String>) -> Vec<Rendering> {
    let mut groups: BTreeMap<(String, Vec<Value>), Vec<String>> = BTreeMap::new();
    for model in std::iter::once("").chain(models.map(String::as_str)) {
        let (old, new) = (runner::sample_files(a, model), runner::sample_files(b, model));
        for file in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let none = Parameters::new();
            let values = values(old.get(file).unwrap_or(&none), new.get(file).unwrap_or(&none));
            if !values.is_empty() {
                let model = if model.is_empty() { "generic model" } else { model };
                groups.entry((file.clone(), values)).or_default().push(model.to_owned());
            }
        }
    }
    groups.into_iter().map(|((file, values), models)| Rendering { file, models, values }).collect()
}

fn values(old: &Parameters, new: &Parameters) -> Vec<Value> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = names.into_iter().filter(|n| old.get(*n) != new.get(*n));
    changed.map(|n| Value { parameter: n.clone(), old: old.get(n).cloned(), new: new.get(n).cloned() }).collect()
}

/// Compares two packs, each a folder, or the id of a built-in one.
///
/// # Errors
/// Every fault of a pack that cannot be loaded.
pub fn diff(old: &str, new: &str) -> Result<PackDiff, Vec<PackFault>> {
    compare(&files_of(old)?, &files_of(new)?)
}

fn files_of(pack: &str) -> Result<PackFiles, Vec<PackFault>> {
    let fault = |message: String| vec![crate::models::fault(pack, "", String::new(), message)];
    let folder = std::path::Path::new(pack);
    if folder.join("vendor.toml").is_file() {
        return PackFiles::folder(folder).map_err(|e| fault(e.to_string()));
    }
    let built_in = PackFiles::built_in().into_iter().find(|p| p.id == pack);
    built_in.ok_or_else(|| fault("is no folder with a vendor.toml, and no built-in pack has this id".to_owned()))
}
