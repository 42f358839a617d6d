//! Python's methods of text, dicts and lists as Jinja2's templates know them, those of Python 2 too that published templates use.
//! What changes a list or a dict in place (`append`, `update`) is not here: values do not change, a `namespace` does.

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Kwargs, Tuple, ValueKind, from_args},
};

use super::python_format::{MAX_WIDTH, braces};

/// What a method that the engine does not know gives.
pub(super) fn methods(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => text(value.as_str().unwrap_or(""), method, args)?,
        ValueKind::Map => dict(value, method, args)?,
        ValueKind::Seq => list(value, method, args)?,
        _ => None,
    };
    if let Some(own) = own {
        return Ok(own);
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args).map_err(|e| match e.kind() {
        ErrorKind::UnknownMethod => Error::new(ErrorKind::UnknownMethod, format!("{} has no method {method}", value.kind())),
        _ => e,
    })
}

fn dict(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let pairs = || -> Result<Vec<(Value, Value)>, Error> { value.try_iter()?.map(|key| value.get_item(&key).map(|v| (key, v))).collect() };
    Ok(Some(match method {
        "iteritems" => pairs()?.into_iter().map(|(k, v)| Value::from(Tuple::from([k, v]))).collect(),
        "itervalues" => pairs()?.into_iter().map(|(_, v)| v).collect(),
        "iterkeys" => value.try_iter()?.collect(),
        "has_key" => {
            let (key,): (&Value,) = from_args(args)?;
            Value::from(!value.get_item(key)?.is_undefined())
        }
        "copy" => value.clone(),
        _ => return Ok(None),
    }))
}

fn list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "copy" => value.clone(),
        "index" => {
            let (wanted,): (&Value,) = from_args(args)?;
            let at = value.try_iter()?.position(|v| v == *wanted);
            Value::from(at.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the value is not in the list"))?)
        }
        _ => return Ok(None),
    }))
}

fn text(s: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    if let Some(found) = questions(s, method) {
        let () = from_args(args)?;
        return Ok(Some(found.into()));
    }
    let out = match method {
        "title" => title(s).into(),
        "swapcase" => swapped(s).into(),
        "casefold" => s.to_lowercase().replace('ß', "ss").into(),
        "expandtabs" => expanded(s, from_args::<(Option<usize>,)>(args)?.0.unwrap_or(8)).into(),
        "zfill" => zero_filled(s, from_args::<(usize,)>(args)?.0).into(),
        "center" | "ljust" | "rjust" => {
            let (width, fill): (usize, Option<&str>) = from_args(args)?;
            padded(s, method, width, fill.and_then(|f| f.chars().next()).unwrap_or(' ')).into()
        }
        "split" | "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
            split(s, separator, usize::try_from(most.unwrap_or(-1)).ok(), method == "rsplit").into_iter().map(Value::from).collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let found = if method == "partition" { s.split_once(separator) } else { s.rsplit_once(separator) };
            let parts = match (found, method) {
                (Some((a, b)), _) => [a, separator, b],
                (None, "partition") => [s, "", ""],
                (None, _) => ["", "", s],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let (what, start, end): (&str, Option<i64>, Option<i64>) = from_args(args)?;
            let found = find(s, what, start, end, method.starts_with('r'));
            if found.is_none() && method.ends_with("index") {
                return Err(Error::new(ErrorKind::InvalidOperation, "the text is not in it"));
            }
            found.map_or(Value::from(-1), Value::from)
        }
        "removeprefix" => s.strip_prefix(from_args::<(&str,)>(args)?.0).unwrap_or(s).into(),
        "removesuffix" => s.strip_suffix(from_args::<(&str,)>(args)?.0).unwrap_or(s).into(),
        // Text is Unicode here: what Python 2 encoded stays what it is.
        "encode" | "decode" => s.into(),
        "format" => {
            let (positional, named): (&[Value], Kwargs) = from_args(args)?;
            braces(s, positional, &named)?.into()
        }
        _ => return Ok(None),
    };
    Ok(Some(out))
}

fn questions(s: &str, method: &str) -> Option<bool> {
    let all = |fits: fn(char) -> bool| !s.is_empty() && s.chars().all(fits);
    Some(match method {
        "isdigit" | "isdecimal" => all(|c| c.is_ascii_digit()),
        "istitle" => s.chars().any(char::is_alphabetic) && title(s) == s,
        "isidentifier" => !s.starts_with(|c: char| c.is_numeric()) && all(|c| c == '_' || c.is_alphanumeric()),
        _ => return None,
    })
}

fn title(s: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match (c.is_alphabetic(), inside) {
            (true, true) => out.extend(c.to_lowercase()),
            // Of a letter whose capital is two, only the first is one.
            (true, false) => {
                out.extend(c.to_uppercase().enumerate().flat_map(|(i, u)| if i == 0 { vec![u] } else { u.to_lowercase().collect() }))
            }
            (false, _) => out.push(c),
        }
        inside = c.is_alphabetic();
    }
    out
}

fn swapped(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if c.is_uppercase() { out.extend(c.to_lowercase()) } else { out.extend(c.to_uppercase()) }
    }
    out
}

fn expanded(s: &str, size: usize) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for c in s.chars() {
        match c {
            '\t' => {
                let blanks = if size == 0 { 0 } else { size.min(MAX_WIDTH) - column % size.min(MAX_WIDTH) };
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

/// The sign stays in front.
fn zero_filled(s: &str, width: usize) -> String {
    let missing = width.min(MAX_WIDTH).saturating_sub(s.chars().count());
    let (sign, rest) = s.split_at(usize::from(s.starts_with(['+', '-'])));
    format!("{sign}{}{rest}", "0".repeat(missing))
}

fn padded(s: &str, method: &str, width: usize, fill: char) -> String {
    let width = width.min(MAX_WIDTH);
    let missing = width.saturating_sub(s.chars().count());
    let left = match method {
        "ljust" => 0,
        "rjust" => missing,
        // Python's own rounding of an odd rest.
        _ => missing / 2 + (missing & width & 1),
    };
    let run = |n| std::iter::repeat_n(fill, n);
    run(left).chain(s.chars()).chain(run(missing - left)).collect()
}

fn split<'a>(s: &'a str, separator: Option<&'a str>, most: Option<usize>, from_right: bool) -> Vec<&'a str> {
    let Some(separator) = separator.filter(|s| !s.is_empty()) else { return split_blanks(s, most, from_right) };
    let parts = most.map_or(usize::MAX, |m| m.saturating_add(1));
    if from_right {
        let mut out: Vec<&str> = s.rsplitn(parts, separator).collect();
        out.reverse();
        return out;
    }
    s.splitn(parts, separator).collect()
}

fn split_blanks(s: &str, most: Option<usize>, from_right: bool) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), s);
    loop {
        rest = if from_right { rest.trim_end() } else { rest.trim_start() };
        if rest.is_empty() {
            break;
        }
        let cut = if most.is_some_and(|m| out.len() >= m) {
            None
        } else if from_right {
            rest.char_indices().rfind(|(_, c)| c.is_whitespace()).map(|(i, c)| i + c.len_utf8())
        } else {
            rest.find(char::is_whitespace)
        };
        let (left, right) = rest.split_at(cut.unwrap_or(if from_right { 0 } else { rest.len() }));
        out.push(if from_right { right } else { left });
        rest = if from_right { left } else { right };
    }
    if from_right {
        out.reverse();
    }
    out
}

/// In characters.
fn find(s: &str, what: &str, start: Option<i64>, end: Option<i64>, last: bool) -> Option<usize> {
    let length = i64::try_from(s.chars().count()).unwrap_or(i64::MAX);
    let place = |at: i64| usize::try_from(if at < 0 { (length + at).max(0) } else { at.min(length) }).unwrap_or(0);
    let (start, end) = (place(start.unwrap_or(0)), place(end.unwrap_or(length)));
    let offset = |at: usize| s.char_indices().nth(at).map_or(s.len(), |(i, _)| i);
    let within = s.get(offset(start)..offset(end))?;
    let found = if last { within.rfind(what) } else { within.find(what) }?;
    Some(start + within.get(..found)?.chars().count())
}
