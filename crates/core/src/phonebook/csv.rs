//! Phone books as CSV (RFC 4180): a row of column names, then one contact in each row. Read tolerantly, as spreadsheets and other
//! systems write it; written in one form.

use std::collections::BTreeMap;

use super::{CONTACTS, Contact, FAULTS, Number, NumberKind};
use crate::Fault;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// In the order of the rows.
    pub contacts: Vec<Contact>,
    /// Columns that mean nothing here.
    pub ignored: Vec<String>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    First,
    Last,
    Company,
    Email,
    Groups,
    Number(NumberKind),
}

impl Column {
    /// By its name: letter case, blanks and a number at the end (`Work 2`) do not count.
    fn of(name: &str) -> Option<Self> {
        let word: String = name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        Some(match word {
            "name" | "displayname" | "fullname" | "contact" => Self::Name,
            "firstname" | "givenname" | "forename" => Self::First,
            "lastname" | "surname" | "familyname" => Self::Last,
            "company" | "organisation" | "organization" | "org" => Self::Company,
            "email" | "mail" | "emailaddress" => Self::Email,
            "group" | "groups" | "category" | "categories" => Self::Groups,
            "work" | "workphone" | "workphonenumber" | "businessphone" | "business" | "office" | "officenumber" | "phone"
            | "phonenumber" | "telephone" | "number" | "extension" => Self::Number(NumberKind::Work),
            "mobile" | "mobilephone" | "mobilenumber" | "cell" | "cellphone" => Self::Number(NumberKind::Mobile),
            "home" | "homephone" | "homenumber" | "private" => Self::Number(NumberKind::Home),
            "fax" | "faxnumber" | "workfax" | "businessfax" | "homefax" => Self::Number(NumberKind::Fax),
            "other" | "otherphone" | "othernumber" => Self::Number(NumberKind::Other),
            _ => return None,
        })
    }
}

const COLUMNS: &str = "name, first_name, last_name, company, email, groups, work, mobile, home, fax, other";

/// Bytes as text: UTF-8 with or without its mark, else ISO 8859-1.
pub fn text(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| bytes.iter().map(|&b| char::from(b)).collect())
}

/// Reads contacts. The separator is the one of `,` `;` and tab that the first row holds most of.
///
/// # Errors
/// Every fault with its line (`line 7`), at most [`FAULTS`].
pub fn read(bytes: &[u8]) -> Result<Sheet, Vec<Fault>> {
    let text = text(bytes);
    let mut rows = rows(&text).into_iter();
    let Some((_, head)) = rows.next() else { return Err(vec![Fault::new("line 1", "is missing: the first row names the columns")]) };
    let columns: Vec<Option<Column>> = head.iter().map(|name| Column::of(name)).collect();
    let has = |wanted: fn(&Column) -> bool| columns.iter().flatten().any(wanted);
    if !has(|c| !matches!(c, Column::Email | Column::Groups | Column::Number(_))) || !has(|c| matches!(c, Column::Number(_))) {
        return Err(vec![Fault::new("line 1", format!("names no columns of names and numbers; known columns are: {COLUMNS}"))]);
    }
    let mut faults = Vec::new();
    let ignored = head.iter().zip(&columns).filter(|(name, c)| c.is_none() && !name.is_empty()).map(|(name, _)| name.clone()).collect();
    let mut sheet = Sheet { contacts: Vec::new(), ignored };
    for (line, row) in rows {
        if row.iter().all(String::is_empty) {
            continue;
        }
        let place = format!("line {line}");
        if row.len() > columns.len() && row.iter().skip(columns.len()).any(|cell| !cell.is_empty()) {
            faults.push(Fault::new(&place, format!("has {} fields, but there are {} columns", row.len(), columns.len())));
        }
        let contact = contact(&columns, row);
        faults.extend(contact.faults().into_iter().map(|(field, why)| Fault::new(&place, format!("{field}: {why}"))));
        sheet.contacts.push(contact);
        if sheet.contacts.len() > CONTACTS {
            faults.push(Fault::new(place, format!("at most {CONTACTS} contacts are allowed")));
        }
        if faults.len() >= FAULTS || sheet.contacts.len() > CONTACTS {
            break;
        }
    }
    faults.truncate(FAULTS);
    if faults.is_empty() { Ok(sheet) } else { Err(faults) }
}

fn contact(columns: &[Option<Column>], row: Vec<String>) -> Contact {
    let mut contact = Contact::default();
    for (column, cell) in columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
        let text = match column {
            Some(Column::Name) => &mut contact.name,
            Some(Column::First) => &mut contact.first_name,
            Some(Column::Last) => &mut contact.last_name,
            Some(Column::Company) => &mut contact.company,
            Some(Column::Email) => &mut contact.email,
            Some(Column::Groups) => {
                let groups = cell.split([';', '|', ',']).map(str::trim).filter(|g| !g.is_empty());
                contact.groups.extend(groups.map(str::to_owned));
                continue;
            }
            Some(Column::Number(kind)) => {
                contact.numbers.push(Number { kind: *kind, number: cell });
                continue;
            }
            None => continue,
        };
        // The first of two columns of one meaning wins.
        if text.is_empty() {
            *text = cell;
        }
    }
    contact.named()
}

/// Rows with the number of the line each begins at; cells without blanks around them.
fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
    let separator = separator(text);
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut line, mut began) = (false, 1, 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            // A line end inside quotes stands for a blank: no name goes over two lines.
            '\r' => {}
            '\n' if quoted => cell.push(' '),
            '\n' => {
                row.push(std::mem::take(&mut cell).trim().to_owned());
                rows.push((began, std::mem::take(&mut row)));
                began = line;
            }
            c if c == separator && !quoted => row.push(std::mem::take(&mut cell).trim().to_owned()),
            c => cell.push(c),
        }
    }
    if !cell.trim().is_empty() || !row.is_empty() {
        row.push(cell.trim().to_owned());
        rows.push((began, row));
    }
    // Blank lines before the names of the columns.
    let first = rows.iter().position(|(_, row)| row.iter().any(|c| !c.is_empty())).unwrap_or(rows.len());
    rows.split_off(first)
}

fn separator(text: &str) -> char {
    let head = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
    let count = |separator: &char| head.matches(*separator).count();
    // Of equals the last one wins, which is the usual one.
    ['\t', ';', ','].into_iter().max_by_key(count).unwrap_or(',')
}

/// Writes contacts: UTF-8, commas, as many columns of a type as any contact has numbers of it.
pub fn write(contacts: &[Contact]) -> String {
    let mut most: BTreeMap<NumberKind, usize> = NumberKind::ALL.into_iter().map(|kind| (kind, 1)).collect();
    for contact in contacts {
        for kind in NumberKind::ALL {
            let count = contact.numbers.iter().filter(|n| n.kind == kind).count();
            most.entry(kind).and_modify(|n| *n = count.max(*n));
        }
    }
    let columns: Vec<(NumberKind, usize)> = most.iter().flat_map(|(kind, n)| (0..*n).map(|i| (*kind, i))).collect();
    let mut head: Vec<String> = ["name", "first_name", "last_name", "company", "email", "groups"].map(str::to_owned).into();
    head.extend(columns.iter().map(|(kind, i)| if *i == 0 { kind.to_string() } else { format!("{kind}_{}", i + 1) }));
    let mut out = head.join(",") + "\r\n";
    for contact in contacts {
        let Contact { name, first_name, last_name, company, email, groups, numbers } = contact;
        let groups = groups.join("; ");
        let number = |(kind, i): &(NumberKind, usize)| numbers.iter().filter(|n| n.kind == *kind).nth(*i).map_or("", |n| n.number.as_str());
        let cells =
            [name, first_name, last_name, company, email, &groups].map(String::as_str).into_iter().chain(columns.iter().map(number));
        out += &cells.map(quoted).collect::<Vec<_>>().join(",");
        out += "\r\n";
    }
    out
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', ';', '\t', '"']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        let contacts = read(bytes).unwrap().contacts.into_iter();
        contacts
            .map(|c| format!("{}|{}", c.name, c.numbers.iter().map(|n| format!("{}:{}", n.kind, n.number)).collect::<Vec<_>>().join(",")))
            .collect()
    }

    #[test]
    fn separators_charsets_and_quotes() {
        let expected = ["Zoë, \"Z\" Ł|work:1001,mobile:0170", "Émile|work:1002"];
        let of = |sep: &str| {
            format!("\u{feff}Name{sep}Work{sep}Mobile Phone\r\n\"Zoë, \"\"Z\"\" Ł\"{sep}1001{sep}0170\r\n\r\nÉmile{sep} 1002 {sep}\r\n")
        };
        for separator in [",", ";", "\t"] {
            assert_eq!(names(of(separator).as_bytes()), expected, "{separator:?}");
        }
        assert_eq!(names(b"first name;last_name;phone\nZo\xeb;X;1"), ["Zoë X|work:1"]);
        assert_eq!(names("name,work,work_2,Work 3\nA,1,2,3".as_bytes()), ["A|work:1,work:2,work:3"]);
        assert_eq!(names("name,work\n\"A\nB\",1\n".as_bytes()), ["A B|work:1"]);
        assert_eq!(read(b"name,work,Birthday\nA,1,2000\n").unwrap().ignored, ["Birthday"]);
    }

    #[test]
    fn faults_tell_their_line() {
        let lines = |text: &str| read(text.as_bytes()).unwrap_err().into_iter().map(|f| f.field).collect::<Vec<_>>();
        assert_eq!(lines("name,work\n,1\nA,2\n\"\n\n\",3\nB,4,5\n"), ["line 2", "line 4", "line 7"]);
        assert_eq!(lines("foo,bar\n1,2\n"), ["line 1"]);
        assert_eq!(lines("Anna,1001\n"), ["line 1"]);
        assert_eq!(lines(""), ["line 1"]);
    }

    fn contact() -> impl Strategy<Value = Contact> {
        let text = || "[^\\p{C}\\u{2028}\\u{2029}]{0,12}".prop_map(|t| t.trim().to_owned());
        let number =
            (prop::sample::select(NumberKind::ALL.to_vec()), "[+*#0-9;,\"]{1,8}").prop_map(|(kind, number)| Number { kind, number });
        (text(), text(), text(), text(), prop::collection::vec(number, 0..4)).prop_map(|(name, first_name, company, email, mut numbers)| {
            numbers.sort_by_key(|n| n.kind);
            Contact { name, first_name, company, email, numbers, ..Contact::default() }.named()
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(contacts in prop::collection::vec(contact().prop_filter("named", |c| c.faults().is_empty()), 0..6)) {
            prop_assert_eq!(read(write(&contacts).as_bytes()).unwrap().contacts, contacts);
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let mut sheet = b"name,work\n".to_vec();
            sheet.extend(bytes);
            let _ = read(&sheet);
        }
    }
}
