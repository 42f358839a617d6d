//! Rows of a CSV file (RFC 4180), one by one: whatever its length, no more than a row is in memory. The separator is `,`, `;` or tab, the
//! one that the first row holds most of; text is UTF-8, or ISO 8859-1 where it is not.

use std::io::{self, BufRead, Read};

use offhook_core::phonebook::csv;

/// The longest row in bytes.
pub const LONGEST: u64 = 64 * 1024;

/// One row, with the line that it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// From 1.
    pub line: u64,
    /// Its cells, or why there are none.
    pub cells: Result<Vec<String>, &'static str>,
}

/// The rows of a file.
pub struct Rows<R> {
    input: R,
    line: u64,
    separator: Option<char>,
}

impl<R: BufRead> Rows<R> {
    /// Of what is read from here.
    pub fn of(input: R) -> Self {
        Self { input, line: 0, separator: None }
    }

    /// The next row that is not blank.
    pub fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            let first = self.line + 1;
            let Some(read) = self.text()? else { return Ok(None) };
            let text = match read {
                Ok(text) => text,
                Err(why) => return Ok(Some(Row { line: first, cells: Err(why) })),
            };
            if text.trim().is_empty() {
                continue;
            }
            let separator = *self.separator.get_or_insert_with(|| separator(&text));
            return Ok(Some(Row { line: first, cells: cells(&text, separator) }));
        }
    }

    /// One line, and those after it while a quote is open.
    fn text(&mut self) -> io::Result<Option<Result<String, &'static str>>> {
        let Some(mut bytes) = line(&mut self.input, LONGEST)? else { return Ok(None) };
        self.line += 1;
        let mut long = bytes.len() as u64 > LONGEST;
        while !long && open(&bytes) {
            let Some(more) = line(&mut self.input, LONGEST)? else {
                return Ok(Some(Err("a quoted cell is not closed before the end of the file")));
            };
            self.line += 1;
            bytes.extend(more);
            long = bytes.len() as u64 > LONGEST;
        }
        Ok(Some(if long { Err("the row is longer than 65536 bytes: is a quote not closed?") } else { Ok(csv::text(&bytes)) }))
    }
}

/// The next line with its end; of one that is too long one byte more than the most, the rest is passed over.
pub fn line(input: &mut impl BufRead, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(most + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 > most && bytes.last() != Some(&b'\n') {
        loop {
            let mut rest = Vec::new();
            let read = input.by_ref().take(most).read_until(b'\n', &mut rest)?;
            if read == 0 || rest.last() == Some(&b'\n') {
                break;
            }
        }
    }
    Ok(Some(bytes))
}

/// Whether a quote is open at the end: an odd number of them.
fn open(bytes: &[u8]) -> bool {
    bytes.iter().filter(|b| **b == b'"').count() % 2 == 1
}

fn separator(text: &str) -> char {
    [',', ';', '\t'].into_iter().rev().max_by_key(|s| text.matches(*s).count()).unwrap_or(',')
}

/// The cells of one row. Quotes stand around a whole cell; two within are one.
pub fn cells(text: &str, separator: char) -> Result<Vec<String>, &'static str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let (mut cells, mut cell, mut quoted, mut was_quoted) = (Vec::new(), String::new(), false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() && !was_quoted => {
                cell.clear();
                (quoted, was_quoted) = (true, true);
            }
            '"' => return Err("a quote stands within a cell: write it twice, and quotes around the whole cell"),
            c if c == separator && !quoted => {
                cells.push(finished(&mut cell, was_quoted));
                was_quoted = false;
            }
            c if was_quoted && !quoted && !c.is_whitespace() => return Err("something stands after the quotes of a cell"),
            _ if was_quoted && !quoted => {}
            c => cell.push(c),
        }
    }
    cells.push(finished(&mut cell, was_quoted));
    Ok(cells)
}

fn finished(cell: &mut String, quoted: bool) -> String {
    let text = std::mem::take(cell);
    if quoted { text } else { text.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8]) -> Vec<Row> {
        let mut rows = Rows::of(text);
        std::iter::from_fn(|| rows.next().unwrap()).collect()
    }

    #[test]
    fn rows_know_their_line() {
        let text = "\u{feff}mac;label\r\n\r\n 1 ;\"a \"\"b\"\"\n;c\"\n2;x\"y\n3";
        let found = rows(text.as_bytes());
        assert_eq!(found[0], Row { line: 1, cells: Ok(vec!["mac".into(), "label".into()]) });
        assert_eq!(found[1], Row { line: 3, cells: Ok(vec!["1".into(), "a \"b\"\n;c".into()]) });
        assert_eq!((found[2].line, found[2].cells.is_err()), (5, true));
        assert_eq!((found.len(), found[2].cells.clone()), (3, Err("a quoted cell is not closed before the end of the file")));
    }

    #[test]
    fn a_row_without_end_is_passed_over() {
        let mut text = b"mac,label\n".to_vec();
        text.extend(vec![b'x'; 300_000]);
        text.extend(b"\n1,2\n");
        let found = rows(&text);
        assert!(found[1].cells.is_err());
        assert_eq!(found[2], Row { line: 3, cells: Ok(vec!["1".into(), "2".into()]) });
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            rows(&bytes);
        }
    }
}
