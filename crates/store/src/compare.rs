//! What differs between two documents, path by path, for people: secrets are compared as they are and shown as masks.

use offhook_core::settings::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One field that differs. Both sides masked means that a secret changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where: `label`, `lines.1.label`, `enforced.time.zone`.
    pub path: String,
    /// What stood there; null: nothing.
    pub before: Value,
    /// What stands there now; null: nothing.
    pub after: Value,
}

/// A document as it is, and as people may see it.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) clear: &'a Value,
    pub(crate) shown: &'a Value,
}

/// The differences, at most so many of them.
pub(crate) struct Differences {
    pub(crate) list: Vec<FieldChange>,
    /// How many more there are.
    pub(crate) more: u64,
    most: usize,
}

impl Differences {
    /// None yet.
    pub(crate) fn at_most(most: usize) -> Self {
        Self { list: Vec::new(), more: 0, most }
    }

    /// Adds what differs under a path; empty: the whole document. `None`: there is no such document.
    pub(crate) fn between(&mut self, path: &str, before: Option<Side<'_>>, after: Option<Side<'_>>) {
        let (before, after) = (before.filter(|s| !s.clear.is_null()), after.filter(|s| !s.clear.is_null()));
        if before.map(|s| s.clear) == after.map(|s| s.clear) {
            return;
        }
        let open = |test: fn(Side<'_>) -> bool| before.is_none_or(test) && after.is_none_or(test);
        let nothing = |s: Option<Side<'_>>| s.is_none_or(|s| s.clear.as_object().is_some_and(serde_json::Map::is_empty));
        if open(is_object) && (path.is_empty() || !(nothing(before) && nothing(after))) {
            self.names(path, before, after);
        } else if open(is_list_of_objects) {
            let items = |s: Option<Side<'_>>| s.and_then(|s| s.clear.as_array()).map_or(0, Vec::len);
            for i in 0..items(before).max(items(after)) {
                self.between(&format!("{path}[{i}]"), before.and_then(|s| item(s, i)), after.and_then(|s| item(s, i)));
            }
        } else if self.list.len() < self.most {
            let shown = |s: Option<Side<'_>>| s.map_or(Value::Null, |s| s.shown.clone());
            self.list.push(FieldChange { path: path.to_owned(), before: shown(before), after: shown(after) });
        } else {
            self.more += 1;
        }
    }

    fn names(&mut self, path: &str, before: Option<Side<'_>>, after: Option<Side<'_>>) {
        let names = |s: Option<Side<'_>>| -> Vec<String> {
            s.and_then(|s| s.clear.as_object()).map(|m| m.keys().cloned().collect()).unwrap_or_default()
        };
        let (old, new) = (names(before), names(after));
        for name in old.iter().chain(new.iter().filter(|n| !old.contains(n))) {
            let quoted = Path::of([name.as_str()]).to_string();
            let path = if path.is_empty() { quoted } else { format!("{path}.{quoted}") };
            self.between(&path, before.and_then(|s| field(s, name)), after.and_then(|s| field(s, name)));
        }
    }
}

fn is_object(side: Side<'_>) -> bool {
    side.clear.is_object() && side.shown.is_object()
}

fn is_list_of_objects(side: Side<'_>) -> bool {
    let all = |v: &Value| v.as_array().is_some_and(|items| items.iter().all(Value::is_object));
    all(side.clear) && all(side.shown)
}

fn field<'a>(side: Side<'a>, name: &str) -> Option<Side<'a>> {
    let clear = side.clear.get(name)?;
    Some(Side { clear, shown: side.shown.get(name).unwrap_or(&Value::Null) })
}

fn item(side: Side<'_>, i: usize) -> Option<Side<'_>> {
    let clear = side.clear.get(i)?;
    Some(Side { clear, shown: side.shown.get(i).unwrap_or(&Value::Null) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value, most: usize) -> (Vec<String>, u64) {
        let mut differences = Differences::at_most(most);
        let side = |v| Some(Side { clear: v, shown: v });
        differences.between("", side(before), side(after));
        let line = |c: FieldChange| format!("{} {} {}", c.path, c.before, c.after);
        (differences.list.into_iter().map(line).collect(), differences.more)
    }

    #[test]
    fn leaves_are_told_with_their_paths() {
        let before = json!({ "lines": { "1": { "label": "a", "codecs": ["pcma"] }, "2": {} }, "servers": [{ "host": "a" }, { "host": "b" }], "x": 1 });
        let after = json!({ "lines": { "1": { "label": "b", "codecs": ["g722"] } }, "servers": [{ "host": "c" }], "raw": { "acme": { "a.b": 2 } }, "x": 1 });
        let (list, _) = told(&before, &after, 100);
        assert_eq!(
            list,
            [
                r#"lines.1.label "a" "b""#,
                r#"lines.1.codecs ["pcma"] ["g722"]"#,
                r#"lines.2 {} null"#,
                r#"servers[0].host "a" "c""#,
                r#"servers[1].host "b" null"#,
                r#"raw.acme."a.b" null 2"#,
            ]
        );
        let (few, more) = told(&before, &after, 2);
        assert_eq!((few.len(), more), (2, 4));
        assert_eq!(told(&after, &after, 9).0, Vec::<String>::new());
    }

    #[test]
    fn a_changed_secret_is_told_and_not_shown() {
        let (old, new) = (json!({ "password": "a" }), json!({ "password": { "generate": 1 } }));
        let (masked, generated) = (json!({ "password": "********" }), json!({ "password": "(generated)" }));
        let mut differences = Differences::at_most(9);
        differences.between("", Some(Side { clear: &old, shown: &masked }), Some(Side { clear: &new, shown: &generated }));
        assert_eq!(differences.list, [FieldChange { path: "password".into(), before: json!("********"), after: json!("(generated)") }]);
    }
}
