//! Pixels in memory, and what is done to each of them alone.

/// Red, green, blue, alpha; not premultiplied.
pub(super) type Pixel = [u8; 4];

/// A picture as rows of pixels from the top, left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Raster {
    pub width: u32,
    pub height: u32,
    /// Exactly `width * height`.
    pub pixels: Vec<Pixel>,
}

impl Raster {
    /// One colour. Callers have bounded the size.
    pub fn new(width: u32, height: u32, fill: Pixel) -> Self {
        Self { width, height, pixels: vec![fill; width as usize * height as usize] }
    }

    /// Rows from the top.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, Pixel> {
        self.pixels.chunks_exact(self.width.max(1) as usize)
    }

    /// A pixel to write; None outside.
    pub fn at(&mut self, x: u32, y: u32) -> Option<&mut Pixel> {
        if x >= self.width {
            return None;
        }
        self.pixels.get_mut(y as usize * self.width as usize + x as usize)
    }

    /// Dark for light.
    pub fn invert(&mut self) {
        for [r, g, b, _] in &mut self.pixels {
            (*r, *g, *b) = (255 - *r, 255 - *g, 255 - *b);
        }
    }

    /// The nearest of `levels` shades, 2 to 256.
    pub fn reduce_to_greys(&mut self, levels: u16) {
        for pixel in &mut self.pixels {
            let shade = shade(level(luminance(*pixel), levels), levels);
            *pixel = [shade, shade, shade, pixel[3]];
        }
    }
}

/// Brightness as ITU-R BT.601 weighs it.
pub(super) fn luminance([r, g, b, _]: Pixel) -> u8 {
    let sum = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500;
    u8::try_from(sum / 1000).unwrap_or(u8::MAX)
}

/// Which of so many levels is nearest, from 0.
pub(super) fn level(luminance: u8, levels: u16) -> u8 {
    let top = u32::from(levels.max(2)) - 1;
    u8::try_from((u32::from(luminance) * top + 127) / 255).unwrap_or(u8::MAX)
}

/// The shade of a level.
pub(super) fn shade(level: u8, levels: u16) -> u8 {
    let top = u32::from(levels.max(2)) - 1;
    u8::try_from((u32::from(level) * 255 + top / 2) / top).unwrap_or(u8::MAX)
}
