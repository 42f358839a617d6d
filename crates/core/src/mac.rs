//! MAC addresses: any usual spelling in, `aa:bb:cc:dd:ee:ff` out.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An EUI-48 address. Shown in lower case with colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac([u8; 6]);

/// Why a text is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a MAC address: write 12 hexadecimal digits, bare or parted by colons, dashes, dots, underscores or blanks, not all zero"
)]
pub struct BadMac(pub String);

impl Mac {
    /// From its six bytes. All zeros is no address.
    pub fn new(bytes: [u8; 6]) -> Option<Self> {
        (bytes != [0; 6]).then_some(Self(bytes))
    }

    /// The six bytes, in transmission order.
    pub fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Exactly twelve hexadecimal digits of either case, possibly parted by one kind of the usual separators.
    /// Anything else, and all zeros, is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 6];
        let mut digits = 0usize;
        for c in text.trim().bytes() {
            let digit = match c {
                b'0'..=b'9' => c - b'0',
                b'a'..=b'f' => c - b'a' + 10,
                b'A'..=b'F' => c - b'A' + 10,
                b':' | b'-' | b'.' | b'_' | b' ' if digits > 0 => continue,
                _ => return None,
            };
            let byte = bytes.get_mut(digits / 2)?;
            *byte = (*byte << 4) | digit;
            digits += 1;
        }
        if digits == 12 { Self::new(bytes) } else { None }
    }

    /// The first 24 bits, which the IEEE gives to a maker: `00:15:65`.
    pub fn oui(self) -> [u8; 3] {
        [self.0[0], self.0[1], self.0[2]]
    }

    /// `aabbccddeeff`
    pub fn bare(self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// `AABBCCDDEEFF`
    pub fn bare_upper(self) -> String {
        self.0.iter().map(|b| format!("{b:02X}")).collect()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = BadMac;

    fn from_str(text: &str) -> Result<Self, BadMac> {
        Self::parse(text).ok_or_else(|| BadMac(text.chars().take(64).collect()))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_usual_spelling_is_the_same_address() {
        for text in ["001565AABBCC", "00:15:65:aa:bb:cc", "00-15-65-AA-BB-CC", "0015.65aa.bbcc", "00_15_65_aa_bb_cc", " 00 15 65 aa bb cc "]
        {
            assert_eq!(Mac::parse(text).unwrap().to_string(), "00:15:65:aa:bb:cc", "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "00:15:65:aa:bb",
            "00:15:65:aa:bb:cc:d",
            "00:00:00:00:00:00",
            "00:15:65:aa:bb:cg",
            ":001565aabbcc",
            "héllo",
            "0015655e167ca",
        ] {
            assert_eq!(Mac::parse(text), None, "{text}");
        }
    }

    #[test]
    fn spellings_out() {
        let mac = Mac::parse("00:15:65:aa:bb:cc").unwrap();
        assert_eq!((mac.bare(), mac.bare_upper()), ("001565aabbcc".into(), "001565AABBCC".into()));
        assert_eq!(serde_json::to_string(&mac).unwrap(), r#""00:15:65:aa:bb:cc""#);
    }
}
