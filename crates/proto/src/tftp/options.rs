//! The options of RFC 2348, 2349 and 7440: reading a request's, and what we accept of them.
//!
//! A value that its RFC does not allow makes us ignore that option, which RFC 2347 provides for:
//! the client sees that it is missing from the OACK and goes on with the default.

use std::time::Duration;

/// Smallest and greatest block size, RFC 2348.
pub(super) const BLKSIZE: std::ops::RangeInclusive<u64> = 8..=65_464;
/// Block size without the option, RFC 1350.
pub(super) const DEFAULT_BLKSIZE: u16 = 512;

/// The known options of a request that have a usable value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestOptions {
    /// Bytes per block, 8 to 65,464. A greater number is taken as 65,464, since a server may
    /// answer less than what was asked.
    pub blksize: Option<u16>,
    /// Wait before a repetition, 1 to 255 s.
    pub timeout: Option<u8>,
    /// The client wants to know the size of the file.
    pub tsize: bool,
    /// Blocks per acknowledgement, 1 to 65,535.
    pub windowsize: Option<u16>,
}

impl RequestOptions {
    /// Takes what it knows from names (in any case) and values; of a repeated option the first
    /// counts.
    #[must_use]
    pub fn parse<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut options = RequestOptions::default();
        for (name, value) in pairs {
            let Some(value) = number(value) else { continue };
            if name.eq_ignore_ascii_case(b"blksize") {
                let allowed = (value >= *BLKSIZE.start()).then_some(value.min(*BLKSIZE.end()));
                options.blksize = options.blksize.or(allowed.and_then(|v| u16::try_from(v).ok()));
            } else if name.eq_ignore_ascii_case(b"timeout") {
                let allowed = u8::try_from(value).ok().filter(|&seconds| seconds > 0);
                options.timeout = options.timeout.or(allowed);
            } else if name.eq_ignore_ascii_case(b"tsize") {
                options.tsize = true;
            } else if name.eq_ignore_ascii_case(b"windowsize") {
                let allowed = u16::try_from(value).ok().filter(|&blocks| blocks > 0);
                options.windowsize = options.windowsize.or(allowed);
            }
        }
        options
    }
}

/// The options that a server accepts, as its OACK states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OptionAck {
    /// Bytes per block.
    pub blksize: Option<u16>,
    /// Seconds before a repetition.
    pub timeout: Option<u8>,
    /// Size of the file in bytes, as it travels.
    pub tsize: Option<u64>,
    /// Blocks per acknowledgement.
    pub windowsize: Option<u16>,
}

impl OptionAck {
    /// Nothing is accepted: then no OACK is sent (RFC 2347).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == OptionAck::default()
    }

    /// The agreed wait before a repetition.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Calls `each` with name and value of every option that is set.
    pub(super) fn for_each(&self, mut each: impl FnMut(&str, u64)) {
        if let Some(value) = self.tsize {
            each("tsize", value);
        }
        if let Some(value) = self.blksize {
            each("blksize", value.into());
        }
        if let Some(value) = self.timeout {
            each("timeout", value.into());
        }
        if let Some(value) = self.windowsize {
            each("windowsize", value.into());
        }
    }
}

/// A decimal number of ASCII digits; one too great for 64 bits is the greatest.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> RequestOptions {
        RequestOptions::parse(pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    #[test]
    fn good_values_are_taken_in_any_case() {
        let all = [("BlkSize", "1428"), ("TIMEOUT", "3"), ("tsize", "0"), ("windowsize", "16")];
        let options = parse(&all);
        assert_eq!(options, RequestOptions { blksize: Some(1428), timeout: Some(3), tsize: true, windowsize: Some(16) });
    }

    #[test]
    fn values_out_of_range_and_unknown_names_are_ignored() {
        for (name, value) in [
            ("blksize", "7"),
            ("blksize", "0"),
            ("blksize", ""),
            ("blksize", "big"),
            ("blksize", "-512"),
            ("blksize", "+512"),
            ("timeout", "0"),
            ("timeout", "256"),
            ("windowsize", "0"),
            ("windowsize", "65536"),
            ("tsize", "unknown"),
            ("utimeout", "1000"),
            ("multicast", "1"),
        ] {
            assert_eq!(parse(&[(name, value)]), RequestOptions::default(), "{name}={value}");
        }
    }

    #[test]
    fn a_too_great_block_size_means_the_greatest() {
        for value in ["65465", "65535", "99999999999999999999999999"] {
            assert_eq!(parse(&[("blksize", value)]).blksize, Some(65_464));
        }
    }

    #[test]
    fn of_a_repeated_option_the_first_counts() {
        assert_eq!(parse(&[("blksize", "1024"), ("blksize", "512")]).blksize, Some(1024));
        assert_eq!(parse(&[("blksize", "no"), ("blksize", "512")]).blksize, Some(512));
    }
}
