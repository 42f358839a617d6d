//! What differs between two states of a device, value by value, masks standing for secrets.

use offhook_core::device::Device;
use serde_json::{Map, Value, json};

use super::document::writable;
use crate::app::App;

/// Each value that differs, as `{path, before, after}`; a value that is not there is null.
pub(super) fn difference(app: &App, before: &Device, after: &Device) -> Vec<Value> {
    let (old, new) = (whole(app, before), whole(app, after));
    let mut found = Vec::new();
    walk(&mut Vec::new(), (&old.0, &new.0), (&old.1, &new.1), &mut found);
    found
}

/// What a person writes of a device: as it is, and as it is shown.
fn whole(app: &App, device: &Device) -> (Value, Value) {
    let with = |settings: Value| {
        let mut document = writable(device);
        document.insert("settings".to_owned(), settings);
        Value::Object(document)
    };
    (with(Value::Object(device.settings.tree().clone())), with(app.masked(&device.settings)))
}

fn walk(path: &mut Vec<String>, real: (&Value, &Value), shown: (&Value, &Value), found: &mut Vec<Value>) {
    if real.0 == real.1 {
        return;
    }
    let nothing = Map::new();
    let members = |value: &Value| value.as_object().cloned();
    let (before, after) = (members(real.0), members(real.1));
    // What came or went as a whole is told by its values.
    let both = (before.is_some() || real.0.is_null()) && (after.is_some() || real.1.is_null());
    if !both {
        return found.push(json!({ "path": path.join("."), "before": shown.0, "after": shown.1 }));
    }
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let names = before.keys().chain(after.keys().filter(|k| !before.contains_key(*k)));
    let (old, new) = (shown.0.as_object().unwrap_or(&nothing), shown.1.as_object().unwrap_or(&nothing));
    for name in names {
        path.push(if name.contains('.') { format!("{name:?}") } else { name.clone() });
        let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
        walk(path, (&of(&before), &of(&after)), (&of(old), &of(new)), found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_are_told_with_masks() {
        let old = json!({"label": "a", "settings": {"lines": {"1": {"password": "x", "number": "1"}}}, "tags": ["a"]});
        let new =
            json!({"label": "a", "settings": {"lines": {"1": {"password": "y", "number": "1"}, "2": {"number": "2"}}}, "tags": ["b"]});
        let masked = |mut v: Value| {
            v["settings"]["lines"]["1"]["password"] = "********".into();
            v
        };
        let mut found = Vec::new();
        walk(&mut Vec::new(), (&old, &new), (&masked(old.clone()), &masked(new.clone())), &mut found);
        assert_eq!(
            Value::from(found),
            json!([
                {"path": "settings.lines.1.password", "before": "********", "after": "********"},
                {"path": "settings.lines.2.number", "before": null, "after": "2"},
                {"path": "tags", "before": ["a"], "after": ["b"]},
            ])
        );
    }
}
