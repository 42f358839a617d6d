//! Text in columns of a terminal: how wide it is, broken into lines, and side by side as a table.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Between two columns of a table.
const GAP: usize = 2;
/// What is no wider than this stays whole, as long as there is room.
const SHORT: usize = 12;
/// A word of a longer text is not broken below this width, as long as there is room.
const WORD: usize = 10;

/// Columns that a text takes; marks of emphasis take none.
pub fn width(text: &str) -> usize {
    pieces(text).map(|piece| piece.width()).sum()
}

/// What a person sees as one character, or a whole mark of emphasis.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mark = rest.strip_prefix("\x1b[").and_then(|r| r.find('m')).map(|end| end + 3);
        let length = mark.or_else(|| rest.graphemes(true).next().map(str::len))?;
        let (piece, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(if mark.is_some() { Piece::Mark(piece) } else { Piece::Seen(piece) })
    })
}

enum Piece<'t> {
    Mark(&'t str),
    Seen(&'t str),
}

impl Piece<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Mark(text) | Self::Seen(text) => text,
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Mark(_) => 0,
            Self::Seen(text) => text.width(),
        }
    }
}

/// One line broken at blanks to fit; a word that is wider than a line is broken too. What fits stays as it is.
pub fn broken(line: &str, within: usize) -> Vec<String> {
    if width(line) <= within {
        return vec![line.to_owned()];
    }
    let (mut lines, mut here, mut used) = (Vec::new(), String::new(), 0);
    for word in line.split_whitespace() {
        let wide = width(word);
        if used > 0 && used + 1 + wide > within {
            lines.push(std::mem::take(&mut here));
            used = 0;
        }
        if used > 0 {
            here.push(' ');
            used += 1;
        }
        if used + wide <= within {
            here.push_str(word);
            used += wide;
            continue;
        }
        for piece in pieces(word) {
            if used > 0 && used + piece.width() > within {
                lines.push(std::mem::take(&mut here));
                used = 0;
            }
            here.push_str(piece.text());
            used += piece.width();
        }
    }
    lines.push(here);
    lines
}

/// Rows of a table within so many columns. What stands first in a row names a thing and is copied by people: it is never broken as long as it
/// fits the line; where it leaves too little room for the rest, the rest begins on the next line.
pub fn table(rows: &[Vec<String>], within: usize) -> Vec<String> {
    let widths = widths(rows, within);
    let mut lines = Vec::new();
    for row in rows {
        let mut cells: Vec<Vec<String>> = Vec::new();
        for (number, (cell, &within)) in row.iter().zip(&widths).enumerate() {
            let whole = number == 0 && width(cell) <= within;
            cells.push(if whole { vec![cell.clone()] } else { cell.lines().flat_map(|l| broken(l, within)).collect() });
        }
        if let Some(first) = row.first().filter(|first| width(first) > widths.first().copied().unwrap_or(0)) {
            lines.extend(broken(first, within));
            if let Some(cell) = cells.first_mut() {
                cell.clear();
            }
            if cells.iter().all(Vec::is_empty) {
                continue;
            }
        }
        for at in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut line = String::new();
            for (cell, &wide) in cells.iter().zip(&widths) {
                let text = cell.get(at).map(String::as_str).unwrap_or_default();
                line.push_str(text);
                line.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(text)) + GAP));
            }
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

/// How wide each column is. Columns get what they need; where that is too much, the widest give way first.
fn widths(rows: &[Vec<String>], within: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let of = |column: usize, measure: fn(&str) -> usize| rows.iter().filter_map(move |r| r.get(column)).map(move |c| measure(c)).max();
    let lines = |cell: &str| cell.lines().map(width).max().unwrap_or(0);
    let words = |cell: &str| cell.split_whitespace().map(width).max().unwrap_or(0);
    let natural: Vec<usize> = (0..columns).map(|c| of(c, lines).unwrap_or(0)).collect();
    let room = within.saturating_sub(GAP * columns.saturating_sub(1));
    let Some((_, others)) = natural.split_first() else { return natural };
    if natural.iter().sum::<usize>() <= room || others.is_empty() {
        return natural;
    }
    // As wide as its heading and its words. What is short stays whole if that is possible, and words of longer texts are rather broken.
    let heading = |column: usize| rows.first().and_then(|r| r.get(column)).map_or(0, |cell| width(cell).min(SHORT));
    let by_words = |column: usize, most: usize| of(column, words).unwrap_or(0).min(most).max(heading(column));
    let whole = |word: usize| -> Vec<usize> { (1..).zip(others).map(|(c, n)| if *n <= SHORT { *n } else { by_words(c, word) }).collect() };
    let ways = [whole(WORD), whole(WORD / 2), (1..columns).map(|c| by_words(c, SHORT)).collect()];
    let left = |least: &[usize]| room.saturating_sub(least.iter().sum());
    // The widest of the names that have room beside the rest.
    let beside = |least: &[usize]| rows.iter().filter_map(|r| r.first()).map(|c| lines(c)).filter(|w| *w <= left(least)).max().unwrap_or(0);
    let first = ways.iter().map(|way| beside(way)).max().unwrap_or(0);
    let least = ways.into_iter().find(|way| beside(way) == first).unwrap_or_default();
    let room = room.saturating_sub(first);
    let capped = |cap: usize, least: &[usize]| -> Vec<usize> { others.iter().zip(least).map(|(n, l)| (*n).min(cap.max(*l))).collect() };
    let fits = |least: &[usize]| (1..=within).rev().map(|cap| capped(cap, least)).find(|w| w.iter().sum::<usize>() <= room);
    // Even the least is too much: a letter below the other then.
    let others = fits(&least).or_else(|| fits(&vec![1; least.len()])).unwrap_or_else(|| vec![1; least.len()]);
    [vec![first], others].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|r| r.iter().map(|c| (*c).to_owned()).collect()).collect()
    }

    #[test]
    fn text_is_as_wide_as_it_is_seen() {
        for (text, wide) in [("abc", 3), ("受付", 4), ("e\u{301}", 1), ("👩‍👩‍👧‍👦", 2), ("\x1b[31mred\x1b[0m", 3), ("", 0)]
        {
            assert_eq!(width(text), wide, "{text:?}");
        }
    }

    #[test]
    fn lines_are_broken_at_blanks_and_words_only_when_they_must() {
        assert_eq!(broken("one two  three", 40), ["one two  three"]);
        assert_eq!(broken("one two three", 8), ["one two", "three"]);
        assert_eq!(broken("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(broken("受付カウンター", 5), ["受付", "カウ", "ンタ", "ー"]);
        assert_eq!(broken("\x1b[1mabcdef\x1b[0m", 3), ["\x1b[1mabc", "def\x1b[0m"]);
    }

    #[test]
    fn a_table_that_fits_is_as_wide_as_its_cells() {
        let told = table(&rows(&[&["NAME", "WHAT"], &["受付", "a"], &["x", ""]]), 80);
        assert_eq!(told, ["NAME  WHAT", "受付  a", "x"]);
    }

    #[test]
    fn long_texts_give_way_and_short_ones_stay_whole() {
        let label = "a label that goes on and on until nobody wants to read it any more, and then some";
        let told = table(&rows(&[&["MAC", "STATE", "SEEN", "LABEL"], &["00:15:65:aa:bb:cc", "pending", "10 min ago", label]]), 60);
        assert!(told.iter().all(|l| width(l) <= 60), "{told:#?}");
        assert!(told[1].starts_with("00:15:65:aa:bb:cc  pending  10 min ago  a label"), "{told:#?}");
    }

    #[test]
    fn a_name_that_fits_stays_beside_the_rest() {
        let told = table(
            &rows(&[
                &["ID", "ROLE", "TENANTS", "USED", "EXPIRES", "LABEL"],
                &["01a231d8-8eca-7e7a-9e19-a505c1328975", "admin", "all", "15 s ago", "", "first start"],
            ]),
            80,
        );
        assert!(told[1].starts_with("01a231d8-8eca-7e7a-9e19-a505c1328975  admin  all      15 s"), "{told:#?}");
    }

    #[test]
    fn one_long_name_among_many_leaves_the_others_beside_the_rest() {
        let header: &[&str] = &["MAC", "MODEL", "STATE", "FILES", "SEEN", "FROM", "LABEL"];
        let usual: &[&str] = &["00:15:65:aa:bb:cc", "CP-7960", "disabled", "bootstrap", "57 min ago", "127.0.0.1", "Desk"];
        let long: &[&str] =
            &["SERIALNUMBER-0123456789-0123456789", "cisco", "ready", "never", "never", "", "受付カウンター東館三階エレベーター前"];
        let told = table(&rows(&[header, usual, long]), 80);
        assert_eq!(told[1], "00:15:65:aa:bb:cc  CP-7960  disabled  bootstrap  57 min ago  127.0.0.1  Desk", "{told:#?}");
    }

    #[test]
    fn a_long_name_has_a_line_of_its_own() {
        let name = "a-name-of-a-profile-that-is-as-long-as-it-may-be-and-wants-64-xx";
        let told = table(
            &rows(&[&["NAME", "TENANT", "MATCHES", "LABEL"], &[name, "default", "T46S", "Front desk"], &["office", "(all)", "", ""]]),
            80,
        );
        let expected = ["NAME    TENANT   MATCHES  LABEL", name, "        default  T46S     Front desk", "office  (all)"];
        assert_eq!(told, expected);
    }

    #[test]
    fn nothing_is_wider_than_it_may_be() {
        let wide = "受付カウンター東館三階エレベーター前".repeat(4);
        let long = "x".repeat(200);
        for within in [40, 60, 80, 132] {
            let cells = [
                wide.as_str(),
                "00:15:65:aa:bb:cc",
                &long,
                "words of a usual length",
                "",
                "1",
                "12345678901",
                "2001:db8:1234:5678:9abc:def0:1234:5678",
            ];
            for turn in 0..cells.len() {
                let mut row = cells;
                row.rotate_left(turn);
                let told = table(&rows(&[&["A", "HEADING", "B", "C", "D", "E", "F", "G"], &row]), within);
                assert!(told.iter().all(|l| width(l) <= within), "{within}: {told:#?}");
            }
        }
    }
}
