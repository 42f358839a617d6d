//! Documents with everything that the model of settings has, made from its description: each free text is a mark of its own,
//! or what the caller puts in place of it.

use offhook_core::settings::{
    Format, Model as _, WholeModel,
    field::{Field, Kind, Shape},
};
use offhook_packs::Model;
use serde_json::{Map, Value, json};

/// A plain word that stands for the text of this number, short enough for the narrowest display.
pub fn mark(number: usize) -> String {
    format!("q{number:05}z")
}

/// All settings for a model. Choices, and the forms of dial plan rules, come in turn, beginning with `turn`; the text of each
/// number is `text(number, form)`. With `forms`, texts of a strict form (time zones, languages, addresses …) are left to
/// `text` too.
pub fn everything(pack: &str, model: &Model, turn: usize, forms: bool, text: &dyn Fn(usize, Format) -> String) -> Value {
    let mut maker = Maker { model, turn, number: 0, forms, text };
    let mut all = maker.object(WholeModel::shape(), "");
    let raw: Map<String, Value> = ["offhook.plain", "static.offhook.more", "offhook.password"]
        .map(|name| (name.to_owned(), maker.text(Format::Plain)))
        .into_iter()
        .chain(
            ["a b", "x = 1\ny", "#c", "<z>", "\"q\"", "include:config \"x\"", "[T1]include", ""].map(|name| (name.to_owned(), json!("1"))),
        )
        .collect();
    all.insert("raw".to_owned(), json!({ pack: raw }));
    Value::Object(all)
}

struct Maker<'a> {
    model: &'a Model,
    turn: usize,
    number: usize,
    forms: bool,
    text: &'a dyn Fn(usize, Format) -> String,
}

impl Maker<'_> {
    fn object(&mut self, shape: &'static Shape, path: &str) -> Map<String, Value> {
        // Accounts are looked up elsewhere; a call manager makes a phone of another protocol.
        let wanted = |f: &&Field| !matches!(f.name, "account" | "raw" | "protocol" | "call_managers");
        shape.fields.iter().filter(wanted).map(|f| (f.name.to_owned(), self.value(&f.kind, &format!("{path}.{}", f.name)))).collect()
    }

    fn value(&mut self, kind: &'static Kind, path: &str) -> Value {
        match kind {
            Kind::Bool => json!(true),
            Kind::Int { min, max } => json!(20.clamp(*min, *max)),
            Kind::PortOrAuto => json!(5062),
            Kind::Choice(words) => self.choice(words),
            Kind::Text { format, .. } => self.text(*format),
            Kind::List { of: Kind::Choice(words), max, .. } => {
                let first = self.next();
                let count = words.len().min(*max).min(4);
                json!((0..count).map(|n| words[(first + n) % words.len()]).collect::<Vec<_>>())
            }
            Kind::List { of, max, unique } => {
                let count = if *unique && matches!(of, Kind::Int { .. }) { 1 } else { 2.min(*max) };
                json!((0..count).map(|_| self.value(of, path)).collect::<Vec<_>>())
            }
            Kind::Object(shape) => Value::Object(self.object(shape, path)),
            Kind::Numbered { of, max } => {
                let numbers = self.numbers(path, *max);
                Value::Object(numbers.into_iter().map(|n| (n.to_string(), Value::Object(self.object(of, path)))).collect())
            }
            Kind::Raw => json!({}),
        }
    }

    /// Which of numbered things there are: the first ones, and the last one that the model has.
    fn numbers(&self, path: &str, max: u32) -> Vec<u32> {
        let (line_keys, all) = (self.model.line_keys, self.model.line_keys + self.model.memory_keys);
        let mut numbers = match path {
            ".lines" => vec![1, 2, self.model.accounts],
            ".keys" => vec![1, 2, 3, 4, line_keys, line_keys + 1, all],
            ".modules" => vec![1],
            ".modules.keys" => vec![1, 2],
            _ => vec![1, 2, 3],
        };
        numbers.retain(|&n| n >= 1 && n <= max);
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn next(&mut self) -> usize {
        self.turn += 1;
        self.turn - 1
    }

    fn choice(&mut self, words: &[&str]) -> Value {
        let at = self.next();
        json!(words[at % words.len()])
    }

    fn text(&mut self, format: Format) -> Value {
        let turned = |words: &[&'static str], at: usize| words[at % words.len()];
        let strict = match format {
            // Some families have other forms of their files for old firmware: never left to `text`.
            Format::Version => return json!(turned(&["99.2.3.4", "1.2.3.4"], self.turn)),
            Format::DialMatch => turned(&["(9xx.)", "9,([2-4]xx)", "11(2)", "(*2x)#"], self.next()),
            Format::SettingPath => turned(&["calls.dnd", "calls.reject_anonymous"], self.next()),
            Format::Ip => "192.0.2.7",
            Format::Mask => "255.255.255.0",
            Format::Network => "192.0.2.0/24",
            Format::Mac => "02:00:5e:00:00:01",
            Format::Zone => "Europe/Paris",
            Format::Language => "fr",
            Format::Country => "FR",
            Format::Tone => "350+440@500/500",
            Format::Date => "DD/MM/YYYY",
            Format::TimeOfDay => "03:30",
            Format::TimeSpan => "22:00-05:00",
            Format::DialReplace => "$1",
            _ => "",
        };
        let strict = Some(strict).filter(|strict| !strict.is_empty() && !self.forms);
        match strict {
            Some(text) => json!(text),
            None => {
                self.number += 1;
                json!((self.text)(self.number, format))
            }
        }
    }
}
