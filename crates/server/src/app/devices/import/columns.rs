//! Columns of a table of devices: the fields of a device, and any setting by its path. A row becomes the document that a person would send.

use offhook_core::{
    Error, Fault, Result,
    settings::{Path, Segment, field_at, typed},
};
use serde_json::{Map, Value, json};

/// Fields of a device that a cell holds.
const FIELDS: &[&str] = &["mac", "serial", "uuid", "tenant", "vendor", "model", "pack", "firmware", "state", "label", "location"];
/// Fields that are lists: words between `;`, `|` or `,`.
const LISTS: &[&str] = &["profiles", "tags"];

enum Column {
    Field(&'static str),
    List(&'static str),
    Setting(Path),
}

/// The columns in their order.
pub(super) struct Columns(Vec<(String, Column)>);

impl Columns {
    /// From the first row; every name that means nothing is told.
    pub(super) fn read(names: &[String]) -> Result<Self> {
        let (mut columns, mut faults) = (Vec::new(), Vec::new());
        for (at, name) in names.iter().enumerate() {
            match column(name) {
                Ok((path, _)) if columns.iter().any(|(p, _)| *p == path) => {
                    faults.push(Fault::new(name, format!("column {}: stands there twice", at + 1)));
                }
                Ok(column) => columns.push(column),
                Err(why) => faults.push(Fault::new(name.chars().take(128).collect::<String>(), format!("column {}: {why}", at + 1))),
            }
        }
        if faults.is_empty() && !["mac", "serial", "uuid"].iter().any(|n| columns.iter().any(|(path, _)| path == n)) {
            faults.push(Fault::new("", "the first row has to name the columns, mac among them"));
        }
        if faults.is_empty() { Ok(Self(columns)) } else { Err(Error::Invalid(faults)) }
    }

    /// The document of a row. An empty cell says nothing. The error is a column, from 1, and what is wrong with it.
    pub(super) fn document(&self, cells: &[String]) -> Result<Value, (usize, String)> {
        if let Some(more) = cells.get(self.0.len()..).and_then(|more| more.iter().position(|c| !c.is_empty())) {
            return Err((self.0.len() + more + 1, format!("there are {} columns only", self.0.len())));
        }
        let (mut document, mut settings) = (Map::new(), json!({}));
        for ((_, column), cell) in self.0.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            match column {
                Column::Field(name) => drop(document.insert((*name).to_owned(), json!(cell))),
                Column::List(name) => {
                    let words: Vec<&str> = cell.split([';', '|', ',']).map(str::trim).filter(|w| !w.is_empty()).collect();
                    document.insert((*name).to_owned(), json!(words));
                }
                Column::Setting(path) => plant(&mut settings, path, typed(path, cell)),
            }
        }
        if settings.as_object().is_some_and(|s| !s.is_empty()) {
            document.insert("settings".to_owned(), settings);
        }
        Ok(Value::Object(document))
    }

    /// The column of a field that something is wrong with, from 1.
    pub(super) fn of(&self, field: &str) -> Option<usize> {
        let below = |path: &str| field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        self.0.iter().position(|(path, _)| below(path)).map(|at| at + 1)
    }
}

fn column(name: &str) -> Result<(String, Column), String> {
    let plain = name.trim().to_ascii_lowercase();
    let same = |known: &&&str| **known == plain;
    if let Some(field) = FIELDS.iter().find(same) {
        return Ok(((*field).to_owned(), Column::Field(field)));
    }
    let plural = if plain.ends_with('s') { plain.clone() } else { format!("{plain}s") };
    if let Some(list) = LISTS.iter().find(|l| ***l == *plural) {
        return Ok(((*list).to_owned(), Column::List(list)));
    }
    let unknown =
        || format!("means nothing: there are {}, {} and paths of settings such as lines.1.account", FIELDS.join(", "), LISTS.join(", "));
    let text = name.trim();
    let path: Path = text.strip_prefix("settings.").unwrap_or(text).parse().map_err(|_| unknown())?;
    if path.segments().iter().any(|s| matches!(s, Segment::Item(_))) {
        return Err("a list is written whole: leave out the [ ]".to_owned());
    }
    let raw = path.segments().len() == 3 && matches!(path.segments().first(), Some(Segment::Name(name)) if name == "raw");
    if field_at(&path).is_none() && !raw {
        return Err(unknown());
    }
    Ok((format!("settings.{path}"), Column::Setting(path)))
}

fn plant(settings: &mut Value, path: &Path, value: Value) {
    let mut place = settings;
    for name in path.names().unwrap_or_default() {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn a_row_is_a_document() {
        let columns =
            Columns::read(&texts(&["MAC", "tags", "profile", "lines.1.account", "settings.lines.1.local_port", "label"])).unwrap();
        let row = texts(&["001565aabbcc", "a; b", "desk", "1001", "5062", ""]);
        assert_eq!(
            columns.document(&row).unwrap(),
            json!({"mac": "001565aabbcc", "tags": ["a", "b"], "profiles": ["desk"],
                   "settings": {"lines": {"1": {"account": "1001", "local_port": 5062}}}})
        );
        assert_eq!((columns.of("settings.lines.1.account"), columns.of("profiles[0]"), columns.of("pack")), (Some(4), Some(3), None));
        assert_eq!(columns.document(&texts(&["1", "", "", "", "", "", "", "x"])).unwrap_err().0, 8);
    }

    #[test]
    fn every_wrong_column_is_told() {
        let Err(Error::Invalid(faults)) = Columns::read(&texts(&["mac", "colour", "mac", "lines.1.codecs[0]", "lines.1.nothing"])) else {
            panic!("no fault")
        };
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["colour", "mac", "lines.1.codecs[0]", "lines.1.nothing"]);
        assert!(Columns::read(&texts(&["label"])).is_err());
    }
}
