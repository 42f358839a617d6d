//! Names in place of addresses in rendered text: of those that stand as tokens in what a template's author wrote, and of hosts of URLs in
//! values. Values of settings have their names already, where a setting takes a host; a label or a version that looks like an address
//! stays what it is.

use std::ops::Range;

use offhook_core::address_map::{AddressNames, Found, in_urls, tokens};

use crate::format::{END, START, unmark};

/// The marked text with names in place of addresses.
pub(crate) fn named(marked: String, names: &AddressNames) -> String {
    if names.is_empty() {
        return marked;
    }
    let plain = unmark(&marked);
    let is_mapped = |f: &Found| names.name(f.address).is_some();
    let (mut literal, mut urls) = (tokens(&plain), in_urls(&plain));
    literal.retain(is_mapped);
    urls.retain(is_mapped);
    if literal.is_empty() && urls.is_empty() {
        return marked;
    }
    let mut spots: Vec<Range<usize>> = Vec::new();
    let mut found = Vec::new();
    let pieces = pieces(&marked);
    for (wanted, value) in [(literal, false), (urls, true)] {
        for f in wanted {
            // What is put together of a literal text and a value is no address that anybody wrote.
            if let Some(at) = pieces.iter().find_map(|p| p.place(&f.at)).filter(|(_, v)| *v == value || value).map(|(at, _)| at)
                && !spots.iter().any(|s| s.start < at.end && at.start < s.end)
            {
                spots.push(at.clone());
                found.push(Found { at, ..f });
            }
        }
    }
    found.sort_by_key(|f| f.at.start);
    names.replaced(&marked, found).map_or(marked, |(text, _)| text)
}

/// A run of marked text that is all literal or all one value.
struct Piece {
    /// Where it begins without marks, and with them.
    plain: usize,
    marked: usize,
    length: usize,
    value: bool,
}

impl Piece {
    /// The place with marks of a place without, when all of it lies in this piece; and whether that is a value.
    fn place(&self, at: &Range<usize>) -> Option<(Range<usize>, bool)> {
        let inside = self.plain <= at.start && at.end <= self.plain + self.length;
        inside.then(|| (at.start - self.plain + self.marked..at.end - self.plain + self.marked, self.value))
    }
}

fn pieces(marked: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut plain, mut from) = (0, 0);
    let ends = marked.match_indices([START, END]).map(|(at, mark)| (at, Some(mark)));
    for (at, mark) in ends.chain([(marked.len(), None)]) {
        let length = at - from;
        pieces.push(Piece { plain, marked: from, length, value: mark.is_some_and(|m| m.starts_with(END)) });
        plain += length;
        from = at + mark.map_or(0, str::len);
    }
    pieces
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::format::mark;

    fn names() -> AddressNames {
        AddressNames::from([("1.1.1.1".parse().unwrap(), "pbx.example"), ("2001:db8::1".parse().unwrap(), "six.example")])
    }

    fn shown(text: &str) -> String {
        named(text.replace('<', "\u{2}").replace('>', "\u{3}"), &names()).replace('\u{2}', "<").replace('\u{3}', ">")
    }

    #[test]
    fn what_an_author_wrote_is_named_and_values_are_only_in_urls() {
        for (text, wanted) in [
            ("server = 1.1.1.1\n", "server = pbx.example\n"),
            ("url = http://1.1.1.1:<80>/", "url = http://pbx.example:<80>/"),
            ("label = <1.1.1.1>\nfw = <1.1.1.1>", "label = <1.1.1.1>\nfw = <1.1.1.1>"),
            ("u = <http://1.1.1.1/1.1.1.1/x>;<sip:7@1.1.1.1>", "u = <http://pbx.example/1.1.1.1/x>;<sip:7@pbx.example>"),
            ("1.1.1.1<2>|<1>1.1.1.1|<a b>[2001:db8::1]", "1.1.1.1<2>|<1>1.1.1.1|<a b>six.example"),
            ("1.1.<1.1>|11.1.1.10|1.1.1.12", "1.1.<1.1>|11.1.1.10|1.1.1.12"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn a_value_that_is_an_address_is_marked() {
        assert_eq!(mark("1.1.1.1"), "\u{2}1.1.1.1\u{3}");
        assert_eq!(mark("66.86.0.15-x"), "66.86.0.15-x");
        assert_eq!(mark("8.12"), "8.12");
    }

    proptest! {
        #[test]
        fn marks_stay_and_no_literal_address_is_left(parts in prop::collection::vec(("[a-z =\n.]{0,5}", "(1\\.1\\.1\\.1|1\\.1\\.1\\.12|x|http://1\\.1\\.1\\.1/)", any::<bool>()), 0..8)) {
            let text: String = parts.iter().map(|(before, part, value)| if *value { format!("{before} \u{2}{part}\u{3} ") } else { format!("{before} {part} ") }).collect();
            let made = named(text.clone(), &names());
            prop_assert_eq!(made.matches(START).count(), text.matches(START).count());
            prop_assert_eq!(made.matches(END).count(), text.matches(END).count());
            let left: String = made.split(START).map(|p| p.split_once(END).map_or(p, |(_, after)| after)).collect();
            prop_assert!(tokens(&left).iter().all(|f| names().name(f.address).is_none()), "{}", left);
            prop_assert!(in_urls(&unmark(&made)).iter().all(|f| names().name(f.address).is_none()));
        }
    }
}
