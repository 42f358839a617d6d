//! What the files of a tenant may refer to: stored assets and phone books. Plain data, made by who keeps them.

use std::{collections::BTreeMap, sync::Arc};

use offhook_core::{
    Id,
    asset::AssetKind,
    phonebook::{Contact, Phonebook, search},
};
use serde_json::{Value, json};

use crate::{Route, ServerFacts, engine::encoded};

/// Longest search text, in characters.
const LONGEST: usize = 128;

/// Stored assets and phone books as one tenant sees them: its own before the global ones.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    assets: BTreeMap<String, AssetFacts>,
    phonebooks: BTreeMap<String, Arc<Phonebook>>,
}

/// What is known of a stored asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetFacts {
    /// Its name.
    pub name: String,
    /// What its bytes are.
    pub kind: AssetKind,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
}

impl Resources {
    /// Adds an asset; one of that name, letter case ignored, gives way.
    pub fn add_asset(&mut self, asset: AssetFacts) {
        self.assets.insert(asset.name.to_lowercase(), asset);
    }

    /// Adds a phone book; one of that name, letter case ignored, gives way.
    pub fn add_phonebook(&mut self, book: Arc<Phonebook>) {
        self.phonebooks.insert(book.name.to_lowercase(), book);
    }

    /// The asset of that name, letter case ignored.
    pub fn asset(&self, name: &str) -> Option<&AssetFacts> {
        self.assets.get(&name.to_lowercase())
    }

    /// The phone book of that name, letter case ignored, or of that id.
    pub fn phonebook(&self, key: &str) -> Option<&Arc<Phonebook>> {
        let by_id = || Id::parse(key).and_then(|id| self.phonebooks.values().find(|b| b.id == id));
        self.phonebooks.get(&key.to_lowercase()).or_else(by_id)
    }

    /// All assets, by name.
    pub fn assets(&self) -> impl Iterator<Item = &AssetFacts> {
        self.assets.values()
    }

    /// All phone books, by name.
    pub fn phonebooks(&self) -> impl Iterator<Item = &Phonebook> {
        self.phonebooks.values().map(AsRef::as_ref)
    }
}

/// Which part of a phone book a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// From 1.
    pub page: u32,
    /// What is searched; empty: everything.
    pub text: String,
    /// The parameter that said so, for the addresses of other pages.
    pub parameter: Option<String>,
}

impl Default for Part {
    fn default() -> Self {
        Self { page: 1, text: String::new(), parameter: None }
    }
}

impl Part {
    /// What the query of a request says; `search` are the names of parameters that search.
    pub(crate) fn of_query(query: Option<&str>, search: &[String]) -> Self {
        let mut part = Self::default();
        for (name, value) in query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
            if name == "page" {
                part.page = value.parse().unwrap_or(1).max(1);
            } else if part.text.is_empty() && search.iter().any(|s| s == name) {
                part.text = decoded(value);
                part.parameter = Some(name.to_owned());
            }
        }
        part
    }
}

/// A value of a query as text: UTF-8, else latin-1; control characters are blanks.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let mut ahead = rest.clone();
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().into_iter().map(char::from).collect());
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect::<String>().trim().to_owned()
}

/// One contact as templates see it.
pub(crate) fn contact(contact: &Contact) -> Value {
    serde_json::to_value(contact).unwrap_or(Value::Null)
}

/// The part of a phone book that a route asks for, as templates see it (see `docs/packs.md`).
pub(crate) fn part_of(book: &Phonebook, route: &Route, page_size: Option<u32>, server: &ServerFacts) -> Value {
    let Part { page, text, parameter } = &route.part;
    let found = search::find(&book.contacts, text);
    let size = page_size.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX).max(1);
    let number = usize::try_from(*page).unwrap_or(usize::MAX).max(1);
    let pages = found.len().div_ceil(size).max(1);
    let shown = found.iter().skip((number - 1).saturating_mul(size)).take(size);
    let url = format!("{}/{}", server.url, encoded(&route.path));
    let search = parameter.as_ref().map(|p| format!("&{}={}", encoded(p), encoded(text))).unwrap_or_default();
    let other = |n: usize| (1..=pages).contains(&n).then(|| format!("{url}?page={n}{search}"));
    json!({
        "name": book.name,
        "label": book.title(),
        "contacts": shown.map(|c| contact(c)).collect::<Vec<_>>(),
        "page": number,
        "pages": pages,
        "total": found.len(),
        "query": text,
        "next": other(number.saturating_add(1)),
        "previous": number.checked_sub(1).and_then(other),
        "url": url,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_query_tells_page_and_search() {
        let search = ["q".to_owned(), "X".to_owned()];
        let part = |query| Part::of_query(Some(query), &search);
        assert_eq!(part("page=3&q=Zo%C3%AB+%26"), Part { page: 3, text: "Zoë &".into(), parameter: Some("q".into()) });
        assert_eq!(part("page=0&X=%EB%0a%").text, "ë %");
        assert_eq!(part("page=-1&other=1"), Part::default());
        assert_eq!(part(&format!("q={}", "x".repeat(1000))).text.len(), LONGEST);
        assert_eq!(Part::of_query(None, &search), Part::default());
    }
}
