//! General functions: zones, tables, what is per line here and global in a family, notes, addresses of this server.

use minijinja::{
    Environment, Error, ErrorKind, State, Value,
    value::{Kwargs, Serde},
};

use super::note;
use crate::{
    dial::{self, Form},
    dst, dst_pattern,
};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_function("dst", zone_rule);
    environment.add_function("dst_format", zone_format);
    environment.add_function("posix_zone", posix_zone);
    environment.add_function("dial_plan", dial_plan);
    environment.add_function("lookup", lookup);
    environment.add_function("first_line", first_line);
    environment.add_function("note", |state: &mut State<'_, '_>, path: &str, message: &str| {
        note(state, path, message);
        Value::UNDEFINED
    });
    environment.add_function("server_for", server_for);
}

fn rule_of(state: &mut State<'_, '_>, zone: &Value) -> Option<dst::Dst> {
    let rule = dst::dst(zone.as_str()?);
    if rule.is_none() {
        note(state, "time.zone", "is no zone that the zone data know");
    }
    rule
}

const INEXACT: &str = "no rule of this kind expresses the zone's law: the nearest is used";

fn zone_rule(state: &mut State<'_, '_>, zone: &Value) -> Value {
    let Some(rule) = rule_of(state, zone) else { return Value::UNDEFINED };
    if rule.inexact {
        note(state, "time.zone", INEXACT);
    }
    Value::from(Serde(&rule))
}

fn posix_zone(state: &mut State<'_, '_>, zone: &Value) -> Value {
    let Some(rule) = rule_of(state, zone) else { return Value::UNDEFINED };
    if rule.posix_inexact {
        note(state, "time.zone", INEXACT);
    }
    Value::from(rule.posix)
}

fn zone_format(state: &mut State<'_, '_>, zone: &Value, pattern: &str) -> Result<Value, Error> {
    let Some(rule) = rule_of(state, zone) else { return Ok(Value::UNDEFINED) };
    let made = dst_pattern::format(&rule, pattern).map_err(|e| Error::new(ErrorKind::InvalidOperation, e))?;
    if rule.inexact {
        note(state, "time.zone", INEXACT);
    }
    for lost in made.lost {
        note(state, "time.zone", lost);
    }
    Ok(made.text.map_or(Value::UNDEFINED, Value::from))
}

/// The rules of `calls.dial_plan` in a syntax, in their order.
fn dial_plan(state: &mut State<'_, '_>, form: &str, kwargs: Kwargs) -> Result<Value, Error> {
    let reference: Option<&str> = kwargs.get("reference")?;
    kwargs.assert_all_used()?;
    let form = Form::named(form, reference.unwrap_or("\\")).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("{form:?}: allowed are template, digit-map, dial-string, regex, rows"))
    })?;
    let calls = state.lookup("settings").unwrap_or_default().get_attr("calls")?;
    let plan = if calls.is_undefined() { calls } else { calls.get_attr("dial_plan")? };
    let mut out = Vec::new();
    for rule in plan.try_iter()? {
        let rule = serde_json::to_value(&rule).map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))?;
        let (rows, lost) = dial::rows(&rule, form);
        if let Some(lost) = lost {
            note(state, "calls.dial_plan", lost);
        }
        out.extend(rows);
    }
    Ok(Value::from(Serde(&out)))
}

fn lookup(state: &mut State<'_, '_>, table: &Value, key: &Value, path: Option<&str>) -> Result<Value, Error> {
    if key.is_undefined() || key.is_none() {
        return Ok(Value::UNDEFINED);
    }
    let table = match table.as_str() {
        Some(name) => {
            let table = state.lookup("tables").unwrap_or_default().get_attr(name)?;
            if table.is_undefined() {
                // The author's fault, not the phone's.
                return Err(Error::new(ErrorKind::InvalidOperation, format!("there is no tables/{name}.toml in the pack")));
            }
            table
        }
        None => table.clone(),
    };
    let wanted = key.to_string();
    if !table.is_undefined() {
        let exact = table.get_item(&Value::from(wanted.as_str()))?;
        if !exact.is_undefined() {
            return Ok(exact);
        }
        for candidate in table.try_iter()? {
            if candidate.as_str().is_some_and(|c| c.eq_ignore_ascii_case(&wanted)) {
                return table.get_item(&candidate);
            }
        }
    }
    note(state, path.unwrap_or(""), "not supported by this model");
    Ok(Value::UNDEFINED)
}

fn first_line(state: &mut State<'_, '_>, field: &str) -> Result<Value, Error> {
    let lines = state.lookup("lines").unwrap_or_default();
    let mut first: Option<(Value, Value)> = None;
    let mut differ = Vec::new();
    for line in lines.try_iter()? {
        let mut value = line.clone();
        for part in field.split('.') {
            value = if value.is_undefined() { value } else { value.get_attr(part)? };
        }
        if value.is_undefined() || value.is_none() {
            continue;
        }
        let n = line.get_attr("n")?;
        match &first {
            None => first = Some((n, value)),
            Some((_, used)) if *used != value => differ.push(n),
            Some(_) => {}
        }
    }
    let Some((used, value)) = first else { return Ok(Value::UNDEFINED) };
    for n in differ {
        note(state, &format!("lines.{n}.{field}"), format!("the phone has one value for all lines: that of line {used} is used"));
    }
    Ok(value)
}

fn server_for(state: &mut State<'_, '_>, name: &str) -> Result<Value, Error> {
    let url = state.lookup("server").unwrap_or_default().get_attr("url")?;
    Ok(Value::from(format!("{url}/{}", encoded(name.trim_start_matches('/')))))
}

/// Percent-encoded but for what RFC 3986 calls unreserved, and slashes.
pub(crate) fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
