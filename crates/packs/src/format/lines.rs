//! Lines of fields, without parameters: ring lists, a file that names an image.

use super::{Losses, Parameter, Segment, nearest, segments};
use crate::manifest::{Charset, FormatSpec};

/// Options of the format.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    separator: String,
    comments: Vec<String>,
}

impl Lines {
    pub fn new(spec: &FormatSpec) -> Self {
        Self { separator: spec.separator.clone().unwrap_or_else(|| "\t".to_owned()), comments: spec.comment.clone().unwrap_or_default() }
    }

    pub fn resolve(&self, text: &str, charset: Charset, losses: &mut Losses) -> String {
        let mut out = String::with_capacity(text.len());
        for segment in segments(text) {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Value(value) => {
                    let value = nearest(value, charset, losses);
                    let mut safe = value.replace(&self.separator, " ");
                    if out.is_empty() || out.ends_with('\n') {
                        while let Some(rest) = self.comments.iter().find_map(|c| safe.strip_prefix(c.as_str()).filter(|_| !c.is_empty())) {
                            safe = rest.to_owned();
                        }
                    }
                    losses.syntax += usize::from(safe != value);
                    out.push_str(&safe);
                }
            }
        }
        out
    }

    /// Fields are named `line/field`, both from 1, so that a person can compare two files.
    pub fn parse(&self, text: &str) -> Result<Vec<Parameter>, (usize, String)> {
        let mut out = Vec::new();
        for (i, line) in text.lines().enumerate().filter(|(_, l)| !self.comments.iter().any(|c| l.starts_with(c.as_str()))) {
            for (f, field) in line.split(&self.separator).enumerate() {
                out.push(Parameter { name: format!("{}/{}", i + 1, f + 1), value: field.to_owned(), line: i + 1 });
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::{Losses, mark, tests::*};
    use crate::manifest::Charset;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_is_one_field(value in hostile()) {
            let format = format("kind = 'lines'\ncomment = ['#']");
            let text = format.resolve(&format!("{0}\tb\n", mark(&value)), Charset::Utf8, &mut Losses::default());
            let fields = format.parse(&text).unwrap();
            prop_assert_eq!(fields.len(), 2);
            prop_assert_eq!(&fields[1].value, "b");
        }
    }
}
