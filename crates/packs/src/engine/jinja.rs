//! Filters, tests and functions of Jinja2 that the engine's crate lacks, or that it does otherwise.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters,
    value::{Kwargs, Object, Rest, ValueKind},
};

use super::python_format::{MAX_WIDTH, percent};
use crate::format;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("format", |text: &Value, args: Rest<Value>, named: Kwargs| percent(&text.to_string(), &args, &named));
    environment.add_filter("length", length);
    environment.add_filter("count", length);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("abs", |value: &Value| filters::abs(unbool(value)));
    environment.add_filter("round", round);
    environment.add_filter("replace", replace);
    environment.add_filter("indent", indent);
    environment.add_filter("center", |value: &Value, width: Option<usize>| center(&value.to_string(), width.unwrap_or(80).min(MAX_WIDTH)));
    environment.add_filter("truncate", truncate);
    environment.add_filter("wordcount", |value: &Value| words(&value.to_string()));
    environment.add_filter("wordwrap", wordwrap);
    environment.add_filter("striptags", |value: &Value| minijinja_contrib::filters::striptags(value.to_string()));
    environment.add_filter("filesizeformat", filesizeformat);
    environment.add_filter("forceescape", |value: &Value| Value::from_safe_string(format::escape_xml(&format::clean(&value.to_string()))));
    environment.add_filter("xmlattr", xmlattr);
    environment.add_filter("reverse", |value: &Value| filters::reverse(&keys(value)?));
    environment.add_filter("last", |value: &Value| filters::last(keys(value)?));
    environment.add_filter("pprint", |value: &Value| super::python_format::repr(value));
    environment.add_test("sequence", |value: &Value| matches!(value.kind(), ValueKind::String | ValueKind::Seq | ValueKind::Map));
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    environment.add_test("lower", |value: &Value| cased(&value.to_string(), char::is_lowercase, char::is_uppercase));
    environment.add_test("upper", |value: &Value| cased(&value.to_string(), char::is_uppercase, char::is_lowercase));
    environment.add_function("cycler", |items: Rest<Value>| Value::from_object(Cycler { items: items.0, at: AtomicUsize::new(0) }));
    environment.add_function("joiner", |separator: Option<String>| {
        Value::from_object(Joiner { separator: separator.unwrap_or_else(|| ", ".to_owned()), used: AtomicUsize::new(0) })
    });
}

/// An argument by its place or its name; none stands for not given, where Python has a default.
fn given<T: TryFrom<Value>>(args: &[Value], named: &Kwargs, place: usize, name: &str) -> Result<Option<T>, Error> {
    let value = match args.get(place) {
        Some(value) => Some(value.clone()),
        None => named.get::<Option<Value>>(name)?,
    };
    let wrong = |v: &Value| fault(format!("{name} cannot be {}", v.kind()));
    value.filter(|v| !v.is_undefined() && !v.is_none()).map(|v| T::try_from(v.clone()).map_err(|_| wrong(&v))).transpose()
}

/// Nothing is given that the filter does not know.
fn no_more(args: &[Value], named: &Kwargs, most: usize) -> Result<(), Error> {
    if args.len() > most {
        return Err(Error::new(ErrorKind::TooManyArguments, format!("at most {most}")));
    }
    named.assert_all_used()
}

fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// True is one and false is zero, where Python counts with them.
fn unbool(value: &Value) -> Value {
    if value.kind() == ValueKind::Bool { Value::from(i64::from(value.is_true())) } else { value.clone() }
}

/// A dict is the list of its keys.
fn keys(value: &Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Map { Ok(value.try_iter()?.collect()) } else { Ok(value.clone()) }
}

fn length(value: &Value) -> Result<usize, Error> {
    if value.is_undefined() { Ok(0) } else { filters::length(value) }
}

/// Python's digits may stand apart by single underscores.
fn digits(text: &str) -> Option<String> {
    let apart = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!apart).then(|| text.replace('_', ""))
}

fn int(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let default = given::<Value>(&args, &named, 0, "default")?.unwrap_or_else(|| Value::from(0));
    let base = given::<u32>(&args, &named, 1, "base")?.unwrap_or(10);
    no_more(&args, &named, 2)?;
    if !(2..=36).contains(&base) {
        return Err(fault("the base of int is 2 to 36"));
    }
    Ok(match value.kind() {
        ValueKind::Bool => unbool(value),
        ValueKind::Number => number(value),
        ValueKind::String => whole(value.as_str().unwrap_or("").trim(), base).unwrap_or(default),
        _ => default,
    })
}

fn whole(text: &str, base: u32) -> Option<Value> {
    let (sign, bare) = text.strip_prefix('-').map_or((1, text.strip_prefix('+').unwrap_or(text)), |t| (-1, t));
    let prefix = match base {
        16 => "0x",
        8 => "0o",
        2 => "0b",
        _ => "",
    };
    let bare = bare.get(..2).filter(|p| !prefix.is_empty() && p.eq_ignore_ascii_case(prefix)).map_or(bare, |_| &bare[2..]);
    let whole = digits(bare).and_then(|d| i128::from_str_radix(&d, base).ok()).map(|n| Value::from(sign * n));
    // What a whole number is cut from.
    #[allow(clippy::cast_possible_truncation)]
    whole.or_else(|| real(text).filter(|f| f.is_finite()).map(|f| Value::from(f.trunc() as i128)))
}

/// A number without what stands behind its point.
#[allow(clippy::cast_possible_truncation)]
fn number(value: &Value) -> Value {
    i128::try_from(value.clone())
        .map(Value::from)
        .or_else(|_| f64::try_from(value.clone()).map(|f| Value::from(f.trunc() as i128)))
        .unwrap_or_default()
}

fn real(text: &str) -> Option<f64> {
    digits(text.trim()).and_then(|t| t.parse().ok())
}

fn float(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let default = given::<Value>(&args, &named, 0, "default")?.unwrap_or_else(|| Value::from(0.0));
    no_more(&args, &named, 1)?;
    Ok(match value.kind() {
        ValueKind::Bool | ValueKind::Number => Value::from(f64::try_from(unbool(value))?),
        ValueKind::String => real(value.as_str().unwrap_or("")).map_or(default, Value::from),
        _ => default,
    })
}

/// A whole number to tens and hundreds, ties to the even one.
fn even(value: Value, precision: i32) -> Value {
    let Ok(number) = i128::try_from(value.clone()) else { return value };
    let Some(unit) = precision.checked_neg().and_then(|p| u32::try_from(p).ok()).filter(|p| *p > 0).and_then(|p| 10i128.checked_pow(p))
    else {
        return value;
    };
    let (low, rest) = (number.div_euclid(unit), number.rem_euclid(unit));
    let up = rest * 2 > unit || (rest * 2 == unit && low % 2 != 0);
    Value::from((low + i128::from(up)).saturating_mul(unit))
}

fn round(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let precision = given::<i32>(&args, &named, 0, "precision")?.unwrap_or(0);
    let method = given::<String>(&args, &named, 1, "method")?.unwrap_or_else(|| "common".to_owned());
    no_more(&args, &named, 2)?;
    let by: fn(f64) -> f64 = match method.as_str() {
        "common" if value.kind() == ValueKind::Bool || value.is_integer() => return Ok(even(unbool(value), precision)),
        "common" => f64::round_ties_even,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        _ => return Err(fault("round goes common, ceil or floor")),
    };
    let scale = 10f64.powi(precision.clamp(-300, 300));
    let number = f64::try_from(unbool(value)).map_err(|_| fault(format!("round needs a number, not {}", value.kind())))?;
    // Python's ceil and floor are whole numbers: they know no negative zero.
    let whole = by(number * scale) / scale;
    Ok(Value::from(if whole == 0.0 && method != "common" { 0.0 } else { whole }))
}

fn replace(value: &Value, old: &Value, new: &Value, args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let count = given::<i64>(&args, &named, 0, "count")?;
    no_more(&args, &named, 1)?;
    let (text, old, new) = (value.to_string(), old.to_string(), new.to_string());
    Ok(match count.and_then(|c| usize::try_from(c).ok()) {
        Some(count) => text.replacen(&old, &new, count),
        None => text.replace(&old, &new),
    })
}

fn indent(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let width = given::<Value>(&args, &named, 0, "width")?;
    let first = given::<bool>(&args, &named, 1, "first")?.unwrap_or(false);
    let blank = given::<bool>(&args, &named, 2, "blank")?.unwrap_or(false);
    no_more(&args, &named, 3)?;
    let by = match &width {
        None => "    ".to_owned(),
        Some(text) if text.as_str().is_some() => text.to_string(),
        Some(width) => " ".repeat(width.as_usize().unwrap_or(0).min(MAX_WIDTH)),
    };
    let text = value.to_string();
    let mut out = if first { by.clone() } else { String::new() };
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&by);
            }
        }
        out.push_str(line);
    }
    Ok(out)
}

fn center(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let left = missing / 2 + (missing & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(missing - left))
}

fn truncate(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let length = given::<usize>(&args, &named, 0, "length")?.unwrap_or(255);
    let killwords = given::<bool>(&args, &named, 1, "killwords")?.unwrap_or(false);
    let end = given::<String>(&args, &named, 2, "end")?.unwrap_or_else(|| "...".to_owned());
    let leeway = given::<usize>(&args, &named, 3, "leeway")?.unwrap_or(5);
    no_more(&args, &named, 4)?;
    let ending = end.chars().count();
    if length < ending {
        return Err(fault(format!("truncate expects a length of at least {ending}")));
    }
    let text = value.to_string();
    let size = if value.kind() == ValueKind::String { text.chars().count() } else { self::length(value)? };
    if size <= length.saturating_add(leeway) {
        return Ok(text);
    }
    if value.kind() != ValueKind::String {
        return Err(fault(format!("truncate needs text, not {}", value.kind())));
    }
    let kept: String = text.chars().take(length - ending).collect();
    let kept = if killwords { kept.as_str() } else { kept.rsplit_once(' ').map_or(kept.as_str(), |(k, _)| k) };
    Ok(format!("{kept}{end}"))
}

fn words(text: &str) -> usize {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).count()
}

fn wordwrap(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let width = given::<usize>(&args, &named, 0, "width")?.unwrap_or(79).max(1);
    let break_long = given::<bool>(&args, &named, 1, "break_long_words")?.unwrap_or(true);
    let between = given::<String>(&args, &named, 2, "wrapstring")?.unwrap_or_else(|| "\n".to_owned());
    let hyphens = given::<bool>(&args, &named, 3, "break_on_hyphens")?.unwrap_or(true);
    no_more(&args, &named, 4)?;
    if value.kind() != ValueKind::String {
        return Err(fault(format!("wordwrap needs text, not {}", value.kind())));
    }
    let text = value.to_string();
    let lines = text.lines().map(|line| wrapped(line, width, break_long, hyphens).join(&between));
    Ok(lines.collect::<Vec<_>>().join(&between))
}

/// As Python's textwrap: blanks stand with words as they are, but for those at the ends of lines.
fn wrapped(line: &str, width: usize, break_long: bool, hyphens: bool) -> Vec<String> {
    let mut chunks: std::collections::VecDeque<String> = chunks(line, hyphens).into();
    let mut lines: Vec<String> = Vec::new();
    while !chunks.is_empty() {
        if !lines.is_empty() && chunks.front().is_some_and(|c| c.trim().is_empty()) {
            chunks.pop_front();
        }
        let (mut current, mut used): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(chunk) = chunks.front() {
            let size = chunk.chars().count();
            if used + size > width {
                break;
            }
            used += size;
            current.extend(chunks.pop_front());
        }
        if let Some(chunk) = chunks.pop_front_if(|c| c.chars().count() > width) {
            if break_long {
                let room = width.saturating_sub(used).max(1);
                let cut = chunk.char_indices().nth(room).map_or(chunk.len(), |(i, _)| i);
                // Where a hyphen stands in the part that fits, the cut is behind it.
                let behind = chunk
                    .get(..cut)
                    .and_then(|head| head.rfind('-'))
                    .filter(|at| hyphens && *at > 0 && !chunk[..*at].chars().all(|c| c == '-'));
                let cut = behind.map_or(cut, |at| at + 1);
                current.push(chunk[..cut].to_owned());
                chunks.push_front(chunk[cut..].to_owned());
            } else if current.is_empty() {
                current.push(chunk);
            } else {
                chunks.push_front(chunk);
            }
        }
        if current.last().is_some_and(|c| c.trim().is_empty()) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.concat());
        }
    }
    lines
}

/// Runs of blanks and words; words end behind a hyphen that letters surround.
fn chunks(line: &str, hyphens: bool) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let chars: Vec<char> = line.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|b| chars.get(b)).copied();
        let letter = |at: Option<usize>| at.and_then(|a| chars.get(a)).is_some_and(|c| c.is_alphabetic());
        let behind_hyphen = hyphens
            && before == Some('-')
            && letter(i.checked_sub(2))
            && letter(i.checked_sub(3))
            && letter(Some(i))
            && letter(Some(i + 1));
        let border = before.is_none_or(|b| b.is_whitespace() != c.is_whitespace()) || behind_hyphen;
        match out.last_mut().filter(|_| !border) {
            Some(chunk) => chunk.push(c),
            None => out.push(c.to_string()),
        }
    }
    out
}

fn filesizeformat(value: &Value, args: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let binary = given::<bool>(&args, &named, 0, "binary")?.unwrap_or(false);
    no_more(&args, &named, 1)?;
    let text = value.as_str().and_then(real);
    let bytes = text.or_else(|| f64::try_from(unbool(value)).ok()).ok_or_else(|| fault("filesizeformat needs a number"))?;
    let base = if binary { 1024.0 } else { 1000.0 };
    if bytes == 1.0 {
        return Ok("1 Byte".to_owned());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", bytes.trunc() + 0.0));
    }
    let (mut unit, mut name) = (base, 'k');
    for next in ['M', 'G', 'T', 'P', 'E', 'Z', 'Y'] {
        if bytes < unit * base {
            break;
        }
        (unit, name) = (unit * base, next);
    }
    let name = if binary { format!("{}iB", name.to_ascii_uppercase()) } else { format!("{name}B") };
    Ok(format!("{:.1} {name}", bytes / unit))
}

fn xmlattr(value: &Value, autospace: Option<bool>) -> Result<Value, Error> {
    if value.kind() != ValueKind::Map {
        return Err(fault(format!("xmlattr needs a dict, not {}", value.kind())));
    }
    let mut out: Vec<String> = Vec::new();
    for key in value.try_iter()? {
        let item = value.get_item(&key)?;
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let key = key.to_string();
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "/>='\"".contains(c)) {
            return Err(fault("a key is no name of an attribute"));
        }
        out.push(format!("{}=\"{}\"", format::escape_xml(&key), format::escape_xml(&format::clean(&item.to_string()))));
    }
    let space = if out.is_empty() || autospace == Some(false) { "" } else { " " };
    Ok(Value::from_safe_string(format!("{space}{}", out.join(" "))))
}

fn cased(text: &str, wanted: fn(char) -> bool, other: fn(char) -> bool) -> bool {
    text.chars().any(wanted) && !text.chars().any(other)
}

/// Goes round its items: `next()`, `current`, `reset()`.
#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

impl Cycler {
    fn current(&self) -> Value {
        let at = self.at.load(Ordering::Relaxed).checked_rem(self.items.len()).unwrap_or(0);
        self.items.get(at).cloned().unwrap_or_default()
    }
}

impl Object for Cycler {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.current())
    }

    fn call_method(self: &Arc<Self>, _: &mut State<'_, '_>, method: &str, _: &[Value]) -> Result<Value, Error> {
        match method {
            "next" => {
                let current = self.current();
                self.at.fetch_add(1, Ordering::Relaxed);
                Ok(current)
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(Error::new(ErrorKind::UnknownMethod, format!("a cycler has no method {method}"))),
        }
    }
}

/// Nothing at its first call, then the separator.
#[derive(Debug)]
struct Joiner {
    separator: String,
    used: AtomicUsize,
}

impl Object for Joiner {
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        let first = self.used.swap(1, Ordering::Relaxed) == 0;
        Ok(Value::from(if first { "" } else { self.separator.as_str() }))
    }
}
