//! PNG (ISO/IEC 15948), by its library: every colour type comes out as red, green, blue and alpha.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Reader, Transformations};

use super::{
    bounded,
    raster::{Raster, luminance},
};

/// Memory that the library may take beside the pixels.
const MEMORY: usize = 64 << 20;

fn decoder(bytes: &[u8]) -> Result<Decoder<Cursor<&[u8]>>, String> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MEMORY });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(broken)?;
    bounded(header.width, header.height)?;
    Ok(decoder)
}

fn broken(e: png::DecodingError) -> String {
    format!("is a broken PNG picture: {e}")
}

pub(super) fn size(bytes: &[u8]) -> Result<(u32, u32), String> {
    let mut decoder = decoder(bytes)?;
    decoder.read_header_info().map(png::Info::size).map_err(broken)
}

pub(super) fn read(bytes: &[u8]) -> Result<Raster, String> {
    let mut reader: Reader<_> = decoder(bytes)?.read_info().map_err(broken)?;
    let length = reader.output_buffer_size().ok_or("is too large")?;
    let mut buffer = vec![0; length];
    let frame = reader.next_frame(&mut buffer).map_err(broken)?;
    let (color, depth) = (frame.color_type, frame.bit_depth);
    if depth != BitDepth::Eight || color == ColorType::Indexed {
        return Err(format!("is a PNG picture of a kind that is not known: {color:?}, {depth:?}"));
    }
    let info = reader.info();
    let (width, height) = info.size();
    // The first frame of an animation may be smaller than the picture.
    if (frame.width, frame.height) != (width, height) {
        return Err("is an animation whose first picture is smaller than the whole".to_owned());
    }
    let pixels = buffer.chunks_exact(color.samples()).take(width as usize * height as usize);
    let pixels: Vec<_> = match color {
        ColorType::Grayscale => pixels.map(|p| [p[0], p[0], p[0], 255]).collect(),
        ColorType::GrayscaleAlpha => pixels.map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        ColorType::Rgb => pixels.map(|p| [p[0], p[1], p[2], 255]).collect(),
        _ => pixels.map(|p| [p[0], p[1], p[2], p[3]]).collect(),
    };
    if pixels.len() != width as usize * height as usize {
        return Err("is a PNG picture that is cut off".to_owned());
    }
    Ok(Raster { width, height, pixels })
}

/// Depth 8 is grey, 24 has colours, 32 transparency too.
pub(super) fn write(raster: &Raster, depth: u8) -> Result<Vec<u8>, String> {
    let (color, data): (_, Vec<u8>) = match depth {
        8 => (ColorType::Grayscale, raster.pixels.iter().map(|&p| luminance(p)).collect()),
        24 => (ColorType::Rgb, raster.pixels.iter().flat_map(|p| [p[0], p[1], p[2]]).collect()),
        _ => (ColorType::Rgba, raster.pixels.iter().flatten().copied().collect()),
    };
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, raster.width, raster.height);
    encoder.set_color(color);
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&data)?;
        writer.finish()
    });
    written.map_err(|e| format!("cannot be written as PNG: {e}"))?;
    Ok(out)
}
