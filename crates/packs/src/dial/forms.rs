//! How each form writes a rule.

use std::collections::BTreeSet;

use super::{Form, Part, Piece, Rule, Symbol};

/// A match and its replacement.
type Texts = (String, Option<String>);

/// Rules that sets may be taken apart into.
const MOST: usize = 40;
/// Runs of wildcards that a template can name.
const RUNS: usize = 5;

pub(super) fn texts(rule: &Rule, form: Form<'_>) -> (Vec<Texts>, Option<String>) {
    match form {
        Form::Template => templates(rule),
        Form::DigitMap => match &rule.replace {
            Some(_) => (Vec::new(), Some("left out, these telephones replace nothing".to_owned())),
            None => (vec![(digit_map(rule), None)], None),
        },
        Form::DialString => match dial_string(rule) {
            Some(text) => (vec![(text, None)], None),
            None => {
                (Vec::new(), Some("left out, these telephones cannot replace so: captures in their order, digits between them".to_owned()))
            }
        },
        Form::Regex(reference) => (vec![regex(rule, reference)], None),
        Form::Rows => (vec![row(rule)], None),
    }
}

/// `1-5`, `135`
fn ranges(set: &BTreeSet<char>) -> String {
    let mut out = String::new();
    let mut run: Vec<char> = Vec::new();
    let flush = |run: &mut Vec<char>, out: &mut String| match (run.first(), run.last(), run.len()) {
        (Some(first), Some(last), 3..) => out.extend([*first, '-', *last]),
        _ => out.extend(run.iter()),
    };
    for &c in set {
        if run.last().is_some_and(|last| !last.is_ascii_digit() || u32::from(*last) + 1 != u32::from(c)) {
            flush(&mut run, &mut out);
            run.clear();
        }
        run.push(c);
    }
    flush(&mut run, &mut out);
    out
}

fn map_symbol(symbol: &Symbol) -> String {
    match symbol {
        Symbol::Key(c) => c.to_string(),
        Symbol::Any => "x".to_owned(),
        Symbol::Set(set) => format!("[{}]", ranges(set)),
        Symbol::Tone => ",".to_owned(),
        Symbol::More => "x.".to_owned(),
    }
}

fn digit_map(rule: &Rule) -> String {
    let text: String = rule.parts.iter().map(|p| map_symbol(&p.symbol)).collect();
    let open = rule.parts.last().is_some_and(|p| p.symbol == Symbol::More);
    // A timer: more digits may come, or the rule wants to wait.
    let waits = rule.timeout_s.map_or(open, |s| s > 0);
    if waits { text + "T" } else { text }
}

/// Digits outside captures become `<dialled:sent>`.
fn dial_string(rule: &Rule) -> Option<String> {
    let mut out = String::new();
    match &rule.replace {
        None => out.extend(rule.parts.iter().map(|p| map_symbol(&p.symbol))),
        Some(pieces) => {
            let mut rest = rule.parts.as_slice();
            let mut sent = String::new();
            let mut next = 1;
            for piece in pieces.iter().chain([&Piece::Capture(0)]) {
                match piece {
                    Piece::Text(text) => sent.push_str(text),
                    Piece::Capture(number) => {
                        let end = rest.iter().position(|p| *number > 0 && p.capture == Some(*number)).unwrap_or(rest.len());
                        if *number > 0 && (*number != next || end == rest.len()) {
                            return None;
                        }
                        let (dialled, captured) = rest.split_at(end);
                        replaced(dialled, &sent, &mut out)?;
                        sent.clear();
                        let length = captured.iter().take_while(|p| p.capture == Some(*number)).count();
                        let (captured, after) = captured.split_at(length);
                        out.extend(captured.iter().map(|p| map_symbol(&p.symbol)));
                        (rest, next) = (after, number + 1);
                    }
                }
            }
        }
    }
    if let Some(seconds) = rule.timeout_s {
        out.push_str(&format!("S{seconds}"));
    }
    Some(out)
}

/// None when what is dialled is not fixed.
fn replaced(dialled: &[Part], sent: &str, out: &mut String) -> Option<()> {
    if !dialled.iter().all(|p| matches!(p.symbol, Symbol::Key(_) | Symbol::Tone)) {
        return None;
    }
    if !dialled.is_empty() || !sent.is_empty() {
        let dialled: String = dialled.iter().map(|p| map_symbol(&p.symbol)).collect();
        out.push_str(&format!("<{dialled}:{sent}>"));
    }
    Some(())
}

/// The match with brackets around captures, each symbol written by `write`.
fn captured(parts: &[Part], write: impl Fn(&Symbol) -> String) -> String {
    let mut out = String::new();
    let mut open = None;
    for part in parts {
        if part.capture != open {
            out.push_str(if open.is_some() { ")" } else { "" });
            out.push_str(if part.capture.is_some() { "(" } else { "" });
            open = part.capture;
        }
        out.push_str(&write(&part.symbol));
    }
    out.push_str(if open.is_some() { ")" } else { "" });
    out
}

fn replacement(rule: &Rule, reference: &str) -> Option<String> {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Capture(number) => format!("{reference}{number}"),
    };
    rule.replace.as_ref().map(|pieces| pieces.iter().map(piece).collect())
}

fn regex(rule: &Rule, reference: &str) -> Texts {
    let symbol = |symbol: &Symbol| match symbol {
        Symbol::Key('*') => "\\*".to_owned(),
        Symbol::Key(c) => c.to_string(),
        Symbol::Any => "[0-9]".to_owned(),
        Symbol::Set(set) => format!("[{}]", ranges(set)),
        Symbol::Tone => String::new(),
        Symbol::More => "[0-9]*".to_owned(),
    };
    (format!("^{}$", captured(&rule.parts, symbol)), replacement(rule, reference))
}

fn row(rule: &Rule) -> Texts {
    let symbol = |symbol: &Symbol| match symbol {
        Symbol::Tone => String::new(),
        Symbol::More => ".".to_owned(),
        other => map_symbol(other),
    };
    (captured(&rule.parts, symbol), replacement(rule, "$"))
}

fn templates(rule: &Rule) -> (Vec<Texts>, Option<String>) {
    let (all, cut) = without_sets(&rule.parts);
    let made: Option<Vec<Texts>> = all.iter().map(|parts| template(parts, rule.replace.as_deref())).collect();
    match (made, cut) {
        (None, _) => (Vec::new(), Some("left out, this phone cannot take these parts apart".to_owned())),
        (Some(made), true) => (made, Some("has too many combinations: a set matches any digit".to_owned())),
        (Some(made), false) => (made, None),
    }
}

/// A rule for each member of its sets; whether there were too many, so that a set became any digit.
fn without_sets(parts: &[Part]) -> (Vec<Vec<Part>>, bool) {
    let (mut all, mut cut) = (vec![Vec::new()], false);
    for part in parts {
        let symbols: Vec<Symbol> = match &part.symbol {
            Symbol::Set(set) if set.len() * all.len() <= MOST => set.iter().map(|c| Symbol::Key(*c)).collect(),
            Symbol::Set(_) => {
                cut = true;
                vec![Symbol::Any]
            }
            other => vec![other.clone()],
        };
        let longer = |one: &Vec<Part>| {
            let one = one.clone();
            symbols.clone().into_iter().map(move |symbol| [one.as_slice(), &[Part { symbol, capture: part.capture }]].concat())
        };
        all = all.iter().flat_map(longer).collect();
    }
    (all, cut)
}

/// The runs of wildcards, and what each capture is made of.
fn template(parts: &[Part], replace: Option<&[Piece]>) -> Option<Texts> {
    let (mut text, mut runs) = (String::new(), 0);
    let mut captures: Vec<String> = vec![String::new(); 10];
    let mut before: Option<&Part> = None;
    let (mut apart, wild) = (true, |p: &Part| matches!(p.symbol, Symbol::Any | Symbol::More));
    for part in parts {
        let capture = part.capture.and_then(|n| captures.get_mut(n));
        if wild(part) {
            let follows = before.filter(|b| wild(b));
            let more = part.symbol == Symbol::More;
            // The phone would see one run where the rule has two parts.
            apart &= follows.is_none_or(|b| b.capture == part.capture);
            let one_before = follows.is_some() && !text.ends_with("..") && more;
            if follows.is_none() || (more && !one_before) {
                runs += 1;
                if let Some(capture) = capture {
                    capture.push_str(&format!("%{runs}"));
                }
            }
            match (more, follows) {
                // `..*` may be one run or two: the second is empty when it is one.
                (true, Some(_)) => {
                    text.pop();
                    text.push('*');
                }
                (true, None) => text.push('*'),
                (false, _) => text.push('.'),
            }
        } else {
            let (written, key) = match part.symbol {
                Symbol::Key('*') => ("\\*".to_owned(), "*".to_owned()),
                Symbol::Key(c) => (c.to_string(), c.to_string()),
                _ => (",".to_owned(), String::new()),
            };
            text.push_str(&written);
            if let Some(capture) = capture {
                capture.push_str(&key);
            }
        }
        before = Some(part);
    }
    let Some(pieces) = replace else { return Some((text, None)) };
    let refers = pieces.iter().any(|p| matches!(p, Piece::Capture(_)));
    if refers && (!apart || runs > RUNS) {
        return None;
    }
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Capture(number) => captures.get(*number).cloned().unwrap_or_default(),
    };
    Some((text, Some(pieces.iter().map(piece).collect())))
}
