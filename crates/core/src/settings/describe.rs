//! What a field allows, in words: for faults and for the reference.

use super::field::{Kind, Shape};

impl Kind {
    /// What is allowed, for people.
    pub(super) fn allows(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int { min, max } => format!("a whole number from {min} to {max}"),
            Self::PortOrAuto => "\"auto\", or on a device a port from 1 to 65535".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Text { format, max } => format!("{}, at most {max} characters", format.allows()),
            Self::List { of, max, unique } => {
                let twice = if *unique { ", none twice" } else { "" };
                format!("a list of at most {max}{twice}; each: {}", of.allows())
            }
            Self::Object(shape) => format!("an object with fields out of {}", names(shape)),
            Self::Numbered { max, .. } => format!("an object whose names are numbers from \"1\" to \"{max}\""),
            Self::Raw => "an object of packs, each an object of parameters with text, number, true or false".to_owned(),
        }
    }
}

/// The names of the fields of an object.
pub(super) fn names(shape: &Shape) -> String {
    shape.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}
