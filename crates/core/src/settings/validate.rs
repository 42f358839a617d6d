//! Checks a document against the model: every fault at once. Gives the document in the model's order, with masks
//! replaced by what they stand for and `"generate"` in its kept form.

use serde_json::{Map, Value};

use super::Scope;
use super::describe;
use super::fault::{Fault, shown, shown_text, type_of};
use super::field::{Field, Kind, Shape};
use super::format::Format;
use super::generate::{self, GENERATE};
use super::model;
use super::path::{Path, Trail};
use super::secret::{GENERATED, MASK, mask_urls, url_passwords};
use super::text::refused_character;
use super::variable;

/// Most faults that are told; more help nobody.
const MAX_FAULTS: usize = 100;
/// Greatest weight of a document: its texts in bytes, and 16 for each value.
const MAX_WEIGHT: usize = 1 << 20;
/// Longest value and name of a raw parameter, in characters.
const MAX_RAW_TEXT: usize = 4096;
const MAX_RAW_NAME: usize = 255;

/// Checks an object of this shape. `old` is what is stored at the same place.
pub(super) fn check(
    shape: &'static Shape,
    value: &Value,
    old: Option<&Map<String, Value>>,
    scope: Scope,
) -> Result<Map<String, Value>, Vec<Fault>> {
    let mut checker = Checker { scope, faults: Vec::new(), weight: 0, full: false };
    let tree = checker.object(shape, value, old, &Trail::root(), false);
    match tree {
        Some(tree) if checker.faults.is_empty() => Ok(tree),
        _ => Err(checker.faults),
    }
}

/// Checks a list of paths to unset: each names something that a document can hold.
pub fn validate_unset<S: AsRef<str>>(paths: &[S]) -> Result<Vec<Path>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut good = Vec::new();
    for (at, text) in paths.iter().map(AsRef::as_ref).enumerate() {
        match text.parse::<Path>() {
            Ok(path) if refused_character(text).is_none() && model::names_setting(&path) => good.push(path),
            _ if faults.len() < MAX_FAULTS => faults.push(Fault::new(
                format_args!("unset[{at}]"),
                format!(
                    "{} is no setting: write the path of a setting such as keys.5 or lines.1.label; lists are unset as a whole",
                    shown_text(text)
                ),
            )),
            _ => {}
        }
    }
    if faults.is_empty() { Ok(good) } else { Err(faults) }
}

struct Checker {
    scope: Scope,
    faults: Vec<Fault>,
    weight: usize,
    full: bool,
}

impl Checker {
    fn fault<T>(&mut self, trail: &Trail<'_>, message: impl Into<String>) -> Option<T> {
        match self.faults.len() {
            MAX_FAULTS => self.faults.push(Fault::new("", "there are more faults; mend these first")),
            count if count < MAX_FAULTS => self.faults.push(Fault::new(trail.path(), message)),
            _ => {}
        }
        None
    }

    /// A value that does not fit. A secret is not shown, nor is one of a wrong type, which may hold a secret.
    fn misfit<T>(&mut self, trail: &Trail<'_>, field: &Field, value: &Value) -> Option<T> {
        let allowed = wanted(&field.kind);
        self.fault(
            trail,
            match value {
                Value::Null => format!("null is no value: leave the field out, or list it in unset; allowed: {allowed}"),
                _ if !is_of_type(&field.kind, value) => format!("{} is not allowed; allowed: {allowed}", type_of(value)),
                _ if field.secret || may_hold_login(value) => {
                    format!("this value (a secret, not shown) is not allowed; allowed: {allowed}")
                }
                _ => format!("{} is not allowed; allowed: {allowed}", shown(value)),
            },
        )
    }

    /// Counts a value in; false when the document is too big to go on.
    fn take(&mut self, bytes: usize) -> bool {
        self.weight += 16 + bytes;
        if self.weight > MAX_WEIGHT && !self.full {
            self.full = true;
            self.fault::<()>(&Trail::root(), "the document is too big: at most 1 MiB, each value counting its text and 16 bytes");
        }
        !self.full
    }

    fn object(
        &mut self,
        shape: &'static Shape,
        value: &Value,
        old: Option<&Map<String, Value>>,
        trail: &Trail<'_>,
        item: bool,
    ) -> Option<Map<String, Value>> {
        let Value::Object(map) = value else {
            return self.fault(trail, format!("{} is not allowed; allowed: an object", type_of(value)));
        };
        if !self.take(0) {
            return None;
        }
        let mut tree = Map::new();
        for field in shape.fields {
            let trail = trail.name(field.name);
            match map.get(field.name) {
                Some(value) => {
                    let old = old.and_then(|old| old.get(field.name));
                    if let Some(value) = self.field(field, value, old, &trail) {
                        tree.insert(field.name.to_owned(), value);
                    }
                }
                None if item && field.required => {
                    self.fault::<()>(&trail, format!("it is missing; every item needs {}", field.kind.allows()));
                }
                None => {}
            }
        }
        for name in map.keys().filter(|name| shape.field(name).is_none()) {
            let at = trail.path();
            let what = if at.segments().is_empty() { "settings have".to_owned() } else { format!("{at} has") };
            self.fault::<()>(&trail.name(&clean(name)), format!("there is no such field; {what} {}", describe::names(shape)));
        }
        for rule in shape.rules {
            if let Some(name) = (rule.broken_by)(map) {
                self.fault::<()>(&trail.name(name), rule.says);
            }
        }
        Some(tree)
    }

    fn field(&mut self, field: &'static Field, value: &Value, old: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        if field.not_in.contains(&self.scope) {
            return self.fault(trail, format!("it is not allowed in {}", self.scope.name()));
        }
        self.value(field, &field.kind, value, old, trail)
    }

    fn value(&mut self, field: &Field, kind: &'static Kind, value: &Value, old: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        let old_map = || old.and_then(Value::as_object);
        match kind {
            Kind::Object(shape) => self.object(shape, value, old_map(), trail, false).map(Value::Object),
            Kind::Numbered { of, max } => self.numbered(field, of, *max, value, old_map(), trail).map(Value::Object),
            Kind::Raw => self.raw(field, value, old_map(), trail).map(Value::Object),
            Kind::List { of, max, unique } => self.list(field, of, (*max, *unique), value, old, trail),
            Kind::Text { format, max } => self.text(field, (*format, *max), value, old, trail),
            _ => self.scalar(field, kind, value, trail),
        }
    }

    fn scalar(&mut self, field: &Field, kind: &Kind, value: &Value, trail: &Trail<'_>) -> Option<Value> {
        let fits = match (kind, value) {
            (Kind::Bool, Value::Bool(_)) => true,
            (Kind::Int { min, max }, Value::Number(number)) => number.as_i64().is_some_and(|n| (*min..=*max).contains(&n)),
            (Kind::Choice(words), Value::String(text)) => words.contains(&text.as_str()),
            (Kind::PortOrAuto, Value::String(text)) => text == "auto",
            (Kind::PortOrAuto, Value::Number(port)) if self.scope == Scope::Device => {
                port.as_i64().is_some_and(|port| (1..=65_535).contains(&port))
            }
            _ => false,
        };
        if fits && self.take(0) { Some(value.clone()) } else { self.misfit(trail, &Field { kind: *kind, ..*field }, value) }
    }

    fn text(
        &mut self,
        field: &Field,
        (format, max): (Format, usize),
        value: &Value,
        old: Option<&Value>,
        trail: &Trail<'_>,
    ) -> Option<Value> {
        if field.secret
            && let Some(kept) = self.secret(field, value, old, trail)
        {
            return kept;
        }
        let Value::String(text) = value else {
            return self.misfit(trail, &Field { kind: Kind::Text { format, max }, ..*field }, value);
        };
        self.characters(text, max, trail)?;
        let stand_ins =
            if format.expands() || field.secret { variable::with_stand_ins(text, format == Format::ActionUrl) } else { Ok(None) };
        let checked = match stand_ins {
            Ok(checked) => checked,
            Err(why) => return self.fault(trail, why),
        };
        if !format.accepts(checked.as_deref().unwrap_or(text)) {
            return self.misfit(trail, &Field { kind: Kind::Text { format, max }, ..*field }, value);
        }
        self.unmask_urls(text, old, trail)
    }

    /// A secret that is masked, derived or to be derived; `None`: it is an ordinary text.
    fn secret(&mut self, field: &Field, value: &Value, old: Option<&Value>, trail: &Trail<'_>) -> Option<Option<Value>> {
        if value == MASK || value == GENERATED {
            return Some(self.stored(old, trail));
        }
        if value == GENERATE {
            return Some(self.generate(field, old, trail));
        }
        let kept = field.generate.and(generate::counter(value)).map(generate::kept);
        kept.map(Some)
    }

    fn generate(&mut self, field: &Field, old: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        if field.generate.is_none() {
            return self.fault(trail, "it cannot be generated, because another system must know it: write the value itself");
        }
        let counter = old.and_then(generate::counter).map_or(1, |counter| counter.saturating_add(1));
        Some(generate::kept(counter))
    }

    fn stored(&mut self, old: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        match old {
            Some(old) => Some(old.clone()),
            None => self.fault(trail, "the mask stands for a stored value, and none is stored here: write the value itself"),
        }
    }

    /// Puts the stored text back for one whose URL passwords are masked.
    fn unmask_urls(&mut self, text: &str, old: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        if url_passwords(text).into_iter().all(|password| text.get(password) != Some(MASK)) {
            return Some(text.into());
        }
        // Only the very text that was shown: a stored password must not go to another host.
        match old.and_then(Value::as_str).filter(|old| mask_urls(old) == text) {
            Some(old) => Some(old.into()),
            None => self.fault(
                trail,
                "the masked password stands for a stored one, but the text around it is not the stored one: write the password itself",
            ),
        }
    }

    fn characters(&mut self, text: &str, max: usize, trail: &Trail<'_>) -> Option<()> {
        if !self.take(text.len()) {
            return None;
        }
        if text.len() > max && text.chars().count() > max {
            return self.fault(trail, format!("it is too long: at most {max} characters"));
        }
        match refused_character(text) {
            Some(character) => self.fault(
                trail,
                format!("it holds the control character {character}; control characters and line ends are refused everywhere"),
            ),
            None => Some(()),
        }
    }

    fn list(
        &mut self,
        field: &Field,
        of: &'static Kind,
        (max, unique): (usize, bool),
        value: &Value,
        old: Option<&Value>,
        trail: &Trail<'_>,
    ) -> Option<Value> {
        let Value::Array(items) = value else {
            return self.misfit(trail, field, value);
        };
        if items.len() > max {
            return self.fault(trail, format!("{} items are too many: at most {max}", items.len()));
        }
        if !self.take(0) {
            return None;
        }
        let old = old.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let mut kept = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let trail = trail.item(at);
            let value = match of {
                Kind::Object(shape) => {
                    let old = matching_item(shape, item, old, at);
                    self.object(shape, item, old, &trail, true).map(Value::Object)
                }
                _ => self.value(field, of, item, old.get(at), &trail),
            };
            if unique && items.iter().take(at).any(|earlier| earlier == item) {
                self.fault::<()>(&trail, "it stands twice in the list");
            }
            kept.extend(value);
        }
        Some(Value::Array(kept))
    }

    fn numbered(
        &mut self,
        field: &Field,
        of: &'static Shape,
        max: u32,
        value: &Value,
        old: Option<&Map<String, Value>>,
        trail: &Trail<'_>,
    ) -> Option<Map<String, Value>> {
        let Value::Object(map) = value else {
            return self.misfit(trail, field, value);
        };
        let mut numbers = Vec::with_capacity(map.len());
        for (name, value) in map {
            match model::number(name, max) {
                Some(number) => numbers.push((number, name, value)),
                None => {
                    self.fault::<()>(&trail.name(&clean(name)), format!("this is no number here; allowed: {}", field.kind.allows()));
                }
            }
        }
        numbers.sort_unstable_by_key(|(number, ..)| *number);
        let mut tree = Map::new();
        for (number, name, value) in numbers {
            let old = old.and_then(|old| old.get(name)).and_then(Value::as_object);
            if let Some(object) = self.object(of, value, old, &trail.number(number), false) {
                tree.insert(name.clone(), Value::Object(object));
            }
        }
        Some(tree)
    }

    fn raw(&mut self, field: &Field, value: &Value, old: Option<&Map<String, Value>>, trail: &Trail<'_>) -> Option<Map<String, Value>> {
        let Value::Object(packs) = value else {
            return self.misfit(trail, field, value);
        };
        let mut tree = Map::new();
        for (pack, parameters) in sorted(packs) {
            let name = clean(pack);
            let trail = trail.name(&name);
            if !model::is_pack_id(pack) {
                self.fault::<()>(&trail, "this is no id of a pack: lower-case letters, digits and . _ -, at most 64");
                continue;
            }
            let Value::Object(parameters) = parameters else {
                self.fault::<()>(&trail, format!("{} is not allowed; allowed: an object of vendor parameters", type_of(parameters)));
                continue;
            };
            let old = old.and_then(|old| old.get(pack)).and_then(Value::as_object);
            let mut kept = Map::new();
            for (name, value) in sorted(parameters) {
                let old = old.and_then(|old| old.get(name));
                if let Some(value) = self.raw_value(name, value, old, &trail.name(&clean(name))) {
                    kept.insert(name.to_owned(), value);
                }
            }
            tree.insert(pack.to_owned(), Value::Object(kept));
        }
        Some(tree)
    }

    fn raw_value(&mut self, name: &str, value: &Value, old: Option<&Value>, trail: &Trail<'_>) -> Option<Value> {
        if name.is_empty() {
            return self.fault(trail, "the name of a parameter is empty");
        }
        self.characters(name, MAX_RAW_NAME, trail)?;
        let text = match value {
            Value::String(text) => text,
            Value::Bool(_) | Value::Number(_) => return self.take(0).then(|| value.clone()),
            Value::Null => return self.fault(trail, "null is no value: leave the parameter out, or list it in unset"),
            _ => return self.fault(trail, "a raw parameter is text, a number, true or false"),
        };
        if text == MASK {
            return self.stored(old, trail);
        }
        self.characters(text, MAX_RAW_TEXT, trail)?;
        match variable::with_stand_ins(text, false) {
            Ok(_) => self.unmask_urls(text, old, trail),
            Err(why) => self.fault(trail, why),
        }
    }
}

/// Whether a value is of the type that the kind is made of, right or wrong in itself.
fn is_of_type(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Bool => value.is_boolean(),
        Kind::Int { .. } => value.is_number(),
        Kind::PortOrAuto => value.is_number() || value.is_string(),
        Kind::Choice(_) | Kind::Text { .. } => value.is_string(),
        Kind::List { .. } => value.is_array(),
        Kind::Object(_) | Kind::Numbered { .. } | Kind::Raw => value.is_object(),
    }
}

/// Whether a text may be a URL with a password that is spelled so wrongly that it is not found in it.
fn may_hold_login(value: &Value) -> bool {
    let before = value.as_str().and_then(|text| text.rsplit_once('@')).map(|(before, _)| before);
    before.is_some_and(|text| text.contains(':'))
}

/// What a kind allows, short: of an object not its fields, which another fault names when one of them is wrong.
fn wanted(kind: &Kind) -> String {
    match kind {
        Kind::Object(_) => "an object".to_owned(),
        Kind::List { of: Kind::Object(_), max, .. } => format!("a list of at most {max} objects"),
        other => other.allows(),
    }
}

fn sorted(map: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut entries: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value)).collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    entries
}

/// A name as a fault may show it: cut, without control characters.
fn clean(name: &str) -> String {
    name.chars().take(80).map(|c| if super::text::is_refused(c) { '\u{fffd}' } else { c }).collect()
}

/// The stored item that an item of a list is the new form of: one whose texts, but for secrets, are the same; looked
/// for at the same place first. So a mask never takes the secret of another item.
fn matching_item<'a>(shape: &Shape, item: &Value, old: &'a [Value], at: usize) -> Option<&'a Map<String, Value>> {
    let item = item.as_object()?;
    let same = |old: &&Map<String, Value>| {
        let told = shape.fields.iter().filter(|field| !field.secret && matches!(field.kind, Kind::Text { .. }));
        told.into_iter().all(|field| match (item.get(field.name), old.get(field.name)) {
            (Some(Value::String(new)), Some(Value::String(old))) => new == old || *new == mask_urls(old),
            (new, old) => new == old,
        })
    };
    let here = old.get(at).and_then(Value::as_object).filter(same);
    here.or_else(|| old.iter().filter_map(Value::as_object).find(same))
}
