//! Python's two ways to format text: `'%03d' % x` (also the filter `format`) and `'{:>8}'.format(x)`. Widths count characters and
//! are bounded: no template grows memory by a number in a text.

use minijinja::{
    Error, ErrorKind, Value,
    value::{Kwargs, ValueKind},
};

/// No output is wider than this by a number in a format.
pub(super) const MAX_WIDTH: usize = 1000;

fn fault(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// What stands between `%` or `:` and the type.
#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    thousands: Option<char>,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

impl Spec {
    fn put(&self, text: String, default_align: char) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        let fill = |n: usize| std::iter::repeat_n(self.fill.unwrap_or(' '), n);
        match self.align.unwrap_or(default_align) {
            '<' => text.chars().chain(fill(missing)).collect(),
            '^' => fill(missing / 2).chain(text.chars()).chain(fill(missing - missing / 2)).collect(),
            '=' => {
                let digits = text.find(|c: char| !matches!(c, '+' | '-' | ' ')).unwrap_or(0);
                let (sign, rest) = text.split_at(digits);
                sign.chars().chain(fill(missing)).chain(rest.chars()).collect()
            }
            _ => fill(missing).chain(text.chars()).collect(),
        }
    }

    fn signed(&self, negative: bool, digits: &str) -> String {
        let sign = if negative { "-" } else { self.sign.map_or("", |s| if s == '+' { "+" } else { " " }) };
        format!("{sign}{digits}")
    }

    fn integer(&self, value: i128) -> String {
        let size = value.unsigned_abs();
        let (prefix, digits) = match self.kind {
            'x' => ("0x", format!("{size:x}")),
            'X' => ("0X", format!("{size:X}")),
            'o' => ("0o", format!("{size:o}")),
            'b' => ("0b", format!("{size:b}")),
            _ => ("", grouped(&size.to_string(), self.thousands)),
        };
        // `%.3d` is a least number of digits.
        let missing = self.precision.unwrap_or(0).min(MAX_WIDTH).saturating_sub(digits.len());
        let prefix = if self.alternate { prefix } else { "" };
        self.signed(value < 0, &format!("{prefix}{}{digits}", "0".repeat(missing)))
    }

    fn float(&self, value: f64) -> String {
        let precision = self.precision.unwrap_or(6).min(100);
        let size = value.abs();
        let digits = match self.kind {
            'e' | 'E' => exponent(format!("{size:.precision$e}"), self.kind == 'E'),
            'g' | 'G' => general(size, precision.max(1), self.kind == 'G'),
            '%' => format!("{:.precision$}%", size * 100.0),
            _ => {
                let text = format!("{size:.precision$}");
                let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
                let whole = grouped(whole, self.thousands);
                rest.map_or(whole.clone(), |r| format!("{whole}.{r}"))
            }
        };
        self.signed(value.is_sign_negative(), &digits)
    }
}

/// `1e-7` as Python writes it: `1e-07`.
fn exponent(text: String, upper: bool) -> String {
    let Some((digits, power)) = text.split_once('e') else { return text };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |p| ('-', p));
    format!("{digits}{}{sign}{power:0>2}", if upper { 'E' } else { 'e' })
}

fn general(size: f64, precision: usize, upper: bool) -> String {
    let places = precision - 1;
    let scientific = format!("{size:.places$e}");
    let power: i32 = scientific.split_once('e').and_then(|(_, p)| p.parse().ok()).unwrap_or(0);
    let bare = |t: &str| if t.contains('.') { t.trim_end_matches('0').trim_end_matches('.').to_owned() } else { t.to_owned() };
    if power < -4 || power >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let digits = scientific.split('e').next().unwrap_or("");
        return exponent(format!("{}e{power}", bare(digits)), upper);
    }
    let decimals = usize::try_from(i32::try_from(precision).unwrap_or(0) - 1 - power).unwrap_or(0);
    bare(&format!("{size:.decimals$}"))
}

fn grouped(digits: &str, by: Option<char>) -> String {
    let Some(by) = by else { return digits.to_owned() };
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(by);
        }
        out.push(c);
    }
    out
}

/// A float as Python prints it.
pub(super) fn float_text(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) && size.is_finite() {
        return exponent(format!("{value:e}"), false);
    }
    let text = value.to_string();
    if text.contains(['.', 'n', 'i']) { text } else { format!("{text}.0") }
}

/// A value as Python's `repr` prints it.
pub(super) fn repr(value: &Value) -> String {
    // The engine prints what stands inside of a list as Python does.
    let listed = Value::from(vec![value.clone()]).to_string();
    listed.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(&listed).to_owned()
}

fn whole(value: &Value) -> Option<i128> {
    match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        // Saturates, as the standard library's conversion does.
        #[allow(clippy::cast_possible_truncation)]
        ValueKind::Number => i128::try_from(value.clone()).ok().or_else(|| f64::try_from(value.clone()).ok().map(|f| f.trunc() as i128)),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    if value.kind() == ValueKind::Bool {
        return Some(f64::from(u8::from(value.is_true())));
    }
    (value.kind() == ValueKind::Number).then(|| f64::try_from(value.clone()).ok()).flatten()
}

fn character(value: &Value) -> Option<String> {
    match whole(value) {
        Some(code) => u32::try_from(code).ok().and_then(char::from_u32).map(String::from),
        None => value.as_str().filter(|t| t.chars().count() == 1).map(str::to_owned),
    }
}

fn text(value: &Value) -> String {
    match real(value).filter(|_| whole(value).is_some() && i128::try_from(value.clone()).is_err()) {
        Some(float) if value.kind() == ValueKind::Number => float_text(float),
        _ => value.to_string(),
    }
}

/// Reads digits; a number that is too great is a fault.
fn number(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Option<usize>, Error> {
    let mut out = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        let next = out.unwrap_or(0usize) * 10 + digit as usize;
        if next > MAX_WIDTH {
            return Err(fault(format!("a width in a format is at most {MAX_WIDTH}")));
        }
        out = Some(next);
    }
    Ok(out)
}

/// `format % arguments`.
pub(super) fn percent(format: &str, arguments: &[Value], named: &Kwargs) -> Result<String, Error> {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let mut arguments = arguments.iter();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut name = None;
        if chars.peek() == Some(&'(') {
            chars.next();
            name = Some(chars.by_ref().take_while(|c| *c != ')').collect::<String>());
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.peek().copied().filter(|c| "#0- +".contains(*c)) {
            chars.next();
            match flag {
                '#' => spec.alternate = true,
                '0' => spec.zero = true,
                '-' => spec.align = Some('<'),
                sign => spec.sign = Some(if spec.sign == Some('+') { '+' } else { sign }),
            }
        }
        let mut next = || arguments.next().cloned().ok_or_else(|| fault("not enough arguments for the format"));
        if chars.peek() == Some(&'*') {
            chars.next();
            spec.width = whole(&next()?)
                .and_then(|w| usize::try_from(w).ok())
                .filter(|w| *w <= MAX_WIDTH)
                .ok_or_else(|| fault("a width in a format is a number"))?;
        } else {
            spec.width = number(&mut chars)?.unwrap_or(0);
        }
        if chars.peek() == Some(&'.') {
            chars.next();
            spec.precision = Some(number(&mut chars)?.unwrap_or(0));
        }
        spec.kind = chars.next().ok_or_else(|| fault("the format ends after %"))?;
        if spec.kind == '%' {
            out.push('%');
            continue;
        }
        let value = match name {
            Some(name) => named.get::<Value>(&name)?,
            None => next()?,
        };
        out.push_str(&percent_one(&spec, &value)?);
    }
    Ok(out)
}

fn percent_one(spec: &Spec, value: &Value) -> Result<String, Error> {
    let cut = |text: String| spec.precision.map_or(text.clone(), |p| text.chars().take(p).collect());
    let needs = |what: &str| fault(format!("%{} needs {what}, not {}", spec.kind, value.kind()));
    let body = match spec.kind {
        's' => return Ok(spec.put(cut(text(value)), '>')),
        'r' | 'a' => return Ok(spec.put(cut(repr(value)), '>')),
        'c' => return Ok(spec.put(character(value).ok_or_else(|| needs("a character"))?, '>')),
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' => {
            if !matches!(spec.kind, 'd' | 'i' | 'u') && i128::try_from(value.clone()).is_err() && value.kind() != ValueKind::Bool {
                return Err(needs("a whole number"));
            }
            spec.integer(whole(value).ok_or_else(|| needs("a number"))?)
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => spec.float(real(value).ok_or_else(|| needs("a number"))?),
        other => return Err(fault(format!("a format has no %{other}"))),
    };
    let zeros = spec.zero && spec.align.is_none();
    Ok(if zeros { Spec { fill: Some('0'), width: spec.width, ..Spec::default() }.put(body, '=') } else { spec.put(body, '>') })
}

/// `'{0:>8} {name!r}'.format(arguments)`.
pub(super) fn braces(format: &str, arguments: &[Value], named: &Kwargs) -> Result<String, Error> {
    let mut out = String::new();
    let mut chars = format.chars().peekable();
    let mut counter = 0usize;
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => out.push(chars.next().unwrap_or('{')),
            '}' if chars.peek() == Some(&'}') => out.push(chars.next().unwrap_or('}')),
            '}' => return Err(fault("a single } stands in the format")),
            '{' => {
                let mut field = String::new();
                loop {
                    match chars.next() {
                        Some('}') => break,
                        Some('{') | None => return Err(fault("a { of the format has no }")),
                        Some(c) => field.push(c),
                    }
                }
                out.push_str(&braces_one(&field, arguments, named, &mut counter)?);
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn braces_one(field: &str, arguments: &[Value], named: &Kwargs, counter: &mut usize) -> Result<String, Error> {
    let (head, spec) = field.split_once(':').unwrap_or((field, ""));
    let (path, conversion) = head.split_once('!').map_or((head, None), |(p, c)| (p, Some(c)));
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let mut value = if name.is_empty() {
        *counter += 1;
        arguments.get(*counter - 1).cloned()
    } else if let Ok(index) = name.parse::<usize>() {
        arguments.get(index).cloned()
    } else {
        Some(named.get::<Value>(name)?)
    }
    .ok_or_else(|| fault("not enough arguments for the format"))?;
    for part in rest.split(['.', '[']).map(|p| p.trim_end_matches(']')).filter(|p| !p.is_empty()) {
        value = match part.parse::<usize>() {
            Ok(index) if rest.contains('[') => value.get_item_by_index(index)?,
            _ => value.get_attr(part)?,
        };
    }
    match conversion {
        None => {}
        Some("r" | "a") => value = Value::from(repr(&value)),
        Some("s") => value = Value::from(text(&value)),
        Some(_) => return Err(fault("a format has !r, !a and !s")),
    }
    format_spec(spec, &value)
}

fn format_spec(source: &str, value: &Value) -> Result<String, Error> {
    if source.is_empty() {
        return Ok(text(value));
    }
    let mut spec = Spec::default();
    let mut chars = source.chars().peekable();
    let is_align = |c: char| "<>^=".contains(c);
    let mut ahead = source.chars();
    match (ahead.next(), ahead.next()) {
        (Some(fill), Some(align)) if is_align(align) => {
            (spec.fill, spec.align) = (Some(fill), Some(align));
            chars.next();
            chars.next();
        }
        (Some(align), _) if is_align(align) => {
            spec.align = Some(align);
            chars.next();
        }
        _ => {}
    }
    spec.sign = chars.next_if(|c| "+- ".contains(*c)).filter(|c| *c != '-');
    spec.alternate = chars.next_if_eq(&'#').is_some();
    if chars.next_if_eq(&'0').is_some() && spec.align.is_none() {
        (spec.fill, spec.align) = (Some('0'), Some('='));
    }
    spec.width = number(&mut chars)?.unwrap_or(0);
    spec.thousands = chars.next_if(|c| matches!(c, ',' | '_'));
    if chars.next_if_eq(&'.').is_some() {
        spec.precision = Some(number(&mut chars)?.ok_or_else(|| fault("a precision of the format is missing"))?);
    }
    spec.kind = chars.next().unwrap_or(' ');
    if chars.next().is_some() {
        return Err(fault("what stands behind a colon of the format is none"));
    }
    let unknown = || fault(format!("{} cannot be formatted so", value.kind()));
    let is_whole = i128::try_from(value.clone()).is_ok() || value.kind() == ValueKind::Bool;
    match (spec.kind, real(value)) {
        ('s' | ' ', None) => {
            if spec.align == Some('=') && spec.fill == Some('0') {
                spec.align = Some('<');
            }
            let text = text(value);
            let text = spec.precision.map_or(text.clone(), |p| text.chars().take(p).collect());
            Ok(spec.put(text, '<'))
        }
        ('d' | 'x' | 'X' | 'o' | 'b' | 'n' | ' ', Some(_)) if is_whole => {
            spec.precision = None;
            let body = spec.integer(whole(value).ok_or_else(unknown)?);
            Ok(spec.put(body, '>'))
        }
        ('c', Some(_)) if is_whole => Ok(spec.put(character(value).ok_or_else(unknown)?, '<')),
        (' ', Some(float)) => {
            let body = match spec.precision {
                None => float_text(float),
                Some(precision) => {
                    let general = general(float.abs(), precision.max(1), false);
                    spec.signed(float.is_sign_negative(), &if general.contains(['.', 'e']) { general } else { format!("{general}.0") })
                }
            };
            Ok(spec.put(body, '>'))
        }
        ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%', Some(float)) => {
            let body = spec.float(float);
            Ok(spec.put(body, '>'))
        }
        _ => Err(unknown()),
    }
}
