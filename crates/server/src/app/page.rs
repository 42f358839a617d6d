//! Pages of lists that are held in memory: ordered by a key, so that a page goes on where the last one ended whatever came
//! or went meanwhile. The store pages its own lists; both have the same shape outside.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use offhook_core::{Error, Result};
pub use offhook_store::{Listed, Page};

/// The greatest page.
pub const MOST: usize = 1000;
/// The page when nobody says how long.
pub const USUAL: usize = 100;

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Part {
    /// The order: one of the list's own sort names.
    pub sort: &'static str,
    /// From the greatest to the least.
    pub descending: bool,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// The part of a list; `key` gives each item's place in the order and is different for all.
pub fn cut<T>(items: impl Iterator<Item = T>, key: impl Fn(&T) -> String, part: &Part) -> Result<Listed<T>> {
    let head = format!("{}{}", part.sort, if part.descending { '-' } else { '+' });
    let after = part.cursor.as_deref().map(|cursor| open(cursor, &head)).transpose()?;
    let compare = |a: &str, b: &str| if part.descending { b.cmp(a) } else { a.cmp(b) };
    let keyed = items.map(|item| (key(&item), item));
    let mut keyed: Vec<(String, T)> = keyed.filter(|(key, _)| after.as_deref().is_none_or(|a| compare(key, a).is_gt())).collect();
    let more = keyed.len() > part.limit;
    if more {
        // Only what is shown is sorted.
        keyed.select_nth_unstable_by(part.limit, |(a, _), (b, _)| compare(a, b));
        keyed.truncate(part.limit);
    }
    keyed.sort_by(|(a, _), (b, _)| compare(a, b));
    let next_cursor = if more { keyed.last().map(|(key, _)| URL_SAFE_NO_PAD.encode(format!("{head}{key}"))) } else { None };
    Ok(Listed { items: keyed.into_iter().map(|(_, item)| item).collect(), next_cursor })
}

fn open(cursor: &str, head: &str) -> Result<String> {
    let bad = || Error::invalid("cursor", "is not a next_cursor of this list in this order");
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    text.strip_prefix(head).map(str::to_owned).ok_or_else(bad)
}

/// Whether a text holds another, letter case ignored.
pub fn holds(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&part.to_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn part(cursor: Option<String>, descending: bool) -> Part {
        Part { sort: "name", descending, cursor, limit: 2 }
    }

    #[test]
    fn pages_go_on_while_rows_come_and_go() {
        let first = cut(["a", "b", "d", "e"].into_iter(), |s| s.to_string(), &part(None, false)).unwrap();
        assert_eq!(first.items, ["a", "b"]);
        let second = cut(["a", "aa", "c", "d", "e"].into_iter(), |s| s.to_string(), &part(first.next_cursor, false)).unwrap();
        assert_eq!(second.items, ["c", "d"]);
        let third = cut(["e"].into_iter(), |s| s.to_string(), &part(second.next_cursor, false)).unwrap();
        assert_eq!((third.items, third.next_cursor), (vec!["e"], None));
    }

    #[test]
    fn the_other_way_round_and_a_cursor_of_another_order() {
        let first = cut(["a", "b", "c"].into_iter(), |s| s.to_string(), &part(None, true)).unwrap();
        assert_eq!(first.items, ["c", "b"]);
        assert!(cut(["a"].into_iter(), |s| s.to_string(), &part(first.next_cursor, false)).is_err());
        assert!(cut(["a"].into_iter(), |s| s.to_string(), &part(Some("%%".into()), false)).is_err());
    }
}
