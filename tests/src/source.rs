//! Rust sources as the rules of the architecture see them: without comments and without test code. A lexer of its own,
//! a few dozen lines, rather than a parser: the rules look for words.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{files_below, root};

/// One source file of the product.
pub struct Source {
    /// Relative to the repository.
    pub path: PathBuf,
    /// Code and string literals; everything else is blanks, so that lines keep their numbers.
    pub text: String,
    /// Code alone: string literals are blanks too.
    pub code: String,
}

impl Source {
    /// `path:line`, and the line, of every line of `text` that the closure picks.
    pub fn lines_with(&self, mut wanted: impl FnMut(&str) -> bool) -> Vec<String> {
        let lines = self.text.lines().enumerate().filter(|(_, line)| wanted(line));
        lines.map(|(number, line)| format!("{}:{}: {}", self.path.display(), number + 1, line.trim())).collect()
    }

    /// Stands below this folder of the repository, or is this file.
    #[must_use]
    pub fn is_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

/// The Rust sources of `crates/*/src`, without test modules wherever they stand.
#[must_use]
pub fn product() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut test_files = BTreeSet::new();
    for file in files_below(&root().join("crates")) {
        let path = file.strip_prefix(root()).unwrap().to_path_buf();
        if path.extension().is_none_or(|e| e != "rs") || path.components().nth(2).is_none_or(|c| c.as_os_str() != "src") {
            continue;
        }
        let stripped = Stripped::of(&std::fs::read_to_string(&file).unwrap());
        for module in &stripped.test_modules {
            test_files.insert(module_folder(&path).join(module));
        }
        sources.push(Source { path, text: stripped.text, code: stripped.code });
    }
    sources.retain(|s| !test_files.iter().any(|t| s.path.starts_with(t) || s.path == t.with_extension("rs")));
    sources
}

/// Where the submodules of this file stand.
fn module_folder(path: &Path) -> PathBuf {
    match path.file_name().and_then(|n| n.to_str()) {
        Some("mod.rs" | "lib.rs" | "main.rs") => path.parent().unwrap().to_path_buf(),
        _ => path.with_extension(""),
    }
}

/// The words of a text in lower case: `SnomPack` and `snom_pack` are two words each.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() || (before.is_ascii_lowercase() && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric() {
            words.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|w| !w.is_empty());
    words
}

/// A source without comments and tests.
struct Stripped {
    text: String,
    code: String,
    /// Names of test modules that are files of their own.
    test_modules: Vec<String>,
}

impl Stripped {
    fn of(source: &str) -> Self {
        let (mut text, mut code) = Lexer::new(source).run();
        let mut test_modules = Vec::new();
        const MARK: &str = "#[cfg(test)]";
        while let Some(start) = code.find(MARK) {
            let end = item_end(&code, start + MARK.len());
            let item = code[start + MARK.len()..end].to_owned();
            if let Some(name) = item.trim_end().strip_suffix(';').and_then(|i| i.rsplit("mod ").next()) {
                test_modules.push(name.trim().to_owned());
            }
            for part in [&mut text, &mut code] {
                let blank: String = part[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
                // Blanks are single bytes; pad, so that both parts keep the same offsets.
                let padded = format!("{blank}{}", " ".repeat(end - start - blank.len()));
                part.replace_range(start..end, &padded);
            }
        }
        Self { text, code, test_modules }
    }
}

/// Where the item ends that begins at or after `from`: after its `;` or its closing brace.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' => depth -= 1,
            b'}' => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Copies a source twice, with comments (and in the second copy, texts) blanked byte by byte.
struct Lexer<'a> {
    source: &'a [u8],
    at: usize,
    text: Vec<u8>,
    code: Vec<u8>,
}

impl<'a> Lexer<'a> {
    fn new(source: &'a str) -> Self {
        Self { source: source.as_bytes(), at: 0, text: Vec::new(), code: Vec::new() }
    }

    fn run(mut self) -> (String, String) {
        while self.at < self.source.len() {
            match self.rest() {
                [b'/', b'/', ..] => self.comment(self.rest().iter().position(|b| *b == b'\n').unwrap_or(self.rest().len())),
                [b'/', b'*', ..] => self.comment(self.block_comment()),
                [b'"', ..] => self.literal(self.quoted(1, b'"')),
                [b'\'', ..] => match self.character() {
                    Some(length) => self.literal(length),
                    None => self.plain(1),
                },
                [b'r', ..] if !self.in_word() && self.raw().is_some() => self.literal(self.raw().unwrap_or(1)),
                _ => self.plain(1),
            }
        }
        (String::from_utf8(self.text).unwrap(), String::from_utf8(self.code).unwrap())
    }

    fn rest(&self) -> &'a [u8] {
        &self.source[self.at..]
    }

    /// The byte before belongs to the same word, but for the `b` and `c` of literals.
    fn in_word(&self) -> bool {
        let before = |n: usize| self.at.checked_sub(n).map_or(b' ', |i| self.source[i]);
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        is_word(before(1)) && (is_word(before(2)) || !matches!(before(1), b'b' | b'c'))
    }

    fn block_comment(&self) -> usize {
        let (rest, mut depth, mut i) = (self.rest(), 1, 2);
        while i < rest.len() && depth > 0 {
            match &rest[i..] {
                [b'/', b'*', ..] => (depth, i) = (depth + 1, i + 2),
                [b'*', b'/', ..] => (depth, i) = (depth - 1, i + 2),
                _ => i += 1,
            }
        }
        i
    }

    fn quoted(&self, from: usize, quote: u8) -> usize {
        let (rest, mut i) = (self.rest(), from);
        while i < rest.len() && rest[i] != quote {
            i += if rest[i] == b'\\' { 2 } else { 1 };
        }
        (i + 1).min(rest.len())
    }

    /// Length of a character literal; nothing for a lifetime.
    fn character(&self) -> Option<usize> {
        let rest = self.rest();
        if rest.get(1) == Some(&b'\\') {
            return Some(self.quoted(1, b'\''));
        }
        let width = match rest.get(1)? {
            0x00..=0x7F => 1,
            0x80..=0xDF => 2,
            0xE0..=0xEF => 3,
            _ => 4,
        };
        (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
    }

    /// Length of a raw string.
    fn raw(&self) -> Option<usize> {
        let hashes = self.rest()[1..].iter().take_while(|b| **b == b'#').count();
        let body = self.rest().get(1 + hashes..)?.strip_prefix(b"\"")?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = body.windows(close.len()).position(|w| w == close.as_bytes())?;
        Some(1 + hashes + 1 + end + close.len())
    }

    fn plain(&mut self, length: usize) {
        let part = &self.rest()[..length];
        self.text.extend(part);
        self.code.extend(part);
        self.at += length;
    }

    fn literal(&mut self, length: usize) {
        let part = &self.rest()[..length];
        self.text.extend(part);
        self.code.extend(blanks(part));
        self.at += length;
    }

    fn comment(&mut self, length: usize) {
        let part = blanks(&self.rest()[..length]);
        self.text.extend(&part);
        self.code.extend(&part);
        self.at += length;
    }
}

fn blanks(part: &[u8]) -> Vec<u8> {
    part.iter().map(|b| if *b == b'\n' { b'\n' } else { b' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> (String, String) {
        let stripped = Stripped::of(source);
        assert_eq!(stripped.text.len(), source.len());
        assert_eq!(stripped.code.len(), source.len());
        let squeeze = |s: String| s.split_whitespace().collect::<Vec<_>>().join(" ");
        (squeeze(stripped.text), squeeze(stripped.code))
    }

    #[test]
    fn comments_go_and_texts_stay() {
        let (text, code) =
            of("//! a\nlet x = \"// not one \\\" {\"; /* b /* c */ d */ y('\"', '\\'', 'é'); f::<'a>(r#\"z\"# , br\"w\\\", r#type) // e");
        assert_eq!(text, "let x = \"// not one \\\" {\"; y('\"', '\\'', 'é'); f::<'a>(r#\"z\"# , br\"w\\\", r#type)");
        assert_eq!(code, "let x = ; y( , , ); f::<'a>( , b , r#type)");
    }

    #[test]
    fn test_code_goes() {
        let source = "a(); #[cfg(test)]\n#[path = \"x\"]\nmod tests { \"}é\"; { } }\nb(); #[cfg(test)]\npub(crate) mod other;\nc();";
        assert_eq!(of(source).0, "a(); b(); c();");
        assert_eq!(Stripped::of(source).test_modules, ["other"]);
    }

    #[test]
    fn words_of_names() {
        assert_eq!(words("SnomPack::of_snom(\"D-785\")"), ["snom", "pack", "of", "snom", "d", "785"]);
    }
}
