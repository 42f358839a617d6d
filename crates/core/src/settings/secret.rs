//! Which values of a document are secrets, how they are found, masked and taken out.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::{Map, Value};

use super::field::{Field, Kind, Shape};
use super::generate;
use super::path::Trail;

/// Shown in place of a secret. Written back, it keeps the stored value.
pub const MASK: &str = "********";
/// Shown in place of a secret that is derived. Written back, it keeps things as they are.
pub const GENERATED: &str = "(generated)";
/// A stored, encrypted value begins with this character. No valid value can (control characters are refused), so the
/// walks know such a value whatever model, raw names or URLs say today.
pub const SEALED: char = '\u{1}';

/// Raw parameters whose name holds one of these are secrets.
const SECRET_WORDS: [&str; 4] = ["pass", "pwd", "secret", "key"];

/// Names of raw parameters that packs list as secret.
#[derive(Clone, Debug, Default)]
pub struct RawSecrets(BTreeMap<String, BTreeSet<String>>);

static NO_RAW_SECRETS: RawSecrets = RawSecrets(BTreeMap::new());

impl RawSecrets {
    /// None listed: only the names that hold pass, pwd, secret or key are secret.
    pub fn none() -> &'static RawSecrets {
        &NO_RAW_SECRETS
    }

    /// Adds names of parameters of `raw.<pack>`, `*` for any text; letter case does not count.
    pub fn add<S: AsRef<str>>(&mut self, pack: &str, names: &[S]) {
        let listed = self.0.entry(pack.to_owned()).or_default();
        listed.extend(names.iter().map(|name| name.as_ref().to_ascii_lowercase()));
    }

    /// Whether this parameter is a secret.
    pub fn holds(&self, pack: &str, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        SECRET_WORDS.iter().any(|word| name.contains(word)) || self.0.get(pack).is_some_and(|listed| listed.iter().any(|p| fits(p, &name)))
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
                Some(after) => rest = after,
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

/// What a walk found at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The whole value is a secret.
    Secret,
    /// The text has a URL with a password.
    UrlPassword,
    /// A secret that is derived: there is none in the document.
    Generated,
}

/// What a walk does at each find; false takes the value out.
pub(super) type Visit<'f, E> = dyn FnMut(&Trail<'_>, Found, &mut Value) -> Result<bool, E> + 'f;

/// Visits the secrets of an object of this shape.
pub(super) fn walk<E>(
    shape: &Shape,
    tree: &mut Map<String, Value>,
    trail: &Trail<'_>,
    raw: &RawSecrets,
    f: &mut Visit<'_, E>,
) -> Result<(), E> {
    retain(tree, |name, value| match shape.field(name) {
        Some(field) => walk_field(field, value, &trail.name(name), raw, f),
        None => Ok(true),
    })
}

/// Visits the secrets of the value of a field.
pub(super) fn walk_field<E>(
    field: &Field,
    value: &mut Value,
    trail: &Trail<'_>,
    raw: &RawSecrets,
    f: &mut Visit<'_, E>,
) -> Result<bool, E> {
    match (&field.kind, value) {
        (Kind::Object(shape), Value::Object(map)) => walk(shape, map, trail, raw, f)?,
        (Kind::Numbered { of, .. }, Value::Object(map)) => retain(map, |number, value| {
            if let Value::Object(map) = value {
                walk(of, map, &trail.name(number), raw, f)?;
            }
            Ok(true)
        })?,
        (Kind::Raw, Value::Object(packs)) => retain(packs, |pack, parameters| {
            if let Value::Object(parameters) = parameters {
                let trail = trail.name(pack);
                retain(parameters, |name, value| walk_raw(pack, name, value, &trail.name(name), raw, f))?;
            }
            Ok(true)
        })?,
        (Kind::List { of, .. }, Value::Array(items)) => walk_items(field, of, items, trail, raw, f)?,
        (_, value) => return visit(field.secret, value, trail, f),
    }
    Ok(true)
}

fn walk_items<E>(
    field: &Field,
    of: &'static Kind,
    items: &mut Vec<Value>,
    trail: &Trail<'_>,
    raw: &RawSecrets,
    f: &mut Visit<'_, E>,
) -> Result<(), E> {
    let item_field = Field { kind: *of, ..*field };
    let mut outcome = Ok(());
    let mut at = 0;
    items.retain_mut(|item| {
        let trail = trail.item(at);
        at += 1;
        outcome.is_err()
            || walk_field(&item_field, item, &trail, raw, f).unwrap_or_else(|error| {
                outcome = Err(error);
                true
            })
    });
    outcome
}

/// Visits the value of a raw parameter, if it is or has a secret.
pub(super) fn walk_raw<E>(
    pack: &str,
    name: &str,
    value: &mut Value,
    trail: &Trail<'_>,
    raw: &RawSecrets,
    f: &mut Visit<'_, E>,
) -> Result<bool, E> {
    visit(raw.holds(pack, name), value, trail, f)
}

fn visit<E>(secret: bool, value: &mut Value, trail: &Trail<'_>, f: &mut Visit<'_, E>) -> Result<bool, E> {
    match find(secret, value) {
        Some(found) => f(trail, found, value),
        None => Ok(true),
    }
}

fn find(secret: bool, value: &Value) -> Option<Found> {
    match value {
        Value::String(text) if secret || text.starts_with(SEALED) => Some(Found::Secret),
        Value::String(text) => (!url_passwords(text).is_empty()).then_some(Found::UrlPassword),
        Value::Object(_) => (secret && generate::counter(value).is_some()).then_some(Found::Generated),
        _ => secret.then_some(Found::Secret),
    }
}

fn retain<E>(map: &mut Map<String, Value>, mut keep: impl FnMut(&str, &mut Value) -> Result<bool, E>) -> Result<(), E> {
    let mut outcome = Ok(());
    map.retain(|name, value| {
        outcome.is_err()
            || keep(name, value).unwrap_or_else(|error| {
                outcome = Err(error);
                true
            })
    });
    outcome
}

/// Puts what people may see in place of a find.
pub(super) fn mask_value(found: Found, value: &mut Value) {
    match (found, &mut *value) {
        (Found::UrlPassword, Value::String(text)) => *text = mask_urls(text).into_owned(),
        (Found::Generated, _) => *value = GENERATED.into(),
        _ => *value = MASK.into(),
    }
}

/// Takes a find out: false when nothing of it may stay.
pub(super) fn strip_value(found: Found, value: &mut Value) -> bool {
    match (found, value) {
        (Found::UrlPassword, Value::String(text)) => {
            *text = without_logins(text);
            true
        }
        _ => false,
    }
}

/// Where the passwords of `scheme://user:password@host` stand in a text.
pub(super) fn url_passwords(text: &str) -> Vec<Range<usize>> {
    logins(text).into_iter().map(|login| login.password).collect()
}

/// The text with its URL passwords masked.
pub(super) fn mask_urls(text: &str) -> Cow<'_, str> {
    let logins = logins(text);
    if logins.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = text.to_owned();
    for login in logins.into_iter().rev() {
        masked.replace_range(login.password, MASK);
    }
    Cow::Owned(masked)
}

fn without_logins(text: &str) -> String {
    let mut stripped = text.to_owned();
    for login in logins(text).into_iter().rev() {
        stripped.replace_range(login.all, "");
    }
    stripped
}

/// A login inside a URL: `user:password@` as a whole, and its password.
struct Login {
    all: Range<usize>,
    password: Range<usize>,
}

/// The logins of all URLs of a text (RFC 3986 section 3.2.1: the part of the authority before its last `@`).
fn logins(text: &str) -> Vec<Login> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(rest) = text.get(from..)
        && let Some(at) = rest.find("://")
    {
        let start = from + at + 3;
        let after = text.get(start..).unwrap_or_default();
        let url = until(after, |c| matches!(c, '"' | '\'' | '<' | '>') || c.is_whitespace());
        let mut authority = until(url, |c| matches!(c, '/' | '?' | '#' | '\\'));
        let host_only = authority.starts_with('[') || authority.contains('@');
        if !host_only && authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|b| b.is_ascii_digit())) {
            // `user:pass/word@host`: against the syntax, but people write it, and it is a password.
            authority = url;
        }
        if let Some(at_sign) = authority.rfind('@')
            && let Some(colon) = authority.get(..at_sign).and_then(|user| user.find(':'))
            && colon + 1 < at_sign
        {
            found.push(Login { all: start..start + at_sign + 1, password: start + colon + 1..start + at_sign });
            from = start + at_sign + 1;
        } else {
            from = start;
        }
    }
    found
}

fn until(text: &str, ends: impl Fn(char) -> bool) -> &str {
    text.find(ends).and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_list_secrets_by_pattern() {
        let mut raw = RawSecrets::default();
        raw.add("acme", &["*.Unlock_Pin", "code.*.of.*"]);
        assert!(raw.holds("acme", "phone.unlock_pin") && raw.holds("acme", "code.1.of.2"));
        assert!(!raw.holds("acme", "phone.unlock_pins") && !raw.holds("other", "phone.unlock_pin"));
        assert!(raw.holds("other", "Admin_PASSword"));
    }

    #[test]
    fn patterns() {
        assert!(fits("a*c", "abc") && fits("*", "") && fits("a*", "a") && fits("a**b", "ab"));
        assert!(!fits("a*a", "a") && !fits("ab", "abc") && !fits("*b*b", "b"));
    }
}
