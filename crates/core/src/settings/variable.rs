//! The closed list of variables that a text value may use, and their expansion.

use std::collections::BTreeMap;
use std::fmt;

use super::model::MAX_LINES;
use super::text::is_refused;

/// A variable of the closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// `${line.N.number}`
    LineNumber(u32),
    /// `${line.N.username}`
    LineUsername(u32),
    /// `${line.N.display_name}`
    LineDisplayName(u32),
    /// `${device.mac}`
    DeviceMac,
    /// `${device.label}`
    DeviceLabel,
    /// `${device.location}`
    DeviceLocation,
    /// `${device.model}`
    DeviceModel,
    /// `${tenant.name}`
    TenantName,
    /// `${server.host}`
    ServerHost,
    /// `${server.url}`
    ServerUrl,
    /// `${call.remote}`, action URLs only
    CallRemote,
    /// `${call.local}`, action URLs only
    CallLocal,
    /// `${call.id}`, action URLs only
    CallId,
    /// `${phone.ip}`, action URLs only
    PhoneIp,
}

/// Name, variable, meaning and a stand-in with which the form of a text is checked.
const FIXED: [(&str, Variable, &str, &str); 11] = [
    ("device.mac", Variable::DeviceMac, "MAC address of the device, with colons", "00:00:5e:00:53:01"),
    ("device.label", Variable::DeviceLabel, "label of the device", "desk"),
    ("device.location", Variable::DeviceLocation, "location of the device", "room"),
    ("device.model", Variable::DeviceModel, "model of the device", "model"),
    ("tenant.name", Variable::TenantName, "name of the tenant", "tenant"),
    ("server.host", Variable::ServerHost, "host name or address of this server, as phones reach it", "server.example"),
    ("server.url", Variable::ServerUrl, "URL of this server, as phones reach it, without a final slash", "http://server.example"),
    ("call.remote", Variable::CallRemote, "the other party of the call (action URLs only)", "100"),
    ("call.local", Variable::CallLocal, "the own number in the call (action URLs only)", "100"),
    ("call.id", Variable::CallId, "Call-ID of the call (action URLs only)", "1"),
    ("phone.ip", Variable::PhoneIp, "address of the phone (action URLs only)", "192.0.2.1"),
];

type OfLine = fn(u32) -> Variable;

/// Field of a line, variable, meaning.
const LINE: [(&str, OfLine, &str); 3] = [
    ("number", Variable::LineNumber, "number of line N"),
    ("username", Variable::LineUsername, "user name of line N"),
    ("display_name", Variable::LineDisplayName, "display name of line N"),
];

/// Every variable as it is written, with its meaning, for the reference.
pub(super) fn documented() -> impl Iterator<Item = (String, &'static str)> {
    let lines = LINE.iter().map(|(name, _, doc)| (format!("${{line.N.{name}}}"), *doc));
    lines.chain(FIXED.iter().map(|(name, _, doc, _)| (format!("${{{name}}}"), *doc)))
}

impl Variable {
    fn parse(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("line.") {
            let (number, field) = rest.split_once('.')?;
            let number = line_number(number)?;
            return LINE.iter().find(|(known, ..)| *known == field).map(|(_, make, _)| make(number));
        }
        FIXED.iter().find(|(known, ..)| *known == name).map(|(_, variable, ..)| *variable)
    }

    fn is_of_calls(self) -> bool {
        matches!(self, Self::CallRemote | Self::CallLocal | Self::CallId | Self::PhoneIp)
    }

    fn stand_in(self) -> &'static str {
        FIXED.iter().find(|(_, variable, ..)| *variable == self).map_or("100", |(.., stand_in)| stand_in)
    }
}

fn line_number(text: &str) -> Option<u32> {
    let canonical = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| canonical && (1..=MAX_LINES).contains(n))
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, name) = match self {
            Self::LineNumber(n) => (n, "number"),
            Self::LineUsername(n) => (n, "username"),
            Self::LineDisplayName(n) => (n, "display_name"),
            _ => {
                let name = FIXED.iter().find(|(_, variable, ..)| variable == self).map_or("", |(name, ..)| *name);
                return write!(f, "${{{name}}}");
            }
        };
        write!(f, "${{line.{number}.{name}}}")
    }
}

/// A piece of a text.
enum Piece<'a> {
    Text(&'a str),
    /// What stands between `${` and `}`.
    Variable(&'a str),
    /// A `${` without its `}`, and all that follows it.
    Open(&'a str),
}

/// Cuts a text into pieces; `$${` is the text `${`. One pass, nothing is looked at twice.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(at) = rest.find("${") else {
            return Some(Piece::Text(std::mem::take(&mut rest)));
        };
        let (before, from) = rest.split_at(at);
        let after = from.strip_prefix("${").unwrap_or_default();
        if let Some(literal) = before.strip_suffix('$') {
            if !literal.is_empty() {
                rest = rest.get(literal.len()..).unwrap_or_default();
                return Some(Piece::Text(literal));
            }
            rest = after;
            return Some(Piece::Text("${"));
        }
        if !before.is_empty() {
            rest = from;
            return Some(Piece::Text(before));
        }
        match after.split_once('}') {
            Some((name, after)) => {
                rest = after;
                Some(Piece::Variable(name))
            }
            None => Some(Piece::Open(std::mem::take(&mut rest))),
        }
    })
}

/// Checks the variables of a text and gives it with stand-ins for them, so that its form can be checked.
/// `None`: the text uses none and stands for itself.
pub(super) fn with_stand_ins(text: &str, calls: bool) -> Result<Option<String>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Open(_) => return Err("a variable is not closed: write ${name}, or $${ for a literal ${".to_owned()),
            Piece::Variable(name) => {
                let variable = Variable::parse(name).filter(|variable| calls || !variable.is_of_calls());
                out.push_str(variable.ok_or_else(|| unknown(calls))?.stand_in());
            }
        }
    }
    Ok(Some(out))
}

fn unknown(calls: bool) -> String {
    let names: Vec<String> =
        documented().map(|(name, _)| name).filter(|name| calls || !(name.starts_with("${call.") || name.starts_with("${phone."))).collect();
    format!("it uses an unknown variable; known here: {} (N: number of a line; $${{ is a literal ${{)", names.join(" "))
}

/// What the line variables of one line stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineVariables {
    /// `${line.N.number}`
    pub number: Option<String>,
    /// `${line.N.username}`
    pub username: Option<String>,
    /// `${line.N.display_name}`
    pub display_name: Option<String>,
}

/// What stands for the variables of calls: the words that the phone's own language has for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallVariables {
    /// `${call.remote}`
    pub remote: Option<String>,
    /// `${call.local}`
    pub local: Option<String>,
    /// `${call.id}`
    pub id: Option<String>,
    /// `${phone.ip}`
    pub phone_ip: Option<String>,
}

/// What the variables stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariableContext {
    /// By number of the line.
    pub lines: BTreeMap<u32, LineVariables>,
    /// `${device.mac}`
    pub device_mac: Option<String>,
    /// `${device.label}`
    pub device_label: Option<String>,
    /// `${device.location}`
    pub device_location: Option<String>,
    /// `${device.model}`
    pub device_model: Option<String>,
    /// `${tenant.name}`
    pub tenant_name: Option<String>,
    /// `${server.host}`
    pub server_host: Option<String>,
    /// `${server.url}`
    pub server_url: Option<String>,
    /// Variables of action URLs.
    pub call: CallVariables,
}

impl VariableContext {
    /// What a variable stands for.
    pub fn get(&self, variable: Variable) -> Option<&str> {
        let line = |number: u32| self.lines.get(&number);
        match variable {
            Variable::LineNumber(n) => line(n)?.number.as_deref(),
            Variable::LineUsername(n) => line(n)?.username.as_deref(),
            Variable::LineDisplayName(n) => line(n)?.display_name.as_deref(),
            Variable::DeviceMac => self.device_mac.as_deref(),
            Variable::DeviceLabel => self.device_label.as_deref(),
            Variable::DeviceLocation => self.device_location.as_deref(),
            Variable::DeviceModel => self.device_model.as_deref(),
            Variable::TenantName => self.tenant_name.as_deref(),
            Variable::ServerHost => self.server_host.as_deref(),
            Variable::ServerUrl => self.server_url.as_deref(),
            Variable::CallRemote => self.call.remote.as_deref(),
            Variable::CallLocal => self.call.local.as_deref(),
            Variable::CallId => self.call.id.as_deref(),
            Variable::PhoneIp => self.call.phone_ip.as_deref(),
        }
    }
}

/// Replaces the variables of a text, and `$${` by `${`. What a variable stands for is never looked into again, and its
/// control characters are dropped. A variable that stands for nothing becomes empty and is named in the second part;
/// what is no variable at all stays as it is.
pub fn expand(text: &str, context: &VariableContext) -> (String, Vec<Variable>) {
    let mut out = String::with_capacity(text.len());
    let mut missing = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Open(text) => out.push_str(text),
            Piece::Variable(name) => match Variable::parse(name) {
                None => out.extend(["${", name, "}"]),
                Some(variable) => match context.get(variable) {
                    Some(value) => out.extend(value.chars().filter(|&c| !is_refused(c))),
                    None => missing.push(variable),
                },
            },
        }
    }
    (out, missing)
}
