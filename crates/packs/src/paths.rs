//! Patterns of setting paths: `lines.*.username`, `time.**`.

use offhook_core::settings::Path;

/// A set of patterns. `*` is one segment, `**` at the end any rest (also none).
#[derive(Clone, Debug, Default)]
pub(crate) struct PathSet(Vec<Vec<String>>);

impl PathSet {
    pub fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|p| segments(p)).collect())
    }

    pub fn one(pattern: &str) -> Self {
        Self(vec![segments(pattern)])
    }

    /// What is wrong with a pattern.
    pub fn check(pattern: &str) -> Result<(), String> {
        let parts = segments(pattern);
        let inner = parts.len().saturating_sub(1);
        if parts.iter().any(|p| p.is_empty()) || parts.iter().take(inner).any(|p| p == "**") {
            return Err(format!("{pattern:?}: write names with dots between, `*` for one segment, `**` only at the end"));
        }
        Ok(())
    }

    /// Whether a path, as text segments, is in the set. A list's items belong to the list.
    pub fn matches(&self, path: &[String]) -> bool {
        self.0.iter().any(|pattern| covers(pattern, path))
    }
}

fn covers(pattern: &[String], path: &[String]) -> bool {
    let mut path = path.iter();
    for part in pattern {
        if part == "**" {
            return true;
        }
        match path.next() {
            Some(segment) if part == "*" || part == segment => {}
            _ => return false,
        }
    }
    path.next().is_none_or(|item| item.starts_with('['))
}

/// Segments of a path's text; quoted names and list indexes are segments of their own.
pub(crate) fn segments(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => {
                let next = chars.next();
                push(&mut out, next.unwrap_or('\\'));
            }
            '.' if !quoted => out.push(String::new()),
            '[' if !quoted => out.push("[".to_owned()),
            _ => push(&mut out, c),
        }
    }
    out
}

fn push(out: &mut [String], c: char) {
    if let Some(last) = out.last_mut() {
        last.push(c);
    }
}

/// Segments of a core path.
pub(crate) fn of(path: &Path) -> Vec<String> {
    segments(&path.to_string())
}

/// Whether a text is like a pattern with `*` for any text, letter case ignored. Linear in the text for each star.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    offhook_core::settings::fits(&pattern.to_lowercase(), &text.to_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn patterns_cover_paths() {
        let set = PathSet::new(&["lines.*.username".into(), "time.**".into(), "network.vlan.id".into(), "lines.*.servers".into()]);
        let has = |p: &str| set.matches(&segments(p));
        assert!(has("lines.1.username") && has("time.zone") && has("network.vlan.id") && has("time"));
        assert!(has("lines.1.servers") && has("lines.1.servers[0].host"));
        assert!(!has("lines.1.password") && !has("lines.username") && !has("network.vlan") && !has("network.vlan.id.x"));
        assert_eq!(segments("raw.a.\"x.y\".b"), ["raw", "a", "x.y", "b"]);
        assert!(PathSet::check("a.**.b").is_err() && PathSet::check("a..b").is_err() && PathSet::check("a.*").is_ok());
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, is) in [
            ("*pass*", "line1_PASSword", true),
            ("a*b", "ab", true),
            ("a*b", "a-b-b", true),
            ("a*b", "abc", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*a*a", "a", false),
        ] {
            assert_eq!(glob(pattern, text), is, "{pattern} {text}");
        }
    }
}
