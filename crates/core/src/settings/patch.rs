//! JSON merge patch, RFC 7396.

use serde_json::{Map, Value};

/// Applies a merge patch: members replace, objects merge, null removes (RFC 7396 section 2).
pub fn apply_merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(members) = target {
        merge_members(members, patch);
    }
}

fn merge_members(members: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        if value.is_null() {
            members.shift_remove(name);
        } else {
            apply_merge_patch(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
