//! Writes BMP as every reader takes it: BITMAPINFOHEADER, no compression, rows from the bottom, a palette of full size.

use super::{
    PictureTarget,
    palette::Palette,
    raster::{Raster, level, luminance, shade},
};

pub(super) fn write(raster: &Raster, target: &PictureTarget) -> Vec<u8> {
    let depth = target.depth;
    let (colours, index): (Vec<[u8; 3]>, Vec<u8>) = match (depth, target.greys.or((depth == 1).then_some(2))) {
        (24, _) => (Vec::new(), Vec::new()),
        (_, Some(levels)) => {
            let shades = (0..levels).map(|l| [shade(u8::try_from(l).unwrap_or(u8::MAX), levels); 3]).collect();
            (shades, raster.pixels.iter().map(|&p| level(luminance(p), levels)).collect())
        }
        (_, None) => {
            let palette = Palette::new(&raster.pixels, 1 << depth);
            let index = raster.pixels.iter().map(|&p| palette.of(p)).collect();
            (palette.colours, index)
        }
    };
    let rows: Vec<Vec<u8>> = if depth == 24 {
        raster.rows().map(|row| row.iter().flat_map(|&[r, g, b, _]| [b, g, r]).collect()).collect()
    } else {
        index.chunks_exact(raster.width.max(1) as usize).map(|row| packed(row, depth)).collect()
    };
    file(raster, depth, &colours, &rows)
}

/// Several pixels in a byte, the first in the highest bits.
fn packed(row: &[u8], depth: u8) -> Vec<u8> {
    let per_byte = usize::from(8 / depth);
    let byte = |pixels: &[u8]| pixels.iter().zip(1..).fold(0u8, |byte, (p, place)| byte | (p << (8 - depth * place)));
    row.chunks(per_byte).map(byte).collect()
}

fn file(raster: &Raster, depth: u8, colours: &[[u8; 3]], rows: &[Vec<u8>]) -> Vec<u8> {
    let palette: usize = if depth == 24 { 0 } else { 1 << depth };
    let offset = 54 + 4 * palette;
    let stride = rows.first().map_or(0, Vec::len).next_multiple_of(4);
    let size = stride * rows.len();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = Vec::with_capacity(offset + size);
    out.extend(b"BM");
    out.extend([number(offset + size), number(0), number(offset), number(40)].as_flattened());
    out.extend([raster.width.to_le_bytes(), raster.height.to_le_bytes()].as_flattened());
    out.extend([1, 0, depth, 0]); // planes, bits
    // No compression, 72 dots per inch, all colours.
    out.extend([number(0), number(size), number(2835), number(2835), number(0), number(0)].as_flattened());
    for i in 0..palette {
        let [r, g, b] = colours.get(i).copied().unwrap_or_default();
        out.extend([b, g, r, 0]);
    }
    for row in rows.iter().rev() {
        out.extend(row);
        out.resize(out.len() + stride - row.len(), 0);
    }
    out
}
