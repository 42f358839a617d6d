//! Request paths: percent-decoding (RFC 3986, section 2.1). What a path means is the packs' business.

use offhook_core::request::text_of;

/// The path with every valid `%XX` decoded, once; a broken escape stays as it is. As text: [`text_of`].
pub fn decode(raw: &str) -> String {
    if !raw.contains('%') {
        return raw.to_owned();
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| escape(tail)).flatten();
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    text_of(&bytes)
}

fn escape(tail: &[u8]) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let (high, low) = (digit(tail.first()?)?, digit(tail.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_once() {
        assert_eq!(decode("/a%20b%2fc%252e"), "/a b/c%2e");
        assert_eq!(decode("/%e9.cfg"), "/é.cfg");
        assert_eq!(decode("/%c3%a9.cfg"), "/é.cfg");
        assert_eq!(decode("/100%"), "/100%");
        assert_eq!(decode("/%zz%4"), "/%zz%4");
        assert_eq!(decode("/x%00.cfg"), "/x\0.cfg");
    }
}
