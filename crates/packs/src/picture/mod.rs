//! Pictures for telephones: reads PNG and BMP, fits them into the size that a display has, and writes the format, depth and
//! shades that the model takes. The same bytes and target always give the same bytes. Which model takes what is data of a pack
//! ([`PictureSpec`]); storing and serving pictures is not done here.

mod bmp_read;
mod bmp_write;
mod palette;
mod png;
mod raster;
mod resize;
mod spec;

use schemars::JsonSchema;
use serde::Deserialize;

use raster::Raster;
pub use spec::{Number, PictureSpec};

/// Greatest width or height that is read, in pixels.
pub const MAX_SIDE: u32 = 10_000;
/// Greatest number of pixels that is read; a small file can claim to hold many more.
pub const MAX_PIXELS: u64 = 16_000_000;
/// Greatest width or height that is written, in pixels.
pub const MAX_TARGET_SIDE: u32 = 4096;

/// A file format of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// Windows bitmap.
    Bmp,
    /// Portable Network Graphics (ISO/IEC 15948).
    Png,
}

impl PictureFormat {
    /// `image/bmp`, `image/png`
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Bmp => "image/bmp",
            Self::Png => "image/png",
        }
    }

    /// Bits per pixel that can be written.
    fn depths(self) -> &'static [u8] {
        match self {
            Self::Bmp => &[1, 4, 8, 24],
            Self::Png => &[8, 24, 32],
        }
    }
}

/// How a picture of another shape comes into the target's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// All of it is seen, with background at two sides.
    #[default]
    Contain,
    /// No background is seen; what is too much at two sides is cut off.
    Cover,
    /// It is pulled into shape.
    Stretch,
}

/// What a telephone takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PictureTarget {
    /// File format.
    pub format: PictureFormat,
    /// In pixels, 1 to [`MAX_TARGET_SIDE`].
    pub width: u32,
    /// In pixels, 1 to [`MAX_TARGET_SIDE`].
    pub height: u32,
    /// Bits per pixel. BMP: 1, 4 and 8 with a palette, 24. PNG: 8 (shades of grey), 24, 32 (with transparency).
    pub depth: u8,
    /// At most so many shades of grey, evenly from black to white, and no colours; 2 to 256.
    pub greys: Option<u16>,
    /// Dark for light.
    pub invert: bool,
    /// How another shape fits.
    pub fit: Fit,
    /// Red, green, blue of what is transparent or not covered. None: white, but left transparent where the target can be.
    pub background: Option<[u8; 3]>,
}

impl PictureTarget {
    /// What is wrong with it, for the author of a pack: (field, message).
    ///
    /// # Errors
    /// The first field whose value cannot be.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        for (field, value) in [("width", self.width), ("height", self.height)] {
            if !(1..=MAX_TARGET_SIDE).contains(&value) {
                return Err((field, format!("{value} is not allowed: 1 to {MAX_TARGET_SIDE} pixels")));
            }
        }
        let depths = self.format.depths();
        if !depths.contains(&self.depth) {
            let depths: Vec<String> = depths.iter().map(u8::to_string).collect();
            return Err(("depth", format!("{} is not allowed: the format can be {}", self.depth, depths.join(", "))));
        }
        let most = if self.depth < 8 { 1u16 << self.depth } else { 256 };
        match self.greys {
            Some(greys) if !(2..=most).contains(&greys) => {
                Err(("greys", format!("{greys} is not allowed: 2 to {most} with a depth of {}", self.depth)))
            }
            _ => Ok(()),
        }
    }
}

/// Which picture format these bytes begin like, if one of those that are read.
pub fn sniff(bytes: &[u8]) -> Option<PictureFormat> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(PictureFormat::Png);
    }
    // Two letters are little evidence: the header's size must be one that exists too.
    let header = bytes.get(14..18).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes)?;
    (bytes.starts_with(b"BM") && matches!(header, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)).then_some(PictureFormat::Bmp)
}

/// Width and height in pixels.
///
/// # Errors
/// What is wrong with the picture, for the person who gave it.
pub fn size(bytes: &[u8]) -> Result<(u32, u32), String> {
    match sniff(bytes) {
        Some(PictureFormat::Png) => png::size(bytes),
        Some(PictureFormat::Bmp) => bmp_read::size(bytes),
        None => Err(UNKNOWN.to_owned()),
    }
}

/// Makes of a PNG or BMP picture what the target wants.
///
/// # Errors
/// What is wrong with the picture or the target, for a person.
pub fn convert(bytes: &[u8], target: &PictureTarget) -> Result<Vec<u8>, String> {
    target.check().map_err(|(field, message)| format!("picture {field} {message}"))?;
    let source = read(bytes)?;
    let mut raster = resize::fitted(&source, target);
    drop(source);
    if target.invert {
        raster.invert();
    }
    if let Some(levels) = target.greys.or((target.depth == 1).then_some(2)) {
        raster.reduce_to_greys(levels);
    }
    match target.format {
        PictureFormat::Bmp => Ok(bmp_write::write(&raster, target)),
        PictureFormat::Png => png::write(&raster, target.depth),
    }
}

const UNKNOWN: &str = "is neither a PNG nor a BMP picture";

fn read(bytes: &[u8]) -> Result<Raster, String> {
    match sniff(bytes) {
        Some(PictureFormat::Png) => png::read(bytes),
        Some(PictureFormat::Bmp) => bmp_read::read(bytes),
        None => Err(UNKNOWN.to_owned()),
    }
}

/// Refuses sizes that nobody needs, before memory is taken for them.
fn bounded(width: u32, height: u32) -> Result<(), String> {
    if width == 0 || height == 0 {
        return Err("has no pixels".to_owned());
    }
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("is {width} x {height} pixels: allowed are {MAX_SIDE} a side and {MAX_PIXELS} in all"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
