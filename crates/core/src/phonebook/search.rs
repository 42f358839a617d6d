//! Finding in a phone book: letter case and accents do not count, and numbers are compared by what is dialled.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::Contact;

/// Longest query that is looked at, in characters.
const LONGEST: usize = 128;

/// A text as it is compared: decomposed, without accents, in small letters.
pub fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).map(base).collect()
}

/// Letters that Unicode does not decompose but that people search by their plain form.
fn base(c: char) -> char {
    match c {
        'ł' => 'l',
        'ø' => 'o',
        'đ' | 'ð' => 'd',
        'ħ' => 'h',
        'ı' => 'i',
        'ŧ' => 't',
        _ => c,
    }
}

/// What people write between digits.
fn dialled(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '*' | '#')).flat_map(char::to_lowercase).collect()
}

/// The contacts that hold every word of a query in name, company or a number, in their order. An empty query finds all.
pub fn find<'a>(contacts: &'a [Contact], query: &str) -> Vec<&'a Contact> {
    let query: String = query.chars().take(LONGEST).collect();
    let words: Vec<String> = folded(&query).split_whitespace().map(str::to_owned).collect();
    let number = Some(dialled(&query)).filter(|n| n.bytes().any(|b| b.is_ascii_digit()));
    contacts.iter().filter(|c| words.is_empty() || holds(c, &words, number.as_deref())).collect()
}

fn holds(contact: &Contact, words: &[String], number: Option<&str>) -> bool {
    let Contact { name, first_name, last_name, company, .. } = contact;
    let text = folded(&[name, first_name, last_name, company].map(String::as_str).join("\n"));
    if words.iter().all(|w| text.contains(w.as_str())) {
        return true;
    }
    number.is_some_and(|n| contact.numbers.iter().any(|have| dialled(&have.number).contains(n)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::phonebook::{Number, NumberKind};
    use proptest::prelude::*;

    fn book() -> Vec<Contact> {
        let contact = |name: &str, company: &str, number: &str| Contact {
            name: name.into(),
            company: company.into(),
            numbers: vec![Number { kind: NumberKind::Work, number: number.into() }],
            ..Contact::default()
        };
        vec![contact("Zoë Łukasz", "Ørsted", "+49 (30) 12-34"), contact("Émile", "ACME", "1002"), contact("Straße", "", "sip:anna@pbx")]
    }

    #[test]
    fn case_and_accents_do_not_count() {
        let book = book();
        let names = |q: &str| find(&book, q).into_iter().map(|c| c.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("ZOE"), ["Zoë Łukasz"]);
        assert_eq!(names("lukasz orsted"), ["Zoë Łukasz"]);
        assert_eq!(names("emile"), names("ÉMILE"));
        assert_eq!(names("acme"), ["Émile"]);
        assert_eq!(names("301234"), ["Zoë Łukasz"]);
        assert_eq!(names("+49 30"), ["Zoë Łukasz"]);
        assert_eq!(names("nobody"), Vec::<&str>::new());
        assert_eq!(names(" ").len(), 3);
    }

    proptest! {
        #[test]
        fn any_query_is_taken(query in "\\PC{0,200}") {
            prop_assert!(find(&book(), &query).len() <= 3);
        }
    }
}
