//! Time and randomness as parameters: nothing in the domain asks the machine for either.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, to the millisecond. Written as RFC 3339 UTC (`2026-11-21T03:40:00.000Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment this long after; stays in range.
    pub fn plus(self, d: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }

    /// From RFC 3339 text.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// The date and time of an HTTP header: `Sat, 21 Nov 2026 03:40:00 GMT` (RFC 9110, section 5.6.7).
    pub fn http_date(self) -> String {
        jiff::Timestamp::from_millisecond(self.0)
            .map(|t| jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", t).unwrap_or_default())
            .unwrap_or_default()
    }

    /// From the preferred form of an HTTP date; the two obsolete forms and bad dates are `None`.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let bare = text.trim().strip_suffix("GMT")?.trim_end();
        let at = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S", bare).ok()?;
        at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| Self(z.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => f.write_str("invalid"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a time is written as RFC 3339, e.g. 2026-11-21T03:40:00Z"))
    }
}

/// Tells the time. The server has the machine's; tests have one that stands still or is moved by hand.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// Gives random bytes fit for keys and tokens. Tests give fixed ones.
pub trait Entropy: Send + Sync {
    /// Overwrites the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rfc_3339_and_back() {
        let t = Timestamp::parse("2026-11-21T03:40:00Z").unwrap();
        assert_eq!(t.to_string(), "2026-11-21T03:40:00.000Z");
        assert_eq!(Timestamp::parse(&t.to_string()), Some(t));
    }

    #[test]
    fn http_date_and_back() {
        let t = Timestamp::parse("2026-11-21T03:40:07Z").unwrap();
        assert_eq!(t.http_date(), "Sat, 21 Nov 2026 03:40:07 GMT");
        assert_eq!(Timestamp::parse_http_date("Sat, 21 Nov 2026 03:40:07 GMT"), Some(t));
        assert_eq!(Timestamp::parse_http_date("yesterday"), None);
    }
}
