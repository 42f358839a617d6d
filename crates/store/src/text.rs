//! What texts and names may hold.

use std::collections::HashSet;

use offhook_core::{Error, Fault, Result};

const LONGEST: usize = 255;

/// Whether phones, shells or logs could take the character for something else.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Faults found one by one, told all at once.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// One more.
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Fault::new(field, message));
    }

    /// A text for people: no control characters, of bounded length.
    pub(crate) fn text(&mut self, field: &str, text: &str) {
        if text.chars().any(is_control) {
            self.add(field, "holds a control character; they are not allowed");
        }
        if text.chars().count() > LONGEST {
            self.add(field, format!("is longer than {LONGEST} characters"));
        }
    }

    /// A text that may be missing.
    pub(crate) fn maybe_text(&mut self, field: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.text(field, text);
        }
    }

    /// A name: a text that is not empty, without `/` and without blanks around it.
    pub(crate) fn name(&mut self, field: &str, name: &str) {
        self.text(field, name);
        if name.is_empty() || name.trim() != name || name.contains('/') {
            self.add(field, "a name has at least one character, no / and no blanks around it");
        }
    }

    /// Fine, or everything that is not.
    pub(crate) fn done(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

/// Several checks of one thing, and the faults of all of them at once, of each field the first one. A failure of another kind goes before
/// faults, and so does a fault of the whole: what cannot be read has no parts to check.
pub(crate) fn together(checks: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let mut all = Faults::default();
    for check in checks {
        match check {
            Err(Error::Invalid(faults)) if faults.iter().all(|f| !f.field.is_empty()) => {
                let told: HashSet<String> = all.0.iter().map(|f| f.field.clone()).collect();
                all.0.extend(faults.into_iter().filter(|f| !told.contains(&f.field)));
            }
            other => other?,
        }
    }
    all.done()
}

/// A text that a phone sent, fit to be stored and shown.
pub(crate) fn tame(text: &str) -> String {
    text.chars().take(1024).map(|c| if is_control(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Whether an edit may go on: the revision is the one that was read.
pub(crate) fn check_revision(if_match: Option<u64>, revision: u64) -> Result<()> {
    match if_match {
        Some(wanted) if wanted != revision => Err(Error::Stale { revision }),
        _ => Ok(()),
    }
}
