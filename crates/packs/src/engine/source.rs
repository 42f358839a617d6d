//! A template's text as the engine's crate takes it. Jinja2 reads some things that the crate does not; they are written otherwise
//! here, without moving a line: line ends, no-break spaces inside of tags, `'%02d' % x`, and `{% do … %}` of any expression.

use crate::format;

/// Line feeds only, no mark, and what stands in tags in words that the engine knows.
pub(crate) fn source(text: &str) -> String {
    let text = format::unmark(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min() {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let length = tag_length(tag);
        let (tag, behind) = tag.split_at(length);
        rest = behind;
        if tag.starts_with("{#") {
            out.push_str(tag);
            continue;
        }
        out.push_str(&do_statement(&percent_operator(&tag.replace('\u{a0}', " "))));
        if is_raw(tag) {
            let end = end_of_raw(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// Up to and with the end of the tag; texts in quotes are passed over. A tag that does not end goes to the end of the source.
fn tag_length(tag: &str) -> usize {
    let (end, mut at, bytes) = (
        if tag.starts_with("{{") {
            "}}"
        } else if tag.starts_with("{%") {
            "%}"
        } else {
            "#}"
        },
        2,
        tag.as_bytes(),
    );
    while at < bytes.len() {
        if tag.get(at..).is_some_and(|t| t.starts_with(end)) {
            return at + 2;
        }
        at = match bytes[at] {
            b'"' | b'\'' if end != "#}" => literal_end(bytes, at),
            _ => at + 1,
        };
    }
    tag.len()
}

/// Behind the literal that begins at `start`.
fn literal_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b if b == bytes[start] => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The statement without its braces and white space control.
fn statement(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix("{%")?.strip_suffix("%}")?;
    Some(inner.strip_prefix(['-', '+']).unwrap_or(inner).strip_suffix(['-', '+']).unwrap_or(inner).trim())
}

fn is_raw(tag: &str) -> bool {
    statement(tag).map(|s| s.trim_end_matches(['-', '+']).trim()) == Some("raw")
}

/// Where the tag begins that ends a raw part.
fn end_of_raw(rest: &str) -> usize {
    let ends = |(at, _): &(usize, &str)| {
        let words = rest[*at..].trim_start_matches("{%").trim_start_matches(['-', '+']).trim_start();
        words.starts_with("endraw")
    };
    rest.match_indices("{%").find(ends).map_or(rest.len(), |(at, _)| at)
}

/// `{% do x %}` computes and prints nothing.
fn do_statement(tag: &str) -> String {
    let Some(inner) = tag.strip_prefix("{%").and_then(|t| t.strip_suffix("%}")) else { return tag.to_owned() };
    let (open, inner) = inner.strip_prefix(['-', '+']).map_or(("", inner), |i| (&tag[2..3], i));
    let (close, inner) = inner.strip_suffix(['-', '+']).map_or(("", inner), |i| (&tag[tag.len() - 3..tag.len() - 2], i));
    match inner.trim_start().strip_prefix("do").filter(|e| e.starts_with(char::is_whitespace)) {
        Some(expression) => format!("{{%{open} if ({expression}) %}}{{% endif {close}%}}"),
        None => tag.to_owned(),
    }
}

/// `'…' % x` becomes `'…'|format(x)`: the engine's operator knows numbers only.
fn percent_operator(tag: &str) -> String {
    let bytes = tag.as_bytes();
    let (mut out, mut at, mut from) = (String::with_capacity(tag.len()), 0, 0);
    while at < bytes.len() {
        if !matches!(bytes[at], b'"' | b'\'') {
            at += 1;
            continue;
        }
        at = literal_end(bytes, at);
        let operator = skip_blanks(bytes, at);
        if bytes.get(operator) != Some(&b'%') || matches!(bytes.get(operator + 1), Some(b'}') | None) {
            continue;
        }
        let operand = skip_blanks(bytes, operator + 1);
        let Some(end) = operand_end(bytes, operand) else { continue };
        let Some(text) = tag.get(operand..end) else { continue };
        // A tuple gives its parts.
        let parts = if text.starts_with('(') && matching(bytes, operand) == Some(end) { &text[1..text.len() - 1] } else { text };
        out.push_str(&tag[from..at]);
        out.push_str(&format!("|format({})", percent_operator(parts)));
        (from, at) = (end, end);
    }
    out.push_str(&tag[from..]);
    out
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Behind the bracket that closes the one at `start`.
fn matching(bytes: &[u8], start: usize) -> Option<usize> {
    let (mut depth, mut at) = (0usize, start);
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' => {
                at = literal_end(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Behind one operand: a name, number, text or bracket with all its attributes, items, calls and filters.
fn operand_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = match bytes.get(start)? {
        b'"' | b'\'' => literal_end(bytes, start),
        b'(' | b'[' | b'{' => matching(bytes, start)?,
        b'-' => start + 1 + word(bytes, start + 1),
        _ => start + word(bytes, start),
    };
    if at == start {
        return None;
    }
    loop {
        let next = skip_blanks(bytes, at);
        at = match bytes.get(next) {
            Some(b'(' | b'[') => matching(bytes, next)?,
            Some(b'.') => next + 1 + word(bytes, next + 1),
            Some(b'|') => {
                let name = skip_blanks(bytes, next + 1);
                name + word(bytes, name)
            }
            _ => return Some(at),
        };
    }
}

fn word(bytes: &[u8], start: usize) -> usize {
    bytes.get(start..).unwrap_or(&[]).iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_' || **b >= 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_by_percent_becomes_a_filter() {
        assert_eq!(source("{{ '%02d' % n }}"), "{{ '%02d'|format(n) }}");
        assert_eq!(source("{{ '%s-%s' % (a, b.c[1]) ~ 'x' }}"), "{{ '%s-%s'|format(a, b.c[1]) ~ 'x' }}");
        assert_eq!(source("{{ \"a\" % x|upper + 1 }}{{ 5 % 2 }}{{ x % 3 }}"), "{{ \"a\"|format(x|upper) + 1 }}{{ 5 % 2 }}{{ x % 3 }}");
        assert_eq!(source("{% if x == 'a' %}b{% endif %} '%s' % x"), "{% if x == 'a' %}b{% endif %} '%s' % x");
        assert_eq!(source("{{ '}}' }}{{ '%d' % (n + 1) }}"), "{{ '}}' }}{{ '%d'|format(n + 1) }}");
        assert_eq!(source("{% raw %}{{ '%d' % x }}{% endraw %}{# '%d' % x #}"), "{% raw %}{{ '%d' % x }}{% endraw %}{# '%d' % x #}");
    }

    #[test]
    fn do_is_an_if_without_anything() {
        assert_eq!(source("{%- do x.y(1) -%}"), "{%- if ( x.y(1) ) %}{% endif -%}");
        assert_eq!(source("{% done %}"), "{% done %}");
    }

    #[test]
    fn nothing_breaks_it() {
        for text in [
            "{{",
            "{%",
            "{#",
            "{{ '",
            "{{ '%d' %",
            "{{ '%d' % }}",
            "{{ '%d' % ( }}",
            "{% raw %}",
            "{% raw %}{%",
            "{%-",
            "{%-%}",
            "{% do %}",
            "{{ 'ä' % ä }}",
            "{%+",
            "{{ '\\",
        ] {
            let _ = source(text);
        }
    }
}
