//! Names near to one that nobody knows, for errors that help.

/// Longest part of a name that is compared, in characters.
const LONGEST: usize = 32;

/// Edit distance (Levenshtein) of two short texts, letter case ignored.
pub fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.chars().flat_map(char::to_lowercase).take(LONGEST).collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let next = (diagonal + usize::from(x != y)).min(left + 1).min(*cell + 1);
            (diagonal, left) = (*cell, next);
            *cell = next;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The nearest of some names, at most so many, the nearest first.
pub fn nearest<'a>(wanted: &str, mut names: Vec<&'a str>, most: usize) -> Vec<&'a str> {
    names.sort_by_key(|name| distance(name, wanted));
    names.truncate(most);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first() {
        assert_eq!(nearest("Lgo", vec!["wallpaper", "logo", "log"], 2), ["logo", "log"]);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "SAME"), 0);
    }
}
