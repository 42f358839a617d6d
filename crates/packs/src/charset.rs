//! Text as bytes of a charset, and the nearest characters of those it lacks.

use std::borrow::Cow;

use crate::manifest::Charset;

/// Whether the charset has a character.
fn has(charset: Charset, c: char) -> bool {
    match charset {
        Charset::Utf8 => true,
        Charset::Ascii => c.is_ascii(),
        Charset::Iso8859_1 => u32::from(c) < 0x100,
        Charset::Windows1252 => c.is_ascii() || (0xa0..0x100).contains(&u32::from(c)) || windows_1252(c).is_some(),
    }
}

/// The byte of a character between 0x80 and 0x9f.
fn windows_1252(c: char) -> Option<u8> {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    HIGH.chars().zip(0x80u8..).find(|(h, b)| *h == c && !matches!(b, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d)).map(|(_, b)| b)
}

/// Text in characters of the charset. Borrowed when nothing had to change.
pub(crate) fn nearest(text: &str, charset: Charset) -> Cow<'_, str> {
    if text.chars().all(|c| has(charset, c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if has(charset, c) {
            out.push(c);
            continue;
        }
        let near = near(c);
        if !near.is_empty() && near.chars().all(|n| has(charset, n)) {
            out.push_str(near);
        } else {
            out.push(base(c).filter(|b| has(charset, *b)).unwrap_or('?'));
        }
    }
    Cow::Owned(out)
}

/// Text as bytes. What the charset lacks becomes its nearest letter or digit, or `?`: never a character of syntax.
pub(crate) fn encode(text: &str, charset: Charset) -> Vec<u8> {
    if charset == Charset::Utf8 || text.is_ascii() {
        return text.as_bytes().to_vec();
    }
    let byte = |c: char| {
        if !has(charset, c) {
            return base(c).and_then(|b| u8::try_from(u32::from(b)).ok()).filter(|b| b.is_ascii_alphanumeric()).unwrap_or(b'?');
        }
        if charset == Charset::Windows1252
            && let Some(byte) = windows_1252(c)
        {
            return byte;
        }
        u8::try_from(u32::from(c)).unwrap_or(b'?')
    };
    text.chars().map(byte).collect()
}

/// Bytes as text, for reading a file back.
pub(crate) fn decode(bytes: &[u8], charset: Charset) -> Cow<'_, str> {
    match charset {
        Charset::Utf8 => String::from_utf8_lossy(bytes),
        _ => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// What stands for a character of more than one letter, or of punctuation.
fn near(c: char) -> &'static str {
    match c {
        'ß' | 'ẞ' => "ss",
        'Æ' | 'Ǽ' => "AE",
        'æ' | 'ǽ' => "ae",
        'Œ' => "OE",
        'œ' => "oe",
        'Þ' => "Th",
        'þ' => "th",
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        '€' => "EUR",
        '£' => "GBP",
        '©' => "(c)",
        '®' => "(R)",
        '™' => "TM",
        '…' => "...",
        '«' | '»' | '“' | '”' | '„' | '‟' => "\"",
        '‘' | '’' | '‚' | '‛' | '´' | '′' | '‹' | '›' => "'",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => "-",
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => " ",
        '·' | '•' => "*",
        '×' => "x",
        '÷' | '⁄' => "/",
        '°' => "o",
        '¿' => "?",
        '¡' => "!",
        '№' => "No",
        _ => "",
    }
}

/// The letter under a letter with marks (Latin-1 Supplement, Latin Extended-A and what Vietnamese and Romanian add).
fn base(c: char) -> Option<char> {
    const GROUPS: [(char, &str); 46] = [
        ('A', "ÀÁÂÃÄÅĀĂĄǍẠẢẤẦẨẪẬẮẰẲẴẶ"),
        ('a', "àáâãäåāăąǎạảấầẩẫậắằẳẵặª"),
        ('C', "ÇĆĈĊČ"),
        ('c', "çćĉċč"),
        ('D', "ÐĎĐ"),
        ('d', "ðďđ"),
        ('E', "ÈÉÊËĒĔĖĘĚẸẺẼẾỀỂỄỆ"),
        ('e', "èéêëēĕėęěẹẻẽếềểễệ"),
        ('G', "ĜĞĠĢ"),
        ('g', "ĝğġģ"),
        ('H', "ĤĦ"),
        ('h', "ĥħ"),
        ('I', "ÌÍÎÏĨĪĬĮİỈỊ"),
        ('i', "ìíîïĩīĭįıỉị"),
        ('J', "Ĵ"),
        ('j', "ĵ"),
        ('K', "Ķ"),
        ('k', "ķĸ"),
        ('L', "ĹĻĽĿŁ"),
        ('l', "ĺļľŀł"),
        ('N', "ÑŃŅŇŊ"),
        ('n', "ñńņňŉŋ"),
        ('O', "ÒÓÔÕÖØŌŎŐƠỌỎỐỒỔỖỘỚỜỞỠỢ"),
        ('o', "òóôõöøōŏőơọỏốồổỗộớờởỡợº"),
        ('R', "ŔŖŘ"),
        ('r', "ŕŗř"),
        ('S', "ŚŜŞŠȘ"),
        ('s', "śŝşšșſ"),
        ('T', "ŢŤŦȚ"),
        ('t', "ţťŧț"),
        ('U', "ÙÚÛÜŨŪŬŮŰŲƯỤỦỨỪỬỮỰ"),
        ('u', "ùúûüũūŭůűųưụủứừửữự"),
        ('W', "Ŵ"),
        ('w', "ŵ"),
        ('Y', "ÝŶŸỲỴỶỸ"),
        ('y', "ýÿŷỳỵỷỹ"),
        ('Z', "ŹŻŽ"),
        ('z', "źżž"),
        ('1', "¹"),
        ('2', "²"),
        ('3', "³"),
        ('n', "ⁿ"),
        ('f', "ƒ"),
        ('u', "µ"),
        ('P', "¶"),
        ('S', "§"),
    ];
    GROUPS.iter().find(|(_, letters)| letters.contains(c)).map(|(base, _)| *base)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_is_readable() {
        assert_eq!(nearest("Zoë Łukasz “x” 5 € – ß 漢", Charset::Ascii), "Zoe Lukasz \"x\" 5 EUR - ss ?");
        assert_eq!(nearest("Zoë Ł", Charset::Iso8859_1), "Zoë L");
        assert_eq!(nearest("€ “ Ł", Charset::Windows1252), "€ “ L");
        assert!(matches!(nearest("Zoë 漢", Charset::Utf8), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_of_each_charset() {
        assert_eq!(encode("é€", Charset::Utf8), "é€".as_bytes());
        assert_eq!(encode("é€“", Charset::Iso8859_1), b"\xe9??");
        assert_eq!(encode("é€“", Charset::Windows1252), b"\xe9\x80\x93");
        assert_eq!(encode("éŁ", Charset::Ascii), b"eL");
    }

    proptest! {
        #[test]
        fn nearest_text_is_encoded_whole(text in "\\PC{0,40}", charset in prop::sample::select(vec![Charset::Ascii, Charset::Iso8859_1, Charset::Windows1252, Charset::Utf8])) {
            let near = nearest(&text, charset);
            let bytes = encode(&near, charset);
            let decoded = decode(&bytes, charset);
            prop_assert_eq!(decoded.as_ref(), near.as_ref());
        }
    }
}
