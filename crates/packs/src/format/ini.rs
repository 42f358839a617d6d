//! Sections of parameters: `[section]`, then `name = value`. Parameters are named `section/name`.

use super::{Losses, Parameter, key_value::KeyValue, key_value::end_line};

/// The section that a line opens.
fn section(line: &str) -> Option<&str> {
    Some(line.trim().strip_prefix('[')?.split(']').next()?.trim())
}

fn full(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}/{name}") }
}

pub(super) fn parse(format: &KeyValue, text: &str) -> Result<Vec<Parameter>, (usize, String)> {
    let mut current = "";
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if let Some(section) = section(line) {
            current = section;
        } else if let Some((name, value)) = format.parameter(line).map_err(|e| (i + 1, e))? {
            out.push(Parameter { name: full(current, name), value: value.to_owned(), line: i + 1 });
        }
    }
    Ok(out)
}

pub(super) fn set(format: &KeyValue, text: &str, name: &str, value: &str, losses: &mut Losses) -> Result<String, String> {
    let (wanted, key) = name.split_once('/').unwrap_or(("", name));
    if !format.is_name(key) || wanted.contains(['[', ']', '\n', '\r']) || key.contains(['[', ']']) {
        return Err("is no parameter name of this file's format: write section/name".to_owned());
    }
    let value = format.written(value, losses);
    let (mut out, mut current, mut found) = (String::with_capacity(text.len()), String::new(), false);
    // Where a line can be added at the end of the wanted section.
    let mut place = wanted.is_empty().then_some(0);
    for line in text.split_inclusive('\n') {
        if let Some(section) = section(line) {
            section.clone_into(&mut current);
            out.push_str(line);
        } else if matches!(format.parameter(line), Ok(Some((n, _))) if full(&current, n).eq_ignore_ascii_case(name)) {
            found = true;
            out.push_str(&format.with_value(line, &value));
        } else {
            out.push_str(line);
        }
        if current.eq_ignore_ascii_case(wanted) && !line.trim().is_empty() {
            place = Some(out.len());
        }
    }
    if found {
        return Ok(out);
    }
    let added = format.line(key, &value);
    match place {
        Some(at) => {
            let rest = out.split_off(at);
            end_line(&mut out);
            out.push_str(&added);
            out.push_str(&rest);
        }
        None => {
            end_line(&mut out);
            out.push_str(&format!("[{wanted}]\n{added}"));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::{Losses, mark, tests::*};
    use crate::manifest::Charset;
    use proptest::prelude::*;

    fn set(text: &str, name: &str, value: &str) -> Result<String, String> {
        format("kind = 'ini'").set(text, name, value, Charset::Utf8, &mut Losses::default())
    }

    #[test]
    fn parameters_belong_to_sections() {
        let text = "top = 1\n[a]\nx = 1\n; c\n[b]\nx = 2\n";
        let names: Vec<_> = format("kind = 'ini'").parse(text).unwrap().into_iter().map(|p| (p.name, p.line)).collect();
        assert_eq!(names, [("top".into(), 1), ("a/x".into(), 3), ("b/x".into(), 6)]);
        assert_eq!(set(text, "a/x", "9").unwrap(), text.replace("x = 1", "x = 9"));
        assert_eq!(set(text, "A/y", "9").unwrap(), "top = 1\n[a]\nx = 1\n; c\ny = 9\n[b]\nx = 2\n");
        assert_eq!(set(text, "c/y", "9").unwrap(), format!("{text}[c]\ny = 9\n"));
        assert_eq!(set(text, "new", "9").unwrap(), "top = 1\nnew = 9\n[a]\nx = 1\n; c\n[b]\nx = 2\n");
        for bad in ["a]\n[b/x", "a/", "a/[x]", "a/x=y", ""] {
            assert!(set(text, bad, "1").is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_value_opens_no_section(value in hostile()) {
            let format = format("kind = 'ini'");
            let text = format!("[a]\nx = {0}\n[s{0}]\ny = 1\n", mark(&value));
            let parsed = format.parse(&format.resolve(&text, Charset::Utf8, &mut Losses::default())).unwrap();
            prop_assert_eq!(parsed.len(), 2);
            prop_assert_eq!(&parsed[0].name, "a/x");
        }

        #[test]
        fn what_is_set_is_read(value in hostile()) {
            let text = set("[a]\nb = 1\n", "a/b", &value).unwrap();
            prop_assert_eq!(format("kind = 'ini'").parse(&text).unwrap().len(), 1);
            prop_assert_eq!(set(&text, "a/b", &value).unwrap(), text);
        }
    }
}
