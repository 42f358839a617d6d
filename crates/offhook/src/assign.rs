//! Settings on the command line: `PATH=VALUE`, values from files and from standard input, and the patch made of them.

use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

use clap::Args;
use offhook_core::settings::{Path, Segment, apply_merge_patch, field::Field, field_at, typed_as};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome};

/// How values are written; shown below the options of every command that takes them.
pub const HELP: &str = "\
Values:
  lines.1.number=1001           as the setting wants it: number, text, true …
  lines.1.codecs=pcma,g722      a list of words
  keys.1='{\"type\":\"dnd\"}'       JSON for objects and lists
  lines.1.password=@secret.txt  the text of a file (@@x is the text @x)
  lines.1.password=-            from standard input: not in the shell's history
  raw.PACK.\"vendor.name\"=1      a vendor's own parameter
  lines.1.label=null            takes the value away here, as --clear does";

/// Settings to write.
#[derive(Args, Debug, Clone, Default)]
pub struct Assignments {
    /// Settings to write, such as display.text="Front desk"
    #[arg(value_name = "PATH=VALUE")]
    pub values: Vec<String>,
    /// Settings from a JSON or TOML file, below those on the command line
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Take a value away here, so that lower layers show again
    #[arg(long, value_name = "PATH")]
    pub clear: Vec<String>,
}

/// What a layer takes away from the layers below it.
#[derive(Args, Debug, Clone, Default)]
pub struct Unset {
    /// Take away what lower layers give
    #[arg(long, value_name = "PATH")]
    pub unset: Vec<String>,
    /// No longer take it away
    #[arg(long, value_name = "PATH")]
    pub restore: Vec<String>,
}

impl Unset {
    /// Whether anything is asked.
    pub fn is_empty(&self) -> bool {
        self.unset.is_empty() && self.restore.is_empty()
    }

    /// The list as it is to be.
    pub fn applied(&self, current: &Value) -> Value {
        let mut paths: Vec<String> = current.as_array().into_iter().flatten().filter_map(|p| p.as_str().map(str::to_owned)).collect();
        paths.retain(|p| !self.restore.contains(p));
        paths.extend(self.unset.iter().filter(|p| !paths.contains(p)).cloned().collect::<Vec<_>>());
        json!(paths)
    }
}

/// Which document the paths lead into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A whole settings document.
    Settings,
    /// The values of an account, which are those of a line.
    Account,
}

/// What is to be written, read and understood.
#[derive(Debug, Default, PartialEq)]
pub struct Change {
    file: Map<String, Value>,
    values: Vec<(Path, Value)>,
}

impl Assignments {
    /// Reads files and standard input; every fault of a path or value is told at once.
    pub fn read(&self, of: Of) -> Outcome<Change> {
        self.read_with(of, &mut io::stdin())
    }

    fn read_with(&self, of: Of, stdin: &mut dyn Read) -> Outcome<Change> {
        let mut change = Change { file: self.read_file()?, values: Vec::new() };
        let mut faults = Vec::new();
        let mut stdin = Some(stdin);
        for text in &self.values {
            match assignment(text, of, &mut stdin) {
                Ok(value) => change.values.push(value),
                Err(why) => faults.push(why),
            }
        }
        for text in &self.clear {
            match text.parse::<Path>() {
                Ok(path) => change.values.push((path, Value::Null)),
                Err(fault) => faults.push(fault.message),
            }
        }
        if faults.is_empty() { Ok(change) } else { Err(Failure::Usage(faults.join("\n"))) }
    }

    fn read_file(&self) -> Outcome<Map<String, Value>> {
        let Some(file) = &self.file else { return Ok(Map::new()) };
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|e| Failure::Failed(format!("{name} cannot be read: {e}")))?;
        let toml = file.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
        let value: Result<Value, String> =
            if toml { toml::from_str(&text).map_err(|e| e.to_string()) } else { serde_json::from_str(&text).map_err(|e| e.to_string()) };
        match value {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => {
                Err(Failure::Failed(format!("{name}: a settings file holds an object, as in {{\"time\": {{\"zone\": \"Europe/Paris\"}}}}")))
            }
            Err(why) => Err(Failure::Failed(format!("{name} cannot be understood: {why}"))),
        }
    }
}

impl Change {
    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.file.is_empty() && self.values.is_empty()
    }

    /// Whether an item of a list is written, for which the list as it is has to be known.
    pub fn needs_current(&self) -> bool {
        self.values.iter().any(|(path, _)| path.segments().iter().any(|s| matches!(s, Segment::Item(_))))
    }

    /// The merge patch (RFC 7396) of a document that is `current` now.
    pub fn patch(&self, current: &Value) -> Outcome<Value> {
        let mut patch = Value::Object(self.file.clone());
        let mut whole = current.clone();
        apply_merge_patch(&mut whole, &patch);
        for (path, value) in &self.values {
            let item = path.segments().iter().position(|s| matches!(s, Segment::Item(_)));
            let (names, inner) = path.segments().split_at(item.unwrap_or(path.segments().len()));
            let mut place = &mut patch;
            let mut here = &mut whole;
            for name in names.iter().filter_map(name_of) {
                place = step(place, name);
                here = step(here, name);
            }
            put(here, inner, value.clone()).map_err(|why| Failure::Usage(format!("{path}: {why}")))?;
            *place = if inner.is_empty() { value.clone() } else { here.clone() };
        }
        Ok(patch)
    }

    /// A new document.
    pub fn document(&self) -> Outcome<Value> {
        let mut patch = self.patch(&json!({}))?;
        let mut document = json!({});
        apply_merge_patch(&mut document, &patch.take());
        Ok(document)
    }
}

fn name_of(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Name(name) => Some(name),
        Segment::Item(_) => None,
    }
}

/// The member of that name; what is no object becomes one.
fn step<'a>(place: &'a mut Value, name: &str) -> &'a mut Value {
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    &mut place[name]
}

/// Writes into a list: an item that exists, or the one right after the last.
fn put(place: &mut Value, path: &[Segment], value: Value) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        *place = value;
        return Ok(());
    };
    match first {
        Segment::Name(name) => put(step(place, name), rest, value),
        Segment::Item(at) => {
            if !place.is_array() {
                *place = json!([]);
            }
            let items = place.as_array_mut().ok_or("this is no list")?;
            if rest.is_empty() && value.is_null() && *at < items.len() {
                items.remove(*at);
                return Ok(());
            }
            if *at == items.len() {
                items.push(Value::Null);
            }
            let many = items.len();
            let item = items.get_mut(*at).ok_or_else(|| format!("the list has {many} items: the next one is [{many}]"))?;
            put(item, rest, value)
        }
    }
}

fn assignment(text: &str, of: Of, stdin: &mut Option<&mut dyn Read>) -> Result<(Path, Value), String> {
    let Some((path, value)) = split(text) else {
        return Err(format!("{text:?} is no PATH=VALUE; write it like lines.1.number=1001"));
    };
    let path: Path = path.parse().map_err(|f: offhook_core::settings::Fault| f.message)?;
    let described = match of {
        Of::Settings => field_at(&path),
        Of::Account => format!("lines.1.{path}").parse().ok().and_then(|p| field_at(&p)),
    };
    let value = match value {
        "-" => {
            let stdin = stdin.take().ok_or_else(|| format!("{path}: only one value can come from standard input"))?;
            let mut text = String::new();
            stdin.read_to_string(&mut text).map_err(|e| format!("{path}: standard input cannot be read: {e}"))?;
            typed_as(described, &path, without_line_end(&text))
        }
        at if at.starts_with("@@") => typed_as(described, &path, at.get(1..).unwrap_or_default()),
        at if at.starts_with('@') => {
            let file = at.get(1..).unwrap_or_default();
            let text = fs::read_to_string(file).map_err(|e| format!("{path}: the file {file:?} cannot be read: {e}"))?;
            typed_as(described, &path, without_line_end(&text))
        }
        text => {
            readable(&path, described, text)?;
            typed_as(described, &path, text)
        }
    };
    Ok((path, value))
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// A value that begins as JSON where only JSON can stand, and is none, is told here: the server would see a text.
fn readable(path: &Path, described: Option<&Field>, text: &str) -> Result<(), String> {
    let begins = text.trim_start().starts_with(['{', '[']);
    match serde_json::from_str::<Value>(text) {
        Err(fault) if begins && typed_as(described, path, "{}").is_object() => Err(format!("{path}: {text} is no JSON: {fault}")),
        _ => Ok(()),
    }
}

/// At the first `=` outside quotes.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '=' if !quoted => return Some((text.get(..at)?, text.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn change_of(values: &[&str], of: Of) -> Outcome<Change> {
        let given = Assignments { values: values.iter().map(|v| (*v).to_owned()).collect(), ..Assignments::default() };
        given.read_with(of, &mut "s3cret\n".as_bytes())
    }

    fn patch(values: &[&str]) -> Value {
        change_of(values, Of::Settings).unwrap().patch(&json!({})).unwrap()
    }

    #[test]
    fn values_take_the_form_that_the_setting_wants() {
        let patch = patch(&[
            "lines.1.account=1001",
            "lines.1.number=0044",
            "lines.1.mwi=off",
            "lines.1.enabled=true",
            "lines.1.label=true",
            "lines.1.max_calls=3",
            "lines.1.codecs=pcma, g722",
            "display.text=Front desk=1",
            "keys.5={\"type\":\"blf\",\"value\":\"1002\"}",
            "raw.some-pack.\"account.1.x=y\"=1",
            "raw.some-pack.\"empty\"=",
            "lines.2.label=null",
        ]);
        assert_eq!(
            patch,
            json!({
                "lines": {"1": {"account": "1001", "number": "0044", "mwi": "off", "enabled": true, "label": "true", "max_calls": 3,
                          "codecs": ["pcma", "g722"]}, "2": {"label": null}},
                "display": {"text": "Front desk=1"},
                "keys": {"5": {"type": "blf", "value": "1002"}},
                "raw": {"some-pack": {"account.1.x=y": "1", "empty": ""}},
            })
        );
    }

    #[test]
    fn what_is_to_be_json_and_is_none_is_told_with_the_place() {
        let Err(Failure::Usage(told)) = change_of(&["keys.1={\"type\":\"dnd\"", "lines.1.servers=[{host:a}]"], Of::Settings) else {
            panic!("it was taken")
        };
        assert!(
            told.contains("keys.1: {\"type\":\"dnd\" is no JSON: ") && told.contains("lines.1.servers: [{host:a}] is no JSON"),
            "{told}"
        );
        // A text may begin as it likes.
        assert_eq!(patch(&["display.text=[closed", "raw.p.\"a\"={x"]), json!({"display": {"text": "[closed"}, "raw": {"p": {"a": "{x"}}}));
    }

    #[test]
    fn an_accounts_values_are_those_of_a_line() {
        let change = change_of(&["username=1001", "password=12345", "max_calls=2"], Of::Account).unwrap();
        assert_eq!(change.document().unwrap(), json!({"username": "1001", "password": "12345", "max_calls": 2}));
    }

    #[test]
    fn secrets_come_from_files_and_from_standard_input() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        fs::write(&file, "12 34 \r\n").unwrap();
        let from_file = format!("lines.1.password=@{}", file.display());
        assert_eq!(
            patch(&[&from_file, "lines.2.password=-", "lines.3.password=@@x"]),
            json!({"lines": {"1": {"password": "12 34 "}, "2": {"password": "s3cret"}, "3": {"password": "@x"}}})
        );
        let twice = change_of(&["lines.1.password=-", "lines.2.password=-", "x", "lines.3.password=@/nowhere"], Of::Settings).unwrap_err();
        assert_eq!(twice.code(), 2);
        let told = twice.to_string();
        assert!(told.contains("lines.2.password: only one value") && told.contains("PATH=VALUE") && told.contains("/nowhere"), "{told}");
    }

    #[test]
    fn an_item_of_a_list_is_written_into_the_list_as_it_is() {
        let current = json!({"lines": {"1": {"servers": [{"host": "a"}, {"host": "b", "port": 1}], "label": "x"}}});
        let change = change_of(&["lines.1.servers[1].port=5070", "lines.1.servers[2].host=c"], Of::Settings).unwrap();
        assert!(change.needs_current());
        assert_eq!(
            change.patch(&current).unwrap(),
            json!({"lines": {"1": {"servers": [{"host": "a"}, {"host": "b", "port": 5070}, {"host": "c"}]}}})
        );
        let far = change_of(&["lines.1.servers[7].port=1"], Of::Settings).unwrap().patch(&current).unwrap_err();
        assert!(far.to_string().contains("the next one is [2]"), "{far}");
        let removed = change_of(&["lines.1.servers[0]=null"], Of::Settings).unwrap().patch(&current).unwrap();
        assert_eq!(removed, json!({"lines": {"1": {"servers": [{"host": "b", "port": 1}]}}}));
    }

    #[test]
    fn a_file_lies_below_the_command_line() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in
            [("s.json", r#"{"time": {"zone": "UTC", "dhcp_time": true}}"#), ("s.toml", "[time]\nzone = \"UTC\"\ndhcp_time = true\n")]
        {
            let file = dir.path().join(name);
            fs::write(&file, text).unwrap();
            let given = Assignments { values: vec!["time.zone=Europe/Paris".into()], file: Some(file), clear: vec!["display".into()] };
            let patch = given.read(Of::Settings).unwrap().patch(&json!({})).unwrap();
            assert_eq!(patch, json!({"time": {"zone": "Europe/Paris", "dhcp_time": true}, "display": null}));
        }
        let bad = dir.path().join("bad.json");
        fs::write(&bad, "[]").unwrap();
        let given = Assignments { file: Some(bad), ..Assignments::default() };
        assert!(given.read(Of::Settings).unwrap_err().to_string().contains("holds an object"));
    }

    #[test]
    fn unset_is_a_set_of_paths() {
        let unset = Unset { unset: vec!["keys.5".into(), "lines.2".into()], restore: vec!["time".into()] };
        assert_eq!(unset.applied(&json!(["time", "keys.5"])), json!(["keys.5", "lines.2"]));
    }
}
