//! Tests of pictures: files of every kind are made here byte by byte, what is written is read by their own small reader.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use ::png::{BitDepth, ColorType, Encoder};
use proptest::prelude::*;

use super::{raster::Pixel, *};
use crate::models::Models;

const RED: Pixel = [255, 0, 0, 255];
const GREEN: Pixel = [0, 255, 0, 255];
const BLUE: Pixel = [0, 0, 255, 255];
const WHITE: Pixel = [255, 255, 255, 255];
const BLACK: Pixel = [0, 0, 0, 255];

fn target(format: PictureFormat, width: u32, height: u32, depth: u8) -> PictureTarget {
    PictureTarget { format, width, height, depth, greys: None, invert: false, fit: Fit::Contain, background: None }
}

fn png(color: ColorType, depth: BitDepth, width: u32, height: u32, palette: Option<&[u8]>, trns: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if let Some(palette) = palette {
        encoder.set_palette(palette.to_vec());
    }
    if let Some(trns) = trns {
        encoder.set_trns(trns.to_vec());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    out
}

fn rgba(width: u32, pixels: &[Pixel]) -> Vec<u8> {
    let height = u32::try_from(pixels.len()).unwrap() / width;
    png(ColorType::Rgba, BitDepth::Eight, width, height, None, None, pixels.as_flattened())
}

fn pixels(bytes: &[u8]) -> Vec<Pixel> {
    read(bytes).unwrap().pixels
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|c| u8::from_str_radix(std::str::from_utf8(c).unwrap(), 16).unwrap()).collect()
}

#[test]
fn png_of_every_colour_type_and_depth() {
    use BitDepth::{Eight, Four, One, Sixteen, Two};
    use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let grey = |g: u8| [g, g, g, 255];
    let palette: &[u8] = &[255, 0, 0, 0, 255, 0, 0, 0, 255];
    assert_eq!(pixels(&png(Grayscale, One, 3, 1, None, None, &[0b1010_0000])), [WHITE, BLACK, WHITE]);
    assert_eq!(pixels(&png(Grayscale, Two, 3, 1, None, None, &[0b0110_1100])), [grey(85), grey(170), grey(255)]);
    assert_eq!(pixels(&png(Grayscale, Four, 2, 1, None, None, &[0x3F])), [grey(51), WHITE]);
    assert_eq!(pixels(&png(Grayscale, Eight, 2, 1, None, Some(&[0, 7]), &[7, 8])), [[7, 7, 7, 0], grey(8)]);
    assert_eq!(pixels(&png(Grayscale, Sixteen, 1, 1, None, None, &[0x12, 0x34])), [grey(0x12)]);
    assert_eq!(pixels(&png(GrayscaleAlpha, Eight, 1, 1, None, None, &[9, 10])), [[9, 9, 9, 10]]);
    assert_eq!(pixels(&png(GrayscaleAlpha, Sixteen, 1, 1, None, None, &[9, 0, 10, 0])), [[9, 9, 9, 10]]);
    assert_eq!(pixels(&png(Rgb, Eight, 1, 1, None, None, &[1, 2, 3])), [[1, 2, 3, 255]]);
    assert_eq!(pixels(&png(Rgb, Sixteen, 1, 1, None, None, &[1, 0, 2, 0, 3, 0])), [[1, 2, 3, 255]]);
    assert_eq!(pixels(&png(Rgba, Eight, 1, 1, None, None, &[1, 2, 3, 4])), [[1, 2, 3, 4]]);
    for (depth, data) in [(One, vec![0b0100_0000]), (Two, vec![0b0001_0000]), (Four, vec![0x01, 0x00]), (Eight, vec![0, 1, 0])] {
        assert_eq!(pixels(&png(Indexed, depth, 3, 1, Some(palette), None, &data)), [RED, GREEN, RED], "{depth:?}");
    }
    assert_eq!(pixels(&png(Indexed, Eight, 2, 1, Some(palette), Some(&[0, 128]), &[0, 1])), [[255, 0, 0, 0], [0, 255, 0, 128]]);
}

#[test]
fn png_interlaced_in_sixteen_bits() {
    // 5 x 3 pixels (60x, 100y, 20xy, 255 - 40x), Adam7.
    let bytes = hex(
        "89504e470d0a1a0a0000000d49484452000000050000000310060000017ca1292d000000634944415478da1d8b4119402108830961084310c2065e168206d6\
         b0011743ac813568e083b703dbf7b389fc7a4f222acc296615dcf390f53223c7708f20f7ce866a35ee3da77cad0464ef0548b30422404d5581d6ee35037a77\
         3f07505d2b021863ce0fbc8f32fb06827add0000000049454e44ae426082",
    );
    let expected: Vec<Pixel> =
        (0..3).flat_map(|y: u8| (0..5).map(move |x: u8| [60 * x, 100 * y, (20 * x).saturating_mul(y), 255 - 40 * x])).collect();
    assert_eq!(pixels(&bytes), expected);
    assert_eq!(size(&bytes), Ok((5, 3)));
}

/// A BMP with any header.
fn bmp(header: &[u8], after: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(header.len() + 4).unwrap();
    let offset = 14 + length + u32::try_from(after.len()).unwrap();
    let mut out = b"BM".to_vec();
    out.extend([0; 8]);
    out.extend(offset.to_le_bytes());
    out.extend(length.to_le_bytes());
    for part in [header, after, data] {
        out.extend(part);
    }
    out
}

fn info(width: i32, height: i32, bits: u16, compression: u32, colours: u32) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    out.extend(1u16.to_le_bytes());
    out.extend(bits.to_le_bytes());
    out.extend(compression.to_le_bytes());
    out.extend([0; 12]);
    out.extend(colours.to_le_bytes());
    out.extend([0; 4]);
    out
}

const COLOURS: [u8; 16] = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0];

#[test]
fn bmp_with_palettes() {
    let of = |bits, data: &[u8]| pixels(&bmp(&info(4, 1, bits, 0, 4), &COLOURS, data));
    assert_eq!(of(1, &[0b0101_0000, 0, 0, 0]), [RED, GREEN, RED, GREEN]);
    assert_eq!(of(2, &[0b0001_1011, 0, 0, 0]), [RED, GREEN, BLUE, WHITE]);
    assert_eq!(of(4, &[0x01, 0x23, 0, 0]), [RED, GREEN, BLUE, WHITE]);
    // A number beyond the palette is black.
    assert_eq!(of(8, &[3, 2, 1, 9]), [WHITE, BLUE, GREEN, BLACK]);
    let old = bmp(&[2, 0, 2, 0, 1, 0, 1, 0], &[0, 0, 255, 255, 255, 255], &[0b0100_0000, 0, 0, 0, 0b1000_0000, 0, 0, 0]);
    assert_eq!(pixels(&old), [WHITE, RED, RED, WHITE]);
}

#[test]
fn bmp_with_colours_of_their_own() {
    let rows = [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0];
    let up = [[9, 8, 7, 255], [12, 11, 10, 255], [3, 2, 1, 255], [6, 5, 4, 255]];
    assert_eq!(pixels(&bmp(&info(2, 2, 24, 0, 0), &[], &rows)), up);
    assert_eq!(pixels(&bmp(&info(2, -2, 24, 0, 0), &[], &rows)), [up[2], up[3], up[0], up[1]]);
    assert_eq!(pixels(&bmp(&info(2, 1, 16, 0, 0), &[], &[0x00, 0x7C, 0x1F, 0x00])), [RED, BLUE]);
    let masks = |m: [u32; 3]| m.map(u32::to_le_bytes).as_flattened().to_vec();
    let rgb565 = bmp(&info(2, 1, 16, 3, 0), &masks([0xF800, 0x07E0, 0x001F]), &[0xE0, 0x07, 0x1F, 0x00]);
    assert_eq!(pixels(&rgb565), [GREEN, BLUE]);
    // 32 bits without fields have no transparency, whatever the fourth byte.
    assert_eq!(pixels(&bmp(&info(1, 1, 32, 0, 0), &[], &[3, 2, 1, 0])), [[1, 2, 3, 255]]);
    let mut v4 = info(1, 1, 32, 3, 0);
    v4.extend([0xFF_0000u32, 0xFF00, 0xFF, 0xFF00_0000].map(u32::to_le_bytes).as_flattened());
    v4.resize(104, 0);
    assert_eq!(pixels(&bmp(&v4, &[], &[3, 2, 1, 4])), [[1, 2, 3, 4]]);
}

#[test]
fn bmp_with_run_lengths() {
    // Two red; green and blue and white by themselves, padded; end. Then a move by one right and one up: blue.
    let runs = [1, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 1, 0, 2, 2, 0, 1];
    let red = RED;
    assert_eq!(pixels(&bmp(&info(4, 2, 8, 1, 4), &COLOURS, &runs)), [red, BLUE, BLUE, red, red, GREEN, BLUE, WHITE]);
    let halves = [2, 0x01, 0, 3, 0x23, 0x10, 0, 1];
    assert_eq!(pixels(&bmp(&info(5, 1, 4, 2, 4), &COLOURS, &halves)), [red, GREEN, BLUE, WHITE, GREEN]);
    // Runs beyond the borders, and an end in the middle.
    assert_eq!(pixels(&bmp(&info(2, 1, 8, 1, 4), &COLOURS, &[255, 1, 9])), [GREEN, GREEN]);
}

#[test]
fn what_is_no_picture_or_too_large_is_refused() {
    let huge = hex("89504e470d0a1a0a0000000d494844520000ea600000ea60080600000080d27542");
    assert!(size(&huge).unwrap_err().contains("60000 x 60000"));
    assert!(read(&bmp(&info(9000, 9000, 8, 1, 0), &COLOURS, &[])).unwrap_err().contains("9000"));
    assert!(read(&bmp(&info(-1, 1, 8, 0, 0), &[], &[])).is_err());
    assert!(read(&bmp(&info(0, 1, 8, 0, 0), &[], &[])).unwrap_err().contains("no pixels"));
    assert!(read(&bmp(&info(2, 2, 24, 0, 0), &[], &[0; 9])).unwrap_err().contains("cut off in row 2"));
    assert!(read(&bmp(&info(1, 1, 24, 4, 0), &[], &[0; 9])).unwrap_err().contains("compression 4"));
    assert_eq!(sniff(b"BMW is a car and no picture"), None);
    assert_eq!(convert(b"\xFF\xD8\xFF\xE0", &target(PictureFormat::Bmp, 1, 1, 24)).unwrap_err(), UNKNOWN);
    let whole = rgba(2, &[RED, RED]);
    assert!(read(&whole[..whole.len() - 20]).unwrap_err().starts_with("is a broken PNG picture"));
    let bad = PictureTarget { depth: 16, ..target(PictureFormat::Bmp, 1, 1, 24) };
    assert_eq!(convert(&whole, &bad).unwrap_err(), "picture depth 16 is not allowed: the format can be 1, 4, 8, 24");
}

/// What is written in 24 bits, as rows from the top.
fn colours(bytes: &[u8], width: usize) -> Vec<Vec<[u8; 3]>> {
    assert_eq!(&bytes[28..30], [24, 0]);
    let stride = (width * 3).next_multiple_of(4);
    bytes[54..].chunks(stride).rev().map(|row| row[..width * 3].chunks(3).map(|c| [c[2], c[1], c[0]]).collect()).collect()
}

#[test]
fn sizes_and_shapes() {
    let bytes = |fit, width: u32, height: u32| PictureTarget { fit, ..target(PictureFormat::Bmp, width, height, 24) };
    let (r, g, w) = ([255, 0, 0], [0, 255, 0], [255; 3]);
    let two = rgba(2, &[RED, GREEN]);
    assert_eq!(colours(&convert(&two, &bytes(Fit::Stretch, 1, 1)).unwrap(), 1), [[[128, 128, 0]]]);
    assert_eq!(colours(&convert(&two, &bytes(Fit::Stretch, 4, 1)).unwrap(), 4), [[r, [191, 64, 0], [64, 191, 0], g]]);
    assert_eq!(colours(&convert(&two, &bytes(Fit::Contain, 2, 3)).unwrap(), 2), [[w, w], [r, g], [w, w]]);
    assert_eq!(colours(&convert(&two, &bytes(Fit::Contain, 4, 1)).unwrap(), 4), [[w, r, g, w]]);
    assert_eq!(colours(&convert(&two, &bytes(Fit::Cover, 1, 1)).unwrap(), 1), [[r]]);
    let black = PictureTarget { background: Some([1, 2, 3]), ..bytes(Fit::Contain, 2, 3) };
    assert_eq!(colours(&convert(&two, &black).unwrap(), 2)[0], [[1, 2, 3], [1, 2, 3]]);
    // What is half transparent lies over the background; colours of what is transparent do not count.
    assert_eq!(colours(&convert(&rgba(1, &[[255, 0, 0, 128]]), &bytes(Fit::Contain, 1, 1)).unwrap(), 1), [[[255, 127, 127]]]);
    assert_eq!(colours(&convert(&rgba(2, &[RED, [0, 255, 0, 0]]), &bytes(Fit::Stretch, 1, 1)).unwrap(), 1), [[[255, 127, 127]]]);
    // An extreme shape keeps at least one pixel.
    let line = rgba(100, &[RED; 100]);
    assert_eq!(colours(&convert(&line, &bytes(Fit::Contain, 3, 3)).unwrap(), 3), [[w, w, w], [r, r, r], [w, w, w]]);
    assert_eq!(colours(&convert(&line, &bytes(Fit::Cover, 3, 3)).unwrap(), 3), [[r; 3]; 3]);
}

#[test]
fn the_logo_of_a_grey_display() {
    let photograph: Vec<Pixel> = (0..200u32 * 200).map(|i| [(i % 200) as u8, (i / 200) as u8, (i % 251) as u8, 255]).collect();
    let wanted = PictureTarget { greys: Some(16), ..target(PictureFormat::Bmp, 90, 56, 8) };
    let bytes = convert(&rgba(200, &photograph), &wanted).unwrap();
    let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((&bytes[..2], field(2), field(10)), (&b"BM"[..], u32::try_from(bytes.len()).unwrap(), 1078));
    assert_eq!((field(14), field(18), field(22), field(26), field(30), field(34)), (40, 90, 56, 0x0008_0001, 0, 92 * 56));
    let shades: Vec<u8> = bytes[54..1078].chunks(4).take(16).map(|c| c[0]).collect();
    assert_eq!(shades, (0..16).map(|i| i * 17).collect::<Vec<u8>>());
    assert!(bytes[54..1078].chunks(4).all(|c| c[0] == c[1] && c[1] == c[2] && c[3] == 0));
    assert_eq!(bytes.len(), 1078 + 92 * 56);
    assert!(bytes[1078..].iter().all(|&index| index < 16));
    assert_eq!(bytes, convert(&rgba(200, &photograph), &wanted).unwrap());
}

#[test]
fn few_bits() {
    let row = [WHITE, BLACK, [100, 100, 100, 255], WHITE, BLACK, BLACK, BLACK, WHITE, WHITE, BLACK];
    let one = convert(&rgba(10, &row), &target(PictureFormat::Bmp, 10, 1, 1)).unwrap();
    assert_eq!(one[54..62], [0, 0, 0, 0, 255, 255, 255, 0]);
    assert_eq!(one[62..], [0b1001_0001, 0b1000_0000, 0, 0]);
    let inverted = PictureTarget { invert: true, ..target(PictureFormat::Bmp, 10, 1, 1) };
    assert_eq!(convert(&rgba(10, &row), &inverted).unwrap()[62..], [0b0110_1110, 0b0100_0000, 0, 0]);
    let four = PictureTarget { greys: Some(4), ..target(PictureFormat::Bmp, 10, 1, 4) };
    assert_eq!(convert(&rgba(10, &row), &four).unwrap()[54 + 64..], [0x30, 0x13, 0x00, 0x03, 0x30, 0, 0, 0]);
}

#[test]
fn palettes_keep_few_colours_and_cut_many() {
    let few = convert(&rgba(3, &[RED, BLUE, RED]), &target(PictureFormat::Bmp, 3, 1, 8)).unwrap();
    assert_eq!(pixels(&few), [RED, BLUE, RED]);
    let many: Vec<Pixel> = (0..64u8).flat_map(|i| [[i, 0, 0, 255], [255 - i, 255, 0, 255]]).collect();
    let cut = pixels(&convert(&rgba(128, &many), &target(PictureFormat::Bmp, 128, 1, 4)).unwrap());
    let distinct: std::collections::BTreeSet<Pixel> = cut.iter().copied().collect();
    assert_eq!(distinct.len(), 16);
    for (a, b) in many.iter().zip(&cut) {
        assert!((0..3).all(|c| a[c].abs_diff(b[c]) <= 8), "{a:?} {b:?}");
    }
}

#[test]
fn png_out() {
    let source = rgba(2, &[RED, [0, 0, 255, 0]]);
    assert_eq!(pixels(&convert(&source, &target(PictureFormat::Png, 2, 1, 32)).unwrap())[0], RED);
    assert_eq!(pixels(&convert(&source, &target(PictureFormat::Png, 2, 1, 32)).unwrap())[1][3], 0);
    assert_eq!(pixels(&convert(&source, &target(PictureFormat::Png, 2, 1, 24)).unwrap()), [RED, WHITE]);
    assert_eq!(pixels(&convert(&source, &target(PictureFormat::Png, 2, 1, 8)).unwrap()), [[76, 76, 76, 255], WHITE]);
    let bytes = convert(&source, &target(PictureFormat::Png, 2, 1, 8)).unwrap();
    assert_eq!(bytes[16..29], [0, 0, 0, 2, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
}

#[test]
fn manifests_say_numbers_or_attributes() {
    let spec = |text: &str| toml::from_str::<PictureSpec>(text);
    let models = Models::read("[models.A]\nlogo = { width = 90, height = 56 }\nbits = 4\n[models.B]\n", |_, m| panic!("{m}"));
    let good = spec("format = \"bmp\"\nwidth = \"{model.logo.width}\"\nheight = \"{model.logo.height}\"\ndepth = \"{model.bits}\"\ngreys = 16\nbackground = \"#102030\"").unwrap();
    assert_eq!(good.check(), Ok(()));
    let a = good.resolve(models.find("A").unwrap()).unwrap();
    assert_eq!((a.width, a.height, a.depth, a.greys, a.background), (90, 56, 4, Some(16), Some([16, 32, 48])));
    assert_eq!(good.resolve(models.find("B").unwrap()).unwrap_err(), "the model has no logo.width");
    assert!(spec("format = \"bmp\"\nwidth = \"{mac}\"\nheight = 1").unwrap_err().to_string().contains("{model.<attribute>}"));
    assert!(spec("format = \"bmp\"\nwidth = 1\nheight = 1\nbackground = \"red\"").unwrap_err().to_string().contains("#rrggbb"));
    assert_eq!(spec("format = \"png\"\nwidth = 1\nheight = 5000").unwrap().check().unwrap_err().0, "height");
    assert_eq!(spec("format = \"bmp\"\nwidth = 1\nheight = 1\ndepth = 4\ngreys = 300").unwrap().check().unwrap_err().0, "greys");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_give_a_picture_or_a_message(start in 0usize..3, fields in prop::collection::vec(any::<u8>(), 0..60), rest in prop::collection::vec(any::<u8>(), 0..200)) {
        let begin: &[u8] = [&b""[..], b"BM", b"\x89PNG\r\n\x1a\n"][start];
        let bytes = [begin, &fields, &rest].concat();
        let _ = convert(&bytes, &target(PictureFormat::Bmp, 8, 8, 8));
    }

    /// Headers that are nearly right reach the decoders' depths.
    #[test]
    fn small_bitmaps_of_any_kind(
        width in 1i32..20, height in -20i32..20, bits in prop::sample::select(vec![1u16, 2, 4, 8, 16, 24, 32]), compression in 0u32..7,
        colours in 0u32..300, length in prop::sample::select(vec![36usize, 48, 52, 104, 120]), data in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut header = info(width, height, bits, compression, colours);
        header.resize(length, 0x5A);
        let bytes = bmp(&header, &data[..data.len() / 3], &data);
        if let Ok(raster) = read(&bytes) {
            prop_assert_eq!(raster.pixels.len(), raster.width as usize * raster.height as usize);
            prop_assert!(convert(&bytes, &target(PictureFormat::Png, 3, 5, 24)).is_ok());
        }
    }

    #[test]
    fn any_shape_fills_the_target(sw in 1u32..40, sh in 1u32..40, tw in 1u32..40, th in 1u32..40, fit in prop::sample::select(vec![Fit::Contain, Fit::Cover, Fit::Stretch])) {
        let source = Raster::new(sw, sh, RED);
        let wanted = PictureTarget { fit, ..target(PictureFormat::Bmp, tw, th, 24) };
        let out = resize::fitted(&source, &wanted);
        prop_assert_eq!(out.pixels.len(), (tw * th) as usize);
        let red = out.pixels.iter().filter(|&&p| p == RED).count();
        let white = out.pixels.iter().filter(|&&p| p == WHITE).count();
        prop_assert_eq!(red + white, out.pixels.len());
        prop_assert!(fit == Fit::Contain || white == 0);
        prop_assert!(red >= 1);
    }
}
