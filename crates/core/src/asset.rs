//! An asset: a file that settings refer to by its name (a logo, a ring tone, a wallpaper, a certificate), stored once as it was
//! uploaded. What a family makes of it is its pack's business; the bytes lie in the blob store.

use serde::{Deserialize, Serialize};

use crate::{Id, clock::Timestamp};

/// Longest name of an asset or a phone book, in characters.
pub const NAME: usize = 64;
/// How many of the first bytes tell the kind.
pub const HEAD: usize = 512;

/// An asset as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its id.
    pub id: Id,
    /// What settings call it: see [`good_name`]. Unique in its tenant, or among the global ones, letter case ignored.
    pub name: String,
    /// The tenant it belongs to; none: every tenant may use it.
    pub tenant: Option<String>,
    /// What its bytes are.
    pub kind: AssetKind,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $id:ident $word:literal $mime:literal;)*) => {
        /// What the bytes of an asset are, told by the bytes themselves and never by a name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum AssetKind {
            $($(#[$doc])* $id,)*
        }

        impl AssetKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// The lower-case word.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $word,)*
                }
            }

            /// The MIME type.
            pub fn content_type(self) -> &'static str {
                match self {
                    $(Self::$id => $mime,)*
                }
            }
        }
    };
}

kinds! {
    /// Portable Network Graphics.
    Png "png" "image/png";
    /// Windows bitmap.
    Bmp "bmp" "image/bmp";
    /// JPEG.
    Jpg "jpg" "image/jpeg";
    /// GIF.
    Gif "gif" "image/gif";
    /// RIFF WAVE sound.
    Wav "wav" "audio/wav";
    /// MPEG layer 3 sound.
    Mp3 "mp3" "audio/mpeg";
    /// Ogg sound.
    Ogg "ogg" "audio/ogg";
    /// Certificates or keys as PEM text (RFC 7468).
    Pem "pem" "application/x-pem-file";
    /// One ASN.1 DER structure, as of a certificate.
    Der "der" "application/pkix-cert";
    /// XML text.
    Xml "xml" "text/xml";
    /// Other text.
    Txt "txt" "text/plain";
    /// A tar archive, as of a VPN configuration.
    Tar "tar" "application/x-tar";
    /// Gzip.
    Gz "gz" "application/gzip";
    /// A ZIP archive.
    Zip "zip" "application/zip";
    /// Anything else: ring tones without header, the maker's own image forms.
    Bin "bin" "application/octet-stream";
}

impl AssetKind {
    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|k| k.as_str() == word).copied()
    }

    /// What begins with these bytes, of which [`HEAD`] are enough.
    pub fn sniff(head: &[u8]) -> Self {
        const MAGIC: [(&[u8], AssetKind); 9] = [
            (b"\x89PNG\r\n\x1a\n", AssetKind::Png),
            (b"BM", AssetKind::Bmp),
            (b"\xff\xd8\xff", AssetKind::Jpg),
            (b"GIF8", AssetKind::Gif),
            (b"ID3", AssetKind::Mp3),
            (b"OggS", AssetKind::Ogg),
            (b"-----BEGIN ", AssetKind::Pem),
            (b"\x1f\x8b", AssetKind::Gz),
            (b"PK\x03\x04", AssetKind::Zip),
        ];
        let at = |from: usize, text: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(text));
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, kind)| head.starts_with(magic) && (*kind != Self::Bmp || is_bmp(head))) {
            return *kind;
        }
        if at(0, b"RIFF") && at(8, b"WAVE") {
            return Self::Wav;
        }
        if at(257, b"ustar") {
            return Self::Tar;
        }
        // Frame header of MPEG-1 or 2, layer 3.
        if matches!(head, [0xff, second, ..] if second & 0xe6 == 0xe2) {
            return Self::Mp3;
        }
        // A long ASN.1 sequence.
        if matches!(head, [0x30, 0x81..=0x84, ..]) {
            return Self::Der;
        }
        text_kind(head)
    }
}

/// The second field of a bitmap's head is zero; text that begins with BM is none.
fn is_bmp(head: &[u8]) -> bool {
    head.get(6..10).is_some_and(|reserved| reserved == [0; 4])
}

fn text_kind(head: &[u8]) -> AssetKind {
    let head = head.get(..HEAD).unwrap_or(head);
    let whole = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        // The cut may have gone through a character.
        Err(e) if e.error_len().is_none() => head.get(..e.valid_up_to()).and_then(|h| std::str::from_utf8(h).ok()),
        Err(_) => None,
    };
    let Some(text) = whole.filter(|t| !t.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}'))) else {
        return AssetKind::Bin;
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with("-----BEGIN ") || text.contains("\n-----BEGIN ") {
        AssetKind::Pem
    } else if text.starts_with("<?xml") || text.starts_with('<') {
        AssetKind::Xml
    } else {
        AssetKind::Txt
    }
}

/// Whether a text may name an asset or a phone book. The name stands in URLs and TFTP requests of phones: 1 to 64 of letters, digits,
/// `.`, `_` and `-` (ASCII), no dot at its start, and no id.
///
/// # Errors
/// What is wrong, in words for who chose it.
pub fn good_name(text: &str) -> Result<(), &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || text.len() > NAME || !text.chars().all(fits) || text.starts_with('.') {
        return Err(
            "must be 1 to 64 of: letters a to z, digits, . _ - (no dot at its start): it stands in the addresses that phones ask for",
        );
    }
    if Id::parse(text).is_some() { Err("must not look like an id") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn bytes_tell_the_kind() {
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar\0");
        let cases: [(&[u8], AssetKind); 16] = [
            (b"\x89PNG\r\n\x1a\n....", AssetKind::Png),
            (b"BM\x36\x10\0\0\0\0\0\0\x36\0", AssetKind::Bmp),
            (b"BMW drivers, call 1234", AssetKind::Txt),
            (b"\xff\xd8\xff\xe0..JFIF", AssetKind::Jpg),
            (b"RIFF\x24\0\0\0WAVEfmt ", AssetKind::Wav),
            (b"ID3\x03", AssetKind::Mp3),
            (b"\xff\xfb\x90\x00", AssetKind::Mp3),
            (b"-----BEGIN CERTIFICATE-----\n", AssetKind::Pem),
            (b"subject=CN = x\n-----BEGIN CERTIFICATE-----\n", AssetKind::Pem),
            (b"\x30\x82\x03\x01", AssetKind::Der),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>", AssetKind::Xml),
            ("Zoë".as_bytes(), AssetKind::Txt),
            (&tar, AssetKind::Tar),
            (b"\x1f\x8b\x08", AssetKind::Gz),
            (b"\x00\x01\x02", AssetKind::Bin),
            (b"\xff\x00\xfe", AssetKind::Bin),
        ];
        for (bytes, kind) in cases {
            assert_eq!(AssetKind::sniff(bytes), kind, "{bytes:?}");
        }
        // A cut through a character is no sign of binary content.
        let cut = "é".repeat(300).into_bytes();
        assert_eq!(AssetKind::sniff(&cut[..511]), AssetKind::Txt);
        for kind in AssetKind::ALL {
            assert_eq!(AssetKind::parse(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn names_fit_into_addresses() {
        for good in ["logo", "Hall-2_b.png", "9"] {
            assert_eq!(good_name(good), Ok(()), "{good}");
        }
        let long = "x".repeat(65);
        for bad in ["", "a b", "a/b", "..", ".x", "é", "a%", &long, "0192f0c1-7a3e-7000-8000-000000000001"] {
            assert!(good_name(bad).is_err(), "{bad}");
        }
    }
}
