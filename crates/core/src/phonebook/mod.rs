//! A phone book: contacts with their numbers, stored once and served to each family in its own form. Reading it from other forms and
//! writing it into them stands in [`csv`] and [`vcard`], finding in it in [`search`].

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Fault, Id, asset::good_name, clock::Timestamp, settings::is_refused};

pub mod csv;
pub mod search;
pub mod vcard;

/// Most contacts of a phone book.
pub const CONTACTS: usize = 20_000;
/// Most numbers of a contact.
pub const NUMBERS: usize = 16;
/// Most groups of a contact.
pub const GROUPS: usize = 16;
/// Longest text of a contact, in characters.
pub const TEXT: usize = 128;
/// Longest number, in characters.
pub const NUMBER: usize = 64;
/// Most faults that are told at once.
pub const FAULTS: usize = 200;

/// A phone book as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phonebook {
    /// Its id.
    pub id: Id,
    /// What settings call it: see [`good_name`]. Unique in its tenant, or among the global ones, letter case ignored.
    pub name: String,
    /// The tenant it belongs to; none: every tenant may use it.
    pub tenant: Option<String>,
    /// What phones show in their menus; empty: the name.
    pub label: String,
    /// In the order in which they were written.
    pub contacts: Vec<Contact>,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Phonebook {
    /// What phones show in their menus.
    pub fn title(&self) -> &str {
        if self.label.is_empty() { &self.name } else { &self.label }
    }
}

/// One entry. `name` is what phones show; it is made of the others where it is not given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// What phones show.
    pub name: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Company or organisation.
    pub company: String,
    /// E-mail address.
    pub email: String,
    /// Groups it is shown in, where a phone has groups.
    pub groups: Vec<String>,
    /// Its numbers in order.
    pub numbers: Vec<Number>,
}

/// A number of a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: NumberKind,
    /// As it is dialled: digits, or a SIP address.
    pub number: String,
}

/// What a number is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberKind {
    /// At work.
    #[default]
    Work,
    /// Mobile.
    Mobile,
    /// At home.
    Home,
    /// Fax.
    Fax,
    /// Any other.
    Other,
}

impl NumberKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Work, Self::Mobile, Self::Home, Self::Fax, Self::Other];

    /// The lower-case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Mobile => "mobile",
            Self::Home => "home",
            Self::Fax => "fax",
            Self::Other => "other",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

impl fmt::Display for NumberKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Contact {
    /// Fills in what is shown when it is not given: given and family name, else the company.
    pub fn named(mut self) -> Self {
        if self.name.is_empty() {
            let both = format!("{} {}", self.first_name, self.last_name);
            self.name = both.trim().to_owned();
        }
        if self.name.is_empty() {
            self.name.clone_from(&self.company);
        }
        self
    }

    /// What is wrong with it: (field below the contact, what is allowed).
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let texts = [
            ("name", &self.name),
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("company", &self.company),
            ("email", &self.email),
        ];
        for (field, text) in texts {
            faults.extend(bad_text(text, TEXT).map(|why| (field.to_owned(), why)));
        }
        if self.name.trim().is_empty() {
            faults.push(("name".to_owned(), "is needed: a name, or first_name, last_name or company to make it of".to_owned()));
        }
        if self.groups.len() > GROUPS {
            faults.push(("groups".to_owned(), format!("at most {GROUPS} groups are allowed")));
        }
        for (i, group) in self.groups.iter().enumerate() {
            let why = bad_text(group, TEXT).or_else(|| group.trim().is_empty().then(|| "must not be empty".to_owned()));
            faults.extend(why.map(|why| (format!("groups[{i}]"), why)));
        }
        if self.numbers.len() > NUMBERS {
            faults.push(("numbers".to_owned(), format!("at most {NUMBERS} numbers are allowed")));
        }
        for (i, number) in self.numbers.iter().enumerate() {
            faults.extend(bad_number(&number.number).map(|why| (format!("numbers[{i}].number"), why)));
        }
        faults
    }
}

fn bad_text(text: &str, longest: usize) -> Option<String> {
    if text.chars().any(is_refused) {
        return Some("control characters and line ends are not allowed".to_owned());
    }
    (text.chars().count() > longest).then(|| format!("at most {longest} characters are allowed"))
}

fn bad_number(number: &str) -> Option<String> {
    if number.trim().is_empty() {
        return Some("must not be empty".to_owned());
    }
    bad_text(number, NUMBER)
}

/// Contacts as JSON gives them: a list of objects, each checked, with every fault at its path (`contacts[3].numbers[0].type`). At most
/// [`FAULTS`] are told.
///
/// # Errors
/// Everything that is wrong.
pub fn contacts(field: &str, value: &Value) -> Result<Vec<Contact>, Vec<Fault>> {
    let Some(items) = value.as_array() else { return Err(vec![Fault::new(field, "must be a list of contacts")]) };
    if items.len() > CONTACTS {
        return Err(vec![Fault::new(field, format!("at most {CONTACTS} contacts are allowed, not {}", items.len()))]);
    }
    let mut faults = Vec::new();
    let mut contacts = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        match contact(&format!("{field}[{i}]"), item) {
            Ok(contact) => contacts.push(contact),
            Err(found) => faults.extend(found),
        }
        if faults.len() >= FAULTS {
            break;
        }
    }
    faults.truncate(FAULTS);
    if faults.is_empty() { Ok(contacts) } else { Err(faults) }
}

/// One contact as JSON gives it.
///
/// # Errors
/// Everything that is wrong, each with its path.
pub fn contact(field: &str, value: &Value) -> Result<Contact, Vec<Fault>> {
    let place = |below: &str| if field.is_empty() { below.to_owned() } else { format!("{field}.{below}") };
    let Some(map) = value.as_object() else { return Err(vec![Fault::new(field, "must be an object")]) };
    let mut faults = Vec::new();
    let mut contact = Contact::default();
    for (name, value) in map {
        if value.is_null() {
            continue;
        }
        let text = match name.as_str() {
            "name" => &mut contact.name,
            "first_name" => &mut contact.first_name,
            "last_name" => &mut contact.last_name,
            "company" => &mut contact.company,
            "email" => &mut contact.email,
            "groups" => {
                contact.groups = texts(&place(name), value, &mut faults);
                continue;
            }
            "numbers" => {
                contact.numbers = numbers(&place(name), value, &mut faults);
                continue;
            }
            _ => {
                let known = "name, first_name, last_name, company, email, groups, numbers";
                let name: String = name.chars().take(NAME_SHOWN).collect();
                faults.push(Fault::new(place(&name), format!("there is no such field; allowed: {known}")));
                continue;
            }
        };
        match value.as_str() {
            Some(given) => given.trim().clone_into(text),
            None => faults.push(Fault::new(place(name), "must be text")),
        }
    }
    let contact = contact.named();
    faults.extend(contact.faults().into_iter().map(|(below, why)| Fault::new(place(&below), why)));
    if faults.is_empty() { Ok(contact) } else { Err(faults) }
}

const NAME_SHOWN: usize = 64;

fn texts(field: &str, value: &Value, faults: &mut Vec<Fault>) -> Vec<String> {
    let Some(items) = value.as_array() else {
        faults.push(Fault::new(field, "must be a list of texts"));
        return Vec::new();
    };
    let mut out = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match item.as_str() {
            Some(text) => out.push(text.trim().to_owned()),
            None => faults.push(Fault::new(format!("{field}[{i}]"), "must be text")),
        }
    }
    out
}

fn numbers(field: &str, value: &Value, faults: &mut Vec<Fault>) -> Vec<Number> {
    let Some(items) = value.as_array() else {
        faults.push(Fault::new(field, "must be a list such as [{\"type\":\"work\",\"number\":\"1001\"}]"));
        return Vec::new();
    };
    let mut out = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let mut fault = |below: &str, why: &str| faults.push(Fault::new(format!("{field}[{i}]{below}"), why));
        let Some(map) = item.as_object() else {
            fault("", "must be an object such as {\"type\":\"work\",\"number\":\"1001\"}");
            continue;
        };
        for name in map.keys().filter(|n| !matches!(n.as_str(), "type" | "number")) {
            fault(&format!(".{}", name.chars().take(NAME_SHOWN).collect::<String>()), "there is no such field; allowed: type, number");
        }
        let kind = match map.get("type") {
            None | Some(Value::Null) => Some(NumberKind::default()),
            Some(word) => word.as_str().and_then(NumberKind::parse),
        };
        let number = map.get("number").and_then(Value::as_str);
        if kind.is_none() {
            fault(".type", "must be work, mobile, home, fax or other");
        }
        if number.is_none() {
            fault(".number", "must be text such as \"1001\"");
        }
        out.extend(kind.zip(number).map(|(kind, number)| Number { kind, number: number.trim().to_owned() }));
    }
    out
}

/// What is wrong with name and label.
pub fn head_faults(name: &str, label: &str) -> Vec<Fault> {
    let name = good_name(name).err().map(|why| Fault::new("name", why));
    let label = bad_text(label, TEXT).map(|why| Fault::new("label", why));
    name.into_iter().chain(label).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use serde_json::json;

    #[test]
    fn every_fault_is_told_at_once() {
        let faults = contacts(
            "contacts",
            &json!([
                { "name": "Anna", "numbers": [{ "number": "1001" }] },
                { "name": 5, "colour": "red", "groups": "x", "numbers": [{ "type": "pager", "number": "1" }, "x", { "type": "home", "number": "" }] },
                { "numbers": [] },
                { "first_name": "A\nB" },
            ]),
        )
        .unwrap_err();
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        let expected = [
            "contacts[1].name",
            "contacts[1].colour",
            "contacts[1].groups",
            "contacts[1].numbers[0].type",
            "contacts[1].numbers[1]",
            "contacts[1].name",
            "contacts[1].numbers[0].number",
            "contacts[2].name",
            "contacts[3].name",
            "contacts[3].first_name",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_name_is_made_of_what_there_is() {
        let of = |v: Value| contact("", &v).unwrap().name;
        assert_eq!(of(json!({ "first_name": "Zoë", "last_name": " Łuk " })), "Zoë Łuk");
        assert_eq!(of(json!({ "company": "ACME", "last_name": null })), "ACME");
        assert_eq!(
            contact("", &json!({ "name": "A", "numbers": [{ "number": " 12 " }] })).unwrap().numbers,
            [Number { kind: NumberKind::Work, number: "12".into() }]
        );
    }

    #[test]
    fn sizes_are_bounded() {
        let many = Value::Array(vec![json!({ "name": "A" }); CONTACTS + 1]);
        assert_eq!(contacts("contacts", &many).unwrap_err().len(), 1);
        let bad = Value::Array(vec![json!({}); 1000]);
        assert_eq!(contacts("contacts", &bad).unwrap_err().len(), FAULTS);
        let long = contact("", &json!({ "name": "x".repeat(129), "numbers": vec![json!({ "number": "1" }); 17] })).unwrap_err();
        assert_eq!(long.len(), 2);
    }
}
