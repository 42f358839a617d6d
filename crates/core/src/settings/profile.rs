//! Profiles: what one applies to by itself, and the order in which profiles and their parents apply.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::fault::{Fault, shown, type_of};
use super::text::refused_character;
use super::version::VersionRange;

/// What a profile applies to by itself: all that is given must hold. A profile without it applies only where it is
/// assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Match {
    /// Id of the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
    /// Vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Range of firmware versions, such as `>=66.86` or `66.80..66.86`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
}

/// What is known of the phone that asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchFacts<'a> {
    /// Id of its pack, without a version.
    pub pack: Option<&'a str>,
    /// Vendor.
    pub vendor: Option<&'a str>,
    /// Model.
    pub model: Option<&'a str>,
    /// Firmware version.
    pub firmware: Option<&'a str>,
}

impl Match {
    /// Checks the `match` of a profile.
    ///
    /// # Errors
    /// All faults at once: unknown fields, empty values, a bad range, nothing given.
    pub fn validate(value: &Value) -> Result<Self, Vec<Fault>> {
        const FIELDS: &str = "pack, vendor, model, firmware";
        let Value::Object(fields) = value else {
            return Err(vec![Fault::new(
                "match",
                format!("{} is not allowed; allowed: an object with fields out of {FIELDS}", type_of(value)),
            )]);
        };
        let mut found = Self::default();
        let mut faults = Vec::new();
        for (name, value) in fields {
            let slot = match name.as_str() {
                "pack" => &mut found.pack,
                "vendor" => &mut found.vendor,
                "model" => &mut found.model,
                "firmware" => &mut found.firmware,
                _ => {
                    faults.push(Fault::new("match", format!("there is no field {}; match has {FIELDS}", shown(&name.as_str().into()))));
                    continue;
                }
            };
            match (value, value.as_str().filter(|text| is_criterion(text))) {
                (Value::Null, _) => {}
                (_, Some(text)) if name != "firmware" || VersionRange::parse(text).is_some() => *slot = Some(text.to_owned()),
                _ => {
                    let allowed =
                        if name == "firmware" { VersionRange::ALLOWED } else { "text without control characters, 1 to 64 characters" };
                    faults.push(Fault::new(format_args!("match.{name}"), format!("{} is not allowed; allowed: {allowed}", shown(value))));
                }
            }
        }
        if faults.is_empty() && found.specificity() == 0 {
            faults.push(Fault::new("match", format!("it is empty; give at least one of {FIELDS}, or leave match out")));
        }
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }

    /// Whether all that is given holds; letter case does not count. What is not known of the phone does not match.
    pub fn matches(&self, facts: &MatchFacts<'_>) -> bool {
        let same = |wanted: &Option<String>, known: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| known.is_some_and(|known| wanted.eq_ignore_ascii_case(known)))
        };
        let firmware =
            |range: &String| facts.firmware.is_some_and(|version| VersionRange::parse(range).is_some_and(|range| range.holds(version)));
        self.specificity() > 0
            && same(&self.pack, facts.pack)
            && same(&self.vendor, facts.vendor)
            && same(&self.model, facts.model)
            && self.firmware.as_ref().is_none_or(firmware)
    }

    /// How specific it is: among the profiles that match, those with less apply first, and equal ones by name. A
    /// firmware range says more than a model, a model more than a vendor, a vendor more than a pack.
    pub fn specificity(&self) -> u8 {
        let given = [&self.pack, &self.vendor, &self.model, &self.firmware];
        given.iter().enumerate().map(|(bit, given)| u8::from(given.is_some()) << bit).sum()
    }
}

fn is_criterion(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && refused_character(text).is_none()
}

/// Why profiles cannot be put in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileGraphError {
    /// Profiles that are each other's parents, the first once more at the end.
    Cycle(Vec<String>),
    /// A profile that does not exist.
    Unknown {
        /// Its name.
        name: String,
        /// The profile that has it as a parent; `None`: it was asked for itself.
        child: Option<String>,
    },
}

impl fmt::Display for ProfileGraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle(names) => write!(f, "profiles are each other's parents: {}; take one of these parents away", names.join(" → ")),
            Self::Unknown { name, child: Some(child) } => write!(f, "profile {child} has the parent {name}, which does not exist"),
            Self::Unknown { name, child: None } => write!(f, "there is no profile {name}"),
        }
    }
}

impl std::error::Error for ProfileGraphError {}

/// Profiles in the order in which they apply: as given, each after its parents (in their order), none twice.
///
/// # Errors
/// A cycle, which is named; a profile for which `parents` finds nothing.
pub fn linearise<'a>(names: &[&'a str], parents: &dyn Fn(&str) -> Option<&'a [String]>) -> Result<Vec<&'a str>, ProfileGraphError> {
    let mut order: Vec<&'a str> = Vec::new();
    // The way from an asked profile up to the one in hand: profile, its parents, how many of them are done.
    let mut way: Vec<(&'a str, &'a [String], usize)> = Vec::new();
    for &name in names {
        let mut next = Some(name);
        while let Some(name) = next.take() {
            if !order.contains(&name) {
                if let Some(at) = way.iter().position(|(known, ..)| *known == name) {
                    let cycle = way.iter().skip(at).map(|(known, ..)| *known).chain([name]);
                    return Err(ProfileGraphError::Cycle(cycle.map(str::to_owned).collect()));
                }
                let child = way.last().map(|(child, ..)| (*child).to_owned());
                let above = parents(name).ok_or(ProfileGraphError::Unknown { name: name.to_owned(), child })?;
                way.push((name, above, 0));
            }
            while next.is_none()
                && let Some((name, above, done)) = way.last_mut()
            {
                if let Some(parent) = above.get(*done) {
                    *done += 1;
                    next = Some(parent);
                } else {
                    order.push(name);
                    way.pop();
                }
            }
        }
    }
    Ok(order)
}
