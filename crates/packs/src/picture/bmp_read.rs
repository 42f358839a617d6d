//! Reads BMP: headers of OS/2 and Windows, 1 to 32 bits, run lengths of 4 and 8 bits, bit fields, rows from the bottom or the top.
//! Any bytes give pixels or a message.

use super::{
    bounded,
    raster::{Pixel, Raster},
};

const BLACK: Pixel = [0, 0, 0, 255];

/// Where the pixels are and how they are written.
struct Header {
    width: u32,
    height: u32,
    /// The first row is the highest one.
    from_top: bool,
    bits: u32,
    compression: u32,
    /// Red, green, blue, alpha.
    masks: [u32; 4],
    palette: Vec<Pixel>,
    /// Offset of the pixels.
    data: usize,
}

const NONE: u32 = 0;
const RLE8: u32 = 1;
const RLE4: u32 = 2;
const BIT_FIELDS: u32 = 3;
const ALPHA_BIT_FIELDS: u32 = 6;

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), String> {
    header(bytes).map(|h| (h.width, h.height))
}

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    let header = header(bytes)?;
    let data = bytes.get(header.data..).unwrap_or_default();
    let mut out = Raster::new(header.width, header.height, header.palette.first().copied().unwrap_or(BLACK));
    match header.compression {
        RLE8 | RLE4 => run_lengths(&header, data, &mut out),
        _ => plain(&header, data, &mut out)?,
    }
    Ok(out)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    fields(bytes).ok_or_else(|| "is a BMP picture that is cut off in its header".to_owned())?
}

/// None when the file ends too early.
fn fields(bytes: &[u8]) -> Option<Result<Header, String>> {
    let length = u32_at(bytes, 14)? as usize;
    let small = length == 12;
    let (width, height, bits) = if small {
        (i64::from(u16_at(bytes, 18)?), i64::from(u16_at(bytes, 20)?), u16_at(bytes, 24)?)
    } else {
        (i64::from(u32_at(bytes, 18)?.cast_signed()), i64::from(u32_at(bytes, 22)?.cast_signed()), u16_at(bytes, 28)?)
    };
    let compression = if length >= 40 { u32_at(bytes, 30)? } else { NONE };
    let (Ok(w), Ok(h)) = (u32::try_from(width), u32::try_from(height.abs())) else {
        return Some(Err(format!("is a BMP picture of {width} x {height} pixels")));
    };
    if let Err(e) = bounded(w, h).and_then(|()| supported(u32::from(bits), compression)) {
        return Some(Err(e));
    }
    let masks = masks(bytes, length, u32::from(bits), compression)?;
    let fields_after = match compression {
        BIT_FIELDS if length == 40 => 12,
        ALPHA_BIT_FIELDS if length == 40 => 16,
        _ => 0,
    };
    let data = u32_at(bytes, 10)? as usize;
    let begin = 14 + length + fields_after;
    let used = if length >= 40 { u32_at(bytes, 46)? as usize } else { 0 };
    let palette = palette(bytes.get(begin..data.max(begin)).or_else(|| bytes.get(begin..)).unwrap_or_default(), bits, used, small);
    let header = Header { width: w, height: h, from_top: height < 0, bits: bits.into(), compression, masks, palette, data };
    Some(Ok(header))
}

fn supported(bits: u32, compression: u32) -> Result<(), String> {
    let ok = match compression {
        NONE => matches!(bits, 1 | 2 | 4 | 8 | 16 | 24 | 32),
        RLE8 => bits == 8,
        RLE4 => bits == 4,
        BIT_FIELDS | ALPHA_BIT_FIELDS => matches!(bits, 16 | 32),
        _ => false,
    };
    if ok { Ok(()) } else { Err(format!("is a BMP picture of a kind that is not known: {bits} bits, compression {compression}")) }
}

fn masks(bytes: &[u8], length: usize, bits: u32, compression: u32) -> Option<[u32; 4]> {
    if !matches!(compression, BIT_FIELDS | ALPHA_BIT_FIELDS) {
        return Some(if bits == 16 { [0x7C00, 0x03E0, 0x001F, 0] } else { [0xFF_0000, 0xFF00, 0xFF, 0] });
    }
    let alpha = if length >= 56 || compression == ALPHA_BIT_FIELDS { u32_at(bytes, 66)? } else { 0 };
    Some([u32_at(bytes, 54)?, u32_at(bytes, 58)?, u32_at(bytes, 62)?, alpha])
}

fn palette(bytes: &[u8], bits: u16, used: usize, small: bool) -> Vec<Pixel> {
    if bits > 8 {
        return Vec::new();
    }
    let most = 1usize << bits;
    let count = if used == 0 { most } else { used.min(most) };
    bytes.chunks_exact(if small { 3 } else { 4 }).take(count).map(|c| [c[2], c[1], c[0], 255]).collect()
}

impl Header {
    fn colour(&self, index: u8) -> Pixel {
        self.palette.get(usize::from(index)).copied().unwrap_or(BLACK)
    }

    /// Row from the top of the `n`th row of the file.
    fn row(&self, n: u32) -> u32 {
        if self.from_top { n } else { self.height - 1 - n }
    }
}

fn plain(header: &Header, data: &[u8], out: &mut Raster) -> Result<(), String> {
    let stride = (header.width as usize * header.bits as usize).div_ceil(32) * 4;
    // The padding of the last row may be missing.
    let needed = (header.width as usize * header.bits as usize).div_ceil(8);
    for n in 0..header.height {
        let from = stride * n as usize;
        let row = data.get(from..from + needed).ok_or_else(|| format!("is a BMP picture that is cut off in row {}", n + 1))?;
        let y = header.row(n);
        for x in 0..header.width {
            if let Some(place) = out.at(x, y) {
                *place = pixel(header, row, x as usize);
            }
        }
    }
    Ok(())
}

fn pixel(header: &Header, row: &[u8], x: usize) -> Pixel {
    match header.bits {
        16 => masked(header, u16_at(row, 2 * x).unwrap_or(0).into()),
        24 => row.get(3 * x..3 * x + 3).map_or(BLACK, |c| [c[2], c[1], c[0], 255]),
        32 => masked(header, u32_at(row, 4 * x).unwrap_or(0)),
        bits => {
            let bit = x * bits as usize;
            let byte = row.get(bit / 8).copied().unwrap_or(0);
            let index = (u32::from(byte) >> (8 - bits as usize - bit % 8)) & ((1 << bits) - 1);
            header.colour(u8::try_from(index).unwrap_or(0))
        }
    }
}

fn masked(header: &Header, value: u32) -> Pixel {
    let part = |mask: u32, none: u8| {
        if mask == 0 {
            return none;
        }
        let (value, most) = ((value & mask) >> mask.trailing_zeros(), mask >> mask.trailing_zeros());
        u8::try_from((u64::from(value) * 255 + u64::from(most) / 2) / u64::from(most)).unwrap_or(u8::MAX)
    };
    let [r, g, b, a] = header.masks;
    [part(r, 0), part(g, 0), part(b, 0), part(a, 255)]
}

/// Runs of one byte: (count, value), or 0 and a command. What ends too early leaves the rest as it is.
fn run_lengths(header: &Header, data: &[u8], out: &mut Raster) {
    let half = header.compression == RLE4;
    let (mut x, mut n, mut at) = (0u32, 0u32, 0usize);
    let mut set = |x: u32, n: u32, index: u8| {
        if n < header.height
            && let Some(place) = out.at(x, header.row(n))
        {
            *place = header.colour(index);
        }
    };
    // Two halves of a byte by turns, the higher first.
    let nibble = |byte: u8, i: u32| if i.is_multiple_of(2) { byte >> 4 } else { byte & 15 };
    while let Some(&[count, value]) = data.get(at..at.saturating_add(2)).and_then(|b| b.first_chunk()) {
        at += 2;
        match (count, value) {
            (0, 0) => (x, n) = (0, n.saturating_add(1)),
            (0, 1) => return,
            (0, 2) => {
                let Some(&[dx, dy]) = data.get(at..at + 2).and_then(|b| b.first_chunk()) else { return };
                (x, n, at) = (x.saturating_add(dx.into()), n.saturating_add(dy.into()), at + 2);
            }
            (0, literal) => {
                let length = if half { usize::from(literal).div_ceil(2) } else { usize::from(literal) };
                let Some(bytes) = data.get(at..at + length) else { return };
                for i in 0..u32::from(literal) {
                    let index = if half { nibble(bytes[i as usize / 2], i) } else { bytes[i as usize] };
                    set(x.saturating_add(i), n, index);
                }
                x = x.saturating_add(literal.into());
                at += length.next_multiple_of(2);
            }
            (count, value) => {
                for i in 0..u32::from(count) {
                    set(x.saturating_add(i), n, if half { nibble(value, i) } else { value });
                }
                x = x.saturating_add(count.into());
            }
        }
        if n >= header.height {
            return;
        }
    }
}
