//! What of the settings a family or a model cannot express.

use std::collections::BTreeSet;

use offhook_core::settings::{Effective, LayerSource};

use crate::{
    Note, Pack,
    models::Model,
    paths::{self, PathSet},
};

const UNSUPPORTED: &str = "not supported by this model";

pub(crate) fn unsupported(pack: &Pack, model: &Model, settings: &Effective) -> Vec<Note> {
    let added = PathSet::new(&model.supports_add);
    let removed = PathSet::new(&model.supports_remove);
    let mut notes = BTreeSet::new();
    for (path, leaf) in settings.leaves() {
        // Nobody set these.
        if matches!(leaf.provenance.layer, LayerSource::BuiltIn | LayerSource::Pending) {
            continue;
        }
        let segments = paths::of(&path);
        if let Some(message) = too_many(model, &segments) {
            notes.insert(message);
            continue;
        }
        let raw = segments.first().is_some_and(|s| s == "raw");
        // An account's name only says where a line's values come from.
        let account = matches!(segments.as_slice(), [lines, _, account] if lines == "lines" && account == "account");
        if account || raw {
            continue;
        }
        let known = added.matches(&segments) || (pack.supports.matches(&segments) && !removed.matches(&segments));
        if known {
            continue;
        }
        let by_hand = pack.by_hand.iter().find(|(pattern, _)| pattern.matches(&segments));
        let message = by_hand.map_or_else(|| UNSUPPORTED.to_owned(), |(_, text)| format!("must be set by hand: {text}"));
        notes.insert(Note::new(path.to_string(), message));
    }
    notes.into_iter().collect()
}

/// A line, key or module beyond those that the model has.
fn too_many(model: &Model, path: &[String]) -> Option<Note> {
    let number: u32 = path.get(1)?.parse().ok()?;
    let (what, most) = match path.first()?.as_str() {
        "lines" => ("accounts", model.accounts),
        "keys" => ("keys", model.line_keys.saturating_add(model.memory_keys)),
        "modules" => ("expansion modules", model.modules.as_ref().map_or(0, |m| m.max)),
        _ => return None,
    };
    // The generic model knows no keys; it says nothing of them.
    let unknown = model.name.is_empty() && most == 0;
    (number > most && !unknown).then(|| Note::new(format!("{}.{number}", path[0]), format!("{UNSUPPORTED}, which has {most} {what}")))
}
