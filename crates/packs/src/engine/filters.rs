//! General filters. None knows a vendor; what differs between vendors is an argument or a table.

use minijinja::{Environment, Error, State, Value, value::Kwargs};
use offhook_core::{Mac, settings::compare_versions};

use super::note;
use crate::{
    format::{self, clean},
    pattern::spell,
};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("safe", safe);
    environment.add_filter("e", escape);
    environment.add_filter("escape", escape);
    environment.add_filter("zfill", |value: &Value, width: usize| padded(&value.to_string(), width, '0'));
    environment.add_filter("flag", flag);
    environment.add_filter("yes_no", |value: &Value| if value.is_undefined() { Value::UNDEFINED } else { word(value, "yes", "no") });
    environment.add_filter("mac", mac);
    environment.add_filter("pad", pad);
    environment.add_filter("clip", clip);
    environment.add_filter("at_least", |value: &Value, version: &Value| {
        !value.is_undefined() && !value.is_none() && compare_versions(&value.to_string(), &version.to_string()).is_ge()
    });
    environment.add_filter("nearest_format", nearest_format);
}

/// Leaves out escaping, but lets no line end or control character through.
fn safe(value: &Value) -> Value {
    match value.as_str() {
        Some(_) if value.is_safe() => value.clone(),
        Some(text) => Value::from_safe_string(clean(text).into_owned()),
        None => Value::from_safe_string(clean(&value.to_string()).into_owned()),
    }
}

/// For XML, as Jinja2 escapes: no slash among it.
fn escape(value: &Value) -> Value {
    if value.is_safe() || value.is_undefined() || value.is_none() {
        return value.clone();
    }
    Value::from_safe_string(format::escape_xml(&clean(&value.to_string())))
}

fn is_on(value: &Value) -> bool {
    match value.as_str() {
        Some(text) => matches!(text.to_ascii_lowercase().as_str(), "on" | "yes" | "true" | "1"),
        None => value.is_true(),
    }
}

fn word(value: &Value, on: &str, off: &str) -> Value {
    Value::from(if is_on(value) { on } else { off })
}

fn argument(given: Option<Value>, kwargs: &Kwargs, name: &str) -> Result<Option<Value>, Error> {
    match given {
        Some(value) => Ok(Some(value)),
        None => kwargs.get(name),
    }
}

fn flag(value: &Value, on: Option<Value>, off: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let (on, off) = (argument(on, &kwargs, "on")?, argument(off, &kwargs, "off")?);
    kwargs.assert_all_used()?;
    if value.is_undefined() || value.is_none() {
        return Ok(Value::UNDEFINED);
    }
    let (on, off) = (on.unwrap_or_else(|| Value::from("1")), off.unwrap_or_else(|| Value::from("0")));
    Ok(if is_on(value) { on } else { off })
}

fn mac(value: &Value, separator: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let separator = argument(separator, &kwargs, "separator")?;
    let upper: Option<bool> = kwargs.get("upper")?;
    let group: Option<usize> = kwargs.get("group")?;
    kwargs.assert_all_used()?;
    let separator = separator.and_then(|s| s.as_str().map(str::to_owned)).unwrap_or_default();
    let Some(mac) = value.as_str().and_then(Mac::parse) else { return Ok(Value::UNDEFINED) };
    let bare = spell(mac, None, upper.unwrap_or(false));
    let groups: Vec<&str> = bare.as_bytes().chunks(group.unwrap_or(2).max(1)).filter_map(|g| std::str::from_utf8(g).ok()).collect();
    Ok(Value::from(groups.join(&separator)))
}

/// No output is wider than this by a filter's doing.
const MAX_WIDTH: usize = 1000;

fn padded(text: &str, width: usize, fill: char) -> String {
    let missing = width.min(MAX_WIDTH).saturating_sub(text.chars().count());
    std::iter::repeat_n(fill, missing).chain(text.chars()).collect()
}

fn pad(value: &Value, width: usize, fill: Option<&str>) -> String {
    padded(&value.to_string(), width, fill.and_then(|f| f.chars().next()).unwrap_or('0'))
}

fn clip(state: &mut State<'_, '_>, value: &Value, length: &Value, path: Option<&str>) -> Value {
    let Some(length) = length.as_usize() else { return value.clone() };
    if value.is_undefined() || value.is_none() {
        return value.clone();
    }
    let text = value.to_string();
    if text.chars().count() <= length {
        return value.clone();
    }
    note(state, path.unwrap_or(""), format!("cut to {length} characters"));
    Value::from(text.chars().take(length).collect::<String>())
}

fn nearest_format(state: &mut State<'_, '_>, value: &Value, table: &Value, path: Option<&str>) -> Result<Value, Error> {
    let Some(wanted) = value.as_str() else { return Ok(Value::UNDEFINED) };
    let mut best: Option<(i32, Value)> = None;
    for key in table.try_iter()? {
        let score = similarity(wanted, &key.to_string());
        if best.as_ref().is_none_or(|(s, _)| score > *s) {
            best = Some((score, key));
        }
    }
    let Some((_, key)) = best else { return Ok(Value::UNDEFINED) };
    if key.as_str() != Some(wanted) {
        note(state, path.unwrap_or(""), format!("the nearest format is used: {key}"));
    }
    table.get_item(&key)
}

/// How alike two date formats are: first the order of day, month and year, then how each is written, then what stands between.
fn similarity(wanted: &str, offered: &str) -> i32 {
    if wanted == offered {
        return i32::MAX;
    }
    let (a, b) = (tokens(wanted), tokens(offered));
    let order = |t: &[(char, usize)]| t.iter().map(|p| p.0).filter(|c| matches!(c, 'D' | 'M' | 'Y')).collect::<String>();
    let parts = |t: &[(char, usize)]| t.iter().filter(|p| p.0.is_ascii_alphabetic()).copied().collect::<Vec<_>>();
    let other = |t: &[(char, usize)]| t.iter().map(|p| p.0).find(|c| !c.is_ascii_alphabetic());
    let mut score = if order(&a) == order(&b) { 1000 } else { 0 };
    let (pa, pb) = (parts(&a), parts(&b));
    for (kind, length) in &pa {
        score += match pb.iter().find(|p| p.0 == *kind) {
            Some((_, l)) if l == length => 50,
            // Words of a month are no digits of it.
            Some((_, l)) if (*l > 2) == (*length > 2) => 30,
            Some(_) => 10,
            None => -100,
        };
    }
    score -= 40 * i32::try_from(pb.iter().filter(|p| !pa.iter().any(|q| q.0 == p.0)).count()).unwrap_or(0);
    score + i32::from(other(&a) == other(&b))
}

/// Runs of one character.
fn tokens(text: &str) -> Vec<(char, usize)> {
    let mut out: Vec<(char, usize)> = Vec::new();
    for c in text.chars() {
        match out.last_mut() {
            Some((last, n)) if *last == c => *n += 1,
            _ => out.push((c, 1)),
        }
    }
    out
}
