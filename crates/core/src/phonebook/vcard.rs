//! Phone books as vCards (RFC 2426, version 3.0; RFC 6350, version 4.0): the few properties that a phone book knows.

use super::{CONTACTS, Contact, FAULTS, Number, NumberKind, csv::text};
use crate::Fault;

/// Longest line that is written, in bytes (RFC 6350, section 3.2).
const LINE: usize = 75;

/// Reads the cards of a text. Properties that a phone book has no place for (photos, addresses) are passed over.
///
/// # Errors
/// Every fault with its line, at most [`FAULTS`].
pub fn read(bytes: &[u8]) -> Result<Vec<Contact>, Vec<Fault>> {
    let text = text(bytes);
    let (mut contacts, mut faults) = (Vec::new(), Vec::new());
    let mut card: Option<(usize, Contact)> = None;
    for (number, line) in unfolded(&text) {
        let place = || format!("line {number}");
        let Some(property) = Property::of(&line) else {
            if !line.trim().is_empty() && card.is_some() {
                faults.push(Fault::new(place(), "is no property of a vCard (NAME:value)"));
            }
            continue;
        };
        match (property.name.as_str(), &mut card) {
            ("BEGIN", None) if property.value.eq_ignore_ascii_case("vcard") => card = Some((number, Contact::default())),
            ("BEGIN", Some(_)) => faults.push(Fault::new(place(), "begins a vCard inside another: END:VCARD is missing")),
            ("END", Some(_)) => {
                if let Some((began, contact)) = card.take() {
                    let contact = contact.named();
                    faults.extend(contact.faults().into_iter().map(|(f, why)| Fault::new(format!("line {began}"), format!("{f}: {why}"))));
                    contacts.push(contact);
                }
            }
            (_, Some((_, contact))) => {
                if property.is_encoded() {
                    faults.push(Fault::new(place(), "is in a form of vCard 2.1 that is not read here: export it as vCard 3.0 or 4.0"));
                } else {
                    property.put(contact);
                }
            }
            (_, None) => {}
        }
        if faults.len() >= FAULTS || contacts.len() > CONTACTS {
            break;
        }
    }
    if let Some((began, _)) = card {
        faults.push(Fault::new(format!("line {began}"), "begins a vCard that has no END:VCARD"));
    }
    if contacts.is_empty() && faults.is_empty() {
        faults.push(Fault::new("line 1", "there is no vCard (BEGIN:VCARD)"));
    }
    if contacts.len() > CONTACTS {
        faults.push(Fault::new("", format!("at most {CONTACTS} contacts are allowed")));
    }
    faults.truncate(FAULTS);
    if faults.is_empty() { Ok(contacts) } else { Err(faults) }
}

/// Lines with their numbers; a line that begins with a blank goes on with the one before.
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    for (i, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), out.last_mut()) {
            (Some(more), Some((_, last))) => last.push_str(more),
            _ => out.push((i + 1, line.to_owned())),
        }
    }
    out
}

struct Property {
    name: String,
    parameters: Vec<String>,
    value: String,
}

impl Property {
    /// `item1.TEL;TYPE=WORK,VOICE:+49 30 1` and the like.
    fn of(line: &str) -> Option<Self> {
        let mut quoted = false;
        let colon = line.char_indices().find(|(_, c)| {
            quoted ^= *c == '"';
            *c == ':' && !quoted
        })?;
        let (head, value) = (line.get(..colon.0)?, line.get(colon.0 + 1..)?);
        let mut parts = head.split(';');
        let name = parts.next()?.rsplit('.').next()?.trim().to_ascii_uppercase();
        let parameters = parts.map(|p| p.replace('"', "").to_ascii_lowercase()).collect();
        (!name.is_empty()).then(|| Self { name, parameters, value: value.trim().to_owned() })
    }

    fn is_encoded(&self) -> bool {
        matches!(self.name.as_str(), "FN" | "N" | "ORG" | "TEL" | "EMAIL" | "CATEGORIES")
            && self.parameters.iter().any(|p| p.trim_start_matches("encoding=") == "quoted-printable")
    }

    fn put(&self, contact: &mut Contact) {
        let first = |at: &mut String, text: Option<&String>| {
            if at.is_empty()
                && let Some(text) = text
            {
                text.clone_into(at);
            }
        };
        match self.name.as_str() {
            "FN" => first(&mut contact.name, split(&self.value, None).first()),
            "N" => {
                let parts = split(&self.value, Some(';'));
                first(&mut contact.last_name, parts.first());
                first(&mut contact.first_name, parts.get(1));
            }
            "ORG" => first(&mut contact.company, split(&self.value, Some(';')).first()),
            "EMAIL" => first(&mut contact.email, split(&self.value, None).first()),
            "CATEGORIES" => contact.groups.extend(split(&self.value, Some(',')).into_iter().filter(|g| !g.is_empty())),
            "TEL" => {
                let number = split(&self.value, None).concat();
                let number = number.get(..4).filter(|p| p.eq_ignore_ascii_case("tel:")).and_then(|_| number.get(4..)).unwrap_or(&number);
                if !number.is_empty() {
                    contact.numbers.push(Number { kind: self.number_kind(), number: number.to_owned() });
                }
            }
            _ => {}
        }
    }

    /// Without a type it is a number at work, as everywhere here.
    fn number_kind(&self) -> NumberKind {
        let types: Vec<&str> = self.parameters.iter().flat_map(|p| p.strip_prefix("type=").unwrap_or(p).split(',')).collect();
        let is = |word: &str| types.contains(&word);
        match () {
            () if is("fax") => NumberKind::Fax,
            () if is("cell") => NumberKind::Mobile,
            () if is("home") => NumberKind::Home,
            () if is("work") => NumberKind::Work,
            () if is("other") || is("pager") || is("car") => NumberKind::Other,
            () => NumberKind::Work,
        }
    }
}

/// A value without its escapes, in parts where a separator stands unescaped. Line ends in it become blanks.
fn split(value: &str, separator: Option<char>) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let next = match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => ' ',
                Some(other) => other,
                None => '\\',
            },
            c if Some(c) == separator => {
                parts.push(String::new());
                continue;
            }
            c => c,
        };
        if let Some(last) = parts.last_mut() {
            last.push(next);
        }
    }
    parts.into_iter().map(|p| p.trim().to_owned()).collect()
}

/// Writes the contacts as vCards of version 3.0, which nearly everything reads.
pub fn write(contacts: &[Contact]) -> String {
    let mut out = String::new();
    for contact in contacts {
        let Contact { name, first_name, last_name, company, email, groups, numbers } = contact;
        put(&mut out, "BEGIN:VCARD");
        put(&mut out, "VERSION:3.0");
        put(&mut out, &format!("FN:{}", escaped(name)));
        put(&mut out, &format!("N:{};{};;;", escaped(last_name), escaped(first_name)));
        for (property, text) in [("ORG", company), ("EMAIL", email)] {
            if !text.is_empty() {
                put(&mut out, &format!("{property}:{}", escaped(text)));
            }
        }
        if !groups.is_empty() {
            put(&mut out, &format!("CATEGORIES:{}", groups.iter().map(|g| escaped(g)).collect::<Vec<_>>().join(",")));
        }
        for Number { kind, number } in numbers {
            let kind = match kind {
                NumberKind::Work => "WORK,VOICE",
                NumberKind::Mobile => "CELL",
                NumberKind::Home => "HOME,VOICE",
                NumberKind::Fax => "FAX",
                NumberKind::Other => "OTHER",
            };
            put(&mut out, &format!("TEL;TYPE={kind}:{}", escaped(number)));
        }
        put(&mut out, "END:VCARD");
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | ',' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A line, folded where it is too long.
fn put(out: &mut String, line: &str) {
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > LINE {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cards_of_both_versions() {
        let cards = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Zoë\r\n  Łukasz\r\nN:Łukasz;Zoë;;;\r\nORG:ACME\\, Inc.;Sales\r\n\
            item1.TEL;VALUE=uri;TYPE=\"voice,home\":tel:+49-30-1\r\nTEL;TYPE=cell:0170\r\nTEL;TYPE=WORK,FAX:99\r\nTEL:1001\r\n\
            EMAIL;TYPE=INTERNET:z@example.org\r\nCATEGORIES:Sales,Berlin\r\nPHOTO;ENCODING=b:AAAA\r\nEND:VCARD\r\n\
            BEGIN:VCARD\nVERSION:3.0\nN:Doe;John;;;\nTEL;HOME:2\nEND:VCARD\n";
        let read = read(cards.as_bytes()).unwrap();
        let first = &read[0];
        assert_eq!((first.name.as_str(), first.company.as_str(), first.email.as_str()), ("Zoë Łukasz", "ACME, Inc.", "z@example.org"));
        let numbers: Vec<String> = first.numbers.iter().map(|n| format!("{} {}", n.kind, n.number)).collect();
        assert_eq!(numbers, ["home +49-30-1", "mobile 0170", "fax 99", "work 1001"]);
        assert_eq!(first.groups, ["Sales", "Berlin"]);
        assert_eq!((read[1].name.as_str(), read[1].numbers[0].kind), ("John Doe", NumberKind::Home));
    }

    #[test]
    fn faults_tell_their_line() {
        let lines = |text: &str| read(text.as_bytes()).unwrap_err().into_iter().map(|f| f.field).collect::<Vec<_>>();
        assert_eq!(lines("nothing"), ["line 1"]);
        assert_eq!(
            lines("BEGIN:VCARD\nFN:A\nBEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:=41\nbad\nEND:VCARD\nBEGIN:VCARD\n"),
            ["line 3", "line 4", "line 5", "line 7"]
        );
        assert_eq!(lines("BEGIN:VCARD\nTEL:1\nEND:VCARD\n"), ["line 1"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name in "[^\\p{C}\\p{Z}][^\\p{C}\\u{2028}\\u{2029}]{0,100}[^\\p{C}\\p{Z}]", number in "[+0-9;,\\\\]{1,30}", kind in prop::sample::select(NumberKind::ALL.to_vec())) {
            let contact = Contact { name, numbers: vec![Number { kind, number }], ..Contact::default() };
            let text = write(std::slice::from_ref(&contact));
            prop_assert!(text.split("\r\n").all(|l| l.len() <= LINE));
            prop_assert_eq!(read(text.as_bytes()).unwrap(), [contact]);
        }

        #[test]
        fn any_bytes_are_taken(text in "(BEGIN:VCARD\n)?\\PC{0,60}\n\\PC{0,60}(\nEND:VCARD)?") {
            let _ = read(text.as_bytes());
        }
    }
}
