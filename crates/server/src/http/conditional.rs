//! Conditional and range requests (RFC 9110, sections 13 and 14) for a file that lies whole in memory.

use hyper::header::{self, HeaderMap, HeaderName};
use offhook_core::clock::Timestamp;

/// What part of the file the answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it.
    Whole,
    /// These bytes, both ends included.
    Part {
        /// Offset of the first byte.
        first: u64,
        /// Offset of the last byte.
        last: u64,
    },
    /// Nothing: the asker has it.
    NotModified,
    /// The range lies outside the file.
    BadRange,
}

/// Decides. `etag` has its quotes; `ranges` says whether the method knows ranges (GET only).
pub fn evaluate(asked: &HeaderMap, etag: &str, last_modified: Timestamp, size: u64, ranges: bool) -> Outcome {
    if let Some(tags) = text(asked, header::IF_NONE_MATCH) {
        if matches_any(&tags, etag) {
            return Outcome::NotModified;
        }
    } else if date(asked, header::IF_MODIFIED_SINCE).is_some_and(|since| seconds(last_modified) == seconds(since)) {
        // The very date that it was given with the file, as each content has its own: a phone that takes on another model, or gets
        // back an earlier content, may hold a later date and still not this file.
        return Outcome::NotModified;
    }
    match text(asked, header::RANGE).filter(|_| ranges && range_still_good(asked, etag, last_modified)) {
        Some(range) => part(&range, size),
        None => Outcome::Whole,
    }
}

fn text(asked: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = asked.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn date(asked: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    Timestamp::parse_http_date(asked.get(name)?.to_str().ok()?)
}

fn seconds(t: Timestamp) -> i64 {
    t.as_millis().div_euclid(1000)
}

/// Weak comparison: a `W/` in front does not matter.
fn matches_any(list: &str, etag: &str) -> bool {
    list.trim() == "*" || list.split(',').any(|t| t.trim().trim_start_matches("W/") == etag)
}

/// `If-Range`: a tag (strong comparison) or a date that must equal ours; else the range is ignored.
fn range_still_good(asked: &HeaderMap, etag: &str, last_modified: Timestamp) -> bool {
    match text(asked, header::IF_RANGE) {
        None => true,
        Some(condition) if condition.trim().starts_with('"') => condition.trim() == etag,
        Some(condition) => Timestamp::parse_http_date(&condition).is_some_and(|t| seconds(t) == seconds(last_modified)),
    }
}

/// One range of bytes. Other units, several ranges and what is malformed are ignored, as the RFC allows.
fn part(range: &str, size: u64) -> Outcome {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").filter(|r| !r.contains(',')).and_then(|r| r.trim().split_once('-'))
    else {
        return Outcome::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<u64>().unwrap_or(u64::MAX));
    match (first.is_empty(), last.is_empty(), digits(first), digits(last)) {
        (true, false, _, Some(suffix)) => match suffix.min(size) {
            0 => Outcome::BadRange,
            length => Outcome::Part { first: size - length, last: size - 1 },
        },
        (false, _, Some(first), Some(last_given)) => {
            let last = if last.is_empty() { u64::MAX } else { last_given };
            match (first <= last, first < size) {
                (false, _) => Outcome::Whole,
                (true, false) => Outcome::BadRange,
                (true, true) => Outcome::Part { first, last: last.min(size - 1) },
            }
        }
        _ => Outcome::Whole,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ask(pairs: &[(HeaderName, &str)]) -> Outcome {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        evaluate(&headers, "\"abc\"", Timestamp::parse("2026-11-21T03:40:00.7Z").unwrap(), 100, true)
    }

    #[test]
    fn entity_tags() {
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"abc\"")]), Outcome::NotModified);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"x\", W/\"abc\"")]), Outcome::NotModified);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "*")]), Outcome::NotModified);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"x\"")]), Outcome::Whole);
    }

    #[test]
    fn dates_count_only_without_tags() {
        let same = "Sat, 21 Nov 2026 03:40:00 GMT";
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, same)]), Outcome::NotModified);
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 03:39:59 GMT")]), Outcome::Whole);
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 03:40:01 GMT")]), Outcome::Whole, "the date of another content");
        assert_eq!(ask(&[(header::IF_MODIFIED_SINCE, same), (header::IF_NONE_MATCH, "\"x\"")]), Outcome::Whole);
    }

    #[test]
    fn ranges() {
        let range = |r: &str| ask(&[(header::RANGE, r)]);
        assert_eq!(range("bytes=0-0"), Outcome::Part { first: 0, last: 0 });
        assert_eq!(range("bytes=90-"), Outcome::Part { first: 90, last: 99 });
        assert_eq!(range("bytes=-5"), Outcome::Part { first: 95, last: 99 });
        assert_eq!(range("bytes=-500"), Outcome::Part { first: 0, last: 99 });
        assert_eq!(range("bytes=10-999999999999999999999999"), Outcome::Part { first: 10, last: 99 });
        assert_eq!(range("bytes=100-"), Outcome::BadRange);
        assert_eq!(range("bytes=-0"), Outcome::BadRange);
        for ignored in ["bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b", "bytes=-", "bytes"] {
            assert_eq!(range(ignored), Outcome::Whole, "{ignored}");
        }
    }

    #[test]
    fn if_range() {
        let with = |condition: &str| ask(&[(header::RANGE, "bytes=0-9"), (header::IF_RANGE, condition)]);
        assert_eq!(with("\"abc\""), Outcome::Part { first: 0, last: 9 });
        assert_eq!(with("\"old\""), Outcome::Whole);
        assert_eq!(with("Sat, 21 Nov 2026 03:40:00 GMT"), Outcome::Part { first: 0, last: 9 });
        assert_eq!(with("Sat, 21 Nov 2026 03:39:00 GMT"), Outcome::Whole);
    }
}
