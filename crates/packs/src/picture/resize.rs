//! A picture in another size: the mean of what a pixel covers where it shrinks, between the nearest two where it grows.
//! Integers only, one row of memory.

use super::{
    Fit, PictureTarget,
    raster::{Pixel, Raster},
};

/// The picture as the target wants to see it, with what is transparent laid over the background unless the target can be transparent.
pub(super) fn fitted(source: &Raster, target: &PictureTarget) -> Raster {
    let back = target.background.unwrap_or([255; 3]);
    let keep = target.depth == 32;
    let fill = [back[0], back[1], back[2], if keep && target.background.is_none() { 0 } else { 255 }];
    let (tw, th) = (target.width, target.height);
    let all = Window { x: 0, y: 0, width: source.width, height: source.height };
    let (window, width, height) = match target.fit {
        Fit::Stretch => (all, tw, th),
        Fit::Contain => {
            let (width, height) = inside(source.width, source.height, tw, th);
            (all, width, height)
        }
        Fit::Cover => {
            let (width, height) = inside(tw, th, source.width, source.height);
            (Window { x: (source.width - width) / 2, y: (source.height - height) / 2, width, height }, tw, th)
        }
    };
    let (left, top) = ((tw - width) / 2, (th - height) / 2);
    let mut out = Raster::new(tw, th, fill);
    let columns = weights(window.x, window.width, width);
    for (y, row) in weights(window.y, window.height, height).iter().enumerate() {
        let sums = column_sums(source, row);
        for (x, column) in columns.iter().enumerate() {
            let pixel = mean(&sums, column, row.total);
            let (x, y) = (left + u32::try_from(x).unwrap_or(0), top + u32::try_from(y).unwrap_or(0));
            if let Some(place) = out.at(x, y) {
                *place = if keep && target.background.is_none() { pixel } else { over(pixel, back) };
            }
        }
    }
    out
}

/// The part of the source that is used.
struct Window {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// The greatest rectangle of the first shape that fits into the second, at least one pixel.
fn inside(width: u32, height: u32, into_width: u32, into_height: u32) -> (u32, u32) {
    let (w, h, iw, ih) = (u64::from(width), u64::from(height), u64::from(into_width), u64::from(into_height));
    let round = |a: u64, b: u64, most: u32| u32::try_from((a + b / 2) / b.max(1)).unwrap_or(most).clamp(1, most.max(1));
    if w * ih >= h * iw { (into_width, round(h * iw, w, into_height)) } else { (round(w * ih, h, into_width), into_height) }
}

/// Of which source pixels one target pixel is made, and how much of each.
struct Weights {
    first: usize,
    parts: Vec<u64>,
    total: u64,
}

fn weights(start: u32, source: u32, target: u32) -> Vec<Weights> {
    let (n, m) = (u64::from(source.max(1)), u64::from(target.max(1)));
    (0..m)
        .map(|i| {
            let (first, parts) = if m <= n { covered(i, n, m) } else { between(i, n, m) };
            Weights { first: start as usize + usize::try_from(first).unwrap_or(0), total: parts.iter().sum(), parts }
        })
        .collect()
}

/// Target pixel `i` of `m` over source pixels of which there are `n`, in units of 1/m of a source pixel.
fn covered(i: u64, n: u64, m: u64) -> (u64, Vec<u64>) {
    let (from, to) = (i * n, (i + 1) * n);
    let (first, last) = (from / m, (to - 1) / m);
    (first, (first..=last).map(|j| to.min((j + 1) * m) - from.max(j * m)).collect())
}

/// The centre of target pixel `i` between the centres of two source pixels, in units of 1/2m of a source pixel.
fn between(i: u64, n: u64, m: u64) -> (u64, Vec<u64>) {
    let unit = 2 * m;
    let centre = ((2 * i + 1) * n).saturating_sub(m);
    let (first, rest) = (centre / unit, centre % unit);
    if first + 1 >= n { (n - 1, vec![unit]) } else { (first, vec![unit - rest, rest]) }
}

/// Premultiplied and weighed by the rows.
fn column_sums(source: &Raster, row: &Weights) -> Vec<[u64; 4]> {
    let mut sums = vec![[0; 4]; source.width as usize];
    for (pixels, weight) in source.rows().skip(row.first).zip(&row.parts) {
        for (sum, &[r, g, b, a]) in sums.iter_mut().zip(pixels) {
            let alpha = u64::from(a) * weight;
            for (channel, value) in sum.iter_mut().zip([u64::from(r), u64::from(g), u64::from(b), 255]) {
                *channel += value * alpha;
            }
        }
    }
    sums
}

fn mean(sums: &[[u64; 4]], column: &Weights, rows_total: u64) -> Pixel {
    let mut sum = [0u64; 4];
    for (part, weight) in sums.iter().skip(column.first).zip(&column.parts) {
        for (channel, value) in sum.iter_mut().zip(part) {
            *channel += value * weight;
        }
    }
    // 255 stands for full in the fourth channel: it is alpha times 255.
    let [r, g, b, a255] = sum;
    let colour = |c: u64| rounded(c * 255, a255);
    [colour(r), colour(g), colour(b), rounded(a255, column.total * rows_total * 255)]
}

fn rounded(a: u64, b: u64) -> u8 {
    (a + b / 2).checked_div(b).map_or(0, |n| u8::try_from(n).unwrap_or(u8::MAX))
}

fn over([r, g, b, a]: Pixel, back: [u8; 3]) -> Pixel {
    let blend = |c: u8, k: u8| rounded(u64::from(c) * u64::from(a) + u64::from(k) * u64::from(255 - a), 255);
    [blend(r, back[0]), blend(g, back[1]), blend(b, back[2]), 255]
}
