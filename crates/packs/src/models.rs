//! Models of a family: what each has, and its other spellings.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    fault::PackFault,
    manifest::{ModelSpec, ModulesSpec},
};

/// One model of a family, or the generic one.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Canonical name; empty for the generic model.
    pub name: String,
    /// Other spellings.
    pub aliases: Vec<String>,
    /// Numbers in file names.
    pub codes: Vec<u64>,
    /// What `{model}` is in file names.
    pub file_model: String,
    /// SIP accounts.
    pub accounts: u32,
    /// Line keys.
    pub line_keys: u32,
    /// Further keys.
    pub memory_keys: u32,
    /// Expansion modules.
    pub modules: Option<ModulesSpec>,
    pub(crate) supports_add: Vec<String>,
    pub(crate) supports_remove: Vec<String>,
    /// Everything of it, as templates see it.
    pub(crate) value: Value,
}

/// All models of a pack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Models {
    pub generic: Model,
    pub list: Vec<Model>,
    by_name: HashMap<String, usize>,
}

impl Models {
    /// Reads `models.toml`. What is wrong goes into `faults`.
    pub fn read(text: &str, mut fault: impl FnMut(String, String)) -> Models {
        let mut table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(e) => {
                fault(line_of(&e, text), e.message().to_owned());
                return Models::default();
            }
        };
        let mut take = |name: &str, fault: &mut dyn FnMut(String, String)| match table.remove(name) {
            Some(toml::Value::Table(t)) => t,
            None => toml::Table::new(),
            Some(_) => {
                fault(name.to_owned(), "must be a table".to_owned());
                toml::Table::new()
            }
        };
        let defaults = take("defaults", &mut fault);
        let generic = take("generic", &mut fault);
        let models = take("models", &mut fault);
        for key in table.keys() {
            fault(key.clone(), "unknown: allowed are defaults, generic and models.<name>".to_owned());
        }
        let generic = Model::new("", merged(&defaults, &generic)).unwrap_or_else(|e| {
            fault("generic".to_owned(), e);
            Model::default()
        });
        let mut out = Models { generic, ..Models::default() };
        for (name, own) in models {
            let place = format!("models.{name}");
            let Some(own) = own.as_table() else {
                fault(place, "must be a table".to_owned());
                continue;
            };
            match Model::new(&name, merged(&defaults, own)) {
                Ok(model) => out.add(model, |message| fault(place.clone(), message)),
                Err(e) => fault(place, e),
            }
        }
        out
    }

    fn add(&mut self, model: Model, mut fault: impl FnMut(String)) {
        let index = self.list.len();
        let mut spellings = vec![model.name.to_lowercase()];
        spellings.extend(model.aliases.iter().map(|a| a.to_lowercase()));
        for spelling in spellings {
            if self.by_name.get(&spelling).is_some_and(|&other| other != index) {
                fault(format!("{spelling:?} is a name or alias of two models"));
            }
            self.by_name.entry(spelling).or_insert(index);
        }
        // File names are a weaker spelling: several models may share one.
        self.by_name.entry(model.file_model.to_lowercase()).or_insert(index);
        self.list.push(model);
    }

    /// By name, alias or name in files, letter case ignored.
    pub fn find(&self, name: &str) -> Option<&Model> {
        let found = self.by_name.get(name).or_else(|| self.by_name.get(&name.to_lowercase()));
        found.and_then(|&i| self.list.get(i))
    }

    /// A name as `models.toml` spells it, if it is one or an alias; else as it is.
    pub fn spelling(&self, name: String) -> String {
        let Some(model) = self.find(&name) else { return name };
        let known = std::iter::once(&model.name).chain(&model.aliases).find(|n| n.eq_ignore_ascii_case(&name));
        known.cloned().unwrap_or(name)
    }

    /// The model for a file asked by code: the requester's when it has the code, else the first that has it.
    pub fn by_code<'a>(&'a self, code: u64, own: &'a Model) -> Option<&'a Model> {
        if own.codes.contains(&code) { Some(own) } else { self.list.iter().find(|m| m.codes.contains(&code)) }
    }
}

impl Model {
    fn new(name: &str, table: toml::Table) -> Result<Self, String> {
        let value = serde_json::to_value(&table).map_err(|e| e.to_string())?;
        let spec: ModelSpec = toml::Value::Table(table).try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
        let Value::Object(mut value) = value else { return Err("must be a table".to_owned()) };
        let defaults = [
            ("accounts", spec.accounts.unwrap_or(1)),
            ("line_keys", spec.line_keys.unwrap_or(0)),
            ("memory_keys", spec.memory_keys.unwrap_or(0)),
        ];
        for (key, default) in defaults {
            value.entry(key).or_insert_with(|| default.into());
        }
        value.insert("name".to_owned(), name.into());
        value.insert("code".to_owned(), spec.codes.first().map_or(Value::Null, |&c| c.into()));
        value.insert("generic".to_owned(), name.is_empty().into());
        Ok(Self {
            name: name.to_owned(),
            file_model: spec.file_model.clone().unwrap_or_else(|| name.to_owned()),
            aliases: spec.aliases,
            codes: spec.codes,
            accounts: spec.accounts.unwrap_or(1),
            line_keys: spec.line_keys.unwrap_or(0),
            memory_keys: spec.memory_keys.unwrap_or(0),
            modules: spec.modules,
            supports_add: spec.supports_add,
            supports_remove: spec.supports_remove,
            value: Value::Object(value),
        })
    }

    /// A text, number or boolean of it as text; what is in a table by a dotted name.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let mut at = &self.value;
        for part in name.split('.') {
            at = at.get(part)?;
        }
        match at {
            Value::String(s) => Some(s.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
            other => Some(other.to_string()),
        }
    }
}

/// Defaults under a model's own values; tables merge key by key.
fn merged(defaults: &toml::Table, own: &toml::Table) -> toml::Table {
    let mut out = defaults.clone();
    for (key, value) in own {
        match (out.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => *below = merged(below, above),
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    out
}

/// `line 12` of a TOML fault.
pub(crate) fn line_of(e: &toml::de::Error, text: &str) -> String {
    e.span().map_or_else(String::new, |span| {
        let before = text.get(..span.start).unwrap_or("");
        format!("line {}", before.matches('\n').count() + 1)
    })
}

/// A fault of a pack's file.
pub(crate) fn fault(pack: &str, file: &str, place: String, message: String) -> PackFault {
    PackFault { pack: pack.to_owned(), file: file.to_owned(), place, message }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn read(text: &str) -> (Models, Vec<(String, String)>) {
        let mut faults = Vec::new();
        let models = Models::read(text, |place, message| faults.push((place, message)));
        (models, faults)
    }

    #[test]
    fn defaults_lie_under_models_and_names_are_found_in_any_spelling() {
        let (models, faults) = read(
            r#"
            [defaults]
            accounts = 2
            limits = { label = 11 }
            [generic]
            accounts = 6
            [models.CP-7960]
            aliases = ["7960", "CP-7960G"]
            limits = { password = 31 }
            codes = [5]
            [models.CP-7940]
            accounts = 3
        "#,
        );
        assert_eq!(faults, []);
        assert_eq!(models.find("cp-7960g").unwrap().name, "CP-7960");
        assert_eq!(models.find("7960").unwrap().value["limits"], serde_json::json!({"label": 11, "password": 31}));
        assert_eq!(models.generic.accounts, 6);
        assert_eq!(models.find("CP-7940").unwrap().accounts, 3);
        assert_eq!(models.spelling("cp-7960G".into()), "CP-7960G");
        assert_eq!(models.spelling("T1".into()), "T1");
        assert!(models.find("7970").is_none());
        assert_eq!(models.by_code(5, &models.generic).unwrap().name, "CP-7960");
    }

    #[test]
    fn every_fault_at_once() {
        let (_, faults) = read(
            r#"
            model = 1
            [models.A]
            aliases = ["x"]
            [models.B]
            aliases = ["X"]
            accounts = "two"
            [models.C]
            aliases = ["X"]
        "#,
        );
        let places: Vec<_> = faults.iter().map(|(p, _)| p.as_str()).collect();
        assert_eq!(places, ["model", "models.B", "models.C"]);
        assert!(read("a = ").1[0].0.starts_with("line 1"));
    }
}
