//! What an author of packs begins with: an empty pack that works, a draft made of what an unrecognised phone was seen asking, and the
//! difference between two packs. Checks and tests of a pack are in `runner/`.

mod diff;
mod draft;
mod skeleton;

use std::collections::BTreeMap;

use serde::Serialize;

pub use diff::{FileChange, PackDiff, Rendering, Value, diff};
pub use draft::{Asked, draft};
pub use skeleton::{Syntax, skeleton};

/// The files of a pack that is to be written, by path, and what the author should know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// Path below the pack's folder -> text.
    pub files: BTreeMap<String, String>,
    /// What is a guess, and what is missing.
    pub notes: Vec<String>,
}

/// Whether a word can be the id of a pack.
pub fn is_pack_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A text between the quotes of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
