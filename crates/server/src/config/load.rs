//! Reading the configuration: defaults, then the file, then the environment, then the command line. Every fault is
//! collected; nothing stops at the first.

use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::{
    Config, check,
    fault::{ConfigFault, ConfigFaults, Place},
    key::{self, KEYS, Key},
    value::Value,
};

/// Variables of the command line that are no keys.
const NOT_KEYS: [&str; 3] = ["OFFHOOK_URL", "OFFHOOK_TOKEN", "OFFHOOK_CONFIG"];

/// Where a configuration comes from. Loading it twice reads the file twice, which is what a reload does.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file.
    pub file: Option<PathBuf>,
    /// The environment; names that do not begin with `OFFHOOK_` are ignored.
    pub variables: Vec<(String, String)>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--role`, once per role; empty: not given.
    pub roles: Vec<String>,
}

/// A configuration with where each value came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the server takes.
    pub config: Config,
    /// Every key, in the order of [`KEYS`].
    pub entries: Vec<Entry>,
}

/// One key's effective value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: &'static Key,
    /// What it is, without a password; none: not set.
    pub value: Option<Value>,
    /// Who said so.
    pub place: Place,
}

impl Sources {
    /// Reads everything.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn load(&self) -> Result<Loaded, ConfigFaults> {
        let mut reading = Reading::defaults();
        self.read_file(&mut reading);
        self.read_variables(&mut reading);
        self.read_options(&mut reading);
        reading.finish()
    }

    fn read_file(&self, reading: &mut Reading) {
        let Some(file) = &self.file else { return };
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("cannot be read: {error}\nname the file with --config, or leave it out to run on defaults");
                return reading.fault(Place::File(file.clone()), "", None, message);
            }
        };
        let (table, errors) = DeTable::parse_recoverable(&text);
        let line = |at: usize| Place::Line(file.clone(), text.bytes().take(at).filter(|b| *b == b'\n').count() + 1);
        for error in &errors {
            let place = error.span().map_or_else(|| Place::File(file.clone()), |s| line(s.start));
            let shown = error.span().and_then(|s| text.get(..s.start).map(|before| before.lines().count().max(1)));
            let written = shown.and_then(|n| text.lines().nth(n - 1)).map(|l| l.trim().to_owned());
            reading.fault(place, "", written, format!("this is not TOML: {}", error.message()));
        }
        walk(table.get_ref(), "", &text, &line, reading);
    }

    fn read_variables(&self, reading: &mut Reading) {
        let mut variables: Vec<_> = self.variables.iter().filter(|(name, _)| name.starts_with("OFFHOOK_")).collect();
        variables.sort();
        for (name, text) in variables {
            let place = Place::Variable(name.clone());
            match KEYS.iter().find(|k| k.variable() == *name) {
                Some(key) => reading.take(key, Value::of_variable(text, key.is_list()), place),
                None if is_meant(name) => reading.fault(place, "", None, unknown_variable(name)),
                None => {}
            }
        }
    }

    fn read_options(&self, reading: &mut Reading) {
        if let (Some(dir), Some(key)) = (&self.data_dir, key::find("data_dir")) {
            reading.take(key, Value::Text(dir.to_string_lossy().into_owned()), Place::Option("--data-dir"));
            // A path need not be text.
            reading.config.data_dir.clone_from(dir);
        }
        if let (false, Some(key)) = (self.roles.is_empty(), key::find("roles")) {
            let roles = self.roles.iter().cloned().map(Value::Text).collect();
            reading.take(key, Value::List(roles), Place::Option("--role"));
        }
    }
}

/// Containers get variables such as `OFFHOOK_PORT` from their surroundings: only a name with a section, or one that
/// is nearly a key of the top, can be meant for us.
fn is_meant(name: &str) -> bool {
    let near = |k: &Key| k.place().0.is_empty() && key::distance(name, &k.variable()) <= 2;
    !NOT_KEYS.contains(&name) && (name.contains("__") || KEYS.iter().any(near))
}

fn unknown_variable(name: &str) -> String {
    let near = KEYS.iter().map(|k| (key::distance(name, &k.variable()), k.variable())).min().filter(|(d, _)| *d <= 4);
    match near {
        Some((_, near)) => format!("there is no such key; did you mean {near}?"),
        None => {
            let path = name.trim_start_matches("OFFHOOK_").to_lowercase().replace("__", ".");
            key::unknown(&path)
        }
    }
}

fn walk(table: &DeTable<'_>, section: &str, text: &str, line: &impl Fn(usize) -> Place, reading: &mut Reading) {
    for (name, value) in table {
        let path = if section.is_empty() { name.get_ref().to_string() } else { format!("{section}.{}", name.get_ref()) };
        let place = line(name.span().start);
        let written = text.get(value.span()).unwrap_or_default();
        match (key::find(&path), value.get_ref()) {
            (Some(key), value) => reading.take(key, Value::of_toml(value, written), place),
            (None, DeValue::Table(inner)) if key::is_section(&path) => walk(inner, &path, text, line, reading),
            (None, value) if key::is_section(&path) => {
                let value = Value::of_toml(value, written).to_string();
                reading.fault(place, &path, Some(value), format!("this is a table: write [{path}] and its keys below"));
            }
            (None, _) => reading.fault(place, &path, None, key::unknown(&path)),
        }
    }
}

/// `scheme://user:password@host` without what stands before the host.
fn without_password(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (_, host))) => format!("{scheme}://…@{host}"),
        None => text.to_owned(),
    }
}

/// What has been read so far.
pub(super) struct Reading {
    pub(super) config: Config,
    entries: Vec<Entry>,
    faults: Vec<ConfigFault>,
}

impl Reading {
    fn defaults() -> Self {
        let mut reading = Self { config: Config::blank(), entries: Vec::new(), faults: Vec::new() };
        for key in KEYS {
            reading.entries.push(Entry { key, value: None, place: Place::Default });
            if let Some(value) = key.default.and_then(Value::parse_toml) {
                reading.take(key, value, Place::Default);
            }
        }
        reading
    }

    fn take(&mut self, key: &'static Key, value: Value, place: Place) {
        if let Err(why) = key.set(&mut self.config, &value) {
            let message = format!("{why}\nallowed: {}", key.allowed());
            self.fault(place.clone(), key.path, Some(value.to_string()), message);
        }
        if let Some(entry) = self.entries.iter_mut().find(|e| e.key.path == key.path) {
            let value = match value {
                Value::Text(text) => Value::Text(without_password(&text)),
                other => other,
            };
            (entry.value, entry.place) = (Some(value), place);
        }
    }

    fn fault(&mut self, place: Place, key: &str, value: Option<String>, message: String) {
        // A variable's or an option's name says the key already.
        let key = if matches!(place, Place::Variable(_) | Place::Option(_)) { String::new() } else { key.to_owned() };
        let value = value.map(|v| without_password(&v));
        self.faults.push(ConfigFault { place, key, value, message });
    }

    /// A fault that lies between keys, told at the one to change.
    pub(super) fn disagree(&mut self, path: &str, message: String) {
        // A value that could not be read has its own fault already.
        let Some(entry) = self.entries.iter().find(|e| e.key.path == path).cloned() else { return };
        let told = |f: &ConfigFault| f.place == entry.place && (f.key == path || f.key.is_empty());
        if !self.faults.iter().any(told) {
            self.fault(entry.place, path, entry.value.map(|v| v.to_string()), message);
        }
    }

    fn finish(mut self) -> Result<Loaded, ConfigFaults> {
        check::across(&mut self);
        self.faults.sort_by_key(|f| match &f.place {
            Place::File(_) | Place::Default => (0, 0),
            Place::Line(_, line) => (1, *line),
            Place::Variable(_) => (2, 0),
            Place::Option(_) => (3, 0),
        });
        if self.faults.is_empty() { Ok(Loaded { config: self.config, entries: self.entries }) } else { Err(ConfigFaults(self.faults)) }
    }
}
