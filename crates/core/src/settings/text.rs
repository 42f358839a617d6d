//! What every text must keep to, whatever its field.

/// Whether a character may stand in no value: C0, DEL, C1 and the line ends U+2028 and U+2029.
pub fn is_refused(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The first character that is refused, as `U+000A`.
pub(super) fn refused_character(text: &str) -> Option<String> {
    // Plain ASCII without control bytes is the usual case and is decided without decoding.
    if text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return None;
    }
    text.chars().find(|&c| is_refused(c)).map(|c| format!("U+{:04X}", u32::from(c)))
}
