//! A value as somebody wrote it, in TOML or in an environment variable, and its reading as what a key wants.

use std::{fmt, net::SocketAddr, time::Duration};

use ipnet::IpNet;
use offhook_core::access::parse_net;
use toml::de::DeValue;

/// A value as it was written. Nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Value>),
    /// Something that no key wants, with its kind's name and its text.
    Other(&'static str, String),
}

impl Value {
    /// From a TOML value; `text` is what stands in the file.
    pub(super) fn of_toml(value: &DeValue<'_>, text: &str) -> Self {
        match value {
            DeValue::String(s) => Self::Text(s.to_string()),
            DeValue::Boolean(b) => Self::Flag(*b),
            DeValue::Integer(i) => i64::from_str_radix(&i.as_str().replace('_', ""), i.radix())
                .map_or_else(|_| Self::Other("a number that is too large", text.to_owned()), Self::Whole),
            DeValue::Array(items) => Self::List(items.iter().map(|v| Self::of_toml(v.get_ref(), "")).collect()),
            DeValue::Float(_) => Self::Other("a number with a fraction", text.to_owned()),
            DeValue::Datetime(_) => Self::Other("a date", text.to_owned()),
            DeValue::Table(_) => Self::Other("a table", text.to_owned()),
        }
    }

    /// From TOML text that holds one value, such as a default.
    pub(super) fn parse_toml(text: &str) -> Option<Self> {
        DeValue::parse(text.trim()).ok().map(|v| Self::of_toml(v.get_ref(), text))
    }

    /// From an environment variable: TOML when it reads as what is wanted, else the bare text, or a comma list of it.
    pub(super) fn of_variable(text: &str, list: bool) -> Self {
        let toml = Self::parse_toml(text);
        if list {
            return match toml {
                Some(value @ Self::List(_)) => value,
                Some(Self::Text(item)) => Self::List(vec![Self::Text(item)]),
                _ => Self::List(text.split(',').map(str::trim).filter(|i| !i.is_empty()).map(|i| Self::Text(i.to_owned())).collect()),
            };
        }
        match toml {
            Some(value @ (Self::Text(_) | Self::Whole(_) | Self::Flag(_) | Self::List(_))) => value,
            _ => Self::Text(text.to_owned()),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Whole(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(kind, _) => kind,
        }
    }

    fn not(&self, wanted: &str) -> String {
        format!("this is {}, not {wanted}", self.kind())
    }

    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.not("text in quotes")),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Text(text) => text.parse().map_err(|_| self.not("true or false")),
            other => Err(other.not("true or false")),
        }
    }

    pub(super) fn whole(&self) -> Result<u64, String> {
        match self {
            Self::Whole(n) => u64::try_from(*n).map_err(|_| "it is below zero".to_owned()),
            other => Err(other.not("a whole number")),
        }
    }

    /// Every text of a list, or every fault of its items.
    pub(super) fn each<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
        let Self::List(items) = self else { return Err(self.not("a list")) };
        let (mut good, mut faults) = (Vec::new(), Vec::new());
        for item in items {
            match item.text().and_then(&read) {
                Ok(value) => good.push(value),
                Err(why) if matches!(item, Self::Text(_)) => faults.push(why),
                Err(why) => faults.push(format!("{item}: {why}")),
            }
        }
        if faults.is_empty() { Ok(good) } else { Err(faults.join("\n")) }
    }

    pub(super) fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        self.each(|text| {
            text.parse().map_err(|_| match text.parse::<std::net::IpAddr>() {
                Ok(_) => format!("{text:?} has no port"),
                Err(_) => format!("{text:?} is no address with a port"),
            })
        })
    }

    pub(super) fn networks(&self) -> Result<Vec<IpNet>, String> {
        self.each(parse_net)
    }

    /// `90s`, `5m`, `2h`, `7d`.
    pub(super) fn duration(&self) -> Result<Duration, String> {
        let text = self.text().map_err(|_| self.not("a time with its unit"))?;
        let seconds = with_unit(text, &[("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]);
        seconds.map(Duration::from_secs).ok_or_else(|| format!("{text:?} is no time with its unit"))
    }

    /// `512B`, `64KiB`, `64MiB`, `2GiB`.
    pub(super) fn size(&self) -> Result<u64, String> {
        let text = self.text().map_err(|_| self.not("a size with its unit"))?;
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
        with_unit(text, &units).ok_or_else(|| format!("{text:?} is no size with its unit"))
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    units.iter().find_map(|(unit, factor)| {
        let number = text.strip_suffix(unit)?.trim_end();
        number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse::<u64>().ok()?.checked_mul(*factor))?
    })
}

/// The longest that is good to read: `7d`, `90s`.
pub(super) fn duration_text(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(n, _)| seconds > 0 && seconds.is_multiple_of(*n));
    unit.map_or_else(|| format!("{seconds}s"), |(n, unit)| format!("{}{unit}", seconds / n))
}

/// The largest unit that divides it: `64MiB`.
pub(super) fn size_text(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(n, _)| bytes > 0 && bytes.is_multiple_of(*n));
    unit.map_or_else(|| format!("{bytes}B"), |(n, unit)| format!("{}{unit}", bytes / n))
}

impl fmt::Display for Value {
    /// As TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&toml::Value::String(text.clone()).to_string()),
            Self::Whole(n) => write!(f, "{n}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Other(_, text) => f.write_str(text),
            Self::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}
