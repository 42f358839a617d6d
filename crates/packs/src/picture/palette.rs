//! At most so many colours for a picture: its own if they are few, else the means of boxes of colours that are cut where they are
//! widest (median cut, Heckbert 1982).

use std::collections::BTreeMap;

use super::raster::Pixel;

/// Colours in order, and which of them a pixel gets.
pub(super) struct Palette {
    pub colours: Vec<[u8; 3]>,
    index: BTreeMap<[u8; 3], u8>,
}

impl Palette {
    /// Of at most `most` colours, 2 to 256.
    pub fn new(pixels: &[Pixel], most: usize) -> Self {
        let mut counts: BTreeMap<[u8; 3], u64> = BTreeMap::new();
        for &[r, g, b, _] in pixels {
            *counts.entry([r, g, b]).or_default() += 1;
        }
        let colours: Vec<([u8; 3], u64)> = counts.into_iter().collect();
        let boxes = if colours.len() <= most { colours.into_iter().map(|c| vec![c]).collect() } else { cut(colours, most) };
        let mut out = Self { colours: Vec::new(), index: BTreeMap::new() };
        for (number, members) in boxes.iter().enumerate() {
            out.colours.push(mean(members));
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            out.index.extend(members.iter().map(|(colour, _)| (*colour, number)));
        }
        out
    }

    /// Number of a pixel's colour.
    pub fn of(&self, [r, g, b, _]: Pixel) -> u8 {
        self.index.get(&[r, g, b]).copied().unwrap_or(0)
    }
}

/// Colours and how many pixels have them.
type Group = Vec<([u8; 3], u64)>;

fn cut(colours: Group, most: usize) -> Vec<Group> {
    let mut boxes = vec![colours];
    while boxes.len() < most {
        let widest = boxes.iter().enumerate().filter(|(_, b)| b.len() > 1).max_by_key(|(i, b)| (widest(b).1, usize::MAX - i));
        let Some((i, (channel, _))) = widest.map(|(i, b)| (i, self::widest(b))) else { break };
        let mut members = boxes.swap_remove(i);
        members.sort_by_key(|(colour, _)| (colour[channel], *colour));
        let half = members.iter().map(|(_, n)| n).sum::<u64>() / 2;
        let mut seen = 0;
        let at = members.iter().position(|(_, n)| {
            seen += n;
            seen > half
        });
        let upper = members.split_off(at.unwrap_or(1).clamp(1, members.len() - 1));
        boxes.extend([members, upper]);
    }
    boxes
}

/// The channel in which the colours lie farthest apart, and how far.
fn widest(members: &Group) -> (usize, u8) {
    let range = |channel: usize| {
        let values = members.iter().map(|(colour, _)| colour[channel]);
        values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
    };
    [1, 0, 2].into_iter().map(|c| (c, range(c))).rev().max_by_key(|(_, r)| *r).unwrap_or((0, 0))
}

fn mean(members: &Group) -> [u8; 3] {
    let total: u64 = members.iter().map(|(_, n)| n).sum::<u64>().max(1);
    let channel = |c: usize| {
        let sum: u64 = members.iter().map(|(colour, n)| u64::from(colour[c]) * n).sum();
        u8::try_from((sum + total / 2) / total).unwrap_or(u8::MAX)
    };
    [channel(0), channel(1), channel(2)]
}
