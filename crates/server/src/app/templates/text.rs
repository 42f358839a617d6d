//! Texts side by side: unified diffs and the three-way merge of template sources. Pure.

use diffy::{DiffOptions, Line, MergeOptions};

/// Texts of more lines are not compared: the time it takes may grow with the square of them.
const MOST_LINES: usize = 20_000;
/// A diff is shown up to so many lines.
const SHOWN_LINES: usize = 400;
/// What begins the lines that a merge leaves where both sides changed, and that no template may be saved with.
const MARKERS: [&str; 4] = ["<<<<<<< ", "||||||| ", ">>>>>>> ", "======="];

/// The unified diff of two texts under these names; empty when they are equal.
pub fn unified(before: &str, after: &str, names: (&str, &str)) -> String {
    if before == after {
        return String::new();
    }
    if too_long(before) || too_long(after) {
        return format!("--- {}\n+++ {}\n(more than {MOST_LINES} lines: not compared)\n", names.0, names.1);
    }
    let mut options = DiffOptions::new();
    options.set_original_filename(names.0.to_owned()).set_modified_filename(names.1.to_owned());
    let patch = options.create_patch(before, after);
    let text = diffy::PatchFormatter::new().suppress_blank_empty(false).fmt_patch(&patch).to_string();
    shortened(&text)
}

/// The lines that go and come, without their surroundings and numbers: equal for equal changes at different places.
pub fn essence(before: &str, after: &str) -> String {
    if too_long(before) || too_long(after) {
        return "long".to_owned();
    }
    let patch = DiffOptions::new().set_context_len(0).create_patch(before, after);
    let mut out = String::new();
    for line in patch.hunks().iter().flat_map(|h| h.lines()) {
        match line {
            Line::Delete(text) => out.extend(["-", text]),
            Line::Insert(text) => out.extend(["+", text]),
            Line::Context(_) => {}
        }
    }
    out
}

/// What a three-way merge gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Both sides' changes in one text; where they touch the same lines, all three versions between markers.
    pub text: String,
    /// There are no such places.
    pub clean: bool,
}

/// Puts the changes of both sides over their common base.
pub fn merge(base: &str, ours: &str, theirs: &str) -> Merged {
    if [base, ours, theirs].iter().any(|t| too_long(t)) {
        return Merged { text: ours.to_owned(), clean: false };
    }
    match MergeOptions::new().merge(base, ours, theirs) {
        Ok(text) => Merged { text, clean: true },
        Err(text) => Merged { text: named(&text), clean: false },
    }
}

/// The markers in our words.
fn named(text: &str) -> String {
    let word = |line: &str| match line {
        "<<<<<<< ours" => "<<<<<<< the override".to_owned(),
        "||||||| original" => "||||||| what it was made for".to_owned(),
        ">>>>>>> theirs" => ">>>>>>> the pack now".to_owned(),
        other => other.to_owned(),
    };
    let lines: Vec<String> = text.split('\n').map(word).collect();
    lines.join("\n")
}

/// Whether a template takes in the one of its own name of a layer below: `{% extends "@pack/base.tpl" %}`.
pub fn builds_on(source: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    let tags = source.split("{%").skip(1).filter_map(|t| t.split("%}").next());
    tags.map(str::to_lowercase)
        .any(|t| ["@pack/", "@site/"].iter().any(|l| t.contains(&format!("{l}{name}\"")) || t.contains(&format!("{l}{name}'"))))
}

/// The first line, from 1, that a merge left for a person to decide.
pub fn undecided(text: &str) -> Option<(usize, &str)> {
    let open = |line: &str| MARKERS[..3].iter().any(|m| line.starts_with(m)) || line == MARKERS[3];
    let lines = || text.lines().map(|l| l.trim_end_matches('\r'));
    // A line of signs alone is not enough: some formats draw with them.
    if !lines().any(|l| l.starts_with(MARKERS[0])) && !lines().any(|l| l.starts_with(MARKERS[2])) {
        return None;
    }
    lines().enumerate().find(|(_, l)| open(l)).map(|(n, l)| (n + 1, l))
}

fn too_long(text: &str) -> bool {
    text.lines().nth(MOST_LINES).is_some()
}

fn shortened(text: &str) -> String {
    let lines = text.lines().count();
    if lines <= SHOWN_LINES {
        return text.to_owned();
    }
    let mut out: String = text.split_inclusive('\n').take(SHOWN_LINES).collect();
    out.push_str(&format!("… {} more lines\n", lines - SHOWN_LINES));
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_diff_names_both_and_is_empty_for_equal_texts() {
        assert_eq!(unified("a\n", "a\n", ("x", "y")), "");
        assert_eq!(unified("a\nb\n", "a\nc\n", ("x", "y")), "--- x\n+++ y\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
    }

    #[test]
    fn equal_changes_at_different_places_are_one() {
        assert_eq!(essence("1\n2\nold\n", "1\n2\nnew\n"), essence("old\n9\n", "new\n9\n"));
        assert_ne!(essence("old\n", "new\n"), essence("old\n", "newer\n"));
    }

    #[test]
    fn long_texts_are_cut_or_not_compared() {
        let many = |n: usize, word: &str| (0..n).map(|i| format!("{word}{i}\n")).collect::<String>();
        let cut = unified(&many(900, "a"), &many(900, "b"), ("x", "y"));
        assert!(cut.lines().count() == SHOWN_LINES + 1 && cut.ends_with("more lines\n"), "{cut}");
        assert!(unified(&many(30_000, "a"), "b\n", ("x", "y")).contains("not compared"));
        assert!(!merge("a\n", &many(30_000, "a"), "b\n").clean);
    }

    #[test]
    fn changes_at_different_places_merge() {
        let merged = merge("1\n2\n3\n4\n5\n", "1\n2 mine\n3\n4\n5\n", "1\n2\n3\n4\n5\n6\n");
        assert_eq!(merged, Merged { text: "1\n2 mine\n3\n4\n5\n6\n".into(), clean: true });
        assert_eq!(undecided(&merged.text), None);
    }

    #[test]
    fn what_builds_on_its_own_name_is_known() {
        assert!(builds_on("{%- extends '@pack/Base.tpl' %}", "base.tpl") && builds_on("a\n{% include \"@site/base.tpl\" %}", "base.tpl"));
        assert!(
            !builds_on("{% extends \"base.tpl\" %} @pack/base.tpl", "base.tpl") && !builds_on("{% extends '@pack/base.tpl' %}", "x.tpl")
        );
    }

    #[test]
    fn changes_of_the_same_line_are_left_to_a_person() {
        let merged = merge("a\nb\nc\n", "a\nmine\nc\n", "a\ntheirs\nc\n");
        assert!(!merged.clean);
        assert_eq!(
            merged.text,
            "a\n<<<<<<< the override\nmine\n||||||| what it was made for\nb\n=======\ntheirs\n>>>>>>> the pack now\nc\n"
        );
        assert_eq!(undecided(&merged.text), Some((2, "<<<<<<< the override")));
        assert_eq!(undecided("=======\ntitle\n======="), None, "a drawn line is none");
        assert_eq!(undecided("x\n=======\r\ny\n>>>>>>> the pack now\n"), Some((2, "=======")));
    }
}
