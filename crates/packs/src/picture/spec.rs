//! What a pack's manifest says of a picture: a [`PictureTarget`] whose numbers may be attributes of the model.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Fit, PictureFormat, PictureTarget};
use crate::models::Model;

/// `picture = { format = "bmp", width = "{model.logo.width}", … }` of an `[[asset]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PictureSpec {
    /// `bmp` or `png`
    pub format: PictureFormat,
    /// Pixels.
    pub width: Number,
    /// Pixels.
    pub height: Number,
    /// Bits per pixel. Default 24.
    pub depth: Option<Number>,
    /// Shades of grey in place of colours.
    pub greys: Option<Number>,
    /// Dark for light.
    #[serde(default)]
    pub invert: bool,
    /// How another shape fits.
    #[serde(default)]
    pub fit: Fit,
    /// `#rrggbb`
    pub background: Option<Colour>,
}

/// A number, or the attribute of the model that holds it: `90`, `"{model.logo.width}"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "NumberForm")]
pub enum Number {
    /// Itself.
    Fixed(u32),
    /// Dotted name of an attribute.
    Attribute(String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write a number or \"{model.<attribute>}\"")]
enum NumberForm {
    Fixed(u32),
    Text(String),
}

impl TryFrom<NumberForm> for Number {
    type Error = String;

    fn try_from(form: NumberForm) -> Result<Self, String> {
        match form {
            NumberForm::Fixed(number) => Ok(Self::Fixed(number)),
            NumberForm::Text(text) => text
                .strip_prefix("{model.")
                .and_then(|t| t.strip_suffix('}'))
                .filter(|name| !name.is_empty() && !name.contains(['{', '}']))
                .map(|name| Self::Attribute(name.to_owned()))
                .ok_or_else(|| format!("{text:?}: write a number or \"{{model.<attribute>}}\"")),
        }
    }
}

impl Number {
    fn resolve(&self, model: &Model) -> Result<u32, String> {
        let name = match self {
            Self::Fixed(number) => return Ok(*number),
            Self::Attribute(name) => name,
        };
        let value = model.attribute(name).ok_or_else(|| format!("the model has no {name}"))?;
        value.parse().map_err(|_| format!("the model's {name} is no number: {value:?}"))
    }

    fn fixed(&self) -> Option<u32> {
        match self {
            Self::Fixed(number) => Some(*number),
            Self::Attribute(_) => None,
        }
    }
}

/// `#rrggbb`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Colour(pub [u8; 3]);

impl TryFrom<String> for Colour {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).ok_or_else(|| format!("{text:?}: write a colour as #rrggbb"))?;
        let [_, r, g, b] = number.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

impl PictureSpec {
    /// The target for a model.
    ///
    /// # Errors
    /// Why this model can show no such picture: an attribute that it has not, or a value that cannot be.
    pub fn resolve(&self, model: &Model) -> Result<PictureTarget, String> {
        let target = self.with(|number| number.resolve(model))?;
        target.check().map_err(|(field, message)| format!("{field} {message}"))?;
        Ok(target)
    }

    /// What is wrong whatever the model: (field, message).
    ///
    /// # Errors
    /// The first field whose value cannot be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        // What a model tells is looked at with the model; until then any number that is allowed stands for it.
        let deepest = match self.format {
            PictureFormat::Bmp => 8,
            PictureFormat::Png => 24,
        };
        let assumed = PictureTarget {
            format: self.format,
            width: self.width.fixed().unwrap_or(1),
            height: self.height.fixed().unwrap_or(1),
            depth: self.depth.as_ref().map_or(Some(24), Number::fixed).map_or(deepest, depth),
            greys: self.greys.as_ref().and_then(Number::fixed).map(greys),
            invert: self.invert,
            fit: self.fit,
            background: self.background.map(|c| c.0),
        };
        assumed.check()
    }

    fn with(&self, number: impl Fn(&Number) -> Result<u32, String>) -> Result<PictureTarget, String> {
        Ok(PictureTarget {
            format: self.format,
            width: number(&self.width)?,
            height: number(&self.height)?,
            depth: depth(self.depth.as_ref().map_or(Ok(24), &number)?),
            greys: self.greys.as_ref().map(&number).transpose()?.map(greys),
            invert: self.invert,
            fit: self.fit,
            background: self.background.map(|c| c.0),
        })
    }
}

/// What is too great for its field stays too great to be allowed.
fn depth(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn greys(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
